"""Actions of environments: their spaces, their masks, and what is refused."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

import b2m_envs  # noqa: F401 - registers the environments

ID = "B2M/{}Scene-v0"


def make(title: str, **settings: Any) -> Any:
    return gymnasium.make(ID.format(title), observation="state", **settings)


@pytest.mark.parametrize(
    ("title", "settings", "space"),
    [
        ("HighwayFast", {"lateral": False}, gymnasium.spaces.Discrete(3)),
        ("Intersection", {"lateral": True}, gymnasium.spaces.Discrete(5)),
        ("Racetrack", {"action": "continuous", "longitudinal": False}, (1,)),
        ("Racetrack", {"action": "continuous"}, (2,)),
        ("Racetrack", {"action": "discrete_controls"}, gymnasium.spaces.Discrete(9)),
        (
            "Parking",
            {"action": "discrete_controls", "actions_per_axis": 5},
            gymnasium.spaces.Discrete(25),
        ),
    ],
)
def test_the_space_has_the_actions_that_are_left(title: str, settings: Any, space: Any):
    found = make(title, **settings).action_space
    assert found == space if isinstance(space, gymnasium.Space) else found.shape == space


@pytest.mark.parametrize("engine", ["b2m", "highway-env"])
def test_masks_are_highway_envs_available_actions(engine: str):
    env = make("TwoWay", engine=engine)
    oracle = make("TwoWay", engine="highway-env")
    _, info = env.reset(seed=2)
    oracle.reset(seed=2)
    for action in (3, 0, 0, 4, 4):
        available = oracle.unwrapped.highway_env.action_type.get_available_actions()
        mask = env.unwrapped.action_masks()
        assert np.flatnonzero(mask).tolist() == sorted(available)
        assert info["action_mask"].dtype == np.int8
        assert np.array_equal(info["action_mask"], mask)
        env.action_space.sample(mask=info["action_mask"])
        *_, info = env.step(action)
        oracle.step(action)


def test_a_batch_has_the_masks_of_its_single_environments():
    envs = gymnasium.make_vec(ID.format("TwoWay"), num_envs=3, observation="state")
    alone = make("TwoWay")
    _, infos = envs.reset(seed=4)
    _, info = alone.reset(seed=6)
    for action in (3, 0, 2):
        assert np.array_equal(envs.action_masks()[2], alone.unwrapped.action_masks())
        assert np.array_equal(infos["action_mask"][2], info["action_mask"])
        assert infos["_action_mask"].all()
        *_, infos = envs.step(np.full(3, action))
        *_, info = alone.step(action)


@pytest.mark.parametrize("engine", ["b2m", "highway-env"])
def test_masks_before_the_first_reset_are_refused(engine: str):
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"reset\(\) before action_masks"):
        make("TwoWay", engine=engine).unwrapped.action_masks()
    envs = gymnasium.make_vec(ID.format("TwoWay"), num_envs=2, observation="state")
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"reset\(\) before action_masks"):
        envs.action_masks()


@pytest.mark.parametrize("settings", [{"action": "continuous"}, {"action": "discrete_controls"}])
def test_controls_have_no_masks(settings: dict[str, Any]):
    env = make("TwoWay", **settings)
    _, info = env.reset(seed=0)
    assert "action_mask" not in info
    with pytest.raises(ValueError, match="action_masks: expected action='discrete'"):
        env.unwrapped.action_masks()
    envs = gymnasium.make_vec(ID.format("TwoWay"), num_envs=1, observation="state", **settings)
    with pytest.raises(ValueError, match="action_masks: expected action='discrete'"):
        envs.action_masks()


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("title", "settings", "message"),
    [
        ("Highway", {"longitudinal": 1}, "longitudinal: expected True, False or None, came 1"),
        ("Highway", {"longitudinal": False, "lateral": False}, "lateral: expected True where"),
        ("Intersection", {"longitudinal": False}, "lateral: expected True where longitudinal"),
        ("Highway", {"target_speeds": (20,)}, "target_speeds: expected two or more rising"),
        ("Highway", {"target_speeds": (30, 20)}, "target_speeds: expected two or more rising"),
        ("Highway", {"target_speeds": (20, 99)}, "rising speeds up to 40 m/s, came"),
        ("Highway", {"target_speeds": (-20, 0)}, "target_speeds: expected two or more rising"),
        ("Highway", {"target_speeds": 20}, "target_speeds: expected two or more rising"),
        ("Parking", {"target_speeds": (2, 4)}, "target_speeds: expected none: highway-env has no"),
        ("Highway", {"acceleration_range": (-1, 1)}, "expected none where no action is an accel"),
        ("Highway", {"steering_range": (-1, 1)}, "expected none where no action is a steering"),
        (
            "Racetrack",
            {"action": "continuous", "steering_range": (-2, 2)},
            "steering_range: expected two rising angles",
        ),
        (
            "Racetrack",
            {"action": "continuous", "acceleration_range": (1, -1)},
            "acceleration_range: expected two rising accelerations",
        ),
        (
            "Racetrack",
            {"action": "continuous", "lateral": False, "steering_range": (-1, 1)},
            "steering_range: expected none where",
        ),
        ("Highway", {"actions_per_axis": 3}, "expected none but with action='discrete_controls'"),
        (
            "Highway",
            {"action": "discrete_controls", "actions_per_axis": 1},
            "actions_per_axis: expected a whole number from 2 to 101, came 1",
        ),
        (
            "Highway",
            {"action": "discrete_controls", "driver": "highway_env"},
            "driver: expected 'agent' with discrete controls",
        ),
        ("Parking", {"action": "discrete"}, "action: expected 'continuous' or 'discrete_controls'"),
        ("LaneKeeping", {"lateral": True}, "lateral: expected none: there is steering alone"),
        ("Highway", {"connected_lanes": "yes"}, "connected_lanes: expected True, False or None"),
    ],
)
def test_wrong_actions_are_refused_by_name(title: str, settings: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=f"B2M/{title}Scene-v0: .*{message}"):
        make(title, **settings)


def test_a_wrong_number_of_controls_is_refused():
    env = make("Racetrack", action="continuous", longitudinal=False)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="expected an array of finite steering"):
        env.unwrapped.step(np.zeros(2, np.float32))


@pytest.mark.parametrize("engine", ["b2m", "highway-env"])
@pytest.mark.parametrize("limits", [(-3, 6), (-8, 0), (-5, -1)])
def test_what_the_driver_model_did_is_the_action_that_does_it(engine: str, limits: Any):
    """Whatever -1 and 1 stand for: where they are not opposite, 0 is not 0 m/s2."""
    chosen = {"action": "continuous", "driver": "highway_env", "engine": engine}
    done = [
        make(
            "HighwayFast",
            **chosen,
            vehicles_count=10,
            acceleration_range=each,
            steering_range=(-0.2, 0.3),
        )
        for each in ((-5, 5), limits)
    ]
    for env in done:
        env.reset(seed=0)
    for _ in range(3):
        usual, other = (env.step(np.zeros(2, np.float32))[4]["action"] for env in done)
        low, high = limits
        expected = np.clip((usual[0] * 5 - low) / (high - low) * 2 - 1, -1, 1)
        assert other[0] == pytest.approx(expected, abs=1e-6)
        assert other[1] == pytest.approx(-0.2, abs=0.01)  # 0 rad
