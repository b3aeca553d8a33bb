"""A video of an agent driving: the scene, what its encoder kept of it, and what it did."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from highway_env.envs.common.action import DiscreteMetaAction
from jaxtyping import UInt8
from tqdm.auto import tqdm

from b2m_agents.drivers import drive_of
from b2m_agents.episodes import Episode, episode_seed, make_scene, play_episode
from b2m_agents.trained_agent import TrainedAgent
from b2m_envs.driving.settings import SceneSettings
from b2m_envs.driving.state import STATE_INDEX

Picture = UInt8[np.ndarray, "_ _ 3"]  # red, green, blue; of any size

# What OpenCV's wheels can write and a browser plays; H.264 is not among it. The second of .mp4 is
# for builds without VP9, and plays outside of browsers only.
_CODECS = {".mp4": ("vp09", "mp4v"), ".webm": ("VP90", "VP80"), ".avi": ("MJPG",)}
_ENDINGS = (*_CODECS, ".gif")
_BACKGROUND, _TEXT, _WARNING = (24, 26, 30), (230, 230, 230), (255, 110, 90)
_MARGIN, _LINE = 16, 28  # [px]
FASTEST = 100  # times real time
_LAST_PICTURE = 1.5  # [s] that an episode's end stays


@dataclass(frozen=True)
class VideoSettings:
    """What is recorded, and how it looks."""

    n_episodes: int = 3
    seed: int = 0  # of the held-out episodes; the same as `evaluate_agent`'s
    speed: float = 4.0  # times real time, up to 100
    panel: int = 384  # [px] height of the scene and of its reconstruction

    def __post_init__(self) -> None:
        for name, least in (("n_episodes", 1), ("seed", 0), ("panel", 64)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{name}: expected a whole number of {least} or more, came {value!r}"
                )
        if not 0 < self.speed <= FASTEST:
            raise ValueError(
                f"speed: expected above 0 and up to {FASTEST} times real time, came {self.speed!r}"
            )


def record_video(
    folder: str | Path,
    path: str | Path,
    settings: VideoSettings | None = None,
    *,
    progress: bool = True,
) -> Path:
    """Let an agent drive held-out episodes and write a video of them.

    Args:
        folder: Of the agent.
        path: The video: `.mp4` or `.webm` (VP9), `.avi` (Motion JPEG) or `.gif`.
        settings: None: three episodes at four times real time.
        progress: Show a bar.

    Returns:
        The path; the video appears there whole.

    Raises:
        FileNotFoundError: If the folder lacks a file of a trained agent.
        ValueError: If the ending is unknown, no file can be at the path, or no codec of the ending
            works here.
    """
    settings = settings or VideoSettings()
    path = Path(path)
    if path.suffix.lower() not in _ENDINGS:
        raise ValueError(f"{path}: expected a video ending in {', '.join(_ENDINGS)}")
    if path.is_dir():
        raise ValueError(f"{path}: expected a file for the video, came a folder")
    for parent in path.parents:
        if parent.exists() and not parent.is_dir():
            raise ValueError(f"{path}: expected a folder {parent} to write to, came a file")
    agent = TrainedAgent.read(Path(folder))
    scene = drive_of(agent.config.scenario, str(folder), {}).scene
    pictures = _pictures(agent, scene, settings, progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, pictures, scene.steps_per_second * settings.speed)
    return path


def write_video(path: Path, pictures: Iterator[Picture], frames_per_second: float) -> None:
    """Write pictures as a video, whole or not at all.

    Raises:
        ValueError: If no codec of the ending works here.
    """
    draft = path.with_name(f".{os.getpid()}.draft{path.suffix.lower()}")
    try:
        if draft.suffix == ".gif":
            _write_gif(draft, list(pictures), frames_per_second)
        else:
            _write_with_opencv(draft, pictures, frames_per_second)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def draw_step(
    frame: UInt8[np.ndarray, "height width channel"],
    reconstruction: UInt8[np.ndarray, "height width channel"],
    lines: Sequence[str],
    warning: str = "",
    *,
    colour: bool = False,
    panel: int = 384,
) -> Picture:
    """The newest frame of a stack, its reconstruction, and lines of text below.

    Args:
        frame: What the agent saw.
        reconstruction: Of that frame, by its encoder.
        lines: What it did.
        warning: A last line in red.
        colour: Whether a frame of the stack has three channels, red green blue, or one.
        panel: Height of the two pictures [px].
    """
    columns = [
        _captioned(_enlarged(_newest(each, colour), panel), name)
        for each, name in ((frame, "scene"), (reconstruction, "reconstruction"))
    ]
    gap = np.full((len(columns[0]), _MARGIN, 3), _BACKGROUND, np.uint8)
    upper = np.hstack([gap, columns[0], gap, columns[1], gap])
    lower = np.full((_LINE * (len(lines) + 1) + _MARGIN, upper.shape[1], 3), _BACKGROUND, np.uint8)
    for number, line in enumerate([*lines, warning]):
        ink = _WARNING if number == len(lines) else _TEXT
        _write(lower, line, (_MARGIN, _LINE * (number + 1)), ink)
    picture = np.vstack([upper, lower])
    even = picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2]  # codecs halve colour
    return np.ascontiguousarray(even)


def action_text(action: Any, scene: SceneSettings) -> str:
    """An action in words."""
    if scene.action == "continuous":
        names = (name.replace("acceleration", "throttle") for name in scene.of.controls)
        values = np.asarray(action, dtype=float)
        return ", ".join(f"{name} {value:+.2f}" for name, value in zip(names, values, strict=True))
    names = (
        DiscreteMetaAction.ACTIONS_ALL
        if scene.of.lane_changes
        else DiscreteMetaAction.ACTIONS_LONGI
    )
    return str(names[int(action)]).lower().replace("_", " ")


def _pictures(
    agent: TrainedAgent, scene: SceneSettings, settings: VideoSettings, progress: bool
) -> Iterator[Picture]:
    env = make_scene(scene)
    indices = tqdm(
        range(settings.n_episodes), unit="episode", desc="recording", disable=not progress
    )
    try:
        for index in indices:
            seed = episode_seed(settings.seed, index, held_out=True)
            yield from _episode_pictures(
                play_episode(env, agent.driver(), seed),
                agent,
                scene,
                settings,
                f"episode {index + 1}",
            )
    finally:
        env.close()


def _episode_pictures(
    episode: Episode, agent: TrainedAgent, scene: SceneSettings, settings: VideoSettings, name: str
) -> Iterator[Picture]:
    assert agent.encoder is not None
    last, speed = len(episode.reward), episode.state[:, STATE_INDEX["speed"]]
    for step, frame in enumerate(episode.frames):
        seconds = step / scene.steps_per_second
        done = f"return {episode.reward[:step].sum():.2f}"
        if step < last:
            lines = [f"action: {action_text(episode.action[step], scene)}"]
            lines += [f"{name}, {seconds:.1f} s, {speed[step]:.1f} m/s, {done}"]
        else:
            lines = [_ending(episode), f"{name}, {seconds:.1f} s, {done}"]
        reconstruction = agent.encoder.reconstruct(torch.from_numpy(frame[None])).numpy()[0]
        picture = draw_step(
            frame,
            reconstruction,
            lines,
            "crashed" if step == last and episode.crashed else "",
            colour=scene.colour,
            panel=settings.panel,
        )
        n_times = round(_LAST_PICTURE * scene.steps_per_second * settings.speed)
        yield from [picture] * (max(1, n_times) if step == last else 1)


def _ending(episode: Episode) -> str:
    if episode.crashed:
        return ""
    return "time limit" if episode.truncated else "arrived, or left the road"


def _newest(frame: UInt8[np.ndarray, "height width channel"], colour: bool) -> Picture:
    """The last frame of a stack."""
    return frame[..., -3:] if colour else np.repeat(frame[..., -1:], 3, axis=-1)


def _enlarged(picture: Picture, height: int) -> Picture:
    width = round(picture.shape[1] * height / picture.shape[0])
    larger = height >= picture.shape[0]
    interpolation = cv2.INTER_NEAREST if larger else cv2.INTER_AREA  # show the pixels as they are
    enlarged: Picture = cv2.resize(picture, (width, height), interpolation=interpolation)
    return enlarged


def _captioned(picture: Picture, caption: str) -> Picture:
    band = np.full((_LINE + _MARGIN, picture.shape[1], 3), _BACKGROUND, np.uint8)
    _write(band, caption, (0, _LINE), _TEXT)
    return np.vstack([band, picture])


def _write(picture: Picture, text: str, where: tuple[int, int], colour: Sequence[int]) -> None:
    cv2.putText(picture, text, where, cv2.FONT_HERSHEY_DUPLEX, 0.6, colour, 1, cv2.LINE_AA)


def _write_with_opencv(path: Path, pictures: Iterator[Picture], frames_per_second: float) -> None:
    first = next(pictures)
    writer = _open_writer(path, first, frames_per_second)
    try:
        writer.write(cv2.cvtColor(first, cv2.COLOR_RGB2BGR))
        for picture in pictures:
            writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()


def _open_writer(path: Path, first: Picture, frames_per_second: float) -> Any:
    size = (first.shape[1], first.shape[0])
    for codec in _CODECS[path.suffix]:
        fourcc = cv2.VideoWriter.fourcc(*codec)
        writer = cv2.VideoWriter(str(path), fourcc, frames_per_second, size)
        if writer.isOpened():
            return writer
        writer.release()
    raise ValueError(
        f"{path.suffix}: expected one of the codecs {_CODECS[path.suffix]} in this OpenCV, found "
        "none; write a .gif"
    )


def _write_gif(path: Path, pictures: Sequence[Picture], frames_per_second: float) -> None:
    from PIL import Image

    images = [Image.fromarray(picture) for picture in pictures]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / frames_per_second),  # [ms]
        loop=0,
    )
