"""The road cut into pieces of asphalt and paint, so that what is far away can be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Complex128, Float64

from b2m_envs.rendering.geometry import LaneShape, LineKind, RoadGeometry

STATIONS = 9  # samples of the centre line, a piece of curved asphalt
SHOULDER = 0.4  # [m] of asphalt beyond the lane
MARKING_WIDTH = 0.25  # [m]
DASH, DASH_PERIOD = 3.0, 6.0  # [m] of a striped line
SAME_DASH = 0.1  # [m] neighbours both declare the line between them: it is drawn once
MARGIN = 48.0  # [m] the ego vehicle drives before the pieces near it are chosen anew


@dataclass(frozen=True, eq=False)
class Pieces:
    """Polygons of one kind in the world frame [m], ordered along x."""

    middle: Float64[np.ndarray, "piece 2"]
    corner: Float64[np.ndarray, "piece corner 2"]  # from the middle
    radius: Float64[np.ndarray, "piece 1"]  # no corner is farther from the middle

    @classmethod
    def of(cls, polygons: Float64[np.ndarray, "piece corner 2"]) -> Pieces:
        """Polygons given by their corners."""
        polygons = polygons[np.argsort(polygons[:, :, 0].mean(axis=1), kind="stable")]
        middle = polygons.mean(axis=1)
        corner = polygons - middle[:, None]
        return cls(middle, corner, np.sqrt((corner**2).sum(axis=2).max(axis=1, keepdims=True)))

    def near(self, position: Float64[np.ndarray, " 2"], reach: float) -> Pieces:
        """Those that come closer to a position than ``reach`` [m], and perhaps a few more."""
        farthest = reach + self.radius.max(initial=0)
        first, last = np.searchsorted(
            self.middle[:, 0], (position[0] - farthest, position[0] + farthest)
        )
        aside = np.abs(self.middle[first:last, 1] - position[1])
        near = aside < self.radius[first:last, 0] + reach
        return Pieces(
            self.middle[first:last][near],
            self.corner[first:last][near],
            self.radius[first:last][near],
        )


@dataclass(frozen=True, eq=False)
class RoadPieces:
    """A whole road."""

    straight: Pieces  # asphalt of straight lanes, four corners each
    curved: Pieces  # asphalt of other lanes, 2 * STATIONS corners each
    marking: Pieces  # dashes, and short pieces of continuous lines; four corners each
    crossing: Pieces  # those that overlap one of `marking`, or each other


class NearbyPieces:
    """The pieces of road around the ego vehicle, kept while it drives on.

    Args:
        reach: [m] how far from the ego vehicle a piece can still matter.
        marking_width: [m]
    """

    def __init__(self, reach: float, marking_width: float = MARKING_WIDTH) -> None:
        self._reach = reach
        self._marking_width = marking_width
        self._road: RoadGeometry | None = None
        self._all: RoadPieces
        self._anchor = np.full(2, np.inf)
        self._near: RoadPieces

    def around(self, road: RoadGeometry, position: Float64[np.ndarray, " 2"]) -> RoadPieces:
        """All pieces within reach of the position, and some that are farther away."""
        if road is not self._road:
            self._road, self._all = road, cut(road, self._marking_width)
            self._anchor = np.full(2, np.inf)
        offset = position - self._anchor
        if not abs(offset[0]) + abs(offset[1]) < MARGIN:
            self._anchor = position.copy()
            reach, whole = self._reach + MARGIN, self._all
            self._near = RoadPieces(
                straight=whole.straight.near(position, reach),
                curved=whole.curved.near(position, reach),
                marking=whole.marking.near(position, reach),
                crossing=whole.crossing.near(position, reach),
            )
        return self._near


def cut(road: RoadGeometry, marking_width: float = MARKING_WIDTH) -> RoadPieces:
    """Cut all lanes of a road, with markings of this width [m]."""
    straight = [lane_asphalt(lane, (0, STATIONS - 1)) for lane in carriageways(road.lanes)]
    curved = [lane_asphalt(lane, range(STATIONS)) for lane in road.lanes if not is_straight(lane)]
    lines = [
        line_pieces(edge(lane, side), kind)
        for lane in road.lanes
        for side, kind in ((-0.5, lane.left), (0.5, lane.right))
    ]
    marking = once(np.concatenate([np.empty((0, 2, 2)), *lines]))
    crossing = overlapping(marking, marking_width)
    return RoadPieces(
        straight=Pieces.of(np.concatenate([np.empty((0, 4, 2)), *straight])),
        curved=Pieces.of(np.concatenate([np.empty((0, 2 * STATIONS, 2)), *curved])),
        marking=Pieces.of(ribbons(marking[~crossing], marking_width)),
        crossing=Pieces.of(ribbons(marking[crossing], marking_width)),
    )


def edge(lane: LaneShape, share: float, beyond: float = 0.0) -> Float64[np.ndarray, "point 2"]:
    """A line beside the centre: left at -0.5, right at 0.5 of the width, and ``beyond`` [m]."""
    rightwards = np.stack((-np.sin(lane.heading), np.cos(lane.heading)), axis=1)
    offset = share * lane.width + np.sign(share) * beyond
    points: Float64[np.ndarray, "point 2"] = lane.centre + offset[:, None] * rightwards
    return points


def is_straight(lane: LaneShape) -> bool:
    """Whether heading and width stay the same."""
    return bool(np.ptp(lane.heading) == 0 and np.ptp(lane.width) == 0)


def carriageways(lanes: Sequence[LaneShape]) -> list[LaneShape]:
    """The straight lanes; each row of neighbours, listed from left to right, as one wide lane."""
    wide: list[LaneShape] = []
    for lane in filter(is_straight, lanes):
        if wide and continues(wide[-1], lane):
            left = wide.pop()
            middle = (edge(left, -0.5) + edge(lane, 0.5)) / 2
            lane = replace(lane, centre=middle, width=left.width + lane.width)
        wide.append(lane)
    return wide


def continues(left: LaneShape, right: LaneShape) -> bool:
    """Whether one lane's right edge is all along the other one's left edge."""
    return len(left.centre) == len(right.centre) and np.allclose(
        edge(left, 0.5), edge(right, -0.5), rtol=0, atol=SAME_DASH
    )


def lane_asphalt(lane: LaneShape, stations: Sequence[int]) -> Float64[np.ndarray, "piece corner 2"]:
    """The surface of one lane and its shoulders, one end shared by consecutive pieces.

    Args:
        lane: whose surface it is.
        stations: which of STATIONS consecutive samples are corners.
    """
    left, right = edge(lane, -0.5, SHOULDER), edge(lane, 0.5, SHOULDER)
    first = np.arange(0, len(left) - 1, STATIONS - 1)
    station = np.minimum(first[:, None] + np.array(stations), len(left) - 1)
    return np.concatenate((left[station], right[station[:, ::-1]]), axis=1)


def line_pieces(
    points: Float64[np.ndarray, "point 2"], kind: LineKind
) -> Float64[np.ndarray, "piece 2 2"]:
    """Start and end of the pieces of one line along the points."""
    if kind == LineKind.NONE:
        return np.empty((0, 2, 2))
    if kind == LineKind.CONTINUOUS:
        return np.stack((points[:-1], points[1:]), axis=1)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    starts = np.arange(0.0, along[-1], DASH_PERIOD)
    ends = np.minimum(starts + DASH, along[-1])
    reached = np.stack((starts, ends), axis=1)
    return np.stack([np.interp(reached, along, points[:, axis]) for axis in (0, 1)], axis=2)


def once(lines: Float64[np.ndarray, "piece 2 2"]) -> Float64[np.ndarray, "kept 2 2"]:
    """The lines without those that lie upon another one: filled together, they would cancel."""
    _, first = np.unique(
        np.round(lines.mean(axis=1) / SAME_DASH).astype(np.int64), axis=0, return_index=True
    )
    return lines[np.sort(first)]


def overlapping(
    lines: Float64[np.ndarray, "piece 2 2"], width: float
) -> Bool[np.ndarray, " piece"]:
    """Which lines of this width [m] lie partly upon another one; without them, none does.

    Lines that follow each other, and so touch at their ends, do not count.
    """
    found = np.zeros(len(lines), dtype=bool)
    order = np.argsort(lines[:, :, 0].mean(axis=1), kind="stable")
    middle = as_complex(lines[order].mean(axis=1))
    along = as_complex(lines[order, 1] - lines[order, 0])
    length = np.abs(along)
    half = np.maximum(length / 2 - SAME_DASH, 0)
    direction = along / np.where(length > 0, length, 1)
    radius = half + width / 2
    for step in range(1, len(lines)):
        offset = middle[step:] - middle[:-step]
        if (offset.real > 2 * radius.max()).all():
            break
        first = np.flatnonzero(np.abs(offset) < radius[:-step] + radius[step:])
        second = first + step
        apart = np.zeros(len(first), dtype=bool)
        for axis in (direction[first], direction[second], *(1j * direction[[first, second]])):
            reach = sum(
                half[pieces] * np.abs((direction[pieces] * axis.conj()).real)
                + width / 2 * np.abs((direction[pieces] * axis.conj()).imag)
                for pieces in (first, second)
            )
            apart |= np.abs((offset[first] * axis.conj()).real) >= reach
        found[order[second[~apart]]] = True
    return found


def as_complex(pairs: Float64[np.ndarray, "*any 2"]) -> Complex128[np.ndarray, "*any"]:
    """Pairs (x, y) as x + iy, without a copy if they lie together."""
    return np.ascontiguousarray(pairs).view(np.complex128)[..., 0]


def ribbons(
    lines: Float64[np.ndarray, "piece 2 2"], width: float
) -> Float64[np.ndarray, "piece 4 2"]:
    """Give straight lines a width [m]."""
    direction = lines[:, 1] - lines[:, 0]
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    aside = direction[:, ::-1] * (-1, 1) / np.where(length > 0, length, 1) * (width / 2)
    start, end = lines[:, 0], lines[:, 1]
    return np.stack((start - aside, end - aside, end + aside, start + aside), axis=1)
