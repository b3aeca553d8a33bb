"""The engine against highway-env: every vehicle after every policy step, to 1e-9.

Both begin from the same seed, or from the same copied state, and get the same actions. Worlds that
an accident ends drive on for some steps, so that wrecks, pushes and pile-ups are compared too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from b2m_envs.engine.layout import MODEL
from b2m_envs.engine.worlds import Worlds
from b2m_envs.highway_env.bridge import build_world
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings
from tests.b2m_envs.engine.oracle import (
    compare,
    differences,
    drive,
    load,
    read_engine,
    read_oracle,
    result_differences,
)
from tests.b2m_envs.engine.rounding import Rounding
from tests.shared.engine_scenarios import ENGINE_SCENARIOS

FEW: dict[str, dict[str, Any]] = {  # vehicles, where highway-env's own number takes long
    "highway": {"vehicles_count": 9, "duration": 20},
    "highway_fast": {"vehicles_count": 15},
    "exit": {"vehicles_count": 12},
    "intersection": {"vehicles_count": 6},
    "roundabout_generic": {"vehicles_count": 9, "duration": 10},  # more, so that some crash
    "racetrack": {"duration": 6},
    "racetrack_large": {"duration": 6},
    "racetrack_oval": {"duration": 6},
}
MODES: dict[str, dict[str, Any]] = {
    "discrete": {},
    "continuous": {"action": "continuous"},
    "driver": {"driver": "highway_env"},
    "driver, continuous": {"driver": "highway_env", "action": "continuous"},
}
MOST_AMPLIFIED = 0.05  # part of the steps after which rounding errors may exceed the tolerance
AFTER_THE_END = 4  # [steps] that worlds go on after highway-env calls them terminated
# where others change lane of their own accord
CHANGE_LANES = ("highway", "highway_fast", "merge", "merge_generic")
LONELY = ("racetrack", "racetrack_large", "racetrack_oval")  # with one other vehicle, far away
LIKE_OTHERS = ("merge_generic", "roundabout_generic")  # but for their begin and their road
SWIFT_MODES = ("discrete", "driver, continuous")  # of which each is driven in every run
THREE_MODES = (
    "discrete",
    *(pytest.param(mode, marks=pytest.mark.thorough) for mode in ("continuous", "driver")),
)
SHORT = (("two_way", "discrete"), ("racetrack", "discrete"))  # whole episodes of a second


def marks_of(scenario: str, mode: str) -> list[pytest.MarkDecorator]:
    if (scenario, mode) in SHORT:
        return []
    swift = mode == "discrete" if scenario in LIKE_OTHERS else mode in SWIFT_MODES
    return [pytest.mark.slow, *([] if swift else [pytest.mark.thorough])]


CASES = [
    pytest.param(scenario, mode, marks=marks_of(scenario, mode))
    for scenario in ENGINE_SCENARIOS
    for mode in MODES
]

Style = Callable[[Any, int, np.random.Generator], Any]  # world, step, generator -> action


def settings_of(scenario: str, **further: Any) -> SceneSettings:
    return SceneSettings(scenario, **(FEW.get(scenario, {}) | further))


def meta(*names: str) -> Style:
    """Meta-actions in turn, by name; IDLE where the scenario has no such action."""

    def choose(world: Any, step: int, generator: np.random.Generator) -> int:
        numbers = world.action_type.actions_indexes
        return int(numbers.get(names[step % len(names)], numbers["IDLE"]))

    return choose


def any_meta(world: Any, step: int, generator: np.random.Generator) -> int:
    return int(generator.integers(world.action_space.n))


def controls(acceleration: float, steering: float) -> Style:
    """The same controls for ever."""
    return lambda world, step, generator: np.array([acceleration, steering], np.float32)


def any_controls(world: Any, step: int, generator: np.random.Generator) -> np.ndarray:
    return generator.uniform(-1, 1, 2).astype(np.float32)


def gentle(world: Any, step: int, generator: np.random.Generator) -> np.ndarray:
    """Small controls, which stay on the road for a while."""
    return generator.normal([0, 0], [0.5, 0.01]).clip(-1, 1).astype(np.float32)


def hectic(world: Any, step: int, generator: np.random.Generator) -> np.ndarray:
    """Full throttle or full brakes, mostly."""
    return generator.normal([0, 0], [2, 0.05]).clip(-1, 1).astype(np.float32)


def standing(world: Any, step: int, generator: np.random.Generator) -> np.ndarray:
    """Brake to a stop, and stand."""
    seconds = 1 / world.settings.steps_per_second
    return np.array([np.clip(-world.vehicle.speed / seconds / 5, -1, 1), 0], np.float32)


def ramming(world: Any, step: int, generator: np.random.Generator) -> np.ndarray:
    """Full throttle at the nearest vehicle, so that they meet at an angle."""
    ego = world.vehicle
    others = [vehicle for vehicle in world.road.vehicles if vehicle is not ego]
    nearest = min(others, key=lambda other: np.linalg.norm(other.position - ego.position))
    away = nearest.position - ego.position
    turn = np.arctan2(away[1], away[0]) - ego.heading
    turn = (turn + np.pi) % (2 * np.pi) - np.pi
    seconds = 1 / world.settings.steps_per_second
    slip = np.clip(turn * ego.LENGTH / 2 / (max(abs(ego.speed), 1) * seconds), -0.5, 0.5)
    steering = np.arctan(2 * np.tan(slip)) / (np.pi / 4)
    return np.clip([1, steering], -1, 1).astype(np.float32)


STYLES: dict[str, list[Style]] = {
    "discrete": [
        any_meta,
        any_meta,
        any_meta,
        meta("FASTER"),
        meta("LANE_LEFT", "LANE_RIGHT"),
        meta("FASTER", "LANE_LEFT", "FASTER", "LANE_RIGHT", "LANE_RIGHT"),
        meta("LANE_RIGHT"),
        meta("LANE_LEFT"),
        meta("SLOWER"),
    ],
    "continuous": [
        any_controls,
        gentle,
        gentle,
        hectic,
        controls(1, 0),
        controls(0.2, 0.02),
        controls(0.5, -0.05),
        controls(-1, 0.01),
        standing,
        ramming,
        ramming,
    ],
    "driver": [lambda world, step, generator: None] * 4,
    "driver, continuous": [lambda world, step, generator: None] * 2,
}


def actions_for(worlds: Worlds, chosen: list[Any]) -> Any:
    """One action of each world, as the engine takes them."""
    if worlds.settings.driver == "highway_env":
        return None
    kind = np.float32 if worlds.settings.action == "continuous" else np.int64
    return np.array(chosen, kind)


def note_events(events: Counter[str], world: Any, before: np.ndarray, after: np.ndarray) -> None:
    """Count what happened in a step, so that a test can say what it has covered."""
    ego, ego_before = (state[state["ego"] == 1][0] for state in (after, before))
    events["crash"] += int((after["crashed"] == 1).sum() > (before["crashed"] == 1).sum())
    events["wreck"] += int(ego_before["crashed"])
    events["impact"] += int((after["hit"] == 1).any())
    events["yield"] += int((after["yields"] == 1).any())
    events["off_road"] += int(not world.vehicle.on_road)
    events["reverse"] += int(ego["speed"] < -1)
    events["stand"] += int(abs(ego["speed"]) < 0.05)
    events["coming_and_going"] += int(len(before) != len(after))
    if len(before) != len(after):
        return
    changed = before["target_lane"] != after["target_lane"]
    for row in np.flatnonzero(changed):
        first, second = before["target_lane"][row].split(), after["target_lane"][row].split()
        if first[:2] == second[:2]:
            who = "ego" if after["ego"][row] else "other"
            events[f"{who}_{'right' if second[2] > first[2] else 'left'}"] += 1
        else:
            events["next_road"] += 1


def drive_both(
    worlds: Worlds,
    oracles: list[Any],
    styles: list[Style],
    last_step: int,
    most_amplified: float = MOST_AMPLIFIED,
) -> Counter[str]:
    """Drive both until the end and beyond, and fail at the first difference.

    A world in which highway-env amplifies a rounding error to more than the tolerance, see
    `Rounding`, is set to highway-env's state again, and goes on; at most a part `most_amplified`
    of the steps may do so.
    """
    events: Counter[str] = Counter()
    generators = [np.random.default_rng(1000 + number) for number in range(len(oracles))]
    rounding = [Rounding(oracle) for oracle in oracles]
    left = np.full(len(oracles), last_step)
    ended = np.zeros(len(oracles), bool)
    for step in range(last_step):
        chosen = [
            style(oracle, step, generator)
            for style, oracle, generator in zip(styles, oracles, generators, strict=True)
        ]
        which = np.flatnonzero(left > 0)
        if not len(which):
            break
        worlds.step(actions_for(worlds, chosen), which)
        for number in which:
            oracle, before = oracles[number], read_oracle(oracles[number])
            outcome = drive(oracle, chosen[number])
            after = read_oracle(oracle)
            rounding[number].actions.append(chosen[number])
            where = f"{worlds.settings.scenario}, world {number}, step {step}"
            found = compare(after, read_engine(worlds, number))
            found += result_differences(worlds, number, outcome)
            if found:
                cause = rounding[number].cause(after, outcome, worlds, number)
                assert cause, f"{where}: {found}"
                events["amplified"] += 1
                events[cause] += 1
                load(worlds, number, oracle)
                rounding[number] = Rounding(oracle)
            note_events(events, oracle, before, after)
            events["step"] += 1
            left[number] -= 1
            if outcome.terminated and not ended[number]:
                events["terminated"] += 1
                ended[number], left[number] = True, min(left[number], AFTER_THE_END)
    assert events["amplified"] <= most_amplified * events["step"], dict(events)
    return events


def begin_both(
    settings: SceneSettings, seeds: list[int], n_threads: int = 1
) -> tuple[Worlds, list[Any]]:
    """Worlds of the engine and of highway-env that begin from the same seeds."""
    worlds = Worlds(settings, len(seeds), n_threads)
    worlds.begin(np.arange(len(seeds)), [np.random.default_rng(seed) for seed in seeds])
    oracles = [build_world(settings) for _ in seeds]
    for oracle, seed in zip(oracles, seeds, strict=True):
        oracle.begin(np.random.default_rng(seed))
    for number, oracle in enumerate(oracles):
        assert differences(worlds, number, oracle) == [], f"world {number}, reset"
    return worlds, oracles


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "mode"), CASES)
def test_whole_episodes_are_highway_envs(scenario: str, mode: str):
    settings = settings_of(scenario, **MODES[mode])
    styles = STYLES[mode]
    seeds = [100 * ENGINE_SCENARIOS.index(scenario) + number for number in range(len(styles))]
    worlds, oracles = begin_both(settings, seeds)
    events = drive_both(worlds, oracles, styles, settings.last_step)
    assert [name for name in to_be_seen(scenario, mode) if not events[name]] == [], dict(events)


def to_be_seen(scenario: str, mode: str) -> list[str]:
    """Events that must come up in the episodes of a scenario, or they would compare too little."""
    if mode not in ("discrete", "continuous"):
        return []
    seen = {
        "discrete": ["ego_left", "ego_right"] if SCENARIOS[scenario].lane_changes else [],
        "continuous": ["off_road", "reverse", "stand"],
    }[mode]
    accidents = [] if scenario in LONELY else ["crash", "wreck"]
    overtaking = ["other_left", "other_right"] if scenario in CHANGE_LANES else []
    crossing = ["yield", "coming_and_going"] if scenario == "intersection" else []
    return [*seen, *accidents, *overtaking, *crossing]


@pytest.mark.slow
@pytest.mark.thorough
def test_a_whole_default_episode_of_the_highway_is_highway_envs():
    settings = SceneSettings("highway", driver="highway_env")
    worlds, oracles = begin_both(settings, [7])
    assert len(oracles[0].road.vehicles) == 51
    events = drive_both(worlds, oracles, STYLES["driver"][:1], settings.last_step)
    assert events["other_left"] + events["other_right"] > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("highway", {"lanes_count": 1, "vehicles_count": 4}),
        ("highway", {"lanes_count": 2, "vehicles_count": 6, "vehicles_density": 2.5}),
        ("highway_fast", {"vehicles_count": 0}),
        ("highway_fast", {"simulation_frequency": 20, "policy_frequency": 4, "duration": 4}),
        ("exit", {"lanes_count": 2, "vehicles_count": 6, "vehicles_density": 3}),
        ("merge", {"simulation_frequency": 10, "policy_frequency": 2, "duration": 8}),
        ("two_way", {"policy_frequency": 0.5}),
        ("roundabout", {"simulation_frequency": 30, "duration": 3}),
        ("roundabout", {"simulation_frequency": 10, "policy_frequency": 10 / 3, "duration": 3}),
        ("merge_generic", {"lanes_count": 1, "vehicles_count": 0, "duration": 12}),
        (
            "merge_generic",
            {"lanes_count": 4, "vehicles_count": 12, "merge_lengths": (70, 30.5, 45, 90)},
        ),
        ("roundabout_generic", {"lanes_count": 1, "vehicles_count": 0, "duration": 8}),
        (
            "roundabout_generic",
            {"lanes_count": 3, "vehicles_count": 12, "roundabout_radius": 31.5, "duration": 6},
        ),
        ("highway_fast", {"ego_spacing": 0.5, "initial_lane": 2, "vehicles_count": 6}),
        ("intersection", {"destination": "o2", "spawn_probability": 1, "duration": 6}),
        ("intersection", {"destination": "any", "spawn_probability": 0.1, "duration": 6}),
        ("racetrack_large", {"speed_limit": 20, "vehicles_count": 4, "duration": 10}),
        ("racetrack_oval", {"block_lane": True, "vehicles_count": 3, "duration": 12}),
        (
            "racetrack_oval",
            {"force_decision": True, "lanes_count": 4, "vehicles_count": 3, "duration": 12},
        ),
        ("racetrack_oval", {"oval_length": 50, "vehicles_count": 3, "duration": 8}),
        # highway-env's 1 / (1 / 186) is less than 186, which moves its looks at the right of way
        ("intersection", {"simulation_frequency": 186, "vehicles_count": 8, "duration": 3}),
    ],
)
@pytest.mark.parametrize("mode", THREE_MODES)
def test_options_and_clocks_change_the_engine_as_they_change_highway_env(scenario, options, mode):
    settings = SceneSettings(scenario, **(options | MODES[mode]))
    styles = STYLES[mode][::4] if options.get("vehicles_count") != 0 else STYLES[mode][:2]
    worlds, oracles = begin_both(settings, list(range(len(styles))))
    drive_both(worlds, oracles, styles, settings.last_step)


def same_bits(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two arrays hold the same bits, field by field."""
    if first.dtype.names is None:
        return first.dtype == second.dtype and first.tobytes() == second.tobytes()
    return all(same_bits(first[name], second[name]) for name in first.dtype.names)


def record(worlds: Worlds, number: int) -> list[np.ndarray]:
    """Copies of all that one world holds and has given."""
    rows = np.r_[: worlds.count[number], worlds.slots : worlds.vehicles.shape[1]]
    names = ("reward", "terminated", "terms", "success", "did", "count", "ego")
    results = [np.array(getattr(worlds, name)[number]) for name in names]
    return [worlds.vehicles[number, rows], *results]


def random_episode(
    settings: SceneSettings, seeds: list[int], n_threads: int = 1, n_steps: int = 12
) -> list[list[list[np.ndarray]]]:
    """Records `[step][world]` of a batch under random actions, which are each world's own."""
    worlds = Worlds(settings, len(seeds), n_threads)
    every = np.arange(len(seeds))
    worlds.begin(every, [np.random.default_rng(seed) for seed in seeds])
    generators = [np.random.default_rng(seed) for seed in seeds]
    records = []
    for _ in range(n_steps):
        if settings.action == "continuous":
            actions = np.array([any_controls(None, 0, one) for one in generators])
        else:
            n_actions = 5 if settings.of.lane_changes else 3
            actions = np.array([one.integers(n_actions) for one in generators])
        worlds.step(actions, every)
        records.append([record(worlds, number) for number in every])
    return records


@pytest.mark.slow
@pytest.mark.parametrize("action", ["discrete", "continuous"])
@pytest.mark.parametrize("scenario", ENGINE_SCENARIOS)
def test_a_world_of_a_batch_is_bit_for_bit_the_world_alone(scenario: str, action: str):
    settings = settings_of(scenario, action=action)
    seeds = [5, 9, 2, 71, 33]
    batch = random_episode(settings, seeds)
    for number in (0, 3, 4):
        alone = random_episode(settings, [seeds[number]])
        for in_batch, single in zip(batch, alone, strict=True):
            assert all(map(same_bits, in_batch[number], single[0]))
    assert not same_bits(batch[-1][0][0]["x"], batch[-1][1][0]["x"])


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ENGINE_SCENARIOS)
def test_two_threads_give_the_bits_of_one(scenario: str):
    settings = settings_of(scenario)
    seeds = list(range(7))
    for one, two in zip(
        random_episode(settings, seeds), random_episode(settings, seeds, 2), strict=True
    ):
        for first, second in zip(one, two, strict=True):
            assert all(map(same_bits, first, second))


def test_a_world_that_is_not_stepped_stays_as_it_is():
    settings = settings_of(ENGINE_SCENARIOS[0])
    worlds, oracles = begin_both(settings, [0, 1, 2])
    worlds.step(np.array([3, 3, 3]), np.arange(3))
    before = record(worlds, 1)
    worlds.step(np.array([0, 4, 0]), np.array([0, 2]))
    assert all(map(same_bits, before, record(worlds, 1)))
    worlds.step(np.array([0, 1, 0]), np.array([1]))
    for action in (3, 1):
        drive(oracles[1], action)
    assert differences(worlds, 1, oracles[1]) == []


@pytest.mark.slow
def test_an_episode_leaves_nothing_to_the_next():
    settings = settings_of("highway_fast", action="continuous")
    worlds, oracles = begin_both(settings, [3, 4])
    drive_both(worlds, oracles, [controls(1, 0.02), ramming], 12)
    worlds.begin(np.array([1]), [np.random.default_rng(8)])
    oracles[1].begin(np.random.default_rng(8))
    assert differences(worlds, 1, oracles[1]) == []
    assert differences(worlds, 0, oracles[0]) == []
    drive_both(worlds, oracles, [controls(0, 0), gentle], 6)


def disturb(oracle: Any, generator: np.random.Generator) -> None:
    """Bring about what an episode seldom shows: emergencies, overlaps, wrong ways, wrecks."""
    vehicles = oracle.road.vehicles
    other = next(vehicle for vehicle in vehicles if vehicle is not oracle.vehicle)
    other.position = oracle.vehicle.position + generator.uniform([2, -1], [5, 1])
    for vehicle in vehicles:
        if generator.random() < 0.5:
            vehicle.position = vehicle.position + generator.normal(0, [6, 1])
            vehicle.heading += generator.normal(0, 0.15)
            vehicle.speed *= generator.uniform(-0.2, 1.4)
        if generator.random() < 0.15:
            other = vehicles[generator.integers(len(vehicles))]
            vehicle.position = other.position + generator.uniform([-5, -2], [5, 2])
        if generator.random() < 0.1:
            vehicle.speed = generator.choice([0.0, 0.005, -0.005, 39.9, 41.0, -41.0])
        if generator.random() < 0.05:
            vehicle.crashed = True
        if generator.random() < 0.1 and hasattr(vehicle, "timer"):
            vehicle.timer = generator.uniform(0, 2)
        vehicle.on_state_update()


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("mode", THREE_MODES)
@pytest.mark.parametrize("scenario", ENGINE_SCENARIOS)
def test_both_go_on_alike_from_a_copied_and_disturbed_state(scenario: str, mode: str):
    settings = settings_of(scenario, **MODES[mode])
    styles = (STYLES[mode] * 4)[:9]
    worlds, oracles = begin_both(settings, list(range(500, 500 + len(styles))))
    for number, (oracle, style) in enumerate(zip(oracles, styles, strict=True)):
        generator = np.random.default_rng(number)
        for step in range(number % 4):
            oracle.step(style(oracle, step, generator))
        if number:  # the first is copied as it is
            disturb(oracle, generator)
        load(worlds, number, oracle)
        assert differences(worlds, number, oracle) == []
    events = drive_both(worlds, oracles, styles, 7)
    assert events["crash"] > 0
    assert events["impact"] > 0 or scenario in LONELY


def recorded(settings: SceneSettings, n_worlds: int, n_steps: int) -> list[list[np.ndarray]]:
    """STATE arrays `[step][world]` of highway-env's worlds whose ego vehicles idle."""
    oracles = [build_world(settings) for _ in range(n_worlds)]
    for seed, oracle in enumerate(oracles):
        oracle.begin(np.random.default_rng(seed))
    states = []
    for _ in range(n_steps):
        for oracle in oracles:
            oracle.step(1)
        states.append([read_oracle(oracle) for oracle in oracles])
    return states


def first_difference(worlds: Worlds, states: list[Any]) -> str | None:
    """The first difference of an engine that idles from recorded states, if there is one."""
    every = np.arange(worlds.n_worlds)
    for step, expected in enumerate(states):
        worlds.step(np.ones(worlds.n_worlds, np.int64), every)
        for number in every:
            found = compare(expected[number], read_engine(worlds, number))
            if found:
                return f"world {number}, step {step}: {found[0]}"
    return None


SLIGHTLY_OTHER = {  # a part by which each constant of the driver model is changed
    "acceleration": 1e-3,
    "deceleration": 1e-3,
    "largest_acceleration": -0.3,  # reached in emergencies only
    "distance": 1e-3,
    "headway": 1e-3,
    "least_gain": 0.5,  # the constants of MOBIL only decide whether a lane is changed
    "largest_braking": -0.5,
    "lane_change_delay": 0.2,
}


@pytest.fixture(scope="module")
def idle_states() -> tuple[SceneSettings, list[Any]]:
    """What highway-env makes of 8 crowded worlds whose ego vehicles idle."""
    settings = SceneSettings("highway_fast", vehicles_count=15, vehicles_density=1.5)
    return settings, recorded(settings, 8, 12)


def engine_at_begin(settings: SceneSettings, n_worlds: int = 8) -> Worlds:
    worlds = Worlds(settings, n_worlds)
    worlds.begin(np.arange(n_worlds), [np.random.default_rng(seed) for seed in range(n_worlds)])
    return worlds


@pytest.mark.slow
def test_the_engine_as_it_is_repeats_the_recorded_states(idle_states):
    settings, states = idle_states
    assert first_difference(engine_at_begin(settings), states) is None


@pytest.mark.parametrize("name", MODEL.names)
@pytest.mark.slow
def test_another_constant_of_the_driver_model_is_noticed(idle_states, name: str):
    settings, states = idle_states
    worlds = engine_at_begin(settings)
    worlds.model[name] *= 1 + SLIGHTLY_OTHER[name]
    assert first_difference(worlds, states) is not None


@pytest.mark.parametrize(
    ("variable", "change"),
    [
        *[("x", 0.5), ("y", 0.5), ("speed", 0.01), ("heading", 0.001), ("length", 0.01)],
        *[("timer", 0.3), ("exponent", 0.01), ("target_speed", 0.1)],
    ],
)
def test_one_vehicle_of_one_world_put_elsewhere_is_noticed(idle_states, variable, change):
    settings, states = idle_states
    worlds = engine_at_begin(settings)
    worlds.vehicles[variable][4, 6] += change
    found = first_difference(worlds, states)
    assert found is not None
    assert found.startswith("world 4,")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["headway", "acceleration"])
def test_a_driven_episode_fails_if_a_constant_differs(name: str):
    worlds, oracles = begin_both(settings_of("merge"), [0, 1])
    worlds.model[name] *= 1.001
    with pytest.raises(AssertionError, match=r"merge, world \d, step \d"):
        drive_both(worlds, oracles, [meta("IDLE")] * 2, 5)


@pytest.mark.slow
def test_a_driven_episode_fails_if_a_vehicle_stands_half_a_metre_off():
    worlds, oracles = begin_both(settings_of("highway_fast"), [0, 1])
    oracles[1].road.vehicles[3].position[0] += 0.5
    with pytest.raises(AssertionError, match="highway_fast, world 1, step 0"):
        drive_both(worlds, oracles, [meta("IDLE")] * 2, 5)


def test_another_seed_is_noticed(idle_states):
    settings, states = idle_states
    worlds = engine_at_begin(settings)
    worlds.begin(np.array([2]), [np.random.default_rng(9999)])
    found = first_difference(worlds, states)
    assert found is not None
    assert found.startswith("world 2, step 0")


def test_the_comparison_names_the_vehicle_and_the_variable():
    oracle = build_world(settings_of("merge"))
    oracle.begin(np.random.default_rng(0))
    expected = read_oracle(oracle)
    assert compare(expected, expected) == []
    oracle.road.vehicles[2].position[0] += 0.5
    assert [line.split(": expected")[0] for line in compare(expected, read_oracle(oracle))] == [
        "vehicle 2: x"
    ]
    moved = expected.copy()
    moved["timer"][3] = np.nan
    moved["lane"][1] = "b c 0"
    assert len(compare(expected, moved)) == 2
    assert compare(expected, expected[:-1]) == ["things: expected 6, came 5"]
