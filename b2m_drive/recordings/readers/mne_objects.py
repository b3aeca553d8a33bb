"""Recordings and responses from objects of MNE in memory: `mne.io.Raw` and `mne.Epochs`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.files.missing_packages import needing
from b2m_drive.recordings.contents import EventTable
from b2m_drive.recordings.mapped import recording_of
from b2m_drive.recordings.mapping import RecordingMapping, read_mapping
from b2m_drive.recordings.readers.mne_contents import contents_of_raw
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.responses import Responses

_TOLERANCE = 1e-9  # [s]


def from_mne(
    raw: Any, mapping: RecordingMapping | str | Path | Sequence[str], name: str = ""
) -> Recording:
    """A recording from a `mne.io.Raw`, preprocessed by MNE or not; its samples are not copied.

    Seconds count from the first sample. Annotations are the table ``annotations`` (onset,
    duration, description); each stimulus channel is a table of its name (onset, value).

    Args:
        raw: As MNE's readers give it, loaded or not.
        mapping: What was seen, and when, as `read_recording` takes it.
        name: Of the session; empty: that of the file.

    Raises:
        TypeError: If it is none, such as epochs.
        ValueError: If the mapping does not fit.
    """
    with needing("from_mne", "eeg"):
        import mne

    if not isinstance(raw, mne.io.BaseRaw):
        hint = ": responses_from_mne takes those" if isinstance(raw, mne.BaseEpochs) else ""
        raise TypeError(f"from_mne: expected a mne.io.Raw, came {type(raw).__name__}{hint}")
    known = mapping if isinstance(mapping, RecordingMapping) else read_mapping(mapping)
    if known is None:
        raise ValueError("from_mne: expected a mapping that says what was seen, and when")
    files = [each for each in raw.filenames if each is not None]
    path = Path(name or (files[0] if files else "raw"))
    return recording_of(contents_of_raw([raw], path, "MNE"), known)


def responses_from_mne(
    epochs: Any,
    start: float = 0.1,
    stop: float = 0.5,
    n_times: int = 1,
    ids: str = "",
    session: str = "epochs",
    **about: Any,
) -> Responses:
    """Responses from `mne.Epochs`: a row an epoch, averaged over equal parts of a window.

    Channels that measure a brain are read, those marked bad are not. Epochs that MNE has dropped
    are no rows.

    Args:
        epochs: With the preprocessing, baseline and rejection of your choice.
        start: From an event's onset to the first part [s].
        stop: To the end of the last part [s].
        n_times: Parts.
        ids: Column of the epochs' metadata with whole numbers that say what was seen; empty: the
            events' own codes.
        session: A name for it.
        about: As `Responses.from_arrays` takes it.

    Raises:
        TypeError: If they are no epochs.
        ValueError: If the epochs do not cover the window, or a part of it has no sample; if
            channels of several units are left (pick one kind); if there is no such column.
    """
    with needing("responses_from_mne", "eeg"):
        import mne

    if not isinstance(epochs, mne.BaseEpochs):
        raise TypeError(f"responses_from_mne: expected mne.Epochs, came {type(epochs).__name__}")
    if not (np.isfinite([start, stop]).all() and start < stop) or n_times < 1:
        raise ValueError(f"window: expected a start before a stop and at least one part, came "
                         f"{start} s to {stop} s in {n_times} parts")  # fmt: skip
    places = np.searchsorted(epochs.times, np.linspace(start, stop, n_times + 1) - _TOLERANCE)
    covered = epochs.times[0] - _TOLERANCE <= start and stop <= epochs.times[-1] + (
        1 / epochs.info["sfreq"] + _TOLERANCE
    )
    if not covered or (np.diff(places) < 1).any():
        raise ValueError(
            f"{session}: expected epochs with samples in {n_times} parts from {start:g} to "
            f"{stop:g} s, came {epochs.times[0]:g} to {epochs.times[-1]:g} s at "
            f"{epochs.info['sfreq']:g} Hz"
        )
    values = epochs.get_data(picks=_picks(epochs, session), copy=False)
    parts = [values[:, :, a:b].mean(2) for a, b in itertools.pairwise(places)]
    return Responses.from_arrays(
        np.stack(parts, axis=1),
        _ids(epochs, ids, session),
        session,
        start=np.linspace(start, stop, n_times + 1)[:-1],
        **{"measure": _measure(epochs, session), **about},
    )


def _picks(epochs: Any, session: str) -> list[str]:
    kinds = dict(zip(epochs.ch_names, epochs.get_channel_types(), strict=True))
    brains = ("eeg", "ecog", "seeg", "dbs", "mag", "grad", "hbo", "hbr", "csd")
    names = [name for name, kind in kinds.items()
             if kind in brains and name not in epochs.info["bads"]]  # fmt: skip
    if not names:
        raise ValueError(f"{session}: expected channels of {', '.join(brains)}, came "
                         f"{', '.join(sorted(set(kinds.values())))}")  # fmt: skip
    return names


def _measure(epochs: Any, session: str) -> str:
    from mne.defaults import DEFAULTS

    kinds = epochs.get_channel_types(picks=_picks(epochs, session))
    units = sorted({DEFAULTS["si_units"][kind] for kind in kinds})
    if len(units) > 1:
        raise ValueError(
            f"{session}: expected channels of one unit, came {', '.join(units)}: pick one kind"
        )
    return f"{'potential' if units == ['V'] else kinds[0].upper()} [{units[0]}]"


def _ids(epochs: Any, column: str, session: str) -> np.ndarray:
    if not column:
        return np.asarray(epochs.events[:, 2])
    if epochs.metadata is None:
        raise ValueError(f"{session}: expected metadata with a column {column}, came none")
    columns = {str(each): np.asarray(epochs.metadata[each]) for each in epochs.metadata.columns}
    return EventTable("metadata", columns).column(column)
