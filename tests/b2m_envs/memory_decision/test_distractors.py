from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from b2m_envs.memory_decision import (
    NO_STIMULUS,
    ContextDecisionSettings,
    MemoryDecisionSettings,
    MemoryDecisionTask,
    SternbergSettings,
    TrialTable,
    task_of,
)

KINDS = (MemoryDecisionSettings, SternbergSettings, ContextDecisionSettings)


def table(distractor: np.ndarray | None, maintenance: float = 1.0) -> TrialTable:
    return TrialTable(
        trial_id=np.array([5]),
        stimulus=np.array([[0, 1]]),
        isi=np.array([0.0]),
        maintenance=np.array([maintenance]),
        probe_left=np.array([2]),
        probe_right=np.array([0]),
        distractor=distractor,
    )


def settings(**changes: object) -> MemoryDecisionSettings:
    common = {"n_items": 2, "fixation": 0.2, "post_item": 0.0, "observation_noise": 0.0}
    return MemoryDecisionSettings(**(common | changes))  # type: ignore[arg-type]


def test_distractors_are_spread_evenly_over_maintenance_as_worked_by_hand():
    task = MemoryDecisionTask(settings(codes=np.eye(8)))
    batch = task.unroll(table(np.array([[3, 4]])), np.random.default_rng(0))
    maintenance = batch.period[0] == 3
    # 1.0 s with two distractors of 0.2 s: three blanks of 0.2 s
    assert batch.shown[0, maintenance, 0].tolist() == [-1, -1, 3, 3, -1, -1, 4, 4, -1, -1]
    seconds = np.arange(10) / 10  # the period goes on, and so does its clock
    np.testing.assert_allclose(batch.time_since_onset[0, maintenance], seconds, atol=1e-6)
    seen = batch.observation[0, maintenance]
    assert (seen[:, 0] == 1).all()  # the fixation cue stays on
    assert seen[2, 1:].nonzero()[0].tolist() == [3]  # at the centre
    assert (batch.target[0, maintenance] == 0).all()


def test_a_trial_without_distractors_shows_nothing_in_maintenance():
    batch = MemoryDecisionTask(settings()).unroll(table(None), np.random.default_rng(0))
    assert (batch.shown[0, batch.period[0] == 3] == NO_STIMULUS).all()


@pytest.mark.parametrize("kind", KINDS)
def test_distractors_are_different_stimuli_that_are_neither_items_nor_probes(kind):
    trials = task_of(kind(n_distractors=3)).draw_trials(500, np.random.default_rng(0))
    assert trials.distractor is not None
    for row, distractor in enumerate(trials.distractor):
        others = {*trials.stimulus[row].tolist(), *trials.probes[row].tolist()}
        assert len(set(distractor.tolist()) - others) == 3
    counts = np.bincount(trials.distractor.ravel(), minlength=8)
    np.testing.assert_allclose(counts / 1500, 1 / 8, atol=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_distractors_leave_everything_else_about_the_trials_alone_but_for_the_row_of_words(kind):
    generators = np.random.default_rng(3), np.random.default_rng(3)
    without, with_them = (
        task_of(kind(n_distractors=n)).draw_trials(1, generator)
        for n, generator in zip((0, 2), generators, strict=True)
    )
    assert without.distractor is None
    np.testing.assert_array_equal(without.stimulus, with_them.stimulus)
    np.testing.assert_array_equal(without.probes, with_them.probes)
    np.testing.assert_array_equal(without.maintenance, with_them.maintenance)


@pytest.mark.parametrize("name", ["MemoryDecision", "Sternberg", "ContextDecision"])
def test_environments_show_the_distractors_that_their_batch_has(name):
    env = gymnasium.make(f"b2m_envs:B2M/{name}-v0", n_distractors=2).unwrapped
    batch = env.sample_trials(3, seed=1)
    for row in range(3):
        observation, _ = env.reset(seed=1 if row == 0 else None)
        for step in range(int(batch.mask[row].sum()) - 1):
            np.testing.assert_array_equal(observation, batch.observation[row, step])
            observation = env.step(0)[0]


def test_distractors_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"more than the 4 items and 4 distractors .* came 8"):
        MemoryDecisionSettings(n_distractors=4)
    with pytest.raises(ValueError, match=r"maintenance: expected time for 2 distractors of 0\.2 s"):
        MemoryDecisionSettings(n_distractors=2, maintenance=0.3)
    with pytest.raises(ValueError, match=r"maintenance of trial 5 .* 2 distractors .* came 0\.3"):
        settings(trial_list=table(np.array([[3, 4]]), maintenance=0.3))
    with pytest.raises(ValueError, match=r"distractor of trial 5 .* from 0 to 7, came 8"):
        settings(trial_list=table(np.array([[3, 8]])))


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize("n_distractors", [-1, 1.5, True])
def test_a_number_of_distractors_that_is_no_count_is_refused(n_distractors):
    with pytest.raises(ValueError, match="n_distractors: expected a whole number of 0 or more"):
        MemoryDecisionSettings(n_distractors=n_distractors)


@pytest.mark.parametrize("shown", [[1, 3], [3, 3], [2, 3], [-1, 3]])
def test_a_distractor_that_is_an_item_a_probe_or_shown_twice_is_refused(shown):
    with pytest.raises(ValueError, match=r"distractor of trial 5 .* neither items nor probes"):
        table(np.array([shown]))
