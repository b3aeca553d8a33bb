"""Recordings of batches play at the speed of the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv, VecVideoRecorder

from b2m_agents.episodes.episodes import scene_spec
from b2m_agents.memory.memory_vec_env import MemoryVecEnv
from b2m_agents.worlds.channels_first import VecChannelsFirst
from b2m_agents.worlds.latent_observation import VecLatentObservation
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_envs.memory_decision import MemoryDecisionSettings
from b2m_envs.scenes.settings import SceneSettings

FAST = SceneSettings("racetrack", policy_frequency=5, vehicles_count=1, height=36, width=40)


class Clip:
    """moviepy's clip, written by OpenCV: moviepy need not be installed."""

    def __init__(self, sequence: list[np.ndarray], fps: float) -> None:
        self._pictures, self._fps = sequence, fps

    def write_videofile(self, path: str) -> None:
        """Write the pictures."""
        height, width = self._pictures[0].shape[:2]
        code = cv2.VideoWriter.fourcc(*"MJPG")
        writer = cv2.VideoWriter(
            str(Path(path).with_suffix(".avi")), code, self._fps, (width, height)
        )
        for picture in self._pictures:
            writer.write(np.ascontiguousarray(picture[..., ::-1]))
        writer.release()


@pytest.fixture
def moviepy(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    for name in ("moviepy", "moviepy.video", "moviepy.video.io"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    writer = types.ModuleType("moviepy.video.io.ImageSequenceClip")
    writer.ImageSequenceClip = Clip  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, writer.__name__, writer)


def worlds(kind: str) -> Any:
    if kind == "memory":
        return MemoryVecEnv(MemoryDecisionSettings(time_step=0.2), 2, render_mode="rgb_array")
    if kind == "single":
        return DummyVecEnv([lambda: scene_spec(FAST).make(render_mode="rgb_array")])
    envs = make_scene_vec_env(FAST, 2, seed=0, render_mode="rgb_array")
    if kind == "latents":
        return VecLatentObservation(envs, SceneVAE(SceneVAESettings(36, 40, 2, widths=(8, 8))))
    return VecChannelsFirst(envs) if kind == "channels" else envs


@pytest.mark.slow
@pytest.mark.usefixtures("moviepy")
@pytest.mark.parametrize(
    ("kind", "fps"),
    [("scenes", 5), ("latents", 5), ("channels", 5), ("single", 5), ("memory", 5)],
)
def test_a_recorded_video_lasts_as_long_as_what_it_shows(kind: str, fps: float, tmp_path: Path):
    envs = VecVideoRecorder(worlds(kind), str(tmp_path), lambda step: step == 0, video_length=6)
    envs.reset()
    for _ in range(6):
        envs.step(np.array([envs.action_space.sample()] * envs.num_envs))
    envs.close()
    (path,) = tmp_path.glob("*.avi")
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(fps)
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 7


@pytest.mark.parametrize("kind", ["scenes", "latents", "channels", "memory"])
def test_a_batch_offers_the_pictures_that_it_gives(kind: str):
    envs = worlds(kind)
    assert envs.metadata["render_modes"] == ["rgb_array"]
    envs.reset()
    assert envs.render("rgb_array").ndim == 3


def test_a_batch_without_pictures_offers_none():
    assert make_scene_vec_env(FAST, 2).metadata["render_modes"] == []
    assert MemoryVecEnv(MemoryDecisionSettings(), 2).metadata["render_modes"] == []


def test_the_speed_of_a_memory_task_is_not_rounded():
    assert MemoryVecEnv(MemoryDecisionSettings(time_step=0.4, item=0.4, response=0.8), 1).metadata[
        "render_fps"
    ] == pytest.approx(2.5)
