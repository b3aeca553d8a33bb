"""The vehicles and obstacles ahead of many drivers: which are in sight, and what they cover."""

from __future__ import annotations

import math
from typing import no_type_check

from b2m_envs.compiled import kernel
from b2m_envs.rendering.batched.sample_canvas import fill_convex
from b2m_envs.rendering.drivers_eye import NEAR
from b2m_envs.rendering.vehicle_model import ALWAYS, BRAKING, NOT_BRAKING


@kernel
@no_type_check
def is_in_sight(ahead, aside, extent, slope, sight):
    """Whether a thing may reach into the field of view."""
    return (
        abs(aside) - extent < slope * (ahead + extent)
        and ahead + extent > NEAR
        and ahead - extent < sight
    )


@kernel
@no_type_check
def find_visible(things, slope, sight, rows, distance):
    """Find the vehicles and obstacles in sight, the farthest first.

    Args:
        things: rows of `THING`.
        slope: of the picture's sides.
        sight: [m]
        rows: int64 [row], changed in place: where they are among the things.
        distance: float64 [row] [m], changed in place.

    Returns:
        how many.
    """
    ego = things[0]
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    n = 0
    for row in range(1, len(things)):
        thing = things[row]
        x, y = thing.x - ego.x, thing.y - ego.y
        extent = (thing.length + thing.width) / 2
        if not is_in_sight(x * cos + y * sin, y * cos - x * sin, extent, slope, sight):
            continue
        far = math.hypot(x, y)
        slot = n
        while slot > 0 and distance[slot - 1] < far:
            rows[slot], distance[slot] = rows[slot - 1], distance[slot - 1]
            slot -= 1
        rows[slot], distance[slot] = row, far
        n += 1
    return n


@kernel
@no_type_check
def seen_from_eye(ego, thing):
    """Where a thing is and how it is turned, seen from the eye.

    Args:
        ego: a row of `THING`, where the eye is.
        thing: a row of `THING`.

    Returns:
        how far ahead and aside [m]; half its length along and across the view, and half its width
        across and against it [m].
    """
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    x, y = thing.x - ego.x, thing.y - ego.y
    turn = thing.heading - ego.heading
    turn_cos, turn_sin = math.cos(turn), math.sin(turn)
    length, width = thing.length / 2, thing.width / 2
    return (
        x * cos + y * sin, y * cos - x * sin,
        length * turn_cos, length * turn_sin, width * turn_cos, width * turn_sin,
    )  # fmt: skip


@kernel
@no_type_check
def see_face(seen, shares, eye_height, places):
    """Put a face's four corners ahead, aside and below the eye [m].

    Args:
        seen: the thing whose face it is, see `seen_from_eye`.
        shares: float64 [4 3], see `vehicle_model`.
        eye_height: [m]
        places: float64 [corner 3], changed in place.

    Returns:
        whether the face is turned to the eye and not wholly behind it.
    """
    ahead, aside, length_ahead, length_aside, width_aside, width_ahead = seen
    farthest = -math.inf
    for k in range(4):
        along, across = shares[k, 0], shares[k, 1]
        places[k, 0] = ahead + along * length_ahead - across * width_ahead
        places[k, 1] = aside + along * length_aside + across * width_aside
        places[k, 2] = eye_height - shares[k, 2]
        farthest = max(farthest, places[k, 0])
    a, b, c = places[1, 0] - places[0, 0], places[1, 1] - places[0, 1], places[1, 2] - places[0, 2]
    d, e, f = places[2, 0] - places[0, 0], places[2, 1] - places[0, 1], places[2, 2] - places[0, 2]
    outwards = (
        places[0, 0] * (b * f - c * e)
        + places[0, 1] * (c * d - a * f)
        + places[0, 2] * (a * e - b * d)
    )
    return outwards < 0 and farthest > NEAR


@kernel
@no_type_check
def project_face(places, view, outline):
    """Project a face, cut off at NEAR, to the canvas.

    Args:
        places: float64 [4 3], ahead, aside and below the eye [m].
        view: see `project_ground`, in samples.
        outline: float64 [corner 2], changed in place.

    Returns:
        the number of corners.
    """
    focal, middle_column, middle_row = view[0], view[1], view[2]
    n = 0
    last = 3
    for k in range(4):
        before, here = places[last, 0], places[k, 0]
        if (here < NEAR) != (before < NEAR):
            share = (NEAR - before) / (here - before)
            aside = places[last, 1] + share * (places[k, 1] - places[last, 1])
            below = places[last, 2] + share * (places[k, 2] - places[last, 2])
            outline[n, 0] = middle_column + focal * aside / NEAR
            outline[n, 1] = middle_row + focal * below / NEAR
            n += 1
        if here >= NEAR:
            outline[n, 0] = middle_column + focal * places[k, 1] / here
            outline[n, 1] = middle_row + focal * places[k, 2] / here
            n += 1
        last = k
    return n


@kernel
@no_type_check
def sample_things(
    canvas, spans, edges, places, outline, rows, distance,
    view, samples, things, shadows, first, corner, when,
):  # fmt: skip
    """Fill the samples of the canvas that vehicles and obstacles cover, the farthest first.

    Args:
        canvas: uint8 [sample_row sample_column], all 0; becomes 1 + the face's number.
        spans: int64 [row 2], see `fill_convex`.
        edges: float64 [sample_row 2], working memory.
        places: float64 [4 3], working memory.
        outline: float64 [corner 2], working memory.
        rows: int64 [row], working memory, one a thing.
        distance: float64 [row], working memory, one a thing.
        view: see `project_ground`, in samples.
        samples: a pixel along each side.
        things: rows of `THING`.
        shadows: whether shadows are filled, too.
        first: int64 [3], where the faces of cars and of barriers begin, and the end.
        corner: float64 [face 4 3], see `vehicle_model`.
        when: int64 [face]
    """
    for k in range(find_visible(things, view[4], view[5], rows, distance)):
        thing = things[rows[k]]
        seen = seen_from_eye(things[0], thing)
        model = 1 if thing.obstacle else 0
        lamp = BRAKING if thing.braking else NOT_BRAKING
        begin = first[model] if shadows else first[model] + 1
        for face in range(begin, first[model + 1]):
            if when[face] != ALWAYS and when[face] != lamp:
                continue
            if see_face(seen, corner[face], view[3], places):
                n = project_face(places, view, outline)
                fill_convex(canvas, spans, edges, outline[:n], samples, face + 1)
