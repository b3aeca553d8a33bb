"""Two students as a user would write them: with the public interface alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

import b2m_drive as b2m

N_SHOWN, SIZE, N_KINDS, N_TIMES = 60, 12, 3, 4


def kinds() -> np.ndarray:
    """What each of the things that brain and student see is."""
    return np.arange(N_SHOWN) % N_KINDS


def pictures() -> np.ndarray:
    """A small picture of each: a bright bar at the place of its kind, in noise."""
    generator = np.random.default_rng(7)
    frames = generator.normal(0, 0.6, (N_SHOWN, 1, SIZE, SIZE)).astype(np.float32)
    for index, kind in enumerate(kinds()):
        frames[index, 0, :, 4 * kind : 4 * kind + 2] += 1
    return frames


def brain(n_units: int = 20, n_times: int = 1, seed: int = 0) -> b2m.Responses:
    """A simulated brain that tells the kinds apart, in noise."""
    generator = np.random.default_rng(seed)
    tuning = generator.normal(size=(N_KINDS, n_units))
    values = tuning[kinds()][:, None] + generator.normal(0, 0.7, (N_SHOWN, n_times, n_units))
    return b2m.Responses.from_arrays(
        values, np.arange(N_SHOWN), "made up", np.arange(n_times) * 0.1, simulated=True
    )


class Pictures(nn.Module):
    """A convolutional network as torchvision's are: features, a pool, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        self.embedding = nn.Linear(128, 16)
        self.classifier = nn.Linear(16, N_KINDS)

    def forward(self, frames: Tensor) -> Tensor:
        return self.classifier(torch.relu(self.embedding(self.features(frames).flatten(1))))


class PictureStudent:
    """Tells kinds of pictures apart; says what it sees, and has labels."""

    name = "pictures"
    layer = "embedding"
    words = b2m.ScoreWords("accuracy", "share of pictures", 1 / 3, "chance", "pictures", (0.6,))

    def new_network(self, generator: torch.Generator) -> nn.Module:
        return seeded(Pictures, generator)

    def batches(self, generator: np.random.Generator) -> Iterator[b2m.Batch]:
        while True:
            ids = generator.choice(40, 8, replace=False)
            yield b2m.Batch(ids, torch.from_numpy(pictures()[ids]))

    def task_loss(self, network: nn.Module, batch: b2m.Batch) -> Tensor:
        target = torch.from_numpy(kinds()[batch.ids])
        return nn.functional.cross_entropy(network(batch.inputs), target)

    def score(self, network: nn.Module) -> dict[str, float]:
        ids = np.arange(40, N_SHOWN)
        chosen = network(torch.from_numpy(pictures()[ids])).argmax(1).numpy()
        return {"accuracy": float((chosen == kinds()[ids]).mean())}

    def seen(self, ids: np.ndarray) -> Tensor:
        return torch.from_numpy(pictures()[ids])

    def labels(self, ids: np.ndarray) -> np.ndarray:
        return np.eye(N_KINDS, dtype=np.float32)[kinds()[ids]]


class OverTime(nn.Module):
    """A transformer over the columns of a picture, as over time."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(SIZE * SIZE // N_TIMES, 16)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.decide = nn.Linear(16, N_KINDS)

    def forward(self, steps: Tensor) -> Tensor:
        return self.decide(self.encoder(self.embed(steps)).mean(1))


class SequenceStudent(PictureStudent):
    """The same task over time; it keeps to itself what it sees and has no labels."""

    name = "sequences"
    layer = "encoder"
    seen = None  # type: ignore[assignment]
    labels = None  # type: ignore[assignment]

    def new_network(self, generator: torch.Generator) -> nn.Module:
        return seeded(OverTime, generator)

    def batches(self, generator: np.random.Generator) -> Iterator[b2m.Batch]:
        while True:
            ids = generator.choice(40, 8, replace=False)
            yield b2m.Batch(ids, in_time(ids))

    def score(self, network: nn.Module) -> dict[str, float]:
        ids = np.arange(40, N_SHOWN)
        chosen = network(in_time(ids)).argmax(1).numpy()
        return {"accuracy": float((chosen == kinds()[ids]).mean())}


def in_time(ids: np.ndarray) -> Tensor:
    """Pictures cut into columns, one a time step: [row time feature]."""
    columns = pictures()[ids, 0].transpose(0, 2, 1).reshape(len(ids), N_TIMES, -1)
    return torch.from_numpy(np.ascontiguousarray(columns))


def seeded(made: type[nn.Module], generator: torch.Generator) -> nn.Module:
    """A module whose start comes from a generator, which most modules do not take."""
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        return made()
