"""Frames of a file of scenes, with their episodes and their state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from b2m_drive.students.frames.source import blocks_of
from b2m_drive.students.scene_dataset import SceneDataset


@dataclass(frozen=True)
class SceneFrames:
    """The frames of a file that `SceneWriter` wrote; a frame's id is its row."""

    path: Path
    stamp: str  # of the file when it was opened
    dataset: SceneDataset = field(compare=False, repr=False)
    numbered_by: str = "the row in the file"

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    @classmethod
    def open(cls, path: Path) -> SceneFrames:
        """Look at a file; no frame is read.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is no file of scenes, or cut short.
        """
        dataset, stat = SceneDataset(path), path.stat()
        return cls(path, f"{stat.st_size}-{stat.st_mtime_ns}", dataset)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a frame."""
        height, width, channels = map(int, self.dataset.frame_shape)
        return height, width, channels

    @property
    def ids(self) -> Int64[np.ndarray, " frame"]:
        """Rows of the file."""
        return self.dataset.frame_id

    @property
    def group(self) -> Int64[np.ndarray, " frame"]:
        """Episodes; blocks of neighbours where there is one episode only."""
        if self.dataset.n_episodes > 1:
            return self.dataset.episode_of_frame
        return blocks_of(self.dataset.n_frames)

    @property
    def grouped_by(self) -> str:
        """What a group is."""
        return "episode" if self.dataset.n_episodes > 1 else "block of neighbouring frames"

    def read(
        self, rows: Int64[np.ndarray, " frame"]
    ) -> UInt8[np.ndarray, "frame height width channel"]:
        """These frames, by row."""
        return self.dataset.frames(rows)
