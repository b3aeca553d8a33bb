"""The newest frames of each world, the oldest in the first channels."""

from __future__ import annotations

from typing import no_type_check

from b2m_envs.compiled import kernel


@kernel
@no_type_check
def make_room(frames, n_channels, which):
    """Forget the oldest frame of some worlds; the last channels then wait for the newest.

    Args:
        frames: uint8 [world height width channel], changed in place.
        n_channels: of one frame: 1 (grey) or 3 (colour).
        which: int64 [chosen] indices of worlds.
    """
    if frames.shape[3] == n_channels:
        return
    for world in which:
        values = frames[world].reshape(-1)  # the next pixel's oldest frame lands where we draw
        if n_channels == 1:  # a distance that the compiler knows makes one move of the loop
            for index in range(values.size - 1):
                values[index] = values[index + 1]
        else:
            for index in range(values.size - 3):
                values[index] = values[index + 3]


@kernel
@no_type_check
def repeat_newest(frames, n_channels, which):
    """Let the newest frame of some worlds stand for those before it.

    Args:
        frames: uint8 [world height width channel], changed in place.
        n_channels: of one frame.
        which: int64 [chosen] indices of worlds.
    """
    for world in which:
        values = frames[world].reshape(-1, frames.shape[3])
        for pixel in range(values.shape[0]):
            for channel in range(frames.shape[3] - n_channels):
                newest = frames.shape[3] - n_channels + channel % n_channels
                values[pixel, channel] = values[pixel, newest]
