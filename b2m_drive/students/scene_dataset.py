"""Scenes read from disk, without ever holding all frames in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, Int64, UInt8

from b2m_drive.students.scene_episode import SceneEpisode, SceneHeader
from b2m_drive.students.scene_file import open_file, read_episode, read_whole

GAP_BETWEEN_EPISODES = 1.0  # [s] on the running clock of a file
_CHUNKS_AT_ONCE = 64

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class SceneSplit:
    """Frames that teach and frames that are held out, by whole episodes."""

    teaching: Int64[np.ndarray, " teaching_frame"]
    held_out: Int64[np.ndarray, " held_out_frame"]


class SceneDataset:
    """A file of scenes; its frames are read when asked for.

    It can be pickled into a worker, which opens the file anew. A frame's id is its row. States,
    actions and rewards are small and kept once read.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it was cut short, is no file of scenes, or is of another scenario.
    """

    def __init__(self, path: str | Path, scenario: str | None = None) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        file = self._open()
        self.header = SceneHeader.from_json(file.attrs["header"], str(self.path))
        if scenario is not None and self.header.scenario != scenario:
            raise ValueError(
                f"{self.path}: expected scenes of {scenario!r}, came {self.header.scenario!r}"
            )
        self.frame_counts: Int64[np.ndarray, " episode"] = file["episode/n_frames"][:]
        self.frame_shape: tuple[int, int, int] = file["frames"].shape[1:]
        self.has_masks = "vehicle_mask" in file

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    def __len__(self) -> int:
        return self.n_frames

    def close(self) -> None:
        """Close the file; it opens again when something is read."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def n_frames(self) -> int:
        """Frames of all episodes."""
        return int(self.frame_counts.sum())

    @property
    def n_episodes(self) -> int:
        """Episodes in the file."""
        return len(self.frame_counts)

    @property
    def chunk_frames(self) -> int:
        """Frames that are compressed together, and so read together."""
        return int(self._open()["frames"].chunks[0])

    @property
    def frame_id(self) -> Int64[np.ndarray, " frame"]:
        """Id of each frame: its row in the file."""
        return np.arange(self.n_frames)

    @property
    def episode_of_frame(self) -> Int64[np.ndarray, " frame"]:
        """Number of the episode each frame belongs to."""
        return np.repeat(np.arange(self.n_episodes), self.frame_counts)

    @property
    def frame_of_step(self) -> Int64[np.ndarray, " step"]:
        """Row of the frame that was seen when each step's action was taken."""
        last = np.zeros(self.n_frames, dtype=bool)
        last[self.frame_counts.cumsum() - 1] = True
        return np.flatnonzero(~last)

    @property
    def time(self) -> Float64[np.ndarray, " frame"]:
        """When each frame came on [s]: one clock over the file, with a gap between episodes."""
        gaps = self.episode_of_frame * GAP_BETWEEN_EPISODES
        time: Float64[np.ndarray, " frame"] = (
            np.arange(self.n_frames) * self.header.step_seconds + gaps
        )
        return time

    @cached_property
    def state(self) -> Float32[np.ndarray, "frame variable"]:
        """State of every frame, in the order of ``header.state_names``."""
        return self._array("state")

    @cached_property
    def action(self) -> Int64[np.ndarray, " step"] | Float32[np.ndarray, "step dimension"]:
        """Action of every step; `frame_of_step` tells what was seen."""
        return self._array("action")

    @cached_property
    def reward(self) -> Float64[np.ndarray, " step"]:
        """Reward of every step."""
        return self._array("reward")

    @cached_property
    def terminated(self) -> Bool[np.ndarray, " episode"]:
        """Whether the task ended each episode."""
        return self._array("episode/terminated")

    @cached_property
    def truncated(self) -> Bool[np.ndarray, " episode"]:
        """Whether the time limit ended each episode."""
        return self._array("episode/truncated")

    @cached_property
    def episode_seed(self) -> Int64[np.ndarray, " episode"]:
        """Seed each episode was reset with."""
        return self._array("episode/seed")

    def frames(
        self, rows: Int[np.ndarray, " batch"] | None = None
    ) -> UInt8[np.ndarray, "batch height width channel"]:
        """Frames by row, in the order asked for; None: all of them, in memory."""
        return self._rows("frames", rows)

    def masks(
        self, rows: Int[np.ndarray, " batch"] | None = None
    ) -> Bool[np.ndarray, "batch height width"]:
        """Pixels of other vehicles, by frame.

        Raises:
            ValueError: If the file was collected without them.
        """
        if not self.has_masks:
            raise ValueError(f"{self.path}: expected masks of vehicles, none were collected")
        return self._rows("vehicle_mask", rows)

    def episode(self, index: int) -> SceneEpisode:
        """One episode, whole."""
        if not 0 <= index < self.n_episodes:
            raise ValueError(
                f"{self.path}: episode: expected 0 to {self.n_episodes - 1}, came {index}"
            )
        return self._checked(lambda file: read_episode(file, index))

    def split(self, held_out_share: float, seed: int) -> SceneSplit:
        """Hold out whole episodes, chosen at random: at least one, and at least one stays.

        Args:
            held_out_share: Of the episodes, above 0 and below 1.
            seed: Of the choice.

        Raises:
            ValueError: If the share is out of range or the file has one episode only.
        """
        if not 0 < held_out_share < 1:
            raise ValueError(f"held_out_share: expected within 0 and 1, came {held_out_share}")
        if self.n_episodes < 2:
            raise ValueError(f"{self.path}: expected at least 2 episodes to hold one out, came 1")
        n_held_out = min(max(1, round(held_out_share * self.n_episodes)), self.n_episodes - 1)
        order = np.random.default_rng(seed).permutation(self.n_episodes)
        held_out = np.isin(self.episode_of_frame, order[:n_held_out])
        return SceneSplit(np.flatnonzero(~held_out), np.flatnonzero(held_out))

    def _open(self) -> h5py.File:
        if self._file is None:
            self._file = open_file(self.path)
        return self._file

    def _array(self, name: str) -> np.ndarray:
        return self._checked(lambda file: np.asarray(file[name][:]))

    def _rows(self, name: str, rows: np.ndarray | None) -> np.ndarray:
        if rows is None:
            return self._array(name)
        rows = row_numbers(rows)
        if len(rows) and (rows.min() < 0 or rows.max() >= self.n_frames):
            raise ValueError(
                f"{self.path}: rows: expected 0 to {self.n_frames - 1}, "
                f"came {rows.min()} to {rows.max()}"
            )
        return self._checked(lambda file: _read_rows(file[name], rows))

    def _checked(self, read: Callable[[h5py.File], _Read]) -> _Read:
        """What a function reads from the file; a damaged chunk is an error that names it."""
        with read_whole(self.path):
            return read(self._open())


def row_numbers(rows: np.ndarray) -> Int[np.ndarray, " row"]:
    """Rows as they are; True and False for every row, or floats, are refused.

    Raises:
        ValueError: If they are no whole numbers.
    """
    rows = np.asarray(rows)
    if rows.dtype.kind not in "iu" or rows.ndim != 1:
        raise ValueError(f"rows: expected whole numbers, came {rows.dtype} {rows.shape}")
    return rows


def _read_rows(dataset: h5py.Dataset, rows: np.ndarray) -> np.ndarray:
    """Rows in any order, some perhaps twice, by reading each run of chunks once."""
    found = np.empty((len(rows), *dataset.shape[1:]), dataset.dtype)
    order = np.argsort(rows, kind="stable")
    chunk = rows[order] // dataset.chunks[0]
    # A run goes on while chunks touch, but not without end: it is held in memory.
    ends = (np.diff(chunk) > 1) | (np.diff(chunk // _CHUNKS_AT_ONCE) > 0)
    runs = np.split(order, np.flatnonzero(ends) + 1) if len(rows) else []
    for run in runs:
        first, last = int(rows[run[0]]), int(rows[run[-1]])
        found[run] = dataset[first : last + 1][rows[run] - first]
    return found
