"""A canvas of several samples a pixel: who covers a sample last is seen there.

Faces of one vehicle hide each other and meet along their edges, which covered shares of a pixel
cannot tell apart. Samples can. As with OpenCV, whose pictures these resemble, the samples that an
outline passes through are covered, too.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np

from b2m_envs.compiled import kernel
from b2m_envs.rendering.batched.raster import WHOLE


@kernel
@no_type_check
def add_outline(edges, x0, y0, x1, y1):
    """Widen the spans of the sample rows that one side of a polygon passes through.

    Args:
        edges: float64 [sample_row 2], left and right end of each row's span, changed in place.
        x0: column coordinate of the side's start, in samples.
        y0: row coordinate of its start.
        x1: column coordinate of its end.
        y1: row coordinate of its end.
    """
    if y0 > y1:
        x0, y0, x1, y1 = x1, y1, x0, y0
    if y1 < 0.0 or y0 >= len(edges):
        return
    steep = y1 - y0 > abs(x1 - x0)
    slope = (x1 - x0) / (y1 - y0) if y1 > y0 else 0.0
    for row in range(int(max(y0, 0.0)), int(min(y1, len(edges) - 1.0)) + 1):
        if steep:
            left = right = x0 + (min(max(row + 0.5, y0), y1) - y0) * slope
        else:
            left = x0 + (row - y0) * slope if row > y0 else x0
            right = x0 + (row + 1 - y0) * slope if row + 1 < y1 else x1
            left, right = min(left, right), max(left, right)
        if steep or row <= y0 or row + 1 >= y1:
            left, right = left - 0.5, right + 0.5
        edges[row, 0], edges[row, 1] = min(edges[row, 0], left), max(edges[row, 1], right)


@kernel
@no_type_check
def fill_convex(canvas, spans, edges, outline, samples, value):
    """Fill the samples in a convex polygon, and those that its outline passes through.

    Args:
        canvas: uint8 [sample_row sample_column], changed in place.
        spans: int64 [row 2], first and one past the last pixel of each row that may be covered;
            widened in place.
        edges: float64 [sample_row 2], working memory.
        outline: float64 [corner 2], in samples.
        samples: a pixel along each side.
        value: which the samples take.
    """
    height, width = canvas.shape
    top = bottom = outline[0, 1]
    for k in range(1, len(outline)):
        top, bottom = min(top, outline[k, 1]), max(bottom, outline[k, 1])
    if bottom <= 0.0 or top >= height:
        return
    first, last = int(max(top, 0.0)), int(min(bottom, height - 1.0)) + 1
    for row in range(first, last):
        edges[row, 0], edges[row, 1] = math.inf, -math.inf
    before = len(outline) - 1
    for k in range(len(outline)):
        add_outline(edges, outline[before, 0], outline[before, 1], outline[k, 0], outline[k, 1])
        before = k
    for row in range(first, last):
        left = math.ceil(min(max(edges[row, 0] - 0.5, 0.0), float(width)))
        right = math.ceil(max(min(edges[row, 1] - 0.5, float(width)), 0.0))
        if left >= right:
            continue
        line = canvas[row, left:right]
        for column in range(len(line)):
            line[column] = value
        span = spans[row // samples]
        if span[1] == 0:
            span[0], span[1] = left // samples, (right - 1) // samples + 1
        else:
            span[0] = min(span[0], left // samples)
            span[1] = max(span[1], (right - 1) // samples + 1)


@kernel
@no_type_check
def clear(canvas, spans, samples):
    """Empty the canvas where something may be.

    Args:
        canvas: uint8 [sample_row sample_column], all 0 afterwards.
        spans: int64 [row 2], see `fill_convex`; all 0 afterwards.
        samples: a pixel along each side.
    """
    for row in range(canvas.shape[0]):
        span = spans[row // samples]
        line = canvas[row, span[0] * samples : span[1] * samples]
        for column in range(len(line)):
            line[column] = 0
    for row in range(len(spans)):
        spans[row, 0] = spans[row, 1] = 0


@kernel
@no_type_check
def to_cover(cover, canvas, spans, samples):
    """Turn a canvas of one paint into covered pixels, and clear it.

    Args:
        cover: int32 [row column], `WHOLE` where a pixel is covered, changed in place.
        canvas: uint8 [sample_row sample_column], 1 where something is; all 0 afterwards.
        spans: int64 [row 2], see `fill_convex`; all 0 afterwards.
        samples: a pixel along each side.
    """
    part = WHOLE // samples**2
    for row in range(len(spans)):
        for column in range(cover.shape[1]):
            cover[row, column] = 0
        first, end = spans[row, 0], spans[row, 1]
        total = canvas[row * samples, first * samples : end * samples]
        for below in range(1, samples):
            line = canvas[row * samples + below, first * samples : end * samples]
            for column in range(len(total)):
                total[column] += line[column]
        shares = cover[row, first:end]
        for column in range(len(shares)):
            covered = 0
            for k in range(samples):
                covered += total[column * samples + k]
            shares[column] = covered * part
    clear(canvas, spans, samples)


@kernel
@no_type_check
def resolve(planes, canvas, spans, samples, paint):
    """Lay the canvas over a picture, and clear it.

    Args:
        planes: float32 [channel row column], changed in place.
        canvas: uint8 [sample_row sample_column], 0 where nothing covers the picture, k + 1 where
            paint k does; all 0 afterwards.
        spans: int64 [row 2], see `fill_convex`; all 0 afterwards.
        samples: a pixel along each side.
        paint: float32 [paint channel]
    """
    part = np.float32(1 / samples**2)
    for row in range(planes.shape[1]):
        for column in range(spans[row, 0], spans[row, 1]):
            for channel in range(planes.shape[0]):
                old = planes[channel, row, column]
                total = np.float32(0)
                for i in range(row * samples, (row + 1) * samples):
                    for j in range(column * samples, (column + 1) * samples):
                        value = canvas[i, j]
                        total += old if value == 0 else paint[value - 1, channel]
                planes[channel, row, column] = total * part
    clear(canvas, spans, samples)


@kernel
@no_type_check
def mark_covered(mask, canvas, spans, samples, hidden):
    """Mark the pixels that are at least half covered, and clear the canvas.

    Args:
        mask: bool [row column], changed in place.
        canvas: uint8 [sample_row sample_column], 0 where nothing is; all 0 afterwards.
        spans: int64 [row 2], see `fill_convex`; all 0 afterwards.
        samples: a pixel along each side.
        hidden: int32 [row column], how much of each pixel lies behind something else.
    """
    mask[:] = False
    for row in range(mask.shape[0]):
        for column in range(spans[row, 0], spans[row, 1]):
            covered = 0
            for i in range(row * samples, (row + 1) * samples):
                for j in range(column * samples, (column + 1) * samples):
                    covered += canvas[i, j] != 0
            mask[row, column] = covered * (WHOLE - hidden[row, column]) * 2 >= WHOLE * samples**2
    clear(canvas, spans, samples)
