"""Write a video of a driver: an agent with what it saw and weighed, or somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from b2m_agents.drivers.drivers import (
    DRIVERS,
    RolloutSpec,
    drive_episode,
    rewarded_alike,
    rollout_spec_of,
)
from b2m_agents.episodes.episodes import Episode, episode_seed
from b2m_agents.learning.trained_agent import TrainedAgent, read_agent_config
from b2m_agents.videos.video_frame import Moment, Picture, draw_moment
from b2m_agents.videos.video_writing import check_video_path, write_video
from b2m_agents.worlds.action_choices import ActionChoices, Weighing, taken
from b2m_drive.files.settings_types import take_as_declared
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import STATE_INDEX

FASTEST = 100  # times real time
_LAST_PICTURE = 1.5  # [s] that an episode's end stays


@dataclass(frozen=True)
class VideoSettings:
    """Which episodes a video shows, and how it looks."""

    n_episodes: int = 3
    seed: int = 0  # of the held-out episodes; the same as `evaluate_agent`'s
    speed: float = 4.0  # times real time, up to 100
    panel: int = 384  # [px] height of the scene and of its reconstruction
    device: str = "cpu"  # of an agent, see `b2m_drive.students.devices.device_of`

    def __post_init__(self) -> None:
        take_as_declared(self)
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
    driver: str | Path | RolloutSpec,
    path: str | Path,
    settings: VideoSettings | None = None,
    *,
    progress: bool = True,
) -> Path:
    """Let an agent or another driver drive held-out episodes and write a video of them.

    Beside the scene stand, of an agent, what its encoder kept (reconstruction and latents, if it
    has one) and what its policy weighed; of another driver, the action it took. The return is
    highway-env's, as in evaluations, whatever an agent learnt from.

    Args:
        driver: Folder of an agent, which drives in the world of its training; or what
            `rollout_spec_of` gives, for any driver, anywhere.
        path: The video: `.mp4` (H.264), `.webm` (VP9), `.avi` (Motion JPEG) or `.gif`.
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
    check_video_path(path)
    if not isinstance(driver, RolloutSpec):
        config = read_agent_config(Path(driver))
        driver = rollout_spec_of(config.scenario, str(Path(driver).resolve()), {})
    agent, driver = None, rewarded_alike(driver)
    if driver.policy not in DRIVERS:
        agent = TrainedAgent.read(Path(driver.policy), settings.device)
        driver = replace(driver, device=settings.device)
    pictures = _pictures(driver, agent, settings, progress)
    write_video(path, pictures, driver.scene.steps_per_second * settings.speed)
    return path


def episode_moments(
    episode: Episode, agent: TrainedAgent | None, scene: SceneSettings, name: str
) -> Iterator[Moment]:
    """What there is to show of each step of an episode; at its end the last action stays.

    Args:
        episode: That was driven.
        agent: That drove it; None: another driver did.
        scene: Where.
        name: Of the episode.
    """
    speed = episode.state[:, STATE_INDEX["speed"]]
    choices = _choices_of(episode, agent, scene)
    for step, frame in enumerate(episode.frames):
        seconds = step / scene.steps_per_second
        done = f"return {episode.reward[:step].sum():.2f}"
        is_last = step == len(episode.reward)
        yield Moment(
            scene=frame,
            reconstruction=_reconstructed(agent, frame),
            latents=agent.latent(frame) if agent and agent.encoder else None,
            choices=choices[min(step, len(choices) - 1)],
            words=f"{name}   {seconds:.1f} s   {speed[step]:.1f} m/s   {done}",
            ending=_ending(episode) if is_last else "",
            crashed=is_last and episode.crashed,
        )


def _pictures(
    spec: RolloutSpec, agent: TrainedAgent | None, settings: VideoSettings, progress: bool
) -> Iterator[Picture]:
    n_episodes, who = settings.n_episodes, "agent" if agent else spec.policy
    n_last = max(1, round(_LAST_PICTURE * spec.scene.steps_per_second * settings.speed))
    for index in tqdm(range(n_episodes), unit="episode", desc="recording", disable=not progress):
        episode = drive_episode(spec, episode_seed(settings.seed, index, held_out=True))
        name = f"{who}, episode {index + 1} of {n_episodes}"
        for moment in episode_moments(episode, agent, spec.scene, name):
            picture = draw_moment(moment, colour=spec.scene.colour, panel=settings.panel)
            yield from [picture] * (n_last if moment.ending else 1)


def _choices_of(
    episode: Episode, agent: TrainedAgent | None, scene: SceneSettings
) -> list[ActionChoices]:
    if agent is None:
        return [taken(action, scene) for action in episode.action]
    read, weighing = agent.reader(), Weighing(agent.policy, scene)
    seen = episode.frames if episode.observed is None else episode.observed
    return [
        weighing.weighed(read(each, state), action)
        for each, state, action in zip(seen, episode.state, episode.action, strict=False)
    ]


def _reconstructed(agent: TrainedAgent | None, frame: np.ndarray) -> np.ndarray | None:
    if agent is None or agent.encoder is None:
        return None
    reconstruction: np.ndarray = (
        agent.encoder.reconstruct(torch.from_numpy(frame[None]))[0].cpu().numpy()
    )
    return reconstruction


def _ending(episode: Episode) -> str:
    if episode.crashed:
        return "crashed"
    return "time limit" if episode.truncated else "arrived, or left the road"
