"""One job of a comparison: train a student under one condition and seed, and score it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn

from b2m_drive.comparisons.control import Control, ControlInputs
from b2m_drive.comparisons.student_activity import activity_of, seen_by
from b2m_drive.evidence.alignment import alignment_scores
from b2m_drive.evidence.condition import ALONE, ALONE_HEAD, BRAIN, Condition
from b2m_drive.evidence.scores import Score
from b2m_drive.recordings.responses import Responses
from b2m_drive.students.devices import brought, device_of
from b2m_drive.students.fitting import FittingSettings, fit
from b2m_drive.students.seeded_streams import generator_for, torch_generator_for
from b2m_drive.students.student import LabelsById, SeesById, Student
from b2m_drive.teachers.latent_methods import LatentMethod, at_most
from b2m_drive.teachers.response_latents import ResponseLatents
from b2m_drive.transfer.attachment import BrainAttachment, attach
from b2m_drive.transfer.schedule import WeightSchedule
from b2m_drive.transfer.targets import BrainTargets

# One stream of random numbers for each purpose, so that conditions differ in nothing else.
INIT, BATCHES, TEACHER, HEAD, UNTRAINED = range(5)
_BATCHES_TO_MATCH = 100  # without any id that teaches, until the student is refused


@dataclass(frozen=True)
class Budget:
    """How every student of a comparison is trained, by Adam; the same for all.

    Args:
        n_steps: Batches that a student learns from.
        evaluate_every: Steps between two evaluations; divides the number of steps.
        learning_rate: Of Adam.
        weight: Of the transfer term at the start, beside the task's loss.
        falls_to_zero_at: Share of the training by which the weight has fallen to 0, linearly; None:
            it stays.
        temperature: Of the contrastive loss.
        n_latents: Of every teacher; None: as many as the first latent method finds in the brain.

    Raises:
        ValueError: If a number is out of range.
    """

    n_steps: int = 500
    evaluate_every: int = 50  # [steps]
    learning_rate: float = 1e-3
    weight: float = 1.0  # of the transfer term at the start
    falls_to_zero_at: float | None = 0.5  # share of the training after which it is off
    temperature: float = 0.2  # of the contrastive loss
    n_latents: int | None = None  # None: as many as the latent method finds in the brain

    def __post_init__(self) -> None:
        FittingSettings(self.n_steps, self.learning_rate, evaluate_every=self.evaluate_every)
        WeightSchedule(self.weight, self.falls_to_zero_at)
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"temperature: expected more than 0, came {self.temperature}")


@dataclass(frozen=True)
class StudentPlan:
    """All that a worker needs to train one student."""

    student: Student
    teaching: Responses  # the brain's, to rows that teach
    held_out: Responses  # to rows that teach nobody
    control: Control
    condition: Condition
    seed: int
    budget: Budget
    latents: LatentMethod  # the function itself, so that one registered in a script reaches workers
    device: str = "cpu"  # that the student is trained on


def run_job(plan: StudentPlan, after_step: Callable[[], None]) -> list[Score]:
    """Train and score the student of a plan."""
    return _Training(plan).run(after_step)


class _Training:
    def __init__(self, plan: StudentPlan) -> None:
        self.plan, self.student, self.budget = plan, plan.student, plan.budget
        self.device = device_of(plan.device)
        self.network = self._new_network(INIT)
        self.batches: Iterator[Any] = iter(self.student.batches(generator_for(plan.seed, BATCHES)))
        self.schedule = WeightSchedule(self.budget.weight, self.budget.falls_to_zero_at)
        self.attachment = self._attach()
        self.n_batches = self.n_matched = 0  # batches drawn, and rows of them that are taught
        self.scores: list[Score] = []

    def run(self, after_step: Callable[[], None]) -> list[Score]:
        parameters = list(self.network.parameters())
        parameters += list(self.attachment.parameters()) if self.attachment else []
        self.network.train()
        fit(
            parameters,
            self._loss,
            FittingSettings(
                self.budget.n_steps,
                self.budget.learning_rate,
                evaluate_every=self.budget.evaluate_every,
            ),
            limit_gradient=_limit_gradient,
            evaluate=self._evaluate,
            after_step=after_step,
        )
        if self.attachment:
            self.attachment.remove()
        self._align()
        return self.scores

    def _new_network(self, purpose: int) -> nn.Module:
        """A network as it starts: drawn on the cpu, so that it is the same on every device."""
        made = self.student.new_network(torch_generator_for(self.plan.seed, purpose))
        return made.to(self.device)

    def _loss(self, step: int) -> Tensor:
        batch = next(self.batches)
        if self.device.type != "cpu":
            batch = brought(batch, self.device)
        with follows(self.student, "task_loss", self.device):
            loss = self.student.task_loss(self.network, batch)
        if not torch.isfinite(loss).all():
            raise ValueError(
                f"task_loss of {self.student.name}: expected a finite number, came {loss.item()} "
                f"at step {step} of seed {self.plan.seed} ({self.plan.condition})"
            )
        weight = self.schedule(step, self.budget.n_steps)
        if self.plan.condition.control == ALONE_HEAD:
            weight = 0.0
        if self.attachment is None:
            return loss
        self._match(batch.ids)
        return loss + self.attachment.loss(batch.ids, weight=weight)

    def _match(self, ids: Int64[np.ndarray, " batch"]) -> None:
        """Refuse a student whose ids are never those that the brain saw: nothing would teach it."""
        taught = self.plan.teaching.ids
        self.n_batches += 1
        self.n_matched += int(np.isin(ids, taught).sum())
        if not self.n_matched and self.n_batches == min(self.budget.n_steps, _BATCHES_TO_MATCH):
            raise ValueError(
                f"ids of {self.student.name}: expected some of those that the brain's responses "
                f"are to ({taught.min()} to {taught.max()}), came none in {self.n_batches} batches "
                f"(the last holds {ids.min()} to {ids.max()}); are they numbered alike?"
            )

    @torch.no_grad()
    def _evaluate(self, step: int) -> None:
        self.network.eval()
        with follows(self.student, "score", self.device):
            found = self.student.score(self.network)
        self.network.train()
        for metric, value in found.items():
            if not np.isfinite(value):
                raise ValueError(
                    f"score {metric} of {self.student.name}: expected a finite number after "
                    f"{step} steps, came {value}"
                )
            unit = self.student.words.unit
            self._add(metric, step, float(value), unit)

    def _add(self, metric: str, step: int, value: float, unit: str) -> None:
        plan = self.plan
        self.scores.append(Score(plan.condition, plan.seed, metric, step, value, unit))

    def _align(self) -> None:
        """The layer beside the brain, on rows that taught nobody."""
        brain = self.plan.held_out
        if not isinstance(self.student, SeesById) or not len(brain):
            return
        activity = activity_of(self.student, self.network, brain.ids)
        rows = activity.reshape(len(brain), -1)
        units = brain.values.reshape(len(brain), -1)
        for metric, value in alignment_scores(rows, units, brain.ids).items():
            self._add(metric, self.budget.n_steps, value, "1")

    def _attach(self) -> BrainAttachment | None:
        """The teacher's head on the taught layer; none for the student alone."""
        condition = self.plan.condition
        if condition.control == ALONE:
            return None
        latents = self._latents()
        method = condition.method
        generator = torch_generator_for(self.plan.seed, HEAD)
        ids = self.plan.teaching.ids
        example = self.student.seen(ids[:2]) if isinstance(self.student, SeesById) else None
        example = brought(example, self.device)
        return attach(
            self.network,
            self.student.layer,
            targets_of(self.plan.teaching, latents, condition.control),
            strategy="contrastive" if method and method.strategy == "contrastive" else "regression",
            example=example,
            temperature=self.budget.temperature,
            generator=generator,
        )

    def _latents(self) -> ResponseLatents:
        """Of the brain, or of what stands in its place, all made in the same way."""
        control = self.plan.control
        responses = self.plan.teaching
        if control.name not in (BRAIN, ALONE_HEAD):
            responses = responses.with_values(control.activity(self._inputs()))
        return at_most(self.plan.latents, responses, self.budget.n_latents)

    def _inputs(self) -> ControlInputs:
        teaching, student = self.plan.teaching, self.student

        def untrained() -> Float32[np.ndarray, "row time hidden"]:
            activity = activity_of(student, self._new_network(UNTRAINED), teaching.ids)
            return _over_time(activity, teaching)

        def labels() -> Float32[np.ndarray, "row time label"]:
            if not isinstance(student, LabelsById):
                raise ValueError(
                    f"student {student.name}: expected a method labels(ids), came none"
                )
            return _over_time(student.labels(teaching.ids)[:, None], teaching)

        return ControlInputs(
            teaching.values,
            teaching.present,
            teaching.ids,
            lambda: _over_time(seen_by(student, teaching.ids), teaching),
            untrained,
            labels,
            generator_for(self.plan.seed, TEACHER),
        )


@contextmanager
def follows(student: Student, method: str, device: torch.device) -> Iterator[None]:
    """Say what a student's own method has to do, where it stays behind on the cpu.

    Raises:
        ValueError: If PyTorch refuses tensors of two devices, or one that NumPy cannot read.
    """
    try:
        yield
    except (RuntimeError, TypeError, NotImplementedError) as error:
        if device.type == "cpu" or "device" not in str(error):
            raise
        raise ValueError(
            f"{method} of {student.name}: expected every tensor beside the batch on the network's "
            f"device {device} (see device_of_network), and results brought back by .cpu(); came "
            f"{type(error).__name__}: {error}"
        ) from error


def targets_of(responses: Responses, latents: ResponseLatents, origin: str) -> BrainTargets:
    """Latents by id: what was seen more than once teaches the mean of its presentations."""
    ids, place = np.unique(responses.ids, return_inverse=True)
    present = responses.present[..., None].astype(np.float32)
    sums = np.zeros((len(ids), *latents.values.shape[1:]), np.float32)
    counts = np.zeros((len(ids), latents.values.shape[1], 1), np.float32)
    np.add.at(sums, place, latents.values * present)
    np.add.at(counts, place, present)
    values, valid = sums / np.maximum(counts, 1), counts[..., 0] > 0
    if values.shape[1] == 1:  # one response to the whole of what was seen
        return BrainTargets(values[:, 0], ids, origin, variance=latents.share_of_variance)
    return BrainTargets(values, ids, origin, valid, latents.share_of_variance)


def _over_time(
    values: Float32[np.ndarray, "row _ feature"], responses: Responses
) -> Float32[np.ndarray, "row time feature"]:
    """The same number of times as the responses: what has one time has it at all of them."""
    n_times = responses.values.shape[1]
    if values.shape[1] == n_times:
        return values
    if values.shape[1] == 1:
        return np.repeat(values, n_times, axis=1)
    raise ValueError(
        f"expected activity at 1 or {n_times} times, as many as the brain's responses have, came "
        f"{values.shape[1]}"
    )


def _limit_gradient(parameters: Sequence[nn.Parameter], limit: float) -> None:
    nn.utils.clip_grad_norm_(parameters, limit)
