"""Random batches of frames without end, from memory or from disk, the same for the same seed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import torch
from jaxtyping import Int, Int64, UInt8
from torch import Tensor

from b2m_drive.students.devices import free_bytes, pinned
from b2m_drive.students.scene_dataset import SceneDataset, row_numbers

MEMORY_LIMIT = 1 << 30  # [bytes] of frames that are read at once and kept
_SHARE_OF_GPU = 0.25  # of its free memory that kept frames may take: others may train beside
_POOL_BYTES = 1 << 25  # [bytes] of frames shuffled together when they come from disk
_SECONDS_BETWEEN_LOOKS = 0.1  # of the reading thread, at whether anyone still listens


@dataclass(frozen=True)
class FrameBatch:
    """Frames to learn from, and which ones they are."""

    frames: UInt8[Tensor, "batch height width channel"]
    frame_id: Int64[Tensor, " batch"]  # on the cpu, where teachers look rows up


class FrameBatches:
    """Batches without end; close them when done, or use them in a ``with`` block."""

    _pins = False  # whether batches are in memory that a GPU reads by itself

    def __iter__(self) -> Iterator[FrameBatch]:
        return self

    def __next__(self) -> FrameBatch:
        """The next batch."""
        raise NotImplementedError

    def __enter__(self) -> FrameBatches:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading, where something is read."""

    def keep_on(self, device: torch.device) -> None:
        """Give frames that are on a device already, where all of them fit there.

        The same frames in the same order, as bytes. Where they do not fit, or come from disk,
        batches stay in memory (pinned, if the device is a CUDA GPU), and whoever learns from them
        moves them one by one.
        """
        self._pins = device.type == "cuda"

    def _batch(self, frames: Tensor, frame_id: Tensor) -> FrameBatch:
        pins = self._pins and frames.device.type == "cpu"
        return FrameBatch(pinned(frames) if pins else frames, frame_id)


def frame_batches(
    dataset: SceneDataset,
    rows: Int[np.ndarray, " frame"],
    batch_size: int,
    seed: int,
    memory_limit: int = MEMORY_LIMIT,
) -> FrameBatches:
    """Batches of some frames of a file: kept in memory if they fit, else streamed from disk.

    Args:
        dataset: The file.
        rows: Of the frames to draw from; a frame's id is its row.
        batch_size: Frames a batch.
        seed: Of the order.
        memory_limit: Bytes that the frames may take in memory.

    Raises:
        ValueError: If the rows are no whole numbers, or fewer than a batch takes.
    """
    rows = row_numbers(rows)
    size = len(rows) * int(np.prod(dataset.frame_shape))
    if size <= memory_limit:
        ids = rows.astype(np.int64)
        return FramesFromMemory(dataset.frames(ids), batch_size, seed, frame_id=ids)
    return FramesFromDisk(dataset, rows, batch_size, seed)


class FramesFromMemory(FrameBatches):
    """Random batches of frames that are in memory; each frame comes once an epoch.

    Args:
        frames: To draw from. They are not copied.
        batch_size: Frames a batch; one may hold the end of an epoch and the start of the next.
        seed: Of the order.
        frame_id: Of each frame; None: its row.

    Raises:
        ValueError: If the frames are no uint8 images, or fewer than a batch.
    """

    def __init__(
        self,
        frames: UInt8[np.ndarray, "frame height width channel"],
        batch_size: int,
        seed: int,
        frame_id: Int64[np.ndarray, " frame"] | None = None,
    ) -> None:
        if frames.dtype != np.uint8 or frames.ndim != 4:
            raise ValueError(
                "frames: expected uint8 (frame, height, width, channel), "
                f"came {frames.dtype} {frames.shape}"
            )
        if frame_id is not None and frame_id.shape != frames.shape[:1]:
            raise ValueError(f"frame_id: expected {len(frames)}, came shape {frame_id.shape}")
        _check_batch_size(batch_size, len(frames))
        self._frames = torch.from_numpy(np.require(frames, requirements=["C", "W"]))
        ids = np.arange(len(frames)) if frame_id is None else frame_id
        self._frame_id = torch.from_numpy(np.require(ids, np.int64, ["C", "W"]))
        self._batches = self._endless(batch_size, seed)

    def __next__(self) -> FrameBatch:
        return next(self._batches)

    def keep_on(self, device: torch.device) -> None:
        """Move all frames to a GPU once, if they take a quarter of its free memory or less."""
        super().keep_on(device)
        if self._frames.device == device:
            return
        free = free_bytes(device)
        fits = free is not None and self._frames.nbytes <= _SHARE_OF_GPU * free
        self._frames = self._frames.to(device if fits else "cpu")

    def _endless(self, batch_size: int, seed: int) -> Iterator[FrameBatch]:
        waiting, epoch = np.empty(0, dtype=np.int64), 0
        while True:
            if len(waiting) < batch_size:
                order = np.random.default_rng((seed, epoch)).permutation(len(self._frames))
                waiting, epoch = np.concatenate([waiting, order]), epoch + 1
            chosen = torch.from_numpy(waiting[:batch_size])
            waiting = waiting[batch_size:]
            frames = self._frames[chosen.to(self._frames.device)]
            yield self._batch(frames, self._frame_id[chosen])


class FramesFromDisk(FrameBatches):
    """Random batches of frames that are read by a thread of their own while a student learns.

    Chunks of the file come in random order; many of them together make a pool whose frames are
    shuffled. So each chunk is read once an epoch, and each frame comes once.

    Args:
        dataset: The file; it is opened anew by the thread.
        rows: Of the frames to draw from.
        batch_size: Frames a batch; one may hold frames of two pools.
        seed: Of the order.
        pool_bytes: Of the frames shuffled together. Twice as much is in memory.
        n_ahead: Batches that wait ready.

    Raises:
        ValueError: If the rows are no whole numbers, or fewer than a batch takes; later, when the
            file proves damaged.
    """

    def __init__(
        self,
        dataset: SceneDataset,
        rows: Int[np.ndarray, " frame"],
        batch_size: int,
        seed: int,
        pool_bytes: int = _POOL_BYTES,
        n_ahead: int = 8,
    ) -> None:
        rows = row_numbers(rows)
        _check_batch_size(batch_size, len(rows))
        self._dataset = SceneDataset(dataset.path)
        self._rows, self._batch_size, self._seed = np.sort(rows), batch_size, seed
        frame_bytes = int(np.prod(dataset.frame_shape))
        self._chunks_a_pool = max(1, pool_bytes // (frame_bytes * dataset.chunk_frames))
        self._ready: queue.Queue[FrameBatch | Exception] = queue.Queue(n_ahead)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="frames from disk", daemon=True)
        self._thread.start()

    def __next__(self) -> FrameBatch:
        if self._closed.is_set():
            raise StopIteration
        batch = self._ready.get()
        if isinstance(batch, Exception):
            self.close()
            raise batch
        return batch

    def close(self) -> None:
        """Stop the thread and close the file."""
        self._closed.set()
        self._thread.join()

    def _read(self) -> None:
        """What the thread does: read pools, and put their batches where they are taken."""
        try:
            frames, rows = self._dataset.frames(self._rows[:0]), self._rows[:0]
            for pool in self._pools():
                frames = np.concatenate([frames, self._dataset.frames(pool)])
                rows = np.concatenate([rows, pool])
                n_whole = len(rows) // self._batch_size * self._batch_size
                for start in range(0, n_whole, self._batch_size):
                    chosen = slice(start, start + self._batch_size)
                    batch = self._batch(
                        torch.from_numpy(frames[chosen].copy()),
                        torch.from_numpy(rows[chosen].astype(np.int64)),
                    )
                    if not self._put(batch):
                        return
                frames, rows = frames[n_whole:], rows[n_whole:]
        except Exception as error:  # raised again where the batches are taken
            self._put(error)
        finally:
            self._dataset.close()

    def _pools(self) -> Iterator[Int[np.ndarray, " row"]]:
        """Rows to read and shuffle together, epoch after epoch."""
        chunk = self._rows // self._dataset.chunk_frames
        starts = np.flatnonzero(np.diff(chunk, prepend=-1))
        by_chunk = np.split(self._rows, starts[1:])
        epoch = 0
        while True:
            generator = np.random.default_rng((self._seed, epoch))
            order = generator.permutation(len(by_chunk))
            for first in range(0, len(order), self._chunks_a_pool):
                chosen = order[first : first + self._chunks_a_pool]
                yield generator.permutation(np.concatenate([by_chunk[k] for k in chosen]))
            epoch += 1

    def _put(self, batch: FrameBatch | Exception) -> bool:
        """Hand a batch over; False if nobody wants it any more."""
        while not self._closed.is_set():
            try:
                self._ready.put(batch, timeout=_SECONDS_BETWEEN_LOOKS)
            except queue.Full:
                continue
            return True
        return False


def _check_batch_size(batch_size: int, n_frames: int) -> None:
    if not 1 <= batch_size <= n_frames:
        raise ValueError(
            f"batch_size: expected 1 to {n_frames}, as many frames as there are, came {batch_size}"
        )
