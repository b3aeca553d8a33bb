"""Run a group of the memory study; its students may also live through recorded trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from b2m_agents.studies.memory.plan import MemoryPlan, TeachingTrials
from b2m_agents.studies.memory.recorded_teaching import (
    RecordedBatch,
    RecordedTeaching,
    sees_permuted_items,
)
from b2m_agents.studies.memory.student_group import (
    HELD_OUT,
    UNTRAINED,
    GroupRun,
    padded_alike,
)
from b2m_agents.studies.memory.teachers import brain_activity, latents_of_brain
from b2m_agents.studies.memory.trial_matching import relabelled
from b2m_drive.evidence.alignment import alignment_scores
from b2m_drive.evidence.condition import ALONE_LABELLED, BRAIN, Condition
from b2m_drive.evidence.scores import Score
from b2m_drive.files.writing import write_arrays
from b2m_drive.recordings.trial_windows import present_windows
from b2m_drive.students.fitting import limit_each
from b2m_drive.students.seeded_streams import generator_for
from b2m_drive.teachers.window_of_steps import average_in_windows
from b2m_drive.transfer.schedule import WeightSchedule
from b2m_envs.memory_decision import TrialBatch, Trials


def run_job(plan: MemoryPlan, after_step: Callable[[], None]) -> list[Score]:
    """Train the students of one group and score them over training."""
    run = GroupRun(plan) if plan.teaching_trials is None else TaughtRun(plan, plan.teaching_trials)
    scores = run.train(after_step)
    if plan.variation is None:
        return scores
    return [replace(score, condition=score.condition.varied(plan.variation)) for score in scores]


class TaughtRun(GroupRun):
    """Students that also live through recorded trials; seeds share the arithmetic alone."""

    def __init__(self, plan: MemoryPlan, teaching_trials: TeachingTrials) -> None:
        super().__init__(plan)
        self.recording, self.trials = teaching_trials.recording, teaching_trials.trials
        self.held_out_rows = np.flatnonzero(~teaching_trials.teaching)
        self.activity = brain_activity(self.recording, self.settings.windows)
        self.windows = self.activity.windows
        taught = self.activity.select(teaching_trials.teaching)
        brain = {
            readout: latents_of_brain(readout, taught, self.settings.n_latents)
            for readout in self.settings.readings
        }
        self.by_seed = [
            RecordedTeaching(
                plan, teaching_trials, self.activity, brain, seed, self.new_student(seed, UNTRAINED)
            )
            for seed in plan.seeds
        ]
        n_seeds = len(plan.seeds)
        permuted = np.tile(sees_permuted_items(plan.conditions), n_seeds)
        self.any_permuted = bool(permuted.any())
        self.sees_permuted = self.on_device(permuted)
        taught_by_any = [t for each in self.by_seed for t in each.taught]
        self.taught = self.on_device(np.array(taught_by_any, np.float32))
        labelled = [name.control == ALONE_LABELLED for name in plan.conditions]
        self.labelled = self.on_device(np.array(labelled * n_seeds, np.float32))
        self.schedule = WeightSchedule(self.settings.weight, self.settings.falls_to_zero_at)

    def parameters(self) -> list[nn.Parameter]:
        """Everything that is trained, the heads included."""
        heads = [each for teaching in self.by_seed for each in teaching.heads.parameters()]
        return [*super().parameters(), *heads]

    def limit_gradients(self, parameters: Sequence[nn.Parameter], limit: float) -> None:
        """Limit the gradient of each student, its heads included."""
        n_conditions = len(self.plan.conditions)
        for place, teaching in enumerate(self.by_seed):
            own = slice(place * n_conditions, (place + 1) * n_conditions)
            of_network = [p.grad[own] for p in self.network.parameters() if p.grad is not None]
            of_heads = [p.grad for p in teaching.heads.parameters() if p.grad is not None]
            limit_each([*of_network, *of_heads], limit)

    def loss_of_step(self, step: int) -> Tensor:
        """Decision loss on generated trials, transfer loss on recorded ones."""
        generated = self.draw_batches()
        recorded = [each.sample(step, self.any_permuted) for each in self.by_seed]
        output = self.network(self._observation(generated, recorded))
        n_generated, size = len(generated[0]), len(recorded[0].rows)
        loss = self.decision_loss_of(output.logits[:, :n_generated], generated)
        weight = self.schedule(step, self.settings.n_steps)
        if weight > 0:
            hidden = output.hidden[:, n_generated:].split(len(self.plan.conditions))
            transfer = [
                teaching.transfer_loss(part, batch)
                for teaching, part, batch in zip(self.by_seed, hidden, recorded, strict=True)
            ]
            loss = loss + weight * self.taught * torch.cat(transfer)
        seen = [batch.seen for batch in recorded]
        labelled = self.decision_loss_of(output.logits[:, n_generated:], seen)
        share = size / (size + n_generated) * self.labelled  # as if all were one batch
        total: Tensor = ((1 - share) * loss + share * labelled).sum()
        return total

    def train(self, after_step: Callable[[], None]) -> list[Score]:
        """Train all students; returns their scores, alignment with the brain included."""
        super().train(after_step)
        self.network.eval()
        if self.plan.aligned:
            self.scores += self._alignment()
        if self.plan.trajectories is not None and self._present().all():
            self._save_trajectories(self.plan.trajectories)
        return self.scores

    def _observation(
        self, generated: Sequence[TrialBatch], recorded: Sequence[RecordedBatch]
    ) -> Tensor:
        """What the students see in a step: [model_or_one batch time feature]."""
        pairs = list(zip(generated, recorded, strict=True))
        usual = [_joined(trials, batch.seen) for trials, batch in pairs]
        if not self.any_permuted:
            return self.for_students(usual) if len(pairs) > 1 else self.on_device(usual[0])[None]
        other = [_joined(trials, batch.permuted or batch.seen) for trials, batch in pairs]
        both = torch.stack([self.for_students(usual), self.for_students(other)])
        every = torch.arange(len(self.network), device=self.device)
        return both[self.sees_permuted.long(), every]

    def _present(self) -> Bool[np.ndarray, "trial window"]:
        return present_windows(self.windows, self.recording.trials)

    def _hidden(self, rows: np.ndarray) -> Iterator[tuple[Condition, int, np.ndarray]]:
        """Each student's activity in its recorded trials, averaged in the brain's windows."""
        trials, n_conditions = self.trials.select(rows), len(self.plan.conditions)
        permuted = sees_permuted_items(self.plan.conditions)
        for place, teaching in enumerate(self.by_seed):
            own = slice(place * n_conditions, (place + 1) * n_conditions)
            seen = self._activity(teaching, trials)[own]
            if permuted.any():
                other = self._activity(teaching, relabelled(trials, teaching.order))[own]
                seen = np.where(permuted[:, None, None, None], other, seen)
            for condition, each in zip(self.plan.conditions, seen, strict=True):
                yield condition, teaching.seed, each

    @torch.no_grad()
    def _activity(
        self, teaching: RecordedTeaching, trials: Trials
    ) -> Float32[np.ndarray, "model trial window hidden"]:
        """Every student's activity in these trials, averaged in the brain's windows."""
        seen = teaching.task.unroll(trials, generator_for(teaching.seed, HELD_OUT))
        hidden = self.network(self.on_device(seen.observation)[None]).hidden.cpu().numpy()
        step = self.settings.time_step
        return np.stack(
            [
                average_in_windows(each, self.windows, seen.period_names, seen.period, step)
                for each in hidden
            ]
        )

    def _alignment(self) -> list[Score]:
        """Each student's hidden state beside the neurons, on held-out recorded trials."""
        present = self._present()[self.held_out_rows]
        brain = self.activity.values[self.held_out_rows]
        group = self.recording.group[self.held_out_rows]
        trial = np.repeat(group, brain.shape[1])[present.ravel()]
        return [
            Score(condition, seed, metric, self.settings.n_steps, value, "1")
            for condition, seed, student in self._hidden(self.held_out_rows)
            for metric, value in alignment_scores(student[present], brain[present], trial).items()
        ]

    def _save_trajectories(self, path: Path) -> None:
        """Average paths by first item, of the brain and of the first seed's students."""
        time = np.arange(len(self.windows), dtype=np.float64) * 0.4
        paths = {"brain": self.activity.values}
        for condition, seed, values in self._hidden(np.arange(len(self.trials))):
            taught = condition.control in (ALONE_LABELLED, BRAIN)
            if taught and seed == self.plan.seeds[0]:
                paths[str(condition)] = values
        arrays = {}
        for name, values in paths.items():
            arrays[f"{name}/values"] = plane_of_paths(values, self.trials.stimulus[:, 0])
            arrays[f"{name}/time"] = time
        write_arrays(path, arrays)


def plane_of_paths(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Each group's average path, in the two principal components of all: [group time 2]."""
    means = np.stack([values[group == each].mean(0) for each in np.unique(group)])
    centred = (means - means.mean((0, 1))).reshape(-1, means.shape[-1]).astype(np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(centred), 2))  # of one unit: a line
    plane[:, : len(axes[:2])] = centred @ axes[:2].T
    return plane.reshape(*means.shape[:2], 2)


def _joined(generated: TrialBatch, recorded: TrialBatch) -> np.ndarray:
    """Two batches of trials one after the other, padded to the same length."""
    return np.concatenate(padded_alike([generated.observation, recorded.observation]))
