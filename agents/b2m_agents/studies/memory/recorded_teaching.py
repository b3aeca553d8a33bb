"""What one seed's students are taught: the recorded trials they live through, and their latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from b2m_agents.studies.memory.plan import MemoryPlan, TeachingTrials
from b2m_agents.studies.memory.student_group import HEADS, ITEMS, RECORDED, TEACHER
from b2m_agents.studies.memory.teachers import ITEMS_PERMUTED, Readout, teacher_trial_latents
from b2m_agents.studies.memory.trial_matching import relabelled
from b2m_drive.evidence.condition import BRAIN, Condition
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.students.decision_rnn import DecisionRNN
from b2m_drive.students.seeded_streams import generator_for, torch_generator_for
from b2m_drive.teachers.latents import BrainLatents
from b2m_drive.teachers.surrogates import permute_items
from b2m_drive.teachers.window_of_steps import window_of_steps
from b2m_drive.transfer.stacked import StackedHeads, StudentTargets
from b2m_envs.memory_decision import TrialBatch, task_of


@dataclass(frozen=True)
class RecordedBatch:
    """Some of a seed's recorded trials, as its students see them in one step."""

    rows: Int64[np.ndarray, " batch"]  # among the teaching trials
    seen: TrialBatch
    permuted: TrialBatch | None  # the same with other items; None: no student sees those


class RecordedTeaching:
    """The teaching trials of one seed, and what they teach its students.

    Args:
        plan: Of the group.
        teaching_trials: Recording and trials.
        activity: Of the recording, in all trials.
        brain: Its own latents in the teaching trials, the same for every seed.
        seed: One of the plan's.
        untrained: A student of the seed that never learns.
    """

    def __init__(
        self,
        plan: MemoryPlan,
        teaching_trials: TeachingTrials,
        activity: TrialResponses,
        brain: Mapping[Readout, BrainLatents],
        seed: int,
        untrained: DecisionRNN,
    ) -> None:
        self.plan, self.settings, self.seed = plan, plan.settings, seed
        self.task = task_of(replace(teaching_trials.task, codes_seed=seed))
        self.generator = generator_for(seed, RECORDED)
        self.windows = activity.windows
        self.trials = teaching_trials.trials.select(np.flatnonzero(teaching_trials.teaching))
        self.order = permute_items(self.task.settings.n_stimuli, generator_for(seed, ITEMS))
        self.permuted_trials = relabelled(self.trials, self.order)
        latents = self._latents(activity.select(teaching_trials.teaching), brain, untrained)
        first = next(each for each in latents if each is not None)
        self.taught = [each is not None for each in latents]
        self.heads = StackedHeads(
            [
                _targets(name, each or first)
                for name, each in zip(plan.conditions, latents, strict=True)
            ],
            torch.from_numpy(first.phase),
            plan.isolated.hidden_size,
            temperature=self.settings.temperature,
            positions=self.settings.positions,
            generator=torch_generator_for(seed, HEADS),
        ).to(self.settings.device)

    def sample(self, step: int, with_permuted: bool) -> RecordedBatch:
        """Some teaching trials with fresh noise."""
        size = min(self.settings.recorded_batch_size, len(self.trials))
        rows = self.generator.choice(len(self.trials), size, replace=False)
        seen = self.task.unroll(self.trials.select(rows), self.generator)
        if not with_permuted:
            return RecordedBatch(rows, seen, None)
        noise = generator_for(self.seed, ITEMS + 1 + step)
        permuted = self.task.unroll(self.permuted_trials.select(rows), noise)
        return RecordedBatch(rows, seen, permuted)

    def transfer_loss(self, hidden: Tensor, batch: RecordedBatch) -> Tensor:
        """Each student's transfer loss; hidden is [model batch time hidden]."""
        window = torch.from_numpy(self.window_of_steps(batch.seen))
        steps = hidden[:, :, : window.shape[1]]
        loss: Tensor = self.heads(steps, torch.from_numpy(batch.rows), window)
        return loss

    def window_of_steps(self, batch: TrialBatch) -> Int64[np.ndarray, "batch time"]:
        """The window that each step is paired with; negative: none."""
        return window_of_steps(
            self.windows,
            batch.period_names,
            batch.period,
            batch.time_since_onset,
            self.settings.time_step,
        )

    def _latents(
        self,
        activity: TrialResponses,
        brain: Mapping[Readout, BrainLatents],
        untrained: DecisionRNN,
    ) -> list[BrainLatents | None]:
        """The latents that teach each condition, None where nothing does."""
        seen = self.task.unroll(self.trials, generator_for(self.seed, TEACHER))
        taught = [each for each in self.plan.conditions if each.method]
        made: dict[tuple[str, Readout], BrainLatents] = {}
        for readout in self.settings.readings:
            for teacher in dict.fromkeys(each.control for each in taught):
                if teacher in (BRAIN, ITEMS_PERMUTED):
                    made[teacher, readout] = brain[readout]
                    continue
                made[teacher, readout] = teacher_trial_latents(
                    teacher,
                    readout,
                    activity,
                    seen,
                    untrained,
                    self.settings.time_step,
                    generator_for(self.seed, TEACHER),
                    brain[readout].values.shape[-1],
                    self.plan.own_controls,
                )
        latents: list[BrainLatents | None] = []
        for condition in self.plan.conditions:
            method = condition.method
            if method is None:
                latents.append(None)
            else:
                readout = Readout(method.latents, method.pairing)  # type: ignore[arg-type]
                latents.append(made[condition.control, readout])
        return latents


def sees_permuted_items(conditions: tuple[Condition, ...]) -> Bool[np.ndarray, " student"]:
    """Which students live through the recorded trials with other items."""
    return np.array([name.control == ITEMS_PERMUTED for name in conditions])


def _targets(condition: Condition, latents: BrainLatents) -> StudentTargets:
    return StudentTargets(
        "contrastive"
        if condition.method and condition.method.strategy == "contrastive"
        else "regression",
        torch.from_numpy(latents.values),
        torch.from_numpy(latents.share_of_variance.astype(np.float32)),
    )
