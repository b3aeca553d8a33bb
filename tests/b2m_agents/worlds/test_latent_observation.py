from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecMonitor

from b2m_agents.episodes.episodes import make_scene
from b2m_agents.worlds.latent_observation import SPEED_UNIT, VecLatentObservation, encode_scenes
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_envs.driving import SceneSettings

SHAPE = (36, 40, 2)
ROAD = SceneSettings("highway_fast", height=36, width=40, vehicles_count=8, duration=3.0)


class NoisyScenes(gymnasium.Env[np.ndarray, Any]):
    """Random scenes; an episode is as long as it is told."""

    def __init__(self, length: int) -> None:
        self.observation_space = gymnasium.spaces.Box(0, 255, SHAPE, np.uint8)
        self.action_space = gymnasium.spaces.Discrete(2)
        self._length = length
        self.last: np.ndarray | None = None

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self._step = 0
        return self._scene(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        self._step += 1
        self.last = self._scene()
        return self.last, 1.0, self._step >= self._length, False, {}

    def _scene(self) -> np.ndarray:
        return self.np_random.integers(0, 256, SHAPE, dtype=np.uint8)


def encoder_of(height: int = SHAPE[0]) -> SceneVAE:
    settings = SceneVAESettings(height, SHAPE[1], SHAPE[2], latent_size=5, widths=(8, 8))
    return SceneVAE(settings, torch.Generator().manual_seed(0)).eval()


def scenes_of(*lengths: int) -> DummyVecEnv:
    venv = DummyVecEnv([lambda length=length: NoisyScenes(length) for length in lengths])
    venv.seed(3)
    return venv


def test_latents_are_the_encoders_posterior_means_of_the_same_scenes() -> None:
    encoder = encoder_of()
    plain, latent = scenes_of(9, 9, 9), VecLatentObservation(scenes_of(9, 9, 9), encoder)
    for scenes, latents in (
        (plain.reset(), latent.reset()),
        (plain.step(np.zeros(3, int))[0], latent.step(np.zeros(3, int))[0]),
    ):
        expected = encoder.encode(torch.from_numpy(scenes)).mean.detach().numpy()
        np.testing.assert_allclose(latents, expected, rtol=1e-5, atol=1e-6)
        assert latents.dtype == np.float32
        assert latent.observation_space.contains(latents[0])


def test_the_scene_that_ended_an_episode_is_encoded_too_and_in_the_same_pass() -> None:
    venv = VecLatentObservation(scenes_of(9, 1, 9, 1), encoder_of())
    passes: list[int] = []
    venv.encoder.to_mean.register_forward_hook(
        lambda layer, given, latents: passes.append(len(latents))
    )
    first = venv.reset()
    latents, _, done, infos = venv.step(np.zeros(4, int))
    assert passes == [4, 6]
    assert done.tolist() == [False, True, False, True]
    for row in (1, 3):
        last = venv.get_attr("last")[row]
        expected = encode_scenes(venv.encoder, last[None])[0]
        np.testing.assert_allclose(infos[row]["terminal_observation"], expected, atol=1e-6)
        assert np.abs(latents[row] - expected).max() > 1e-3  # that of the new episode
    assert "terminal_observation" not in infos[0]
    assert first.shape == latents.shape == (4, 5)


def test_training_the_encoder_goes_past_the_agent() -> None:
    encoder = encoder_of()
    venv = VecLatentObservation(scenes_of(9), encoder)
    before = venv.reset()
    with torch.no_grad():
        encoder.to_mean.bias += 1
    venv.seed(3)
    np.testing.assert_array_equal(venv.reset(), before)
    assert not any(parameter.requires_grad for parameter in venv.encoder.parameters())
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_a_sampling_encoder_still_gives_means() -> None:
    venv = VecLatentObservation(scenes_of(9), encoder_of().train())
    before = venv.reset()
    venv.seed(3)
    np.testing.assert_array_equal(venv.reset(), before)


def test_an_encoder_of_another_frame_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(36, 40, 2\).*came one of \(48, 40, 2\)"):
        VecLatentObservation(scenes_of(9), encoder_of(height=48))


def test_an_observation_that_is_no_scene_is_refused() -> None:
    venv = DummyVecEnv([lambda: gymnasium.make("CartPole-v1")])
    with pytest.raises(ValueError, match="expected scenes of uint8"):
        VecLatentObservation(venv, encoder_of())


def roads(kind: str) -> VecEnv:
    """Two worlds whose episodes end by crashes and by time."""
    if kind == "batch":
        return make_scene_vec_env(ROAD, 2, seed=4)
    makers = [partial(make_scene, ROAD)] * 2
    venv = SubprocVecEnv(makers, "spawn") if kind == "processes" else DummyVecEnv(makers)
    venv.seed(4)
    return VecMonitor(venv)  # a wrapper between hides what the environments said at reset


@pytest.mark.parametrize(
    "kind",
    ["batch", "dummy", pytest.param("processes", marks=[pytest.mark.slow, pytest.mark.thorough])],
)
def test_a_stack_and_the_speed_equal_those_put_together_by_hand(kind: str) -> None:
    encoder, stack = encoder_of(), 3
    plain = VecLatentObservation(make_scene_vec_env(ROAD, 2, seed=4), encoder)
    venv = VecLatentObservation(roads(kind), encoder, stack=stack, speed=True)
    assert venv.observation_space.shape == (stack * 5 + 1,)
    first = plain.reset()
    kept = [[latent] * stack for latent in first]

    def by_hand(row: int, info: dict[str, Any]) -> np.ndarray:
        return np.concatenate([*kept[row][-stack:], [info["speed"] / SPEED_UNIT]])

    begun = venv.reset()
    assert venv.observation_space.contains(begun[0])
    for row, observation in enumerate(begun):
        expected = by_hand(row, plain.venv.reset_infos[row])
        np.testing.assert_allclose(observation, expected, rtol=1e-5, atol=1e-6)
    n_ended = 0
    for step in range(7):
        actions = np.array([step % 5, 3])  # all meta-actions; always faster
        latents, _, done, infos = plain.step(actions)
        observations, _, also_done, also_infos = venv.step(actions)
        np.testing.assert_array_equal(done, also_done)
        for row in range(2):
            info = infos[row]
            if done[row]:
                n_ended += 1
                kept[row].append(info["terminal_observation"])
                np.testing.assert_allclose(
                    also_infos[row]["terminal_observation"],
                    by_hand(row, info),
                    rtol=1e-5,
                    atol=1e-6,
                )
                kept[row], info = [latents[row]] * stack, plain.venv.reset_infos[row]
            else:
                kept[row].append(latents[row])
            expected = by_hand(row, info)
            np.testing.assert_allclose(observations[row], expected, rtol=1e-5, atol=1e-6)
    assert n_ended >= 4
    assert len({float(each[-1]) for each in (begun[0], *observations)}) > 1
    venv.close()


def test_what_was_observed_stays_as_it_was() -> None:
    venv = VecLatentObservation(scenes_of(2, 9), encoder_of(), stack=2)
    seen, kept = [venv.reset()], []
    kept.append(seen[0].copy())
    for _ in range(3):
        seen.append(venv.step(np.zeros(2, int))[0])
        kept.append(seen[-1].copy())
    for there, here in zip(seen, kept, strict=True):
        np.testing.assert_array_equal(there, here)
    assert not np.array_equal(kept[1], kept[2])


def test_a_stack_is_taken_up_from_what_was_observed() -> None:
    one, other = (
        VecLatentObservation(make_scene_vec_env(ROAD, 2, seed=4), encoder_of(), stack=3, speed=True)
        for _ in range(2)
    )
    one.reset()
    observation = one.step(np.array([1, 3]))[0]
    other.reset()
    other.venv.step(np.array([1, 3]))  # driven on without the wrapper, as a resumed training is
    other.resume(observation)
    np.testing.assert_array_equal(one.step(np.array([3, 1]))[0], other.step(np.array([3, 1]))[0])


def test_an_empty_stack_and_scenes_without_a_speed_are_refused() -> None:
    with pytest.raises(ValueError, match="stack: expected 1 latent or more, came 0"):
        VecLatentObservation(scenes_of(9), encoder_of(), stack=0)
    with pytest.raises(ValueError, match=r"expected info\['speed'\]"):
        VecLatentObservation(scenes_of(9), encoder_of(), speed=True).reset()
