"""The folder of a run: made anew, or taken up if it holds the same configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from b2m_drive.files.json_files import read_json
from b2m_drive.files.locks import is_lock, is_unused
from b2m_drive.files.provenance import resumed_versions
from b2m_drive.files.writing import is_draft, write_json

CONFIG = "config.json"
JOBS = "groups"  # folder of the jobs' tables


def open_run(folder: Path, config: dict[str, Any]) -> Path:
    """Make the run's folder, or take up one of the same configuration.

    Raises:
        ValueError: If the folder holds another configuration; names what differs.
    """
    check_run(folder, config)
    if not (folder / CONFIG).is_file():
        write_json(folder / CONFIG, config)
    else:
        _note_versions(folder / CONFIG, config)
    (folder / JOBS).mkdir(exist_ok=True)
    return folder


def check_run(folder: Path, config: dict[str, Any]) -> None:
    """Refuse what `open_run` would refuse, and write nothing.

    Raises:
        ValueError: If the folder holds another configuration; names what differs.
    """
    path = folder / CONFIG
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder for the run, came a file")
    if path.is_file():
        _refuse_other_configuration(path, config)
    elif folder.is_dir() and not _is_of_a_start(folder):
        raise ValueError(f"{folder}: expected an empty folder or a run, came other files")


def _is_of_a_start(folder: Path) -> bool:
    """Whether a run that was stopped while it began may have left this: no file of anybody's."""
    others = (each for each in folder.iterdir() if not (is_draft(each) or is_lock(each)))
    return all(each.name == JOBS and each.is_dir() and is_unused(each) for each in others)


def _refuse_other_configuration(path: Path, config: dict[str, Any]) -> None:
    before = read_json(path, "the configuration of a run", finite=False)
    now = json.loads(json.dumps(config))
    differing = _differing(_without_versions(before), _without_versions(now))
    if differing:
        raise ValueError(
            f"{path.parent} holds a run of another configuration; give another folder. "
            + "; ".join(differing)
        )
    if _has_versions(before) and _has_versions(now):
        resumed_versions(path.parent, before["versions"], now["versions"])


def _note_versions(path: Path, config: Mapping[str, Any]) -> None:
    """Write down, in a run that is gone on with, that other versions do so."""
    before = json.loads(path.read_text())
    if _has_versions(before) and _has_versions(config):
        versions = resumed_versions(path.parent, before["versions"], config["versions"], tell=False)
        if versions != before["versions"]:
            write_json(path, before | {"versions": versions})


def _has_versions(config: Any) -> bool:
    return isinstance(config, Mapping) and isinstance(config.get("versions"), Mapping)


def _without_versions(config: Any) -> Any:
    """What must be the same; versions are compared by what they decide."""
    return {**config, "versions": None} if _has_versions(config) else config


def _differing(before: Any, now: Any, name: str = "") -> list[str]:
    """What differs, named down to the entry: ``brain.source: there 'a', now 'b'``."""
    if before == now:
        return []
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [f"{name}: there {before!r}, now {now!r}"]
    return [
        text
        for entry in sorted(set(before) | set(now))
        for text in _differing(
            before.get(entry), now.get(entry), f"{name}.{entry}" if name else entry
        )
    ]
