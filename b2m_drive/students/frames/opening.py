"""Frames from a path: scenes, a data set of an HDF5 file, or a folder of pictures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.students.frame_batches import MEMORY_LIMIT
from b2m_drive.students.frames.hdf5 import HDF5Frames, datasets_in
from b2m_drive.students.frames.pictures import PictureFrames
from b2m_drive.students.frames.scenes import SceneFrames
from b2m_drive.students.frames.source import FrameSource, Pixels
from b2m_drive.students.scene_file import FORMAT

_READ_AT_ONCE = 512  # frames


def open_frames(where: str | Path) -> HDF5Frames | PictureFrames | SceneFrames:
    """The frames at a path; none is read yet.

    Args:
        where: A file of scenes; ``FILE:/DATASET``, a data set [frame height width channel] of an
            HDF5 file; or a folder of pictures (png, jpg).

    Raises:
        FileNotFoundError: If there is nothing.
        ValueError: If it holds no frames, or frames of several sizes.
    """
    path, dataset = _parts(str(where))
    if path.is_dir():
        if dataset:
            raise ValueError(f"{where}: expected a file before {dataset!r}, came a folder")
        return PictureFrames.open(path)
    if dataset:
        return HDF5Frames.open(path, dataset)
    with opened_hdf5(path, "scenes or frames (HDF5), or a folder of pictures") as file:
        is_scenes = file.attrs.get("format") == FORMAT
        there = datasets_in(file)
    if not is_scenes:
        raise ValueError(f"{path}: expected a data set after it, {path}:/NAME; {there}")
    return SceneFrames.open(path)


@lru_cache(maxsize=1)
def frames_in_memory(source: FrameSource) -> Pixels | None:
    """All frames of a source, read once in a process; None where they are too many to be kept."""
    first = source.read(np.zeros(1, dtype=np.int64))
    count = len(source.ids)
    if first.nbytes * count > MEMORY_LIMIT:
        return None
    found = np.empty((count, *source.shape), first.dtype)
    for start in range(0, count, _READ_AT_ONCE):
        rows = np.arange(start, min(start + _READ_AT_ONCE, count))
        found[rows] = source.read(rows)
    return found


def _parts(where: str) -> tuple[Path, str]:
    """Path and name of a data set; a path that exists is whole, colons included."""
    before, colon, after = where.rpartition(":")
    if colon and before and not Path(where).exists():
        return Path(before), after
    return Path(where), ""
