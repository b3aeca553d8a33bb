"""The paths through a road network as arrays, and distances along the curves they consist of.

The paths are those of `LanePaths`: what joins what, over which gap, and how far a lane counts.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple, no_type_check

import numpy as np

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import LaneIndex, LaneTable, heading_at, local, write_lane
from b2m_envs.engine.layout import LANE, NOBODY
from b2m_envs.scenes.lane_paths import LaneCurve, LanePaths

END_ROOM = 5.0  # [m] a lane reaches beyond its ends: highway-env's AbstractLane.VEHICLE_LENGTH

CURVE: Final = np.dtype(
    [
        ("length", "f8"),  # [m] along the curve
        ("axis_step", "f8"),  # [m] of a sine lane's axis between two samples
        ("lowest", "f8"),  # [m] along it, from where it counts at the begin of a path
        ("highest", "f8"),  # [m] along it, up to where it counts at the end of a path
        ("first_sample", "i8"),  # in `arcs`
        ("n_steps", "i8"),  # between its samples; 0: its axis is the curve
        ("first_join", "i8"),
        ("n_joins", "i8"),
        ("default_join", "i8"),  # where no route says how to go on, NOBODY if the road ends
        ("first_arrival", "i8"),  # in `arrivals`
        ("n_arrivals", "i8"),
    ],
    align=True,
)

JOIN: Final = np.dtype(
    [
        ("gap", "f8"),  # [m] of road between the two lanes, negative if they overlap
        ("highest", "f8"),  # [m] along the lane before, up to where it counts
        ("before", "i8"),  # the lane that ends
        ("after", "i8"),  # the lane that goes on
        ("node", "i8"),  # of the network, at the end of the lane that goes on
        ("bridge", "i8"),  # the curve over the gap, NOBODY if there is none
    ],
    align=True,
)


class PathTable(NamedTuple):
    """What kernels read of the paths; the curves are the lanes in their order, then the bridges."""

    axes: np.ndarray  # LANE [curve]
    curves: np.ndarray  # CURVE [curve]
    joins: np.ndarray  # JOIN [join], those of a lane side by side
    arrivals: np.ndarray  # int64 [arrival] joins that lead to a lane, those of a lane side by side
    arcs: np.ndarray  # float64 [sample] [m] along a sine lane, at even distances along its axis
    roads: np.ndarray  # ROAD [road]
    shortest: float  # [m] from the begin of a lane to the begin of the next, at least
    farthest: float  # [m] from a vehicle on a road to the begin of one of its lanes, at most


def path_table(paths: LanePaths, table: LaneTable) -> PathTable:
    """Write paths into arrays.

    Args:
        paths: Through the network that `table` was made of.
        table: Gives lanes and nodes their numbers.

    Raises:
        ValueError: If the lanes are not those of the table, or a lane's successor begins before
            the lane itself.
    """
    if set(paths.curves) != set(table.names):
        raise ValueError(
            f"path table: paths: expected those of the table's {len(table.names)} lanes, "
            f"came those of {len(paths.curves)} other lanes"
        )
    joins, number, bridges = join_records(paths, table)
    lanes, arrivals, arcs = lane_records(paths, table, number)
    curves, axes = np.zeros(len(bridges), CURVE), np.zeros(len(bridges), LANE)
    for curve, axis, bridge in zip(curves, axes, bridges, strict=True):
        curve["length"] = bridge.length
        write_lane(axis, bridge.lane)
    return PathTable(
        axes=np.concatenate((table.network.lanes, axes)),
        curves=np.concatenate((lanes, curves)),
        joins=joins,
        arrivals=arrivals,
        arcs=arcs,
        roads=table.network.roads,
        shortest=shortest_way(paths),
        farthest=farthest_begin(paths),
    )


def lane_records(
    paths: LanePaths, table: LaneTable, number: dict[tuple[LaneIndex, LaneIndex], int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lanes as CURVE `[lane]`, and the arrivals and arcs of a `PathTable`.

    Args:
        paths: Through the network.
        table: Of the same network.
        number: Of each join, by the lanes it joins.
    """
    records = np.zeros(len(table.names), CURVE)
    arrivals: list[int] = []
    arcs: list[float] = []
    for record, name in zip(records, table.names, strict=True):
        whole = paths._stretch(name, 0.0, None, None)
        record["length"] = whole.curve.length
        record["lowest"], record["highest"] = whole.lowest, whole.highest
        leaving = [number[name, join.index] for join in paths._joins[name].values()]
        record["first_join"], record["n_joins"] = min(leaving, default=0), len(leaving)
        default = paths._next(name, [])
        record["default_join"] = NOBODY if default is None else number[name, default.index]
        leading = [number[before, name] for before, _ in paths._preceding.get(name, [])]
        record["first_arrival"], record["n_arrivals"] = len(arrivals), len(leading)
        arrivals += leading
        if whole.curve._extra is not None:
            samples = whole.curve._axis + whole.curve._extra
            record["first_sample"], record["n_steps"] = len(arcs), len(samples) - 1
            record["axis_step"] = whole.curve.lane.length / (len(samples) - 1)
            arcs += samples.tolist()
    return records, np.array(arrivals, np.int64), np.array(arcs, np.float64)


def join_records(
    paths: LanePaths, table: LaneTable
) -> tuple[np.ndarray, dict[tuple[LaneIndex, LaneIndex], int], list[LaneCurve]]:
    """The joins as JOIN `[join]`, their numbers by the lanes they join, and their bridges."""
    records: list[tuple[float, float, int, int, int, int]] = []
    number: dict[tuple[LaneIndex, LaneIndex], int] = {}
    bridges: list[LaneCurve] = []
    for name in table.names:
        for join in paths._joins[name].values():
            number[name, join.index] = len(records)
            bridge = NOBODY
            if join.bridge is not None:
                bridge = len(table.names) + len(bridges)
                bridges.append(join.bridge)
            highest = paths._stretch(name, 0.0, None, join).highest
            before, after = table.number[name], table.number[join.index]
            node = table.node_number[join.index[1]]
            records.append((join.gap, highest, before, after, node, bridge))
    return np.array(records, JOIN), number, bridges


def shortest_way(paths: LanePaths) -> float:
    """The least distance [m] between the begins of two lanes that follow each other smoothly.

    Others are taken where a route says so, and every route ends.

    Raises:
        ValueError: If it is not above 0: a path would turn back, and might never end.
    """
    shortest = math.inf
    for name, joins in paths._joins.items():
        for join in joins.values():
            if not join.smooth:
                continue
            way = paths.curves[name].length + join.gap
            if way <= 0:
                raise ValueError(
                    f"path table: lane {name}: expected one that begins before {join.index}, "
                    f"came one that begins {-way:g} m behind"
                )
            shortest = min(shortest, way)
    return shortest


def farthest_begin(paths: LanePaths) -> float:
    """The largest distance [m] along a lane from a vehicle on its road, a bound."""
    lanes = [curve.lane for curve in paths.curves.values()]
    begins = np.array([lane.position(0, 0) for lane in lanes])
    between = math.hypot(*np.ptp(begins, axis=0))
    longest = max(curve.length for curve in paths.curves.values())
    room = END_ROOM + max(float(lane.width_at(0)) for lane in lanes)
    round_half = max(
        (math.pi * lane.radius for lane in lanes if hasattr(lane, "radius")), default=0
    )
    return max(between + longest + room, float(round_half))


@kernel
@no_type_check
def curve_local(table, index, x, y):
    """Coordinates along a curve and to the right of its centre, both in metres of road."""
    curve, axis = table.curves[index], table.axes[index]
    along, across = local(axis, x, y)
    if curve.n_steps == 0:
        return along, across
    slope = heading_at(axis, along) - axis.heading
    return arc_length(table.arcs, curve, along), across * math.cos(slope)


@kernel
@no_type_check
def curve_heading(table, index, along):
    """A curve's heading [rad], at its ends if `along` [m] lies beyond them."""
    curve, axis = table.curves[index], table.axes[index]
    along = min(max(along, 0.0), curve.length)
    if curve.n_steps > 0:
        along = along_axis(table.arcs, curve, along)
    return heading_at(axis, along)


@kernel
@no_type_check
def arc_length(arcs, curve, along):
    """Distance along a sine lane [m], from that along its axis."""
    samples = arcs[curve.first_sample : curve.first_sample + curve.n_steps + 1]
    steps = along / curve.axis_step
    if steps <= 0.0:
        return along
    if steps >= curve.n_steps:
        return samples[-1] + (steps - curve.n_steps) * curve.axis_step
    before = int(steps)
    return samples[before] + (steps - before) * (samples[before + 1] - samples[before])


@kernel
@no_type_check
def along_axis(arcs, curve, arc):
    """Distance along a sine lane's axis [m], from that along the lane within its ends."""
    samples = arcs[curve.first_sample : curve.first_sample + curve.n_steps + 1]
    before, behind = 0, curve.n_steps
    while behind - before > 1:
        middle = (before + behind) // 2
        if samples[middle] <= arc:
            before = middle
        else:
            behind = middle
    share = (arc - samples[before]) / (samples[behind] - samples[before])
    return (before + share) * curve.axis_step
