"""Which meta-actions do anything: highway-env's available actions, for many worlds at once."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Int64

from b2m_envs.compiled import kernel
from b2m_envs.engine.driving_model import is_reachable
from b2m_envs.engine.lanes import local
from b2m_envs.engine.layout import META
from b2m_envs.engine.traffic import FASTER, IDLE, LANE_LEFT, LANE_RIGHT, SLOWER, nearest_level


def available_actions(
    network: object,
    ego: np.ndarray,
    levels: np.ndarray,
    meta_actions: Int64[np.ndarray, " action"],
) -> Bool[np.ndarray, "world action"]:
    """Whether each meta-action is possible.

    A change of lane is, where there is a lane to change to, which can be reached from here; a
    change of speed, where there is a further target speed.

    Args:
        network: Network.
        ego: VEHICLE `[world]`.
        levels: float64 `[level]` target speeds [m/s].
        meta_actions: highway-env's number of each action.
    """
    masks = np.zeros((len(ego), SLOWER + 1), np.bool_)
    write_available(network, ego, levels, masks)
    available: np.ndarray = masks[:, meta_actions]
    return available


@kernel
@no_type_check
def write_available(network, ego, levels, masks):
    """Write the masks of all five meta-actions, bool `[world 5]`."""
    for world in range(len(ego)):
        own = ego[world]
        level = own.speed_index if own.kind == META else nearest_level(levels, own.speed)
        masks[world, IDLE] = True
        masks[world, FASTER] = level < len(levels) - 1
        masks[world, SLOWER] = level > 0
        number = network.lanes[own.lane].number
        for action, step in ((LANE_LEFT, -1), (LANE_RIGHT, 1)):
            if 0 <= number + step < network.roads[network.lanes[own.lane].road].n_lanes:
                lane = network.lanes[own.lane + step]
                along, across = local(lane, own.x, own.y)
                masks[world, action] = is_reachable(lane, along, across)
