"""Rewards by name and by function: what they give, on both engines, alone and in batches."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest

import b2m_envs
from b2m_envs.scenes.chosen_reward import reward_json
from b2m_envs.scenes.named_rewards import REWARDS
from b2m_envs.scenes.settings_json import settings_json
from b2m_envs.scenes.state import STATE_INDEX

ID = "b2m_envs:B2M/{}Scene-v0"
STRAIGHT_ON = {"lanes_count": 2, "vehicles_count": 0, "observation": "state"}


def speed_reward(step: b2m_envs.DrivenStep) -> np.ndarray:
    """A reward of a user's own."""
    return step.of_state("speed") / 10 - 5 * step.crashed


def make(title: str, **settings: Any) -> Any:
    return gymnasium.make(ID.format(title), observation="state", **settings)


def rewards(env: Any, actions: list[Any], seed: int = 1) -> list[float]:
    """Rewards of an episode, until it ends."""
    env.reset(seed=seed)
    given = []
    for action in actions:
        _, reward, terminated, truncated, _ = env.step(action)
        given.append(reward)
        if terminated or truncated:
            break
    return given


CASES = [
    pytest.param("Racetrack", "progress", [3, 2, 3, 0, 3, 3, 1, 1]),
    pytest.param("Exit", "goal", [2, 3, 2, 1, 2, 2, 2, 2, 2], marks=pytest.mark.slow),
    pytest.param("HighwayFast", "safe", [3, 2, 3, 2, 3, 3, 3, 3], marks=pytest.mark.slow),
    pytest.param("Merge", speed_reward, [4, 0, 4], marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("title", "reward", "actions"), CASES)
def test_both_engines_and_a_batch_give_the_same(title: str, reward: Any, actions: list[int]):
    ours = rewards(make(title, reward=reward), actions)
    theirs = rewards(make(title, reward=reward, engine="highway-env"), actions)
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert len(set(ours)) > 1
    envs = gymnasium.make_vec(ID.format(title), num_envs=3, observation="state", reward=reward)
    envs.reset(seed=0)
    batch = [envs.step(np.full(3, action))[1][1] for action in actions[: len(ours)]]
    assert batch == ours  # world 1 of seed 0 is the single environment of seed 1


def test_progress_is_the_distance_as_a_share_of_what_the_top_speed_covers():
    env = make("RacetrackOval", reward="progress", action="continuous", vehicles_count=0)
    env.reset(seed=2)
    for _ in range(5):  # straight on, at a speed that stays
        speed = env.step(np.array([0, 0], np.float32))[0][3]
    reward = env.step(np.array([0, 0], np.float32))[1]
    assert reward == pytest.approx(speed * 0.2 / (10 * 0.2), rel=1e-4)
    left = rewards(env, [np.array([0, 1], np.float32)] * 30)
    assert left[-1] == -1  # off the road
    assert min(left[:-1]) > -1


def test_progress_adds_up_to_the_arc_that_was_driven():
    env = make("Racetrack", reward="progress", vehicles_count=0, action="discrete")
    env.reset(seed=0)
    start = env.unwrapped._world.traffic().position[0].copy()
    steps = [env.step(1) for _ in range(4)]
    end = env.unwrapped._world.traffic().position[0]
    driven = sum(step[1] for step in steps) * 10 / 5
    assert driven == pytest.approx(np.hypot(*(end - start)), rel=0.01)  # hardly bent


def test_goal_rewards_add_up_to_how_much_nearer_the_goal_came():
    env = make("Parking", reward="goal", engine="highway-env")
    env.reset(seed=3)
    world = env.unwrapped.highway_env
    at_start = world.pose_distance()
    given = [env.step(np.array([0.4, 0.2], np.float32))[1] for _ in range(4)]
    assert sum(given) == pytest.approx((at_start - world.pose_distance()) / at_start)


@pytest.mark.slow
def test_taking_the_exit_earns_the_prize_once():
    env = make("Exit", reward="goal", vehicles_count=0, lanes_count=2)
    given = rewards(env, [2] * 18)
    env.reset(seed=1)
    reached = [env.step(2)[4]["is_success"] for _ in range(len(given))]
    assert reached[-1]
    assert sum(given) == pytest.approx(2)  # all of the way, and the prize
    assert given[reached.index(True)] > 1
    assert given[-1] == pytest.approx(0)


def driven_step(**changed: Any) -> b2m_envs.DrivenStep:
    """A step of two worlds by hand."""
    state = np.full((2, len(b2m_envs.STATE_VARIABLES)), np.nan, np.float32)
    state[:, 3] = changed.pop("speed", (10.0, 30.0))
    step = b2m_envs.DrivenStep(
        settings=b2m_envs.SceneSettings("highway"),
        terms={},
        state=state,
        action=np.zeros(2, np.int64),
        crashed=np.zeros(2, np.bool_),
        on_road=np.ones(2, np.bool_),
        terminated=np.zeros(2, np.bool_),
        step=np.ones(2, np.int64),
        progress=np.zeros(2),
        success=np.zeros(2, np.bool_),
        success_before=np.zeros(2, np.bool_),
        goal_distance=np.full(2, np.nan),
        goal_distance_before=np.full(2, np.nan),
        goal_distance_at_start=np.full(2, np.nan),
    )
    return replace(step, **changed)


def test_no_speed_before_or_after_makes_up_for_a_crash():
    safe, settings = REWARDS["safe"].function, b2m_envs.SceneSettings("highway")
    n_steps = settings.last_step
    fastest = safe(driven_step(speed=(30.0, 99.0)))
    assert fastest == pytest.approx([1 / n_steps] * 2)
    crash = safe(driven_step(crashed=np.array([True, False]), speed=(30.0, -5.0)))
    assert crash.tolist() == [-1, 0]
    for step in range(1, n_steps + 1):  # the bound of the docstring
        assert -crash[0] > (n_steps - step) * fastest[0]
        assert (step - 1) * fastest[0] + crash[0] < 0
    off = safe(driven_step(on_road=np.array([False, True])))
    assert off == pytest.approx([0, 1 / n_steps])


def test_nearing_the_goal_and_leaving_it_again_earns_nothing():
    def goal(distance: float, before: float, success: bool, success_before: bool) -> float:
        step = driven_step(
            goal_distance=np.full(2, float(distance)),
            goal_distance_before=np.full(2, float(before)),
            goal_distance_at_start=np.full(2, 20.0),
            success=np.full(2, success),
            success_before=np.full(2, success_before),
        )
        return float(REWARDS["goal"].function(step)[0])

    assert goal(5, 10, False, False) == pytest.approx(0.25)
    assert goal(0, 5, True, False) + goal(5, 0, False, True) == pytest.approx(0)


def in_time(lane: int, distance: float, before: float, **changed: Any) -> float:
    """Of a step in the middle of a lane that is aimed at, 4 m from the next."""
    state = np.zeros((2, len(b2m_envs.STATE_VARIABLES)), np.float32)
    state[:, STATE_INDEX["lane"]] = lane
    step = driven_step(
        settings=b2m_envs.SceneSettings("exit"),
        terms={"right_lane_reward": np.full(2, float(lane)), "high_speed_reward": np.zeros(2)},
        goal_distance=np.full(2, float(distance)),
        goal_distance_before=np.full(2, float(before)),
        **{name: np.full(2, value) for name, value in changed.items()},
    )
    return float(REWARDS["in_time"].function(replace(step, state=state))[0])


def test_who_can_still_take_the_exit_pays_nothing_and_who_is_late_pays_by_the_lane() -> None:
    def from_first_lane(way: float) -> float:
        return in_time(0, np.hypot(way, 24), np.hypot(way + 28, 24))

    assert from_first_lane(28 * 6 - 60 + 0.1) == 0
    assert from_first_lane(28 * 5 - 60) == pytest.approx(-0.4 / 6, rel=1e-3)  # one lane too many
    assert from_first_lane(28 * 3 - 60) == pytest.approx(-0.4 / 2, rel=1e-3)
    assert in_time(5, 4, 4) == 0  # beside the exit lane
    assert in_time(0, np.hypot(30, 24), np.hypot(2, 24)) == pytest.approx(-0.4)  # behind it


def test_who_misses_the_exit_pays_off_the_road_what_it_costs_on_it() -> None:
    on_it = in_time(0, np.hypot(30, 24), np.hypot(2, 24))
    assert in_time(0, 60.0, 35.0, on_road=False) == on_it == pytest.approx(-0.4)
    env = make("Exit", reward="in_time", vehicles_count=0, action="continuous", duration=25)
    steering = [0.0] * 21 + [-0.05] + [0.0] * 3  # to the left, off the road
    states, earned = [], []
    env.reset(seed=0)
    for angle in steering:
        _, reward, _, _, info = env.step(np.array([0.0, angle], np.float32))
        states.append(info["state"][STATE_INDEX["lane"]])
        earned.append(reward)
    assert not np.isnan(states[20])
    assert np.isnan(states[-1])
    assert earned[-1] == pytest.approx(earned[20], abs=0.005)


def test_the_exit_earns_its_prize_once_and_a_crash_costs_twice_as_much() -> None:
    assert in_time(6, 0, 4, success=True, success_before=False) == 1
    assert in_time(6, 0, 0, success=True, success_before=True) == 0
    assert in_time(5, 4, 0, success=False, success_before=True) == -1
    assert in_time(5, 4, 4, crashed=True) == -2


def test_a_miss_of_the_exit_costs_the_same_at_any_policy_frequency() -> None:
    def missed(**clock: Any) -> float:
        env = make("Exit", reward="in_time", vehicles_count=0, **clock)
        return sum(rewards(env, [1] * env.unwrapped.settings.last_step))

    assert missed(policy_frequency=5) == pytest.approx(missed(), rel=0.1)


@pytest.mark.slow
def test_being_in_time_for_the_exit_is_judged_in_a_world_as_by_hand() -> None:
    env = make("Exit", reward="in_time", vehicles_count=0)
    straight = rewards(env, [1] * 18)
    late = [each for each in straight if each < 0]
    assert straight[0] == pytest.approx(0.002, abs=1e-3)  # 25 m/s of 20 to 30
    assert max(np.diff(late)) < 0.002
    assert late[-1] == pytest.approx(-0.4, abs=0.01)
    taken = rewards(env, [1] * 9 + [2] * 9)
    assert sum(each > 0.9 for each in taken) == 1
    assert min(taken) > -0.2


def test_the_reward_of_lane_keeping_falls_no_further_than_minus_one():
    step = driven_step(terms={"lane_reward": np.array([0.75, -40.0])})
    assert REWARDS["keep_lane"].function(step).tolist() == [0.75, -1]


def test_a_function_reads_one_row_a_world_and_may_write_in_them():
    seen: list[b2m_envs.DrivenStep] = []

    def looks(step: b2m_envs.DrivenStep) -> np.ndarray:
        seen.append(step)
        step.state[:] = 0
        step.goal_distance_before[:] = 0
        return np.zeros(step.n_worlds)

    envs = gymnasium.make_vec(
        ID.format("HighwayFast"), num_envs=3, reward=looks, observation="state", vehicles_count=0
    )
    envs.reset(seed=0)
    observation, reward, *_, info = envs.step(np.array([0, 3, 1]))
    assert reward.tolist() == [0, 0, 0]
    (step,) = seen
    assert step.action.tolist() == [0, 3, 1]
    assert step.step.tolist() == [1, 1, 1]
    assert np.allclose(step.terms["high_speed_reward"], info["rewards"]["high_speed_reward"])
    assert np.isnan(step.goal_distance).all()
    assert (observation[:, 3] > 20).all()  # the environment's own state is not written over


def test_a_function_is_told_the_settings_of_the_environment():
    def frames(step: b2m_envs.DrivenStep) -> np.ndarray:
        return np.full(step.n_worlds, float(step.settings.n_frames))

    options: dict[str, Any] = {"reward": frames, "n_frames": 3}
    alone = gymnasium.make("B2M/TwoWayScene-v0", **options)
    envs = gymnasium.make_vec("B2M/TwoWayScene-v0", num_envs=1, **options)
    alone.reset(seed=0)
    envs.reset(seed=0)
    assert alone.step(1)[1] == 3
    assert envs.step(np.array([1]))[1][0] == 3


@pytest.mark.usefixtures("as_users_run_it")
def test_switches_may_be_numpys():
    assert b2m_envs.Reward(offroad_terminal=np.True_).offroad_terminal is True


def test_a_user_reward_counts_the_steps_and_begins_again():
    env = make("TwoWay", reward=lambda step: step.step * 1.0)
    assert rewards(env, [1, 1, 1]) == [1, 2, 3]
    assert rewards(env, [1, 1]) == [1, 2]


@pytest.mark.parametrize("engine", ["b2m", "highway-env"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda step: 0.0, r"expected 1 finite numbers, one a world, came float64 of shape \(\)"),
        (lambda step: np.zeros((step.n_worlds, 2)), r"of shape \(1, 2\)"),
        (lambda step: [None] * step.n_worlds, "came object"),
        (lambda step: np.full(step.n_worlds, np.nan), "came nan for world 0 of them"),
        (lambda step: [[1], [1, 2]], "came object"),
    ],
)
def test_what_a_function_may_not_give_is_refused_by_its_name(given: Any, message: str, engine: str):
    env = make("TwoWay", reward=given, engine=engine)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"B2M/TwoWayScene-v0: reward .*<lambda>: .*" + message):
        env.step(1)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("title", "given", "message"),
    [
        (
            "Highway",
            "fast",
            "'highway_env', 'progress', 'goal', 'in_time', 'safe', 'keep_lane' or 'module",
        ),
        ("Highway", 3, "'module:function' or a function"),
        ("Highway", lambda: 0, "expected a function of one argument, a DrivenStep, came .*lambda"),
        ("Highway", lambda step, other: 0, "a function of one argument"),
        ("Highway", "no_such_module:reward", "expected a module no_such_module in "),
        ("Highway", "numpy:no_such_reward", "'no_such_reward' in the module numpy"),
        ("Highway", "numpy:pi", "expected a function numpy:pi, came float"),
        ("Highway", "goal", "'goal' is for exit, parking, since the others have no goal"),
        ("TwoWay", "progress", "'progress' is for racetrack, .* lanes cross, merge or come"),
        ("Parking", "safe", "are not about speed in traffic"),
        ("Highway", "in_time", "'in_time' is for exit, since the others have no exit"),
        ("Parking", "keep_lane", "is for lane_keeping, since the others' rewards have bounds"),
        (
            "Highway",
            {"colission_reward": -1},
            "among collision_.*, came 'colission_reward'",
        ),
        ("Highway", {"collision_reward": "high"}, "collision_reward: expected a finite number"),
        ("Highway", {"collision_reward": np.nan}, "collision_reward: expected a finite number"),
        ("Highway", {"normalize_reward": 1}, "normalize_reward: expected True or False, came 1"),
        ("Highway", {"reward_speed_range": (30, 20)}, "two rising speeds"),
        ("Highway", {"reward_speed_range": 30}, "two rising speeds"),
        (
            "Highway",
            {"arrived_reward": 1},
            "expected settings that .*, came arrived_reward",
        ),
        ("Highway", {"lane_change_reward": -1}, "highway-env has the key .* never reads it"),
        ("Highway", {"collision_reward": 0.5}, "best sum is above their worst"),
        ("UTurn", {"offroad_terminal": True}, "never reads it"),
        ("Racetrack", {"lane_centering_cost": -1}, "lane_centering_cost: expected a number of 0"),
        ("Parking", {"reward_weights": (1, 2)}, "reward_weights: expected 6 numbers of 0 or more"),
        ("LaneKeeping", {"collision_reward": -1}, r"for this scenario \(none\), came collision"),
    ],
)
def test_wrong_rewards_are_refused_by_name(title: str, given: Any, message: str):
    with pytest.raises(ValueError, match=f"B2M/{title}Scene-v0: reward.*{message}"):
        make(title, reward=given)


def test_an_event_environment_has_a_reward_of_its_own():
    with pytest.raises(ValueError, match="reward: expected none: this environment has a reward"):
        gymnasium.make("b2m_envs:B2M/LaneDeparture-v0", reward="safe")


@pytest.mark.parametrize(
    "reward",
    ["safe", {"collision_reward": -5, "reward_speed_range": [22, 28]}, speed_reward],
)
def test_rewards_go_through_json_and_back(reward: Any):
    settings = b2m_envs.SceneSettings("highway", reward=reward, target_speeds=(20, 30))
    written = json.loads(json.dumps(settings_json(settings)))
    assert "lateral" not in written  # as in files from before there were such settings
    read = b2m_envs.SceneSettings(**written)
    assert settings_json(read) == written
    if callable(reward):
        assert read.reward == f"{__name__}:speed_reward"
    else:
        assert read == settings


def test_a_function_that_no_other_process_finds_is_not_written():
    def hidden(step: b2m_envs.DrivenStep) -> np.ndarray:
        return np.zeros(step.n_worlds)

    with pytest.raises(ValueError, match=r"saved as 'module:function', came .*hidden; put it into"):
        reward_json(hidden)
