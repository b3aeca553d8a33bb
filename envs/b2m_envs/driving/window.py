"""A window that shows a driving scene to a person."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
from jaxtyping import UInt8

from b2m_envs.displays import DISPLAY_VARIABLES, is_display_named

WINDOW_DRIVER = "QT_QPA_PLATFORM"  # tells OpenCV where to open windows
LONGEST_WAIT = 20  # [s] for an answer whether there is a display


class SceneWindow:
    """Shows pictures at the speed of the scene.

    Args:
        title: of the window.
        frames_per_second: of the display.

    Raises:
        RuntimeError: if there is no display to open a window on.
    """

    def __init__(self, title: str, frames_per_second: float) -> None:
        check_display(title)
        self._title = title
        self._wait = max(1, round(1000 / frames_per_second))  # [ms]
        try:
            cv2.namedWindow(title, cv2.WINDOW_AUTOSIZE)
        except cv2.error as error:  # a build of OpenCV without windows
            raise RuntimeError(no_display(title, "an OpenCV without windows")) from error

    def show(self, picture: UInt8[np.ndarray, "height width channel"]) -> None:
        """Show a picture (red, green, blue) for the time of one frame."""
        cv2.imshow(self._title, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        cv2.waitKey(self._wait)

    def close(self) -> None:
        """Close the window."""
        cv2.destroyWindow(self._title)


def check_display(title: str) -> None:
    """Find out whether a window can open.

    OpenCV ends the whole process if it cannot reach the display that it is told of, so this asks
    in a process of its own.

    Raises:
        RuntimeError: if no window can open.
    """
    if not is_display_named(WINDOW_DRIVER):
        raise RuntimeError(no_display(title, f"none of {', '.join(DISPLAY_VARIABLES)}"))
    code = "import cv2; cv2.namedWindow('b2m'); cv2.waitKey(1)"
    try:
        trial = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=LONGEST_WAIT
        )
    except subprocess.TimeoutExpired as error:
        reason = f"no answer in {LONGEST_WAIT} s"
        raise RuntimeError(no_display(title, reason)) from error
    if trial.returncode != 0:
        reason = (trial.stderr.strip().splitlines() or ["no reason"])[0]
        raise RuntimeError(no_display(title, reason))


def no_display(title: str, came: str) -> str:
    """The message of an error for want of a display."""
    return (
        f'{title}: render_mode "human": expected a display to open a window on, came {came}; '
        f'use render_mode="rgb_array" to get pictures as arrays'
    )
