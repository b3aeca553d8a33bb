"""Train one group of students of the memory study together, and score them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from b2m_agents.studies.memory_plan import (
    ALONE_HEAD,
    ALONE_LABELLED,
    TEACHERS,
    MemoryPlan,
    replayed,
)
from b2m_agents.studies.seeded_streams import generator_for, torch_generator_for
from b2m_agents.studies.teachers import Reading, brain_activity, teacher_latents
from b2m_drive.brain.latents import BrainLatents
from b2m_drive.brain.pairing import average_in_windows, window_of_steps
from b2m_drive.brain.recording import BrainRecording
from b2m_drive.evidence.alignment import alignment_scores
from b2m_drive.evidence.run_folder import write_arrays
from b2m_drive.evidence.scores import Score
from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_drive.students.fitting import FittingSettings, fit, limit_each_gradient
from b2m_drive.students.stacked_rnn import StackedDecisionRNN
from b2m_drive.transfer.schedule import WeightSchedule
from b2m_drive.transfer.stacked import Lesson, StackedLessons
from b2m_envs.memory_decision import MemoryDecisionTask, TrialBatch

FIXATION_WEIGHT = 0.1  # of a step before the probes, beside 1 for a step of the decision
# One stream of random numbers for each purpose, so that conditions differ in nothing else.
INIT, GENERATED, RECORDED, EVALUATION, TEACHER, HEADS, HELD_OUT, UNTRAINED = range(8)


def run_group(plan: MemoryPlan, after_step: Callable[[], None]) -> list[Score]:
    """Train the students of one group and score them over training."""
    if plan.recording is None:
        return GroupRun(plan).train(after_step)
    return TaughtRun(plan, plan.recording).train(after_step)


class GroupRun:
    """Students that learn from generated trials only, each seed from its own."""

    def __init__(self, plan: MemoryPlan) -> None:
        self.plan, self.settings = plan, plan.settings
        self.tasks = [MemoryDecisionTask(replace(plan.task, codes_seed=s)) for s in plan.seeds]
        self.generators = [generator_for(seed, GENERATED) for seed in plan.seeds]
        self.held_out = [
            task.sample(self.settings.n_evaluation_trials, generator_for(seed, EVALUATION))
            for task, seed in zip(self.tasks, plan.seeds, strict=True)
        ]
        self.rnn_settings = DecisionRNNSettings(
            self.held_out[0].observation.shape[-1],
            plan.isolated.hidden_size,
            update_gate_bias=plan.isolated.update_gate_bias,
            input_gain=plan.isolated.input_gain,
        )
        self.network = StackedDecisionRNN(
            [self._new_student(seed, INIT) for _, seed in plan.students]
        )
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
            limit_gradient=limit_each_gradient,
            evaluate=self.evaluate,
            after_step=after_step,
        )
        return self.scores

    def parameters(self) -> list[nn.Parameter]:
        """Everything that is trained."""
        return list(self.network.parameters())

    def loss_of_step(self, step: int) -> Tensor:
        """Decision loss on fresh trials, summed over students (who share no weights)."""
        batches = self.draw_batches()
        observation = self._for_students([batch.observation for batch in batches])
        logits = self.network(observation).logits
        return self._decision_loss(logits, batches).sum()

    def draw_batches(self) -> list[TrialBatch]:
        """Fresh generated trials for each seed."""
        return [
            task.sample(self.settings.batch_size, generator)
            for task, generator in zip(self.tasks, self.generators, strict=True)
        ]

    @torch.no_grad()
    def evaluate(self, step: int) -> None:
        """Score the choice at the last step of held-out generated trials."""
        observation = self._for_students([batch.observation for batch in self.held_out])
        logits = self.network(observation).logits
        target = self._for_students([batch.target for batch in self.held_out])
        decision = self._for_students([batch.decision for batch in self.held_out])
        last = decision.shape[-1] - 1 - decision.flip(-1).int().argmax(-1)
        chosen = _at_step(logits[..., 1:].argmax(-1) + 1, last)
        accuracy = (chosen == _at_step(target, last)).float().mean(1)
        for (condition, seed), value in zip(self.plan.students, accuracy.tolist(), strict=True):
            self.scores.append(Score(condition, seed, "accuracy", step, value, "share of trials"))

    def _decision_loss(self, logits: Tensor, batches: list[TrialBatch]) -> Tensor:
        target = self._for_students([batch.target for batch in batches])
        weight = self._for_students([_step_weight(batch) for batch in batches])
        return decision_loss(logits, target, weight)

    def _for_students(self, by_seed: list[np.ndarray]) -> Tensor:
        """Arrays of each seed, repeated for the seed's students: [model batch ...]."""
        stacked = torch.from_numpy(np.stack(by_seed))
        if len(by_seed) == 1:
            return stacked.expand(len(self.network), *stacked.shape[1:])
        return stacked.repeat_interleave(len(self.plan.conditions), dim=0)

    def _new_student(self, seed: int, purpose: int) -> DecisionRNN:
        return DecisionRNN(self.rnn_settings, torch_generator_for(seed, purpose))


class TaughtRun(GroupRun):
    """Students of one seed that also live through recorded trials."""

    def __init__(self, plan: MemoryPlan, recording: BrainRecording) -> None:
        super().__init__(plan)
        assert plan.teaching is not None
        (self.task,), (self.seed,) = self.tasks, plan.seeds
        self.recording = recording
        rows = np.flatnonzero(plan.teaching)
        table = replayed(recording)
        self.teaching_trials = table.select(rows)
        self.held_out_rows = np.flatnonzero(~plan.teaching)
        self.held_out_trials = table.select(self.held_out_rows)
        self.row_generator = generator_for(self.seed, RECORDED)
        self.activity = brain_activity(recording)
        lessons = self._latents(rows)
        self.windows = self.activity.windows
        first = next(latents for latents in lessons if latents is not None)
        self.lessons = StackedLessons(
            [
                _lesson(name, latents or first)
                for name, latents in zip(plan.conditions, lessons, strict=True)
            ],
            torch.from_numpy(first.phase),
            plan.isolated.hidden_size,
            temperature=self.settings.temperature,
            positions=self.settings.positions,
            generator=torch_generator_for(self.seed, HEADS),
        )
        self.taught = torch.tensor([float(latents is not None) for latents in lessons])
        self.labelled = torch.tensor([float(n == ALONE_LABELLED) for n in plan.conditions])
        self.schedule = WeightSchedule(self.settings.weight, self.settings.falls_to_zero_at)

    def parameters(self) -> list[nn.Parameter]:
        """Everything that is trained, the heads included."""
        return [*super().parameters(), *self.lessons.parameters()]

    def loss_of_step(self, step: int) -> Tensor:
        """Decision loss on generated trials, transfer loss on recorded ones."""
        (generated,) = self.draw_batches()
        size = min(self.settings.recorded_batch_size, len(self.teaching_trials))
        rows = self.row_generator.choice(len(self.teaching_trials), size, replace=False)
        recorded = self.task.unroll(self.teaching_trials.select(rows), self.row_generator)
        output = self.network(_joined(generated.observation, recorded.observation)[None])
        n_generated, longest = generated.target.shape
        logits = output.logits[:, :n_generated, :longest]
        loss = self._decision_loss(logits, [generated])
        longest = recorded.target.shape[1]
        weight = self.schedule(step, self.settings.n_steps)
        if weight > 0:
            window = torch.from_numpy(self._window_of_steps(recorded))
            hidden = output.hidden[:, n_generated:, :longest]
            loss = loss + weight * self.taught * self.lessons(
                hidden, torch.from_numpy(rows), window
            )
        labelled = self._decision_loss(output.logits[:, n_generated:, :longest], [recorded])
        share = size / (size + n_generated) * self.labelled  # as if all were one batch
        total: Tensor = ((1 - share) * loss + share * labelled).sum()
        return total

    def train(self, after_step: Callable[[], None]) -> list[Score]:
        """Train all students; returns their scores, alignment with the brain included."""
        super().train(after_step)
        self._align()
        if self.plan.trajectories is not None:
            self._save_trajectories(self.plan.trajectories)
        return self.scores

    def _latents(self, rows: np.ndarray) -> list[BrainLatents | None]:
        """The latents that teach each condition, None where nothing does."""
        activity = self.activity.select_trials(rows)
        generator = generator_for(self.seed, TEACHER)
        seen = self.task.unroll(self.teaching_trials, generator)
        untrained = self._new_student(self.seed, UNTRAINED)
        made: dict[tuple[str, Reading], BrainLatents] = {}
        for reading in self.settings.readings:
            n_latents = None
            for teacher in TEACHERS:
                made[teacher, reading] = teacher_latents(
                    teacher,
                    reading,
                    activity,
                    seen,
                    untrained,
                    self.settings.time_step,
                    generator_for(self.seed, TEACHER),
                    n_latents,
                )
                n_latents = n_latents or made[teacher, reading].values.shape[-1]
        lessons: list[BrainLatents | None] = []
        for condition in self.plan.conditions:
            if condition in (ALONE_HEAD, ALONE_LABELLED):
                lessons.append(None)
            else:
                _, latents, pairing, teacher = condition.split("/")
                lessons.append(made[teacher, Reading(latents, pairing)])  # type: ignore[arg-type]
        return lessons

    def _window_of_steps(self, batch: TrialBatch) -> np.ndarray:
        return window_of_steps(
            self.windows,
            batch.period_names,
            batch.period,
            batch.time_since_onset,
            self.settings.time_step,
        )

    @torch.no_grad()
    def _save_trajectories(self, path: Path) -> None:
        """Average paths by first item, of the brain and of students with and without it."""
        trials = replayed(self.recording)
        seen = self.task.unroll(trials, generator_for(self.seed, HELD_OUT))
        hidden = self.network(torch.from_numpy(seen.observation)[None]).hidden.numpy()
        time = np.arange(len(self.windows), dtype=np.float64) * 0.4
        paths = {"brain": self.activity.values}
        for condition, each in zip(self.plan.conditions, hidden, strict=True):
            if condition == ALONE_LABELLED or condition.endswith("/brain"):
                paths[condition] = average_in_windows(
                    each, self.windows, seen.period_names, seen.period, self.settings.time_step
                )
        arrays = {}
        for name, values in paths.items():
            arrays[f"{name}/values"] = plane_of_paths(values, trials.stimulus[:, 0])
            arrays[f"{name}/time"] = time
        write_arrays(path, arrays)

    @torch.no_grad()
    def _align(self) -> None:
        """Compare each student's hidden state with the neurons, on held-out recorded trials."""
        seen = self.task.unroll(self.held_out_trials, generator_for(self.seed, HELD_OUT))
        hidden = self.network(torch.from_numpy(seen.observation)[None]).hidden.numpy()
        brain = self.activity.values[self.held_out_rows]
        trial = np.repeat(np.arange(len(brain)), brain.shape[1])
        for (condition, seed), each in zip(self.plan.students, hidden, strict=True):
            student = average_in_windows(
                each, self.windows, seen.period_names, seen.period, self.settings.time_step
            )
            found = alignment_scores(
                student.reshape(-1, student.shape[-1]), brain.reshape(-1, brain.shape[-1]), trial
            )
            for metric, value in found.items():
                self.scores.append(
                    Score(condition, seed, metric, self.settings.n_steps, value, "1")
                )


def plane_of_paths(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Each group's average path, in the two principal components of all: [group time 2]."""
    means = np.stack([values[group == each].mean(0) for each in np.unique(group)])
    centred = (means - means.mean((0, 1))).reshape(-1, means.shape[-1]).astype(np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(centred @ axes[:2].T).reshape(*means.shape[:2], 2)


def decision_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy of every step's action, one value a student.

    Shapes: logits [model batch time action], target and weight [model batch time].
    """
    entropy = nn.functional.cross_entropy(
        logits.flatten(0, 2), target.reshape(-1), reduction="none"
    ).view(target.shape)
    return (entropy * weight).sum((1, 2)) / weight.sum((1, 2))


def _step_weight(batch: TrialBatch) -> np.ndarray:
    weight = np.where(batch.decision, 1.0, FIXATION_WEIGHT) * batch.mask
    return np.asarray(weight, dtype=np.float32)


def _at_step(values: Tensor, step: Tensor) -> Tensor:
    return values.gather(-1, step[..., None])[..., 0]


def _joined(first: np.ndarray, second: np.ndarray) -> Tensor:
    """Two batches of trials one after the other, padded to the same length."""
    longest = max(first.shape[1], second.shape[1])
    padded = [
        np.pad(batch, ((0, 0), (0, longest - batch.shape[1]), (0, 0))) for batch in (first, second)
    ]
    return torch.from_numpy(np.concatenate(padded))


def _lesson(condition: str, latents: BrainLatents) -> Lesson:
    return Lesson(
        "contrastive" if condition.startswith("contrastive/") else "regression",
        torch.from_numpy(latents.values),
        torch.from_numpy(latents.share_of_variance.astype(np.float32)),
    )
