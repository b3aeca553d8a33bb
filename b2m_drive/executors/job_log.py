"""What happened to the jobs of a run: one JSON object a line, added as it happens.

===========  =====================================================================================
``started``  a driver began: ``n_jobs`` in all, ``n_done`` before it, ``executor``
``done``     ``job``, ``try``, ``seconds`` on ``host`` in process ``pid``
``failed``   ``job`` raised ``error`` at try ``try`` of ``of``; its ``traceback``
``lost``     ``job`` never came back (``error``): its worker, node or allocation ended
``ended``    the driver ended: ``n_done``, ``n_failed``; ``stopped`` says what ended it early
===========  =====================================================================================

Every line has ``time`` (ISO 8601, UTC) and ``event``. A driver that was killed leaves no
``ended``; a line that it was writing then may be cut short.
"""

from __future__ import annotations

import json
import os
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

JOB_LOG = "jobs.jsonl"


class JobLog:
    """A log in a run's folder; several drivers after one another add to it.

    Args:
        folder: Of the run; None logs nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.path = None if folder is None else folder / JOB_LOG
        self._is_torn = self.path is not None and _ends_within_a_line(self.path)

    def add(self, event: str, **entries: Any) -> None:
        """Add a line. A log that cannot be written is warned of once, and costs no result."""
        if self.path is None:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **entries}) + "\n"
        try:
            self._append(("\n" if self._is_torn else "") + line)
        except OSError as error:
            warnings.warn(f"{self.path}: cannot be written ({error.strerror})", stacklevel=2)
            self.path = None

    def _append(self, text: str) -> None:
        assert self.path is not None
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, text.encode())
            self._is_torn = False
        finally:
            os.close(descriptor)


def _ends_within_a_line(path: Path) -> bool:
    """Whether a killed driver left a line without its end."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # none there, or empty
        return False
