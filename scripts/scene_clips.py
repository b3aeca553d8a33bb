"""Film every driving scene, from above and from the driver's seat, for its page of the site.

python scripts/scene_clips.py [FOLDER] [--only NAME]    # docs/clips/NAME.mp4, about a minute
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from b2m_agents.videos.video_writing import write_video
from b2m_envs import LanePerturbations, LeadBrakings
from b2m_envs.registration import SCENES
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.state import STATE_INDEX

SIDE = 192  # [px] of each of the two views
SECONDS = 9  # [s] of driving at most
RATE = 5  # [Hz] of steps, and so of pictures; what is faster already stays so
GAP = 4  # [px]
VIEWS: tuple[dict[str, Any], ...] = ({"camera": "birds_eye"}, {"camera": "drivers_eye"})
Action = Any


def main() -> None:
    """Write the clips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/clips"))
    parser.add_argument("--only", choices=(*SCENES.values(), *EVENTS), help="this one alone")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in tqdm([arguments.only] if arguments.only else [*SCENES.values(), *EVENTS]):
        pictures = event_pictures(name) if name in EVENTS else scene_pictures(name)
        rate = 10 if name in EVENTS else max(RATE, SCENARIOS[name].policy_frequency)
        write_video(arguments.folder / f"{name}.mp4", pictures, rate)


def scene_pictures(name: str) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """An episode's beginning under highway-env's driver model, or a driver of ours without one."""
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
    shown = [env.reset(seed=3) for env in envs]
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


def wander(env: gym.Env, info: dict[str, Any]) -> Action:
    """Drive slowly in a bow: nobody of ours parks without having learnt it."""
    return np.array([0.12, 0.5 * np.sin(info["time"])])


EVENTS = {"lane_departure": "B2M/LaneDeparture-v0", "emergency_braking": "B2M/EmergencyBraking-v0"}
SETTINGS: dict[str, dict[str, Any]] = {
    "lane_departure": {"perturbations": LanePerturbations(onset=[1.0, 6.0], side=[-1, 1])},
    "emergency_braking": {"brakings": LeadBrakings([2.0])},
}
DRIVERS = {
    "lane_keeping": keep_lane, "parking": wander,
    "lane_departure": correct, "emergency_braking": follow,
}  # fmt: skip


if __name__ == "__main__":
    main()
