"""The polygons of a road, merged and ordered so that a kernel finds those near a place quickly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_envs.rendering.geometry import RoadGeometry
from b2m_envs.rendering.road_pieces import STATIONS, Pieces, cut

SAME_POINT = 1e-3  # [m] closer ends of two lines are one point
STRAIGHT_ON = 0.5  # cosine of the sharpest bend between pieces that are joined
CURVED_ROW = 3  # pieces of asphalt joined, at most
LINE_ROW = 2 * (STATIONS - 1)  # pieces of a line joined, at most


@dataclass(frozen=True, eq=False)
class Polygons:
    """Polygons of one paint in the world frame, ordered along x; clockwise with y down."""

    middle: Float64[np.ndarray, "polygon 2"]  # [m]
    radius: Float64[np.ndarray, " polygon"]  # [m] no corner is farther from the middle
    first: Int64[np.ndarray, " polygon+1"]  # corners of polygon k: first[k] to first[k + 1]
    corner: Float64[np.ndarray, "corner 2"]  # [m]

    def arrays(self) -> tuple[Any, ...]:
        """Middles, radii, the largest radius, first corners, corners, as kernels take them."""
        largest = float(self.radius.max(initial=0))
        return self.middle, self.radius, largest, self.first, self.corner

    @classmethod
    def of(cls, outlines: list[Float64[np.ndarray, "_ 2"]]) -> Polygons:
        """Polygons given by their outlines, in either direction."""
        boxes = [(outline.min(axis=0) + outline.max(axis=0)) / 2 for outline in outlines]
        order = sorted(range(len(outlines)), key=lambda k: (boxes[k][0], boxes[k][1]))
        turned = [clockwise(outlines[k]) for k in order]
        middle = np.array([boxes[k] for k in order], dtype=np.float64).reshape(-1, 2)
        away = [
            np.hypot(*(outline - centre).T).max()
            for outline, centre in zip(turned, middle, strict=True)
        ]
        return cls(
            middle,
            np.array(away, dtype=np.float64),
            np.cumsum([0, *(len(outline) for outline in turned)], dtype=np.int64),
            np.concatenate([np.empty((0, 2)), *turned]),
        )


@dataclass(frozen=True, eq=False)
class RoadIndex:
    """A whole road, ready to be drawn."""

    asphalt: Polygons
    marking: Polygons

    @classmethod
    @lru_cache(maxsize=64)  # cutting takes up to .3 s, and every environment of a scene needs it
    def of(
        cls, road: RoadGeometry, marking_width: float, tolerance: float, bent: bool = True
    ) -> RoadIndex:
        """Cut a road and merge what `cut` has left apart.

        Args:
            road: its lanes.
            marking_width: [m]
            tolerance: [m] corners that bend an outline by less are left out.
            bent: markings may be bent; else they are convex.
        """
        pieces = cut(road, marking_width)
        straight, curved = outlines(pieces.straight), outlines(pieces.curved)
        asphalt = [*straight]
        for row in chains(curved[:, [0, -1]], curved[:, [STATIONS - 1, STATIONS]]):
            for first in range(0, len(row), CURVED_ROW):
                asphalt.append(joined(curved[row[first : first + CURVED_ROW]], tolerance))
        lines = centre_lines(outlines(pieces.marking))
        for crossing in centre_lines(outlines(pieces.crossing)):
            lines = np.concatenate((lines, uncovered(crossing, lines, marking_width)))
        marking = [
            ribbon(part, marking_width)
            for row in chains(lines[:, :1], lines[:, 1:])
            for first in range(0, len(row), LINE_ROW)
            for part in parts(line_of(lines[row[first : first + LINE_ROW]], tolerance), bent)
        ]
        return cls(Polygons.of(asphalt), Polygons.of(marking))


def outlines(pieces: Pieces) -> Float64[np.ndarray, "piece corner 2"]:
    """Corners in the world frame."""
    places: Float64[np.ndarray, "piece corner 2"] = pieces.middle[:, None] + pieces.corner
    return places


def centre_lines(
    ribbons: Float64[np.ndarray, "piece 4 2"],
) -> Float64[np.ndarray, "piece 2 2"]:
    """Start and end of straight lines with a width, as `road_pieces.ribbons` makes them."""
    start, end = ribbons[:, [0, 3]].mean(axis=1), ribbons[:, [1, 2]].mean(axis=1)
    return np.stack((start, end), axis=1)


def uncovered(
    line: Float64[np.ndarray, "2 2"], others: Float64[np.ndarray, "piece 2 2"], width: float
) -> Float64[np.ndarray, "part 2 2"]:
    """The parts of a line that do not lie along one of the others; covered twice, they add up.

    Args:
        line: start and end [m].
        others: starts and ends [m].
        width: [m] of the markings; lines nearer than half of it lie along each other.
    """
    along = line[1] - line[0]
    length = math.hypot(*along)
    along = along / max(length, SAME_POINT)
    ends = others - line[0]
    reached = np.sort(ends @ along, axis=1)
    beside = np.abs(ends[..., 0] * along[1] - ends[..., 1] * along[0]).max(axis=1) < width / 2
    beside &= (reached[:, 1] > 0) & (reached[:, 0] < length)
    position, free = 0.0, []
    for start, end in sorted(map(tuple, reached[beside])):
        free.append((position, start))
        position = max(position, end)
    free.append((position, length))
    left = np.array([part for part in free if part[1] - part[0] > SAME_POINT]).reshape(-1, 2, 1)
    places: Float64[np.ndarray, "part 2 2"] = line[0] + left * along
    return places


def chains(
    start: Float64[np.ndarray, "piece point 2"], end: Float64[np.ndarray, "piece point 2"]
) -> list[list[int]]:
    """Pieces in rows, in which each one starts where the one before it ends, straight on.

    Args:
        start: points at the beginning of each piece [m].
        end: the same points at its end.
    """
    n, n_points, _ = start.shape
    first, last = (
        np.round(side.reshape(n, 2 * n_points) / SAME_POINT).astype(np.int64)
        for side in (start, end)
    )
    begins = {tuple(place): piece for piece, place in enumerate(first.tolist())}
    step = end.mean(axis=1) - start.mean(axis=1)
    direction = step / np.maximum(np.hypot(*step.T), SAME_POINT)[:, None]
    following = np.array([begins.get(tuple(place), -1) for place in last.tolist()], dtype=np.int64)
    bends = (direction * direction[following]).sum(axis=1) < STRAIGHT_ON
    following[bends] = -1
    has_one_before = np.zeros(n, dtype=bool)
    has_one_before[following[following >= 0]] = True
    rows, used = [], np.zeros(n, dtype=bool)
    for piece in np.argsort(has_one_before, kind="stable"):  # beginnings, then rings
        row = []
        while piece >= 0 and not used[piece]:
            row.append(int(piece))
            used[piece] = True
            piece = following[piece]
        if row:
            rows.append(row)
    return rows


def line_of(
    lines: Float64[np.ndarray, "piece 2 2"], tolerance: float
) -> Float64[np.ndarray, "point 2"]:
    """A row of lines as one line with as few points as it needs."""
    points: Float64[np.ndarray, "point 2"] = np.concatenate((lines[:1, 0], lines[:, 1]))
    points = points[kept(points, tolerance)]
    return points


def parts(line: Float64[np.ndarray, "point 2"], bent: bool) -> list[Float64[np.ndarray, "_ 2"]]:
    """A line as it is, if it may be bent, else each straight part of it."""
    return [line] if bent else [line[k : k + 2] for k in range(len(line) - 1)]


def kept(points: Float64[np.ndarray, "point 2"], tolerance: float) -> Bool[np.ndarray, " point"]:
    """The points of a line without which it would move by more than the tolerance [m].

    Ends are always kept (Douglas & Peucker 1973).
    """
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    open_spans = [(0, len(points) - 1)]
    while open_spans:
        first, last = open_spans.pop()
        if last - first < 2:
            continue
        along = points[last] - points[first]
        offset = points[first + 1 : last] - points[first]
        length = math.hypot(*along)
        if length < SAME_POINT:
            away = np.hypot(*offset.T)
        else:
            away = np.abs(offset[:, 0] * along[1] - offset[:, 1] * along[0]) / length
        farthest = int(away.argmax())
        if away[farthest] > tolerance:
            middle = first + 1 + farthest
            keep[middle] = True
            open_spans += [(first, middle), (middle, last)]
    return keep


def joined(
    asphalt: Float64[np.ndarray, "piece corner 2"], tolerance: float
) -> Float64[np.ndarray, "kept 2"]:
    """A row of curved pieces as one, each of its two long sides with as few corners as it needs."""
    left, right = asphalt[:, :STATIONS], asphalt[::-1, STATIONS:]
    sides = (left.reshape(-1, 2), right.reshape(-1, 2))
    return np.concatenate([side[kept(side, tolerance)] for side in sides])


def ribbon(points: Float64[np.ndarray, "point 2"], width: float) -> Float64[np.ndarray, "corner 2"]:
    """Give a line a width [m], mitred where it bends."""
    step = np.diff(points, axis=0)
    length = np.maximum(np.hypot(*step.T), SAME_POINT)[:, None]
    normal = step[:, ::-1] * (-1, 1) / length
    before, after = np.concatenate((normal[:1], normal)), np.concatenate((normal, normal[-1:]))
    mitre = (before + after) / (1 + (before * after).sum(axis=1, keepdims=True))
    aside = mitre * (width / 2)
    return np.concatenate((points - aside, (points + aside)[::-1]))


def clockwise(outline: Float64[np.ndarray, "corner 2"]) -> Float64[np.ndarray, "corner 2"]:
    """The outline in the direction that encloses a positive area."""
    x, y = (outline - outline[0]).T
    area = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum()
    return outline if area >= 0 else outline[::-1]
