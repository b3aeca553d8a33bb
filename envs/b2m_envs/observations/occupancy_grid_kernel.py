"""The grids of OccupancyGrid, for many worlds."""

from __future__ import annotations

import math
from typing import Final, no_type_check

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import local, position
from b2m_envs.observations.kinematics_kernel import VX, VY, X, Y, describe

ON_ROAD: Final = 13  # place of the lanes in `b2m_envs.observations.occupancy_grid.LAYERS`
REACH: Final = 100.0  # [m] of lane before and behind the ego vehicle


@kernel
@no_type_check
def write_grids(
    network, vehicles, count, ego, routes, which, layers, ranges, low, step, how, features, out
):
    """Write the grid of each world of `which` into `out` [chosen layer x y], made of zeros."""
    for index in range(len(which)):
        world = which[index]
        rows, own = vehicles[world], vehicles[world, ego[world]]
        for row in range(count[world] - 1, -1, -1):  # the first ones over those behind them
            describe(network, rows[row], routes[world, row], False, True, features)
            place_vehicle(own, features, layers, ranges, low, step, how, out[index])
        for layer in range(len(layers)):
            if layers[layer] == ON_ROAD:
                place_lanes(network.lanes, own, low, step, how, out[index, layer])


@kernel
@no_type_check
def place_vehicle(own, features, layers, ranges, low, step, how, grid):
    """Write the features of one vehicle, those of the world, into its cell."""
    _, clips, as_image = how
    features[X] -= own.x
    features[Y] -= own.y
    features[VX] -= own.speed * math.cos(own.heading)
    features[VY] -= own.speed * math.sin(own.heading)
    x = there_and_back(features[X], ranges[X, 0], ranges[X, 1])
    y = there_and_back(features[Y], ranges[Y, 0], ranges[Y, 1])
    i, j = cell_of(own, x, y, low, step, how)
    if not (0 <= i < grid.shape[1] and 0 <= j < grid.shape[2]):
        return
    for layer in range(len(layers)):
        feature = layers[layer]
        if feature == ON_ROAD:
            continue
        value, lowest, highest = features[feature], ranges[feature, 0], ranges[feature, 1]
        if not math.isnan(lowest):
            value = mapped(value, lowest, highest, -1.0, 1.0)
        grid[layer, int(i), int(j)] = shown(value, clips, as_image)


@kernel
@no_type_check
def place_lanes(lanes, own, low, step, how, grid):
    """Mark the cells that the middles of the lanes run through, at steps as of NumPy's arange."""
    _, clips, as_image = how
    spacing = min(step[0], step[1])
    for number in range(len(lanes)):
        lane = lanes[number]
        origin, _ = local(lane, own.x, own.y)
        start, last = origin - REACH, -1.0
        second = start + spacing
        for k in range(math.ceil((origin + REACH - start) / spacing)):
            along = second if k == 1 else start + k * (second - start)
            along = min(max(along, 0.0), lane.length)
            if along == last:
                continue
            last = along
            x, y = position(lane, along, 0.0)
            i, j = cell_of(own, x - own.x, y - own.y, low, step, how)
            if 0 <= i < grid.shape[0] and 0 <= j < grid.shape[1]:
                grid[int(i), int(j)] = shown(1.0, clips, as_image)


@kernel
@no_type_check
def cell_of(own, x, y, low, step, how):
    """Numbers of the cell, as floats, of a place relative to the ego vehicle."""
    if how[0]:
        cos, sin = math.cos(own.heading), math.sin(own.heading)
        x, y = cos * x + sin * y, -sin * x + cos * y
    return float(math.floor((x - low[0]) / step[0])), float(math.floor((y - low[1]) / step[1]))


@kernel
@no_type_check
def mapped(value, low, high, new_low, new_high):
    """highway-env's linear map, with its roundings."""
    return new_low + (value - low) * (new_high - new_low) / (high - low)


@kernel
@no_type_check
def there_and_back(value, low, high):
    """A place as highway-env recovers it after it was normalised; itself where it was not."""
    if math.isnan(low):
        return value
    return mapped(mapped(value, low, high, -1.0, 1.0), -1.0, 1.0, low, high)


@kernel
@no_type_check
def shown(value, clips, as_image):
    """A value as its cell has it."""
    if clips or as_image:
        value = min(max(value, -1.0), 1.0)
    return math.floor((value + 1) / 2 * 255) if as_image else value
