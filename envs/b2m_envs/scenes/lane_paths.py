"""Distances along the road: a lane, and the lanes that continue it at either end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from highway_env.road.lane import AbstractLane, CircularLane, SineLane, StraightLane
from highway_env.road.road import RoadNetwork
from highway_env.utils import wrap_to_pi

LaneIndex = tuple[str, str, int]

LONGEST_SEAM = 6.0  # [m] between the ends of two lanes (a roundabout's entry: 5.6 m)
WIDEST_SEAM = 3.0  # [m] sideways; the end of an acceleration lane is 4 m beside the next lane
SHARPEST_SEAM = math.pi / 2  # [rad] a road that ends does not continue in its opposite lane
OVERLAP = 2.0  # [m] a lane is read beyond an end where another one joins it
ARC_STEP = 0.25  # [m] between samples along a sine lane


@dataclass(frozen=True)
class Join:
    """How a lane goes on into the next road."""

    index: LaneIndex  # of the lane there
    gap: float  # [m] of road between the two lanes, negative if they overlap
    smooth: bool  # whether a vehicle can simply drive on
    bridge: LaneCurve | None  # straight over a gap too wide for the overlaps of the two lanes


@dataclass(frozen=True, eq=False)
class Stretch:
    """A lane as a part of a path."""

    curve: LaneCurve
    start: float  # [m] along the path, where the lane begins; 0 is the begin of the first lane
    lowest: float  # [m] along the lane, from where it counts
    highest: float  # [m] along the lane, up to where it counts


class LaneCurve:
    """A lane in coordinates along and across it, both in metres of road.

    highway-env measures along a sine lane's axis; these coordinates follow the curve itself.
    """

    def __init__(self, lane: AbstractLane) -> None:
        self.lane = lane
        self._extra: np.ndarray | None = None
        self.length = float(lane.length)
        if isinstance(lane, SineLane):
            self._axis = np.linspace(0, lane.length, math.ceil(lane.length / ARC_STEP) + 1)
            points = np.array([lane.position(s, 0) for s in self._axis])
            steps = np.hypot(*np.diff(points, axis=0).T)
            self._extra = np.concatenate(([0.0], np.cumsum(steps))) - self._axis
            self.length += float(self._extra[-1])

    def local(self, position: np.ndarray) -> tuple[float, float]:
        """Distance along the lane [m] and to the right of its centre [m]."""
        along, across = self.lane.local_coordinates(position)
        if self._extra is None:
            return float(along), float(across)
        slope = self.lane.heading_at(along) - self.lane.heading
        extra = np.interp(along, self._axis, self._extra)
        return float(along + extra), float(across * math.cos(slope))

    def heading(self, along: float) -> float:
        """The lane's heading [rad], at its ends if `along` lies beyond them."""
        along = min(max(along, 0.0), self.length)
        if self._extra is not None:
            along = float(np.interp(along, self._axis + self._extra, self._axis))
        return float(self.lane.heading_at(along))

    def is_on(self, along: float, across: float) -> bool:
        """Whether a place is on the lane, with highway-env's tolerance at its ends."""
        room = self.lane.VEHICLE_LENGTH
        within = -room <= along < self.length + room
        return bool(within and abs(across) <= self.half_width(along))

    def half_width(self, along: float) -> float:
        """Half of the lane's width [m]."""
        return float(self.lane.width_at(along)) / 2


class LanePaths:
    """The paths through a road network that does not change.

    Args:
        network: the lanes of highway-env's road.
    """

    def __init__(self, network: RoadNetwork) -> None:
        self._network = network
        self.curves: dict[LaneIndex, LaneCurve] = {
            index: LaneCurve(lane) for index, lane in network.lanes_dict().items()
        }
        self._joins = {index: self._joins_of(index) for index in self.curves}
        self._preceding: dict[LaneIndex, list[tuple[LaneIndex, Join]]] = {}
        for index, joins in self._joins.items():
            for join in joins.values():
                if join.smooth:
                    self._preceding.setdefault(join.index, []).append((index, join))

    def beside(self, index: LaneIndex, step: int) -> LaneIndex | None:
        """The lane `step` to the right (negative: to the left) on the same road, if there is."""
        other = (index[0], index[1], index[2] + step)
        return other if other in self.curves else None

    def ahead(self, index: LaneIndex, route: list[Any] | None, reach: float) -> list[Stretch]:
        """The lane and those that follow it along the route, over `reach` metres from its start.

        Where the route says nothing, the path takes the lane that begins nearest to the end.
        """
        nodes = nodes_to_come(route or [], index)
        stretches: list[Stretch] = []
        start, arrival = 0.0, None
        while True:
            join = self._next(index, nodes)
            stretches.append(self._stretch(index, start, arrival, join))
            start += self.curves[index].length
            if join is None or start > reach:
                return stretches
            stretches.extend(bridge_of(join, start))
            index, start, arrival = join.index, start + join.gap, join

    def behind(self, index: LaneIndex, reach: float) -> list[Stretch]:
        """All lanes that lead to this one, over `reach` metres back from its start."""
        stretches = []
        waiting = [(index, 0.0)]
        while waiting:
            current, end = waiting.pop()
            for previous, join in self._preceding.get(current, []):
                start = end - join.gap - self.curves[previous].length
                stretches.append(self._stretch(previous, start, join, join))
                stretches.extend(bridge_of(join, end - join.gap))
                if -start < reach:
                    waiting.append((previous, start))
        return stretches

    def begins(self, index: LaneIndex) -> bool:
        """Whether no lane leads to this one."""
        return index not in self._preceding

    def _stretch(
        self, index: LaneIndex, start: float, arrival: Join | None, departure: Join | None
    ) -> Stretch:
        curve = self.curves[index]
        open_start = arrival is None and self.begins(index)
        lowest = -math.inf if open_start else -OVERLAP
        highest = math.inf
        if departure is not None:
            seam = 0.0 if departure.bridge is not None else max(departure.gap, 0.0)
            highest = curve.length + seam + OVERLAP
        if isinstance(curve.lane, CircularLane):  # beyond its ends an arc closes to a circle
            lowest, highest = max(lowest, -OVERLAP), min(highest, curve.length + OVERLAP)
        return Stretch(curve, start, lowest, highest)

    def _next(self, index: LaneIndex, nodes: list[str]) -> Join | None:
        joins = self._joins[index]
        if nodes and nodes[0] in joins:
            return joins[nodes.pop(0)]
        nodes.clear()  # the vehicle has left its route, or the route is over
        smooth = [join for join in joins.values() if join.smooth]
        return min(smooth, key=lambda join: abs(join.gap), default=None)

    def _joins_of(self, index: LaneIndex) -> dict[str, Join]:
        lane = self.curves[index].lane
        end = lane.position(lane.length, 0)
        joins = {}
        for node in self._network.graph.get(index[1], {}):
            chosen, _ = self._network.next_lane_given_next_road(*index, node, None, end)
            joins[node] = self._join(index, (index[1], node, int(chosen)))
        return joins

    def _join(self, index: LaneIndex, other: LaneIndex) -> Join:
        lane, following = self.curves[index].lane, self.curves[other].lane
        heading = lane.heading_at(lane.length)
        offset = following.position(0, 0) - lane.position(lane.length, 0)
        along = offset @ (math.cos(heading), math.sin(heading))
        across = offset @ (-math.sin(heading), math.cos(heading))
        length = math.hypot(*offset)
        turn = wrap_to_pi(following.heading_at(0) - heading)
        smooth = length <= LONGEST_SEAM and abs(across) <= WIDEST_SEAM and abs(turn) < SHARPEST_SEAM
        gap, bridge = float(length if along > 0 else along), None
        if smooth and gap > OVERLAP:
            end, begin = lane.position(lane.length, 0), following.position(0, 0)
            bridge = LaneCurve(StraightLane(end, begin, lane.width_at(lane.length)))
        return Join(other, gap, bool(smooth), bridge)


def bridge_of(join: Join, start: float) -> list[Stretch]:
    """The bridge of a join that has one, as a part of a path on which it begins at `start`."""
    if join.bridge is None:
        return []
    return [Stretch(join.bridge, start, 0.0, join.bridge.length)]


def nodes_to_come(route: list[Any], index: LaneIndex) -> list[str]:
    """Nodes of the network that a route passes after the end of a lane."""
    roads = [tuple(step[:2]) for step in route]
    if index[:2] in roads:
        roads = roads[roads.index(index[:2]) + 1 :]
    return [end for _, end in roads]
