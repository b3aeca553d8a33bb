"""Print what the memory road costs: environment, training, drawing of trials.

    python scripts/benchmark_memory.py

Each pair is measured in turn, several times, in one run; medians are shown. One thread.
"""

from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import torch
from timing import rates

from b2m_agents.studies.isolated import frozen_settings
from b2m_agents.studies.memory.plan import MemoryPlan, MemoryStudySettings
from b2m_agents.studies.memory.student_group import GroupRun
from b2m_drive.evidence.condition import Condition
from b2m_drive.students.decision_rnn import DecisionRNN
from b2m_drive.students.stacked_rnn import StackedDecisionRNN
from b2m_envs.memory_decision import MemoryDecisionSettings

ENVIRONMENT = "b2m_envs:B2M/MemoryDecision-v0"


def main() -> None:
    """Run all benchmarks."""
    torch.set_num_threads(1)
    environment()
    students()


def environment(n_envs: int = 256, n_steps: int = 400) -> None:
    """Trials a second of the batched environment against single ones, always fixating."""
    many, single = gym.make_vec(ENVIRONMENT, num_envs=n_envs), gym.make(ENVIRONMENT)
    many.reset(seed=0)
    single.reset(seed=0)

    def step_many() -> int:
        action, ended = np.zeros(n_envs, dtype=np.int64), 0
        for _ in range(n_steps):
            _, _, terminated, _, _ = many.step(action)
            ended += int(terminated.sum())
        return ended

    def step_single() -> int:
        ended = 0
        for _ in range(10 * n_steps):
            if single.step(0)[2]:
                single.reset()
                ended += 1
        return ended

    batched, alone = rates(step_many, step_single)
    print(
        f"environment: batched ({n_envs}) {batched:,.0f} trials/s, single {alone:,.0f} trials/s, "
        f"ratio {batched / alone:.1f}"
    )


def students(n_students: int = 13) -> None:
    """Training steps a second, students together against one by one; share of making trials."""
    settings = replace(MemoryStudySettings(), n_evaluation_trials=8)
    task = MemoryDecisionSettings(
        n_items=3, time_step=settings.time_step, observation_noise=settings.observation_noise
    )
    names = tuple(Condition(f"student-{k}") for k in range(n_students))
    group = GroupRun(MemoryPlan(settings, frozen_settings(), task, names, (0,), None))
    batches = group.draw_batches()
    observation = torch.from_numpy(batches[0].observation)
    singles = group.network.unstack()

    def train_together() -> int:
        train_step(group.network, observation[None])
        return n_students

    def train_singly() -> int:
        for student in singles:
            train_step(student, observation)
        return n_students

    together, singly = rates(train_together, train_singly)
    print(
        f"students: {n_students} together {together:,.0f} student-steps/s, one by one "
        f"{singly:,.0f} student-steps/s, ratio {together / singly:.2f}"
    )

    def whole_step() -> int:
        group.network.zero_grad()
        group.loss_of_step(0).backward()  # type: ignore[no-untyped-call]
        return 1

    def only_trials() -> int:
        group.draw_batches()
        return 1

    whole, trials = rates(whole_step, only_trials)
    print(
        f"trials: {100 * whole / trials:.1f} % of a training step of {n_students} students is "
        "spent making its trials"
    )


def train_step(network: StackedDecisionRNN | DecisionRNN, observation: torch.Tensor) -> None:
    """Forward and backward, without the optimiser, which costs both the same."""
    network.zero_grad()
    network(observation).logits.square().mean().backward()


if __name__ == "__main__":
    main()
