"""How far the jobs of a run came, as `job_log` tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from b2m_drive.executors.job_log import JOB_LOG


@dataclass(frozen=True)
class JobHistory:
    """What the log of a folder says of its last driver."""

    n_jobs: int
    n_done: int
    n_failed: int  # given up by the last driver; 0 while one is at work
    ended: bool  # False: it works, or was killed


def job_history(folder: Path) -> JobHistory | None:
    """Read the log of a folder; None if there is none, or no driver in it began.

    A line that is cut short or is none of ours is left out: a killed driver leaves such lines.
    """
    n_jobs = n_before = n_failed = 0
    done: set[str] = set()
    begun = ended = False
    for event in _events(folder / JOB_LOG):
        match event["event"]:
            case "started":
                n_jobs, n_before = _count(event, "n_jobs"), _count(event, "n_done")
                done, n_failed, begun, ended = set(), 0, True, False
            case "done":
                done.add(str(event.get("job")))
            case "ended":
                n_before, done = _count(event, "n_done"), set()
                n_failed, ended = _count(event, "n_failed"), True
    return JobHistory(n_jobs, n_before + len(done), n_failed, ended) if begun else None


def _events(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        text = path.read_bytes().decode(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and "event" in event:
            yield event


def _count(event: Mapping[str, Any], name: str) -> int:
    value = event.get(name)
    return value if isinstance(value, int) and value >= 0 else 0
