"""Seeds by scenarios: every agent is trained as one alone would be, and scored."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.studies.agents.many_trainings import (
    AgentTrainings,
    TrainingPlan,
    agent_folder,
    run_job,
    summaries,
    summaries_text,
)
from b2m_drive.comparisons.jobs import Job
from b2m_drive.evidence.condition import Condition
from b2m_drive.evidence.scores import Score, read_scores
from tests.extending.own_executor import OneAfterAnother

STATE = settings_for(
    "highway_fast", observation="state", n_steps=256, n_environments=4, rollout=16, batch_size=32,
    checkpoint_every=256, evaluate_every=0, tensorboard=False,
)  # fmt: skip


@pytest.mark.slow
def test_agents_of_two_seeds_are_trained_scored_and_not_trained_again(tmp_path: Path) -> None:
    trainings = AgentTrainings({"highway_fast": STATE}, (3, 4), n_held_out=2)
    found = trainings.run(tmp_path / "run", executor=OneAfterAnother(), progress=False)
    assert {each.n for each in found["highway_fast"].values()} == {2}
    assert "success" not in found["highway_fast"]  # the scenario has no goal
    scores = read_scores(tmp_path / "run" / "scores.csv")
    assert {score.seed for score in scores} == {3, 4}
    for seed in (3, 4):
        assert (agent_folder(tmp_path / "run", "highway_fast", seed) / "agent.zip").is_file()
    again = OneAfterAnother()
    assert trainings.run(tmp_path / "run", executor=again, progress=False) == found
    assert again.n_submitted == 0
    other = replace(trainings, n_held_out=3)
    with pytest.raises(ValueError, match="n_held_out: there 2, now 3"):
        other.run(tmp_path / "run", progress=False)


@pytest.mark.slow
def test_every_step_of_an_agent_is_counted_once_also_after_a_kill(tmp_path: Path) -> None:
    def job_of(n_steps: int) -> Job[TrainingPlan]:
        settings = replace(STATE, n_steps=n_steps)
        trainings = AgentTrainings({"highway_fast": settings}, (3, 4), n_held_out=1)
        return trainings.jobs_of_runs(tmp_path)[tmp_path][0]

    for n_steps in (256, 512):  # the second goes on where the first stopped
        told: list[None] = []
        job = job_of(n_steps)
        run_job(job.plan, partial(told.append, None))
        assert len(told) == job.n_steps == n_steps


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(ValueError, match="scenarios: expected one or more"):
        AgentTrainings({}, (0, 1))
    with pytest.raises(ValueError, match=r"seeds: expected two or more different ones, came \(1,"):
        AgentTrainings({"highway_fast": STATE}, (1, 1))
    with pytest.raises(ValueError, match="device"):
        AgentTrainings({"highway_fast": STATE}, (0, 1), device="warp")


def test_a_metric_that_one_agent_lacks_is_missing_and_not_guessed() -> None:
    highway = Condition("highway")
    scores = [Score(highway, seed, "return", 9, 10.0 + seed, "sum of rewards") for seed in (0, 1)]
    scores.append(Score(highway, 0, "off_road", 9, 0.5, "share of steps"))
    found = summaries(scores)
    assert list(found["highway"]) == ["return"]
    assert np.isclose(found["highway"]["return"].mean, 10.5)
    assert summaries_text(found).startswith("highway (2 agents): return 10.50 [")
