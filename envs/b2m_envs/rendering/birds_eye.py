"""The bird's-eye camera: straight down on the ego vehicle."""

from __future__ import annotations

import cmath
import math

import numpy as np
from jaxtyping import Bool, Complex128, Float64, Int32, Int64, UInt8

from b2m_envs.rendering import palette
from b2m_envs.rendering.canvas import Canvas, corners, oversampling, plain_background
from b2m_envs.rendering.geometry import RoadGeometry, Traffic
from b2m_envs.rendering.goal_mark import goal_mark
from b2m_envs.rendering.road_pieces import MARKING_WIDTH, NearbyPieces, Pieces, as_complex
from b2m_envs.rendering.settings import CameraSettings

# Parts of a vehicle, (along, across) in shares of its half length and half width; front at 1.
CHAMFER = 0.12
BODY = np.array(
    [
        (-1, -1 + 2 * CHAMFER), (-1 + CHAMFER, -1), (1 - CHAMFER, -1), (1, -1 + 2 * CHAMFER),
        (1, 1 - 2 * CHAMFER), (1 - CHAMFER, 1), (-1 + CHAMFER, 1), (-1, 1 - 2 * CHAMFER),
    ]
)  # fmt: skip
SQUARE = np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)])
STRIPE = np.array([(-1.0, -1), (-0.4, -1), (1, 0.4), (1, 1), (0.4, 1), (-1, -0.4)])
WINDSCREEN = np.array([(0.12, -0.72), (0.42, -0.84), (0.42, 0.84), (0.12, 0.72)])
REAR_WINDOW = np.array([(-0.62, -0.72), (-0.46, -0.68), (-0.46, 0.68), (-0.62, 0.72)])
VEHICLE = np.concatenate((BODY, WINDSCREEN, REAR_WINDOW, SQUARE * (0, 1) - (1, 0)))
BODY_PART, WINDSCREEN_PART, REAR_WINDOW_PART = slice(0, 8), slice(8, 12), slice(12, 16)
LIGHT_PART, LIGHT_FRONT = slice(16, 20), slice(17, 19)  # brake lights along the rear end
OBSTACLE = np.concatenate((SQUARE, STRIPE))
SQUARE_PART, STRIPE_PART = slice(0, 4), slice(4, 10)

LIGHT_LENGTH = 0.5  # [m] of the brake lights, and at least one pixel
FINE = 0.6  # [m] in larger pixels, windows would only blur the vehicle


class BirdsEyeCamera:
    """Draws what lies around the ego vehicle, seen from above; see ``CameraSettings``.

    Places are complex numbers, x + iy in the world and right + i down on the canvas: one turns
    into the other by one multiplication.
    """

    def __init__(self, settings: CameraSettings) -> None:
        self._settings = settings
        height, width, colour = settings.height, settings.width, settings.colour
        samples = oversampling(height, width)
        self._scale = samples * height / settings.length  # [canvas px / m]
        down = 1 - settings.behind if settings.heading_up else 0.5
        self._half = complex(width, height) * samples / 2  # [canvas px] the picture's middle
        self._ego = complex(0.5 * width, down * height) * samples
        farthest = max(down, 1 - down) * height
        self._reach = math.hypot(width / 2, farthest) * settings.length / height  # [m]
        pixel = settings.length / height  # [m]
        # OpenCV paints a polygon's outline too: half a canvas pixel more on every side, [m] in all.
        self._too_wide = min(1 / self._scale, 1.0)
        self._nearby = NearbyPieces(self._reach, max(MARKING_WIDTH, pixel / 2) - self._too_wide)
        self._light = max(LIGHT_LENGTH, pixel)
        self._windows = (WINDSCREEN_PART, REAR_WINDOW_PART) if pixel < FINE else ()
        self._canvas = Canvas(plain_background(height, width, palette.GROUND.value(colour)), height)
        self._mask = Canvas(plain_background(height, width, (0,)), height)

    def draw(
        self, road: RoadGeometry, traffic: Traffic
    ) -> UInt8[np.ndarray, "height width channel"]:
        """Draw the picture, of one channel (grey) or three (red, green, blue)."""
        colour, canvas = self._settings.colour, self._canvas
        centre, turn = complex(*traffic.position[0]), self._turn(traffic)
        near = self._nearby.around(road, traffic.position[0])
        road_paint = palette.ROAD.value(colour)
        canvas.clear()
        canvas.fill_convex(self._on_canvas(near.straight, centre, turn), road_paint)
        if len(near.curved.middle):
            canvas.fill_bent(self._on_canvas(near.curved, centre, turn), road_paint)
        for mark, mark_paint in goal_mark(traffic.goal):
            canvas.fill_convex(self._on_canvas(mark, centre, turn), mark_paint.value(colour))
        paint = palette.MARKING.value(colour)
        canvas.fill_apart(self._on_canvas(near.marking, centre, turn), paint)
        if len(near.crossing.middle):
            canvas.fill_convex(self._on_canvas(near.crossing, centre, turn), paint)
        self._draw_traffic(traffic, turn)
        return canvas.picture()

    def vehicle_mask(
        self, road: RoadGeometry, traffic: Traffic
    ) -> Bool[np.ndarray, "height width"]:
        """Pixels at least half covered by other vehicles or obstacles; never the ego vehicle."""
        self._mask.clear()
        turn, rows = self._turn(traffic), self._visible(traffic)
        obstacle, ego = traffic.obstacle[rows], rows == 0
        squares = self._placed(traffic, rows[obstacle], SQUARE, turn)
        bodies = self._placed(traffic, rows, BODY, turn)
        self._mask.fill_convex(squares, (255,))
        self._mask.fill_convex(bodies[~obstacle & ~ego], (255,))
        self._mask.fill_convex(bodies[ego], (0,))
        return self._mask.picture()[:, :, 0] >= 128

    def _turn(self, traffic: Traffic) -> complex:
        """From metres beside the ego vehicle to canvas pixels, by multiplication."""
        if not self._settings.heading_up:
            return complex(self._scale)
        return cmath.rect(self._scale, -math.pi / 2 - float(traffic.heading[0]))

    def _on_canvas(
        self, pieces: Pieces, centre: complex, turn: complex
    ) -> Int32[np.ndarray, "visible corner 2"]:
        """The pieces of road that reach into the picture."""
        middle = (as_complex(pieces.middle) - centre) * turn + self._ego
        radius = pieces.radius[:, 0] * self._scale
        offset = middle - self._half
        seen = np.abs(offset.real) < radius + self._half.real
        seen &= np.abs(offset.imag) < radius + self._half.imag
        corner = as_complex(pieces.corner[seen]) * turn
        corner += middle[seen, None]
        return corners(as_pairs(corner))

    def _visible(self, traffic: Traffic) -> Int64[np.ndarray, " row"]:
        away = as_complex(traffic.position)
        near = np.abs(away - away[0]) < self._reach + (traffic.length + traffic.width) / 2
        return np.flatnonzero(near)

    def _placed(
        self,
        traffic: Traffic,
        rows: Int64[np.ndarray, " row"],
        form: Float64[np.ndarray, "corner 2"],
        turn: complex,
    ) -> Int32[np.ndarray, "row corner 2"]:
        """Where the corners of a form are on the canvas, for several vehicles or obstacles."""
        half_length = (traffic.length[rows, None] - self._too_wide) / 2
        half_width = (traffic.width[rows, None] - self._too_wide) / 2
        places = half_length * form[:, 0] + half_width * (1j * form[:, 1])
        if form is VEHICLE:
            places[:, LIGHT_FRONT] += self._light
        places *= np.exp(1j * traffic.heading[rows, None]) * turn
        position = as_complex(traffic.position)
        places += (position[rows, None] - position[0]) * turn + self._ego
        return corners(as_pairs(places))

    def _draw_traffic(self, traffic: Traffic, turn: complex) -> None:
        rows = self._visible(traffic)[::-1]  # the ego vehicle last
        obstacle = traffic.obstacle[rows]
        if obstacle.any():
            places = self._placed(traffic, rows[obstacle], OBSTACLE, turn)
            self._fill(places[:, SQUARE_PART], palette.OBSTACLE)
            self._fill(places[:, STRIPE_PART], palette.OBSTACLE_STRIPE)
            rows = rows[~obstacle]
        places = self._placed(traffic, rows, VEHICLE, turn)
        self._fill(places[:-1, BODY_PART], palette.VEHICLE)
        self._fill(places[-1:, BODY_PART], palette.EGO)
        for window in self._windows:
            self._fill(places[:, window], palette.GLASS)
        self._fill(places[traffic.braking[rows], LIGHT_PART], palette.BRAKE_LIGHT)

    def _fill(self, outlines: Int32[np.ndarray, "vehicle corner 2"], paint: palette.Paint) -> None:
        self._canvas.fill_convex(outlines, paint.value(self._settings.colour))


def as_pairs(places: Complex128[np.ndarray, "*any"]) -> Float64[np.ndarray, "*any 2"]:
    """The reverse of ``as_complex``."""
    return places.view(np.float64).reshape(*places.shape, 2)
