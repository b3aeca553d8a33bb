"""Draw one trial of each memory task as a strip of screens.

python scripts/memory_strips.py [FILE]    # docs/memory_tasks.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
from jaxtyping import UInt8

from b2m_drive.files.writing import atomic_write
from b2m_envs.registration import MEMORY_TASKS

ID = "b2m_envs:B2M/{}-v0"
SHORT = {"isi": 0.2, "time_step": 0.1}
STRIPS: tuple[tuple[str, str, dict[str, Any], int], ...] = (
    ("MemoryDecision", "choose the probe shown before", {}, 3),
    ("MemoryDecision", "the same with n_distractors=2, to be ignored", {"n_distractors": 2}, 1),
    ("Sternberg", "was the probe among the items?", {}, 4),
    ("ContextDecision", "by the cue's rule, choose the probe shown before or the one of the last "
     "item's category (number modulo 4)", {"category_share": 0.9}, 7),
)  # fmt: skip
WIDTH = 210  # [px] of a screen
GAP, HEADING, CAPTION = 8, 30, 20  # [px]
WITHOUT_CAPTION = 0.85  # of a screen's height
INK, PAPER = (40, 40, 40), 255


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "file", type=Path, nargs="?", default=Path("docs/memory_tasks.png"), help="to write"
    )
    path = parser.parse_args().file
    if not cv2.haveImageWriter(str(path)):
        parser.error(f"{path}: expected a picture's ending such as .png, came {path.suffix!r}")
    assert {name for name, *_ in STRIPS} == set(MEMORY_TASKS)
    strips = [strip(*each) for each in STRIPS]
    width = max(each.shape[1] for each in strips)
    sheet = np.concatenate([widened(each, width) for each in strips], axis=0)
    sheet = np.pad(sheet, ((0, GAP), (0, GAP), (0, 0)), constant_values=PAPER)
    with atomic_write(path) as draft:
        if not cv2.imwrite(str(draft), sheet[:, :, ::-1]):  # it does not say why
            sys.exit(f"{path}: could not be written")
    print(f"{path}: {len(strips)} trials")


def strip(
    name: str, title: str, keywords: dict[str, Any], seed: int
) -> UInt8[np.ndarray, "height width channel"]:
    """The screens of one trial that show something new, under a title that ends with the answer."""
    env = gym.make(ID.format(name), render_mode="rgb_array", n_items=3, **keywords)
    _, info = env.reset(seed=seed)
    frames: list[tuple[np.ndarray, str]] = []
    before: tuple[np.ndarray, str] | None = None
    terminated = False
    while not terminated:
        shown = np.asarray(env.render())
        shown = shown[: int(WITHOUT_CAPTION * len(shown))]
        same_period = before is not None and info["period"] == before[1]
        same = before is not None and np.array_equal(shown, before[0])
        if not same_period or not (same or is_cross(shown)):
            frames.append((shown, info["period"]))
        before = (shown, info["period"])
        _, _, terminated, _, info = env.step(0)
    env.close()
    answer = (("in", "out") if name == "Sternberg" else ("left", "right"))[info["target_side"]]
    pictures = np.concatenate([framed(*each) for each in frames], axis=1)
    top = line(f"B2M/{name}-v0: {title}   (answer: {answer})", pictures.shape[1], HEADING, 0.5)
    return np.concatenate((top, pictures), axis=0)


def is_cross(screen: UInt8[np.ndarray, "height width channel"]) -> bool:
    """Whether nothing but the fixation cross is on it."""
    return len(np.unique(screen.reshape(-1, 3), axis=0)) == 2


def framed(
    screen: UInt8[np.ndarray, "height width channel"], period: str
) -> UInt8[np.ndarray, "height width channel"]:
    """The screen at its size in the picture, over the name of its period."""
    below = line(period, WIDTH, CAPTION, 0.4)
    picture = np.concatenate((shrunk(screen), below), axis=0)
    return np.pad(picture, ((0, 0), (GAP, 0), (0, 0)), constant_values=PAPER)


def line(
    text: str, width: int, height: int, scale: float
) -> UInt8[np.ndarray, "height width channel"]:
    """One line of text on paper."""
    paper = np.full((height, width, 3), PAPER, dtype=np.uint8)
    place = (GAP, height - height // 3)
    cv2.putText(paper, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, INK, 1, cv2.LINE_AA)
    return paper


def shrunk(
    screen: UInt8[np.ndarray, "height width channel"],
) -> UInt8[np.ndarray, "height width channel"]:
    """The screen at its size in the picture."""
    height = round(WIDTH * len(screen) / screen.shape[1])
    return cv2.resize(screen, (WIDTH, height), interpolation=cv2.INTER_AREA)


def widened(
    picture: UInt8[np.ndarray, "height width channel"], width: int
) -> UInt8[np.ndarray, "height width channel"]:
    """The picture with paper on its right."""
    missing = width - picture.shape[1]
    return np.pad(picture, ((0, 0), (0, missing), (0, 0)), constant_values=PAPER)


if __name__ == "__main__":
    main()
