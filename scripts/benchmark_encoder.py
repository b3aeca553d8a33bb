"""Print what the encoder costs: loading of frames, a training step, encoding.

    python scripts/benchmark_encoder.py

Each pair is measured in turn, several times, in one run; medians are shown. One thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from timing import rates

from b2m_drive.students.fitting import FittingSettings
from b2m_drive.students.frame_batches import FrameBatches, FramesFromDisk, FramesFromMemory
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.scene_vae_fitting import encode_frames, fit_scene_vae
from b2m_drive.students.scenes import SceneDataset, SceneEpisode, SceneHeader, SceneWriter

SETTINGS = SceneVAESettings(height=64, width=64, channels=2)
BATCH_SIZE = 32
N_FRAMES = 4096
N_STEPS = 20


def main() -> None:
    """Run the benchmarks of the encoder."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        dataset = scenes(Path(folder) / "scenes.h5")
        loading(dataset)
        fitting(dataset)
        encoding(dataset)
        dataset.close()


def loading(dataset: SceneDataset) -> None:
    """Share of a training step that is spent waiting for its batch, from memory and from disk."""
    vae = SceneVAE(SETTINGS)
    in_memory = FramesFromMemory(dataset.frames(), BATCH_SIZE, seed=0)
    # Small pools and one batch ahead: the reading itself is measured, not what waits ready.
    with FramesFromDisk(
        dataset, dataset.frame_id, BATCH_SIZE, seed=0, pool_bytes=1 << 20, n_ahead=1
    ) as on_disk:

        def only_load(batches: FrameBatches) -> Callable[[], int]:
            def load() -> int:
                for _ in range(N_STEPS):
                    next(batches)
                return N_STEPS

            return load

        whole, memory, disk = rates(
            fitted(vae, in_memory), only_load(in_memory), only_load(on_disk)
        )
    print(
        f"loading: {100 * whole / memory:.1f} % of a training step from memory, "
        f"{100 * whole / disk:.1f} % from disk with nothing read ahead"
    )


def fitting(dataset: SceneDataset) -> None:
    """Frames a second of the project's loop against a bare one of the same network."""
    batches = FramesFromMemory(dataset.frames(), BATCH_SIZE, seed=0)
    frames = torch.from_numpy(dataset.frames(np.arange(BATCH_SIZE)))
    vae = SceneVAE(SETTINGS)

    def bare() -> int:
        vae.train()
        optimizer = torch.optim.Adam(vae.parameters(), 2e-3)
        for _ in range(N_STEPS):
            optimizer.zero_grad()
            vae(frames)[1].total.backward()
            torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
            optimizer.step()
        return N_STEPS

    ours, theirs = (BATCH_SIZE * rate for rate in rates(fitted(vae, batches), bare))
    print(
        f"training: {ours:,.0f} frames/s, a bare loop {theirs:,.0f} frames/s, "
        f"ratio {ours / theirs:.2f}"
    )


def encoding(dataset: SceneDataset) -> None:
    """Frames a second through the encoder alone."""
    vae, frames = SceneVAE(SETTINGS), dataset.frames(np.arange(1024))

    def full() -> int:
        return len(encode_frames(vae, frames))

    def mixed() -> int:
        return len(encode_frames(vae, frames, precision="bfloat16"))

    of_full, of_mixed = rates(full, mixed)
    print(f"encoding: {of_full:,.0f} frames/s on one core, bfloat16 {of_mixed:,.0f} frames/s")


def fitted(vae: SceneVAE, batches: FrameBatches) -> Callable[[], int]:
    """A task of some training steps."""

    def fit_some_steps() -> int:
        fit_scene_vae(vae, batches, FittingSettings(N_STEPS, 2e-3, evaluate_every=N_STEPS))
        return N_STEPS

    return fit_some_steps


def scenes(path: Path) -> SceneDataset:
    """A file of road-like frames: flat surfaces, lines, and some blocks."""
    generator = np.random.default_rng(0)
    header = SceneHeader("none", {}, "none", 0, ("speed",), ("m/s",), "discrete", 0.1)
    frames = np.full((N_FRAMES, SETTINGS.height, SETTINGS.width, SETTINGS.channels), 60, np.uint8)
    frames[:, ::4, 16::8] = 200
    for image in frames:
        for row, column in generator.integers(0, 56, (6, 2)):
            image[row : row + 6, column : column + 3] = 250
    writer = SceneWriter(path, header)
    for index, part in enumerate(np.split(frames, 16)):
        n_steps = len(part) - 1
        state = np.zeros((n_steps + 1, 1), dtype=np.float32)
        action, reward = np.zeros(n_steps, dtype=np.int64), np.zeros(n_steps)
        writer.write(index, SceneEpisode(part, state, action, reward, False, True, seed=index))
    return SceneDataset(writer.finish())


if __name__ == "__main__":
    main()
