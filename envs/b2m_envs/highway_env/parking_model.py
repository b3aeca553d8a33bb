"""highway-env's car park without parked cars, for many worlds at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from highway_env.road.road import RoadNetwork
from jaxtyping import Bool, Float64

LENGTH, WIDTH = 5.0, 2.0  # [m] highway-env's vehicle
DIAGONAL = np.hypot(LENGTH, WIDTH)  # [m]
# Centre, then half of the size along x and along y [m], of highway-env's four walls.
WALLS = np.array([[0, -21, 35, 0.5], [0, 21, 35, 0.5], [-35, 0, 0.5, 21], [35, 0, 0.5, 21]])

Values = Float64[np.ndarray, " world"]
Flags = Bool[np.ndarray, " world"]


@dataclass(eq=False)
class ParkingModel:
    """Vehicles and the spots that they are to park in, one a world.

    They move as highway-env's vehicles, to rounding. A vehicle that meets a wall has crashed, in
    the substep in which highway-env's has; it is not pushed back from the wall, as the episode is
    over then.
    """

    x: Values  # [m]
    y: Values  # [m]
    heading: Values  # [rad]
    speed: Values  # [m/s]
    crashed: Flags
    meets: Flags  # a wall in the substep to come
    goal: Float64[np.ndarray, "world 3"]  # x, y [m] and heading [rad] of the spot
    walls: Float64[np.ndarray, "wall 4"]  # as `WALLS`

    @classmethod
    def of(cls, n_worlds: int, *, walled: bool) -> ParkingModel:
        """Worlds in which no episode has begun, with walls around or without."""
        x, y, heading, speed = np.zeros((4, n_worlds))
        crashed, meets = np.zeros((2, n_worlds), np.bool_)
        walls = WALLS if walled else WALLS[:0]
        return cls(x, y, heading, speed, crashed, meets, np.zeros((n_worlds, 3)), walls)

    def begin(self, world: int, np_random: np.random.Generator, network: RoadNetwork) -> None:
        """Begin an episode as highway-env begins one with this generator.

        Args:
            world: Whose.
            np_random: Of the world.
            network: highway-env's spots.
        """
        heading = 2.0 * np.pi * np_random.uniform()
        spots = list(network.lanes_dict())
        spots.remove(network.get_closest_lane_index(np.zeros(2), heading))
        lane = network.get_lane(spots[np_random.choice(np.arange(len(spots)))])
        self.x[world] = self.y[world] = self.speed[world] = 0.0
        self.heading[world] = heading
        self.crashed[world] = self.meets[world] = False
        self.goal[world] = *lane.position(lane.length / 2, 0), lane.heading

    def drive(self, acceleration: Values, steering: Values, seconds: float) -> Values:
        """Drive all worlds on for one substep.

        Args:
            acceleration: [m/s2].
            steering: Angle of the front wheels [rad].
            seconds: Length of the substep.

        Returns:
            The acceleration as it was: a vehicle that has crashed brakes.
        """
        crashed, speed, heading = self.crashed, self.speed.copy(), self.heading.copy()
        acceleration = np.where(crashed, -speed, _clipped(acceleration, speed))
        slip = np.arctan(0.5 * np.tan(np.where(crashed, 0.0, steering)))
        self.x += speed * np.cos(heading + slip) * seconds
        self.y += speed * np.sin(heading + slip) * seconds
        self.heading += speed * np.sin(slip) / (LENGTH / 2) * seconds
        self.speed += acceleration * seconds
        there, will = self._meetings(seconds)
        self.crashed = self.crashed | self.meets | there
        self.meets = will
        return acceleration

    def _meetings(self, seconds: float) -> tuple[Flags, Flags]:
        """Whether vehicles are in a wall, and whether they will be a substep later."""
        there, will = np.zeros((2, len(self.x)), np.bool_)
        reach = DIAGONAL / 2 + np.abs(self.speed) * seconds
        for x, y, half_x, half_y in self.walls:
            apart_x, apart_y = self.x - x, self.y - y
            near = np.maximum(np.abs(apart_x) - half_x, np.abs(apart_y) - half_y) <= reach
            if near.any():
                close = np.flatnonzero(near)
                found = self._in_wall(close, (x, y, half_x, half_y), seconds)
                there[near] |= found[0]
                will[near] |= found[1]
        return there, will

    def _in_wall(
        self, which: np.ndarray, wall: tuple[float, float, float, float], seconds: float
    ) -> tuple[Flags, Flags]:
        """By separating axes, as `highway_env.utils.are_polygons_intersecting`."""
        x, y, half_x, half_y = wall
        ahead = np.stack([np.cos(self.heading[which]), np.sin(self.heading[which])])
        side = np.stack([-ahead[1], ahead[0]])
        apart = np.stack([self.x[which] - x, self.y[which] - y])
        moves = self.speed[which] * ahead * seconds
        there, will = np.ones((2, len(which)), np.bool_)
        for axis in (*(np.eye(2)[:, :, None] * np.ones(len(which))), ahead, side):
            own = LENGTH / 2 * np.abs((axis * ahead).sum(0)) + WIDTH / 2 * np.abs(
                (axis * side).sum(0)
            )
            room = own + half_x * np.abs(axis[0]) + half_y * np.abs(axis[1])
            middle, way = (axis * apart).sum(0), (axis * moves).sum(0)
            there &= np.abs(middle) <= room
            low, high = middle + np.minimum(way, 0), middle + np.maximum(way, 0)
            will &= (low <= room) & (high >= -room)
        return there, will


def _clipped(acceleration: Values, speed: Values) -> Values:
    """As highway-env's vehicle keeps its speed within 40 m/s."""
    low = np.where(speed < -40.0, 1.0 * (-40.0 - speed), -np.inf)
    high = np.where(speed > 40.0, 1.0 * (40.0 - speed), np.inf)
    clipped: Values = np.minimum(np.maximum(acceleration, low), high)
    return clipped
