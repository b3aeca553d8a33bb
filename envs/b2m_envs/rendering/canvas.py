"""A picture drawn larger than it is shown; shrinking it smooths the edges."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float64, Int32, UInt8

SHIFT = 3  # corners are given to OpenCV in 2**-SHIFT of a canvas pixel
BORDER = 4  # [canvas px] cut off: OpenCV paints some polygons beyond an edge along that edge


class Canvas:
    """Paints polygons, four samples a pixel along each side (two in large pictures).

    OpenCV's own anti-aliased polygons are half a pixel too large on every side, and show seams
    where two of them meet.

    Args:
        background: what the empty canvas looks like.
        height: [px] of the finished picture.
    """

    def __init__(
        self, background: UInt8[np.ndarray, "canvas_height canvas_width channel"], height: int
    ) -> None:
        border = ((BORDER, BORDER), (BORDER, BORDER), (0, 0))
        self._background = np.pad(background, border, mode="edge")
        self._pixels = self._background.copy()
        self._halvings = (len(background) // height).bit_length() - 1

    def clear(self) -> None:
        """Start anew."""
        np.copyto(self._pixels, self._background)

    def fill(self, polygon: Int32[np.ndarray, "corner 2"], paint: tuple[int, ...]) -> None:
        """Fill one convex polygon."""
        cv2.fillConvexPoly(self._pixels, polygon, paint, cv2.LINE_8, SHIFT)

    def fill_convex(
        self, polygons: Int32[np.ndarray, "polygon corner 2"], paint: tuple[int, ...]
    ) -> None:
        """Fill convex polygons, one after the other."""
        for polygon in polygons:
            cv2.fillConvexPoly(self._pixels, polygon, paint, cv2.LINE_8, SHIFT)

    def fill_bent(
        self, polygons: Int32[np.ndarray, "polygon corner 2"], paint: tuple[int, ...]
    ) -> None:
        """Fill polygons of any form, one after the other."""
        for polygon in polygons:
            cv2.fillPoly(self._pixels, [polygon], paint, cv2.LINE_8, SHIFT)

    def fill_apart(
        self, polygons: Int32[np.ndarray, "polygon corner 2"], paint: tuple[int, ...]
    ) -> None:
        """Fill many polygons that do not overlap: OpenCV would leave the overlap empty."""
        if len(polygons):
            cv2.fillPoly(self._pixels, list(polygons), paint, cv2.LINE_8, SHIFT)

    def picture(self) -> UInt8[np.ndarray, "height width channel"]:
        """The finished picture, a new array."""
        pixels = self._pixels[BORDER:-BORDER, BORDER:-BORDER]
        for _ in range(self._halvings):  # by two at a time: three times as fast as by four
            size = (pixels.shape[1] // 2, pixels.shape[0] // 2)
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        picture: UInt8[np.ndarray, "height width channel"] = pixels.reshape(*pixels.shape[:2], -1)
        return picture


def oversampling(height: int, width: int) -> int:
    """Samples a pixel along each side."""
    return 4 if max(height, width) <= 256 else 2


def plain_background(
    height: int, width: int, paint: tuple[int, ...]
) -> UInt8[np.ndarray, "canvas_height canvas_width channel"]:
    """An empty canvas of one colour, for a picture of this size [px]."""
    samples = oversampling(height, width)
    shape = (height * samples, width * samples, len(paint))
    return np.broadcast_to(np.array(paint, dtype=np.uint8), shape).copy()


def corners(places: Float64[np.ndarray, "*polygon 2"]) -> Int32[np.ndarray, "*polygon 2"]:
    """Places on the canvas [canvas px, from its upper left edge] as OpenCV takes them."""
    fixed: Int32[np.ndarray, "*polygon 2"] = np.rint((places + (BORDER - 0.5)) * 2**SHIFT).astype(
        np.int32
    )
    return fixed
