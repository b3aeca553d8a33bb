"""Draw every driving scene in both views, or how trained agents drive: a row of moments each.

python scripts/contact_sheet.py [FILE]                    # docs/scenes.png
python scripts/contact_sheet.py [FILE] --agents FOLDER    # docs/agents.png

The scenes stand large in colour and as a network sees them, in grey. FOLDER is one that
`b2m-drive train-agents` wrote, or holds such: the first agent of each scenario drives the first
held-out episode of `evaluate-agent`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
from jaxtyping import UInt8

from b2m_agents.drivers.drivers import drive_episode, rollout_spec_of
from b2m_agents.episodes.episodes import Episode, episode_seed
from b2m_drive.files.writing import atomic_write
from b2m_envs.registration import SCENES
from b2m_envs.scenes.scenarios import SCENARIOS

SIDE = 220  # [px] of a picture
SMALL = 64  # [px] of what a network sees
SECONDS = {"Roundabout": 4, "Merge": 5, "UTurn": 5, "Racetrack": 8}  # [s] driven before; else 4
GAP, HEADING = 10, 34  # [px]
COLUMNS: tuple[tuple[dict[str, Any], int], ...] = (
    ({"camera": "birds_eye", "colour": True}, SIDE),
    ({"camera": "drivers_eye", "colour": True}, SIDE),
    ({"camera": "birds_eye"}, SMALL),
    ({"camera": "drivers_eye"}, SMALL),
)
INK, PAPER = (40, 40, 40), 255
MOMENTS, MOMENT_SIDE = 6, 104  # of an agent's episode; [px] of each
ABOVE: dict[str, Any] = {
    "camera": "birds_eye",
    "colour": True,
    "n_frames": 1,
    "frame_interval": None,
}
Sheet = UInt8[np.ndarray, "height width 3"]


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--agents", type=Path, metavar="FOLDER", help="of train-agents")
    arguments = parser.parse_args()
    usual = "docs/scenes.png" if arguments.agents is None else "docs/agents.png"
    path = arguments.file or Path(usual)
    if not cv2.haveImageWriter(str(path)):
        sys.exit(f"{path}: expected a picture's ending such as .png, came {path.suffix!r}")
    if arguments.agents is None:
        parts = [scene(name) for name in SCENES]
    else:
        parts = [episode_row(folder) for folder in agents_in(arguments.agents)]
    with atomic_write(path) as draft:
        if not cv2.imwrite(str(draft), in_two_columns(parts)[:, :, ::-1]):  # it does not say why
            sys.exit(f"{path}: could not be written")
    print(f"{path}: {len(parts)} scenes")


def in_two_columns(parts: Sequence[Sheet]) -> Sheet:
    """Parts of one size on one sheet, the first half to the left."""
    half = -(-len(parts) // 2)
    blank = np.full_like(parts[0], PAPER)
    left, right = parts[:half], [*parts[half:], blank][:half]
    rows = [np.concatenate(pair, axis=1) for pair in zip(left, right, strict=True)]
    sheet = np.concatenate(rows, axis=0)
    return np.pad(sheet, ((0, 0), (0, GAP), (0, 0)), constant_values=PAPER)


def agents_in(folder: Path) -> list[Path]:
    """The folder of the first agent of each scenario, in the scenarios' order."""
    found = [
        next(iter(sorted(folder.glob(f"**/{name}/seed-*/config.json"))), None)
        for name in SCENES.values()
    ]
    folders = [config.parent for config in found if config is not None]
    if not folders:
        sys.exit(f"{folder}: expected agents in SCENARIO/seed-K, came none")
    return folders


def episode_row(folder: Path) -> Sheet:
    """Moments of the first held-out episode of an agent that sees no pictures, from above."""
    name = folder.parent.name
    spec = rollout_spec_of(name, str(folder.resolve()), {})
    seen = replace(spec.scene, height=MOMENT_SIDE, width=MOMENT_SIDE, **ABOVE)
    episode = drive_episode(replace(spec, scene=seen), episode_seed(0, 0, held_out=True))
    shown = np.linspace(0, len(episode.frames) - 1, MOMENTS).round().astype(int)
    border = ((0, GAP // 2), (GAP // 2, 0), (0, 0))
    frames = [np.pad(episode.frames[each], border, constant_values=PAPER) for each in shown]
    row = np.concatenate(frames, axis=1)
    top = np.full((HEADING, row.shape[1], 3), PAPER, dtype=np.uint8)
    seconds = len(episode.reward) / seen.steps_per_second
    write(top, f"{name}: {seconds:.3g} s, {episode.speed.mean():.1f} m/s, {ending(episode)}")
    return np.concatenate((top, row), axis=0)


def ending(episode: Episode) -> str:
    """How an episode ended, in a word or two."""
    if episode.crashed:
        return "crashed"
    if episode.is_success is not None:
        return "goal reached" if episode.is_success else "goal missed"
    return "time over" if episode.truncated else "arrived"


def scene(name: str) -> Sheet:
    """One scene in all views, under its name."""
    pictures = [enlarged(frame(name, keywords, side)) for keywords, side in COLUMNS]
    border = ((0, GAP), (GAP, 0), (0, 0))
    row = np.concatenate([np.pad(each, border, constant_values=PAPER) for each in pictures], axis=1)
    top = np.full((HEADING, row.shape[1], 3), PAPER, dtype=np.uint8)
    write(top, f"B2M/{name}Scene-v0")
    return np.concatenate((top, row), axis=0)


def frame(
    name: str, keywords: dict[str, Any], side: int
) -> UInt8[np.ndarray, "height width channel"]:
    """What is shown after some seconds of highway-env's driver, or of none where it has none."""
    if not SCENARIOS[SCENES[name]].steered_only:
        keywords = keywords | {"driver": "highway_env"}
    env = gym.make(f"b2m_envs:B2M/{name}Scene-v0", height=side, width=side, n_frames=1, **keywords)
    observation, info = env.reset(seed=3)
    idle = np.zeros_like(env.action_space.sample())
    while info["time"] < SECONDS.get(name, 4):
        observation, _, terminated, truncated, info = env.step(idle)
        if terminated or truncated:
            break
    env.close()
    shown: np.ndarray = observation
    return shown


def enlarged(
    picture: UInt8[np.ndarray, "height width channel"],
) -> UInt8[np.ndarray, "side side 3"]:
    """The picture at its side on the sheet, its pixels to be seen, in three channels."""
    coloured = np.broadcast_to(picture, (*picture.shape[:2], 3))
    if len(picture) == SIDE:
        return coloured
    return cv2.resize(coloured, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)


def write(strip: Sheet, text: str) -> None:
    """Write one line into a strip."""
    place = (GAP, HEADING // 2 + 7)
    cv2.putText(strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
