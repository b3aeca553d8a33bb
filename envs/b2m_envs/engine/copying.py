"""Copies a highway-env world into the engine's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from highway_env.road.road import Road
from highway_env.vehicle.behavior import IDMVehicle
from highway_env.vehicle.controller import MDPVehicle
from highway_env.vehicle.objects import Landmark

from b2m_envs.engine.lanes import LaneTable
from b2m_envs.engine.layout import (
    DRIVER,
    META,
    NOBODY,
    OBSTACLE,
    ROUTE_LENGTH,
    STEERED,
    VEHICLE,
)


def copy_road(
    road: Road, ego: Any, table: LaneTable, vehicles: np.ndarray, routes: np.ndarray, slots: int
) -> tuple[int, int]:
    """Copy the vehicles and obstacles of a highway-env road.

    Args:
        road: Whose network `table` holds.
        ego: The ego vehicle, one of the road's.
        table: Of the road's lanes.
        vehicles: VEHICLE `[row]`, overwritten.
        routes: int32 `[row step 2]`, overwritten.
        slots: Rows for vehicles; the obstacles come behind them.

    Returns:
        The number of vehicles, and the row of the ego vehicle.

    Raises:
        ValueError: If there are more vehicles than rows, or a route is too long.
    """
    if len(road.vehicles) > slots:
        raise ValueError(f"road: expected up to {slots} vehicles, came {len(road.vehicles)}")
    vehicles[:] = np.zeros(1, vehicles.dtype)
    routes[:] = NOBODY
    for row, vehicle in enumerate(road.vehicles):
        copy_vehicle(vehicle, table, vehicles[row], routes[row])
    vehicles[slots:] = obstacle_records(road)
    return len(road.vehicles), road.vehicles.index(ego)


def obstacle_records(road: Road) -> np.ndarray:
    """VEHICLE `[obstacle]` of the road's obstacles; landmarks are none."""
    obstacles = [thing for thing in road.objects if not isinstance(thing, Landmark)]
    records = np.zeros(len(obstacles), VEHICLE)
    for record, obstacle in zip(records, obstacles, strict=True):
        copy_shape(obstacle, record)
        record["kind"] = OBSTACLE
    return records


def copy_vehicle(vehicle: Any, table: LaneTable, record: Any, route: np.ndarray) -> None:
    """Copy one vehicle of highway-env into a record of VEHICLE and a route `[step 2]`."""
    copy_shape(vehicle, record)
    record["crashed"] = vehicle.crashed
    record["steering"] = vehicle.action["steering"]
    record["acceleration"] = vehicle.action["acceleration"]
    record["lane"] = table.number[numbered(vehicle.lane_index)]
    record["target_lane"] = record["lane"]
    if vehicle.impact is not None:
        record["hit"] = True
        record["impact_x"], record["impact_y"] = vehicle.impact
    record["kind"] = STEERED
    if not hasattr(vehicle, "target_speed"):
        return
    record["target_lane"] = table.number[numbered(vehicle.target_lane_index)]
    record["target_speed"] = vehicle.target_speed
    copy_route(vehicle.route or [], table, record, route)
    if isinstance(vehicle, MDPVehicle):
        record["kind"] = META
        record["speed_index"] = vehicle.speed_index
    elif isinstance(vehicle, IDMVehicle):
        record["kind"] = DRIVER
        record["timer"], record["exponent"] = vehicle.timer, vehicle.DELTA
        record["changes_lane"] = vehicle.enable_lane_change
        record["yields"] = getattr(vehicle, "is_yielding", False)


def copy_shape(thing: Any, record: Any) -> None:
    """Copy what vehicles and obstacles have in common."""
    record["x"], record["y"] = thing.position
    record["heading"], record["speed"] = thing.heading, thing.speed
    record["length"], record["width"] = thing.LENGTH, thing.WIDTH
    record["diagonal"] = thing.diagonal
    record["checks_collisions"] = thing.check_collisions


def copy_route(steps: list[Any], table: LaneTable, record: Any, route: np.ndarray) -> None:
    """Copy a planned route."""
    if len(steps) > ROUTE_LENGTH:
        raise ValueError(f"route: expected up to {ROUTE_LENGTH} roads, came {len(steps)}")
    record["route_start"], record["route_end"] = 0, len(steps)
    for index, (start, end, number) in enumerate(steps):
        route[index] = (table.road_number[start, end], NOBODY if number is None else number)


def numbered(index: Any) -> tuple[str, str, int]:
    """A lane's name, its number as Python's."""
    return str(index[0]), str(index[1]), int(index[2])
