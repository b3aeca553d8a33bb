"""Fills polygons with exact coverage: which share of every pixel lies inside.

An edge adds to a *cover* what it changes from one row to the next; running sums down the columns
then give the covered shares. Edges are independent of each other, so a whole layer of polygons
goes into one cover, and where two of them meet their shares add up to 1 without a seam. It is the
signed-area method of font rasterisers (Levien 2016, font-rs; FreeType's "smooth" one), with rows
and columns exchanged.

Polygons go round clockwise in the picture (x right, y down); a pixel is a unit square, the picture
begins at (0, 0). A cover has one row more than the picture, which receives what lies below it. It
holds whole numbers, `WHOLE` for a covered pixel, so that what cancels leaves nothing behind.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from b2m_envs.compiled import kernel

WHOLE = 2**20  # of a cover: a pixel that is covered once
LEVEL = 1e-9  # [px] an edge that rises by less never passes from one row to the next


@kernel
@no_type_check
def add_column(cover, column, extent, rise, low, high):
    """Add the part of an edge that lies in one column and between two rows of the picture.

    Args:
        cover: int32 [row column], what changes from one row to the next.
        column: in which column.
        extent: [px / WHOLE] how far the edge goes to the right, negative to the left.
        rise: [px / WHOLE] of the extent, per row.
        low: [px] row coordinate of its upper end.
        high: [px] and of its lower end.
    """
    first = min(int(low), cover.shape[0] - 2)
    if high <= first + 1:
        below = int(extent * (0.5 * (low + high) - first))
        cover[first, column] += int(extent) - below
        cover[first + 1, column] += below
        return
    reached = first + 1 - low
    done = int(0.5 * rise * reached * reached)
    cover[first, column] += done
    row = first + 1
    while row + 1 < high:
        share = int(rise * (row + 0.5 - low))
        cover[row, column] += share - done
        done = share
        row += 1
    reached = high - row
    share = int(extent - 0.5 * rise * reached * reached)
    cover[row, column] += share - done
    cover[row + 1, column] += int(extent) - share


@kernel
@no_type_check
def add_above(cover, x0, x1, direction):
    """Add an edge above the picture: it counts from the first row on.

    Args:
        cover: int32 [row column], what changes from one row to the next.
        x0: [px] column coordinate of its left end.
        x1: [px] and of its right end.
        direction: WHOLE if the edge goes to the right, else -WHOLE.
    """
    column = int(x0)
    while column + 1 < x1:
        cover[0, column] += int(direction * (column + 1 - x0))
        column += 1
        x0 = float(column)
    if x1 > x0:
        cover[0, column] += int(direction * (x1 - x0))


@kernel
@no_type_check
def add_in_row(cover, row, x0, depth, x1, slope, direction):
    """Add an edge that stays in one row of the picture.

    Args:
        cover: int32 [row column], what changes from one row to the next.
        row: in which row.
        x0: [px] column coordinate of its left end.
        depth: [px] of its left end below the row's upper boundary.
        x1: [px] column coordinate of its right end.
        slope: rows per column.
        direction: WHOLE if the edge goes to the right, else -WHOLE.
    """
    here, below = cover[row], cover[row + 1]
    start = x0
    for column in range(int(x0), min(int(x1) + 1, len(here))):
        x = min(column + 1.0, x1)
        extent = direction * (x - start)
        share = int(extent * (depth + (0.5 * (start + x) - x0) * slope))
        here[column] += int(extent) - share
        below[column] += share
        start = x


@kernel
@no_type_check
def add_inside(cover, x0, y0, x1, y1, slope, direction):
    """Add an edge that lies in the picture.

    Args:
        cover: int32 [row column], what changes from one row to the next.
        x0: [px] column coordinate of its left end.
        y0: [px] row coordinate of its left end.
        x1: [px] column coordinate of its right end.
        y1: [px] row coordinate of its right end.
        slope: rows per column.
        direction: WHOLE if the edge goes to the right, else -WHOLE.
    """
    upper, lower = min(y0, y1), max(y0, y1)
    row = min(int(upper), cover.shape[0] - 2)
    if lower <= row + 1:
        add_in_row(cover, row, x0, y0 - row, x1, slope, direction)
        return
    rise = direction * (x1 - x0) / max(lower - upper, LEVEL)
    column = int(x0)
    here_x, here_y = x0, y0
    while here_x < x1:
        x = min(column + 1.0, x1)
        y = min(max(y0 + (x - x0) * slope, upper), lower)
        add_column(cover, column, direction * (x - here_x), rise, min(here_y, y), max(here_y, y))
        here_x, here_y = x, y
        column += 1


@kernel
@no_type_check
def add_edge(cover, x0, y0, x1, y1):
    """Add one directed edge of a polygon, [px].

    Args:
        cover: int32 [row column], what changes from one row to the next.
        x0: column coordinate of the start.
        y0: row coordinate of the start.
        x1: column coordinate of the end.
        y1: row coordinate of the end.
    """
    height, width = cover.shape[0] - 1, cover.shape[1]
    if y0 >= height and y1 >= height:
        return
    direction = float(WHOLE)
    if x0 > x1:
        x0, y0, x1, y1 = x1, y1, x0, y0
        direction = -float(WHOLE)
    if x1 <= 0.0 or x0 >= width or x0 == x1:
        return
    slope = (y1 - y0) / (x1 - x0)
    if x0 < 0.0:
        y0 -= x0 * slope
        x0 = 0.0
    if x1 > width:
        y1 -= (x1 - width) * slope
        x1 = float(width)
    if y0 < 0.0 or y1 < 0.0:
        if y0 <= 0.0 and y1 <= 0.0:
            add_above(cover, x0, x1, direction)
            return
        x = min(max(x0 - y0 / slope, x0), x1)
        if y0 < 0.0:
            add_above(cover, x0, x, direction)
            x0, y0 = x, 0.0
        else:
            add_above(cover, x, x1, direction)
            x1, y1 = x, 0.0
    if y0 > height or y1 > height:
        if y0 >= height and y1 >= height:
            return
        x = min(max(x0 + (height - y0) / slope, x0), x1)
        if y0 > height:
            x0, y0 = x, float(height)
        else:
            x1, y1 = x, float(height)
    add_inside(cover, x0, y0, x1, y1, slope, direction)


@kernel
@no_type_check
def empty(cover):
    """Begin a new layer."""
    for row in range(cover.shape[0]):
        here = cover[row]
        for column in range(cover.shape[1]):
            here[column] = 0


@kernel
@no_type_check
def sum_down(cover):
    """Turn what changes from row to row into what is covered; where polygons overlap, doubly."""
    for row in range(1, cover.shape[0] - 1):
        above, here = cover[row - 1], cover[row]
        for column in range(cover.shape[1]):
            here[column] += above[column]


@kernel
@no_type_check
def blend(planes, cover, first_row, paint):
    """Lay a layer of one paint over a picture.

    Args:
        planes: float32 [channel row column], changed in place.
        cover: int32 [row column], how much of each pixel the layer covers; at most once counts.
        first_row: above which nothing is covered.
        paint: float32 [channel]
    """
    for channel in range(planes.shape[0]):
        value = paint[channel]
        for row in range(first_row, planes.shape[1]):
            plane, shares = planes[channel, row], cover[row]
            for column in range(planes.shape[2]):
                share = np.float32(min(max(shares[column], 0), WHOLE)) * np.float32(1 / WHOLE)
                plane[column] += share * (value - plane[column])


@kernel
@no_type_check
def paint_polygon(planes, cover, places, paint):
    """Lay one small polygon over a picture.

    Args:
        planes: float32 [channel row column], changed in place.
        cover: int32 [row column], all 0, and so again afterwards.
        places: float64 [corner 2], [px]
        paint: float32 [channel]
    """
    height, width = planes.shape[1], planes.shape[2]
    left = right = places[0, 0]
    top = bottom = places[0, 1]
    for corner in range(1, places.shape[0]):
        left, right = min(left, places[corner, 0]), max(right, places[corner, 0])
        top, bottom = min(top, places[corner, 1]), max(bottom, places[corner, 1])
    if right <= 0.0 or bottom <= 0.0 or left >= width or top >= height:
        return
    last = places.shape[0] - 1
    for corner in range(places.shape[0]):
        add_edge(cover, places[last, 0], places[last, 1], places[corner, 0], places[corner, 1])
        last = corner
    first_row, last_row = max(int(top), 0), min(int(bottom) + 1, height)
    for column in range(max(int(left), 0), min(int(right) + 1, width)):
        total = 0
        for row in range(first_row, last_row):
            total += cover[row, column]
            cover[row, column] = 0
            share = np.float32(min(max(total, 0), WHOLE)) * np.float32(1 / WHOLE)
            for channel in range(planes.shape[0]):
                old = planes[channel, row, column]
                planes[channel, row, column] = old + share * (paint[channel] - old)
        cover[last_row, column] = 0


@kernel
@no_type_check
def write_picture(planes, picture, first_channel):
    """Round a finished picture into its channels of an observation.

    Args:
        planes: float32 [channel row column], 0..255.
        picture: uint8 [row column channels], changed in place.
        first_channel: where the picture's channels begin.
    """
    for channel in range(planes.shape[0]):
        for row in range(planes.shape[1]):
            plane, target = planes[channel, row], picture[row]
            for column in range(planes.shape[2]):
                target[column, first_channel + channel] = np.uint8(plane[column] + np.float32(0.5))
