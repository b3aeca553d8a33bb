"""Tables that do not say everything: what is missing becomes no other id and no other answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.decision_trials import LEFT, NO_STIMULUS, RIGHT, DecisionTrials
from b2m_drive.recordings.events import Events
from b2m_drive.recordings.mapped import events_of
from b2m_drive.recordings.mapped_trials import trials_of
from b2m_drive.recordings.mapping import mapping_from
from b2m_drive.recordings.proposal import proposed_mapping

NAN = np.nan
TEXT = np.dtype(object)


def events(what: Any, **entries: Any) -> tuple[Events, tuple[str, ...]]:
    onset = np.arange(len(what), dtype=float)
    table = EventTable("log", {"onset": onset, "what": np.asarray(what)}, "onset")
    mapping = mapping_from({"events": {"stimulus": "what", **entries}}).events
    assert mapping is not None
    return events_of(Contents(Path("one.abc"), "made", tables=(table,)), mapping)


def test_a_frame_keeps_its_number_where_another_row_has_none() -> None:
    found, notes = events([3.0, 10.0, NAN, 2.0])
    assert found.ids.tolist() == [3, 10, 2]
    assert found.onset.tolist() == [0, 1, 3]
    assert "1 events left out: what is missing" in notes


@pytest.mark.parametrize("nothing", ["", "n/a", "NaN"])
def test_labels_without_a_text_are_no_presentations(nothing: str) -> None:
    assert events(np.array(["b", nothing, "a"], TEXT))[0].ids.tolist() == [1, 0]


def test_a_label_that_is_given_a_number_is_seen_whatever_it_is() -> None:
    found, _ = events(np.array(["n/a", "a"], TEXT), ids={"n/a": 7, "a": 1})
    assert found.ids.tolist() == [7, 1]


def test_rows_that_all_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected what was seen in what, came nothing in 2 rows"):
        events([NAN, NAN])


def test_numbers_among_texts_are_never_numbered_by_the_alphabet() -> None:
    with pytest.raises(ValueError, match=r"'10', '3' and 'rest'.*events.where or events.pattern"):
        events(np.array(["3", "10", "rest"], TEXT))
    found, _ = events(np.array(["3", "10", "rest"], TEXT), ids={"3": 3, "10": 10, "rest": -1})
    assert found.ids.tolist() == [3, 10, -1]


def test_whole_numbers_are_themselves_however_they_are_written() -> None:
    assert events(np.array(["3.0", "10", "-2."], TEXT))[0].ids.tolist() == [3, 10, -2]
    assert events(np.array([-5, 2**62]))[0].ids.tolist() == [-5, 2**62]
    assert events([3.0, 10.0], where={"what": [10.0]})[0].ids.tolist() == [10]


def test_numbers_too_large_for_ids_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected whole numbers up to .*came 100000000000"):
        events([1e20, 1.0])


def test_ids_given_are_whole_numbers() -> None:
    with pytest.raises(ValueError, match=r"events.ids.a: expected a whole number, came 1.5"):
        events(["a"], ids={"a": 1.5})


def test_a_group_of_a_pattern_that_takes_nothing_is_no_presentation() -> None:
    found, notes = events(np.array(["frame/7", "pause"], TEXT), pattern="frame/([0-9]+)|pause")
    assert found.ids.tolist() == [7]
    assert "1 of other kinds left out" in notes[0]


ROWS = {
    "on1": [1.0, 11, 21, 31], "on2": [2.0, 12, NAN, 32], "pic1": [1.0, 2, 3, 4],
    "pic2": [2.0, 3, NAN, 1], "delay": [3.0, 13, 23, 33], "probe": [6.0, 16, 26, 36],
    "asked": [1.0, 3, 3, 9], "other": [9.0, 9, 9, 4],
}  # fmt: skip


def rows(changed: dict[str, Any], **entries: Any) -> tuple[DecisionTrials, tuple[str, ...]]:
    columns = {name: np.asarray(values) for name, values in {**ROWS, **changed}.items()}
    mapping = mapping_from(
        {
            "trials": {
                "items": ["on1", "on2"], "stimuli": ["pic1", "pic2"], "maintenance": "delay",
                "probe": "probe", "probe_left": "asked", **entries,
            }
        }
    ).trials  # fmt: skip
    assert mapping is not None
    return trials_of(Contents(Path("one.abc"), "made", tables=(EventTable("t", columns),)), mapping)


def test_a_trial_that_does_not_say_when_an_item_was_shown_is_no_trial_of_fewer_items() -> None:
    trials, notes = rows({"on2": [2.0, NAN, NAN, 32]})  # of the second, which asks for that item
    assert trials.trial_id.tolist() == [0, 2, 3]
    assert trials.target_side.tolist() == [LEFT, LEFT, RIGHT]
    assert "1 trials left out: a time is missing" in notes


def test_labels_that_fill_positions_without_an_item_are_none() -> None:
    changed = {"on2": [2.0, NAN, NAN, 32], "pic2": [2.0, 0, 0, 1]}
    trials, _ = rows(changed)
    assert trials.item_count.tolist() == [2, 1, 1, 2]
    assert trials.n_stimuli == 5  # 1, 2, 3, 4 and 9


def test_a_probe_that_is_not_named_is_not_taken_for_an_item() -> None:
    trials, notes = rows({"asked": [1.0, 3, NAN, 9]})
    assert trials.trial_id.tolist() == [0, 1, 3]
    assert (trials.probe_left != NO_STIMULUS).all()
    assert "1 trials left out: an item or a probe is not named" in notes


def test_of_two_probes_exactly_one_was_an_item() -> None:
    changed = {"other": [2.0, 9, 9, 4], "asked": [1.0, 9, 3, 9]}  # both, none, left, right
    trials, notes = rows(changed, task="memory_decision", probe_right="other")
    assert trials.trial_id.tolist() == [2, 3]
    assert trials.target_side.tolist() == [LEFT, RIGHT]
    assert "2 trials left out: not exactly one of the probes was an item" in notes


def phases(
    onset: list[float], stimulus: list[float], order: list[int] | None = None
) -> tuple[DecisionTrials, tuple[str, ...]]:
    phase = np.array(["item", "item", "delay", "probe"] * 2, TEXT)
    chosen = np.arange(8) if order is None else np.array(order)
    columns = {
        "onset": np.array(onset)[chosen],
        "phase": phase[chosen],
        "what": np.array(stimulus)[chosen],
    }
    mapping = mapping_from(
        {
            "trials": {
                "phase": "phase", "item": "item", "maintenance": "delay", "probe": "probe",
                "stimuli": ["what"], "probe_left": "what",
            }
        }
    ).trials  # fmt: skip
    assert mapping is not None
    return trials_of(
        Contents(Path("one.abc"), "made", tables=(EventTable("t", columns, "onset"),)), mapping
    )


ONSETS, STIMULI = [1.0, 2, 3, 6, 11, 12, 13, 16], [1.0, 2, NAN, 2, 3, 2, NAN, 9]


@pytest.mark.parametrize("row", range(4))
def test_a_row_without_a_time_takes_its_own_trial_along(row: int) -> None:
    trials, notes = phases([NAN if k == row else each for k, each in enumerate(ONSETS)], STIMULI)
    np.testing.assert_array_equal(trials.item_onset, [[11, 12]])
    assert trials.target_side.tolist() == [RIGHT]
    assert "1 trials left out: a time is missing" in notes


def test_an_item_that_is_not_named_takes_its_trial_along() -> None:
    trials, notes = phases(ONSETS, [1.0, NAN, NAN, 2, 3, 2, NAN, 9])
    assert trials.stimulus.shape == (1, 2)
    assert "1 trials left out: an item or a probe is not named" in notes


def test_rows_without_a_time_in_no_order_are_refused() -> None:
    order = [4, 5, 6, 7, 0, 1, 2, 3]
    assert len(phases(ONSETS, STIMULI, order)[0]) == 2
    with pytest.raises(ValueError, match=r"came 1 rows without one.*their trials cannot be told"):
        phases([1.0, NAN, *ONSETS[2:]], STIMULI, order)


def test_notes_say_which_number_each_stimulus_has() -> None:
    assert "numbers of stimuli: 1 = 0, 2 = 1, 3 = 2, 4 = 3, 9 = 4" in rows({})[1]


def test_a_proposal_doubts_the_onset_where_other_columns_are_times_too() -> None:
    columns = {"start_time": [1.0, 2], "stop_time": [1.5, 2.5], "item_onset": [1.2, 2.2]}
    arrays = {name: np.array(values) for name, values in columns.items()}
    table = EventTable("trials", {**arrays, "picture": np.array([1, 2])}, "start_time")
    found = proposed_mapping(Contents(Path("one.abc"), "made", tables=(table,)))
    said = "start_time is taken for the onset; other columns of times are item_onset: name one"
    assert any(each.startswith(said) for each in found.doubts)


def test_a_proposed_pattern_takes_the_numbers_of_all_lengths() -> None:
    labels = np.array([f"Stimulus/S{k:>3}" for k in range(1, 201)], TEXT)
    table = EventTable("log", {"onset": np.arange(200.0), "description": labels}, "onset")
    contents = Contents(Path("one.abc"), "made", tables=(table,))
    proposed = proposed_mapping(contents).mapping.events
    assert proposed is not None
    found, notes = events_of(contents, proposed)
    assert found.ids.tolist() == list(range(1, 201))
    assert "left out" not in notes[0]


def test_a_proposal_takes_numbers_from_among_texts() -> None:
    labels = np.array([*map(str, range(30)), "rest", "boundary"], TEXT)
    table = EventTable("log", {"onset": np.arange(32.0), "type": labels}, "onset")
    contents = Contents(Path("one.abc"), "made", tables=(table,))
    proposed = proposed_mapping(contents).mapping.events
    assert proposed is not None
    found, notes = events_of(contents, proposed)
    assert found.ids.tolist() == list(range(30))
    assert "2 of other kinds left out" in notes[0]
