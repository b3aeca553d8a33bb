"""Where the ego vehicles are in their lanes."""

from __future__ import annotations

from typing import no_type_check

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import local
from b2m_envs.engine.neighbour_search import is_on


@kernel
@no_type_check
def write_coordinates(lanes, ego, along, across, on_road):
    """Each ego vehicle's coordinates [m] in its lane, and whether it is on it (1 or 0)."""
    for world in range(len(ego)):
        lane = lanes[ego[world].lane]
        along[world], across[world] = local(lane, ego[world].x, ego[world].y)
        on_road[world] = 1.0 if is_on(lane, along[world], across[world], 0.0) else 0.0
