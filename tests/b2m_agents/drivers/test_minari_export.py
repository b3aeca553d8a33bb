from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from b2m_agents.drivers.minari_export import export_minari
from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_drive.students.scenes import SceneDataset, SceneWriter

ENVIRONMENT = {
    "height": 36, "width": 40, "vehicles_count": 3, "duration": 3.0, "colour": True,
    "n_frames": 1, "vehicle_mask": True,
}  # fmt: skip

minari = pytest.importorskip("minari")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> SceneDataset:
    path = tmp_path_factory.mktemp("scenes") / "highway.h5"
    settings = CollectSettings(n_episodes=3, policy="highway_env", environment=ENVIRONMENT)
    return SceneDataset(collect_scenes("highway_fast", path, settings, progress=False))


@pytest.fixture
def datasets(monkeypatch, tmp_path):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return tmp_path


@pytest.mark.slow
def test_nothing_is_lost_on_the_way_through_minari(scenes, datasets) -> None:
    export_minari(scenes, "b2m/highway/model-v0")
    dataset = minari.load_dataset("b2m/highway/model-v0")
    assert dataset.total_episodes == scenes.n_episodes
    assert dataset.total_steps == scenes.n_frames - scenes.n_episodes
    for index, there in enumerate(dataset.iterate_episodes()):
        here = scenes.episode(index)
        # RGB frames are what Minari would compress with JPEG
        assert here.frames.shape[-1] == 3
        np.testing.assert_array_equal(there.observations, here.frames)
        np.testing.assert_array_equal(there.actions, here.action)
        np.testing.assert_array_equal(there.rewards, here.reward)
        np.testing.assert_array_equal(there.infos["state"], here.state)
        np.testing.assert_array_equal(there.infos["vehicle_mask"], here.vehicle_mask)
        assert there.terminations.tolist() == [False] * (here.n_steps - 1) + [here.terminated]
        assert there.truncations.tolist() == [False] * (here.n_steps - 1) + [here.truncated]
    seeds = [each["seed"] for each in dataset.storage.get_episode_metadata(range(3))]
    assert seeds == scenes.episode_seed.tolist()


@pytest.mark.slow
def test_the_dataset_says_how_it_was_made_and_makes_its_environment_again(scenes, datasets) -> None:
    export_minari(scenes, "b2m/highway/model-v0")
    dataset = minari.load_dataset("b2m/highway/model-v0")
    metadata = dataset.storage.metadata
    assert metadata["algorithm_name"] == "highway_env"
    assert "time_to_collision [s]" in metadata["description"]
    assert not metadata["jpeg_encoding"]
    assert dataset.recover_environment().unwrapped.settings.driver == "highway_env"
    env = dataset.recover_environment(eval_env=True)
    assert env.unwrapped.settings.driver == "agent"
    assert env.observation_space == dataset.observation_space
    frame, _ = env.reset(seed=int(scenes.episode_seed[0]))
    np.testing.assert_array_equal(frame, scenes.episode(0).frames[0])


@pytest.mark.slow
def test_scenes_whose_settings_do_not_name_the_scenario_are_exported(
    scenes, datasets, tmp_path_factory
) -> None:
    settings = {name: value for name, value in scenes.header.settings.items() if name != "scenario"}
    path = tmp_path_factory.mktemp("own") / "own.h5"
    writer = SceneWriter(path, replace(scenes.header, settings=settings))
    writer.write(0, scenes.episode(0))
    export_minari(SceneDataset(writer.finish()), "b2m/highway/own-v0")
    assert minari.load_dataset("b2m/highway/own-v0").total_episodes == 1


@pytest.mark.slow
def test_an_id_that_is_taken_is_refused_and_kept(scenes, datasets) -> None:
    export_minari(scenes, "b2m/highway/model-v0")
    with pytest.raises(ValueError, match="b2m/highway/model-v0"):
        export_minari(scenes, "b2m/highway/model-v0")
    assert minari.load_dataset("b2m/highway/model-v0").total_episodes == 3


def test_an_id_that_is_none_of_minaris_is_refused_and_leaves_nothing(scenes, datasets) -> None:
    with pytest.raises(ValueError, match="no such id!"):
        export_minari(scenes, "no such id!")
    assert not list(datasets.iterdir())


def test_scenes_cut_short_leave_no_dataset(scenes, datasets, tmp_path_factory) -> None:
    cut = tmp_path_factory.mktemp("cut") / "cut.h5"
    cut.write_bytes(scenes.path.read_bytes()[: scenes.path.stat().st_size * 2 // 3])
    with pytest.raises(ValueError, match=r"cut\.h5"):
        export_minari(SceneDataset(cut), "b2m/highway/cut-v0")
    assert "b2m/highway/cut-v0" not in minari.list_local_datasets()
