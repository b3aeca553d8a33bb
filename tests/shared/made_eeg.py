"""Small EEG recordings written by the libraries of their formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

RATE = 256.0  # [Hz]
NAMES = ("Fz", "Cz", "Pz", "Oz")
ONSETS = np.arange(16) * 0.5 + 1.0  # [s]
IDS = np.arange(16) % 8 + 100


def potentials(n_samples: int = 2560, seed: int = 0) -> np.ndarray:
    """Some tens of microvolts [V] (sample, channel)."""
    drawn = np.random.default_rng(seed).normal(size=(n_samples, len(NAMES)))
    return np.asarray(2e-5 * drawn + np.arange(len(NAMES)) * 1e-5)


def write_brainvision(folder: Path, data: np.ndarray | None = None, **options: Any) -> Path:
    """A BrainVision recording with an event ``frame/ID`` at each of the onsets."""
    import pybv

    data = potentials() if data is None else data
    events = [
        {
            "onset": round(onset * RATE),
            "duration": 1,
            "type": "Comment",
            "description": f"frame/{k}",
        }
        for onset, k in zip(ONSETS, IDS, strict=True)
    ]
    kwargs = {
        "sfreq": RATE,
        "ch_names": list(NAMES),
        "events": events,
        "resolution": 0.01,
        "fname_base": "watched",
        **options,
    }
    pybv.write_brainvision(data=data.T, folder_out=str(folder), **kwargs)
    return folder / f"{kwargs['fname_base']}.vhdr"


def write_records(
    path: Path,
    columns: dict[str, tuple[np.ndarray, float, str]],
    annotations: list[tuple[float, float | None, str]] = [],  # noqa: B006
    digital: tuple[int, int] | None = None,
) -> Path:
    """An EDF or BDF file, by its suffix: of each channel, values, rate [Hz] and unit."""
    import edfio

    bdf = path.suffix == ".bdf"
    kind, file = (edfio.BdfSignal, edfio.Bdf) if bdf else (edfio.EdfSignal, edfio.Edf)
    most = digital or ((-(2**23), 2**23 - 1) if bdf else (-32768, 32767))
    codes = ("Status", "Trigger")
    signals = [
        kind(
            values,
            rate,
            label=name,
            physical_dimension=unit,
            digital_range=most,
            physical_range=most if name in codes else None,
        )
        for name, (values, rate, unit) in columns.items()
    ]
    file(
        signals,
        annotations=[edfio.EdfAnnotation(*each) for each in annotations],
        patient=edfio.Patient(code="P7"),
    ).write(path)
    return path


def raw_of(data: np.ndarray, kinds: Any = "eeg", names: tuple[str, ...] = NAMES) -> Any:
    """A `mne.io.Raw` in memory, from (sample, channel)."""
    import mne

    info = mne.create_info(list(names), RATE, kinds, verbose="error")
    return mne.io.RawArray(data.T, info, verbose="error")
