"""Frames in a folder of pictures, one file each."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from b2m_drive.files.refusals import naming
from b2m_drive.students.frames.source import blocks_of

SUFFIXES = (".png", ".jpg", ".jpeg")
_CHANNELS = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}  # Pillow's mode -> the one it is read in
_A_PICTURE = "a picture (png or jpg)"


@dataclass(frozen=True)
class PictureFrames:
    """Pictures of one size in a folder, grey or RGB, one a file.

    A frame's id is the last number in its file's name, where every name has one and no two have
    the same; where no name has a number, its place among the names in order, from 0. Frames are in
    the order of their ids, and ten blocks of neighbours stand for episodes.
    """

    folder: Path
    stamp: str  # of names, sizes and times of the files
    files: tuple[str, ...] = field(compare=False, repr=False)  # in the order of ids
    shape: tuple[int, int, int] = field(compare=False)
    ids: Int64[np.ndarray, " frame"] = field(compare=False, repr=False)
    group: Int64[np.ndarray, " frame"] = field(compare=False, repr=False)
    numbered_by: str
    grouped_by: str = "block of neighbouring pictures"

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    @classmethod
    def open(cls, folder: Path) -> PictureFrames:
        """Look at every picture's head; no pixel is read.

        Raises:
            ValueError: If there is no picture, one differs in size or colour, has transparency or
                16 bits, or some names have numbers and others none, or the same.
        """
        files = sorted(
            each.name for each in folder.iterdir()
            if each.suffix.lower() in SUFFIXES and not each.name.startswith(".")
        )  # fmt: skip
        if not files:
            raise ValueError(f"{folder}: expected pictures ({', '.join(SUFFIXES)}), found none")
        ids, numbered_by = picture_ids(folder, files)
        order = np.argsort(ids, kind="stable")
        ordered = tuple(files[k] for k in order)
        shape = _one_shape(folder, ordered)
        digest = hashlib.sha256()
        for file in ordered:
            stat = (folder / file).stat()
            digest.update(f"{file} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        return cls(
            folder, digest.hexdigest(), ordered, shape, ids[order], blocks_of(len(ids)),
            numbered_by,
        )  # fmt: skip

    def read(
        self, rows: Int64[np.ndarray, " frame"]
    ) -> UInt8[np.ndarray, "frame height width channel"]:
        """These pictures, by row.

        Raises:
            ValueError: If a file is damaged, or no longer of the size that it had.
        """
        return np.stack([self._pixels(self.folder / self.files[row]) for row in rows])

    def _pixels(self, path: Path) -> UInt8[np.ndarray, "height width channel"]:
        from PIL import Image

        with naming(path, _A_PICTURE), Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L" if self.shape[2] == 1 else "RGB"))
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        if pixels.shape != self.shape:
            raise ValueError(f"{path}: expected the size {self.shape}, came {pixels.shape}")
        return pixels


def picture_ids(folder: Path, files: Sequence[str]) -> tuple[Int64[np.ndarray, " frame"], str]:
    """The id of each file, and what it is in words.

    Raises:
        ValueError: If some names have a number and others none, or two have the same.
    """
    numbers = [re.findall(r"[0-9]+", Path(name).stem) for name in files]
    without = [name for name, found in zip(files, numbers, strict=True) if not found]
    if len(without) == len(files):
        return np.arange(len(files)), "its place among the names in order"
    if without:
        with_one = next(name for name in files if name not in without)
        raise ValueError(
            f"{folder}: expected a number in every picture's name, which is its id, or in none, "
            f"came {with_one} and {without[0]}"
        )
    ids = [int(found[-1]) for found in numbers]
    twice = next((number for number, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        same = [name for name, number in zip(files, ids, strict=True) if number == twice]
        raise ValueError(
            f"{folder}: expected another last number in every picture's name, which is its id, "
            f"came {same[0]} and {same[1]}"
        )
    if max(ids) > np.iinfo(np.int64).max:
        raise ValueError(f"{folder}: expected numbers up to 2**63 in names, came {max(ids)}")
    return np.array(ids, dtype=np.int64), "the last number in its name"


def _one_shape(folder: Path, files: Sequence[str]) -> tuple[int, int, int]:
    """Height, width and channels, the same of all."""
    first = _shape_of(folder / files[0])
    for name in files[1:]:
        came = _shape_of(folder / name)
        if came != first:
            raise ValueError(
                f"{folder}: expected pictures of one size, came {files[0]} {_words(first)} and "
                f"{name} {_words(came)}"
            )
    return first


def _shape_of(path: Path) -> tuple[int, int, int]:
    from PIL import Image

    with naming(path, _A_PICTURE), Image.open(path) as picture:
        size, mode = picture.size, picture.mode
    if mode not in _CHANNELS or _is_transparent(picture):
        raise ValueError(
            f"{path}: expected a grey or RGB picture of 8 bits without transparency, came the "
            f"mode {mode}{' with transparency' if mode in _CHANNELS else ''}"
        )
    return size[1], size[0], 1 if _CHANNELS[mode] == "L" else 3


def _is_transparent(picture: Any) -> bool:
    return "transparency" in picture.info


def _words(shape: tuple[int, int, int]) -> str:
    height, width, channels = shape
    return f"({width} x {height} pixels, {'grey' if channels == 1 else 'RGB'})"
