"""The state variables of driving scenes for a batch of worlds, as `scene_state` has them for one.

See `b2m_envs.scenes.state` for what they mean, and `b2m_envs.scenes.lane_paths` for the paths.
"""

from __future__ import annotations

import math
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Int32, Int64, Shaped

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import LaneTable, wrap_to_pi
from b2m_envs.engine.layout import NOBODY, STEERED
from b2m_envs.engine.path_table import END_ROOM, PathTable, curve_heading, curve_local, path_table
from b2m_envs.scenes.lane_paths import OVERLAP, LanePaths
from b2m_envs.scenes.state import (
    CURVATURE_REACH,
    HAZARD_TIME,
    LONGEST_TIME,
    SAME_PLACE,
    SHORTEST_REACH,
    SLOWEST_CLOSING,
    STATE_VARIABLES,
)

AHEAD, BEHIND = 0, 1  # rows of `found`, which a kernel fills with the neighbours on a path
DISTANCE, GAP, SPEED = 0, 1, 2  # its columns: between centres [m], bumper to bumper [m], [m/s]


class Scratch(NamedTuple):
    """Room that a kernel writes in, one thread's own."""

    near: np.ndarray  # int64 [row] of vehicles and obstacles that may be in perception
    found: np.ndarray  # float64 [side column], the nearest neighbours so far
    waiting: np.ndarray  # int64 [lane] lanes whose arrivals are still to be looked at
    ends: np.ndarray  # float64 [lane] [m] along the path, where they begin


class LaneView(NamedTuple):
    """What the ego vehicle looks at from a lane, and whom it has found."""

    vehicles: np.ndarray  # VEHICLE [row]
    near: np.ndarray  # int64 [thing] rows of those to look at
    along: float  # [m] where the ego vehicle is on the lane
    room: float  # [m] half of what it takes along the lane
    perception: float  # [m]
    scratch: Scratch


class SceneStates:
    """The variables of `STATE_VARIABLES` for a batch of worlds.

    Args:
        paths: Through the worlds' road network.
        table: Of the same network.
        slots: Rows of a world for vehicles; the road's obstacles come behind them.
        perception: [m] neighbours with a wider gap do not count.
    """

    def __init__(self, paths: LanePaths, table: LaneTable, slots: int, perception: float) -> None:
        self._table = path_table(paths, table)
        self._slots = slots
        self._perception = float(perception)
        self._most_waiting = most_waiting(self._table, self._perception)

    def read(
        self,
        vehicles: Shaped[np.ndarray, "world row"],
        count: Int32[np.ndarray, " world"],
        ego: Int32[np.ndarray, " world"],
        routes: Int32[np.ndarray, "world row step 2"],
        which: Int64[np.ndarray, " chosen"],
        out: Float32[np.ndarray, "world variable"],
    ) -> None:
        """Write the variables of some worlds; threads may read different worlds at a time.

        Args:
            vehicles: VEHICLE records; obstacles in the rows behind the slots.
            count: Vehicles of a world.
            ego: Row of its ego vehicle.
            routes: (road, lane) of each step of a vehicle's route.
            which: Worlds to read.
            out: Their rows are overwritten; NaN where a variable has no meaning.

        Raises:
            ValueError: If there is not a column for each variable.
        """
        if out.shape[1] != len(STATE_VARIABLES):
            raise ValueError(
                f"scene states: out: expected {len(STATE_VARIABLES)} columns, came {out.shape[1]}"
            )
        scratch = Scratch(
            near=np.empty(vehicles.shape[1], np.int64),
            found=np.empty((2, 3)),
            waiting=np.empty(self._most_waiting, np.int64),
            ends=np.empty(self._most_waiting),
        )
        sizes = self._slots, self._perception
        write_states(self._table, vehicles, count, ego, routes, which, *sizes, scratch, out)


def most_waiting(table: PathTable, perception: float) -> int:
    """How many lanes can wait in `look_behind` at most: each makes way for those that lead to it.

    Args:
        table: Whose lanes wait.
        perception: [m].
    """
    if len(table.arrivals) == 0:
        return 1
    depth = math.ceil((perception + table.farthest) / table.shortest) + 1
    return 1 + depth * int(table.curves["n_arrivals"].max())


@kernel
@no_type_check
def write_states(table, vehicles, count, ego, routes, which, slots, perception, scratch, out):
    """Write the variables of the worlds `which` into their rows of `out`."""
    for world in which:
        rows, row = vehicles[world], ego[world]
        n_near = write_near(rows, count[world], row, slots, perception, scratch.near)
        near, route = scratch.near[:n_near], routes[world, row]
        write_state(table, rows, row, route, near, perception, scratch, out[world])


@kernel
@no_type_check
def write_near(vehicles, count, ego, slots, perception, near):
    """Write the rows of vehicles and obstacles whose gap may be within perception; their number.

    Args:
        vehicles: VEHICLE `[row]`.
        count: Number of vehicles.
        ego: Row of the ego vehicle.
        slots: Rows for vehicles.
        perception: [m].
        near: int64 `[row]`, overwritten.
    """
    longest = 0.0
    n_things = 0
    for row in range(len(vehicles)):
        if row < count or row >= slots:
            longest = max(longest, vehicles[row].length)
            if row != ego:
                near[n_things] = row
                n_things += 1
    x, y = vehicles[ego].x, vehicles[ego].y
    n_near = 0
    for thing in range(n_things):
        row = near[thing]
        dx, dy = vehicles[row].x - x, vehicles[row].y - y
        if math.sqrt(dx * dx + dy * dy) <= perception + longest:
            near[n_near] = row
            n_near += 1
    return n_near


@kernel
@no_type_check
def write_state(table, vehicles, row, route, near, perception, scratch, out):
    """Write the variables of one world, in the order of STATE_VARIABLES."""
    ego = vehicles[row]
    lane = lane_of(table, ego)
    along, across = curve_local(table, lane, ego.x, ego.y)
    heading = wrap_to_pi(ego.heading - curve_heading(table, lane, along))
    number, gap, closing, time, curvature = np.nan, np.nan, np.nan, np.nan, np.nan
    left_ahead, left_behind, right_ahead, right_behind = np.nan, np.nan, np.nan, np.nan
    if is_on(table, lane, along, across):
        number = float(table.axes[lane].number)
        reach = along + max(perception, CURVATURE_REACH)
        view = view_from(table, vehicles, ego, lane, near, perception, scratch)
        look_ahead(table, view, ego, route, lane, reach)
        found = scratch.found
        gap = found[AHEAD, GAP]
        closing = ego.speed * math.cos(heading) - found[AHEAD, SPEED]
        left_ahead, left_behind = gaps_beside(
            table, vehicles, ego, route, lane, -1, near, perception, scratch
        )
        right_ahead, right_behind = gaps_beside(
            table, vehicles, ego, route, lane, 1, near, perception, scratch
        )
        curvature = curvature_ahead(table, ego, route, lane, along, reach)
    if closing > SLOWEST_CLOSING and gap / closing < LONGEST_TIME:
        time = gap / closing
    hazard = 1.0 if ego.crashed or time < HAZARD_TIME else 0.0
    values = (
        number, across, heading, ego.speed, ego.acceleration, gap, closing, time,
        left_ahead, left_behind, right_ahead, right_behind, curvature, hazard,
    )  # fmt: skip
    for column in range(len(values)):
        out[column] = values[column]


@kernel
@no_type_check
def gaps_beside(table, vehicles, ego, route, lane, step, near, perception, scratch):
    """Gaps [m] ahead and behind in a lane beside; NaN for no lane or nobody there."""
    road = table.roads[table.axes[lane].road]
    beside = lane + step
    if beside < road.first_lane or beside >= road.first_lane + road.n_lanes:
        return np.nan, np.nan
    view = view_from(table, vehicles, ego, beside, near, perception, scratch)
    look_ahead(table, view, ego, route, beside, view.along + perception)
    look_behind(table, view, beside)
    return scratch.found[AHEAD, GAP], scratch.found[BEHIND, GAP]


@kernel
@no_type_check
def lane_of(table, ego):
    """The ego vehicle's lane: the nearest, or the one it follows where both leave one place."""
    nearest, wanted = np.int64(ego.lane), np.int64(ego.target_lane)
    if ego.kind == STEERED:
        return nearest
    here = table.roads[table.axes[nearest].road]
    there = table.roads[table.axes[wanted].road]
    if there.start == here.start and there.end != here.end:
        along, across = curve_local(table, wanted, ego.x, ego.y)
        inside = 0.0 <= along <= table.curves[wanted].length
        if inside and abs(across) <= table.axes[wanted].width / 2:
            return wanted
    return nearest


@kernel
@no_type_check
def is_on(table, lane, along, across):
    """Whether a place is on the lane, with highway-env's tolerance at its ends."""
    within = -END_ROOM <= along < table.curves[lane].length + END_ROOM
    return within and abs(across) <= table.axes[lane].width / 2


@kernel
@no_type_check
def view_from(table, vehicles, ego, lane, near, perception, scratch):
    """What the ego vehicle has to look with in a lane, before it has found anybody."""
    for side in (AHEAD, BEHIND):
        scratch.found[side, DISTANCE] = np.inf
        scratch.found[side, GAP] = scratch.found[side, SPEED] = np.nan
    along, _ = curve_local(table, lane, ego.x, ego.y)
    room = half_extent(ego, curve_heading(table, lane, along))
    return LaneView(vehicles, near, along, room, perception, scratch)


@kernel
@no_type_check
def look_ahead(table, view, ego, route, lane, reach):
    """Look for neighbours in a lane and those that follow it along the ego vehicle's route.

    Args:
        table: PathTable.
        view: From the lane, overwritten.
        ego: The ego vehicle's record.
        route: int32 `[step 2]`, the ego vehicle's.
        lane: In which the ego vehicle is, or one beside.
        reach: [m] of the path, from the lane's begin.
    """
    start, lowest = 0.0, table.curves[lane].lowest
    step = first_step(table, lane, ego, route)
    while True:
        join, step = next_join(table, lane, ego, route, step)
        highest = table.curves[lane].highest if join == NOBODY else table.joins[join].highest
        search(table, view, lane, start, lowest, highest)
        start += table.curves[lane].length
        if join == NOBODY or start > reach:
            return
        search_bridge(table, view, join, start)
        start += table.joins[join].gap
        lane, lowest = table.joins[join].after, -OVERLAP


@kernel
@no_type_check
def look_behind(table, view, lane):
    """Look for neighbours in all lanes that lead to a lane, as far back as the view goes."""
    reach = view.perception - view.along
    waiting, ends = view.scratch.waiting, view.scratch.ends
    waiting[0], ends[0] = lane, 0.0
    n_waiting = 1
    while n_waiting > 0:
        n_waiting -= 1
        end, curve = ends[n_waiting], table.curves[waiting[n_waiting]]
        for arrival in range(curve.first_arrival, curve.first_arrival + curve.n_arrivals):
            number = table.arrivals[arrival]
            join = table.joins[number]
            start = end - join.gap - table.curves[join.before].length
            search(table, view, join.before, start, -OVERLAP, join.highest)
            search_bridge(table, view, number, end - join.gap)
            if -start < reach:
                waiting[n_waiting], ends[n_waiting] = join.before, start
                n_waiting += 1


@kernel
@no_type_check
def search_bridge(table, view, join, start):
    """Look for nearer neighbours on a join's bridge, if there is one; see `search`."""
    bridge = table.joins[join].bridge
    if bridge != NOBODY:
        search(table, view, bridge, start, 0.0, table.curves[bridge].length)


@kernel
@no_type_check
def search(table, view, index, start, lowest, highest):
    """Look for nearer neighbours on one curve, a part of a path.

    Args:
        table: PathTable.
        view: From the path's first lane, overwritten.
        index: Of the curve.
        start: [m] along the path, where the curve begins.
        lowest: [m] along the curve, from where it counts.
        highest: [m] along the curve, up to where it counts.
    """
    half_width, found = table.axes[index].width / 2, view.scratch.found
    for row in view.near:
        thing = view.vehicles[row]
        place, side = curve_local(table, index, thing.x, thing.y)
        if abs(side) > half_width or place < lowest or place > highest:
            continue
        offset = start + place - view.along
        where = AHEAD if offset >= 0 else BEHIND
        if abs(offset) > found[where, DISTANCE] - SAME_PLACE:
            continue
        heading = curve_heading(table, index, place)
        gap = abs(offset) - view.room - half_extent(thing, heading)
        if gap <= view.perception:
            found[where, DISTANCE], found[where, GAP] = abs(offset), max(gap, 0.0)
            found[where, SPEED] = thing.speed * math.cos(thing.heading - heading)


@kernel
@no_type_check
def half_extent(thing, heading):
    """Half of the room [m] that a thing takes along a lane of this heading."""
    angle = thing.heading - heading
    return (abs(math.cos(angle)) * thing.length + abs(math.sin(angle)) * thing.width) / 2


@kernel
@no_type_check
def first_step(table, lane, ego, route):
    """The step of the ego vehicle's route that comes after a lane."""
    for step in range(ego.route_start, ego.route_end):
        if route[step, 0] == table.axes[lane].road:
            return step + 1
    return ego.route_start


@kernel
@no_type_check
def next_join(table, lane, ego, route, step):
    """How a path goes on at the end of a lane (NOBODY: not), and the next step of the route."""
    if step < ego.route_end:
        node = table.roads[route[step, 0]].end
        first = table.curves[lane].first_join
        for join in range(first, first + table.curves[lane].n_joins):
            if table.joins[join].node == node:
                return join, step + 1
    return table.curves[lane].default_join, ego.route_end  # off the route, or at its end


@kernel
@no_type_check
def curvature_ahead(table, ego, route, lane, along, reach):
    """Mean curvature [1/m] of the path's next metres; NaN where the road is about to end.

    Args:
        table: PathTable.
        ego: The ego vehicle's record.
        route: int32 `[step 2]`, the ego vehicle's.
        lane: The ego vehicle's.
        along: [m] where the ego vehicle is on it.
        reach: [m] of the path, from the lane's begin.
    """
    goal = along + CURVATURE_REACH
    current, start = lane, 0.0
    part, part_start = lane, 0.0  # of the path, the last that begins before the goal
    step = first_step(table, lane, ego, route)
    while True:
        join, step = next_join(table, current, ego, route, step)
        end = start + table.curves[current].length
        if join == NOBODY or end > reach:
            break
        if table.joins[join].bridge != NOBODY and end <= goal:
            part, part_start = table.joins[join].bridge, end
        current, start = table.joins[join].after, end + table.joins[join].gap
        if start <= goal:
            part, part_start = current, start
    if join == NOBODY and math.isfinite(table.curves[current].highest):
        goal = min(goal, end)
    if goal - along < SHORTEST_REACH:
        return np.nan
    there = curve_heading(table, part, goal - part_start)
    return wrap_to_pi(there - curve_heading(table, lane, along)) / (goal - along)
