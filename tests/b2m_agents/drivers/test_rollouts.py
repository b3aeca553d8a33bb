from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from b2m_agents.drivers.drivers import RolloutSpec, drive_episode
from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.episodes.episodes import Episode, episode_seed
from b2m_agents.episodes.ordered_workers import map_in_order
from b2m_drive.students.scenes import SceneDataset

SMALL = {"height": 36, "width": 40, "vehicles_count": 3, "duration": 4.0}
ARRAYS = ("action", "reward", "terminated", "truncated", "episode_seed", "frame_counts", "state")
FIVE = CollectSettings(n_episodes=5, environment=SMALL)

SLOW_COLLECTION = """
import sys, time
from b2m_agents.drivers import rollouts
write = rollouts.SceneWriter.write
def slowly(*arguments):
    time.sleep(0.5)
    write(*arguments)
rollouts.SceneWriter.write = slowly
settings = rollouts.CollectSettings(n_episodes=5, environment={environment})
rollouts.collect_scenes("highway_fast", sys.argv[1], settings, progress=False)
"""


def assert_same_scenes(one: SceneDataset, other: SceneDataset) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    np.testing.assert_array_equal(one.frames(), other.frames())
    assert one.header == other.header


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> SceneDataset:
    path = tmp_path_factory.mktemp("scenes") / "highway.h5"
    return SceneDataset(collect_scenes("highway_fast", path, FIVE, progress=False))


def test_a_file_says_where_its_scenes_come_from(collected) -> None:
    header = collected.header
    assert collected.n_episodes == 5
    assert collected.frame_shape == (36, 40, 2)
    assert (header.scenario, header.policy, header.seed) == ("highway_fast", "random", 0)
    assert header.settings["vehicles_count"] == 3
    assert header.step_seconds == 1.0
    assert header.versions["highway-env"]
    assert header.settings["engine"] == "b2m"
    assert header.note.startswith("simulated by b2m_envs")
    assert "gap" in header.state_names
    assert not collected.path.with_name("highway.h5.parts").exists()


def test_an_episode_can_be_driven_again_from_its_seed_and_actions(collected) -> None:
    import gymnasium

    episode = collected.episode(3)
    env = gymnasium.make("b2m_envs:B2M/HighwayFastScene-v0", **SMALL)
    frame, info = env.reset(seed=episode.seed)
    np.testing.assert_array_equal(frame, episode.frames[0])
    for step, action in enumerate(episode.action):
        frame, reward, terminated, truncated, info = env.step(action)
        np.testing.assert_array_equal(frame, episode.frames[step + 1])
        np.testing.assert_array_equal(info["state"], episode.state[step + 1])
        assert reward == episode.reward[step]
    assert (terminated, truncated) == (episode.terminated, episode.truncated)


@pytest.mark.slow
def test_a_collection_killed_half_way_and_resumed_equals_an_uninterrupted_one(
    collected, tmp_path
) -> None:
    path = tmp_path / "highway.h5"
    script = tmp_path / "collect.py"
    script.write_text(SLOW_COLLECTION.format(environment=SMALL))
    process = subprocess.Popen([sys.executable, script, path])
    parts = path.with_name("highway.h5.parts")
    deadline = time.monotonic() + 60
    while len(list(parts.glob("episode-*.h5"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    written = sorted(each.name for each in parts.glob("episode-*.h5"))
    assert 2 <= len(written) < 5
    assert not path.exists()
    resumed = collect_scenes("highway_fast", path, FIVE, progress=False)
    assert_same_scenes(SceneDataset(resumed), collected)


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(collected, tmp_path) -> None:
    on_two = collect_scenes(
        "highway_fast", tmp_path / "two.h5", replace(FIVE, n_workers=2), progress=False
    )
    assert_same_scenes(SceneDataset(on_two), collected)


@pytest.mark.slow
def test_a_batch_writes_what_single_environments_do(collected, tmp_path, monkeypatch) -> None:
    def one_by_one(spec: RolloutSpec, seeds: list[int]) -> Iterator[Episode]:
        return (drive_episode(spec, seed) for seed in seeds)

    monkeypatch.setattr("b2m_agents.drivers.elsewhere.drive_episodes", one_by_one)
    path = collect_scenes("highway_fast", tmp_path / "single.h5", FIVE, progress=False)
    assert_same_scenes(SceneDataset(path), collected)


def test_highway_envs_engine_is_recorded(tmp_path) -> None:
    settings = CollectSettings(n_episodes=1, environment=SMALL | {"engine": "highway-env"})
    path = collect_scenes("highway_fast", tmp_path / "slow.h5", settings, progress=False)
    header = SceneDataset(path).header
    assert header.settings["engine"] == "highway-env"
    assert header.note.startswith("simulated by highway-env")


def test_frames_asked_for_end_with_a_whole_episode(collected, tmp_path) -> None:
    counts = collected.frame_counts
    asked = int(counts[:2].sum()) + 1
    settings = CollectSettings(n_frames=asked, environment=SMALL)
    scenes = SceneDataset(
        collect_scenes("highway_fast", tmp_path / "some.h5", settings, progress=False)
    )
    np.testing.assert_array_equal(scenes.frame_counts, counts[:3])


def test_a_finished_collection_is_left_as_it_is_and_not_extended(collected) -> None:
    before = collected.path.stat().st_mtime_ns
    fewer = replace(FIVE, n_episodes=4)
    assert collect_scenes("highway_fast", collected.path, fewer, progress=False) == collected.path
    assert collected.path.stat().st_mtime_ns == before
    with pytest.raises(ValueError, match=r"expected at least 6 episodes.*holds 5"):
        collect_scenes("highway_fast", collected.path, replace(FIVE, n_episodes=6))


def test_another_collection_at_the_same_path_is_refused(collected) -> None:
    with pytest.raises(ValueError, match=r"seed: expected 0, came 7|seed: expected 7, came 0"):
        collect_scenes("highway_fast", collected.path, replace(FIVE, seed=7))
    with pytest.raises(ValueError, match="scenario"):
        collect_scenes("exit", collected.path, FIVE)


def test_highway_envs_driver_drives_itself_and_its_actions_are_kept(tmp_path) -> None:
    settings = CollectSettings(n_episodes=2, policy="highway_env", environment=SMALL)
    path = collect_scenes("highway_fast", tmp_path / "model.h5", settings, progress=False)
    scenes = SceneDataset(path)
    assert scenes.header.settings["driver"] == "highway_env"
    assert scenes.action.dtype == np.int64
    assert len(scenes.action) == scenes.n_frames - 2


def test_continuous_actions_and_masks_are_kept(tmp_path) -> None:
    environment = {**SMALL, "action": "continuous", "vehicle_mask": True}
    settings = CollectSettings(n_episodes=1, environment=environment)
    path = collect_scenes("highway_fast", tmp_path / "continuous.h5", settings, progress=False)
    episode = SceneDataset(path).episode(0)
    assert episode.action.shape == (episode.n_steps, 2)
    assert episode.action.dtype == np.float32
    assert episode.vehicle_mask is not None
    assert episode.vehicle_mask.shape == episode.frames.shape[:3]


@pytest.mark.usefixtures("as_users_run_it")
def test_settings_of_numpys_numbers_can_be_collected(tmp_path) -> None:
    environment = {**SMALL, "height": np.int64(36), "duration": np.float32(2)}
    settings = CollectSettings(n_episodes=1, environment=environment)
    path = collect_scenes("highway_fast", tmp_path / "scenes.h5", settings, progress=False)
    assert SceneDataset(path).header.settings["height"] == 36


@pytest.mark.parametrize(
    ("scenario", "changes", "message"),
    [
        ("motorway", {}, "'motorway'"),
        ("highway_fast", {"environment": {"height": 20}}, "height.*20"),
        ("highway_fast", {"environment": {"heigth": 64}}, "heigth"),
        ("highway_fast", {"environment": {"driver": "highway_env"}}, "driver"),
        ("highway_fast", {"policy": "einstein"}, "'einstein'"),
    ],
)
def test_bad_input_is_named_and_writes_nothing(tmp_path, scenario, changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        collect_scenes(scenario, tmp_path / "scenes.h5", replace(FIVE, **changes))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"n_frames": 10, "n_episodes": 1},
        {"n_frames": 0},
        {"n_episodes": -1},
        {"n_episodes": True},
    ],
)
def test_one_sensible_amount_is_needed(numbers) -> None:
    with pytest.raises(ValueError, match=r"n_frames|n_episodes"):
        CollectSettings(**numbers)


def test_held_out_episodes_share_no_seed_with_others() -> None:
    collected = {episode_seed(seed, index) for seed in range(20) for index in range(200)}
    held_out = {
        episode_seed(seed, index, held_out=True) for seed in range(20) for index in range(200)
    }
    assert len(collected) == len(held_out) == 4000
    assert not collected & held_out


def waits_less_and_less(item: int) -> int:
    time.sleep(0.1 / (1 + item))
    return item * item


@pytest.mark.thorough
@pytest.mark.slow
def test_results_come_in_order_and_workers_end_when_enough_was_taken() -> None:
    before = set(multiprocessing.active_children())
    results = map_in_order(waits_less_and_less, iter(range(10**9)), 2)
    assert [next(results) for _ in range(6)] == [0, 1, 4, 9, 16, 25]
    results.close()
    assert not set(multiprocessing.active_children()) - before
