"""What is fitted to a brain is made once, and again for another brain or other settings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from b2m_agents.studies.memory import fitted_once as home
from b2m_agents.studies.memory.fitted_once import fitted_once
from b2m_agents.studies.memory.teachers import (
    Readout,
    brain_activity,
    latents_as_read,
    latents_of_brain,
)
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.latent_methods import LATENT_METHODS
from b2m_drive.teachers.response_latents import ResponseLatents


@pytest.fixture
def activity(monkeypatch: pytest.MonkeyPatch) -> TrialResponses:
    monkeypatch.setattr(home, "_kept", {})
    trials = simulate_trials(30, 3, 8, np.random.default_rng(0))
    return brain_activity(replace(SimulatedBrain.preset("ideal"), n_units=10).record(trials, 0))


def test_the_same_is_made_once_and_anything_else_anew(activity: TrialResponses) -> None:
    made = []

    def fit() -> int:
        made.append(1)
        return len(made)

    equal = replace(activity, values=activity.values.copy())
    assert [fitted_once(activity, "a", fit), fitted_once(equal, "a", fit)] == [1, 1]
    assert fitted_once(activity, "b", fit) == 2
    assert fitted_once(activity.with_values(activity.values + 1), "a", fit) == 3
    assert fitted_once(activity.select(np.arange(20)), "a", fit) == 4
    other = replace(activity.trials, probe_left=activity.trials.probe_right)
    assert fitted_once(replace(activity, trials=other), "a", fit) == 5


def test_a_process_does_not_keep_every_brain(activity: TrialResponses) -> None:
    for what in range(3 * home._MOST_KEPT):
        assert fitted_once(activity, what, lambda what=what: what) == what
    assert len(home._kept) == home._MOST_KEPT


@pytest.mark.slow
def test_latents_of_the_brain_are_those_that_are_fitted_anew(activity: TrialResponses) -> None:
    for readout in (Readout(), Readout("pca"), Readout("decoded", "carried")):
        again = [latents_of_brain(readout, activity, 3) for _ in range(2)]
        assert again[0] is again[1]
        expected = latents_as_read(readout, activity, 3)
        np.testing.assert_array_equal(again[0].values, expected.values)
        np.testing.assert_array_equal(again[0].share_of_variance, expected.share_of_variance)
    assert latents_of_brain(Readout("pca"), activity, 2).values.shape[-1] == 2


def test_a_method_put_in_anothers_place_is_asked_anew(
    activity: TrialResponses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_units(responses: object, n_latents: int | None) -> ResponseLatents:
        return ResponseLatents(activity.values[..., :2], np.full(2, 0.5, np.float32))

    def last_units(responses: object, n_latents: int | None) -> ResponseLatents:
        return ResponseLatents(activity.values[..., -2:], np.full(2, 0.5, np.float32))

    monkeypatch.setitem(LATENT_METHODS, "mine", first_units)
    before = latents_of_brain(Readout("mine"), activity, 2)
    monkeypatch.setitem(LATENT_METHODS, "mine", last_units)
    assert not np.array_equal(before.values, latents_of_brain(Readout("mine"), activity, 2).values)
