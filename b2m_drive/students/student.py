"""What a network needs to be compared: the protocol of a student, ours or a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor, nn


@dataclass(frozen=True)
class Batch:
    """Some of a student's samples: what each one is of, and whatever its loss needs."""

    ids: Int64[np.ndarray, " batch"]  # paired with the ids of what the brain saw
    inputs: Any


@dataclass(frozen=True)
class ScoreWords:
    """What reports call a student's score and its samples.

    Args:
        label: Of the score that is judged, the first that `score` gives.
        unit: Of it, such as "share of pictures"; "1" if it has none.
        floor: The score of one who knows nothing, such as chance.
        floor_label: What the floor is, in words.
        samples: What a batch holds, in words.
        criteria: Scores whose first passing is timed; none: no time is reported.
    """

    label: str = "score"
    unit: str = "1"
    floor: float = 0.0  # the score of one who knows nothing
    floor_label: str = "nothing known"
    samples: str = "samples"  # what a batch holds
    criteria: tuple[float, ...] = ()  # scores whose first passing is timed


@runtime_checkable
class Student(Protocol):
    """A network, its data, its task's loss and its held-out score.

    It travels to worker processes, so it must survive pickling: define its class in a module, not
    inside a function. A student may do more, and what it cannot do is left out of the report with
    the reason: `SeesById`, `LabelsById`, `HoldsOut` and `SaysWhatItCannot`.

    A comparison on a GPU gives `task_loss` and `score` a network that is there, and a batch whose
    tensors are; whatever else they use (held-out data, class weights) follows the network, to
    `b2m_drive.students.devices.device_of_network`. `new_network`, `batches` and `seen` may stay
    on the cpu.
    """

    name: str  # of a run
    layer: str  # that is taught: a path of ``network.named_modules()``
    words: ScoreWords

    def new_network(self, generator: torch.Generator) -> nn.Module:
        """A network before its first step; all randomness from the generator."""

    def batches(self, generator: np.random.Generator) -> Iterator[Batch]:
        """Training batches without end; all randomness from the generator."""

    def task_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """The task's own loss of a batch; calls the network on its samples, in their order."""

    def score(self, network: nn.Module) -> Mapping[str, float]:
        """Held-out scores by name, higher is better; the first one is judged."""


@runtime_checkable
class SeesById(Protocol):
    """A student that says what it sees for given ids: nulls of the input, and alignment."""

    def seen(self, ids: Int64[np.ndarray, " row"]) -> Tensor | tuple[Tensor, ...]:
        """The network's input for what these ids name, a row each.

        Of a network with several arguments all of them; the first is what it sees.
        """


@runtime_checkable
class LabelsById(Protocol):
    """A student that has labels for given ids: label probes."""

    def labels(self, ids: Int64[np.ndarray, " row"]) -> Float32[np.ndarray, "row label"]:
        """What is true of these ids, a column a label (one-hot for classes)."""


@runtime_checkable
class HoldsOut(Protocol):
    """A student that says which ids it learns nothing from: these then teach nobody."""

    def held_out(self, ids: Int64[np.ndarray, " id"]) -> Bool[np.ndarray, " id"]:
        """Whether each of these ids is held out; one that it does not know is refused."""


@runtime_checkable
class SaysWhatItCannot(Protocol):
    """A student that gives reasons for what the report leaves out.

    ``labels`` or ``seen`` among the parts takes back what a method of that name promises.
    """

    cannot: Mapping[str, str]  # part -> the reason


@runtime_checkable
class Described(Protocol):
    """A student that says what its numbers depend on, such as the frames that it learns from."""

    def describe(self) -> Mapping[str, Any]:
        """For the configuration of the run: numbers, text, and lists and mappings of them."""
