"""Small recordings of every format that is read, written by the field's own libraries, to damage.

A format joins by one line in `_ALL`; those whose suffix nobody reads are left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

from b2m_drive.recordings.mapping import Preprocessing
from b2m_drive.recordings.proposal import proposed_mapping
from b2m_drive.recordings.readers.table import OPENERS, mapped, open_contents
from tests.shared.matlab_writing import write_mat73
from tests.shared.mutants import Format, damage_archive, damage_hdf5, damage_table
from tests.shared.xdf_writing import Stream, write_xdf

TIMES = np.arange(600) / 100  # [s]
ONSETS = np.array([1.0, 2.0, 3.0, 4.0])
_READ_IN_FULL = Preprocessing()  # a damaged file is small; filters need seconds of it


def samples() -> np.ndarray:
    """Potentials of four channels [V]."""
    return np.random.default_rng(0).normal(size=(600, 4)) * 20e-6


def read(file: str, entries: Sequence[str], folder: Path) -> Any:
    """Everything of a recording, by this mapping or, where there is none, by the proposed one.

    Raises:
        AssertionError: If reading leaves something in the folder.
    """
    before = sorted(folder.iterdir())
    contents = open_contents(folder / file)
    proposed = replace(proposed_mapping(contents).mapping, preprocessing=_READ_IN_FULL)
    recording = mapped(contents, list(entries) or proposed).in_memory()
    assert sorted(folder.iterdir()) == before, "reading wrote something"
    return recording


def make_npz(folder: Path, save: Callable[..., Any] = np.savez) -> None:
    save(
        folder / "one.npz", signal=samples(), time=TIMES, onset=ONSETS, ids=[1, 2, 1, 2],
        duration=0.5, names=["a", "b", "c", "d"], kinds="EEG", unit="V",
    )  # fmt: skip


def make_spikes_npz(folder: Path) -> None:
    times = np.random.default_rng(1).uniform(0, 6, 200)
    np.savez_compressed(
        folder / "one.npz", spike_times=times, spike_unit=np.arange(200) % 3, onset=ONSETS,
        ids=[1, 2, 1, 2], recorded=[0.0, 6.0],
    )  # fmt: skip


def make_csv(folder: Path) -> None:
    rows = ["time,Cz,Pz,marker"]
    for k, (time, row) in enumerate(zip(TIMES[:300], samples(), strict=False)):
        rows.append(f"{time:.3f},{row[0]:.4e},{row[1]:.4e},{'cat' if k in (100, 200) else ''}")
    (folder / "one.csv").write_text("\n".join(rows))


def make_numbers_tsv(folder: Path) -> None:
    rows = [f"{time:.3f}\t{row[0]:.4e}" for time, row in zip(TIMES, samples(), strict=True)]
    (folder / "one.tsv").write_text("\n".join(["time\tCz", *rows]))
    (folder / "events.csv").write_text("onset,picture\n1.0,cat\n2.0,dog\n")


def _workspace() -> dict[str, Any]:
    spikes = np.empty((1, 2), dtype=object)
    spikes[0] = [np.array([[0.5, 1.5, 2.5]]), np.array([[1.2, 2.2]])]
    names = np.empty((1, 4), dtype=object)
    names[0] = list("abcd")
    return {
        "data": {"eeg": samples().T, "time": TIMES[None], "names": names},
        "spikes": spikes, "onset": ONSETS[None], "ids": np.array([[1.0, 2.0, 1.0, 2.0]]),
    }  # fmt: skip


def make_mat5(folder: Path, compressed: bool) -> None:
    savemat(folder / "one.mat", _workspace(), do_compression=compressed)


def make_mat73(folder: Path) -> None:
    write_mat73(folder / "one.mat", _workspace())


def make_xdf(folder: Path) -> None:
    offsets = [(10.0 + k, 2.0) for k in range(4)]
    said = np.array([["cat"], ["dog"], ["cat"], ["dog"]], dtype=object)
    write_xdf(
        folder / "one.xdf",
        [
            Stream("amp", "EEG", 100, 10 + TIMES, samples().astype("f4"), "abcd", ["V"] * 4,
                   offsets=offsets),
            Stream("marks", "Markers", 0, 12 + ONSETS, said),
        ],
    )  # fmt: skip


def _raw() -> Any:
    import mne

    info = mne.create_info(["Cz", "Pz", "Oz", "Fz"], 100.0, "eeg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = mne.io.RawArray(samples().T, info, verbose="error")
        raw.set_meas_date(datetime(2026, 1, 1, tzinfo=UTC))
        raw.set_annotations(
            mne.Annotations(ONSETS, [0.5] * 4, ["cat", "dog"] * 2, orig_time=raw.info["meas_date"])
        )
    return raw


def make_with_mne(folder: Path, name: str) -> None:
    import mne

    raw = _raw()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if ".fif" in name:
            raw.save(folder / name, verbose="error")
        else:
            mne.export.export_raw(folder / name, raw, verbose="error")


def make_bdf(folder: Path) -> None:
    import edfio

    signals = [
        edfio.BdfSignal(row * 1e6, 100, label=name, physical_dimension="uV",
                        physical_range=(-200, 200))
        for name, row in zip(["Cz", "Pz", "Oz", "Fz"], samples().T, strict=True)
    ]  # fmt: skip
    marks = [
        edfio.EdfAnnotation(time, 0.5, each) for time, each in zip(ONSETS, "abab", strict=True)
    ]
    edfio.Bdf(signals, annotations=marks).write(folder / "one.bdf")


def make_nwb(folder: Path) -> None:
    import pynwb

    start = datetime(2026, 1, 1, tzinfo=UTC)
    nwb = pynwb.NWBFile("a session", "one", start)
    nwb.add_unit_column("quality", "how well it was sorted")
    for k in range(3):
        times = np.sort(np.random.default_rng(k).uniform(0, 6, 50))
        nwb.add_unit(spike_times=times, quality="good")
    nwb.add_trial_column("stimulus", "what was shown")
    for onset, shown in zip(ONSETS, ["cat", "dog"] * 2, strict=True):
        nwb.add_trial(start_time=onset, stop_time=onset + 0.5, stimulus=shown)
    with pynwb.NWBHDF5IO(folder / "one.nwb", "w") as io:
        io.write(nwb)


_MATLAB = ("activity.signal=data.eeg", "activity.time=data.time", "activity.names=data.names",
           "events.onset=onset", "events.stimulus=ids")  # fmt: skip
_MATLAB_SPIKES = ("activity.spike_times=spikes", "events.onset=onset", "events.stimulus=ids")


def _format(
    name: str,
    file: str,
    make: Callable[[Path], Any],
    structured: Any = None,
    entries: Sequence[str] = (),
    opened: str = "",
    checksummed: bool = False,
) -> Format:
    """A format: which file is damaged, and which is opened where that is another one."""
    reading = partial(read, opened or file, tuple(entries))
    return Format(name, file, make, reading, structured, checksummed)


_ALL = (
    _format("npz", "one.npz", make_npz, damage_archive, checksummed=True),
    _format("npz-packed", "one.npz", partial(make_npz, save=np.savez_compressed), damage_archive,
            checksummed=True),
    _format("npz-spikes", "one.npz", make_spikes_npz, damage_archive, checksummed=True),
    _format("csv", "one.csv", make_csv, damage_table,
            ("events.table=markers", "events.stimulus=marker")),
    _format("tsv", "one.tsv", make_numbers_tsv, None,
            ("events.file=events.csv", "events.stimulus=picture")),
    _format("events-beside", "events.csv", make_numbers_tsv, damage_table,
            ("events.file=events.csv", "events.stimulus=picture"), "one.tsv"),
    _format("mat5", "one.mat", partial(make_mat5, compressed=False), None, _MATLAB),
    _format("mat5-packed", "one.mat", partial(make_mat5, compressed=True), None, _MATLAB_SPIKES),
    _format("mat73", "one.mat", make_mat73, damage_hdf5, _MATLAB),
    _format("mat73-spikes", "one.mat", make_mat73, damage_hdf5, _MATLAB_SPIKES),
    _format("xdf", "one.xdf", make_xdf, None,
            ("activity.signal=amp", "events.table=marks", "events.stimulus=value")),
    _format("edf", "one.edf", partial(make_with_mne, name="one.edf")),
    _format("bdf", "one.bdf", make_bdf),
    _format("vhdr", "one.vhdr", partial(make_with_mne, name="one.vhdr")),
    _format("vmrk", "one.vmrk", partial(make_with_mne, name="one.vhdr"), opened="one.vhdr"),
    _format("brainvision-samples", "one.eeg", partial(make_with_mne, name="one.vhdr"),
            opened="one.vhdr"),
    _format("eeglab", "one.set", partial(make_with_mne, name="one.set")),
    _format("fif", "one_raw.fif", partial(make_with_mne, name="one_raw.fif")),
    _format("fif-packed", "one_raw.fif.gz", partial(make_with_mne, name="one_raw.fif.gz")),
    _format("nwb", "one.nwb", make_nwb, damage_hdf5),
)  # fmt: skip


def _is_read(one: Format) -> bool:
    opened = one.read.args[0]  # type: ignore[attr-defined]
    return any(str(opened).endswith(suffix) for suffix in OPENERS)


RECORDING_FORMATS = tuple(one for one in _ALL if _is_read(one))
