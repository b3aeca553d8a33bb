"""Students of the memory study that learn from generated trials, trained together and scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from b2m_agents.studies.memory.plan import MemoryPlan
from b2m_drive.evidence.scores import Score
from b2m_drive.students.decision_rnn import DecisionRNN
from b2m_drive.students.devices import device_of
from b2m_drive.students.fitting import FittingSettings, fit, limit_each_gradient
from b2m_drive.students.seeded_streams import generator_for, torch_generator_for
from b2m_drive.students.stacked_rnn import StackedDecisionRNN
from b2m_envs.memory_decision import TrialBatch, task_of

ACCURACY = "accuracy"
FIXATION_WEIGHT = 0.1  # of a step before the probes, beside 1 for a step of the decision
# One stream of random numbers for each purpose, so that conditions differ in nothing else.
INIT, GENERATED, RECORDED, EVALUATION, TEACHER, HEADS, HELD_OUT, UNTRAINED, ITEMS = range(9)


class GroupRun:
    """Students that learn from generated trials only, each seed from its own."""

    def __init__(self, plan: MemoryPlan) -> None:
        self.plan, self.settings = plan, plan.settings
        self.device = device_of(self.settings.device)
        self.tasks = [task_of(replace(plan.task, codes_seed=seed)) for seed in plan.seeds]
        self.generators = [generator_for(seed, GENERATED) for seed in plan.seeds]
        self.pools = [
            task.draw_trials(self.settings.n_student_trials, generator)
            if self.settings.n_student_trials
            else None
            for task, generator in zip(self.tasks, self.generators, strict=True)
        ]
        self.held_out = [
            task.sample(self.settings.n_evaluation_trials, generator_for(seed, EVALUATION))
            for task, seed in zip(self.tasks, plan.seeds, strict=True)
        ]
        self.rnn_settings = plan.isolated.rnn_settings(
            self.held_out[0].observation.shape[-1], self.settings.time_step
        )
        self.network = StackedDecisionRNN(
            [self.new_student(seed, INIT) for _, seed in plan.students]
        ).to(self.device)
        self.scores: list[Score] = []

    def train(self, after_step: Callable[[], None]) -> list[Score]:
        """Train all students; returns their scores."""
        fit(
            self.parameters(),
            self.loss_of_step,
            FittingSettings(
                self.settings.n_steps,
                self.plan.isolated.learning_rate,
                evaluate_every=self.settings.evaluate_every,
            ),
            limit_gradient=self.limit_gradients,
            evaluate=self.evaluate,
            after_step=after_step,
        )
        return self.scores

    def parameters(self) -> list[nn.Parameter]:
        """Everything that is trained."""
        return list(self.network.parameters())

    def limit_gradients(self, parameters: Sequence[nn.Parameter], limit: float) -> None:
        """Limit the gradient of each student, as if it were trained alone."""
        limit_each_gradient(parameters, limit)

    def loss_of_step(self, step: int) -> Tensor:
        """Decision loss on fresh trials, summed over students (who share no weights)."""
        batches = self.draw_batches()
        observation = self.for_students([batch.observation for batch in batches])
        logits = self.network(observation).logits
        return self.decision_loss_of(logits, batches).sum()

    def draw_batches(self) -> list[TrialBatch]:
        """Generated trials for each seed: fresh ones, or some of the few it may see."""
        batches = []
        for task, generator, pool in zip(self.tasks, self.generators, self.pools, strict=True):
            if pool is None:
                batches.append(task.sample(self.settings.batch_size, generator))
            else:
                rows = generator.integers(len(pool), size=self.settings.batch_size)
                batches.append(task.unroll(pool.select(rows), generator))
        return batches

    @torch.no_grad()
    def evaluate(self, step: int) -> None:
        """Score the choice at the last step of held-out generated trials."""
        observation = self.for_students([batch.observation for batch in self.held_out])
        self.network.eval()
        logits = self.network(observation).logits
        self.network.train()
        target = self.for_students([batch.target for batch in self.held_out])
        decision = self.for_students([batch.decision for batch in self.held_out])
        accuracy = accuracy_of(logits, target, decision).tolist()
        for (condition, seed), value in zip(self.plan.students, accuracy, strict=True):
            self.scores.append(Score(condition, seed, ACCURACY, step, value, "share of trials"))

    def decision_loss_of(self, logits: Tensor, batches: list[TrialBatch]) -> Tensor:
        """Each student's decision loss; steps past the end of a seed's trials count nothing."""
        target = self.for_students([batch.target for batch in batches])
        weight = self.for_students([step_weight(batch) for batch in batches])
        return decision_loss(logits[:, :, : target.shape[-1]], target, weight)

    def for_students(self, by_seed: list[np.ndarray]) -> Tensor:
        """Arrays of each seed, repeated for the seed's students: [model batch time ...]."""
        stacked = self.on_device(np.stack(padded_alike(by_seed)))
        if len(by_seed) == 1:
            return stacked.expand(len(self.network), *stacked.shape[1:])
        return stacked.repeat_interleave(len(self.plan.conditions), dim=0)

    def on_device(self, values: np.ndarray) -> Tensor:
        """An array where the students are."""
        return torch.from_numpy(values).to(self.device)

    def new_student(self, seed: int, purpose: int) -> DecisionRNN:
        """A student as it starts, from one of a seed's streams."""
        return DecisionRNN(self.rnn_settings, torch_generator_for(seed, purpose))


def decision_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy of every step's action, one value a student.

    Shapes: logits [model batch time action], target and weight [model batch time].
    """
    entropy = nn.functional.cross_entropy(
        logits.flatten(0, 2).float(), target.reshape(-1), reduction="none"
    ).view(target.shape)
    return (entropy * weight).sum((1, 2)) / weight.sum((1, 2))


def accuracy_of(logits: Tensor, target: Tensor, decision: Tensor) -> Tensor:
    """Each student's share of trials whose choice at the last step of the probes is right.

    Shapes: logits [model batch time action], target and decision [model batch time].
    """
    last = decision.shape[-1] - 1 - decision.flip(-1).int().argmax(-1)
    chosen = _at_step(logits[..., 1:].argmax(-1) + 1, last)
    return (chosen == _at_step(target, last)).float().mean(1)


def padded_alike(batches: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Batches of trials [batch time ...], padded with zeros to the longest of them."""
    longest = max(batch.shape[1] for batch in batches)
    return [
        np.pad(batch, ((0, 0), (0, longest - batch.shape[1]), *((0, 0),) * (batch.ndim - 2)))
        for batch in batches
    ]


def step_weight(batch: TrialBatch) -> Float32[np.ndarray, "batch time"]:
    """What each step's loss weighs: fixating is easy and weighs less, padding nothing."""
    weight = np.where(batch.decision, 1.0, FIXATION_WEIGHT) * batch.mask
    return np.asarray(weight, dtype=np.float32)


def _at_step(values: Tensor, step: Tensor) -> Tensor:
    return values.gather(-1, step[..., None])[..., 0]
