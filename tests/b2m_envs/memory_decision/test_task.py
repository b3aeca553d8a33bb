from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from b2m_envs.memory_decision import (
    LEFT,
    NO_STIMULUS,
    PADDING,
    RIGHT,
    MemoryDecisionSettings,
    MemoryDecisionTask,
    TrialTable,
)
from b2m_envs.memory_decision.randomness import draw_without_replacement, gaussian_quantiles
from b2m_envs.memory_decision.settings import settings_from_keywords


def table(**changes: np.ndarray) -> TrialTable:
    """Two trials, of three and of four items."""
    columns: dict[str, np.ndarray] = {
        "trial_id": np.array([7, 3]),
        "stimulus": np.array([[0, 1, 2, NO_STIMULUS], [4, 5, 6, 7]]),
        "isi": np.array([0.0, 0.5]),
        "maintenance": np.array([2.4, 2.6]),
        "probe_left": np.array([1, 0]),
        "probe_right": np.array([3, 7]),
    }
    return TrialTable(**(columns | changes))


def test_one_trial_unrolls_as_worked_by_hand():
    settings = MemoryDecisionSettings(
        n_items=2,
        n_stimuli=3,
        codes=np.eye(3),
        fixation=0.2,
        item=0.2,
        post_item=0.1,
        response=0.2,
        time_step=0.1,
        observation_noise=0.0,
    )
    trial = TrialTable(
        trial_id=np.array([5]),
        stimulus=np.array([[2, 0]]),
        isi=np.array([0.1]),
        maintenance=np.array([0.3]),
        probe_left=np.array([1]),
        probe_right=np.array([0]),
    )
    batch = MemoryDecisionTask(settings).unroll(trial, np.random.default_rng(0))
    # fixation 2 steps; item1 2 + blank 1; item2 2 + blank 1 + post-item 1; maintenance 3; probe 2
    assert batch.mask[0].sum() == 14
    assert batch.period[0, :14].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4]
    assert (batch.period[0, 14:] == PADDING).all()
    assert batch.period_names == ("fixation", "item1", "item2", "maintenance", "probe")
    observation = np.zeros((14, 10))
    observation[:12, 0] = 1
    observation[2:4, 1 + 2] = 1  # item 2 at the centre
    observation[5:7, 1 + 0] = 1
    observation[12:, 4 + 1] = 1  # left probe
    observation[12:, 7 + 0] = 1  # right probe
    np.testing.assert_array_equal(batch.observation[0, :14], observation)
    assert (batch.observation[0, 14:] == 0).all()
    assert batch.target[0, :14].tolist() == [0] * 12 + [2, 2]
    assert np.flatnonzero(batch.decision[0]).tolist() == [12, 13]
    seconds = [0, 0.1, 0, 0.1, 0.2, 0, 0.1, 0.2, 0.3, 0, 0.1, 0.2, 0, 0.1]
    np.testing.assert_allclose(batch.time_since_onset[0, :14], seconds, atol=1e-6)
    assert batch.trial_id.tolist() == [5]
    assert batch.trials.target_side.tolist() == [RIGHT]


def test_events_are_rounded_on_the_trials_clock_so_that_errors_do_not_add_up():
    settings = MemoryDecisionSettings(n_items=4, isi=0.5, fixation=0.4, time_step=0.2)
    batch = MemoryDecisionTask(settings).sample(1, np.random.default_rng(0))
    onsets = [int(np.argmax(batch.period[0] == item)) for item in range(1, 5)]
    # 0.4, 1.1, 1.8, 2.5 s are steps 2, 5.5, 9, 12.5, halves up
    assert onsets == [2, 6, 9, 13]
    shown = (batch.shown[0, :, 0] != NO_STIMULUS).sum()
    assert shown == 4


def test_trials_with_fewer_items_go_straight_to_maintenance():
    batch = MemoryDecisionTask(MemoryDecisionSettings()).unroll(table(), np.random.default_rng(0))
    assert sorted(set(batch.period[0].tolist())) == [PADDING, 0, 1, 2, 3, 5, 6]
    assert sorted(set(batch.period[1].tolist())) == [PADDING, 0, 1, 2, 3, 4, 5, 6]


def test_trials_drawn_follow_the_settings():
    settings = MemoryDecisionSettings(n_items=(3, 4), isi=(0.0, 0.8), maintenance=(2.4, 2.6))
    trials = MemoryDecisionTask(settings).draw_trials(4000, np.random.default_rng(1))
    shown_left = (trials.stimulus == trials.probe_left[:, None]).any(axis=1)
    shown_right = (trials.stimulus == trials.probe_right[:, None]).any(axis=1)
    assert (shown_left != shown_right).all()
    assert abs((trials.target_side == LEFT).mean() - 0.5) < 0.03
    assert abs((trials.item_count == 3).mean() - 0.5) < 0.03
    assert abs((trials.isi == 0.8).mean() - 0.5) < 0.03
    assert 2.4 <= trials.maintenance.min() < 2.41
    assert 2.59 < trials.maintenance.max() <= 2.6
    for row in trials.stimulus:
        items = row[row != NO_STIMULUS]
        assert len(set(items.tolist())) == len(items)


def test_the_probed_item_is_at_every_position_equally_often():
    trials = MemoryDecisionTask(MemoryDecisionSettings(n_items=4)).draw_trials(
        4000, np.random.default_rng(2)
    )
    target = np.where(trials.target_side == LEFT, trials.probe_left, trials.probe_right)
    position = np.argmax(trials.stimulus == target[:, None], axis=1)
    np.testing.assert_allclose(np.bincount(position) / 4000, 0.25, atol=0.03)


def test_stimuli_drawn_without_replacement_are_uniform_in_every_position():
    chance = np.random.default_rng(0).random((20_000, 3))
    picks = draw_without_replacement(chance, 4)
    assert all(len(set(row)) == 3 for row in picks.tolist())
    orders, count = np.unique(picks, axis=0, return_counts=True)
    assert len(orders) == 4 * 3 * 2
    np.testing.assert_allclose(count / 20_000, 1 / 24, atol=0.006)


def test_rows_drawn_at_once_equal_rows_drawn_one_by_one():
    task = MemoryDecisionTask(MemoryDecisionSettings(code_size=5, time_step=0.2))
    together = task.sample(7, np.random.default_rng(3))
    generator = np.random.default_rng(3)
    one_by_one = [task.sample(1, generator) for _ in range(7)]
    for row, single in enumerate(one_by_one):
        np.testing.assert_array_equal(together.observation[row], single.observation[0])
        np.testing.assert_array_equal(together.target[row], single.target[0])


def test_noise_is_gaussian_on_stimulus_channels_only_and_never_in_the_padding():
    noisy = MemoryDecisionTask(MemoryDecisionSettings(observation_noise=0.3))
    clean = MemoryDecisionTask(MemoryDecisionSettings(observation_noise=0.0))
    trials = noisy.draw_trials(200, np.random.default_rng(0))
    seen = noisy.unroll(trials, np.random.default_rng(1))
    shown = clean.unroll(trials, np.random.default_rng(1))
    noise = (seen.observation - shown.observation)[seen.mask == 1]
    assert (noise[:, 0] == 0).all()
    noise = noise[:, 1:] / 0.3
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert abs((noise**4).mean() - 3) < 0.1
    correlation = np.corrcoef(noise.T) - np.eye(24)
    assert np.abs(correlation).max() < 0.06
    assert (seen.observation[seen.mask == 0] == 0).all()


def test_noise_quantiles_are_those_of_the_standard_normal_distribution():
    quantiles = gaussian_quantiles()
    assert abs((quantiles < -1.959964).mean() - 0.025) < 1e-4
    assert abs(quantiles.std() - 1) < 1e-3


def test_unrolling_again_keeps_the_trials_and_redraws_the_noise():
    task = MemoryDecisionTask(MemoryDecisionSettings())
    generator = np.random.default_rng(0)
    first, second = task.unroll(table(), generator), task.unroll(table(), generator)
    np.testing.assert_array_equal(first.target, second.target)
    assert not np.array_equal(first.observation, second.observation)


def test_selected_trials_keep_their_ids_in_the_order_asked_for():
    batch = MemoryDecisionTask(MemoryDecisionSettings()).unroll(
        table().select(np.array([1, 0, 1])), np.random.default_rng(0)
    )
    assert batch.trial_id.tolist() == [3, 7, 3]


def test_every_batch_is_padded_to_the_longest_trial_possible():
    task = MemoryDecisionTask(MemoryDecisionSettings())
    # 0.5 + 4 x (0.2 + 0.8) + 0.2 + 2.6 + 0.6 s
    assert task.n_steps == 79
    assert task.sample(1, np.random.default_rng(0)).observation.shape == (1, 79, 25)
    longer = table(maintenance=np.array([2.4, 6.0]))
    batch = task.unroll(longer, np.random.default_rng(0))
    # 0.5 + 4 x 0.7 + 0.2 + 6.0 + 0.6 s
    assert batch.observation.shape == (2, 101, 25)


def test_a_trial_list_is_sampled_in_its_order_looping():
    task = MemoryDecisionTask(MemoryDecisionSettings(trial_list=table()))
    batch = task.sample(5, np.random.default_rng(0))
    assert batch.trial_id.tolist() == [7, 3, 7, 3, 7]


def test_codes_are_of_unit_length_and_leave_trials_alone():
    random = MemoryDecisionTask(MemoryDecisionSettings(codes_seed=0))
    other = MemoryDecisionTask(MemoryDecisionSettings(codes_seed=1))
    np.testing.assert_allclose(np.linalg.norm(random.codes, axis=1), 1, rtol=1e-6)
    assert not np.allclose(random.codes, other.codes)
    first = random.draw_trials(20, np.random.default_rng(0))
    second = other.draw_trials(20, np.random.default_rng(0))
    np.testing.assert_array_equal(first.stimulus, second.stimulus)


def test_codes_of_one_category_are_more_alike_than_codes_of_two():
    settings = MemoryDecisionSettings(
        codes="category", n_stimuli=40, n_categories=4, code_size=50, category_share=0.6
    )
    codes = MemoryDecisionTask(settings).codes
    similarity = codes @ codes.T
    category = np.arange(40) % 4
    same = category[:, None] == category
    within = similarity[same & ~np.eye(40, dtype=bool)].mean()
    assert abs(within - 0.6) < 0.08
    assert abs(similarity[~same].mean()) < 0.15


def test_given_codes_are_used_as_they_are():
    codes = np.arange(24.0).reshape(8, 3)
    task = MemoryDecisionTask(MemoryDecisionSettings(codes=codes, observation_noise=0.0))
    np.testing.assert_array_equal(task.codes, codes)
    batch = task.unroll(table(), np.random.default_rng(0))
    onset = int(np.argmax(batch.period[1] == 2))
    np.testing.assert_array_equal(batch.observation[1, onset, 1:4], codes[5])


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_items": 0}, "n_items: expected a whole number of 1 or more, or several, came 0"),
        ({"n_items": ()}, r"n_items: .* came \(\)"),
        ({"n_stimuli": 4}, "n_stimuli: expected more than the 4 items .* came 4"),
        ({"item": 0.05}, r"item: expected .* at least one time step \(0.1 s\), came 0.05"),
        ({"response": 0.0}, "response: expected .* came 0.0"),
        ({"isi": (0.2, -0.2)}, "isi: expected .* came"),
        ({"maintenance": (2.6, 2.4)}, r"maintenance: .* came \(2.6, 2.4\)"),
        ({"maintenance": float("nan")}, "maintenance: .* came nan"),
        ({"fixation": -1.0}, "fixation: expected a number of 0 or more, came -1.0"),
        ({"time_step": 0.0}, "time_step: expected a duration above 0 s, came 0.0"),
        ({"observation_noise": -0.1}, "observation_noise: .* came -0.1"),
        ({"reward_abort": float("inf")}, "reward_abort: expected a finite number, came inf"),
        ({"category_share": 1.5}, "category_share: .* came 1.5"),
        ({"codes": np.zeros((5, 3))}, r"codes: expected .* shape \(8, feature\).* came \(5, 3\)"),
        ({"codes": np.full((8, 2), np.nan)}, "codes: expected finite numbers, came 16 NaN"),
        ({"codes": "onehot"}, 'codes: expected "random", "category" or an array, came onehot'),
        ({"codes": [[0.0]]}, "codes: expected .* an array, came"),
        ({"n_items": "four"}, "n_items: expected .* came four"),
        ({"time_step": "0.1"}, "time_step: expected .* came 0.1"),
        ({"n_stimuli": 8.0}, "n_stimuli: expected a whole number of 1 or more, came 8.0"),
        ({"codes_seed": -1}, "codes_seed: expected .* came -1"),
        ({"abort_on_break": "no"}, "abort_on_break: expected True or False, came no"),
        ({"trial_list": [0, 1]}, "trial_list: expected a TrialTable or None, came"),
        ({"cods": "random"}, "unknown setting: expected one of n_items, .* came 'cods'"),
    ],
)
def test_a_bad_setting_is_named_with_what_was_expected_and_what_came(changes, message):
    with pytest.raises(ValueError, match=message):
        settings_from_keywords(changes, MemoryDecisionSettings)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"isi": np.array([0.0])}, "isi: expected 2 trials as in trial_id, came 1"),
        ({"isi": np.array([0.0, -0.2])}, r"isi of trial 3 \(row 1\): .* came -0.2"),
        (
            {"maintenance": np.array([np.nan, 2.5])},
            r"maintenance of trial 7 \(row 0\): .* came nan",
        ),
        (
            {"probe_left": np.array([4, 0])},
            "probe_left and probe_right of trial 7 .*exactly one .* came 0",
        ),
        (
            {"probe_left": np.array([1, 6])},
            "probe_left and probe_right of trial 3 .*exactly one .* came 2",
        ),
        ({"probe_left": np.array([-1, 0])}, "probe_left of trial 7 .* came -1"),
        (
            {"stimulus": np.array([[0, NO_STIMULUS, 1, 2], [4, 5, 6, 7]])},
            "stimulus of trial 7 .* only after the last",
        ),
        ({"stimulus": np.array([[0, 1, 2, -2], [4, 5, 6, 7]])}, "stimulus of trial 7 .* came -2"),
        (
            {"stimulus": np.array([[0, 1, 2, 3], [NO_STIMULUS] * 4])},
            "stimulus of trial 3 .* one item or more",
        ),
    ],
)
def test_an_impossible_trial_table_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        table(**changes)


def test_a_trial_list_that_does_not_fit_the_task_is_refused():
    with pytest.raises(ValueError, match=r"stimulus of trial 3 .* 3 items, came 4"):
        MemoryDecisionSettings(n_items=3, trial_list=table())
    with pytest.raises(ValueError, match=r"stimulus of trial 3 .* from 0 to 5, came 7"):
        MemoryDecisionSettings(n_stimuli=6, trial_list=table())
    probe_unknown = table(probe_right=np.array([9, 7]))
    with pytest.raises(ValueError, match=r"probe_right of trial 7 .* from 0 to 7, came 9"):
        MemoryDecisionSettings(trial_list=probe_unknown)
    with pytest.raises(ValueError, match="trial_list: expected one trial or more, came 0"):
        MemoryDecisionSettings(trial_list=table().select(np.array([], dtype=int)))


def test_unrolling_trials_that_do_not_fit_the_task_is_refused():
    task = MemoryDecisionTask(MemoryDecisionSettings(n_stimuli=6))
    with pytest.raises(ValueError, match="stimulus of trial 3"):
        task.unroll(table(), np.random.default_rng(0))


def test_settings_cannot_be_changed_after_they_were_checked():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MemoryDecisionSettings().time_step = 0.3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"n_items": np.int64(3)}, {"n_items": 3}),
        ({"n_items": range(2, 4)}, {"n_items": (2, 3)}),
        ({"n_items": np.array([2, 4])}, {"n_items": (2, 4)}),
        ({"isi": np.array([0.0, 0.5])}, {"isi": (0.0, 0.5)}),
        ({"isi": [0.0, np.float64(0.5)]}, {"isi": (0.0, 0.5)}),
        ({"maintenance": np.linspace(1.0, 2.0, 2)}, {"maintenance": (1.0, 2.0)}),
    ],
)
def test_numbers_of_numpy_and_any_sequence_are_taken(
    given: dict[str, Any], kept: dict[str, Any]
) -> None:
    settings, plain = MemoryDecisionSettings(**given), MemoryDecisionSettings(**kept)
    for name, value in kept.items():
        assert getattr(settings, name) == value
    drawn, same = (
        MemoryDecisionTask(each).draw_trials(20, np.random.default_rng(0))
        for each in (settings, plain)
    )
    np.testing.assert_array_equal(drawn.stimulus, same.stimulus)
    np.testing.assert_array_equal(drawn.isi, same.isi)
