"""CrossingTraffic finds the conflicts of paths that highway-env's network gives."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.utils import wrap_to_pi
from jaxtyping import Float64

import b2m_envs
from b2m_envs.engine.worlds import Worlds
from b2m_envs.observations.crossing_traffic import CrossingTraffic
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import STATE_INDEX
from tests.b2m_envs.observations.side_by_side import SCENARIOS, few_vehicles, states

REACH = 45


def path_of(network: Any, vehicle: Any) -> Float64[np.ndarray, "place 3"]:
    """x, y and heading at every metre of a vehicle's way, by highway-env's own route following."""
    begin, end, number = vehicle.lane_index
    roads = [step[:2] for step in vehicle.route or []]
    rest = (vehicle.route or [])[roads.index((begin, end)) + 1 if (begin, end) in roads else 0 :]
    route = [vehicle.lane_index]
    for start, stop, wanted in rest:
        lane = number if wanted is None else wanted
        route.append((start, stop, lane if lane < len(network.graph[start][stop]) else 0))
    along, _ = vehicle.lane.local_coordinates(vehicle.position)
    places = [
        network.position_heading_along_route(route, along + k, 0, vehicle.lane_index)
        for k in range(REACH + 1)
    ]
    return np.array([(*place, heading) for place, heading in places])


def conflict_of(own: np.ndarray, other: np.ndarray) -> tuple[int, int] | None:
    """The first places that are within 2 m of each other, every pair looked at."""
    apart = np.linalg.norm(own[:, None, :2] - other[None, :, :2], axis=2)
    near = np.argwhere(apart <= 2)
    if not len(near):
        return None
    here, there = map(int, near[0])
    follows = abs(wrap_to_pi(own[here, 2] - other[there, 2])) < math.pi / 6
    return None if follows and 0 in (here, there) else (here, there)


def expected_table(source: Any, n_rows: int) -> np.ndarray:
    ego, network, found = source.vehicle, source.road.network, []
    for vehicle in source.road.vehicles:
        if vehicle is not ego:
            conflict = conflict_of(path_of(network, ego), path_of(network, vehicle))
            found += [] if conflict is None else [(*conflict, vehicle.speed)]
    table = np.tile([0.0, REACH, 20, REACH, 20], (n_rows, 1))
    for row, (own, other, speed) in zip(
        table, sorted(found, key=lambda each: each[:2]), strict=False
    ):
        times = [
            0 if way == 0 else min(way / rate, 20) if rate > 0 else 20
            for way, rate in ((own, ego.speed), (other, speed))
        ]
        row[:] = 1, own, times[0], other, times[1]
    return table


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["intersection", "roundabout"])
def test_it_equals_what_every_pair_of_places_gives(scenario: str) -> None:
    kind, seen = CrossingTraffic(vehicles_count=4, reach=REACH, normalize=False), 0
    for seed in range(2):
        for source, traffic in states(few_vehicles(scenario), seed, 6):
            ours = kind.observe(traffic)[0]
            np.testing.assert_allclose(ours, expected_table(source, 4), rtol=1e-6, atol=1e-6)
            seen += int(ours[:, 0].sum())
    assert seen > 4


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_is_within_its_space_in_every_scenario(scenario: str) -> None:
    for normalize in (True, False):
        kind = CrossingTraffic(normalize=normalize)
        for _, traffic in states(few_vehicles(scenario), 1, 3):
            assert kind.space(traffic.settings).contains(kind.observe(traffic)[0])


@pytest.mark.slow
def test_it_shows_who_crosses_and_the_gaps_do_not() -> None:
    source, traffic = next(states(SceneSettings("intersection"), 0, 1))
    source.road.vehicles[:] = [source.vehicle, source.road.vehicles[0]]
    own, other = source.road.vehicles
    assert own is not other
    network = source.road.network
    place(network, own, [("o0", "ir0", 0), ("ir0", "il2", 0), ("il2", "o2", 0)], 70.0, 10.0)
    place(network, other, [("o1", "ir1", 0), ("ir1", "il3", 0), ("il3", "o3", 0)], 80.0, 5.0)
    env_worlds = traffic_of(source, traffic)
    row = CrossingTraffic(1, normalize=False).observe(env_worlds)[0, 0]
    # both drive straight on, on lanes that cross at right angles within the crossing
    assert row[0] == 1
    x, y = crossing_of(own, other)
    assert row[1] == pytest.approx(abs(y - own.position[1]), abs=3)
    assert row[3] == pytest.approx(abs(x - other.position[0]), abs=3)
    np.testing.assert_allclose(row[[2, 4]], row[[1, 3]] / [10, 5], rtol=1e-6)
    assert row[3] < row[1]


def place(network: Any, vehicle: Any, route: list[Any], along: float, speed: float) -> None:
    """Put a vehicle on the first lane of its route."""
    lane = network.get_lane(route[0])
    vehicle.position, vehicle.heading = lane.position(along, 0), lane.heading_at(along)
    vehicle.lane_index = vehicle.target_lane_index = route[0]
    vehicle.lane, vehicle.route, vehicle.speed = lane, route, speed


def crossing_of(own: Any, other: Any) -> tuple[float, float]:
    """Where a vehicle that drives along y meets one that drives along x."""
    return float(own.position[0]), float(other.position[1])


def traffic_of(source: Any, before: Any) -> Any:
    """The world as it was changed, for an observation."""
    worlds = Worlds(before.settings, 1)
    worlds.copy(0, source)
    return replace(
        before, vehicles=worlds.vehicles, count=worlds.count, ego=worlds.ego, routes=worlds.routes
    )


@pytest.mark.slow
def test_a_batch_shows_what_a_single_environment_shows() -> None:
    kinds = {"crossing": CrossingTraffic(), "lane": "state"}
    batch = gymnasium.make_vec(
        "B2M/IntersectionScene-v0", num_envs=3, observation=kinds, n_threads=2
    )
    first, _ = batch.reset(seed=5)
    assert batch.observation_space.contains(first)
    for world in range(3):
        env = gymnasium.make("B2M/IntersectionScene-v0", observation=kinds)
        alone, _ = env.reset(seed=5 + world)
        np.testing.assert_array_equal(first["crossing"][world], alone["crossing"])
    gaps = first["lane"][:, STATE_INDEX["gap"]]
    assert (first["crossing"][gaps == 60][..., 0] == 1).any()  # nobody ahead, but somebody crosses


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vehicles_count": 0}, "vehicles_count: expected a whole number from 1 to 100, came 0"),
        ({"reach": 0.5}, r"reach: expected a distance from 1 to 200 m, came 0\.5"),
        ({"reach": "far"}, "reach: expected a distance"),
        ({"normalize": 1}, "normalize: expected True or False, came 1"),
    ],
)
def test_wrong_settings_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"CrossingTraffic: {message}"):
        b2m_envs.CrossingTraffic(**options)
