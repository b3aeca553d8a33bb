"""The two environments in which something happens: what a push, a brake and an answer are."""

from __future__ import annotations

import doctest
import warnings
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from b2m_envs.driving_events import emergency_braking, lane_departure, replay
from b2m_envs.driving_events.emergency_braking import EmergencyBrakingEnv
from b2m_envs.driving_events.lane_departure import LaneDepartureEnv
from b2m_envs.driving_events.schedules import LanePerturbations, LeadBrakings, drawn_onsets
from b2m_envs.driving_events.straight_road import Car, state_of, straight_road, traffic_of
from b2m_envs.rendering import CameraSettings, make_camera
from b2m_envs.scenes.state import STATE_INDEX

NAMES = ("LaneDeparture", "EmergencyBraking")
NOTHING = np.zeros(1, np.float32)


def events_of(infos: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """All events, times rounded to the millisecond."""
    return [(name, round(time, 3)) for info in infos for name, time in info["events"]]


def drive(env: Any, actions: dict[int, float], n_steps: int, seed: int = 0) -> list[dict[str, Any]]:
    """Infos of an episode, the first one that of reset; an action holds from its step on."""
    infos = [env.reset(seed=seed)[1]]
    action = NOTHING
    for step in range(n_steps):
        action = np.array([actions[step]], np.float32) if step in actions else action
        _, _, terminated, truncated, info = env.step(action)
        infos.append(info)
        if terminated or truncated:
            break
    return infos


@pytest.mark.slow
@pytest.mark.parametrize("observation", ["scene", "state", "scaled_state", "both"])
@pytest.mark.parametrize("name", NAMES)
def test_gymnasium_and_stable_baselines3_find_no_fault(name: str, observation: str):
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(f"B2M/{name}-v0", observation=observation)
        check_env(env.unwrapped, skip_render_check=True)
        if observation != "both":
            check_for_sb3(env.unwrapped, warn=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_seed_repeats_every_frame_reward_and_event(name: str):
    def episode(seed: int) -> list[Any]:
        env = gymnasium.make(f"B2M/{name}-v0", duration=30, interval=(2.0, 4.0))
        env.action_space.seed(5)
        seen: list[Any] = [env.reset(seed=seed)]
        ended = False
        while not ended:
            seen.append(env.step(0.2 * env.action_space.sample()))
            ended = seen[-1][2] or seen[-1][3]
        return seen

    first, other = episode(3), episode(4)
    np.testing.assert_equal(first, episode(3))
    assert events_of([each[-1] for each in first]) != events_of([each[-1] for each in other])


@pytest.mark.parametrize("name", NAMES)
def test_gymnasiums_own_batch_gives_single_environments(name: str):
    envs = gymnasium.make_vec(f"B2M/{name}-v0", num_envs=2, interval=(0.3, 0.4))
    alone = [gymnasium.make(f"B2M/{name}-v0", interval=(0.3, 0.4)) for _ in range(2)]
    envs.reset(seed=4)
    for index, env in enumerate(alone):
        env.reset(seed=4 + index)
    for _ in range(6):
        scenes, _, _, _, infos = envs.step(np.zeros((2, 1), np.float32))
        for index, env in enumerate(alone):
            scene, _, _, _, info = env.step(NOTHING)
            np.testing.assert_array_equal(scenes[index], scene)
            assert infos["events"][index] == info["events"]


def test_onsets_are_as_far_apart_as_the_interval_says_and_end_with_the_episode():
    onsets = drawn_onsets((3.0, 5.0), 1000.0, np.random.default_rng(0))
    apart = np.diff((0.0, *onsets))
    assert 3 <= apart.min() < 3.1
    assert 4.9 < apart.max() <= 5
    assert 995 < onsets[-1] < 1000
    drawn = LanePerturbations.drawn((3.0, 5.0), 1000.0, np.random.default_rng(0))
    assert abs(np.mean(drawn.side)) < 0.2


@pytest.mark.parametrize("side", [-1, 1])
def test_a_pushed_car_drifts_to_its_side_until_it_is_a_lane_away(side: int):
    pushes = LanePerturbations([2.0], [side])
    infos = drive(LaneDepartureEnv(perturbations=pushes, drift=0.5, observation="state"), {}, 120)
    offset = np.array([info["lane_offset"] for info in infos])
    assert (offset[:21] == 0).all()
    np.testing.assert_allclose(offset[20:100], side * 0.05 * np.arange(80), atol=1e-9)
    np.testing.assert_allclose(offset[101:], side * 4, atol=0.02)
    name = "perturbation_left" if side < 0 else "perturbation_right"
    assert events_of(infos) == [(name, 2.0), ("perturbation_end", 10.0)]
    assert [info["perturbation"] for info in infos[19:22]] == [0, side, side]
    state = np.array([info["state"] for info in infos])
    lane = state[:, STATE_INDEX["lane"]]
    assert lane[0] == 1
    assert lane[-1] == 0 if side < 0 else np.isnan(lane[-1])  # the other lane, or the verge
    np.testing.assert_allclose(state[:, STATE_INDEX["speed"]], 20)


def test_a_correction_is_the_first_firm_steering_against_the_drift():
    env = LaneDepartureEnv(perturbations=LanePerturbations([1.04], [1]), observation="state")
    steering = {12: 0.2, 14: -0.04, 23: -0.1, 25: 0.0, 27: -0.1}  # with it; too weak; it; again
    infos = drive(env, steering, 40)
    assert events_of(infos)[:2] == [("perturbation_right", 1.0), ("correction_onset", 2.3)]
    answers = {step: info["reaction_time"] for step, info in enumerate(infos)
               if "reaction_time" in info}  # fmt: skip
    assert answers == {24: pytest.approx(1.3)}  # told with what came of the action at 2.3 s
    assert events_of(infos)[2] == ("perturbation_end", 2.3)


def test_who_steers_that_way_already_has_not_answered_yet():
    env = LaneDepartureEnv(perturbations=LanePerturbations([1.0], [1]), observation="state")
    infos = drive(env, {8: -0.1, 15: 0.0, 18: -0.1}, 25)
    assert ("correction_onset", 1.8) in events_of(infos)
    assert "reaction_time" not in infos[12]


def test_a_push_lasts_until_its_own_end_and_the_next_one_ends_it_too():
    pushes = LanePerturbations([1.0, 3.0, 5.0], [-1, 1, 1], [2.0, np.nan, 5.5])
    infos = drive(LaneDepartureEnv(perturbations=pushes, observation="state"), {}, 70)
    assert events_of(infos) == [
        ("perturbation_left", 1.0), ("perturbation_end", 2.0), ("perturbation_right", 3.0),
        ("perturbation_end", 5.0), ("perturbation_right", 5.0), ("perturbation_end", 5.5),
    ]  # fmt: skip
    assert infos[-1]["lane_offset"] == pytest.approx(0.6 * (-1 + 2 + 0.5))


def test_the_reward_falls_with_the_square_of_the_offset_and_far_away_is_the_end():
    pushes = LanePerturbations([0.0], [1])
    env = LaneDepartureEnv(perturbations=pushes, drift=1.0, observation="state")
    env.reset(seed=0)
    rewards = [env.step(NOTHING)[1] for _ in range(30)]
    assert rewards[9] == pytest.approx(1 - 0.5**2)
    assert rewards[29] == 0
    env.reset(seed=0)
    ended = False
    while not ended:
        _, reward, ended, _, info = env.step(np.ones(1, np.float32))
    assert reward == 0
    assert info["lane_offset"] > 8 or abs(info["state"][STATE_INDEX["heading"]]) > np.pi / 2
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(NOTHING)


def test_the_car_is_the_engines_bicycle():
    car = Car(0.0, 0.0, 20.0, steering=0.05)
    car.move(0.02)
    slip = np.arctan(np.tan(0.05) / 2)
    assert car.x == pytest.approx(20 * np.cos(slip) * 0.02)
    assert car.y == pytest.approx(20 * np.sin(slip) * 0.02)
    assert car.heading == pytest.approx(20 * np.sin(slip) / 2.5 * 0.02)
    car.acceleration = -3000.0
    car.move(0.02)
    assert car.speed == 0


def test_the_state_says_what_is_ahead_and_nothing_of_lanes_without_anybody():
    ego, lead = Car(100.0, 4.5, 30.0, acceleration=-2.0), Car(125.0, 4.0, 20.0)
    state = dict(zip(STATE_INDEX, np.asarray(state_of(ego, lead, 2, 60.0)), strict=True))
    told = {"lane": 1, "lateral_offset": 0.5, "speed": 30, "acceleration": -2, "gap": 20,
            "closing_speed": 10, "time_to_collision": 2, "curvature": 0, "hazard": 0}  # fmt: skip
    assert {name: float(state[name]) for name in told} == pytest.approx(told)
    assert np.isnan([state[name] for name in ("left_ahead", "right_behind")]).all()
    near = np.asarray(state_of(ego, Car(124.0, 4.0, 20.0), 2, 60.0))
    assert near[STATE_INDEX["hazard"]] == 1
    far = np.asarray(state_of(ego, lead, 2, 19.0))
    assert np.isnan(far[STATE_INDEX["gap"]])


@pytest.mark.parametrize("view", ["birds_eye", "drivers_eye"])
def test_the_road_looks_alike_wherever_it_repeats_itself(view: Any):
    road, camera = straight_road(3), make_camera(CameraSettings(view=view))
    pictures = [
        camera.draw(road, traffic_of([Car(x, 8.0, 20.0), Car(x + 40, 8.0, 20.0)]))
        for x in (479.0, 479.0 + 480 * 100, 481.0)
    ]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()  # which the dashes show


def test_the_car_ahead_brakes_keeps_slow_and_speeds_up_again():
    env = EmergencyBrakingEnv(brakings=LeadBrakings([2.0]), observation="state", gap=60, speed=20)
    infos = drive(env, {20: -1.0, 32: 0.0}, 120)
    speed = np.array([info["lead_speed"] for info in infos])
    np.testing.assert_allclose(speed[:21], 20)
    np.testing.assert_allclose(speed[20:33], 20 - 0.6 * np.arange(13))
    np.testing.assert_allclose(speed[34:61], 12)
    np.testing.assert_allclose(speed[60:101], 12 + 0.2 * np.arange(41))
    np.testing.assert_allclose(speed[101:], 20)
    assert [info["lead_braking"] for info in infos[19:36:15]] == [False, False]
    assert infos[20]["lead_braking"]
    assert events_of(infos) == [
        ("lead_brake_onset", 2.0), ("ego_brake_onset", 2.0), ("ego_brake_offset", 3.2),
        ("lead_brake_offset", 3.4),
    ]  # fmt: skip
    assert infos[21]["reaction_time"] == 0


def test_brake_lights_are_seen_in_the_picture_of_the_onset():
    scenes = []
    for onset in (1.0, 5.0):
        env = EmergencyBrakingEnv(brakings=LeadBrakings([onset]), n_frames=1, colour=True)
        env.reset(seed=0)
        scenes.append([env.step(NOTHING)[0] for _ in range(10)])
    np.testing.assert_array_equal(scenes[0][:9], scenes[1][:9])
    assert (scenes[0][9] != scenes[1][9]).any()


def test_who_does_not_brake_collides_and_who_does_in_time_does_not():
    env = EmergencyBrakingEnv(brakings=LeadBrakings([1.0]), observation="state", duration=10)
    idle = drive(env, {}, 100)
    assert idle[-1]["crashed"]
    assert idle[-1]["lead_gap"] <= 0
    assert idle[-1]["state"][STATE_INDEX["hazard"]] == 1
    assert events_of(idle)[-1][0] == "collision"
    awake = drive(env, {18: -1.0, 33: 0.0}, 60)
    assert not awake[-1]["crashed"]
    assert [info["reaction_time"] for info in awake if "reaction_time" in info] == [
        pytest.approx(0.8)
    ]
    assert ("ego_brake_offset", 3.3) in events_of(awake)


def test_a_driver_who_brakes_already_answers_with_the_next_press():
    env = EmergencyBrakingEnv(brakings=LeadBrakings([1.0]), observation="state")
    infos = drive(env, {5: -0.1, 12: 0.0, 14: -0.5}, 20)
    assert [name for name, _ in events_of(infos)] == [
        "ego_brake_onset", "lead_brake_onset", "ego_brake_offset", "ego_brake_onset"
    ]  # fmt: skip
    assert infos[15]["reaction_time"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("env_class", "settings", "message"),
    [
        (LaneDepartureEnv, {"drift": 0.0}, "B2M/LaneDeparture-v0: drift: expected above 0"),
        (LaneDepartureEnv, {"speed": 100}, "speed: expected 5 to 40 m/s, came 100"),
        (LaneDepartureEnv, {"interval": (5, 2)}, r"interval: expected .* came \(5, 2\)"),
        (LaneDepartureEnv, {"engine": "highway-env"}, "engine: expected none but 'b2m'"),
        (LaneDepartureEnv, {"perturbations": [1.0]}, "perturbations: expected LanePerturbations"),
        (LaneDepartureEnv, {"vehicles_count": 3}, "vehicles_count: expected none"),
        (LaneDepartureEnv, {"lanes_count": 9}, "lanes_count: expected 1 to 8, came 9"),
        (LaneDepartureEnv, {"gap": 3}, "unknown setting: expected one of .*drift.*came 'gap'"),
        (LaneDepartureEnv, {"action": "discrete"}, "action: expected 'continuous'"),
        (LaneDepartureEnv, {"perturbations": LanePerturbations([1.0, 1.02], [1, 1])},
         "perturbations: expected onsets in time steps of their own"),
        (EmergencyBrakingEnv, {"gap": 61.0}, "B2M/EmergencyBraking-v0: gap: expected above 0"),
        (EmergencyBrakingEnv, {"brakings": 3.0}, "brakings: expected LeadBrakings or None"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("as_users_run_it")
def test_settings_that_make_no_sense_are_refused_by_name(env_class, settings, message: str):
    with pytest.raises(ValueError, match=message):
        env_class(**settings)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1.0, 0.5], [1, 1]), "onset: expected finite, increasing"),
        (([-1.0], [1]), "onset: expected finite, increasing"),
        (([np.nan], [1]), "onset: expected finite, increasing"),
        (([1.0, 2.0], [1]), "side: expected 2, one an onset, came 1"),
        (([1.0], [0]), "side: expected -1"),
        (([1.0], [1.5]), "side: expected -1"),
        (([1.0], [1], [0.5]), "end: expected one after its onset at 1 s, came 0.5 s"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(columns, message: str):
    with pytest.raises(ValueError, match=message):
        LanePerturbations(*columns)


@pytest.mark.slow
@pytest.mark.parametrize("module", [lane_departure, emergency_braking, replay])
def test_examples_of_docstrings_run(module: ModuleType):
    result = doctest.testmod(module)
    assert result.attempted >= 4
    assert result.failed == 0
