"""Other processes that work in a folder, for tests of what a second one is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = """
import sys, time
from b2m_drive.files.locks import claim
from b2m_drive.files.writing import atomic_write
lock = dict(zip(["lock"], sys.argv[2:]))
with claim(sys.argv[1], "a training", **lock), atomic_write(sys.argv[1] + "/agent.zip") as draft:
    draft.write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


@contextmanager
def held(folder: Path, *arguments: str, code: str = HOLD) -> Iterator[subprocess.Popen[str]]:
    """Another process that has claimed the folder, until it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, folder, *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("held")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
