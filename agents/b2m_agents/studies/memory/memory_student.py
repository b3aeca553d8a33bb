"""A recurrent network, or any over time, on a memory task, as a student of a `Comparison`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor, nn

from b2m_agents.studies.isolated import frozen_settings
from b2m_agents.studies.memory.brain_description import plain_entries
from b2m_agents.studies.memory.network_in_windows import TAUGHT, NetworkInWindows
from b2m_agents.studies.memory.plan import (
    MemoryStudySettings,
    replaying,
    split_trials,
    task_settings,
)
from b2m_agents.studies.memory.student_group import (
    EVALUATION,
    HELD_OUT,
    accuracy_of,
    decision_loss,
    padded_alike,
    step_weight,
)
from b2m_agents.studies.memory.student_tasks import STUDENT_TASKS
from b2m_agents.studies.memory.teachers import brain_activity
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.recording_quality import fit_to_teach
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.students.decision_rnn import Cell, DecisionRNN
from b2m_drive.students.devices import device_of_network
from b2m_drive.students.own_network import seeded_by
from b2m_drive.students.seeded_streams import generator_for
from b2m_drive.students.student import Batch, ScoreWords
from b2m_drive.teachers.window_of_steps import average_in_windows
from b2m_drive.teachers.windows import WindowChoice
from b2m_envs.memory_decision import TrialBatch, task_of

_SEED = 0  # of the held-out trials, and of the noise in what is seen for given ids
_WORDS = ScoreWords(
    "accuracy of the choice",
    "share of trials",
    0.5,
    "chance",
    "batches of generated and recorded trials",
    (0.7, 0.8, 0.9),
)
_CANNOT = {
    "curves over trials, delay and signal": "asked by compare memory only",
    "no teacher, but labels": "every student, alone or taught, learns from the answers of the "
    "recorded trials",
}


class MemoryStudent:
    """Learns a memory task, while a brain that did the same or a similar one teaches it.

    ::

        student = MemoryStudent(recording)
        budget = Budget(n_steps=600, learning_rate=student.learning_rate)
        run = Comparison(student, student.brain, budget=budget).run("runs/mine")

    Student and brain are paired by trial: a batch holds freshly generated trials, and recorded ones
    that the student lives through as the person did, each under its id. The layer's activity is
    averaged in the windows in which the brain was read, which the events of each trial place (see
    `NetworkInWindows`); no window lies in the probes. All trials of a batch count alike in the
    task's loss, recorded ones too, so that nothing a taught student gains can come of their
    answers. A fifth of the recorded trials is held out; accuracy is of generated trials that
    nobody learns from.

    Unlike the memory study, which knows two phases and draws codes of the stimuli for every seed,
    there is one head for encoding and delay, and one set of codes.

    Args:
        recording: Of a memory task; its bad trials are left out, as `fit_to_teach` does.
        network: The cell of a `DecisionRNN` with the settings tuned for it, or a function or class
            of a module, called with the number of features and of actions, that gives a network:
            observations [batch time feature] to logits [batch time action].
        layer: Of the network, which is taught: a path of its ``named_modules()``.
        task: That it learns, a key of `STUDENT_TASKS`.
        windows: Where the brain is read, see `teaching_windows`.
        codes: Of the stimuli: ``"random"`` or ``"category"``.
        maintenance: Of generated trials [s]; None: as in the published task.
        batch_size: Generated trials a step.
        recorded_batch_size: Recorded trials a step.
        name: Of the run; None: of the network.

    Raises:
        ValueError: If the recording cannot teach, a setting is impossible, or the network does not
            give what it should.
    """

    layer = TAUGHT
    words = _WORDS
    cannot: Mapping[str, str] = _CANNOT

    def __init__(
        self,
        recording: Recording | TrialResponses,
        network: Cell | Callable[[int, int], nn.Module] = "gru",
        layer: str = "rnn",
        *,
        task: str = "memory_decision",
        windows: WindowChoice = "all",
        codes: str = "random",
        maintenance: float | None = None,
        batch_size: int = 32,
        recorded_batch_size: int = 16,
        name: str | None = None,
    ) -> None:
        if not callable(network) and network not in get_args(Cell):
            raise ValueError(
                f"network: expected a function that makes one or one of "
                f"{', '.join(get_args(Cell))}, came {network!r}"
            )
        self.network, self.layer_of_network = network, layer
        self.settings = MemoryStudySettings(
            task=task, windows=windows, codes=codes, maintenance=maintenance,
            batch_size=batch_size, recorded_batch_size=recorded_batch_size,
        )  # fmt: skip
        recorded = fit_to_teach(in_trials(recording))
        self.brain = brain_activity(recorded, windows)
        self.task = task_of(task_settings(recorded, self.settings))
        self.replay = task_of(replaying(self.task.settings, recorded))
        self.trials = STUDENT_TASKS[task].trials_of(recorded.trials)
        self.teaching = np.flatnonzero(split_trials(recorded))
        self.name = name or f"{_name_of(network)} on {task.replace('_', ' ')}"
        self._check_network()

    @property
    def learning_rate(self) -> float:
        """Which the cell was tuned with, and for a network of your own the GRU."""
        cell = "gru" if callable(self.network) else self.network
        return frozen_settings(cell).learning_rate

    def new_network(self, generator: torch.Generator) -> nn.Module:
        """A network before its first step, its start drawn from the generator."""
        if callable(self.network):
            with seeded_by(generator):
                made = self.network(self.task.n_features, self.n_actions)
            if not isinstance(made, nn.Module):
                raise ValueError(
                    f"network {_name_of(self.network)}: expected a torch.nn.Module, came "
                    f"{type(made).__name__}"
                )
        else:
            settings = frozen_settings(self.network)
            step = self.settings.time_step
            made = DecisionRNN(settings.rnn_settings(self.task.n_features, step), generator)
        return NetworkInWindows(made, self.layer_of_network)

    @property
    def n_actions(self) -> int:
        """Fixate, and the two answers."""
        return 3

    def batches(self, generator: np.random.Generator) -> Iterator[Batch]:
        """Generated trials, then recorded ones that teach, all with fresh noise."""
        size = min(self.settings.recorded_batch_size, len(self.teaching))
        nobody = np.full(self.settings.batch_size, int(self.brain.ids.min()) - 1)
        while True:
            rows = generator.choice(self.teaching, size, replace=False)
            generated = self.task.sample(self.settings.batch_size, generator)
            recorded = self.replay.unroll(self.trials.select(rows), generator)
            yield Batch(
                np.concatenate([nobody, self.brain.ids[rows]]), self._joined(generated, recorded)
            )

    def task_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy of the action at every step; a step before the probes weighs a tenth."""
        observation, shares, target, weight = batch.inputs
        logits = network(observation, shares)
        loss: Tensor = decision_loss(logits[None], target[None], weight[None])[0]
        return loss

    @torch.no_grad()
    def score(self, network: nn.Module) -> dict[str, float]:
        """The share of held-out generated trials that end in the right choice."""
        held_out = self._held_out_trials
        arrays = (held_out.observation, held_out.target, held_out.decision)
        device = device_of_network(network)
        observation, target, decision = (torch.from_numpy(each).to(device) for each in arrays)
        logits = network(observation)
        return {"accuracy": float(accuracy_of(logits[None], target[None], decision[None])[0])}

    def seen(self, ids: Int64[np.ndarray, " row"]) -> tuple[Tensor, Tensor]:
        """The recorded trials of these ids until the probes, and the windows' shares of steps."""
        rows = self._rows_of(ids)
        observation, shares = self._recorded
        return observation[rows], shares[rows]

    def labels(self, ids: Int64[np.ndarray, " row"]) -> Float32[np.ndarray, "row label"]:
        """Which stimuli the trials showed as items, a column a stimulus."""
        shown = self.trials.select(self._rows_of(ids)).stimulus
        every = np.arange(self.task.settings.n_stimuli)
        return np.asarray((shown[:, :, None] == every).any(1), dtype=np.float32)

    def held_out(self, ids: Int64[np.ndarray, " id"]) -> Bool[np.ndarray, " id"]:
        """Which of these trials teach nobody."""
        return ~np.isin(self._rows_of(ids), self.teaching)

    def describe(self) -> dict[str, Any]:
        """What decides its numbers, for the configuration of a run."""
        network = self.new_network(torch.Generator().manual_seed(0))
        shapes = [(name, list(each.shape)) for name, each in network.state_dict().items()]
        return {
            "network": _name_of(self.network),
            "layer_of_network": self.layer_of_network,
            "n_parameters": sum(each.numel() for each in network.parameters()),
            "architecture": _digest(f"{network}{shapes}".encode()),
            "trial_task": f"{self.task.settings.task_id}-v0",
            "trial_settings": plain_entries(asdict(self.task.settings)),
            "windows": self.settings.windows,
            "generated_trials_a_step": self.settings.batch_size,
            "recorded_trials_a_step": self.settings.recorded_batch_size,
            "n_held_out_generated_trials": self.settings.n_evaluation_trials,
            "trials": _digest(b"".join(each.tobytes() for each in _columns(self.trials))),
        }

    @cached_property
    def _held_out_trials(self) -> TrialBatch:
        size = self.settings.n_evaluation_trials
        return self.task.sample(size, generator_for(_SEED, EVALUATION))

    @cached_property
    def _recorded(self) -> tuple[Tensor, Tensor]:
        """Every recorded trial, without its probes, and the shares of its windows."""
        every = self.replay.unroll(self.trials, generator_for(_SEED, HELD_OUT))
        until_probes = np.where(every.decision[..., None], np.float32(0), every.observation)
        return torch.from_numpy(until_probes), torch.from_numpy(self._shares(every))

    def _joined(self, generated: TrialBatch, recorded: TrialBatch) -> tuple[Tensor, ...]:
        """Observation, shares of windows, target and weight of two batches as one."""
        both = (generated, recorded)
        observation = np.concatenate(padded_alike([each.observation for each in both]))
        target = np.concatenate(padded_alike([each.target for each in both]))
        weight = np.concatenate(padded_alike([step_weight(each) for each in both]))
        shares = np.zeros((len(target), len(self.brain.windows), target.shape[1]), np.float32)
        own = self._shares(recorded)
        shares[len(generated) :, :, : own.shape[2]] = own
        return tuple(map(torch.from_numpy, (observation, shares, target, weight)))

    def _shares(self, trials: TrialBatch) -> Float32[np.ndarray, "trial window time"]:
        """What each step counts in the average of each window of its trial."""
        n_trials, n_steps = trials.period.shape
        each_step = np.broadcast_to(np.eye(n_steps, dtype=np.float32), (n_trials, n_steps, n_steps))
        return average_in_windows(
            each_step,
            self.brain.windows,
            trials.period_names,
            trials.period,
            self.settings.time_step,
        )

    def _rows_of(self, ids: Int64[np.ndarray, " row"]) -> Int64[np.ndarray, " row"]:
        order = np.argsort(self.brain.ids)
        place = np.searchsorted(self.brain.ids, ids, sorter=order).clip(max=len(order) - 1)
        rows: Int64[np.ndarray, " row"] = order[place]
        unknown = ids[self.brain.ids[rows] != ids]
        if len(unknown):
            raise ValueError(
                f"ids of {self.name}: expected those of the recorded trials of "
                f"{self.brain.session}, came {unknown[0]} ({len(unknown)} others): is the "
                "comparison's brain the student's own (`MemoryStudent.brain`)?"
            )
        return rows

    def _check_network(self) -> None:
        """Take one batch's loss and hear the layer, as a comparison will."""
        network = self.new_network(torch.Generator().manual_seed(0))
        logits = network(*self.seen(self.brain.ids[:2]))
        if logits.shape[-1] != self.n_actions:
            raise ValueError(
                f"network {_name_of(self.network)}: expected logits of {self.n_actions} actions, "
                f"came {logits.shape[-1]}"
            )


def _columns(trials: Any) -> list[np.ndarray]:
    return [each for each in vars(trials).values() if isinstance(each, np.ndarray)]


def _name_of(network: Cell | Callable[[int, int], nn.Module]) -> str:
    if callable(network):
        return str(getattr(network, "__qualname__", repr(network)))
    return f"DecisionRNN ({network})"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
