"""What the scenes of an encoder look like, kept beside its weights for agents to see the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from b2m_drive.evidence.comparison import write_json

VIEW_FILE = "view.json"
VIEW = (  # fields of `SceneSettings` that decide what a frame shows
    "camera", "height", "width", "colour", "n_frames", "frame_interval", "view_length",
    "heading_up",
)  # fmt: skip


def write_view(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the view out of the settings of the scenes that an encoder learnt from."""
    write_json(folder / VIEW_FILE, {name: settings[name] for name in VIEW if name in settings})


def read_view(folder: str | Path) -> dict[str, Any]:
    """Settings of the view, empty where an encoder's folder does not say.

    Raises:
        ValueError: If the file is damaged or holds something else; names it.
    """
    path = Path(folder) / VIEW_FILE
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected JSON, came {error}") from error
    if not isinstance(entries, dict) or not set(entries) <= set(VIEW):
        raise ValueError(f"{path}: expected some of {', '.join(VIEW)}, came {entries}")
    return entries
