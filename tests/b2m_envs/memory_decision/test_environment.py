from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from b2m_envs.memory_decision import TrialBatch, TrialTable
from b2m_envs.memory_decision.environment import MemoryDecisionEnv
from b2m_envs.memory_decision.vector_environment import MemoryDecisionVectorEnv
from b2m_envs.registration import MEMORY_TASKS

ID = "b2m_envs:B2M/MemoryDecision-v0"
IDS = tuple(f"b2m_envs:B2M/{name}-v0" for name in MEMORY_TASKS)


def fixed_trial(probe_left: int = 1, probe_right: int = 3) -> TrialTable:
    return TrialTable(
        trial_id=np.array([42]),
        stimulus=np.array([[0, 1, 2]]),
        isi=np.array([0.2]),
        maintenance=np.array([0.5]),
        probe_left=np.array([probe_left]),
        probe_right=np.array([probe_right]),
    )


def several_trials() -> TrialTable:
    return TrialTable(
        trial_id=np.array([11, 5, 8]),
        stimulus=np.array([[0, 1, 2, -1], [3, 4, 5, 6], [7, 2, 1, -1]]),
        isi=np.array([0.2, 0.0, 0.8]),
        maintenance=np.array([2.4, 2.5, 2.6]),
        probe_left=np.array([1, 0, 6]),
        probe_right=np.array([3, 6, 7]),
    )


def watch_trial(env: MemoryDecisionEnv, **reset: object) -> tuple[np.ndarray, list[dict]]:
    """Every observation and info of an episode in which the agent only fixates."""
    observation, info = env.reset(**reset)  # type: ignore[arg-type]
    observations, infos = [observation], [info]
    while True:
        observation, _, terminated, _, info = env.step(0)
        if terminated:
            return np.stack(observations), infos
        observations.append(observation)
        infos.append(info)


def play(env: MemoryDecisionEnv, action_at_probe: int) -> tuple[float, dict, int]:
    """Fixate until the probes are there, then act: return of rewards, last info, steps."""
    _, info = env.reset(seed=0)
    total, steps, terminated = 0.0, 0, False
    while not terminated:
        action = action_at_probe if info["period"] == "probe" else 0
        _, reward, terminated, _, info = env.step(action)
        total += reward
        steps += 1
    return total, info, steps


@pytest.mark.parametrize("name", IDS)
def test_gymnasium_finds_no_fault(name, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # the human mode opens a window
    check_env(gymnasium.make(name).unwrapped)


@pytest.mark.parametrize("name", IDS)
def test_stable_baselines3_finds_no_fault(name):
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_for_sb3(gymnasium.make(name).unwrapped, warn=True)


def test_the_same_seed_shows_the_same_trials_and_another_seed_others():
    first, second, third = MemoryDecisionEnv(), MemoryDecisionEnv(), MemoryDecisionEnv()
    for episode in range(4):
        seeds = ({"seed": 5}, {"seed": 5}, {"seed": 6}) if episode == 0 else ({}, {}, {})
        one, other, different = map(
            lambda env, seed: watch_trial(env, **seed)[0], (first, second, third), seeds
        )
        np.testing.assert_array_equal(one, other)
        assert not np.array_equal(one[0], different[0])


def test_observations_stay_within_their_space():
    env = MemoryDecisionEnv(observation_noise=1.0)
    for _ in range(5):
        observations, _ = watch_trial(env)
        assert all(env.observation_space.contains(observation) for observation in observations)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"time_step": 0.2, "code_size": 3},
        {"observation_noise": 0.0, "n_items": 2},
        {"trial_list": several_trials()},
    ],
    ids=["default", "coarse", "noiseless", "replay"],
)
def test_sampled_trials_equal_stepping_bin_by_bin(settings):
    env = MemoryDecisionEnv(**settings)
    batch = env.sample_trials(6, seed=9)
    for row in range(6):
        observations, infos = watch_trial(env, **({"seed": 9} if row == 0 else {}))
        assert_same_trial(batch, row, observations, infos)


def assert_same_trial(
    batch: TrialBatch, row: int, observations: np.ndarray, infos: list[dict]
) -> None:
    length = len(observations)
    assert batch.mask[row].sum() == length
    np.testing.assert_array_equal(batch.observation[row, :length], observations)
    periods = [batch.period_names[period] for period in batch.period[row, :length]]
    assert periods == [info["period"] for info in infos]
    seconds = [info["time_since_onset"] for info in infos]
    np.testing.assert_array_equal(batch.time_since_onset[row, :length], np.float32(seconds))
    assert {info["trial_id"] for info in infos} == {batch.trial_id[row]}
    side = infos[0]["target_side"]
    assert set(batch.target[row, batch.decision[row]]) == {side + 1}


def test_trials_sampled_without_a_seed_are_the_next_ones_of_the_environment():
    env, twin = MemoryDecisionEnv(), MemoryDecisionEnv()
    watch_trial(env, seed=1)
    watch_trial(twin, seed=1)
    batch = env.sample_trials(2)
    for row in range(2):
        assert_same_trial(batch, row, *watch_trial(twin))
    np.testing.assert_array_equal(watch_trial(env)[0], watch_trial(twin)[0])


def test_a_trial_list_is_replayed_in_order_and_starts_again_with_a_seed():
    env = MemoryDecisionEnv(trial_list=several_trials())
    ids = [env.reset(seed=0 if episode == 0 else None)[1]["trial_id"] for episode in range(5)]
    assert ids == [11, 5, 8, 11, 5]
    assert env.reset(seed=0)[1]["trial_id"] == 11


@pytest.mark.parametrize("name", IDS)
def test_trials_that_were_drawn_can_be_replayed(name):
    task = gymnasium.make(name, observation_noise=0.0).unwrapped.task
    drawn = task.draw_trials(4, np.random.default_rng(0))
    batch = task.unroll(drawn, np.random.default_rng(0))
    env = gymnasium.make(name, trial_list=drawn.select(np.array([3, 1])), observation_noise=0.0)
    for row in (3, 1, 3):
        observations, infos = watch_trial(env)
        assert_same_trial(batch, row, observations, infos)


def test_a_trial_of_the_list_can_be_chosen_and_the_next_one_follows():
    env = MemoryDecisionEnv(trial_list=several_trials())
    assert env.reset(seed=0, options={"trial": 1})[1]["trial_id"] == 5
    assert env.reset()[1]["trial_id"] == 8


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ({"trial_list": several_trials()}, {"trial": 3}, "'trial': expected a row from 0 to 2"),
        ({"trial_list": several_trials()}, {"trial": "one"}, "'trial': .* came 'one'"),
        ({}, {"trial": 0}, "'trial' needs a trial_list"),
        ({}, {"trail": 0}, "expected option \"trial\", came 'trail'"),
    ],
)
def test_a_bad_reset_option_is_refused(settings, options, message):
    with pytest.raises(ValueError, match=message):
        MemoryDecisionEnv(**settings).reset(options=options)
    with pytest.raises(ValueError, match=message):
        MemoryDecisionVectorEnv(num_envs=2, **settings).reset(options=options)


def test_choosing_the_side_shown_before_earns_the_correct_reward():
    rewards = {"reward_correct": 2.0, "reward_error": -1.0, "reward_abort": -0.5}
    env = MemoryDecisionEnv(n_items=3, trial_list=fixed_trial(), **rewards)
    total, info, steps = play(env, action_at_probe=1)
    assert total == 2.0
    assert info["correct"]
    assert not info["aborted"]
    # 0.5 + 3 x 0.4 + 0.2 + 0.5 s at 0.1 s, and one step of probes
    assert steps == 25


def test_choosing_the_other_side_or_none_earns_the_error_reward():
    rewards = {"reward_correct": 2.0, "reward_error": -1.0, "reward_abort": -0.5}
    env = MemoryDecisionEnv(n_items=3, trial_list=fixed_trial(), **rewards)
    total, info, steps = play(env, action_at_probe=2)
    assert (total, info["correct"], steps) == (-1.0, False, 25)
    total, info, steps = play(env, action_at_probe=0)
    assert (total, info["correct"], steps) == (-1.0, False, 30)  # the window of 0.6 s ran out


def test_the_correct_side_is_where_the_shown_stimulus_is():
    env = MemoryDecisionEnv(n_items=3, trial_list=fixed_trial(probe_left=3, probe_right=1))
    assert play(env, action_at_probe=2)[1]["correct"]
    assert not play(env, action_at_probe=1)[1]["correct"]


def test_breaking_fixation_aborts_the_trial():
    env = MemoryDecisionEnv(reward_abort=-0.5)
    env.reset(seed=0)
    env.step(0)
    observation, reward, terminated, truncated, info = env.step(2)
    assert (reward, terminated, truncated) == (-0.5, True, False)
    assert info["aborted"]
    assert not info["correct"]
    assert (observation == 0).all()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


def test_breaking_fixation_only_costs_where_it_does_not_abort():
    env = MemoryDecisionEnv(reward_abort=-0.5, abort_on_break=False)
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(1)
    assert (reward, terminated) == (-0.5, False)
    assert "correct" not in info


def test_a_step_before_reset_and_an_unknown_action_are_refused():
    env = MemoryDecisionEnv()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="expected 0, 1 or 2, came 3"):
        env.step(3)


def test_an_unknown_setting_is_named():
    with pytest.raises(ValueError, match=r"unknown setting: .* came 'foo'"):
        gymnasium.make(ID, foo=1)
    with pytest.raises(ValueError, match=r"unknown setting: .* came 'foo'"):
        gymnasium.make_vec(ID, num_envs=2, foo=1)


def test_reset_with_a_seed_leaves_the_codes_alone():
    env = MemoryDecisionEnv()
    before = env.task.codes.copy()
    env.reset(seed=123)
    np.testing.assert_array_equal(env.task.codes, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (ID, {}),
        (ID, {"abort_on_break": False, "time_step": 0.2}),
        (ID, {"trial_list": several_trials()}),
        (IDS[1], {"n_distractors": 1}),
        (IDS[2], {"n_distractors": 1}),
    ],
    ids=["default", "no abort", "replay", "Sternberg", "context"],
)
def test_the_batch_equals_gymnasiums_own_batch_of_single_environments(name, settings):
    native = gymnasium.make_vec(name, num_envs=3, **settings)
    singles = gymnasium.make_vec(name, num_envs=3, vectorization_mode="sync", **settings)
    assert native.metadata["autoreset_mode"] == singles.metadata["autoreset_mode"]
    assert native.observation_space == singles.observation_space
    assert native.action_space == singles.action_space
    generator = np.random.default_rng(0)
    ours, theirs = native.reset(seed=4), singles.reset(seed=4)
    np.testing.assert_array_equal(ours[0], theirs[0])
    assert_same_info(ours[1], theirs[1])
    ended = 0
    for step in range(700):
        # Long stretches of fixation, so that trials reach their probes; then any action.
        restless = generator.random(3) < (0.3 if step % 400 > 350 else 0.005)
        actions = np.where(restless, generator.integers(0, 3, 3), 0)
        ours, theirs = native.step(actions), singles.step(actions)
        for mine, other in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
            assert mine.dtype == other.dtype
        assert_same_info(ours[4], theirs[4])
        ended += ours[2].sum()
    assert ended > 3 * 16  # more trials than are drawn ahead


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_a_batch_that_resets_in_the_same_step_equals_gymnasiums_own(name):
    same_step = AutoresetMode.SAME_STEP
    native = gymnasium.make_vec(name, num_envs=3, autoreset_mode=same_step)
    singles = gymnasium.make_vec(
        name, 3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": same_step}
    )
    assert native.metadata["autoreset_mode"] == singles.metadata["autoreset_mode"]
    generator = np.random.default_rng(0)
    np.testing.assert_array_equal(native.reset(seed=4)[0], singles.reset(seed=4)[0])
    ended = 0
    for _ in range(400):
        actions = np.where(generator.random(3) < 0.02, generator.integers(0, 3, 3), 0)
        ours, theirs = native.step(actions), singles.step(actions)
        for mine, other in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
        assert_same_info(ours[4], theirs[4])
        ended += ours[2].sum()
    assert ended > 3 * 6
    with pytest.raises(ValueError, match=r"autoreset_mode: expected one of .*SAME_STEP.*DISABLED"):
        gymnasium.make_vec(name, num_envs=3, autoreset_mode=AutoresetMode.DISABLED)


def assert_same_info(ours: dict, theirs: dict) -> None:
    assert ours.keys() == theirs.keys()
    for name in ours:
        if name == "final_info":
            assert_same_info(ours[name], theirs[name])
            continue
        if name == "final_obs":
            for mine, other in zip(ours[name], theirs[name], strict=True):
                np.testing.assert_array_equal(mine, other)
            continue
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
        assert ours[name].dtype == theirs[name].dtype


def test_choosing_a_trial_in_the_batch_continues_the_same_noise():
    native = MemoryDecisionVectorEnv(num_envs=1, trial_list=several_trials())
    single = MemoryDecisionEnv(trial_list=several_trials())
    native.reset(seed=0)
    single.reset(seed=0)
    ours, _ = native.reset(options={"trial": 2})
    theirs, _ = single.reset(options={"trial": 2})
    np.testing.assert_array_equal(ours[0], theirs)


def test_one_seed_for_each_environment_of_a_batch():
    native = MemoryDecisionVectorEnv(num_envs=2)
    observation, _ = native.reset(seed=[8, 3])
    np.testing.assert_array_equal(observation[1], MemoryDecisionEnv().reset(seed=3)[0])
    with pytest.raises(ValueError, match="expected an int or 2 seeds, came 3"):
        native.reset(seed=[1, 2, 3])


@pytest.mark.parametrize("actions", [np.zeros(3, int), np.array([0, 3]), np.array([-1, 0])])
def test_a_batch_refuses_actions_outside_its_space(actions):
    native = MemoryDecisionVectorEnv(num_envs=2)
    native.reset(seed=0)
    with pytest.raises(ValueError, match="actions: expected"):
        native.step(actions)


def test_a_batch_refuses_to_step_before_reset_and_to_be_empty():
    with pytest.raises(gymnasium.error.ResetNeeded):
        MemoryDecisionVectorEnv(num_envs=2).step(np.zeros(2, dtype=np.int64))
    with pytest.raises(ValueError, match="num_envs: expected 1 or more, came 0"):
        MemoryDecisionVectorEnv(num_envs=0)
