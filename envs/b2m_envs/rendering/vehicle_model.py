"""What vehicles and obstacles look like from the road: faces of boxes, lamps, and a shadow.

Places are shares: along (front at 1) and across (right at 1) of the half length and half width,
heights in metres. Corners go round so that a face turned to the eye is told from its back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_envs.rendering import palette
from b2m_envs.rendering.palette import Paint

REAR, FRONT, LEFT, RIGHT, TOP = 0.86, 0.94, 0.8, 0.66, 1.0  # light on a face; the sun is high left
ALWAYS, BRAKING, NOT_BRAKING = 0, 1, 2

Corners = list[tuple[float, float, float]]
Face = tuple[Corners, Paint, int]


@dataclass(frozen=True, eq=False)
class Model:
    """Faces in painting order; of a face that looks away from the eye nothing is seen."""

    corner: Float64[np.ndarray, "face 4 3"]
    paint: tuple[Paint, ...]
    when: Int64[np.ndarray, " face"]  # ALWAYS, BRAKING or NOT_BRAKING

    def shown(self, braking: Bool[np.ndarray, " thing"]) -> Bool[np.ndarray, "thing face"]:
        """Which faces there are of things that brake, or do not."""
        lamp = np.where(braking, BRAKING, NOT_BRAKING)
        shown: Bool[np.ndarray, "thing face"] = self.when == lamp[:, None]
        shown |= self.when == ALWAYS
        return shown


@dataclass(frozen=True)
class Block:
    """A box, its upper end perhaps shorter and narrower than its lower one."""

    bottom: float  # [m]
    top: float  # [m]
    lower: tuple[float, float]  # rear and front end at the bottom
    upper: tuple[float, float]  # and at the top
    half_width: tuple[float, float] = (1.0, 1.0)  # bottom, top


def car() -> Model:
    """A car: body, glass cabin under a painted roof, lamps."""
    body = Block(0.25, 0.92, (-1.0, 1.0), (-0.98, 0.97), (0.98, 0.96))
    cabin = Block(0.92, 1.5, (-0.86, 0.42), (-0.62, 0.12), (0.9, 0.74))
    roof = Block(1.5, 1.6, (-0.62, 0.12), (-0.58, 0.08), (0.74, 0.7))
    skirt = Block(0.0, 0.25, (-0.9, 0.9), (-0.96, 0.96), (0.86, 0.94))
    faces = [(_flat(0.0, (-1.04, 1.04), 1.08), palette.SHADOW, ALWAYS)]
    faces += _faces(skirt, palette.SHADOW)
    faces += _faces(body, palette.VEHICLE)
    for side in (-1, 1):
        faces.append((_rear_lamp(side, 0.5, 0.6, 0.86), palette.REAR_LIGHT, NOT_BRAKING))
        faces.append((_rear_lamp(side, 0.36, 0.5, 0.9), palette.BRAKE_LIGHT, BRAKING))
        faces.append((_headlight(side), palette.HEADLIGHT, ALWAYS))
    faces += _faces(cabin, palette.GLASS, roof=palette.GLASS)
    faces += _faces(roof, palette.VEHICLE)
    faces.append((_high_brake_light(), palette.BRAKE_LIGHT, BRAKING))
    return _model(faces)


def barrier() -> Model:
    """A barrier with three bands."""
    faces = [(_flat(0.0, (-1.06, 1.06), 1.06), palette.SHADOW, ALWAYS)]
    for bottom, paint in (
        (0.0, palette.OBSTACLE),
        (0.4, palette.OBSTACLE_STRIPE),
        (0.8, palette.OBSTACLE),
    ):
        faces += _faces(Block(bottom, bottom + 0.4, (-1.0, 1.0), (-1.0, 1.0)), paint)
    return _model(faces)


def _model(faces: list[Face]) -> Model:
    return Model(
        np.array([corner for corner, _, _ in faces], dtype=np.float64),
        tuple(paint for _, paint, _ in faces),
        np.array([when for _, _, when in faces]),
    )


def _faces(block: Block, paint: Paint, roof: Paint | None = None) -> list[Face]:
    """Rear, front, left, right and top of a block."""
    (a, b), (c, d), (w, v) = block.lower, block.upper, block.half_width
    low, high = block.bottom, block.top
    rear = [(a, -w, low), (a, w, low), (c, v, high), (c, -v, high)]
    front = [(b, w, low), (b, -w, low), (d, -v, high), (d, v, high)]
    left = [(b, -w, low), (a, -w, low), (c, -v, high), (d, -v, high)]
    right = [(a, w, low), (b, w, low), (d, v, high), (c, v, high)]
    sides = ((rear, REAR), (front, FRONT), (left, LEFT), (right, RIGHT))
    faces: list[Face] = [(corners, paint.shaded(light), ALWAYS) for corners, light in sides]
    return [*faces, (_flat(high, (c, d), v), (roof or paint).shaded(TOP), ALWAYS)]


def _flat(height: float, ends: tuple[float, float], width: float) -> Corners:
    rear, front = ends
    return [
        (rear, -width, height), (rear, width, height),
        (front, width, height), (front, -width, height),
    ]  # fmt: skip


def _rear_lamp(side: int, inner: float, low: float, high: float) -> Corners:
    left, right = sorted((side * inner, side * 0.96))
    return [(-1.001, left, low), (-1.001, right, low), (-1.0, right, high), (-1.0, left, high)]


def _high_brake_light() -> Corners:
    return [(-0.86, -0.5, 0.97), (-0.86, 0.5, 0.97), (-0.83, 0.5, 1.1), (-0.83, -0.5, 1.1)]


def _headlight(side: int) -> Corners:
    left, right = sorted((side * 0.55, side * 0.94))
    return [(1.001, right, 0.55), (1.001, left, 0.55), (0.99, left, 0.76), (0.99, right, 0.76)]


CAR, BARRIER = car(), barrier()
