"""HDF5 sessions as recordings with events: Kornblith et al. 2017, and recordings beside scenes."""

from __future__ import annotations

from pathlib import Path

import h5py

from b2m_drive.recordings.readers.kornblith import read_kornblith
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.scene_recording import read_scene_recording


def read_session_file(path: Path) -> Recording:
    """Read an HDF5 session, whichever of the two kinds it is.

    Raises:
        ValueError: If it is neither.
    """
    try:
        with h5py.File(path, "r") as file:
            beside_scenes = "frame_id" in file
    except OSError as error:
        raise ValueError(f"{path}: expected an HDF5 file of a session, came {error}") from error
    if beside_scenes:
        return read_scene_recording(path)
    return read_kornblith(path)
