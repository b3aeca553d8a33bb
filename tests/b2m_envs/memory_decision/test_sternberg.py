from __future__ import annotations

import numpy as np
import pytest

from b2m_envs.memory_decision import (
    LEFT,
    NO_STIMULUS,
    PADDING,
    RIGHT,
    MemoryDecisionSettings,
    MemoryDecisionTask,
    SternbergSettings,
    SternbergTask,
    SternbergTrials,
    TrialTable,
    task_of,
)
from b2m_envs.memory_decision.settings import settings_from_keywords


def trials(**changes: np.ndarray) -> SternbergTrials:
    """Two trials, of one item and of two; the probe is in, then out."""
    columns: dict[str, np.ndarray] = {
        "trial_id": np.array([7, 3]),
        "stimulus": np.array([[2, NO_STIMULUS], [4, 5]]),
        "isi": np.array([0.1, 0.1]),
        "maintenance": np.array([0.3, 0.3]),
        "probe": np.array([2, 0]),
    }
    return SternbergTrials(**(columns | changes))


def test_one_trial_unrolls_as_worked_by_hand():
    settings = SternbergSettings(
        n_items=(1, 2),
        n_stimuli=6,
        codes=np.eye(6),
        fixation=0.2,
        item=0.2,
        post_item=0.1,
        response=0.3,
        observation_noise=0.0,
    )
    batch = SternbergTask(settings).unroll(trials(), np.random.default_rng(0))
    # fixation 2 steps; item1 2 + blank 1; post-item 1; maintenance 3; probe 3, longer than an item
    periods = [0, 0, 1, 1, 1, 1, 3, 3, 3, 4, 4, 4]
    assert batch.period[0, :12].tolist() == periods
    assert (batch.period[0, 12:] == PADDING).all()
    observation = np.zeros((12, 7))
    observation[:9, 0] = 1
    observation[2:4, 1 + 2] = 1
    observation[9:, 1 + 2] = 1  # the probe, at the centre, until the end
    np.testing.assert_array_equal(batch.observation[0, :12], observation)
    assert batch.target[0, :12].tolist() == [0] * 9 + [1] * 3  # in
    assert set(batch.target[1][batch.decision[1]]) == {2}  # out
    assert batch.trials.target_side.tolist() == [LEFT, RIGHT]


def test_trials_drawn_follow_the_settings():
    drawn = SternbergTask(SternbergSettings()).draw_trials(6000, np.random.default_rng(1))
    is_in = (drawn.stimulus == drawn.probe[:, None]).any(axis=1)
    np.testing.assert_array_equal(is_in, drawn.target_side == LEFT)
    assert abs(is_in.mean() - 0.5) < 0.03
    np.testing.assert_allclose(np.bincount(drawn.item_count)[1:] / 6000, 1 / 3, atol=0.03)
    assert (drawn.maintenance == 2.5).all()
    for count in (1, 2, 3):
        probed = is_in & (drawn.item_count == count)
        position = np.argmax(drawn.stimulus == drawn.probe[:, None], axis=1)[probed]
        np.testing.assert_allclose(np.bincount(position) / len(position), 1 / count, atol=0.06)
    np.testing.assert_allclose(np.bincount(drawn.probe[~is_in]) / (~is_in).sum(), 1 / 8, atol=0.03)


def test_a_probe_that_is_out_may_be_any_stimulus_but_the_items():
    settings = SternbergSettings(n_items=(1, 3), n_stimuli=4)
    drawn = SternbergTask(settings).draw_trials(3000, np.random.default_rng(0))
    out = drawn.select((drawn.target_side == RIGHT) & (drawn.item_count == 1))
    distance = (out.probe - out.stimulus[:, 0]) % 4
    np.testing.assert_allclose(np.bincount(distance)[1:] / len(out), 1 / 3, atol=0.06)


def test_a_task_takes_and_shows_its_own_kind_of_trials_only():
    with pytest.raises(ValueError, match="expected SternbergSettings, came MemoryDecisionSettings"):
        SternbergTask(MemoryDecisionSettings())
    generator = np.random.default_rng(0)
    others = MemoryDecisionTask(MemoryDecisionSettings(n_items=3)).draw_trials(2, generator)
    assert isinstance(others, TrialTable)
    with pytest.raises(ValueError, match="trials: expected a SternbergTrials, came TrialTable"):
        SternbergTask(SternbergSettings()).unroll(others, generator)
    with pytest.raises(ValueError, match="trial_list: expected a SternbergTrials or None, came"):
        SternbergSettings(trial_list=others)


def test_the_task_of_settings_is_the_one_they_are_named_after():
    assert type(task_of(SternbergSettings())) is SternbergTask
    assert type(task_of(MemoryDecisionSettings())) is MemoryDecisionTask


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probe": np.array([-1, 0])}, "probe of trial 7 .* expected a stimulus index .* came -1"),
        ({"probe": np.array([1])}, "probe: expected 2 trials as in trial_id, came 1"),
        ({"stimulus": np.array([[2, 1], [-1, 5]])}, "stimulus of trial 3 .* only after the last"),
    ],
)
def test_an_impossible_trial_table_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        trials(**changes)


def test_a_probe_that_the_task_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"probe of trial 3 .* from 0 to 7, came 9"):
        SternbergSettings(trial_list=trials(probe=np.array([2, 9])))


@pytest.mark.usefixtures("as_users_run_it")
def test_errors_name_this_task():
    with pytest.raises(ValueError, match=r"B2M/Sternberg: n_stimuli: .* the 3 items .* came 3"):
        settings_from_keywords({"n_stimuli": 3}, SternbergSettings)
    with pytest.raises(ValueError, match=r"B2M/Sternberg: unknown setting: .* came 'loads'"):
        settings_from_keywords({"loads": (1, 2)}, SternbergSettings)
