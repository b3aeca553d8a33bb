"""Settings of road and traffic: what they change, and how they are kept."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from b2m_envs.engine.worlds import Worlds
from b2m_envs.scenes.road_options import merge_end
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.settings_json import settings_json


@pytest.mark.parametrize(
    ("scenario", "options", "written"),
    [
        ("merge_generic", {"merge_lengths": [90, 60, 60.5, 90]}, [90, 60, 60.5, 90]),
        ("roundabout_generic", {"roundabout_radius": np.float64(12.5)}, 12.5),
        ("exit", {"ego_spacing": 3}, 3),
        ("highway", {"initial_lane": 2}, 2),
        ("intersection", {"spawn_probability": 0.25}, 0.25),
        ("intersection", {"destination": "any"}, "any"),
        ("racetrack_oval", {"oval_length": 50}, 50),
        ("parking", {"walls": False}, False),
    ],
)
def test_sizes_of_a_road_go_through_json_and_back(scenario: str, options: Any, written: Any):
    settings = SceneSettings(scenario, **options)
    kept = json.loads(json.dumps(settings_json(settings)))
    (name,) = options
    assert kept[name] == written
    assert SceneSettings(**kept) == settings
    assert name not in settings_json(SceneSettings(scenario))  # as in files from before


def test_a_merge_ends_ninety_metres_before_its_road():
    assert merge_end(SceneSettings("merge")) == 370
    assert merge_end(SceneSettings("merge_generic")) == 370
    assert merge_end(SceneSettings("merge_generic", merge_lengths=(60, 20, 30, 100.5))) == 120.5


@pytest.mark.slow
def test_roads_of_several_sizes_are_not_mixed_up():
    sizes = (None, 12.0, 40.0)
    settings = [SceneSettings("roundabout_generic", roundabout_radius=each) for each in sizes]
    tables = [Worlds(each, 1).table for each in settings]
    radii = [each.network.lanes["radius"][each.number["se", "ex", 0]] for each in tables]
    assert radii == [20, 12, 40]
    merges = [SceneSettings("merge_generic", merge_lengths=(60, 20, each, 90)) for each in (30, 50)]
    tables = [Worlds(each, 1).table for each in merges]
    lengths = [each.network.lanes["length"][each.number["b", "c", 0]] for each in tables]
    assert lengths == [30, 50]


@pytest.mark.parametrize("scenario", ["merge_generic", "roundabout_generic"])
def test_who_finds_no_place_is_left_out(scenario: str):
    worlds = Worlds(SceneSettings(scenario, vehicles_count=80, lanes_count=1), 4)
    worlds.begin(np.arange(4), [np.random.default_rng(seed) for seed in range(4)])
    assert (worlds.count > 10).all()
    assert (worlds.count < 60).all()
    assert len(set(worlds.count)) > 1


def test_a_merge_of_one_lane_has_nobody_on_the_lane_that_counts():
    settings = SceneSettings("merge_generic", lanes_count=1)
    worlds, every = Worlds(settings, 3), np.arange(3)
    worlds.begin(every, [np.random.default_rng(seed) for seed in every])
    for _ in range(10):
        worlds.step(np.ones(3, np.int64), every)
        assert not worlds.terms[:, worlds.term_names.index("merging_speed_reward")].any()
