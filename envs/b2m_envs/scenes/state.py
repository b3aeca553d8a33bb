"""The named variables that say what a driver would attend to in a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from highway_env.road.road import Road
from highway_env.utils import wrap_to_pi
from highway_env.vehicle.objects import Landmark
from jaxtyping import Float32

from b2m_envs.scenes.lane_paths import LaneIndex, LanePaths, Stretch

HAZARD_TIME = 2.0  # [s] to a collision, below which there is a hazard
LONGEST_TIME = 20.0  # [s] to a collision, above which nobody speaks of one
SLOWEST_CLOSING = 0.1  # [m/s] below it, two vehicles keep their distance
CURVATURE_REACH = 20.0  # [m] of the lane ahead
SAME_PLACE = 1e-6  # [m] where two lanes overlap, the first that sees a vehicle counts
SHORTEST_REACH = 1.0  # [m] of lane that is left, below which it has no curvature


@dataclass(frozen=True)
class StateVariable:
    """A variable of a driving scene's state: its name, its unit, its meaning."""

    name: str
    unit: str
    meaning: str


STATE_VARIABLES = (
    StateVariable("lane", "1", "number of the lane from the left, from 0; NaN off the road"),
    StateVariable("lateral_offset", "m", "to the right of the lane's centre"),
    StateVariable("heading", "rad", "relative to the lane, positive to the right"),
    StateVariable("speed", "m/s", "of the ego vehicle, negative in reverse"),
    StateVariable("acceleration", "m/s2", "commanded in the last simulation step"),
    StateVariable("gap", "m", "bumper to bumper to the vehicle or obstacle ahead in the lane"),
    StateVariable("closing_speed", "m/s", "along the lane, positive if the gap shrinks"),
    StateVariable(
        "time_to_collision", "s", "gap / closing speed; NaN from 20 s on, and up to 0.1 m/s"
    ),
    StateVariable("left_ahead", "m", "gap to the next vehicle ahead in the lane to the left"),
    StateVariable("left_behind", "m", "gap to the next vehicle behind in the lane to the left"),
    StateVariable("right_ahead", "m", "gap to the next vehicle ahead in the lane to the right"),
    StateVariable("right_behind", "m", "gap to the next vehicle behind in the lane to the right"),
    StateVariable("curvature", "1/m", "mean over the next 20 m of lane, positive to the right"),
    StateVariable("hazard", "1", "1 if the time to collision is below 2 s or the ego has crashed"),
)
STATE_INDEX = {variable.name: index for index, variable in enumerate(STATE_VARIABLES)}


class SceneState(np.ndarray):
    """An array in which NaN equals NaN; nothing else sets it apart from another array.

    Gymnasium's ``check_env`` compares the ``info`` of two episodes of one seed, and would take a
    variable without meaning for a difference.
    """

    def __eq__(self, other: Any) -> Any:
        mine, others = np.asarray(self), np.asarray(other)
        return (mine == others) | (np.isnan(mine) & np.isnan(others))

    def __ne__(self, other: Any) -> Any:
        return ~(self == other)

    __hash__ = None  # as for every array

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.allclose:
            kwargs = {"equal_nan": True, **kwargs}
        return super().__array_function__(func, types, args, kwargs)


@dataclass(frozen=True)
class Neighbour:
    """The next vehicle or obstacle in a lane, on one side of the ego vehicle."""

    gap: float  # [m] bumper to bumper, 0 where they are side by side
    speed: float  # [m/s] along the lane


@dataclass(frozen=True)
class Surroundings:
    """What a vehicle on a lane has around it."""

    lane: float | int  # its number
    ahead: Neighbour | None
    beside: tuple[float, float, float, float]  # [m] left ahead, left behind, right ahead and behind
    curvature: float  # [1/m]


OFF_ROAD = Surroundings(lane=math.nan, ahead=None, beside=(math.nan,) * 4, curvature=math.nan)


def scene_state(
    paths: LanePaths, road: Road, ego: Any, perception: float | int
) -> Float32[np.ndarray, " variable"]:
    """The variables of `STATE_VARIABLES`, in that order; NaN where one has no meaning.

    A vehicle is in the lane that its centre is in, whatever lane it heads for; lanes that follow
    each other along the ego vehicle's route count as one. Landmarks do not count. Off the road,
    offset and heading are relative to the nearest lane, and there is neither lane nor neighbour.

    Args:
        paths: of the road's network.
        road: highway-env's road, with vehicles and obstacles.
        ego: the ego vehicle.
        perception: [m] neighbours with a wider gap do not count.
    """
    index = lane_of(ego, paths)
    curve = paths.curves[index]
    along, across = curve.local(ego.position)
    heading = float(wrap_to_pi(ego.heading - curve.heading(along)))
    around = (
        surroundings_on_lane(paths, road, ego, index, perception)
        if curve.is_on(along, across)
        else OFF_ROAD
    )
    lead, closing = around.ahead, math.nan
    if lead is not None:
        closing = ego.speed * math.cos(heading) - lead.speed
    time = lead.gap / closing if lead is not None and closing > SLOWEST_CLOSING else math.nan
    if time >= LONGEST_TIME:
        time = math.nan
    values = (
        around.lane,
        across,
        heading,
        ego.speed,
        ego.action["acceleration"],
        math.nan if lead is None else lead.gap,
        closing,
        time,
        *around.beside,
        around.curvature,
        float(ego.crashed or time < HAZARD_TIME),
    )
    return np.array(values, dtype=np.float32).view(SceneState)


def surroundings_on_lane(
    paths: LanePaths, road: Road, ego: Any, index: LaneIndex, perception: float | int
) -> Surroundings:
    """What there is around an ego vehicle on this lane."""
    along, _ = paths.curves[index].local(ego.position)
    path = paths.ahead(index, route_of(ego), along + max(perception, CURVATURE_REACH))
    things = things_around(road, ego, perception)
    ahead, _ = neighbours(path, [], things, ego, perception)
    left_ahead, left_behind = gaps_beside(paths, index, -1, things, ego, perception)
    right_ahead, right_behind = gaps_beside(paths, index, 1, things, ego, perception)
    return Surroundings(
        lane=index[2],
        ahead=ahead,
        beside=(left_ahead, left_behind, right_ahead, right_behind),
        curvature=curvature_ahead(path, along),
    )


def lane_of(ego: Any, paths: LanePaths) -> LaneIndex:
    """Index of the ego vehicle's lane.

    It is the nearest lane, as highway-env has it; where two lanes leave the same place and still
    overlap (an intersection), it is the one that the vehicle follows.
    """
    begin, end, number = ego.lane_index
    wanted = getattr(ego, "target_lane_index", ego.lane_index)
    if wanted[0] == begin and wanted[1] != end:
        curve = paths.curves[wanted[0], wanted[1], int(wanted[2])]
        along, across = curve.local(ego.position)
        if 0 <= along <= curve.length and abs(across) <= curve.half_width(along):
            begin, end, number = wanted
    return begin, end, int(number)


def route_of(ego: Any) -> list[Any] | None:
    """The roads that the ego vehicle is going to take, where it has a plan."""
    route: list[Any] | None = getattr(ego, "route", None)
    return route


def things_around(road: Road, ego: Any, perception: float | int) -> list[Any]:
    """Vehicles and obstacles whose gap may be within perception."""
    things = [thing for thing in road.vehicles if thing is not ego]
    things += [thing for thing in road.objects if not isinstance(thing, Landmark)]
    if not things:
        return []
    offsets = np.array([thing.position for thing in things]) - ego.position
    near = np.hypot(*offsets.T) <= perception + max(thing.LENGTH for thing in [ego, *things])
    return [thing for thing, is_near in zip(things, near, strict=True) if is_near]


def neighbours(
    ahead: list[Stretch],
    behind: list[Stretch],
    things: list[Any],
    ego: Any,
    perception: float | int,
) -> tuple[Neighbour | None, Neighbour | None]:
    """The next thing ahead and the next one behind on a path that begins with `ahead[0]`."""
    own = ahead[0].curve
    along, _ = own.local(ego.position)
    reach = half_extent(ego, own.heading(along))
    nearest: list[Neighbour | None] = [None, None]
    distances = [math.inf, math.inf]
    for stretch in (*ahead, *behind):
        for thing in things:
            place, side = stretch.curve.local(thing.position)
            inside = stretch.lowest <= place <= stretch.highest
            if not inside or abs(side) > stretch.curve.half_width(place):
                continue
            distance = stretch.start + place - along
            direction = 0 if distance >= 0 else 1
            if abs(distance) > distances[direction] - SAME_PLACE:
                continue
            heading = stretch.curve.heading(place)
            gap = abs(distance) - reach - half_extent(thing, heading)
            if gap <= perception:
                speed = thing.speed * math.cos(thing.heading - heading)
                distances[direction] = abs(distance)
                nearest[direction] = Neighbour(max(float(gap), 0.0), float(speed))
    return nearest[0], nearest[1]


def gaps_beside(
    paths: LanePaths,
    own: LaneIndex,
    step: int,
    things: list[Any],
    ego: Any,
    perception: float | int,
) -> tuple[float, float]:
    """Gaps [m] ahead and behind in a lane beside; NaN for no lane or nobody there."""
    index = paths.beside(own, step)
    if index is None:
        return math.nan, math.nan
    along, _ = paths.curves[index].local(ego.position)
    ahead = paths.ahead(index, route_of(ego), along + perception)
    behind = paths.behind(index, perception - along)
    found = neighbours(ahead, behind, things, ego, perception)
    front, rear = (neighbour.gap if neighbour else math.nan for neighbour in found)
    return front, rear


def half_extent(thing: Any, heading: float) -> float:
    """Half of the room [m] that a thing takes along a lane of this heading."""
    angle = thing.heading - heading
    length, width = abs(math.cos(angle)) * thing.LENGTH, abs(math.sin(angle)) * thing.WIDTH
    return float(length + width) / 2


def curvature_ahead(path: list[Stretch], along: float) -> float:
    """Mean curvature [1/m] of the path's next metres; NaN where the road is about to end."""
    first, last = path[0], path[-1]
    end = last.start + last.curve.length
    goal = along + CURVATURE_REACH
    if math.isfinite(last.highest):
        goal = min(goal, end)
    if goal - along < SHORTEST_REACH:
        return math.nan
    stretch = max(
        (part for part in path if part.start <= goal), key=lambda part: part.start, default=first
    )
    turn = wrap_to_pi(stretch.curve.heading(goal - stretch.start) - first.curve.heading(along))
    return float(turn) / (goal - along)
