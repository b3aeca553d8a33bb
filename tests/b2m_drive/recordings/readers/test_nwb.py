"""NWB files written by pynwb are read as they were written, and broken ones are named."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from b2m_drive.files.missing_packages import MissingPackageError
from b2m_drive.recordings.contents import Contents
from b2m_drive.recordings.mapping import read_mapping
from b2m_drive.recordings.proposal import proposed_mapping
from b2m_drive.recordings.readers.table import open_contents, read_recording
from b2m_drive.recordings.responses import responses_of

pynwb = pytest.importorskip("pynwb")

from tests.shared import nwb_files  # noqa: E402 - needs pynwb


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nwb_files.write_laboratory(tmp_path_factory.mktemp("nwb") / "lab.nwb")


@pytest.fixture(scope="module")
def contents(laboratory: Path) -> Contents:
    return open_contents(laboratory)


@pytest.fixture
def copied(laboratory: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(laboratory, tmp_path / "copy.nwb"))


@pytest.mark.slow
@pytest.mark.thorough
def test_pynwbs_validator_finds_nothing_in_the_fixtures(laboratory: Path, tmp_path: Path) -> None:
    columns = nwb_files.sternberg_columns(4)
    made = [
        laboratory,
        nwb_files.write_sternberg(tmp_path / "a.nwb", columns),
        nwb_files.write_sternberg(tmp_path / "b.nwb", columns, newer=True),
        nwb_files.write_recognition(tmp_path / "c.nwb", nwb_files.recognition_columns(4)),
    ]
    assert [pynwb.validate(path=str(path)) for path in made] == [[]] * 4


def test_units_have_their_spikes_regions_and_kinds(contents: Contents) -> None:
    assert contents.spikes is not None
    named = [(unit.name, unit.region, unit.kind) for unit in contents.spikes.units]
    kinds = ("SU", "MU", "SU")
    assert named == [
        (f"unit{k}", region, kind)
        for k, (region, kind) in enumerate(zip(nwb_files.REGIONS, kinds, strict=True))
    ]
    generator = np.random.default_rng(1)
    for k, count in enumerate((40, 0, 25)):
        expected = np.sort(generator.uniform(0, 6, count))
        assert np.array_equal(contents.spikes.read(k), expected)


def test_a_signal_is_in_its_unit_after_every_conversion(contents: Contents) -> None:
    lfp = contents.signal("wires")
    stored = nwb_files.lfp_values()
    expected = stored * nwb_files.CONVERSION * np.array(nwb_files.CHANNEL_CONVERSION)
    assert np.allclose(lfp[:], expected + nwb_files.OFFSET, rtol=1e-6, atol=0)
    assert np.array_equal(lfp[700:703], lfp[:][700:703])
    assert (lfp.rate, lfp.unit, lfp.span[0]) == (nwb_files.RATE, "V", 0.5)
    assert (lfp.kinds, lfp.regions) == (("LFP",) * 3, nwb_files.REGIONS)


def test_samples_with_times_have_their_gap(contents: Contents) -> None:
    eye = contents.signal("eye")
    assert eye.shape == (400, 2)
    assert np.allclose(eye.gaps, [(2.0, 3.0)])
    assert np.allclose(eye[:], np.random.default_rng(2).normal(size=(400, 2)), atol=1e-6)


def test_tables_hold_trials_annotations_and_series_of_moments(contents: Contents) -> None:
    trials = contents.table("trials")
    assert (trials.onset, trials.duration) == ("start_time", "duration")
    assert np.allclose(trials.column("duration"), 0.25)
    assert trials.labels("picture").tolist() == ["p0", "p1", "p0", "p1", "p0"]
    assert contents.table("events").column("data").tolist() == ["55", "1", "2", "66"]
    codes = contents.table("codes")
    assert codes.labels("data").tolist() == ["4", "9", "4"]
    assert codes.column(codes.onset).tolist() == [0.25, 1.75, 5.0]


def test_what_is_left_out_is_named(contents: Contents) -> None:
    notes = " / ".join(contents.notes)
    assert "series video left out: TimeSeries of the shape (5, 4, 3)" in notes
    assert "table trials: columns of several values a row left out: licks" in notes


def test_who_when_and_whence(contents: Contents) -> None:
    assert (contents.subject, contents.session) == ("7", "lab-1")
    assert contents.clock == "seconds from 2020-01-02T03:04:05+00:00"
    assert contents.source == "NWB file lab (doi:10.1000/x)"
    assert (contents.licence, contents.simulated) == ("unknown", False)


def test_contents_can_be_sent_to_a_worker_and_hold_no_file_open(copied: Path) -> None:
    contents = open_contents(copied)
    again = pickle.loads(pickle.dumps(contents))
    assert np.array_equal(again.signal("wires")[5:9], contents.signal("wires")[5:9])
    with h5py.File(copied, "r+"):  # refused, were it open elsewhere
        pass


def test_responses_are_cut_from_spikes_and_from_a_signal_alike_as_from_arrays(
    laboratory: Path, contents: Contents
) -> None:
    entries = ["events.table=trials", "events.stimulus=picture"]
    spikes = read_recording(laboratory, [*entries, "activity.signal=units"])
    assert spikes.measure == "spikes"
    assert spikes.events.ids.tolist() == [0, 1, 0, 1, 0]
    assert contents.spikes is not None
    edges = spikes.events.onset[:, None] + np.array([0.0, 0.5])
    counts = [np.diff(np.searchsorted(contents.spikes.read(0), edges))]
    assert np.allclose(responses_of(spikes, 0.0, 0.5).values[:, 0, 0], np.sqrt(counts[0][:, 0]))
    lfp = read_recording(laboratory, [*entries, "activity.signal=wires"])
    by_part = responses_of(lfp, 0.1, 0.4, 2).values
    assert np.allclose(by_part, responses_of(lfp.in_memory(), 0.1, 0.4, 2).values, atol=1e-9)


def test_a_mapping_is_proposed_that_works(laboratory: Path, contents: Contents) -> None:
    proposal = proposed_mapping(contents)
    assert proposal.known == ""
    assert len(read_recording(laboratory, proposal.mapping).events) == 5
    with pytest.raises(ValueError, match=r'may be\n    \[activity\]\n    signal = "units"'):
        read_recording(laboratory)


def test_nan_in_a_signal_is_refused_when_it_is_read(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        file["acquisition/eye/data"][150, 1] = np.nan
    contents = open_contents(copied)
    assert contents.signal("eye")[:100].shape == (100, 2)
    with pytest.raises(
        ValueError, match=r"signal eye: expected finite values, came 1 of 200.*NaN.*eye1"
    ):
        contents.signal("eye")[100:300]


def test_unsorted_times_leave_a_signal_out_by_name(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        file["acquisition/eye/timestamps"][7] = 99.0
    contents = open_contents(copied)
    assert [each.name for each in contents.signals] == ["wires"]
    assert any("series eye left out: signal eye: time" in note for note in contents.notes)


def test_an_index_of_spikes_beyond_their_end_is_refused(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        file["units/spike_times_index"][2] = 200
    with pytest.raises(ValueError, match=r"copy\.nwb: units: expected an index of 3 units into 65"):
        open_contents(copied)


def test_a_row_of_no_electrode_is_named(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        file["processing/ecephys/LFP/wires/electrodes"][1] = 44
    contents = open_contents(copied)
    assert any("wires left out: electrodes: expected a row" in note for note in contents.notes)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.99])
def test_a_file_cut_short_is_one_clear_sentence(copied: Path, share: float) -> None:
    whole = copied.read_bytes()
    copied.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"copy\.nwb: expected an NWB file.*, came"):
        open_contents(copied)


def test_another_kind_of_file_is_named(tmp_path: Path) -> None:
    text = tmp_path / "a.nwb"
    text.write_text("onset\tduration\n")
    with pytest.raises(ValueError, match=r"a\.nwb: expected an NWB file, came one that is not"):
        open_contents(text)
    other = tmp_path / "b.nwb"
    with h5py.File(other, "w") as file:
        file["x"] = 1.0
    with pytest.raises(ValueError, match=r"b\.nwb: expected an NWB file, came HDF5 of another"):
        open_contents(other)
    with h5py.File(other, "w") as file:
        file.attrs["nwb_version"] = "1.0.5"
    with pytest.raises(ValueError, match=r"b\.nwb: expected .* version 2, came version 1\.0\.5"):
        open_contents(other)
    with pytest.raises(FileNotFoundError, match=r"c\.nwb: expected a recording, found none"):
        open_contents(tmp_path / "c.nwb")


def test_nwb_under_another_suffix_is_no_session(laboratory: Path, tmp_path: Path) -> None:
    renamed = shutil.copy(laboratory, tmp_path / "lab.h5")
    with pytest.raises(ValueError, match=r"lab\.h5: expected"):
        read_recording(renamed)


def test_links_to_other_files_are_refused_before_anything_is_read(
    copied: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["data"] = np.arange(6.0)
    with h5py.File(copied, "r+") as file:
        del file["acquisition/eye/data"]
        file["acquisition/eye/data"] = h5py.ExternalLink(str(secret), "/data")
    with pytest.raises(ValueError, match=r"the link /acquisition/eye/data to another file"):
        open_contents(copied)


def test_samples_stored_in_another_file_are_refused(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "raw.bin").write_bytes(bytes(800))
    with h5py.File(copied, "r+") as file:
        del file["acquisition/eye/data"]
        file["acquisition/eye"].create_dataset(
            "data", (100,), "f8", external=[(str(tmp_path / "raw.bin"), 0, 800)]
        )
    with pytest.raises(ValueError, match="stored in another file"):
        open_contents(copied)


def test_a_shape_that_was_never_written_is_refused_without_allocating(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        del file["acquisition/eye/data"]
        file["acquisition/eye"].create_dataset("data", (1 << 40, 64), "f8", chunks=(1 << 12, 64))
    with pytest.raises(ValueError, match=r"acquisition/eye/data.*chunks|promises"):
        open_contents(copied)


def test_series_that_share_their_samples_by_a_link_are_both_read(tmp_path: Path) -> None:
    nwb = nwb_files.nwb_file("shared")
    values = np.random.default_rng(0).normal(size=(60, 2))
    first = pynwb.TimeSeries(name="first", data=values, unit="m", rate=10.0)
    nwb.add_acquisition(first)
    nwb.add_acquisition(pynwb.TimeSeries(name="second", data=first, unit="m", rate=20.0))
    contents = open_contents(nwb_files.write(nwb, tmp_path / "shared.nwb"))
    for name, rate in (("first", 10.0), ("second", 20.0)):
        assert contents.signal(name).rate == rate
        assert np.array_equal(contents.signal(name)[:], values.astype(np.float32))


def test_without_pynwb_the_extra_is_named(
    laboratory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(MissingPackageError, match=r'reading NWB: .*pip install "b2m-drive\[nwb\]"'):
        open_contents(laboratory)


@pytest.mark.slow
def test_reading_another_format_does_not_import_pynwb() -> None:
    code = "import sys, b2m_drive.recordings.readers.table; print('pynwb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_mapping_of_the_command_line_names_what_is_missing(laboratory: Path) -> None:
    mapping = read_mapping(["events.table=trails", "activity.signal=units"])
    with pytest.raises(ValueError, match="expected a table 'trails', came events, codes, trials"):
        read_recording(laboratory, mapping)
    with pytest.raises(ValueError, match=r"activity\.signal, one of wires, units"):
        read_recording(laboratory, ["events.table=trials"])
