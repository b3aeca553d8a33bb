"""What cameras see of a world."""

from __future__ import annotations

from typing import no_type_check

from b2m_envs.compiled import kernel


@kernel
@no_type_check
def write_things(vehicles, count, ego, slots, braking, which, things, things_count):
    """Write the vehicles, the ego vehicle first, and the obstacles as things to draw.

    Args:
        vehicles: VEHICLE [world row], obstacles from row `slots` on.
        count: int32 [world] vehicles.
        ego: int32 [world] row of the ego vehicle.
        slots: Rows for vehicles.
        braking: Acceleration [m/s2] below which brake lights are on.
        which: int64 [chosen] indices of worlds.
        things: THING [world row], written.
        things_count: int32 [world], written.
    """
    for world in which:
        write_thing(vehicles[world, ego[world]], False, braking, things[world, 0])
        row = 1
        for other in range(vehicles.shape[1]):
            if other == ego[world] or count[world] <= other < slots:
                continue
            write_thing(vehicles[world, other], other >= slots, braking, things[world, row])
            row += 1
        things_count[world] = row


@kernel
@no_type_check
def write_thing(vehicle, obstacle, braking, thing):
    """Write one thing."""
    thing.x, thing.y, thing.heading = vehicle.x, vehicle.y, vehicle.heading
    thing.length, thing.width = vehicle.length, vehicle.width
    thing.obstacle = obstacle
    thing.braking = not obstacle and vehicle.acceleration < braking
