"""What a subject of the memory tasks would see."""

from __future__ import annotations

import colorsys
import os
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from b2m_envs.memory_decision.trials import NO_STIMULUS

HEIGHT, WIDTH = 320, 480  # [px]
GREY = (128, 128, 128)
DARK = (40, 40, 40)
LIGHT = (235, 235, 235)
RADIUS = 62  # [px] of a picture whose outline is a circle
SIDE = 115  # [px] from the centre to the probes' centres
WINDOW_DRIVER = "SDL_VIDEODRIVER"  # tells pygame where to open windows
SHIFT = 4  # OpenCV draws with 2**-SHIFT of a pixel


class ScreenPainter:
    """Draws screens of a task.

    Each stimulus is a coloured shape with its number. The outline follows its code, so stimuli
    with similar codes (of one category) have similar shapes.

    Args:
        codes: code vector of each stimulus.
    """

    def __init__(self, codes: Float32[np.ndarray, "stimulus feature"]) -> None:
        self._outlines = outlines(codes)
        self._colours = [
            _colour(index / len(codes), saturation=0.62, value=0.86) for index in range(len(codes))
        ]

    def paint(
        self, shown: Int64[np.ndarray, " place"], fixation_cue: bool, caption: str, rule: str = ""
    ) -> UInt8[np.ndarray, "height width channel"]:
        """Draw the stimuli at the centre, on the left and on the right, or the fixation cross.

        Args:
            shown: stimulus at each of these places, or ``NO_STIMULUS``.
            fixation_cue: whether to draw the cross where no stimulus is.
            caption: below, not part of what the subject sees.
            rule: cue above the cross; empty: there is none.
        """
        screen = np.full((HEIGHT, WIDTH, 3), GREY, dtype=np.uint8)
        for stimulus, offset in zip(shown, (0, -SIDE, SIDE), strict=True):
            if stimulus != NO_STIMULUS:
                self._paint_stimulus(screen, int(stimulus), WIDTH // 2 + offset)
        if fixation_cue and (shown == NO_STIMULUS).all():
            _paint_cross(screen)
        if rule:
            _paint_text(screen, rule, (WIDTH // 2, HEIGHT // 2 - 50), scale=0.9, thickness=2)
        _paint_text(screen, caption, (WIDTH // 2, HEIGHT - 20), scale=0.5, thickness=1)
        return screen

    def _paint_stimulus(
        self, screen: UInt8[np.ndarray, "height width channel"], stimulus: int, x: int
    ) -> None:
        centre = np.array([x, HEIGHT // 2])
        for scale, colour in ((1.0, DARK), (0.95, self._colours[stimulus]), (0.5, LIGHT)):
            points = (centre + scale * self._outlines[stimulus]) * 2**SHIFT
            cv2.fillPoly(
                screen, [np.round(points).astype(np.int32)], colour, cv2.LINE_AA, shift=SHIFT
            )
        _paint_text(screen, str(stimulus), (x, HEIGHT // 2), scale=0.8, thickness=2)


def outlines(
    codes: Float32[np.ndarray, "stimulus feature"],
) -> Float64[np.ndarray, "stimulus point coordinate"]:
    """Closed outlines [px] around the origin, whose harmonics are the features of the codes.

    The first ten features count, two a harmonic from the second on (the first would only shift
    the shape); every code is brought to the same length.
    """
    features = codes[:, :10].astype(np.float64)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    features = features / np.where(length > 0, length, 1)
    number = np.arange(features.shape[1])
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    waves = np.cos((number[:, None] // 2 + 2) * angle - (number[:, None] % 2) * np.pi / 2)
    radius = RADIUS * (1 + 0.3 * features @ waves)
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=2)


class SubjectWindow:
    """A window that shows screens at the task's own speed.

    Args:
        frames_per_second: of the display.
        title: of the window, and of errors.

    Raises:
        RuntimeError: if there is no display to open a window on.
    """

    def __init__(self, frames_per_second: float, title: str = "B2M/MemoryDecision") -> None:
        import pygame  # slow to load, and needed for this only

        self._pygame: Any = pygame
        self._frames_per_second = frames_per_second
        try:
            pygame.display.init()
        except pygame.error as error:
            raise RuntimeError(_no_display(title, str(error))) from error
        driver = pygame.display.get_driver()
        if driver in ("dummy", "offscreen") and WINDOW_DRIVER not in os.environ:
            pygame.display.quit()
            raise RuntimeError(_no_display(title, f"video driver {driver!r}"))
        pygame.display.set_caption(title)
        self._window = pygame.display.set_mode((WIDTH, HEIGHT))
        self._clock = pygame.time.Clock()

    def show(self, screen: UInt8[np.ndarray, "height width channel"]) -> None:
        """Show a screen and wait until its time is over."""
        surface = self._pygame.surfarray.make_surface(screen.swapaxes(0, 1))
        self._window.blit(surface, (0, 0))
        self._pygame.event.pump()
        self._pygame.display.flip()
        self._clock.tick(self._frames_per_second)

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()


def _no_display(title: str, came: str) -> str:
    return (
        f'{title}: render_mode "human": expected a display to open a window on, '
        f'came none ({came}); use render_mode="rgb_array" to get pictures as arrays'
    )


def _paint_cross(screen: UInt8[np.ndarray, "height width channel"]) -> None:
    x, y, arm = WIDTH // 2, HEIGHT // 2, 11
    cv2.line(screen, (x - arm, y), (x + arm, y), LIGHT, 3)
    cv2.line(screen, (x, y - arm), (x, y + arm), LIGHT, 3)


def _paint_text(
    screen: UInt8[np.ndarray, "height width channel"],
    text: str,
    centre: tuple[int, int],
    scale: float,
    thickness: int,
) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), _ = cv2.getTextSize(text, font, scale, thickness)
    corner = (centre[0] - width // 2, centre[1] + height // 2)
    cv2.putText(screen, text, corner, font, scale, DARK, thickness, cv2.LINE_AA)


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
