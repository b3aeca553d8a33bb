"""The settings of a camera."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

SMALLEST_SIDE, LARGEST_SIDE = 36, 512  # [px]
VIEWS = ("birds_eye", "drivers_eye")


@dataclass(frozen=True)
class CameraSettings:
    """How a camera looks at the road.

    Raises:
        ValueError: naming the setting, what was expected and what came.
    """

    view: Literal["birds_eye", "drivers_eye"] = "birds_eye"
    height: int = 64  # [px], 36 to 512
    width: int = 64  # [px], 36 to 512
    colour: bool = False  # three channels, red green blue; else one, grey

    # bird's-eye
    heading_up: bool = True  # the ego vehicle heads to the top; else the world's x to the right
    length: float = 64.0  # [m] of the world along the picture's height; its width follows
    behind: float = 0.25  # share of the picture behind the ego's centre, with heading_up

    # driver's-eye
    field_of_view: float = 60.0  # [degree] from the left edge to the right one
    eye_height: float = 1.4  # [m] above the road
    horizon: float = 0.42  # share of the picture above the horizon
    sight: float = 240.0  # [m] the road and the traffic are drawn up to here

    def __post_init__(self) -> None:
        _require(self.view in VIEWS, "view", f"one of {', '.join(VIEWS)}", repr(self.view))
        for name in ("height", "width"):
            value = getattr(self, name)
            valid = isinstance(value, int) and SMALLEST_SIDE <= value <= LARGEST_SIDE
            expected = f"a whole number from {SMALLEST_SIDE} to {LARGEST_SIDE} px"
            _require(valid, name, expected, value)
        for name in ("colour", "heading_up"):
            value = getattr(self, name)
            _require(isinstance(value, bool), name, "True or False", value)
        self._check_ranges()

    def _check_ranges(self) -> None:
        for name, low, high in (
            ("length", 8.0, 1000.0),
            ("behind", 0.0, 1.0),
            ("field_of_view", 20.0, 120.0),
            ("eye_height", 0.5, 20.0),
            ("horizon", 0.0, 1.0),
            ("sight", 10.0, 2000.0),
        ):
            value = getattr(self, name)
            valid = isinstance(value, int | float) and math.isfinite(value) and low <= value <= high
            _require(valid, name, f"a number from {low:g} to {high:g}", value)


def _require(valid: bool, name: str, expected: str, came: object) -> None:
    if not valid:
        raise ValueError(f"CameraSettings: {name}: expected {expected}, came {came}")
