"""The driver's-eye camera of many worlds: ahead from each ego driver's seat."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, Shaped, UInt8

from b2m_envs.compiled import allocating_kernel, kernel
from b2m_envs.rendering import drivers_eye, palette
from b2m_envs.rendering.batched.raster import (
    WHOLE,
    add_edge,
    blend,
    empty,
    sum_down,
    write_picture,
)
from b2m_envs.rendering.batched.road_index import CURVED_ROW, RoadIndex
from b2m_envs.rendering.batched.sample_canvas import fill_convex, mark_covered, resolve, to_cover
from b2m_envs.rendering.batched.things_ahead import is_in_sight, sample_things
from b2m_envs.rendering.canvas import Canvas, oversampling, plain_background
from b2m_envs.rendering.drivers_eye import NEAR
from b2m_envs.rendering.geometry import RoadGeometry
from b2m_envs.rendering.road_pieces import MARKING_WIDTH, STATIONS
from b2m_envs.rendering.settings import CameraSettings
from b2m_envs.rendering.vehicle_model import BARRIER, CAR

TOLERANCE = 0.005  # [m] outlines of the road leave out corners that move them by less
MOST_CORNERS = 4 * STATIONS * CURVED_ROW  # of a polygon of the road, cut off behind the eye


class BatchedDriversEyeCamera:
    """Draws what `b2m_envs.rendering.drivers_eye` draws, for many worlds in one call.

    The road's pictures differ from OpenCV's in that the covered share of a pixel is exact instead
    of counted in samples; vehicles and obstacles are sampled as there. A picture depends on its own
    world only. Threads may draw different worlds at once.

    Args:
        settings: of the camera; its view is "drivers_eye".
        road: the road of every world.
    """

    def __init__(self, settings: CameraSettings, road: RoadGeometry) -> None:
        height, width, colour = settings.height, settings.width, settings.colour
        slope = math.tan(math.radians(settings.field_of_view) / 2)
        self._view = (
            width / 2 / slope,
            width / 2,
            settings.horizon * height,
            settings.eye_height,
            slope,
            float(settings.sight),
            oversampling(height, width),
        )
        index = RoadIndex.of(road, MARKING_WIDTH, TOLERANCE, bent=False)
        self._road = (*index.asphalt.arrays(), *index.marking.arrays())
        self._background = background(settings)
        self._bonnet = bonnet(settings)
        self._bonnet_row = int(self._bonnet.any(axis=1).argmax())  # its first row
        paints = (palette.ROAD, palette.MARKING, palette.EGO.shaded(0.8))
        self._grounds = np.array([p.value(colour) for p in paints], dtype=np.float32)
        self._models = (
            np.array([0, len(CAR.corner), len(CAR.corner) + len(BARRIER.corner)], dtype=np.int64),
            np.concatenate((CAR.corner, BARRIER.corner)),
            np.concatenate((CAR.when, BARRIER.when)),
        )
        self._paints = np.array(
            [paint.value(colour) for paint in CAR.paint + BARRIER.paint], dtype=np.float32
        )

    def draw(
        self,
        things: Shaped[np.ndarray, "world slot"],
        count: Int32[np.ndarray, " world"],
        scenes: UInt8[np.ndarray, "world height width channel"],
        first_channel: int,
        worlds: Int64[np.ndarray, " drawn"],
    ) -> None:
        """Draw one picture a world; see `BatchedCamera.draw`."""
        draw_worlds(
            things, count, scenes, first_channel, worlds, *self._view, *self._road, *self._models,
            self._paints, self._grounds, self._background, self._bonnet, self._bonnet_row,
        )  # fmt: skip

    def vehicle_mask(
        self,
        things: Shaped[np.ndarray, "world slot"],
        count: Int32[np.ndarray, " world"],
        masks: Bool[np.ndarray, "world height width"],
        worlds: Int64[np.ndarray, " drawn"],
    ) -> None:
        """Mark the pixels of other things; see `BatchedCamera.vehicle_mask`."""
        mask_worlds(things, count, masks, worlds, *self._view, *self._models, self._bonnet)


def background(settings: CameraSettings) -> Float32[np.ndarray, "channel height width"]:
    """Sky and ground without a road."""
    picture = Canvas(drivers_eye.sky_and_ground(settings), settings.height).picture()
    return np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32)


def bonnet(settings: CameraSettings) -> Int32[np.ndarray, "height width"]:
    """How much of each pixel the ego vehicle's bonnet covers, `WHOLE` if all of it."""
    height, width = settings.height, settings.width
    canvas = Canvas(plain_background(height, width, (0,)), height)
    size = np.array([width, height], dtype=np.float64) * oversampling(height, width)
    canvas.fill(drivers_eye.bonnet(size), (255,))
    shares = canvas.picture()[:, :, 0] / 255
    return (WHOLE * shares).astype(np.int32)


@kernel
@no_type_check
def copy(planes, background):
    """Begin a picture: float32 [channel row column], both."""
    for channel in range(planes.shape[0]):
        for row in range(planes.shape[1]):
            for column in range(planes.shape[2]):
                planes[channel, row, column] = background[channel, row, column]


@kernel
@no_type_check
def candidates(ego, slope, sight, middle, largest):
    """Which polygons may be in sight, as far as their place along x tells.

    Args:
        ego: a row of `THING`.
        slope: of the picture's sides.
        sight: [m]
        middle: float64 [polygon 2], [m], ordered along the first axis.
        largest: of the polygons' radii [m].

    Returns:
        number of the first one, and one past the last.
    """
    cos, sin = sight * math.cos(ego.heading), sight * math.sin(ego.heading)
    left, right = cos + slope * sin, cos - slope * sin
    begin = np.searchsorted(middle[:, 0], ego.x + min(0.0, min(left, right)) - largest)
    end = np.searchsorted(middle[:, 0], ego.x + max(0.0, max(left, right)) + largest)
    return begin, end


@kernel
@no_type_check
def project_ground(ego, view, middle, radius, corner, places):
    """Project a polygon of the road, cut off at NEAR, to the picture.

    Args:
        ego: a row of `THING`.
        view: focal length, column and row of the middle [px, or samples], height of the eye [m],
            slope of the picture's sides, sight [m].
        middle: float64 [2], [m]
        radius: [m]
        corner: float64 [corner 2], [m]
        places: float64 [corner 2], [px, or samples], changed in place.

    Returns:
        the number of corners, 0 if it is not in sight.
    """
    focal, middle_column, middle_row, eye_height, slope, sight = view
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    x, y = middle[0] - ego.x, middle[1] - ego.y
    if not is_in_sight(x * cos + y * sin, y * cos - x * sin, radius, slope, sight):
        return 0
    x, y = corner[-1, 0] - ego.x, corner[-1, 1] - ego.y
    before_ahead, before_aside = x * cos + y * sin, y * cos - x * sin
    n = 0
    for k in range(len(corner)):
        x, y = corner[k, 0] - ego.x, corner[k, 1] - ego.y
        ahead, aside = x * cos + y * sin, y * cos - x * sin
        if (ahead < NEAR) != (before_ahead < NEAR):
            share = (NEAR - before_ahead) / (ahead - before_ahead)
            cut = before_aside + share * (aside - before_aside)
            places[n, 0] = middle_column + focal * cut / NEAR
            places[n, 1] = middle_row + focal * eye_height / NEAR
            n += 1
        if ahead >= NEAR:
            places[n, 0] = middle_column + focal * aside / ahead
            places[n, 1] = middle_row + focal * eye_height / ahead
            n += 1
        before_ahead, before_aside = ahead, aside
    return n


@kernel
@no_type_check
def add_asphalt(cover, places, ego, view, middle, radius, largest, first, corner):
    """Add all asphalt in sight to a cover.

    Args:
        cover: int32 [row column], changed in place.
        places: float64 [corner 2], working memory.
        ego: a row of `THING`.
        view: see `project_ground`.
        middle: see `Polygons`, also for the others.
        radius: float64 [polygon]
        largest: of the radii [m].
        first: int64 [polygon + 1]
        corner: float64 [corner 2]
    """
    begin, end = candidates(ego, view[4], view[5], middle, largest)
    for polygon in range(begin, end):
        outline = corner[first[polygon] : first[polygon + 1]]
        n = project_ground(ego, view, middle[polygon], radius[polygon], outline, places)
        last = n - 1
        for k in range(n):
            add_edge(cover, places[last, 0], places[last, 1], places[k, 0], places[k, 1])
            last = k


@kernel
@no_type_check
def sample_marking(
    canvas, spans, edges, places, ego, view, samples, middle, radius, largest, first, corner
):
    """Fill the samples that markings cover.

    Far ahead a dash is lower than a sample; samples keep the line whole, as in OpenCV's pictures.

    Args:
        canvas: uint8 [sample_row sample_column], all 0; becomes 1.
        spans: int64 [row 2], see `fill_convex`.
        edges: float64 [sample_row 2], working memory.
        places: float64 [corner 2], working memory.
        ego: a row of `THING`.
        view: see `project_ground`, in samples.
        samples: a pixel along each side.
        middle: see `Polygons`, also for the others.
        radius: float64 [polygon]
        largest: of the radii [m].
        first: int64 [polygon + 1]
        corner: float64 [corner 2]
    """
    begin, end = candidates(ego, view[4], view[5], middle, largest)
    for polygon in range(begin, end):
        outline = corner[first[polygon] : first[polygon + 1]]
        n = project_ground(ego, view, middle[polygon], radius[polygon], outline, places)
        if n > 0:
            fill_convex(canvas, spans, edges, places[:n], samples, 1)


@allocating_kernel
@no_type_check
def draw_worlds(
    things, count, scenes, first_channel, worlds,
    focal, middle_column, middle_row, eye_height, slope, sight, samples,
    asphalt_middle, asphalt_radius, asphalt_largest, asphalt_first, asphalt_corner,
    marking_middle, marking_radius, marking_largest, marking_first, marking_corner,
    model_first, face_corner, face_when, face_paint, grounds, background, bonnet, bonnet_row,
):  # fmt: skip
    """Draw one picture a world; see `BatchedDriversEyeCamera` for the arguments."""
    height, width = scenes.shape[1], scenes.shape[2]
    view = (focal, middle_column, middle_row, eye_height, slope, sight)
    fine = (
        samples * focal, samples * middle_column, samples * middle_row, eye_height, slope, sight
    )  # fmt: skip
    horizon = min(int(middle_row), height - 1)
    planes = np.empty(background.shape, np.float32)
    cover = np.empty((height + 1, width), np.int32)
    canvas = np.zeros((height * samples, width * samples), np.uint8)
    spans, edges = np.zeros((height, 2), np.int64), np.empty((height * samples, 2))
    places, face_places = np.empty((MOST_CORNERS, 2)), np.empty((4, 3))
    rows, distance = np.empty(things.shape[1], np.int64), np.empty(things.shape[1])
    for world in worlds:
        ego = things[world, 0]
        copy(planes, background)
        empty(cover)
        add_asphalt(
            cover, places, ego, view,
            asphalt_middle, asphalt_radius, asphalt_largest, asphalt_first, asphalt_corner,
        )  # fmt: skip
        sum_down(cover)
        blend(planes, cover, horizon, grounds[0])
        sample_marking(
            canvas, spans, edges, places, ego, fine, samples,
            marking_middle, marking_radius, marking_largest, marking_first, marking_corner,
        )  # fmt: skip
        to_cover(cover, canvas, spans, samples)
        blend(planes, cover, horizon, grounds[1])
        sample_things(
            canvas, spans, edges, face_places, places, rows, distance,
            fine, samples, things[world, : count[world]], True,
            model_first, face_corner, face_when,
        )  # fmt: skip
        resolve(planes, canvas, spans, samples, face_paint)
        blend(planes, bonnet, bonnet_row, grounds[2])
        write_picture(planes, scenes[world], first_channel)


@allocating_kernel
@no_type_check
def mask_worlds(
    things, count, masks, worlds,
    focal, middle_column, middle_row, eye_height, slope, sight, samples,
    model_first, face_corner, face_when, bonnet,
):  # fmt: skip
    """Mark the pixels of other things; see `BatchedDriversEyeCamera` for the arguments."""
    height, width = masks.shape[1], masks.shape[2]
    fine = (
        samples * focal, samples * middle_column, samples * middle_row, eye_height, slope, sight
    )  # fmt: skip
    canvas = np.zeros((height * samples, width * samples), np.uint8)
    spans, edges = np.zeros((height, 2), np.int64), np.empty((height * samples, 2))
    face_places, outline = np.empty((4, 3)), np.empty((8, 2))
    rows, distance = np.empty(things.shape[1], np.int64), np.empty(things.shape[1])
    for world in worlds:
        sample_things(
            canvas, spans, edges, face_places, outline, rows, distance,
            fine, samples, things[world, : count[world]], False,
            model_first, face_corner, face_when,
        )  # fmt: skip
        mark_covered(masks[world], canvas, spans, samples, bonnet)
