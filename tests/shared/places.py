"""Where the project lies, and the recordings that some tests read if they are there."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
DATA = Path(os.environ.get("B2M_DATA", ROOT.parent / "shared" / "data"))
