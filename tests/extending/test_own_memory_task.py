"""A memory task of the user's own: a class and a line for each table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

import b2m_agents
import b2m_drive as b2m
import b2m_envs
from tests.extending import own_memory_task as mine
from tests.extending.own_executor import OneAfterAnother


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(b2m_envs.TASKS, "last_item", mine.LastItemTask)
    monkeypatch.setitem(b2m_agents.STUDENT_TASKS, "last_item", mine.STUDENT_TASK)
    spec = gymnasium.envs.registration.EnvSpec(
        "Mine/LastItem-v0", mine.LastItemEnv, vector_entry_point=mine.LastItemVectorEnv
    )
    monkeypatch.setitem(gymnasium.registry, spec.id, spec)


@pytest.mark.usefixtures("registered")
def test_settings_of_a_users_task_find_it_and_both_answers_are_equally_likely() -> None:
    task = b2m_envs.task_of(mine.LastItemSettings(n_items=(2, 3)))
    assert isinstance(task, mine.LastItemTask)
    trials = task.draw_trials(4000, np.random.default_rng(0))
    assert abs((trials.target_side == b2m_envs.LEFT).mean() - 0.5) < 0.03


def test_settings_of_a_task_that_is_not_in_the_table_are_refused() -> None:
    with pytest.raises(ValueError, match=r"TASKS \(memory_decision.*\), came LastItemSettings"):
        b2m_envs.task_of(mine.LastItemSettings())


@pytest.mark.usefixtures("registered")
def test_a_users_task_is_an_environment_and_a_batch_of_the_same_trials() -> None:
    env = gymnasium.make("Mine/LastItem-v0", n_items=3)
    check_env(env.unwrapped, skip_render_check=True)
    batch = gymnasium.make_vec("Mine/LastItem-v0", num_envs=3, n_items=3)
    observations, _ = batch.reset(seed=5)
    for world in range(3):
        np.testing.assert_array_equal(observations[world], env.reset(seed=5 + world)[0])


@pytest.mark.usefixtures("registered")
def test_an_agent_of_a_users_task_has_settings() -> None:
    settings = b2m_agents.MemoryAgentSettings(task="last_item", n_items=2)
    assert isinstance(settings.trials, mine.LastItemSettings)


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
def test_a_users_task_is_what_students_of_the_memory_study_learn(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    trials = b2m.simulate_trials(60, 3, 8, np.random.default_rng(0))
    brain = replace(b2m.SimulatedBrain.preset("ideal"), n_units=30).record(trials, 0)
    settings = b2m_agents.MemoryStudySettings(
        task="last_item", strategies=("regression",), probes=("items_permuted",), seeds=(0, 1),
        n_steps=4, evaluate_every=2, n_evaluation_trials=16, batch_size=4,
    )  # fmt: skip
    comparison = b2m_agents.MemoryComparison(brain, settings)
    run = comparison.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    assert run.config.task["id"] == "Mine/LastItem-v0"
    assert len(b2m.verdicts_of(run)) == 1
    page = b2m.write_report(run.folder).read_text()
    assert "Mine/LastItem-v0" in page
    assert "did another task" in page


def test_the_memory_study_refuses_a_task_that_is_not_in_its_table() -> None:
    with pytest.raises(ValueError, match=r"task: expected one of \('memory_decision', 'sternberg"):
        b2m_agents.MemoryStudySettings(task="last_item")
