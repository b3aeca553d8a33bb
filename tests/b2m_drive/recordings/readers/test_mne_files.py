from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import b2m_drive as b2m
from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.mapped import recording_of
from b2m_drive.recordings.mapping import EventMapping, RecordingMapping, read_mapping
from b2m_drive.recordings.proposal import proposed_mapping
from b2m_drive.recordings.readers.mne_files import MNE_OPENERS
from b2m_drive.recordings.readers.table import OPENERS, open_contents
from tests.shared.made_eeg import (
    IDS,
    NAMES,
    ONSETS,
    RATE,
    potentials,
    raw_of,
    write_brainvision,
    write_records,
)
from tests.shared.places import DATA

mne = pytest.importorskip("mne", reason="the eeg extra is not installed")
for package in ("pybv", "edfio", "eeglabio"):
    pytest.importorskip(package, reason="the dev extra is not installed")

FORMATS = DATA / "formats"
LABELS = np.array([f"Comment/frame/{k}" for k in IDS], dtype=object)


def in_microvolts(data: np.ndarray) -> dict[str, tuple[np.ndarray, float, str]]:
    return {name: (data[:, k] * 1e6, RATE, "uV") for k, name in enumerate(NAMES)}


def read_whole(contents: Contents, name: str = "potential") -> np.ndarray:
    return np.asarray(contents.signal(name).read(0, len(contents.signal(name))))


def test_every_format_of_mne_is_in_the_table() -> None:
    assert MNE_OPENERS.items() <= OPENERS.items()


def test_brainvision_has_the_values_and_markers_that_pybv_wrote(tmp_path: Path) -> None:
    contents = open_contents(write_brainvision(tmp_path))
    signal = contents.signal("potential")
    assert (signal.unit, signal.rate, signal.channels) == ("V", RATE, NAMES)
    assert set(signal.kinds) == {"EEG"}
    np.testing.assert_allclose(read_whole(contents), potentials(), atol=1e-11)
    table = contents.table("annotations")
    np.testing.assert_allclose(table.column("onset"), ONSETS, atol=1e-9)
    np.testing.assert_allclose(table.column("duration"), 1 / RATE)
    np.testing.assert_array_equal(table.column("description"), LABELS)


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_records_have_the_values_and_annotations_that_edfio_wrote(
    tmp_path: Path, suffix: str
) -> None:
    data = potentials()
    path = write_records(
        tmp_path / f"x{suffix}", in_microvolts(data), [(1.0, 0.5, "cat"), (2.25, None, "dog")]
    )
    contents = open_contents(path)
    step = np.ptp(data) / (2**16 if suffix == ".edf" else 2**24)
    np.testing.assert_allclose(read_whole(contents), data, atol=max(2 * step, 1e-10))
    table = contents.table("annotations")
    np.testing.assert_allclose(table.column("onset"), [1.0, 2.25])
    np.testing.assert_allclose(table.column("duration"), [0.5, 0.0])
    assert list(table.column("description")) == ["cat", "dog"]
    assert contents.subject == "P7"


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_codes_on_a_status_channel_are_a_table(tmp_path: Path, suffix: str) -> None:
    data = potentials()
    status = np.zeros(len(data))
    for onset, code in zip(ONSETS, IDS, strict=True):
        status[round(onset * RATE) :][:20] = code
    if suffix == ".bdf":
        status += 2**16  # a bit of the amplifier's own
    columns = {**in_microvolts(data), "Status": (status, RATE, "")}
    contents = open_contents(write_records(tmp_path / f"x{suffix}", columns))
    table = contents.table("Status")
    np.testing.assert_allclose(table.column("onset"), ONSETS)
    np.testing.assert_array_equal(table.column("value"), IDS)
    assert contents.signal("potential").channels == NAMES


def test_channels_of_another_rate_are_a_signal_of_their_own_and_not_resampled(
    tmp_path: Path,
) -> None:
    data = potentials()
    slow = np.repeat([10.0, 90.0], 80)  # an edge, which a resampling would smear
    columns = {"Resp": (slow, 16.0, "uV"), **in_microvolts(data)}
    contents = open_contents(write_records(tmp_path / "x.edf", columns, [(1.0, None, "a")]))
    assert [s.name for s in contents.signals] == ["potential at 256 Hz", "potential at 16 Hz"]
    np.testing.assert_allclose(read_whole(contents, "potential at 16 Hz")[:, 0], slow * 1e-6)
    fast = contents.signal("potential at 256 Hz")
    assert fast.channels == NAMES
    np.testing.assert_allclose(fast.read(300, 400), data[300:400], atol=4e-9)
    assert len(contents.table("annotations")) == 1
    assert any("16 Hz" in note and "none of them resampled" in note for note in contents.notes)


def test_a_channel_that_is_no_potential_keeps_its_unit_and_eog_its_kind(tmp_path: Path) -> None:
    data = potentials()
    columns = {
        **in_microvolts(data),
        "EOG left": (data[:, 0] * 1e6, RATE, "uV"),
        "Temp": (np.linspace(36, 37, len(data)), RATE, "degC"),
    }
    contents = open_contents(write_records(tmp_path / "x.edf", columns))
    signal, other = contents.signals
    assert signal.kinds == ("EEG",) * 4 + ("EOG",)
    assert (other.channels, other.unit, other.kinds) == (("Temp",), "degC", ("MISC",))
    np.testing.assert_allclose(other.read(0, len(other))[:, 0], columns["Temp"][0], atol=1e-4)
    own = EventTable("own", {"onset": ONSETS}, onset="onset")
    mapping = RecordingMapping(events=EventMapping(table="own"))
    recording = recording_of(replace(contents, tables=(own,)), mapping)
    assert [unit.name for unit in recording.units] == list(NAMES)


def test_a_unit_that_is_not_given_is_said(tmp_path: Path) -> None:
    columns = {name: (each[0], RATE, "") for name, each in in_microvolts(potentials()).items()}
    contents = open_contents(write_records(tmp_path / "x.edf", columns))
    assert any("without a unit" in note and "Fz" in note for note in contents.notes)


@pytest.mark.parametrize("layout", ["v5", "v7.3"])
def test_eeglab_has_the_values_and_events_that_eeglabio_wrote(tmp_path: Path, layout: str) -> None:
    from eeglabio.raw import export_set

    data, path = potentials(), tmp_path / "x.set"
    labels = [f"frame/{k}" for k in IDS]
    annotations = [np.array(labels), ONSETS, np.full(len(ONSETS), 0.25)]
    try:
        export_set(str(path), data.T, RATE, list(NAMES), annotations=annotations, fmt=layout)
    except ValueError:
        pytest.skip(f"eeglabio does not write {layout}")
    contents = open_contents(path)
    np.testing.assert_allclose(read_whole(contents), data, rtol=1e-5, atol=1e-10)
    np.testing.assert_allclose(contents.signal("potential").read(7, 9), data[7:9], rtol=1e-5)
    np.testing.assert_allclose(contents.table("annotations").column("onset"), ONSETS, atol=1e-6)
    assert list(contents.table("annotations").column("description")) == labels


@pytest.mark.parametrize("suffix", [".fif", ".fif.gz"])
def test_fif_has_the_values_codes_and_annotations_that_mne_wrote(
    tmp_path: Path, suffix: str
) -> None:
    path, data = tmp_path / f"x_raw{suffix}", potentials()
    raw = made_fif(data)
    raw.save(path, fmt="double", verbose="error")
    contents = open_contents(path)
    np.testing.assert_allclose(read_whole(contents), data, rtol=1e-6)
    fields = contents.signal("magnetic field")
    assert (fields.unit, fields.kinds) == ("T", ("MAG",))
    np.testing.assert_allclose(fields.read(0, 9)[:, 0], data[:9, 0] * 1e-8, rtol=1e-6)
    assert list(contents.table("STI 014").column("value")) == [5, 9]
    np.testing.assert_allclose(contents.table("STI 014").column("onset"), [1.0, 2.0])
    np.testing.assert_allclose(contents.table("annotations").column("onset"), [3.0])
    assert contents.line_frequency == 50
    assert contents.bad_channels == ("Pz",)
    assert any("1 channels marked bad in the file: Pz" in note for note in contents.notes)
    assert proposed_mapping(contents).mapping.preprocessing.bad_channels == ("Pz",)
    assert any("a compressed file" in note for note in contents.notes) == (suffix == ".fif.gz")


def made_fif(data: np.ndarray) -> object:
    """EEG, a magnetometer and codes, which begin in the midst of a measurement."""
    codes = np.zeros(len(data) + 512)
    codes[512 + 256 :][:10], codes[512 + 512 :][:10] = 5, 9
    early = np.concatenate([np.zeros((512, len(NAMES))), data])
    values = np.column_stack([early, early[:, 0] * 1e-8, codes])
    kinds = [*["eeg"] * 4, "mag", "stim"]
    raw = raw_of(values, kinds, (*NAMES, "MEG 001", "STI 014"))
    raw.info["line_freq"], raw.info["bads"] = 50.0, ["Pz"]
    raw.set_meas_date(1e9)
    raw.set_annotations(mne.Annotations([5.0], [0.5], ["seen"]))
    return raw.crop(512 / RATE)  # `first_samp` is no longer 0


def test_no_filter_crosses_a_pause_of_the_amplifier_or_a_seam(tmp_path: Path) -> None:
    raw = raw_of(potentials())
    raw.set_annotations(mne.Annotations([2.0, 6.0], [1.0, 0.0], ["BAD_ACQ_SKIP", "EDGE boundary"]))
    raw.save(tmp_path / "x_raw.fif", fmt="double", verbose="error")
    signal = open_contents(tmp_path / "x_raw.fif").signal("potential")
    assert [(s.start, s.n_samples) for s in signal.segments] == [(0, 512), (3, 768), (6, 1024)]
    np.testing.assert_allclose(signal.read(510, 514), potentials()[[510, 511, 768, 769]], rtol=1e-6)
    assert signal.gaps == ((2.0, 3.0), (6.0, 6.0))


def test_a_recording_that_was_paused_and_taken_up_again_is_cut_there(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path)
    markers = path.with_suffix(".vmrk")
    number = markers.read_text().count("\nMk") + 1
    later = f"Mk{number}=New Segment,,1025,1,0,20200101120000000000\n"
    markers.write_text(markers.read_text().rstrip() + "\n" + later)
    segments = open_contents(path).signal("potential").segments
    assert [(s.start, s.n_samples) for s in segments] == [(0, 1024), (4, 1536)]


def test_a_boundary_of_eeglab_is_a_cut(tmp_path: Path) -> None:
    from eeglabio.raw import export_set

    annotations = [np.array(["a", "boundary"]), np.array([1.0, 4.0]), np.array([0.0, 0.5])]
    export_set(str(tmp_path / "x.set"), potentials().T, RATE, list(NAMES), annotations=annotations)
    contents = open_contents(tmp_path / "x.set")
    segments = contents.signal("potential").segments
    assert [(s.start, s.n_samples) for s in segments] == [(0, 1024), (4, 1536)]
    assert any("boundary" in note for note in contents.notes)


def test_codes_of_another_rate_than_the_potentials_are_at_their_times(tmp_path: Path) -> None:
    status = np.zeros(320)
    status[[32, 33, 160]] = 3
    columns = {**in_microvolts(potentials()), "Status": (status, 32.0, "")}
    contents = open_contents(write_records(tmp_path / "x.edf", columns))
    np.testing.assert_allclose(contents.table("Status").column("onset"), [1.0, 5.0])
    assert [each.name for each in contents.signals] == ["potential"]


def test_channels_of_one_name_are_told_apart_and_that_is_said(tmp_path: Path) -> None:
    path = write_records(tmp_path / "x.edf", in_microvolts(potentials()))
    path.write_bytes(path.read_bytes().replace(b"Cz ", b"Fz ", 1))
    contents = open_contents(path)
    assert contents.signal("potential").channels == ("Fz-0", "Fz-1", "Pz", "Oz")
    assert any("not unique" in note for note in contents.notes)


def test_channels_of_one_name_are_refused_where_mne_cannot_read_them(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path)
    path.write_text(path.read_text().replace("=Cz,", "=Fz,"))
    with pytest.raises(ValueError, match="each channel's name once, came Fz several times"):
        open_contents(path)


def test_nanovolts_of_edf_which_mne_does_not_scale_stay_nanovolts(tmp_path: Path) -> None:
    columns = {name: (v[0] * 1e3, RATE, "nV") for name, v in in_microvolts(potentials()).items()}
    signal = open_contents(write_records(tmp_path / "x.edf", columns)).signal("potential")
    assert (signal.unit, signal.kinds) == ("nV", ("EEG",) * 4)
    np.testing.assert_allclose(signal.read(0, 50), potentials()[:50] * 1e9, atol=4)


def test_siemens_of_brainvision_which_mne_does_scale_are_siemens(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path)
    path.write_text(path.read_text().replace("Oz,,0.01,µV", "Oz,,0.01,µS"))
    signal = open_contents(path).signal("misc")
    assert signal.unit == "S"
    np.testing.assert_allclose(signal.read(0, 50)[:, 0], potentials()[:50, 3], atol=1e-11)


def test_filters_of_the_amplifier_are_said(tmp_path: Path) -> None:
    raw = raw_of(potentials()).filter(1.0, 30.0, verbose="error")
    raw.save(tmp_path / "x_raw.fif", verbose="error")
    assert "filtered before: 1 to 30 Hz, as the file says" in (
        open_contents(tmp_path / "x_raw.fif").notes
    )


def test_a_file_becomes_the_responses_of_the_arrays_that_were_written(tmp_path: Path) -> None:
    data = potentials()
    mapping = tmp_path / "x.toml"
    mapping.write_text(
        '[events]\ntable = "annotations"\nstimulus = "description"\n'
        'pattern = "frame/([0-9]+)"\nduration = "next"\n'
    )
    recording = b2m.read_recording(write_brainvision(tmp_path), mapping)
    arrays = b2m.Recording.from_arrays(
        signal=data,
        time=np.arange(len(data)) / RATE,
        onset=ONSETS,
        ids=IDS,
        measure="potential [V]",
    )
    found, expected = (b2m.responses_of(each, 0.1, 0.4, 3) for each in (recording, arrays))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-10)
    np.testing.assert_array_equal(found.ids, expected.ids)
    assert found.measure == "potential [V]"


def test_microvolts_that_are_said_to_be_volts_are_refused(tmp_path: Path) -> None:
    columns = {name: (v[0], RATE, "V") for name, v in in_microvolts(potentials()).items()}
    path = write_records(tmp_path / "x.edf", columns, [(k, None, str(round(k))) for k in ONSETS])
    with pytest.raises(ValueError, match=r"vary by .*activity\.scale|vary by .*activity\.unit"):
        b2m.read_recording(path, ["events.table=annotations"])


def test_a_file_is_read_by_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = open_contents(write_brainvision(tmp_path))
    asked: list[tuple[int, int]] = []
    kind = type(mne.io.read_raw_brainvision(tmp_path / "watched.vhdr", verbose="error"))
    own = kind._read_segment_file

    def counted(self, data, idx, fi, start, stop, cals, mult):  # type: ignore[no-untyped-def]
        asked.append((start, stop))
        return own(self, data, idx, fi, start, stop, cals, mult)

    monkeypatch.setattr(kind, "_read_segment_file", counted)
    recording = recording_of(contents, read_mapping(["events.table=annotations"]))  # type: ignore[arg-type]
    asked.clear()
    b2m.responses_of(recording, 0.1, 0.2)
    assert len(asked) == len(ONSETS)
    assert max(stop - start for start, stop in asked) < 30


@pytest.mark.skipif(not FORMATS.exists(), reason="the files of MNE's own tests are not here")
@pytest.mark.parametrize(
    ("name", "n_samples", "n_channels", "table", "n_events"),
    [
        ("mne_test.edf", 3072, 138, "annotations", 5),
        ("mne_test.bdf", 2048, 72, "Status", 1),
        ("test.vhdr", 7900, 26, "annotations", 13),
        ("test_bin_raw.fif", 7900, 32, "STI 014", 10),
    ],
)
def test_files_of_amplifiers_are_opened(
    name: str, n_samples: int, n_channels: int, table: str, n_events: int
) -> None:
    contents = open_contents(FORMATS / name)
    assert contents.signal("potential").shape == (n_samples, n_channels)
    assert len(contents.table(table)) == n_events
    assert proposed_mapping(contents).mapping.events is not None


@pytest.mark.skipif(not FORMATS.exists(), reason="the files of MNE's own tests are not here")
def test_one_recording_in_two_formats_is_the_same() -> None:
    """MNE's own test files: the FIF was made of the BrainVision."""
    header, fif = (open_contents(FORMATS / name) for name in ("test.vhdr", "test_bin_raw.fif"))
    np.testing.assert_allclose(read_whole(header), read_whole(fif)[:, :26], atol=1e-9)
    onsets = header.table("annotations").column("onset")[:10]
    np.testing.assert_allclose(fif.table("STI 014").column("onset")[:8], onsets[:8])
