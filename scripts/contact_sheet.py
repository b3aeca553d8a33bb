"""Draw every driving scene in both views, large in colour and as a network sees it, in grey.

python scripts/contact_sheet.py [FILE]    # docs/scenes.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np
from jaxtyping import UInt8

from b2m_drive.files.writing import atomic_write
from b2m_envs.registration import SCENES
from b2m_envs.scenes.scenarios import SCENARIOS

SIDE = 220  # [px] of a picture
SMALL = 64  # [px] of what a network sees
SECONDS = {"Roundabout": 4, "Merge": 5, "UTurn": 5, "Racetrack": 8}  # [s] driven before; else 4
GAP, HEADING = 10, 34  # [px]
COLUMNS = (
    ({"camera": "birds_eye", "colour": True}, SIDE),
    ({"camera": "drivers_eye", "colour": True}, SIDE),
    ({"camera": "birds_eye"}, SMALL),
    ({"camera": "drivers_eye"}, SMALL),
)
INK, PAPER = (40, 40, 40), 255


def main() -> None:
    """Write the sheet."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/scenes.png")
    if not cv2.haveImageWriter(str(path)):
        sys.exit(f"{path}: expected a picture's ending such as .png, came {path.suffix!r}")
    scenes = [scene(name) for name in SCENES]
    half = -(-len(scenes) // 2)
    blank = np.full_like(scenes[0], PAPER)
    left, right = scenes[:half], [*scenes[half:], blank][:half]
    rows = [np.concatenate(pair, axis=1) for pair in zip(left, right, strict=True)]
    sheet = np.pad(np.concatenate(rows, axis=0), ((0, 0), (0, GAP), (0, 0)), constant_values=PAPER)
    with atomic_write(path) as draft:
        if not cv2.imwrite(str(draft), sheet[:, :, ::-1]):  # it does not say why
            sys.exit(f"{path}: could not be written")
    print(f"{path}: {len(scenes)} scenes")


def scene(name: str) -> UInt8[np.ndarray, "height width channel"]:
    """One scene in all views, under its name."""
    pictures = [enlarged(frame(name, keywords, side)) for keywords, side in COLUMNS]
    border = ((0, GAP), (GAP, 0), (0, 0))
    row = np.concatenate([np.pad(each, border, constant_values=PAPER) for each in pictures], axis=1)
    top = np.full((HEADING, row.shape[1], 3), PAPER, dtype=np.uint8)
    write(top, f"B2M/{name}Scene-v0")
    return np.concatenate((top, row), axis=0)


def frame(
    name: str, keywords: dict[str, object], side: int
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
    return observation


def enlarged(
    picture: UInt8[np.ndarray, "height width channel"],
) -> UInt8[np.ndarray, "side side 3"]:
    """The picture at its side on the sheet, its pixels to be seen, in three channels."""
    coloured = np.broadcast_to(picture, (*picture.shape[:2], 3))
    if len(picture) == SIDE:
        return coloured
    return cv2.resize(coloured, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)


def write(strip: UInt8[np.ndarray, "height width 3"], text: str) -> None:
    """Write one line into a strip."""
    place = (GAP, HEADING // 2 + 7)
    cv2.putText(strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
