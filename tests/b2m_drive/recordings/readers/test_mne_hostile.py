"""EEG files that are cut short, lie, or are something else: refused, or right with a note."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from b2m_drive.files.missing_packages import MissingPackageError
from b2m_drive.recordings.readers.edf_header import read_edf_header
from b2m_drive.recordings.readers.table import open_contents
from tests.shared.made_eeg import NAMES, RATE, potentials, raw_of, write_brainvision, write_records

mne = pytest.importorskip("mne", reason="the eeg extra is not installed")
for package in ("pybv", "edfio", "eeglabio"):
    pytest.importorskip(package, reason="the dev extra is not installed")


def edf(folder: Path, suffix: str = ".edf") -> Path:
    columns = {name: (potentials()[:, k] * 1e6, RATE, "uV") for k, name in enumerate(NAMES)}
    return write_records(folder / f"x{suffix}", columns, [(1.0, None, "a")])


def fif(folder: Path) -> Path:
    raw_of(potentials()).save(folder / "x_raw.fif", verbose="error")
    return folder / "x_raw.fif"


def eeglab(folder: Path) -> Path:
    """A data set whose samples lie in a file of their own, as EEGLAB writes it."""
    from scipy.io import savemat

    data = potentials().T
    (data * 1e6).T.astype("<f4").tofile(folder / "x.fdt")
    locations = np.array([(name,) for name in NAMES], dtype=[("labels", object)])
    events = np.zeros(0, dtype=[("type", object), ("latency", object)])
    savemat(folder / "x.set", {"EEG": {
        "setname": "x", "nbchan": 4, "pnts": data.shape[1], "trials": 1, "srate": RATE,
        "xmin": 0.0, "xmax": data.shape[1] / RATE, "data": "x.fdt", "chanlocs": locations,
        "event": events, "epoch": np.zeros(0), "icawinv": np.zeros(0), "icaweights": np.zeros(0),
        "icasphere": np.zeros(0),
    }})  # fmt: skip
    return folder / "x.set"


WRITERS: dict[str, Callable[[Path], Path]] = {
    "edf": edf,
    "bdf": lambda folder: edf(folder, ".bdf"),
    "vhdr": write_brainvision,
    "set": eeglab,
    "fif": fif,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_sound_file_is_opened(tmp_path: Path, kind: str) -> None:
    signal = open_contents(WRITERS[kind](tmp_path)).signal("potential")
    np.testing.assert_allclose(signal.read(0, len(signal)), potentials(), atol=5e-9)


@pytest.mark.parametrize("suffix", [".edf", ".bdf", ".gdf", ".vhdr", ".set", ".fif", "_raw.fif.gz"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 5000, b"<html>no such file</html>" * 99])
def test_something_else_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path}: expected"):
        open_contents(path)


def test_an_edf_of_fewer_records_is_read_and_says_so(tmp_path: Path) -> None:
    path = edf(tmp_path)
    header = read_edf_header(path)
    record = (path.stat().st_size - 256 * 6) // header.n_records
    path.write_bytes(path.read_bytes()[: 256 * 6 + 4 * record + 11])
    contents = open_contents(path)
    signal = contents.signal("potential")
    assert len(signal) == 4 * RATE * header.record_seconds
    np.testing.assert_allclose(signal.read(0, len(signal)), potentials()[: len(signal)], atol=5e-9)
    missing = header.n_records - 4
    assert any(f"{missing} records of 1 s are missing" in note for note in contents.notes)


def test_an_edf_without_a_whole_record_is_refused(tmp_path: Path) -> None:
    path = edf(tmp_path)
    path.write_bytes(path.read_bytes()[: 256 * 6 + 100])
    with pytest.raises(ValueError, match=r"expected 10 records of \d+ bytes, came 100 bytes: cut"):
        open_contents(path)


def test_an_edf_with_pauses_is_refused_and_one_without_is_not(tmp_path: Path) -> None:
    path = edf(tmp_path)
    text = path.read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    path.write_bytes(text)
    assert len(open_contents(path).signal("potential")) == 2560
    assert text.count(b"+5\x14\x14") == 1
    path.write_bytes(text.replace(b"+5\x14\x14", b"+7\x14\x14"))
    with pytest.raises(ValueError, match=r"2 pauses \(EDF\+D\), the first after 5 s"):
        open_contents(path)


def test_an_edf_that_promises_more_channels_than_fit_is_refused(tmp_path: Path) -> None:
    path = edf(tmp_path)
    text = bytearray(path.read_bytes())
    text[252:256] = b"9999"
    path.write_bytes(text)
    with pytest.raises(ValueError, match="expected the fields of 9999 channels"):
        open_contents(path)


def test_brainvision_without_its_samples_is_refused(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path)
    (tmp_path / "watched.eeg").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected its samples in watched\.eeg beside it"):
        open_contents(path)


def test_brainvision_cut_short_is_refused(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path)
    samples = (tmp_path / "watched.eeg").read_bytes()
    (tmp_path / "watched.eeg").write_bytes(samples[:-5])
    with pytest.raises(ValueError, match=r"whole samples of 4 channels in watched\.eeg.*cut short"):
        open_contents(path)
    path.write_text(
        path.read_text().replace("NumberOfChannels", "DataPoints=2560\nNumberOfChannels")
    )
    (tmp_path / "watched.eeg").write_bytes(samples[: 16 * 2000])
    with pytest.raises(ValueError, match=r"expected 2560 samples .*\(2000\.00 samples\)"):
        open_contents(path)


def test_brainvision_without_its_markers_is_opened_and_says_so(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path)
    (tmp_path / "watched.vmrk").unlink()
    contents = open_contents(path)
    assert contents.tables == ()
    assert any("MarkerFile" in note and "not found" in note for note in contents.notes)


@pytest.mark.parametrize("entry", ["DataFile", "MarkerFile"])
@pytest.mark.parametrize(
    "elsewhere", ["../../etc/passwd", "/etc/passwd", r"C:\data\x.eeg", r"..\x.eeg", ".."]
)
def test_brainvision_that_names_a_file_elsewhere_is_refused(
    tmp_path: Path, entry: str, elsewhere: str
) -> None:
    path = write_brainvision(tmp_path)
    lines = [
        f"{entry}={elsewhere}" if line.startswith(entry) else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=f"{entry}: expected the name of a file beside it"):
        open_contents(path)


def test_eeglab_without_its_samples_or_with_too_few_is_refused(tmp_path: Path) -> None:
    path = eeglab(tmp_path)
    samples = (tmp_path / "x.fdt").read_bytes()
    (tmp_path / "x.fdt").write_bytes(samples[:-400])
    with pytest.raises(ValueError, match=r"2560 samples of 4 channels in x\.fdt .*: cut short"):
        open_contents(path)
    (tmp_path / "x.fdt").unlink()
    with pytest.raises(FileNotFoundError, match=r"x\.fdt"):
        open_contents(path)


def test_eeglab_whose_samples_lie_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    path = eeglab(folder)
    (folder / "x.fdt").rename(tmp_path / "y.fdt")
    from scipy.io import loadmat, savemat

    found = loadmat(path)
    found["EEG"]["data"][0, 0] = "../y.fdt"
    savemat(path, {"EEG": found["EEG"]})
    with pytest.raises(ValueError, match="expected samples in files beside it"):
        open_contents(path)


def test_eeglab_of_hdf5_that_leads_to_another_file_is_refused(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "x.set", "w") as file:
        file["data"] = h5py.ExternalLink("other.h5", "/data")
    with pytest.raises(ValueError, match="link /data to another file"):
        open_contents(tmp_path / "x.set")


def test_epochs_in_a_file_are_sent_to_the_function_that_takes_them(tmp_path: Path) -> None:
    raw = raw_of(potentials())
    events = np.array([[300, 0, 1], [900, 0, 2]])
    epochs = mne.Epochs(raw, events, baseline=None, preload=True, verbose="error")
    epochs.save(tmp_path / "x-epo.fif", verbose="error")
    from eeglabio.epochs import export_set

    export_set(
        str(tmp_path / "x.set"), epochs.get_data(), RATE, events, epochs.tmin, epochs.tmax,
        list(NAMES), {"a": 1, "b": 2},
    )  # fmt: skip
    for name in ("x-epo.fif", "x.set"):
        with pytest.raises(ValueError, match=r"came epochs: b2m_drive\.responses_from_mne"):
            open_contents(tmp_path / name)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_fif_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = fif(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="cut short"):
        open_contents(path)


def test_a_fif_whose_tags_go_round_is_refused(tmp_path: Path) -> None:
    path = fif(tmp_path)
    content = bytearray(path.read_bytes())
    content[12:16] = struct.pack(">i", 36)
    content[36 + 12 : 36 + 16] = struct.pack(">i", 16)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="came one that leads from byte 36 to 16"):
        open_contents(path)


@pytest.mark.parametrize(
    ("kind", "missing"), [("edf", "mne"), ("fif", "mne"), ("set", "pymatreader")]
)
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, missing: str
) -> None:
    path = WRITERS[kind](tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingPackageError, match=rf'{missing}, .*"b2m-drive\[eeg\]"'):
        open_contents(path)
