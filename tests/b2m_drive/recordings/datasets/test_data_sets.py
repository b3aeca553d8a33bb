"""Files of the named data sets are recognised, and read as their authors meant them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.contents_text import proposal_text
from b2m_drive.recordings.datasets.dandi_000004 import recognition_trials
from b2m_drive.recordings.datasets.data_set import DataSet
from b2m_drive.recordings.datasets.table import DATA_SETS, data_set, recognised
from b2m_drive.recordings.decision_trials import LEFT, NO_STIMULUS
from b2m_drive.recordings.mapping import EventMapping, RecordingMapping
from b2m_drive.recordings.proposal import proposed_mapping
from b2m_drive.recordings.readers.table import open_contents, read_recording

pytest.importorskip("pynwb")

from tests.shared import nwb_files


@pytest.mark.slow
@pytest.mark.parametrize(("newer", "name"), [(False, "dandi_000469"), (True, "dandi_000673")])
def test_a_sternberg_session_is_read_without_a_mapping(
    tmp_path: Path, newer: bool, name: str
) -> None:
    columns = nwb_files.sternberg_columns()
    path = nwb_files.write_sternberg(tmp_path / "sub-1_ses-2.nwb", columns, newer=newer)
    recording = read_recording(path)
    trials, right = recording.trials, columns["correct"] == 1
    assert trials is not None
    assert trials.task == "sternberg"
    assert np.array_equal(trials.item_count, columns["load"][right])
    shown = columns["items"][right] - 1
    assert np.array_equal(trials.stimulus, np.where(shown < 0, NO_STIMULUS, shown))
    assert np.array_equal(trials.probe_left, columns["probe"][right] - 1)
    assert np.array_equal(trials.target_side == LEFT, columns["inside"][right] == 1)
    assert np.array_equal(trials.maintenance_onset, columns["maintenance"][right])
    assert np.array_equal(trials.probe_onset, columns["probe_onset"][right])
    seen = shown >= 0
    assert np.array_equal(trials.item_onset[seen], columns["onset"][right][seen])
    assert len(recording.events) == int(columns["load"][right].sum())
    assert f"{int((~right).sum())} error trials left out of 24" in recording.notes
    known = data_set(name)
    assert f"recognised as {known.title}" in recording.notes
    assert known.citation in recording.source
    assert recording.licence == ("unknown" if newer else "CC BY 4.0")
    proposal = proposed_mapping(open_contents(path))
    assert (proposal.known, proposal.mapping) == (known.title, known.mapping)
    text = proposal_text(proposal, path, None)
    assert text.startswith(f"{known.title}: read without --mapping, as\n  [activity]")
    assert text.endswith(f"then run: b2m-drive compare memory --recording {path} --task sternberg")


@pytest.mark.slow
def test_a_probe_that_is_said_to_be_in_and_was_not_shown_is_noted_or_refused(
    tmp_path: Path,
) -> None:
    columns = nwb_files.sternberg_columns()
    turned = columns["inside"].copy()
    turned[:2] = 1 - turned[:2]
    path = nwb_files.write_sternberg(tmp_path / "two.nwb", {**columns, "inside": turned})
    notes = read_recording(path).notes
    assert "probe_in_out contradicts the pictures in 2 trials" in notes
    every = {**columns, "inside": 1 - columns["inside"]}
    path = nwb_files.write_sternberg(tmp_path / "all.nwb", every)
    with pytest.raises(ValueError, match="came another value in 24 of 24 trials"):
        read_recording(path)


def test_a_mapping_of_ones_own_goes_before_the_data_sets(tmp_path: Path) -> None:
    path = nwb_files.write_sternberg(tmp_path / "a.nwb", nwb_files.sternberg_columns())
    recording = read_recording(
        path, ["events.table=trials", "events.stimulus=loads", "events.onset=timestamps_Probe"]
    )
    assert recording.trials is None
    assert set(recording.events.ids) == {1, 2, 3}


def test_recognition_has_every_picture_and_what_was_said(tmp_path: Path) -> None:
    columns = nwb_files.recognition_columns()
    recording = read_recording(nwb_files.write_recognition(tmp_path / "r.nwb", columns))
    assert np.array_equal(recording.events.onset, columns["on"])
    same_picture = columns["picture"][:, None] == columns["picture"]
    assert np.array_equal(recording.events.ids[:, None] == recording.events.ids, same_picture)
    trials = recognition_trials(recording)
    judged = np.array(columns["phase"]) == "recog"
    assert np.array_equal(trials.event, np.flatnonzero(judged))
    assert np.array_equal(trials.old, np.array(columns["new"])[judged] == "0")
    assert np.array_equal(trials.answered_old, columns["response"][judged] >= 34)
    assert np.array_equal(trials.category, columns["category"][judged] - 1)
    assert np.array_equal(np.isin(trials.picture, trials.learnt), trials.old)


def test_recognition_of_another_recording_is_refused(tmp_path: Path) -> None:
    path = nwb_files.write_laboratory(tmp_path / "lab.nwb")
    other = read_recording(path, ["events.table=trials", "activity.signal=units"])
    with pytest.raises(ValueError, match="expected a recording of DANDI 000004, came one without"):
        recognition_trials(other)


def test_a_file_of_none_is_recognised_as_none(tmp_path: Path) -> None:
    contents = open_contents(nwb_files.write_laboratory(tmp_path / "lab.nwb"))
    assert recognised(contents) is None


def test_a_data_set_of_ones_own_joins_by_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = DataSet(
        "mine", "Mine", "looking", "me", "CC0", "https://example.org", columns=("gaze",),
        mapping=RecordingMapping(events=EventMapping(table="looks")),
    )  # fmt: skip
    looks = EventTable("looks", {"t": np.zeros(2), "gaze": np.zeros(2)}, onset="t")
    contents = Contents(Path("a.nwb"), "NWB 2", tables=(looks,))
    assert recognised(contents) is None
    monkeypatch.setitem(DATA_SETS, "mine", mine)
    assert recognised(contents) is mine


def test_every_data_set_says_where_whose_and_under_which_licence() -> None:
    for name, each in DATA_SETS.items():
        assert each.name == name
        assert all((each.title, each.task, each.citation, each.licence)), name
        assert each.page.startswith("http"), name


def test_an_unknown_data_set_is_told_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"kornblith2017, .* came dandi469 \(perhaps dandi_000469"):
        data_set("dandi469")
