"""The colours of the pictures, and the greys that stand for them.

The greys are chosen, not converted: in grey, too, the ego vehicle, other vehicles, their brake
lights, markings and road all differ.
"""

from __future__ import annotations

from typing import NamedTuple


class Paint(NamedTuple):
    """One colour and its grey."""

    red: int
    green: int
    blue: int
    grey: int

    def value(self, colour: bool) -> tuple[int, ...]:
        """What OpenCV draws with, in a picture of three channels or of one."""
        return (self.red, self.green, self.blue) if colour else (self.grey,)

    def shaded(self, light: float) -> Paint:
        """The same paint under less light (below 1) or more."""
        red, green, blue, grey = (min(255, round(channel * light)) for channel in self)
        return Paint(red, green, blue, grey)

    def mixed(self, other: Paint, share: float) -> Paint:
        """This paint with a share of another one."""
        mix = [round((1 - share) * a + share * b) for a, b in zip(self, other, strict=True)]
        return Paint(*mix)


GROUND = Paint(104, 139, 88, 80)
ROAD = Paint(66, 69, 76, 42)
MARKING = Paint(232, 232, 226, 205)
EGO = Paint(40, 132, 240, 240)
VEHICLE = Paint(244, 186, 62, 182)
GLASS = Paint(32, 38, 50, 12)
BRAKE_LIGHT = Paint(255, 32, 32, 255)
REAR_LIGHT = Paint(120, 28, 28, 70)  # not braking
HEADLIGHT = Paint(255, 252, 224, 235)
OBSTACLE = Paint(214, 48, 120, 255)
OBSTACLE_STRIPE = Paint(250, 244, 248, 0)
GOAL = Paint(38, 196, 170, 145)
SHADOW = Paint(30, 31, 34, 10)
SKY = Paint(96, 158, 222, 140)
HAZE = Paint(214, 228, 240, 185)  # the sky above the horizon
