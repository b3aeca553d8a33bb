"""HDF5 sessions as recordings with events: Kornblith et al. 2017, and recordings beside scenes."""

from __future__ import annotations

from pathlib import Path

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.recordings.readers.kornblith import read_kornblith
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.scene_recording import read_scene_recording

_SHOWN = 8  # names of what a file has instead


def read_session_file(path: Path) -> Recording:
    """Read an HDF5 session, whichever of the two kinds it is.

    Raises:
        ValueError: If it is neither.
    """
    with opened_hdf5(path, "a session file (HDF5)") as file:
        names = set(file)
    if names & {"frame_id", "activity"}:
        return read_scene_recording(path)
    if names & {"channels", "trials", "sites"}:
        return read_kornblith(path)
    raise ValueError(
        f"{path}: expected a recording (HDF5: activity, time and frame_id beside scenes; or "
        f"channels and trials, as sessions of Kornblith et al. 2017 have), came "
        f"{sorted(names)[:_SHOWN]}"
        f"{': scenes?' if 'frames' in names else ''}"
    )
