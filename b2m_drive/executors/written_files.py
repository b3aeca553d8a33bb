"""Files that a task wrote on a machine of its own, and their way to this one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from b2m_drive.files.locks import is_lock
from b2m_drive.files.writing import is_draft, write_bytes


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its relative path; neither drafts nor locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (is_draft(path) or is_lock(path))
    }


def place_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files that another machine made, each whole or not at all.

    Raises:
        ValueError: If a path leads out of the folder.
    """
    for name, content in files.items():
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or PurePosixPath(name).is_absolute():
            raise ValueError(f"{folder}: expected files within it, came {name!r}")
        write_bytes(folder.joinpath(*parts), content)
