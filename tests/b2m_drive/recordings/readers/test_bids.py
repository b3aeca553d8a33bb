from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import b2m_drive as b2m
from b2m_drive.recordings.proposal import proposed_mapping
from b2m_drive.recordings.readers.bids import read_table
from b2m_drive.recordings.readers.table import open_contents
from tests.shared.made_eeg import IDS, NAMES, ONSETS, RATE, potentials, raw_of, write_brainvision

pytest.importorskip("mne", reason="the eeg extra is not installed")
pytest.importorskip("pybv", reason="the dev extra is not installed")

EVENTS = "onset\tduration\ttrial_type\timage\tanswer\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def data_set(root: Path, subjects: tuple[str, ...] = ("01",)) -> Path:
    """A data set with tables beside and above the recording."""
    write(root / "dataset_description.json",
          json.dumps({"Name": "Scenes", "BIDSVersion": "1.9.0", "License": "CC0"}))  # fmt: skip
    write(root / "participants.tsv", "participant_id\tage\tsex\nsub-01\t31\tn/a\nsub-02\t40\tF\n")
    write(root / "task-watch_eeg.json",
          json.dumps({"PowerLineFrequency": 60, "EEGReference": "Cz"}))  # fmt: skip
    for subject in subjects:
        folder = root / f"sub-{subject}" / "eeg"
        folder.mkdir(parents=True)
        stem = f"sub-{subject}_task-watch"
        write_brainvision(folder, fname_base=f"{stem}_eeg")
        rows = [
            f"{onset}\t0.25\tscene\t{k}\t{'n/a' if k == 100 else 'yes'}\n"
            for onset, k in zip(ONSETS, IDS, strict=True)
        ]
        write(folder / f"{stem}_events.tsv", EVENTS + "".join(rows))
        types = {"Fz": "EEG", "Cz": "EEG", "Pz": "EEG", "Oz": "VEOG"}
        lines = [f"{n}\t{t}\tµV\t{'bad' if n == 'Cz' else 'good'}\n" for n, t in types.items()]
        write(folder / f"{stem}_channels.tsv", "name\ttype\tunits\tstatus\n" + "".join(lines))
    return root


def test_a_recording_has_what_lies_beside_and_above_it(tmp_path: Path) -> None:
    contents = open_contents(data_set(tmp_path / "x"))
    table = contents.table("events")
    assert (table.onset, table.duration) == ("onset", "duration")
    np.testing.assert_allclose(table.column("onset"), ONSETS)
    np.testing.assert_array_equal(table.labels("image"), IDS.astype(str))
    assert set(table.labels("answer")[IDS == 100]) == {"n/a"}
    assert len(contents.table("annotations")) == len(ONSETS)  # those of the file itself
    assert contents.signal("potential").kinds == ("EEG", "EEG", "EEG", "EOG")
    assert contents.bad_channels == ("Cz",)
    assert contents.line_frequency == 60
    assert (contents.licence, contents.source, contents.subject) == ("CC0", "Scenes", "sub-01")
    assert contents.session == "sub-01_task-watch_eeg"
    assert {"reference when recorded: Cz", "sub-01: age 31"} <= set(contents.notes)
    steps = proposed_mapping(contents).mapping.preprocessing
    assert (steps.bad_channels, steps.reference) == (("Cz",), ("average",))


def test_a_data_set_becomes_the_responses_of_the_arrays(tmp_path: Path) -> None:
    mapping = ["events.table=events", "events.stimulus=image"]
    recording = b2m.read_recording(data_set(tmp_path / "x"), mapping)
    assert [unit.name for unit in recording.units] == ["Fz", "Cz", "Pz"]
    arrays = b2m.Recording.from_arrays(
        signal=potentials()[:, :3], time=np.arange(2560) / RATE, onset=ONSETS, ids=IDS
    )
    found, expected = (b2m.responses_of(each, 0.1, 0.3) for each in (recording, arrays))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-10)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_allclose(recording.events.duration, 0.25)


def test_of_several_recordings_one_is_to_be_named(tmp_path: Path) -> None:
    root = data_set(tmp_path / "x", ("01", "02"))
    with pytest.raises(ValueError, match=r"one recording, came 2 .*name one of") as said:
        b2m.read_recording(root, ["events.table=events"])
    paths = str(said.value).splitlines()[1:]
    assert [Path(path.strip()).name for path in paths] == [
        "sub-01_task-watch_eeg.vhdr", "sub-02_task-watch_eeg.vhdr",
    ]  # fmt: skip
    named = b2m.read_recording(paths[1].strip(), ["events.table=events", "events.stimulus=image"])
    assert named.subject == "sub-02"
    within = b2m.read_recording(root / "sub-02", ["events.table=events", "events.stimulus=image"])
    assert within.session == named.session


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="came a folder without"):
        open_contents(tmp_path)
    (tmp_path / "dataset_description.json").write_text("{}")
    with pytest.raises(ValueError, match=r"came 0 in this BIDS data set that end in .*\.vhdr"):
        open_contents(tmp_path)


def test_tables_of_another_subject_or_run_are_not_taken(tmp_path: Path) -> None:
    root = data_set(tmp_path / "x")
    folder = root / "sub-01" / "eeg"
    events = folder / "sub-01_task-watch_events.tsv"
    events.rename(folder / "sub-01_task-watch_run-2_events.tsv")
    write(root / "task-rest_events.tsv", EVENTS)
    assert [table.name for table in open_contents(root).tables] == ["annotations"]
    write(root / "task-watch_events.tsv", "onset\tduration\n2.5\tn/a\n")
    table = open_contents(root).table("events")
    assert list(table.column("onset")) == [2.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a first row"),
        ("onset\tonset\n1\t2\n", "first row of different names"),
        ("onset\tduration\n1\t2\n3\n", "row 3: expected 2 cells, came 1"),
        ("duration\n1\n", "expected a column onset of seconds"),
        ("onset\nsoon\n", "expected a column onset of seconds"),
        ("onset\n\x00\n", "expected"),
    ],
)
def test_tables_that_cannot_be_are_named(tmp_path: Path, text: str, said: str) -> None:
    root = data_set(tmp_path / "x")
    path = root / "sub-01" / "eeg" / "sub-01_task-watch_events.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"{path.name}: .*{said}"):
        open_contents(root)


def test_a_text_that_is_no_json_is_named(tmp_path: Path) -> None:
    root = data_set(tmp_path / "x")
    (root / "task-watch_eeg.json").write_text("{")
    with pytest.raises(ValueError, match=r"task-watch_eeg\.json: expected JSON"):
        open_contents(root)


def test_missing_values_are_missing(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("a\tb\n1\tn/a\nn/a\tcat\n")
    columns = read_table(tmp_path / "x.tsv")
    np.testing.assert_array_equal(columns["a"], [1, np.nan])
    assert list(columns["b"]) == [None, "cat"]


def test_a_data_set_of_mne_bids_is_read(tmp_path: Path) -> None:
    mne_bids = pytest.importorskip("mne_bids", reason="the dev extra is not installed")
    import mne

    raw = raw_of(potentials())
    raw.info["line_freq"] = 50
    raw.set_annotations(mne.Annotations(ONSETS, 0.25, [f"frame/{k}" for k in IDS]))
    raw.info["bads"] = ["Pz"]
    place = mne_bids.BIDSPath(subject="07", task="watch", root=tmp_path / "x", datatype="eeg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNE_LOGGING_LEVEL", "ERROR")
        mne_bids.write_raw_bids(
            raw, place, format="BrainVision", allow_preload=True, overwrite=True, verbose="error"
        )
    contents = open_contents(tmp_path / "x")
    signal = contents.signal("potential")
    np.testing.assert_allclose(signal.read(0, len(signal)), potentials(), atol=1e-10)
    table = contents.table("events")
    np.testing.assert_allclose(table.column("onset"), ONSETS, atol=1 / RATE)
    assert list(table.column("trial_type")) == [f"frame/{k}" for k in IDS]
    assert contents.bad_channels == ("Pz",)
    assert contents.line_frequency == 50
    assert contents.signal("potential").channels == NAMES
    assert contents.subject == "sub-07"
