"""Train a recurrent network to decide from memory, taught by a *simulated* brain that did so.

    python scripts/train_decision.py students/taught
    python scripts/train_decision.py students/alone --strategy none

A recording takes the place of the simulated brain: `read_kornblith("FILE.h5")`. One training
without controls shows nothing of the brain; `b2m-drive compare memory` has the controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import typer

from b2m_agents.memory.decision_policy import evaluate_supervised
from b2m_agents.studies.isolated import frozen_settings
from b2m_agents.studies.memory.student_group import decision_loss, step_weight
from b2m_agents.studies.memory.teachers import brain_activity
from b2m_agents.studies.memory.trial_matching import match_trials
from b2m_drive import TrainedOn
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.students.decision_rnn import DecisionRNN
from b2m_drive.students.fitting import FittingSettings, fit
from b2m_drive.students.student_card import NO_BRAIN_AND_SIMULATED
from b2m_drive.teachers.latents import latents_of
from b2m_drive.teachers.window_of_steps import window_of_steps
from b2m_drive.transfer import BrainTargets, WeightSchedule, attach
from b2m_envs.memory_decision import MemoryDecisionSettings, TrialBatch, task_of

TASK = MemoryDecisionSettings(n_items=3, time_step=0.2)
N_RECORDED = 240  # trials that the brain did, and the student lives through


def targets_of(recording: Recording, seen: TrialBatch) -> BrainTargets:
    """The brain's latents of the window that each step of these trials falls into."""
    every = np.ones(len(seen), dtype=bool)
    activity = brain_activity(recording)
    latents = latents_of(activity, every, method="decoded", pairing="recorded", seed=0)
    time = seen.period_names, seen.period, seen.time_since_onset, TASK.time_step
    window = window_of_steps(latents.windows, *time)  # negative: a step without a window
    values = latents.values[np.arange(len(seen))[:, None], window]
    share, phase = latents.share_of_variance.astype(np.float32), latents.phase[window]
    return BrainTargets(values, seen.trial_id, "simulated brain", window >= 0, share, phase)


def main(
    folder: Path, strategy: Literal["regression", "contrastive", "none"] = "regression",
    preset: str = "ideal", steps: int = 600, seed: int = 0,
) -> None:  # fmt: skip
    """Train on generated trials, beside a brain's; --strategy regression, contrastive or none."""
    task, tuned = task_of(TASK), frozen_settings()
    random, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    trials = simulate_trials(N_RECORDED, 3, TASK.n_stimuli, random)
    seen = task.unroll(match_trials(trials, "memory_decision"), random)
    rnn = DecisionRNN(tuned.rnn_settings(seen.observation.shape[-1], TASK.time_step), generator)
    head, weight = None, WeightSchedule(1.0, falls_to_zero_at=0.5)
    if strategy != "none":
        recording = SimulatedBrain.preset(preset).record(trials, seed)
        targets = targets_of(recording, seen)
        head = attach(rnn, "rnn", targets, strategy=strategy, generator=generator)

    def loss_of_step(step: int) -> torch.Tensor:
        batch = task.sample(64, random)
        arrays = batch.observation, batch.target, step_weight(batch)
        observation, target, counts = map(torch.from_numpy, arrays)
        loss = decision_loss(rnn(observation).logits[None], target[None], counts[None])[0]
        if head is None or not weight(step, steps):
            return loss
        rows = random.choice(len(seen), 64, replace=False)
        rnn(torch.from_numpy(seen.observation[rows]))  # the head hears the activity
        return loss + head.loss(seen.trial_id[rows], weight=weight(step, steps))

    def evaluate(step: int) -> None:
        played = evaluate_supervised(rnn, TASK, range(1, 1001, 2), "at_window_end")
        print(f"step {step}: {played.share_correct.mean:.1%} correct of 500 held-out trials")

    def limit(parameters: Sequence[torch.nn.Parameter], largest: float) -> None:
        torch.nn.utils.clip_grad_norm_(parameters, largest)

    parameters = [*rnn.parameters(), *(head.parameters() if head else ())]
    fit(
        parameters, loss_of_step,
        FittingSettings(steps, tuned.learning_rate, evaluate_every=max(1, steps // 4)),
        limit_gradient=limit, evaluate=evaluate, after_step=lambda: None,
    )  # fmt: skip
    teacher = "none" if head is None else f"simulated brain ({preset}), {strategy}"
    brain = {"simulated": True, "source": f"SimulatedBrain, preset {preset}"}
    told = "SIMULATED: generated trials of memory_decision."
    rnn.save_pretrained(
        folder, TrainedOn(told, NO_BRAIN_AND_SIMULATED if head is None else brain, teacher)
    )
    print(f"teacher: {teacher}; saved: {folder}")


if __name__ == "__main__":
    typer.run(main)
