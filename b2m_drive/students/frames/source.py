"""What frames are to a student, wherever they lie: ids, groups that belong together, pixels."""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

N_BLOCKS = 10  # that frames without episodes are parted into, each a run of neighbours
_MOST_CHANNELS = 32  # of a frame; more are rather its height or width
_N_SHOWN = 4

Pixels: TypeAlias = (
    UInt8[np.ndarray, "frame height width channel"]
    | Float32[np.ndarray, "frame height width channel"]
)


@runtime_checkable
class FrameSource(Protocol):
    """Frames of one size that are read when asked for; it can be pickled into a worker."""

    @property
    def name(self) -> str:
        """As a user gives it."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a frame: height, width, channels."""

    @property
    def ids(self) -> Int64[np.ndarray, " frame"]:
        """Increasing; what a brain saw and what a network learns from are paired by them."""

    @property
    def group(self) -> Int64[np.ndarray, " frame"]:
        """Episode or block of each frame; a group is held out as a whole."""

    @property
    def numbered_by(self) -> str:
        """What an id is, in words."""

    @property
    def grouped_by(self) -> str:
        """What a group is, in words."""

    def __hash__(self) -> int:
        """Two sources of the same frames are equal, so that they are read once."""

    def read(self, rows: Int64[np.ndarray, " frame"]) -> Pixels:
        """These frames, by row (not by id), in the order asked for."""


def blocks_of(count: int) -> Int64[np.ndarray, " frame"]:
    """A block for each of so many frames in order: `N_BLOCKS` runs of neighbours."""
    return np.arange(count) * N_BLOCKS // max(count, 1)


def held_out_frames(source: FrameSource, share: float = 0.2) -> Bool[np.ndarray, " frame"]:
    """Which frames teach nobody: whole groups by a fixed draw, at least one.

    Raises:
        ValueError: If there is one group only.
    """
    groups = np.unique(source.group)
    if len(groups) < 2:
        raise ValueError(
            f"{source.name}: expected at least {N_BLOCKS} frames, to hold some out, came "
            f"{len(source.ids)}"
        )
    order = np.random.default_rng(0).permutation(groups)
    count = min(max(1, round(share * len(groups))), len(groups) - 1)
    return np.isin(source.group, order[:count])


def rows_of_ids(source: FrameSource, ids: Int64[np.ndarray, " any"]) -> Int64[np.ndarray, " any"]:
    """The row of each id.

    Raises:
        ValueError: If an id is of no frame; says how many, and which frames there are.
    """
    rows = np.searchsorted(source.ids, ids).clip(max=len(source.ids) - 1)
    strange = np.unique(ids[source.ids[rows] != ids])
    if len(strange):
        shown = ", ".join(map(str, strange[:_N_SHOWN])) + (", ..." if len(strange) > 4 else "")
        raise ValueError(
            f"{source.name}: expected ids of its {len(source.ids)} frames, {source.ids[0]} to "
            f"{source.ids[-1]} ({source.numbered_by}), came {len(strange)} others ({shown}): a "
            "recording of other frames?"
        )
    return rows.astype(np.int64)


def check_frame_shape(name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuse an array that holds no frames.

    Raises:
        ValueError: Unless it is of uint8 or floats, [frame height width channel].
    """
    came = f"came {dtype} {shape}"
    expected = f"{name}: expected frames, uint8 or float [frame height width channel]"
    if dtype.kind != "f" and dtype != np.uint8:
        raise ValueError(f"{expected}, {came}")
    if len(shape) != 4:
        hint = "; give grey frames an axis of one channel" if len(shape) == 3 else ""
        raise ValueError(f"{expected}, {came}{hint}")
    if 0 in shape:
        raise ValueError(f"{expected}, {came}, which holds none")
    if shape[3] > _MOST_CHANNELS:
        hint = "; are channels its second axis? Move them last" if shape[1] <= 4 else ""
        raise ValueError(f"{expected} with up to {_MOST_CHANNELS} channels, {came}{hint}")
