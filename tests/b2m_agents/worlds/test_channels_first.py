"""Convolutions read channels, height and width where they are, whatever the sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from b2m_agents.drivers.drivers import drive_episode, rollout_spec_of
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithm_settings import PPOSettings
from b2m_agents.learning.algorithms import new_policy
from b2m_agents.learning.online_agent_file import load_online_agent, save_online_agent
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.learning.training import train_agent
from b2m_agents.learning.training_worlds import observed
from b2m_agents.online.online_transfer import new_online_policy
from b2m_agents.online.scene_features import SceneFeatures
from b2m_agents.studies.agents.senses import Senses
from b2m_agents.worlds.channels_first import VecChannelsFirst, channels_first, with_channels_first
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_drive.students.scene_vae import SceneVAESettings
from b2m_envs.scenes.settings import SceneSettings

ONE = {"rollout": 4, "batch_size": 8, "n_epochs": 1, "hidden_sizes": (8,)}
SHORT = TrainingSettings(
    algorithm=PPOSettings(**ONE), observation="pixels", n_steps=8, n_environments=2,
    evaluate_every=8, n_evaluation_episodes=2, checkpoint_every=8, tensorboard=False,
)  # fmt: skip
# height, width, frames, colour: more channels than rows, as many as there are of all, the fewest
# columns, and a usual stack
ODD: list[tuple[int, int, int, bool]] = [
    (36, 48, 12, True), (36, 36, 12, True), (40, 36, 64, False), (40, 44, 2, False),
]  # fmt: skip


def scene_of(height: int, width: int, n_frames: int, colour: bool) -> SceneSettings:
    return SceneSettings(
        "highway_fast", height=height, width=width, n_frames=n_frames, colour=colour,
        vehicles_count=2, duration=2.0,
    )  # fmt: skip


@pytest.mark.parametrize("sizes", ODD)
def test_the_first_convolution_takes_all_frames_and_colours_as_channels(sizes: Any) -> None:
    scene = scene_of(*sizes)
    envs = observed(make_scene_vec_env(scene, 2, seed=0), None, SHORT)
    policy = new_policy(envs, SHORT)
    convolution = next(m for m in policy.policy.modules() if isinstance(m, nn.Conv2d))
    assert convolution.in_channels == scene.n_channels
    shape = (scene.n_channels, scene.height, scene.width)
    assert policy.observation_space.shape == shape
    alone = make_scene_vec_env(scene, 2, seed=0).reset()
    envs.seed(0)
    np.testing.assert_array_equal(envs.reset(), np.transpose(alone, (0, 3, 1, 2)))
    _, _, done, infos = [envs.step(np.ones(2, int)) for _ in range(2)][-1]
    assert done.all()
    assert all(info["terminal_observation"].shape == shape for info in infos)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", ODD[:2])
def test_a_trained_agent_drives_on_what_it_was_trained_on(sizes: Any, tmp_path: Path) -> None:
    height, width, n_frames, colour = sizes
    environment = {
        "height": height, "width": width, "n_frames": n_frames, "colour": colour,
        "vehicles_count": 2, "duration": 2.0,
    }  # fmt: skip
    folder = train_agent("highway_fast", None, tmp_path / "agent", SHORT, environment)
    agent = TrainedAgent.read(folder)
    scene = np.random.default_rng(0).integers(0, 256, (height, width, n_frames * 3), np.uint8)
    (read,) = (agent.reader()(scene, np.zeros(14, np.float32)),)
    np.testing.assert_array_equal(read, channels_first(scene))
    longer = TrainingSettings(**{**vars(SHORT), "n_steps": 16})
    train_agent("highway_fast", None, folder, longer, environment)  # and goes on
    assert TrainedAgent.read(folder).policy.num_timesteps == 16
    episode = drive_episode(rollout_spec_of("highway_fast", str(folder), {}), seed=1)
    assert len(episode.reward) == 2


@pytest.mark.slow
def test_an_agent_whose_axes_were_guessed_is_refused(tmp_path: Path) -> None:
    scene = scene_of(*ODD[0])
    environment = {"height": 36, "width": 48, "n_frames": 12, "colour": True}
    folder = train_agent("highway_fast", None, tmp_path, SHORT, environment)
    guessed = new_policy(make_scene_vec_env(scene, 2, seed=0), SHORT)  # as it was made before
    guessed.save(folder / "agent.zip")
    with pytest.raises(ValueError, match=r"agent.zip: observation: .*\(36, 36, 48\), came one of"):
        TrainedAgent.read(folder)


def test_compared_agents_of_pixels_read_channels_first_and_clones_as_before() -> None:
    scene = scene_of(*ODD[0])
    senses = Senses(scene, "pixels")
    assert senses.worlds(2).observation_space.shape == (36, 36, 48)
    scenes = np.random.default_rng(0).integers(0, 256, (3, 36, 48, 36), np.uint8)
    state = np.zeros((3, 14), np.float32)
    np.testing.assert_array_equal(senses.observe(scenes, state), channels_first(scenes))
    np.testing.assert_array_equal(senses.features(scenes, state), scenes.reshape(3, -1))


@pytest.mark.slow
@pytest.mark.parametrize("sizes", ODD[:2])
def test_an_encoder_that_learns_with_the_policy_reads_whole_scenes(sizes: Any, tmp_path) -> None:
    scene = scene_of(*sizes)
    settings = SceneVAESettings(
        scene.height, scene.width, scene.n_channels, latent_size=4, widths=(8, 8)
    )
    envs = make_scene_vec_env(scene, 2, seed=0)
    policy = new_online_policy(envs, settings, n_steps=4, batch_size=8, n_epochs=1)
    policy.learn(8)
    scenes = envs.reset()
    read = policy.policy.obs_to_tensor(channels_first(scenes))[0]
    seen = policy.policy.extract_features(read, policy.policy.features_extractor)
    from torch import from_numpy

    expected = policy.encoder.encode(from_numpy(scenes)).mean
    np.testing.assert_allclose(
        seen.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6
    )
    folder = save_online_agent(policy, tmp_path)
    load_online_agent(folder, make_scene_vec_env(scene, 2, seed=0)).learn(8)


def test_a_scene_that_does_not_tell_its_channels_needs_to_be_told() -> None:
    space = make_scene_vec_env(scene_of(*ODD[1]), 1).observation_space
    encoder = {"height": 36, "width": 36, "channels": 36, "widths": (8, 8)}
    with pytest.raises(ValueError, match="channels_first: expected True or False"):
        SceneFeatures(space, encoder)
    assert SceneFeatures(space, encoder, channels_first=True)._channels_first


@pytest.mark.slow
def test_worlds_are_wrapped_once_and_other_observations_are_refused() -> None:
    envs = with_channels_first(make_scene_vec_env("highway_fast", 1))
    assert with_channels_first(envs) is envs
    with pytest.raises(ValueError, match="observation: expected scenes of uint8"):
        VecChannelsFirst(make_scene_vec_env("highway_fast", 1, observation="state"))
