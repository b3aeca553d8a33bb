"""The driver's-eye camera: ahead from the driver's seat, in perspective."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, UInt8

from b2m_envs.rendering import palette
from b2m_envs.rendering.canvas import Canvas, corners, oversampling, plain_background
from b2m_envs.rendering.geometry import RoadGeometry, Traffic
from b2m_envs.rendering.goal_mark import goal_mark
from b2m_envs.rendering.road_pieces import NearbyPieces, Pieces
from b2m_envs.rendering.settings import CameraSettings
from b2m_envs.rendering.vehicle_model import BARRIER, CAR, Model

NEAR = 0.1  # [m] ahead of the eye nothing closer is drawn
ENOUGH = 2.0**20  # [canvas px] corners farther out are moved to here
BONNET = 0.09  # share of the picture's height, where it is highest


class Thing(NamedTuple):
    """A vehicle or an obstacle as it is seen: some of its model's faces, and their outlines."""

    distance: float  # [m]
    model: Model
    faces: list[int]
    outlines: Int32[np.ndarray, "face corner 2"]


class DriversEyeCamera:
    """Draws what the driver of the ego vehicle sees; see ``CameraSettings``.

    The eye is in the middle of the vehicle and looks along its heading, level. Distances: ahead
    along the heading, aside to the right of it.
    """

    def __init__(self, settings: CameraSettings) -> None:
        self._settings = settings
        height, width = settings.height, settings.width
        samples = oversampling(height, width)
        view = math.radians(settings.field_of_view)
        self._focal = samples * width / 2 / math.tan(view / 2)  # [canvas px]
        self._middle = np.array([width / 2, settings.horizon * height]) * samples
        self._size = np.array([width, height], dtype=np.float64) * samples
        self._slope = math.tan(view / 2)
        self._nearby = NearbyPieces(settings.sight / math.cos(view / 2))
        self._canvas = Canvas(sky_and_ground(settings), height)
        self._mask = Canvas(plain_background(height, width, (0,)), height)
        self._bonnet = bonnet(self._size)

    def draw(
        self, road: RoadGeometry, traffic: Traffic
    ) -> UInt8[np.ndarray, "height width channel"]:
        """Draw the picture, of one channel (grey) or three (red, green, blue)."""
        colour, canvas = self._settings.colour, self._canvas
        near = self._nearby.around(road, traffic.position[0])
        canvas.clear()
        for asphalt in (near.straight, near.curved):
            canvas.fill_bent(self._on_road(asphalt, traffic), palette.ROAD.value(colour))
        for mark, mark_paint in goal_mark(traffic.goal):
            canvas.fill_bent(self._on_road(mark, traffic), mark_paint.value(colour))
        paint = palette.MARKING.value(colour)
        canvas.fill_apart(self._on_road(near.marking, traffic), paint)
        if len(near.crossing.middle):
            canvas.fill_convex(self._on_road(near.crossing, traffic), paint)
        for thing in self._things(traffic):
            for face, outline in zip(thing.faces, thing.outlines, strict=True):
                canvas.fill(outline, thing.model.paint[face].value(colour))
        canvas.fill(self._bonnet, palette.EGO.shaded(0.8).value(colour))
        return canvas.picture()

    def vehicle_mask(
        self, road: RoadGeometry, traffic: Traffic
    ) -> Bool[np.ndarray, "height width"]:
        """Pixels at least half covered by other vehicles or obstacles; never the ego vehicle."""
        self._mask.clear()
        for thing in self._things(traffic):
            for face, outline in zip(thing.faces, thing.outlines, strict=True):
                if face > 0:  # the first is the shadow
                    self._mask.fill(outline, (255,))
        self._mask.fill(self._bonnet, (0,))
        return self._mask.picture()[:, :, 0] >= 128

    def _on_road(self, pieces: Pieces, traffic: Traffic) -> Int32[np.ndarray, "visible corner 2"]:
        """The pieces of the road's surface that are in sight, on the canvas."""
        turn = _ahead_and_aside(float(traffic.heading[0]))
        middle = (pieces.middle - traffic.position[0]) @ turn
        seen = self._in_sight(middle, pieces.radius[:, 0])
        ground = middle[seen, None] + pieces.corner[seen] @ turn
        if (ground[:, :, 0] < NEAR).any():
            ground = clipped_to_front(ground)
        below = np.full((*ground.shape[:2], 1), self._settings.eye_height)
        return self._projected(np.concatenate((ground, below), axis=2))

    def _in_sight(
        self, middle: Float64[np.ndarray, "thing 2"], radius: Float64[np.ndarray, " thing"]
    ) -> Bool[np.ndarray, " thing"]:
        """Which things (ahead, aside) reach into the field of view, perhaps a few more."""
        ahead, aside = middle.T
        seen: Bool[np.ndarray, " thing"] = np.abs(aside) - radius < self._slope * (ahead + radius)
        seen &= (ahead + radius > NEAR) & (ahead - radius < self._settings.sight)
        return seen

    def _projected(
        self, places: Float64[np.ndarray, "polygon corner 3"]
    ) -> Int32[np.ndarray, "polygon corner 2"]:
        """Places (ahead, aside, below the eye) [m] on the canvas."""
        places = self._middle + self._focal * places[..., 1:] / places[..., :1]
        return corners(np.clip(places, -ENOUGH, ENOUGH))

    def _things(self, traffic: Traffic) -> list[Thing]:
        """Vehicles and obstacles in sight, the farthest first."""
        offset = traffic.position - traffic.position[0]
        offset = offset @ _ahead_and_aside(float(traffic.heading[0]))
        seen = self._in_sight(offset, (traffic.length + traffic.width) / 2)
        seen[0] = False
        things = self._faces(traffic, np.flatnonzero(seen & ~traffic.obstacle), offset, CAR)
        things += self._faces(traffic, np.flatnonzero(seen & traffic.obstacle), offset, BARRIER)
        return sorted(things, key=lambda thing: -thing.distance)

    def _faces(
        self,
        traffic: Traffic,
        rows: Int64[np.ndarray, " row"],
        offset: Float64[np.ndarray, "vehicle 2"],
        model: Model,
    ) -> list[Thing]:
        """The faces that look at the eye, of all things of one model."""
        if len(rows) == 0:
            return []
        half = np.stack((traffic.length[rows], traffic.width[rows]), axis=1)[:, None, None] / 2
        turn = traffic.heading[rows] - traffic.heading[0]
        cos, sin = np.cos(turn), np.sin(turn)
        heading = np.array([(cos, sin), (-sin, cos)]).transpose(2, 0, 1)[:, None]
        places = np.empty((len(rows), *model.corner.shape))
        places[..., :2] = (model.corner[..., :2] * half) @ heading + offset[rows, None, None]
        places[..., 2] = self._settings.eye_height - model.corner[..., 2]
        facing = looks_at_eye(places) & (places[..., 0].max(axis=2) > NEAR)
        facing &= model.shown(traffic.braking[rows])
        thing, face = np.nonzero(facing)
        places = places[facing]
        if (places[..., 0] < NEAR).any():
            places = clipped_to_front(places)
        outlines = self._projected(places)
        distance = np.hypot(*offset[rows].T)
        start = np.searchsorted(thing, np.arange(len(rows) + 1))
        return [
            Thing(float(far), model, face[first:last].tolist(), outlines[first:last])
            for far, first, last in zip(distance, start[:-1], start[1:], strict=True)
        ]


def looks_at_eye(
    places: Float64[np.ndarray, "thing face 4 3"],
) -> Bool[np.ndarray, "thing face"]:
    """Whether the outer side of a face is turned to the eye, which is at the origin."""
    x, y, z = places[:, :, 0].transpose(2, 0, 1)
    a, b, c = (places[:, :, 1] - places[:, :, 0]).transpose(2, 0, 1)
    d, e, f = (places[:, :, 2] - places[:, :, 0]).transpose(2, 0, 1)
    facing: Bool[np.ndarray, "thing face"] = (
        x * (b * f - c * e) + y * (c * d - a * f) + z * (a * e - b * d) < 0
    )
    return facing


def clipped_to_front(
    polygons: Float64[np.ndarray, "polygon corner axis"],
) -> Float64[np.ndarray, "polygon corners axis"]:
    """Cut off what is not ahead of the eye; polygons have twice the corners then.

    Every side is cut to its part ahead. A side behind the eye shrinks to a line along the
    boundary, which encloses nothing.
    """
    start, end = polygons, np.roll(polygons, -1, axis=1)
    ends: Float64[np.ndarray, "polygon corner 2 axis"] = np.stack(
        (_end_in_front(start, end), _end_in_front(end, start)), axis=2
    )
    return ends.reshape(len(polygons), -1, polygons.shape[2])


def _end_in_front(
    end: Float64[np.ndarray, "polygon corner axis"],
    other: Float64[np.ndarray, "polygon corner axis"],
) -> Float64[np.ndarray, "polygon corner axis"]:
    """One end of each side, moved along the side until it is ahead."""
    rise = other[..., :1] - end[..., :1]
    crosses = (end[..., :1] < NEAR) & (other[..., :1] > NEAR)
    share = np.where(crosses, (NEAR - end[..., :1]) / np.where(crosses, rise, 1), 0)
    moved: Float64[np.ndarray, "polygon corner axis"] = end + share * (other - end)
    moved[..., 0] = np.maximum(moved[..., 0], NEAR)
    return moved


def _ahead_and_aside(heading: float) -> Float64[np.ndarray, "2 2"]:
    """From world offsets to (ahead, aside) of a heading, to be multiplied from the right."""
    cos, sin = math.cos(heading), math.sin(heading)
    return np.array([(cos, -sin), (sin, cos)])


def sky_and_ground(settings: CameraSettings) -> UInt8[np.ndarray, "height width channel"]:
    """The canvas without a road: sky that pales towards the horizon, and ground."""
    colour = settings.colour
    canvas = plain_background(settings.height, settings.width, palette.GROUND.value(colour))
    horizon = round(settings.horizon * len(canvas))
    high, low = palette.SKY.value(colour), palette.HAZE.value(colour)
    share = np.linspace(0, 1, max(horizon, 1))[:horizon, None, None]
    canvas[:horizon] = np.rint((1 - share) * high + share * low)
    return canvas


def bonnet(size: Float64[np.ndarray, " 2"]) -> Int32[np.ndarray, "corner 2"]:
    """The ego vehicle's own bonnet along the lower edge."""
    across = np.linspace(-1, 1, 17)
    x = size[0] * (0.5 + 0.46 * across)
    y = size[1] * (1 - BONNET * (1 - across**4))
    return corners(np.stack((x, y), axis=1))
