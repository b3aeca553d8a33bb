"""HDF5 sessions as recordings with events: Kornblith et al. 2017, and recordings beside scenes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from b2m_drive.recordings.decision_trials import NO_STIMULUS
from b2m_drive.recordings.events import Events
from b2m_drive.recordings.readers.kornblith import read_spikes
from b2m_drive.recordings.recording import SPIKES, Recording
from b2m_drive.recordings.scene_recording import read_scene_recording
from b2m_drive.recordings.trial_responses import SpikeSession


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
    return of_trials(read_spikes(path))


def of_trials(session: SpikeSession) -> Recording:
    """A session of trials as a recording: an event for each item that was shown.

    Its id is the stimulus; ``trial`` and ``position`` say which trial showed it, and as which item.
    Items without an onset are left out, and counted in the notes.
    """
    trials = session.trials
    shown = trials.stimulus != NO_STIMULUS
    known = shown & np.isfinite(trials.item_onset)
    trial, position = np.nonzero(known)
    lost = int((shown & ~known).sum())
    note = f"{lost} of {int(shown.sum())} items left out: their onset is unknown"
    return Recording(
        session.units,
        Events.of(
            trials.item_onset[trial, position],
            trials.stimulus[trial, position],
            trial=trials.trial_id[trial],
            position=position,
        ),
        session.session,
        SPIKES,
        spike_times=tuple(np.sort(times) for times in session.spike_times),
        subject=session.subject,
        source=session.source,
        licence=session.licence,
        simulated=session.simulated,
        notes=(*session.notes, note) if lost else session.notes,
        recorded=session.span,
    )
