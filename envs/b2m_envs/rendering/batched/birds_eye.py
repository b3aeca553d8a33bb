"""The bird's-eye camera of many worlds: straight down on each world's ego vehicle."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, Shaped, UInt8

from b2m_envs.compiled import allocating_kernel
from b2m_envs.rendering import birds_eye, palette
from b2m_envs.rendering.batched.raster import (
    add_edge,
    blend,
    empty,
    paint_polygon,
    sum_down,
    write_picture,
)
from b2m_envs.rendering.batched.road_index import RoadIndex
from b2m_envs.rendering.geometry import RoadGeometry
from b2m_envs.rendering.road_pieces import MARKING_WIDTH
from b2m_envs.rendering.settings import CameraSettings

TOLERANCE = 0.1  # [px] outlines of the road leave out corners that move them by less

# Whom a coat of paint is for
OBSTACLES, OTHERS, EGO, VEHICLES, BRAKING = range(5)

Coat = tuple[Float64[np.ndarray, "_ 2"], palette.Paint, int]


class BatchedBirdsEyeCamera:
    """Draws what `b2m_envs.rendering.birds_eye` draws, for many worlds in one call.

    Pictures differ from OpenCV's in that the covered share of a pixel is exact instead of counted
    in samples. A picture depends on its own world only. Threads may draw different worlds at once.

    Args:
        settings: of the camera; its view is "birds_eye".
        road: the road of every world.
    """

    def __init__(self, settings: CameraSettings, road: RoadGeometry) -> None:
        pixel = settings.length / settings.height  # [m]
        down = 1 - settings.behind if settings.heading_up else 0.5
        self._settings = settings
        self._view = (
            settings.heading_up,
            1 / pixel,
            0.5 * settings.width,
            down * settings.height,
        )
        index = RoadIndex.of(road, max(MARKING_WIDTH, pixel / 2), TOLERANCE * pixel)
        self._road = (*index.asphalt.arrays(), *index.marking.arrays())
        grounds = (palette.GROUND, palette.ROAD, palette.MARKING)
        self._grounds = np.array([p.value(settings.colour) for p in grounds], dtype=np.float32)
        self._coats = coat_arrays(coats(pixel), max(birds_eye.LIGHT_LENGTH, pixel), settings.colour)
        self._mask_coats = coat_arrays(MASK_COATS, 0.0, False)

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
            things, count, scenes, first_channel, worlds, *self._view, *self._road, self._grounds,
            *self._coats,
        )  # fmt: skip

    def vehicle_mask(
        self,
        things: Shaped[np.ndarray, "world slot"],
        count: Int32[np.ndarray, " world"],
        masks: Bool[np.ndarray, "world height width"],
        worlds: Int64[np.ndarray, " drawn"],
    ) -> None:
        """Mark the pixels of other things; see `BatchedCamera.vehicle_mask`."""
        mask_worlds(things, count, masks, worlds, *self._view, *self._mask_coats)


def coats(pixel: float) -> list[Coat]:
    """What of vehicles and obstacles is painted, in this order, in pixels of this size [m]."""
    vehicle = birds_eye.VEHICLE
    windows = [vehicle[part] for part in (birds_eye.WINDSCREEN_PART, birds_eye.REAR_WINDOW_PART)]
    return [
        (birds_eye.SQUARE, palette.OBSTACLE, OBSTACLES),
        (birds_eye.STRIPE, palette.OBSTACLE_STRIPE, OBSTACLES),
        (birds_eye.BODY, palette.VEHICLE, OTHERS),
        (birds_eye.BODY, palette.EGO, EGO),
        *((window, palette.GLASS, VEHICLES) for window in windows if pixel < birds_eye.FINE),
        (vehicle[birds_eye.LIGHT_PART], palette.BRAKE_LIGHT, BRAKING),
    ]


SEEN, UNSEEN = palette.Paint(1, 1, 1, 1), palette.Paint(0, 0, 0, 0)
MASK_COATS: list[Coat] = [
    (birds_eye.SQUARE, SEEN, OBSTACLES),
    (birds_eye.BODY, SEEN, OTHERS),
    (birds_eye.BODY, UNSEEN, EGO),
]


def coat_arrays(
    coats: list[Coat], light: float, colour: bool
) -> tuple[
    Int64[np.ndarray, " coat"],
    Float32[np.ndarray, "coat channel"],
    Int64[np.ndarray, " coat+1"],
    Float64[np.ndarray, "corner 3"],
]:
    """Coats of paint as a kernel takes them.

    Returns:
        for whom; the paints; where each coat's corners begin; the corners: along and across in
        shares of half the length and width, and a distance to be added along [m].
    """
    corners = []
    for form, _, who in coats:
        added = np.zeros(len(form))
        if who == BRAKING:
            light_front = range(*birds_eye.LIGHT_FRONT.indices(len(birds_eye.VEHICLE)))
            added[[k - birds_eye.LIGHT_PART.start for k in light_front]] = light
        corners.append(np.column_stack((form, added)))
    return (
        np.array([who for _, _, who in coats], dtype=np.int64),
        np.array([paint.value(colour) for _, paint, _ in coats], dtype=np.float32),
        np.cumsum([0, *(len(form) for form, _, _ in coats)], dtype=np.int64),
        np.concatenate(corners),
    )


@allocating_kernel
@no_type_check
def add_polygons(cover, view, middle, radius, largest, first, corner):
    """Add the polygons of one layer that reach into the picture to its cover.

    Args:
        cover: int32 [row column], changed in place.
        view: float64 [6], see `view_of`.
        middle: float64 [polygon 2], [m], ordered along the first axis.
        radius: float64 [polygon], [m]
        largest: of the radii [m].
        first: int64 [polygon + 1], where each one's corners begin.
        corner: float64 [corner 2], [m]
    """
    height, width = cover.shape[0] - 1, cover.shape[1]
    xx, xy, yx, yy, x0, y0 = view
    scale = math.hypot(xx, xy)
    # The picture's middle in the world, and how far from it a polygon's middle can be.
    across, down = (width / 2 - x0) / scale**2, (height / 2 - y0) / scale**2
    centre = across * xx + down * yx
    reach = math.hypot(width, height) / 2 / scale + largest
    begin = np.searchsorted(middle[:, 0], centre - reach)
    end = np.searchsorted(middle[:, 0], centre + reach)
    for polygon in range(begin, end):
        x = x0 + middle[polygon, 0] * xx + middle[polygon, 1] * xy
        y = y0 + middle[polygon, 0] * yx + middle[polygon, 1] * yy
        extent = radius[polygon] * scale
        if x + extent <= 0 or x - extent >= width or y + extent <= 0 or y - extent >= height:
            continue
        last = first[polygon + 1] - 1
        before_x = x0 + corner[last, 0] * xx + corner[last, 1] * xy
        before_y = y0 + corner[last, 0] * yx + corner[last, 1] * yy
        for k in range(first[polygon], first[polygon + 1]):
            x = x0 + corner[k, 0] * xx + corner[k, 1] * xy
            y = y0 + corner[k, 0] * yx + corner[k, 1] * yy
            add_edge(cover, before_x, before_y, x, y)
            before_x, before_y = x, y


@allocating_kernel
@no_type_check
def view_of(ego, heading_up, scale, ego_column, ego_row):
    """From the world to the picture: column = x0 + xx * x + xy * y, row = y0 + yx * x + yy * y.

    Returns:
        float64: xx, xy, yx, yy [px / m], x0, y0 [px].
    """
    turn = -math.pi / 2 - ego.heading if heading_up else 0.0
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    return (
        cos, -sin, sin, cos,
        ego_column - ego.x * cos + ego.y * sin,
        ego_row - ego.x * sin - ego.y * cos,
    )  # fmt: skip


@allocating_kernel
@no_type_check
def is_for(who, row, thing):
    """Whether a coat of paint is for the thing in this row."""
    if thing.obstacle:
        return who == OBSTACLES
    if who == OTHERS:
        return row > 0
    if who == EGO:
        return row == 0
    return who == VEHICLES or (who == BRAKING and thing.braking)


@allocating_kernel
@no_type_check
def place(form, thing, view, places):
    """Put the corners of a coat where they are in the picture.

    Args:
        form: float64 [corner 3], see `coat_arrays`.
        thing: a row of `THING`.
        view: see `view_of`.
        places: float64 [corner 2], [px], changed in place.
    """
    xx, xy, yx, yy, x0, y0 = view
    cos, sin = math.cos(thing.heading), math.sin(thing.heading)
    for corner in range(len(form)):
        along = form[corner, 0] * thing.length / 2 + form[corner, 2]
        across = form[corner, 1] * thing.width / 2
        x = thing.x + along * cos - across * sin
        y = thing.y + along * sin + across * cos
        places[corner, 0] = x0 + x * xx + y * xy
        places[corner, 1] = y0 + x * yx + y * yy


@allocating_kernel
@no_type_check
def paint_things(planes, cover, view, things, who, paint, first, form):
    """Paint all vehicles and obstacles of one world, coat by coat, the ego vehicle last.

    Args:
        planes: float32 [channel row column], changed in place.
        cover: int32 [row column], all 0, and so again afterwards.
        view: see `view_of`.
        things: rows of `THING`.
        who: see `coat_arrays`, also for the others.
        paint: float32 [coat channel]
        first: int64 [coat + 1]
        form: float64 [corner 3]
    """
    height, width = planes.shape[1], planes.shape[2]
    xx, xy, yx, yy, x0, y0 = view
    scale = math.hypot(xx, xy)
    seen = np.empty(len(things), np.int64)
    n_seen = 0
    for row in range(len(things) - 1, -1, -1):
        thing = things[row]
        x, y = x0 + thing.x * xx + thing.y * xy, y0 + thing.x * yx + thing.y * yy
        reach = scale * (thing.length + thing.width) / 2
        if x + reach > 0 and x - reach < width and y + reach > 0 and y - reach < height:
            seen[n_seen] = row
            n_seen += 1
    places = np.empty((len(form), 2))
    for coat in range(len(who)):
        corners = form[first[coat] : first[coat + 1]]
        for row in seen[:n_seen]:
            if is_for(who[coat], row, things[row]):
                place(corners, things[row], view, places)
                paint_polygon(planes, cover, places[: len(corners)], paint[coat])


@allocating_kernel
@no_type_check
def draw_worlds(
    things, count, scenes, first_channel, worlds, heading_up, scale, ego_column, ego_row,
    asphalt_middle, asphalt_radius, asphalt_largest, asphalt_first, asphalt_corner,
    marking_middle, marking_radius, marking_largest, marking_first, marking_corner,
    grounds, who, paint, first, form,
):  # fmt: skip
    """Draw one picture a world; see `BatchedBirdsEyeCamera` and `RoadIndex` for the arguments."""
    height, width = scenes.shape[1], scenes.shape[2]
    planes = np.empty((grounds.shape[1], height, width), np.float32)
    cover = np.zeros((height + 1, width), np.int32)
    for world in worlds:
        view = view_of(things[world, 0], heading_up, scale, ego_column, ego_row)
        for channel in range(len(planes)):
            planes[channel] = grounds[0, channel]
        empty(cover)
        add_polygons(
            cover, view, asphalt_middle, asphalt_radius, asphalt_largest, asphalt_first,
            asphalt_corner,
        )  # fmt: skip
        sum_down(cover)
        blend(planes, cover, 0, grounds[1])
        empty(cover)
        add_polygons(
            cover, view, marking_middle, marking_radius, marking_largest, marking_first,
            marking_corner,
        )  # fmt: skip
        sum_down(cover)
        blend(planes, cover, 0, grounds[2])
        empty(cover)
        paint_things(planes, cover, view, things[world, : count[world]], who, paint, first, form)
        write_picture(planes, scenes[world], first_channel)


@allocating_kernel
@no_type_check
def mask_worlds(
    things, count, masks, worlds, heading_up, scale, ego_column, ego_row, who, paint, first, form
):
    """Mark the pixels of other things; see `BatchedBirdsEyeCamera` for the arguments."""
    height, width = masks.shape[1], masks.shape[2]
    planes = np.empty((1, height, width), np.float32)
    cover = np.zeros((height + 1, width), np.int32)
    for world in worlds:
        view = view_of(things[world, 0], heading_up, scale, ego_column, ego_row)
        planes[:] = 0
        paint_things(planes, cover, view, things[world, : count[world]], who, paint, first, form)
        for row in range(height):
            for column in range(width):
                masks[world, row, column] = planes[0, row, column] >= 0.5
