"""One picture of a video: scene, reconstruction, latents and action side by side, words below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from b2m_agents.worlds.action_choices import ActionChoices

Picture = UInt8[np.ndarray, "_ _ 3"]  # red, green, blue; of any size

LATENT_RANGE = 3.0  # drawn from -3 to 3: standard deviations of the prior
_BACKGROUND, _PANEL, _LINE = (24, 26, 30), (38, 41, 47), (92, 97, 106)
_TEXT, _FAINT, _WARNING = (235, 235, 235), (165, 170, 178), (255, 120, 100)
_ABOVE, _BELOW = (86, 180, 233), (230, 159, 0)  # of zero; Okabe & Ito (2008)
_TAKEN = (0, 190, 140)
_MARGIN, _ROW = 16, 28  # [px]
_LATENTS_WIDTH, _ACTIONS_WIDTH = 180, 300  # [px]
_CAPTIONS = {
    "probability": "action: probability",
    "value": "action: value, low to high",
    "control": "action: -1 to 1",
    "chosen": "action",
}


@dataclass(frozen=True)
class Moment:
    """What there is to show of one step."""

    scene: UInt8[np.ndarray, "height width channel"]  # the stack that the driver saw
    reconstruction: UInt8[np.ndarray, "height width channel"] | None  # of an agent with an encoder
    latents: Float32[np.ndarray, " latent"] | None  # the same
    choices: ActionChoices
    words: str  # when, how fast, return so far
    ending: str = ""  # how the episode ended
    crashed: bool = False  # the ending is then in red


def draw_moment(moment: Moment, *, colour: bool = False, panel: int = 384) -> Picture:
    """A moment as a picture whose sides are even, which codecs want.

    Args:
        moment: What is shown.
        colour: Whether a frame of the stack has three channels, red green blue, or one.
        panel: Height of the scene [px].
    """
    columns = [_captioned(_enlarged(_newest(moment.scene, colour), panel), "scene")]
    if moment.reconstruction is not None:
        picture = _enlarged(_newest(moment.reconstruction, colour), panel)
        columns.append(_captioned(picture, "reconstruction"))
    if moment.latents is not None:
        caption = f"latents: {-LATENT_RANGE:g} to {LATENT_RANGE:g}"
        columns.append(_captioned(_draw_latents(moment.latents, panel), caption))
    columns.append(_captioned(_draw_choices(moment.choices), _CAPTIONS[moment.choices.kind]))
    upper = _side_by_side(columns)
    lower = _blank(2 * _ROW + _MARGIN, upper.shape[1])
    _write(lower, moment.words, (_MARGIN, _ROW), _TEXT)
    ink = _WARNING if moment.crashed else _TEXT
    _write(lower, moment.ending, (_MARGIN, 2 * _ROW), ink)
    picture = np.vstack([upper, lower])
    return np.ascontiguousarray(picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2])


def _draw_latents(latents: Float32[np.ndarray, " latent"], height: int) -> Picture:
    """A bar a latent from a line of zero, the first on top; beyond the range it stops."""
    picture = _blank(height, _LATENTS_WIDTH, _PANEL)
    middle = _LATENTS_WIDTH // 2
    ends = np.linspace(0, height, len(latents) + 1).round().astype(int)
    reach = np.clip(latents / LATENT_RANGE, -1, 1) * (middle - 1)
    for top, bottom, length in zip(ends[:-1], ends[1:], reach.round().astype(int), strict=True):
        gap = 1 if bottom - top > 3 else 0
        left, right = sorted((middle, middle + int(length)))
        picture[top + gap : bottom, left:right] = _ABOVE if length > 0 else _BELOW
    picture[:, middle] = _FAINT
    return picture


def _draw_choices(choices: ActionChoices) -> Picture:
    """A row an action: its name, its number, and a bar below them."""
    height = 2 * _ROW
    picture = _blank(height * len(choices.names), _ACTIONS_WIDTH)
    lengths = _bar_lengths(choices)
    for row, (name, value, length) in enumerate(
        zip(choices.names, choices.values, lengths, strict=True)
    ):
        top, is_chosen = height * row, row == choices.chosen
        ink = _TEXT if is_chosen or choices.kind == "control" else _FAINT
        _write(picture, name, (0, top + 20), ink)
        _write_right(picture, _number_text(choices, float(value), is_chosen), top + 20, ink)
        _draw_bar(picture[top + 27 : top + 43], choices, float(length), is_chosen)
    return picture


def _bar_lengths(choices: ActionChoices) -> Float64[np.ndarray, " action"]:
    """Shares of the bar's room: of values, which have no scale, from the lowest to the highest."""
    lengths = choices.values
    if choices.kind == "value":
        spread = np.ptp(lengths)
        lengths = (lengths - lengths.min()) / (spread if spread > 0 else 1.0)
    shares: np.ndarray = np.clip(lengths, -1, 1)
    return shares


def _number_text(choices: ActionChoices, value: float, is_chosen: bool) -> str:
    if choices.kind == "chosen":
        return "taken" if is_chosen else ""
    if choices.kind == "probability":
        return f"{value:.0%}"
    return f"{value:+.2f}"


def _draw_bar(room: Picture, choices: ActionChoices, length: float, is_chosen: bool) -> None:
    width = room.shape[1]
    room[:] = _PANEL
    if choices.kind == "control":
        middle = width // 2
        left, right = sorted((middle, middle + round(length * (middle - 1))))
        room[:, left:right] = _ABOVE if length > 0 else _BELOW
        room[:, middle] = _FAINT
        return
    full = width if choices.kind == "chosen" and is_chosen else round(length * width)
    room[:, :full] = _TAKEN if is_chosen else _LINE


def _side_by_side(columns: Sequence[Picture]) -> Picture:
    height = max(map(len, columns))
    parts = [_blank(height, _MARGIN)]
    for column in columns:
        parts += [np.vstack([column, _blank(height - len(column), column.shape[1])])]
        parts += [_blank(height, _MARGIN)]
    return np.hstack(parts)


def _blank(height: int, width: int, colour: Sequence[int] = _BACKGROUND) -> Picture:
    return np.full((height, width, 3), colour, np.uint8)


def _newest(frame: UInt8[np.ndarray, "height width channel"], colour: bool) -> Picture:
    """The last frame of a stack."""
    return frame[..., -3:] if colour else np.repeat(frame[..., -1:], 3, axis=-1)


def _enlarged(picture: Picture, height: int) -> Picture:
    width = round(picture.shape[1] * height / picture.shape[0])
    larger = height >= picture.shape[0]
    interpolation = cv2.INTER_NEAREST if larger else cv2.INTER_AREA  # show the pixels as they are
    enlarged: Picture = cv2.resize(picture, (width, height), interpolation=interpolation)
    return enlarged


def _captioned(picture: Picture, caption: str) -> Picture:
    band = _blank(_ROW + _MARGIN, picture.shape[1])
    _write(band, caption, (0, _ROW), _FAINT)
    return np.vstack([band, picture])


def _write(picture: Picture, text: str, where: tuple[int, int], colour: Sequence[int]) -> None:
    cv2.putText(picture, text, where, cv2.FONT_HERSHEY_DUPLEX, 0.6, colour, 1, cv2.LINE_AA)


def _write_right(picture: Picture, text: str, bottom: int, colour: Sequence[int]) -> None:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 0.6, 1)
    _write(picture, text, (picture.shape[1] - width, bottom), colour)
