"""What may be a teacher, and by which ids it is paired."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.decision_trials import NO_STIMULUS
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_sternberg
from b2m_drive.transfer import BrainTargets, attach

VALUES = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)

NO_IDS = [
    pytest.param(["7", "8", "9"], "'7'", id="text"),
    pytest.param(np.array([7.0, 8.5, 9.0]), "8.5", id="fractions"),
    pytest.param(np.array([7.0, np.nan, 9.0]), "nan", id="missing"),
    pytest.param(np.array([7, None, 9], dtype=object), "None", id="missing object"),
    pytest.param(np.array([True, False, True]), "True|bool", id="a mask"),
    pytest.param([[7], [8], [9]], r"shape \(3, 1\)", id="lists"),
    pytest.param([[7], [8, 9], [9]], "unequal length", id="ragged lists"),
    pytest.param(np.array([7, 8, 2**63], np.uint64), str(2**63), id="beyond 64 bits"),
]


@pytest.mark.parametrize(("ids", "shown"), NO_IDS)
def test_ids_that_are_no_whole_numbers_are_refused_and_shown(
    ids: Any, shown: str, as_users_run_it: None
) -> None:
    with pytest.raises(ValueError, match=rf"ids of session 7: expected whole numbers.*({shown})"):
        BrainTargets(VALUES, ids, "session 7")
    network = nn.Linear(4, 5)
    attachment = attach(network, "", BrainTargets(VALUES, np.arange(7, 10), "session 7"))
    network(torch.zeros(3, 4))
    with pytest.raises(ValueError, match=rf"ids of the batch: expected whole numbers.*({shown})"):
        attachment.loss(ids)


@pytest.mark.parametrize("kind", [list, np.int32, np.uint8, np.int64])
def test_whole_numbers_of_any_kind_are_matched(kind: Any, as_users_run_it: None) -> None:
    ids = [9, 7, 8] if kind is list else np.array([9, 7, 8], kind)
    brain = BrainTargets(VALUES, ids, "session 7")
    assert brain.rows_of(np.array([7, 8, 9])).tolist() == [1, 2, 0]
    network = nn.Linear(4, 5)
    attachment = attach(network, "", brain)
    network(torch.zeros(3, 4))
    assert attachment.loss(ids).item() > 0


def test_ids_that_never_match_are_told_once_and_only_if_nothing_matched_before() -> None:
    network, batch = nn.Linear(4, 5), torch.zeros(3, 4)
    brain = BrainTargets(VALUES, np.arange(7, 10), "session 7")
    attachment = attach(network, "", brain)
    network(batch)
    with pytest.warns(UserWarning, match=r"none of the 3 .*\(0, 1, 2\).*session 7 \(7, 8, 9\)"):
        attachment.loss(np.arange(3))
    network(batch)
    assert attachment.loss(np.arange(3)).item() == 0  # warnings are errors here
    other = attach(network, "", brain)
    for ids in (np.array([7, 0, 1]), np.arange(3)):
        network(batch)
        other.loss(ids)


def test_items_that_a_trial_lacks_teach_nothing() -> None:
    trials = simulate_sternberg(40, 8, np.random.default_rng(0))
    brain = replace(SimulatedBrain.preset("ideal"), n_units=6)
    recording = in_trials(brain.record(trials, 0))
    targets = BrainTargets.from_recording(recording)
    assert targets.valid is not None
    period = recording.period
    for position in range(trials.n_items):
        shown = trials.stimulus[:, position] != NO_STIMULUS
        bins = targets.valid[:, period == f"item{position + 1}"]
        assert bins[shown].all()
        assert not bins[~shown].any()
    assert targets.valid[:, period == "maintenance"].all()
    garbage = recording.values.copy()
    garbage[~targets.valid] = 1e6
    changed = BrainTargets.from_recording(replace(recording, values=garbage))
    np.testing.assert_array_equal(changed.variance, targets.variance)


def test_a_trial_that_lacks_every_bin_is_left_out_and_said() -> None:
    trials = simulate_sternberg(40, 8, np.random.default_rng(0))
    recording = in_trials(replace(SimulatedBrain.preset("ideal"), n_units=6).record(trials, 0))
    last = recording.period == f"item{trials.n_items}"
    bins = tuple(each for each, kept in zip(recording.windows, last, strict=True) if kept)
    few = replace(recording, values=recording.values[:, last], windows=bins)
    targets = BrainTargets.from_recording(few)
    full = trials.item_count == trials.n_items
    np.testing.assert_array_equal(targets.ids, trials.trial_id[full])
    assert f"without {int((~full).sum())} trials" in targets.origin


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"phase": np.zeros(3, np.int64)}, r"phase of session 7: expected shape \(2,\)"),
        ({"phase": np.array([0, -1])}, "expected 0 or more where a step is valid"),
        (
            {"phase": np.array([0, 1]), "variance": np.ones((1, 2), np.float32)},
            r"or \(2, 2\) for that many phases, came \(1, 2\)",
        ),
        (
            {"phase": np.array([0, 1]), "variance": np.array([[1, 1], [0, 0]], np.float32)},
            "all are 0",
        ),
        ({"values": VALUES, "phase": np.zeros(3, np.int64)}, "None without a time axis"),
    ],
)
def test_impossible_phases_are_refused(
    fields: dict[str, Any], message: str, as_users_run_it: None
) -> None:
    whole = {"values": np.zeros((3, 2, 2), np.float32), "ids": np.arange(3), "origin": "session 7"}
    with pytest.raises(ValueError, match=message):
        BrainTargets(**{**whole, **fields})
