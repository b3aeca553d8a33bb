"""The HDF5 layout of scenes on disk: ``b2m-scenes``, version 1.

Attributes of the file: ``format``, ``version`` and ``header`` (JSON, see `SceneHeader`). Arrays,
all episodes one after another; an episode has one frame more than it has steps. Every chunk has
a checksum (Fletcher 32), so that damage is found when it is read:

======================  ==========================================================================
``frames``              uint8 [frame height width channel], chunks of a few frames, LZF
``vehicle_mask``        bool [frame height width], LZF; absent if not collected
``state``               float32 [frame variable]
``action``              int64 [step] if discrete, float32 [step dimension] if continuous
``reward``              float64 [step]
``episode/n_frames``    int64 [episode]
``episode/terminated``  bool [episode]
``episode/truncated``   bool [episode]
``episode/seed``        int64 [episode]
======================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from b2m_drive.files.hdf5_files import open_hdf5
from b2m_drive.files.refusals import naming
from b2m_drive.students.scene_episode import SceneEpisode, SceneHeader

FORMAT = "b2m-scenes"
VERSION = 1

PER_FRAME = ("frames", "vehicle_mask", "state")
PER_STEP = ("action", "reward")
PER_EPISODE = {
    "n_frames": np.dtype(np.int64),
    "terminated": np.dtype(bool),
    "truncated": np.dtype(bool),
    "seed": np.dtype(np.int64),
}
_CHUNK_BYTES = 1 << 16  # of frames; a chunk is the least that is read and decompressed
_ROWS_PER_CHUNK = 1024  # of the small arrays


def start_file(file: h5py.File, header: SceneHeader, like: SceneEpisode) -> None:
    """Write the header and make the arrays, empty, in the shapes of an episode."""
    file.attrs.update(format=FORMAT, version=VERSION, header=header.to_json())
    for name in PER_FRAME + PER_STEP:
        example = getattr(like, name)
        if example is None:
            continue
        shape = example.shape[1:]
        size = example.itemsize * int(np.prod(shape, dtype=np.int64))
        large = name in ("frames", "vehicle_mask")
        n_rows = max(1, _CHUNK_BYTES // size) if large else _ROWS_PER_CHUNK
        file.create_dataset(
            name,
            shape=(0, *shape),
            maxshape=(None, *shape),
            dtype=example.dtype,
            chunks=(n_rows, *shape),
            compression="lzf" if large else None,
            fletcher32=True,
        )
    for name, dtype in PER_EPISODE.items():
        file.create_dataset(
            f"episode/{name}",
            (0,),
            dtype,
            maxshape=(None,),
            chunks=(_ROWS_PER_CHUNK,),
            fletcher32=True,
        )


def append_episode(file: h5py.File, episode: SceneEpisode) -> None:
    """Put an episode after the others."""
    for name in PER_FRAME + PER_STEP:
        if name in file:
            _append(file[name], getattr(episode, name))
    entries = {
        "n_frames": len(episode.frames),
        "terminated": episode.terminated,
        "truncated": episode.truncated,
        "seed": episode.seed,
    }
    for name, value in entries.items():
        _append(file[f"episode/{name}"], np.array([value]))


@contextmanager
def read_whole(path: Path) -> Iterator[None]:
    """What is read within is whole; a damaged chunk is a ValueError that names the file."""
    with naming(path, "a file of scenes that is whole"):
        yield


def open_file(path: Path) -> h5py.File:
    """Open a file of scenes for reading.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it was cut short, is damaged, or is no file of scenes.
    """
    file = open_hdf5(path, "a file of scenes (HDF5)")
    try:
        with read_whole(path):
            _check_file(path, file)
    except BaseException:
        file.close()
        raise
    return file


def read_episode(file: h5py.File, index: int = 0) -> SceneEpisode:
    """One episode of a file, whole."""
    n_frames = file["episode/n_frames"][: index + 1]
    first, last = int(n_frames[:-1].sum()), int(n_frames.sum())
    frame_rows, step_rows = slice(first, last), slice(first - index, last - index - 1)
    arrays: dict[str, Any] = {
        name: file[name][frame_rows] if name in file else None for name in PER_FRAME
    }
    arrays |= {name: file[name][step_rows] for name in PER_STEP}
    return SceneEpisode(
        **arrays,
        terminated=bool(file["episode/terminated"][index]),
        truncated=bool(file["episode/truncated"][index]),
        seed=int(file["episode/seed"][index]),
    )


def _append(dataset: h5py.Dataset, rows: np.ndarray) -> None:
    before = len(dataset)
    dataset.resize(before + len(rows), axis=0)
    dataset[before:] = rows


def _check_file(path: Path, file: h5py.File) -> None:
    """The format, the arrays, and that their lengths fit the episodes."""
    came = (file.attrs.get("format"), file.attrs.get("version"))
    if came[0] != FORMAT or came[1] != VERSION:
        raise ValueError(f"{path}: expected the format {FORMAT} {VERSION}, came {came}")
    required = ["frames", "state", *PER_STEP, *(f"episode/{name}" for name in PER_EPISODE)]
    missing = [name for name in required if name not in file]
    if missing or "header" not in file.attrs:
        raise ValueError(f"{path}: expected a header and the arrays {required}, missing {missing}")
    n_frames = file["episode/n_frames"][:]
    expected: dict[str, Any] = {name: int(n_frames.sum()) for name in PER_FRAME if name in file}
    expected |= {name: int((n_frames - 1).sum()) for name in PER_STEP}
    expected |= {f"episode/{name}": len(n_frames) for name in PER_EPISODE}
    for name, length in expected.items():
        if len(file[name]) != length:
            raise ValueError(f"{path}: {name}: expected {length} rows, came {len(file[name])}")
    if file["frames"].dtype != np.uint8 or file["frames"].ndim != 4:
        raise ValueError(
            f"{path}: frames: expected uint8 (frame, height, width, channel), "
            f"came {file['frames'].dtype} {file['frames'].shape}"
        )
