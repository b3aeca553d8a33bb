"""Frames in one data set of any HDF5 file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Int64

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.students.frames.source import Pixels, blocks_of, check_frame_shape

_EXPECTED = "a file of frames (HDF5)"


@dataclass(frozen=True)
class HDF5Frames:
    """The frames of a data set, uint8 or float [frame height width channel].

    A frame's id is its row. Floats are given to the network as they are. Ten blocks of
    neighbouring frames stand for episodes.
    """

    path: Path
    dataset: str
    stamp: str  # of the file when it was opened
    shape: tuple[int, int, int] = field(compare=False)
    ids: Int64[np.ndarray, " frame"] = field(compare=False, repr=False)
    group: Int64[np.ndarray, " frame"] = field(compare=False, repr=False)
    numbered_by: str = "the row in the file"
    grouped_by: str = "block of neighbouring frames"

    @property
    def name(self) -> str:
        """Path and data set, as a user gives them."""
        return f"{self.path}:/{self.dataset.strip('/')}"

    @classmethod
    def open(cls, path: Path, dataset: str) -> HDF5Frames:
        """Look at a data set; no frame is read.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no HDF5, has no such data set, or that holds no frames.
        """
        with opened_hdf5(path, _EXPECTED) as file:
            found = file.get(dataset)
            if not isinstance(found, h5py.Dataset):
                raise ValueError(
                    f"{path}: expected a data set {dataset!r}, found none; {datasets_in(file)}"
                )
            check_frame_shape(f"{path}:/{dataset.strip('/')}", found.shape, found.dtype)
            count, *shape = map(int, found.shape)
        stat = path.stat()
        height, width, channels = shape
        return cls(
            path, dataset, f"{stat.st_size}-{stat.st_mtime_ns}", (height, width, channels),
            np.arange(count), blocks_of(count),
        )  # fmt: skip

    def read(self, rows: Int64[np.ndarray, " frame"]) -> Pixels:
        """These frames, by row.

        Raises:
            ValueError: If the file is damaged, or a value is not finite.
        """
        different, place = np.unique(rows, return_inverse=True)
        with opened_hdf5(self.path, _EXPECTED) as file:
            found = file[self.dataset]
            first, last = int(different[0]), int(different[-1])
            near = last - first < 2 * len(different)  # then one stretch is read, not its points
            values = found[first : last + 1][different - first] if near else found[different]
        if values.dtype == np.uint8:
            return np.asarray(values[place])
        pixels = values[place].astype(np.float32)
        if not np.isfinite(pixels).all():
            raise ValueError(f"{self.name}: expected finite numbers, came NaN or infinite ones")
        return np.asarray(pixels)


def datasets_in(file: h5py.File) -> str:
    """The data sets of four axes that a file holds, in words."""
    found: list[str] = []

    def look(name: str, each: object) -> None:
        if isinstance(each, h5py.Dataset) and each.ndim == 4:
            found.append(f"/{name} {each.dtype} {each.shape}")

    file.visititems(look)
    return f"of four axes it has {', '.join(found)}" if found else "it has none of four axes"
