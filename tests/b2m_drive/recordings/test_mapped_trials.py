"""Trials of memory tasks out of tables with a row a trial, a row an event, and bare arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2m_drive.recordings.contents import Contents, EventTable, StoredArray
from b2m_drive.recordings.decision_trials import LEFT, NO_STIMULUS, RIGHT, DecisionTrials
from b2m_drive.recordings.mapped_trials import trials_of
from b2m_drive.recordings.mapping import TrialMapping, mapping_from

ROWS = {
    "on1": np.array([1.0, 11.0, 21.0]),
    "on2": np.array([2.0, 12.0, np.nan]),
    "pic1": np.array([5, 7, 5]),
    "pic2": np.array([7.0, 9.0, np.nan]),
    "delay": np.array([3.0, 13.0, 22.0]),
    "probe": np.array([5.0, 15.0, 24.0]),
    "asked": np.array([7, 5, 5]),
    "other": np.array([9, 9, 7]),
    "right": np.array(["correct", "wrong", "correct"], dtype=object),
    "block": np.array([1, 1, 2]),
}
ROW_MAPPING = {
    "items": ["on1", "on2"], "stimuli": ["pic1", "pic2"], "maintenance": "delay", "probe": "probe",
    "probe_left": "asked",
}  # fmt: skip


def mapping(entries: dict[str, Any], **other: Any) -> TrialMapping:
    found = mapping_from({"trials": {**entries, **other}}).trials
    assert found is not None
    return found


def contents(columns: dict[str, np.ndarray], onset: str = "") -> Contents:
    return Contents(Path("one.abc"), "made", tables=(EventTable("trials", columns, onset),))


def of_rows(columns: dict[str, np.ndarray] | None = None, **other: Any) -> DecisionTrials:
    return trials_of(contents({**ROWS, **(columns or {})}), mapping(ROW_MAPPING, **other))[0]


def test_a_row_a_trial_with_fewer_items_in_some() -> None:
    trials = of_rows()
    assert trials.task == "sternberg"
    assert trials.n_stimuli == 3  # 5, 7 and 9, from 0
    assert trials.stimulus.tolist() == [[0, 1], [1, 2], [0, NO_STIMULUS]]
    np.testing.assert_array_equal(trials.item_onset, [[1, 2], [11, 12], [21, np.nan]])
    assert trials.maintenance_onset.tolist() == [3, 13, 22]
    assert trials.probe_onset.tolist() == [5, 15, 24]
    assert trials.probe_left.tolist() == [1, 0, 0]
    assert trials.probe_right.tolist() == [NO_STIMULUS] * 3
    assert trials.target_side.tolist() == [LEFT, RIGHT, LEFT]
    assert trials.answered_correctly.all()


def test_answers_that_are_not_known_are_said_so() -> None:
    _, notes = trials_of(contents(ROWS), mapping(ROW_MAPPING))
    assert notes[0] == "answers unknown: all trials are kept, as if answered correctly"


def test_error_trials_are_left_out_or_kept_and_counted() -> None:
    found, notes = trials_of(contents(ROWS), mapping(ROW_MAPPING, correct="right"))
    assert found.trial_id.tolist() == [0, 2]
    assert notes[0] == "1 error trials left out of 3"
    kept, notes = trials_of(contents(ROWS), mapping(ROW_MAPPING, correct="right", errors=True))
    assert kept.answered_correctly.tolist() == [True, False, True]
    assert notes[0] == "1 error trials kept of 3"


def test_answers_in_other_words_have_to_be_named() -> None:
    words = {"right": np.array(["ja", "nein", "ja"], dtype=object)}
    with pytest.raises(ValueError, match=r"right: expected one of .*came \['ja', 'nein'\]"):
        of_rows(words, correct="right")
    assert len(of_rows(words, correct="right", correct_values=["ja"])) == 2


def test_two_probes_of_the_decision_task() -> None:
    trials = of_rows(task="memory_decision", probe_right="other")
    assert trials.probe_right.tolist() == [2, 2, 1]
    assert trials.target_side.tolist() == [LEFT, RIGHT, LEFT]


def test_the_first_item_may_be_the_missing_one() -> None:
    trials = of_rows({"on1": np.array([np.nan, 11, 21]), "pic1": np.array([np.nan, 7, 5])})
    assert trials.stimulus.tolist() == [[1, NO_STIMULUS], [1, 2], [0, NO_STIMULUS]]
    np.testing.assert_array_equal(trials.item_onset[0], [2, np.nan])


def test_the_delay_may_be_so_long_after_the_last_item() -> None:
    trials = of_rows(maintenance="", delay_after_item=0.5)
    assert trials.maintenance_onset.tolist() == [2.5, 12.5, 21.5]


@pytest.mark.parametrize("name", ["delay", "probe", "on1 and on2"])
def test_trials_whose_times_are_missing_are_left_out_and_counted(name: str) -> None:
    gone = {part: ROWS[part].copy() for part in name.split(" and ")}
    for values in gone.values():
        values[1] = np.nan
    for other in ({}, {"maintenance": "", "delay_after_item": 0.5}):
        if name == "delay" and other:
            continue
        found, notes = trials_of(contents({**ROWS, **gone}), mapping(ROW_MAPPING, **other))
        assert found.trial_id.tolist() == [0, 2]
        assert "1 trials left out: a time is missing" in notes


def test_rows_are_chosen_by_the_values_of_columns() -> None:
    assert of_rows(where={"block": ["2"]}).trial_id.tolist() == [0]
    assert of_rows(where={"block": ["2"]}).item_onset[0, 0] == 21


def test_times_may_be_milliseconds() -> None:
    assert of_rows(seconds=1e-3).probe_onset.tolist() == [0.005, 0.015, 0.024]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"items": []}, "expected trials.items, came none"),
        ({"probe": "", "probe_left": ""}, "expected trials.probe, trials.probe_left, came none"),
        ({"maintenance": ""}, "expected trials.maintenance, came none"),
        ({"task": "memory_decision"}, "expected trials.probe_right, came none"),
        ({"items": ["on1"]}, "as many trials.stimuli as trials.items, came 2 and 1"),
        ({"delay": "x", "maintenance": "x"}, "delay: expected one of"),
        ({"maintenance": "nothing"}, "expected a column 'nothing'"),
        ({"maintenance": "right"}, "expected numbers"),
        ({"table": "other"}, "expected a table 'other', came trials"),
        ({"where": {"block": ["9"]}}, "block: expected values that occur, came '9'"),
    ],
)
def test_trials_that_do_not_fit_are_refused(entries: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        of_rows(**entries)


def test_without_a_trial_that_has_times_nothing_is_left() -> None:
    with pytest.raises(ValueError, match="trials with times, answers and probes, came none of 3"):
        of_rows({"probe": np.full(3, np.nan)})


EVENTS = {
    "onset": np.array([3.0, 1.0, 2.0, 5.0, 11.0, 13.0, 15.0, 20.0, 21.0, 23.0, 30.0, 33.0]),
    "phase": np.array(
        ["delay", "item", "item", "probe", "item", "delay", "probe",  # two whole trials
         "item", "delay",  # the probe of this one never came
         "item", "probe", "probe"],  # neither the delay of this one, nor the items of the last
        dtype=object,
    ),
    "pic": np.array(["-", "a", "b", "b", "c", "-", "a", "a", "-", "b", "b", "c"], dtype=object),
    "ok": np.array([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1]),
}  # fmt: skip
EVENT_MAPPING = {
    "phase": "phase", "item": "item", "maintenance": "delay", "probe": "probe", "stimuli": ["pic"],
    "probe_left": "pic",
}  # fmt: skip


def of_events(**other: Any) -> DecisionTrials:
    return trials_of(contents(EVENTS, "onset"), mapping(EVENT_MAPPING, **other))[0]


def test_a_row_an_event_in_any_order_and_only_whole_trials() -> None:
    trials = of_events()
    np.testing.assert_array_equal(trials.item_onset, [[1, 2], [11, np.nan]])
    assert trials.stimulus.tolist() == [[0, 1], [2, NO_STIMULUS]]
    assert trials.maintenance_onset.tolist() == [3, 13]
    assert trials.probe_onset.tolist() == [5, 15]
    assert trials.target_side.tolist() == [LEFT, RIGHT]


def test_answers_are_read_in_the_rows_of_probes() -> None:
    assert of_events(correct="ok").probe_onset.tolist() == [5]


def test_trials_without_rows_of_delays() -> None:
    trials = of_events(maintenance="", delay_after_item=1.0)
    assert trials.maintenance_onset.tolist() == [3, 12, 24]
    assert trials.probe_onset.tolist() == [5, 15, 30]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"item": ""}, "expected trials.item, came none"),
        ({"item": "stimulus"}, "'stimulus'"),
        ({"stimuli": ["pic", "ok"]}, "expected one column where a row is an event, came 2"),
    ],
)
def test_events_that_are_no_trials_are_refused(entries: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        of_events(**entries)


def test_items_and_probes_that_never_follow_each_other_are_no_trials() -> None:
    columns = {**EVENTS, "phase": np.array(["probe"] * 6 + ["delay"] * 3 + ["item"] * 3, object)}
    columns["onset"] = np.arange(12.0)
    with pytest.raises(ValueError, match="expected items, then a probe, came no such order"):
        trials_of(contents(columns, "onset"), mapping(EVENT_MAPPING))


def test_bare_arrays_may_be_the_columns() -> None:
    arrays = {name: StoredArray(v.shape, str(v.dtype), lambda v=v: v) for name, v in ROWS.items()}
    trials, _ = trials_of(Contents(Path("one.mat"), "made", arrays=arrays), mapping(ROW_MAPPING))
    assert trials.probe_onset.tolist() == [5, 15, 24]


def test_trials_whose_probe_is_unknown_are_left_out() -> None:
    asked = {"asked": np.array(["7", "n/a", "5"], dtype=object)}
    trials, notes = trials_of(contents({**ROWS, **asked}), mapping(ROW_MAPPING))
    assert trials.trial_id.tolist() == [0, 2]  # the third has an item less: no probe is none of it
    assert "1 trials left out: an item or a probe is not named" in notes


def test_of_two_probes_exactly_one_was_shown() -> None:
    both = {"other": np.array([5, 9, 9])}  # of the first trial, both were items; of the last, one
    trials, notes = trials_of(
        contents({**ROWS, **both}),
        mapping(ROW_MAPPING, task="memory_decision", probe_right="other"),
    )
    assert trials.trial_id.tolist() == [1, 2]
    assert "1 trials left out: not exactly one of the probes was an item" in notes


def test_answers_that_the_table_does_not_hold_are_nominal() -> None:
    assert of_rows().nominal == ("answered_correctly",)
    assert of_rows(correct="right").nominal == ()


def test_a_missing_answer_is_no_error() -> None:
    right = {"right": np.array(["correct", "n/a", "wrong"], dtype=object)}
    trials, notes = trials_of(
        contents({**ROWS, **right}), mapping(ROW_MAPPING, correct="right", errors=True)
    )
    assert trials.trial_id.tolist() == [0, 2]
    assert "1 error trials kept of 3; 1 without an answer left out" in notes
