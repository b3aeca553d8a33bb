"""Film every driving scene, from above and from the driver's seat, for its page of the site.

python scripts/scene_clips.py [FOLDER] [--only NAME]    # docs/clips/NAME.mp4, about a minute
python scripts/scene_clips.py [FOLDER] --agent AGENT    # an agent, in its scenario: parking.mp4

AGENT is the folder of an agent that sees no pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from b2m_agents.drivers.drivers import drive_episode, rollout_spec_of
from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.learning.trained_agent import read_agent_config
from b2m_agents.videos.video_writing import write_video
from b2m_envs import LanePerturbations, LeadBrakings
from b2m_envs.registration import SCENES
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.state import STATE_INDEX

SIDE = 192  # [px] of each of the two views
SECONDS = 9  # [s] of driving at most
RATE = 5  # [Hz] of steps, and so of pictures; what is faster already stays so
GAP = 4  # [px]
AGENT_EPISODE = 5  # of the held-out ones: one that takes seconds
LAST = 1.5  # [s] that an agent's last picture stays
VIEWS: tuple[dict[str, Any], ...] = ({"camera": "birds_eye"}, {"camera": "drivers_eye"})
Action = Any


def main() -> None:
    """Write the clips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/clips"))
    names = [name for name in (*SCENES.values(), *EVENTS) if name not in WITHOUT_DRIVER]
    parser.add_argument("--only", choices=names, help="this one alone")
    parser.add_argument("--agent", type=Path, help="this agent alone, in its scenario")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.agent is not None:
        write_agent_clip(arguments.folder, arguments.agent)
        return
    for name in tqdm([arguments.only] if arguments.only else names):
        pictures = event_pictures(name) if name in EVENTS else scene_pictures(name)
        rate = 10 if name in EVENTS else max(RATE, SCENARIOS[name].policy_frequency)
        write_video(arguments.folder / f"{name}.mp4", pictures, rate)


def write_agent_clip(folder: Path, agent: Path) -> None:
    """Film the beginning of a held-out episode of an agent."""
    name = read_agent_config(agent).scenario
    spec = rollout_spec_of(name, str(agent.resolve()), {})
    size: dict[str, Any] = {"height": SIDE, "width": SIDE, "n_frames": 1, "colour": True}
    scenes = [replace(spec.scene, **size, **view, frame_interval=None) for view in VIEWS]
    seed = episode_seed(0, AGENT_EPISODE, held_out=True)
    episodes = [drive_episode(replace(spec, scene=scene), seed).frames for scene in scenes]
    rate = spec.scene.steps_per_second
    shown = [list(frames[: round(SECONDS * rate) + 1]) for frames in episodes]
    pictures = [side_by_side(list(pair)) for pair in zip(*shown, strict=True)]
    stays = pictures[-1:] * round(LAST * rate)
    write_video(folder / f"{name}.mp4", iter([*pictures, *stays]), rate)


def scene_pictures(name: str) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """An episode's beginning under highway-env's driver model, or one that keeps its lane."""
    of = SCENARIOS[name]
    keywords: dict[str, Any] = {} if of.steered_only else {"driver": "highway_env"}
    if of.policy_frequency < RATE:  # the driver model acts in every simulation step anyway
        keywords["policy_frequency"] = RATE
    return pictures_of(of.id, DRIVERS.get(name, idle), keywords)


def event_pictures(name: str) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """A driver who corrects or brakes after an event."""
    return pictures_of(EVENTS[name], DRIVERS[name], SETTINGS[name])


def pictures_of(
    id: str, driver: Callable[[gym.Env, dict[str, Any]], Action], keywords: dict[str, Any]
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The same episode in both views, side by side."""
    envs = [
        gym.make(f"b2m_envs:{id}", height=SIDE, width=SIDE, n_frames=1, colour=True, **each)
        for each in ({**keywords, **view} for view in VIEWS)
    ]
    shown: list[Any] = [env.reset(seed=3) for env in envs]
    while True:
        yield side_by_side([picture for picture, *_ in shown])
        if any(any(each[2:4]) for each in shown) or shown[0][-1]["time"] >= SECONDS:
            break
        shown = [env.step(driver(env, each[-1])) for env, each in zip(envs, shown, strict=True)]
    for env in envs:
        env.close()


def side_by_side(
    pictures: list[UInt8[np.ndarray, "height width 3"]],
) -> UInt8[np.ndarray, "height wide 3"]:
    """Two pictures with a gap between them."""
    left, right = pictures
    return np.concatenate([left, np.full((len(left), GAP, 3), 255, np.uint8), right], axis=1)


def idle(env: gym.Env, info: dict[str, Any]) -> Action:
    """An action that changes nothing, or that is ignored."""
    return np.zeros_like(env.action_space.sample())


def of_state(info: dict[str, Any], name: str) -> float:
    """One variable of the state."""
    return float(info["state"][STATE_INDEX[name]])


def keep_lane(env: gym.Env, info: dict[str, Any]) -> Action:
    """Steer back to the middle of the lane, which winds."""
    offset, heading = of_state(info, "lateral_offset"), of_state(info, "heading")
    return np.clip([-0.06 * offset - 0.8 * heading], -1, 1)


def correct(env: gym.Env, info: dict[str, Any]) -> Action:
    """Steer back once the car has drifted, or has turned."""
    heading = of_state(info, "heading")
    if abs(info["lane_offset"]) < 0.5 and abs(heading) < 0.004:
        return np.zeros(1)
    return np.clip([-0.4 * info["lane_offset"] - 12 * heading], -1, 1)


def follow(env: gym.Env, info: dict[str, Any]) -> Action:
    """Keep 30 m behind the car ahead."""
    faster = info["lead_speed"] - info["speed"]
    return np.clip([0.04 * (info["lead_gap"] - 30) + 0.25 * faster], -1, 1)


EVENTS = {"lane_departure": "B2M/LaneDeparture-v0", "emergency_braking": "B2M/EmergencyBraking-v0"}
SETTINGS: dict[str, dict[str, Any]] = {
    "lane_departure": {"perturbations": LanePerturbations(onset=[1.0, 6.0], side=[-1, 1])},
    "emergency_braking": {"brakings": LeadBrakings([2.0])},
}
DRIVERS = {
    "lane_keeping": keep_lane, "lane_departure": correct, "emergency_braking": follow,
}  # fmt: skip
WITHOUT_DRIVER = ("parking",)  # but an agent's


if __name__ == "__main__":
    main()
