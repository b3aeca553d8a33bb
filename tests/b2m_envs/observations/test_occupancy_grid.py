"""OccupancyGrid equals highway-env's own, layer by layer."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.envs.common.observation import OccupancyGridObservation

import b2m_envs
from b2m_envs.observations.occupancy_grid import FEATURES, LAYERS, OccupancyGrid
from tests.b2m_envs.observations.side_by_side import SCENARIOS, settings_of, states


def drawn_settings(draws: np.random.Generator) -> dict[str, Any]:
    some = draws.permutation(LAYERS)[: draws.integers(1, len(LAYERS) + 1)].tolist()
    ranged = draws.permutation(FEATURES)[: draws.integers(1, len(FEATURES) + 1)].tolist()
    ranges = {name: (-float(draws.uniform(1, 50)), float(draws.uniform(1, 50))) for name in ranged}
    edges = draws.uniform(10, 80, (2, 2))
    usual = draws.random() < 0.3
    return {
        "features": some,
        "grid_size": None if usual else [[-low, high] for low, high in edges.tolist()],
        "grid_step": None if usual else draws.uniform(1, 9, 2).tolist(),
        "features_range": ranges if draws.random() < 0.5 else None,
        **{
            name: bool(draws.random() < 0.5)
            for name in ("align_to_vehicle_axes", "clip", "as_image")
        },
    }


def theirs_of(theirs: Any) -> np.ndarray:
    """highway-env's grid; an image of it casts NaN, of which NumPy warns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="invalid value encountered in cast")
        grid: np.ndarray = theirs.observe()
        return grid


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_equals_highway_envs_under_random_settings(scenario: str) -> None:
    draws = np.random.default_rng(SCENARIOS.index(scenario))
    cells = 0
    for seed in range(2):
        chosen = [drawn_settings(draws) for _ in range(5)]
        theirs: list[Any] = []
        for source, traffic in states(settings_of(scenario), seed, 6):
            theirs = theirs or [OccupancyGridObservation(source, **each) for each in chosen]
            for options, their in zip(chosen, theirs, strict=True):
                given = {name: each for name, each in options.items() if each is not None}
                ours = OccupancyGrid(**given).observe(traffic)[0]
                expected = theirs_of(their)
                assert ours.dtype == expected.dtype
                np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
                cells += int((ours != 0).sum())
    assert cells > 300


def test_the_defaults_are_highway_envs() -> None:
    grid = OccupancyGrid()
    assert list(grid.features) == OccupancyGridObservation.FEATURES
    np.testing.assert_array_equal(grid.grid_size, OccupancyGridObservation.GRID_SIZE)
    np.testing.assert_array_equal(grid.grid_step, OccupancyGridObservation.GRID_STEP)
    assert grid.shape == (4, 11, 11)
    assert grid.names == ("presence", "vx", "vy", "on_road")


def test_the_ego_vehicle_is_in_its_own_cell_and_lanes_run_through_the_grid() -> None:
    layers = ("presence", "on_road")
    env = gymnasium.make(
        "B2M/HighwayFastScene-v0", observation=OccupancyGrid(layers), vehicles_count=1
    )
    presence, on_road = env.reset(seed=0)[0]
    assert presence[5, 5] == 1
    assert 1 <= presence.sum() <= 2
    assert set(on_road.sum(axis=1).tolist()) == {3.0}  # 3 lanes of 4 m, cells of 5 m


def test_a_batch_shows_what_a_single_environment_shows() -> None:
    image = OccupancyGrid(as_image=True, align_to_vehicle_axes=True)
    batch = gymnasium.make_vec(
        "B2M/HighwayFastScene-v0", num_envs=3, observation=image, n_threads=2
    )
    first, _ = batch.reset(seed=5)
    assert first.dtype == np.uint8
    assert batch.observation_space.contains(first)
    for world in range(3):
        env = gymnasium.make("B2M/HighwayFastScene-v0", observation=image)
        np.testing.assert_array_equal(first[world], env.reset(seed=5 + world)[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ("x", "z")}, "features: expected some of presence, .*on_road, came 'z'"),
        ({"features": ()}, "features: expected some of .*, each once"),
        ({"grid_size": ((1, 2),)}, r"grid_size: expected \(lowest, highest\) along x and along y"),
        ({"grid_size": ((2, 1), (0, 1))}, r"grid_size: expected \(lowest, highest\)"),
        ({"grid_step": (5, 0)}, r"grid_step: expected two sizes of a cell, 0\.1 m or more"),
        ({"grid_step": (5, float("nan"))}, "grid_step: expected two sizes"),
        ({"grid_step": 5}, "grid_step: expected two sizes"),
        ({"grid_step": (100, 5)}, "grid_size: expected room for 1 to 512 cells"),
        ({"grid_step": (0.1, 5)}, "grid_size: expected room for 1 to 512 cells"),
        ({"absolute": True}, "absolute: expected False .*NotImplementedError"),
        ({"clip": 1}, "clip: expected True or False, came 1"),
        ({"features_range": {"on_road": (0, 1)}}, "features_range: expected ranges of presence"),
        ({"features_range": [1]}, "features_range: expected None or a dictionary"),
    ],
)
@pytest.mark.usefixtures("as_users_run_it")
def test_wrong_settings_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"OccupancyGrid: {message}"):
        b2m_envs.OccupancyGrid(**options)
