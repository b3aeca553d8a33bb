from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from b2m_drive.students import frame_batches as module
from b2m_drive.students.frame_batches import (
    FrameBatch,
    FramesFromDisk,
    FramesFromMemory,
    frame_batches,
)
from b2m_drive.students.scenes import SceneDataset, SceneEpisode, SceneHeader, SceneWriter

HEADER = SceneHeader("merge", {}, "random", 0, ("speed",), ("m/s",), "continuous", 0.1)
N_FRAMES = 150


def scenes() -> np.ndarray:
    """Frames each of which holds its own number."""
    frames = np.zeros((N_FRAMES, 64, 64, 1), dtype=np.uint8)
    frames += np.arange(N_FRAMES, dtype=np.uint8)[:, None, None, None]
    return frames


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> SceneDataset:
    writer = SceneWriter(Path(tmp_path_factory.mktemp("scenes"), "merge.h5"), HEADER)
    for index, frames in enumerate(np.split(scenes(), [70])):
        n_steps = len(frames) - 1
        writer.write(
            index,
            SceneEpisode(
                frames=frames,
                state=np.zeros((n_steps + 1, 1), dtype=np.float32),
                action=np.zeros((n_steps, 2), dtype=np.float32),
                reward=np.zeros(n_steps),
                terminated=False,
                truncated=True,
                seed=index,
            ),
        )
    return SceneDataset(writer.finish())


def ids_of(batches: list[FrameBatch]) -> list[int]:
    return [int(number) for batch in batches for number in batch.frame_id]


def assert_frames_are_those_of_their_ids(batches: list[FrameBatch]) -> None:
    for batch in batches:
        assert batch.frames[:, 0, 0, 0].tolist() == batch.frame_id.tolist()
        assert (batch.frames == batch.frames[:, :1, :1]).all()


@pytest.mark.parametrize("from_disk", [False, True])
def test_each_frame_comes_once_an_epoch_with_its_id(dataset: SceneDataset, from_disk: bool) -> None:
    rows = np.arange(10, 140)
    limit = 0 if from_disk else 1 << 30
    with frame_batches(dataset, rows, 13, seed=4, memory_limit=limit) as batches:
        taken = list(itertools.islice(batches, 30))
    assert_frames_are_those_of_their_ids(taken)
    assert Counter(ids_of(taken)) == dict.fromkeys(range(10, 140), 3)
    assert ids_of(taken[:10]) != ids_of(taken[10:20])
    assert isinstance(batches, FramesFromDisk if from_disk else FramesFromMemory)


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_a_seed_repeats_the_batches_and_another_does_not(dataset, limit: int) -> None:
    def first(seed: int) -> list[int]:
        rows = dataset.frame_id
        with frame_batches(dataset, rows, 32, seed, memory_limit=limit) as batches:
            return ids_of(list(itertools.islice(batches, 12)))

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_frames_from_disk_are_mixed_beyond_their_neighbours(dataset) -> None:
    pool_bytes = 6 * dataset.chunk_frames * 64 * 64
    with FramesFromDisk(dataset, dataset.frame_id, 16, seed=0, pool_bytes=pool_bytes) as batches:
        batch = next(batches)
    assert len(set((batch.frame_id // dataset.chunk_frames).tolist())) > 3
    assert np.abs(np.diff(batch.frame_id.numpy())).min() >= 0
    assert batch.frame_id.tolist() != sorted(batch.frame_id.tolist())


def test_closing_ends_the_thread_even_if_nobody_took_a_batch(dataset) -> None:
    before = threading.active_count()
    batches = FramesFromDisk(dataset, dataset.frame_id, 4, seed=0, n_ahead=1)
    assert threading.active_count() == before + 1
    batches.close()
    assert threading.active_count() == before
    assert list(batches) == []


def test_an_error_of_the_thread_reaches_whoever_takes_the_batch(tmp_path) -> None:
    path = tmp_path / "scenes.h5"
    writer = SceneWriter(path, replace(HEADER, action_kind="discrete"))
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 1), dtype=np.uint8)
    zeros = np.zeros(39)
    state = np.zeros((40, 1), dtype=np.float32)
    writer.write(0, SceneEpisode(noise, state, zeros.astype(np.int64), zeros, True, False, seed=0))
    dataset = SceneDataset(writer.finish())
    rows = np.array([0, 1, 90])  # one that is not there
    with (
        FramesFromDisk(dataset, rows, 2, seed=0) as batches,
        pytest.raises(ValueError, match="rows: expected 0 to 39"),
    ):
        next(batches)


def test_the_frames_in_memory_are_not_written_to() -> None:
    frames = scenes()
    frames.flags.writeable = False
    batches = FramesFromMemory(frames, 8, seed=0)
    next(batches).frames.zero_()
    assert (frames == scenes()).all()


@pytest.mark.usefixtures("as_users_run_it")
def test_frames_or_sizes_that_make_no_batch_are_refused(dataset) -> None:
    with pytest.raises(ValueError, match=r"frames: expected uint8 .*came float32 \(3, 4, 4, 1\)"):
        FramesFromMemory(np.zeros((3, 4, 4, 1), dtype=np.float32), 2, seed=0)
    with pytest.raises(ValueError, match=r"batch_size: expected 1 to 150, .*came 151"):
        FramesFromMemory(scenes(), 151, seed=0)
    with pytest.raises(ValueError, match="rows: expected whole numbers, came bool"):
        frame_batches(dataset, dataset.frame_id < 20, 4, seed=0)
    with pytest.raises(ValueError, match="rows: expected whole numbers, came bool"):
        FramesFromDisk(dataset, dataset.frame_id < 20, 4, seed=0)
    with pytest.raises(ValueError, match="frame_id: expected 150"):
        FramesFromMemory(scenes(), 2, seed=0, frame_id=np.arange(3))


@pytest.mark.parametrize(("share_taken", "kept"), [(0.25, True), (0.26, False)])
def test_frames_are_kept_on_a_gpu_where_they_take_a_quarter_of_what_is_free(
    monkeypatch, share_taken, kept
) -> None:
    """The meta device stands for a GPU: it has shapes, and no bytes."""
    frames = scenes()
    monkeypatch.setattr(module, "free_bytes", lambda device: frames.nbytes / share_taken)
    batches = FramesFromMemory(frames, 8, 0)
    batches.keep_on(torch.device("meta"))
    batch = next(batches)
    assert batch.frames.device.type == ("meta" if kept else "cpu")
    assert batch.frames.dtype == torch.uint8
    assert batch.frame_id.tolist() == next(FramesFromMemory(frames, 8, 0)).frame_id.tolist()


def test_frames_stay_in_memory_beside_a_device_that_does_not_tell_what_is_free() -> None:
    batches = FramesFromMemory(scenes(), 8, 0)
    batches.keep_on(torch.device("cpu"))
    batches.keep_on(torch.device("meta"))
    assert_frames_are_those_of_their_ids([next(batches)])


def test_frames_that_do_not_fit_on_a_gpu_are_pinned_batch_by_batch(monkeypatch, dataset) -> None:
    """From memory and from disk alike, and no longer once a cpu learns from them."""
    given: list[torch.Tensor] = []
    monkeypatch.setattr(module, "free_bytes", lambda device: 1)
    monkeypatch.setattr(module, "pinned", lambda frames: given.append(frames) or frames)
    batches = FramesFromMemory(scenes(), 8, 0)
    batches.keep_on(torch.device("cuda"))
    assert next(batches).frames is given[0]
    batches.keep_on(torch.device("cpu"))
    next(batches)
    assert len(given) == 1
    with FramesFromDisk(dataset, np.arange(150), 8, 0, n_ahead=1) as streamed:
        streamed.keep_on(torch.device("cuda"))
        taken = [next(streamed).frames for _ in range(9)]
    assert any(taken[-1] is each for each in given)


def test_frames_kept_on_a_device_come_back_for_another_one(monkeypatch) -> None:
    """And stay where they are if they are asked there again, however little is free by now."""
    monkeypatch.setattr(module, "free_bytes", lambda device: 1 << 40)
    batches = FramesFromMemory(scenes(), 8, 0)
    batches.keep_on(torch.device("meta"))
    monkeypatch.setattr(module, "free_bytes", lambda device: 0)
    batches.keep_on(torch.device("meta"))
    assert next(batches).frames.device.type == "meta"
    with pytest.raises(NotImplementedError, match="meta"):  # which cannot give its frames back
        batches.keep_on(torch.device("cpu"))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
@pytest.mark.parametrize("free", [1, 1 << 40])
def test_a_gpu_gets_the_frames_of_their_ids_and_the_cpu_gets_them_back(monkeypatch, free) -> None:
    monkeypatch.setattr(module, "free_bytes", lambda device: free)
    batches = FramesFromMemory(scenes(), 8, 0)
    batches.keep_on(torch.device("cuda:0"))
    batch = next(batches)
    assert batch.frames.is_pinned() if free == 1 else batch.frames.is_cuda
    batches.keep_on(torch.device("cpu"))
    assert_frames_are_those_of_their_ids([batch, next(batches)])
