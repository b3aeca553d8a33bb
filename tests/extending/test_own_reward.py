"""A reward of the user's own: a function of a step, in environments, batches and agents."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import b2m_agents
import b2m_envs

TEXT = '''
import numpy as np

def keep_distance(step):
    """1 for a gap of 2 s or more, less below; -1 for a crash."""
    gap = np.nan_to_num(step.of_state("gap"), nan=100.0)
    headway = gap / np.maximum(step.of_state("speed"), 1)
    return np.where(step.crashed, -1.0, np.minimum(headway / 2, 1))
'''
SHORT = {"n_steps": 16, "n_environments": 2, "evaluate_every": 0, "tensorboard": False}
ROLLOUT = {"rollout": 16, "batch_size": 16, "n_epochs": 1, "hidden_sizes": (8,)}
SCENE = {"vehicles_count": 3, "duration": 4}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of the user's, in the folder that they work in."""
    (tmp_path / "my_rewards.py").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_rewards", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return "my_rewards:keep_distance"


def test_it_is_named_by_its_module_and_gives_the_rewards(module: str) -> None:
    envs = gymnasium.make_vec(
        "b2m_envs:B2M/TwoWayScene-v0", num_envs=2, observation="state", reward=module
    )
    envs.reset(seed=0)
    reward, info = envs.step(np.array([1, 1]))[1::3]
    gap = info["state"][:, [each.name for each in b2m_envs.STATE_VARIABLES].index("gap")]
    headway = np.nan_to_num(gap, nan=100) / np.maximum(info["speed"], 1)
    assert reward == pytest.approx(np.minimum(headway / 2, 1), rel=1e-5)


@pytest.mark.slow
def test_an_agent_keeps_its_name_and_drives_for_it_again(module: str, tmp_path: Path) -> None:
    settings = b2m_agents.settings_for("two_way", observation="state", **SHORT, **ROLLOUT)
    scene = {"reward": module, "target_speeds": (20, 30), "duration": 4}
    folder = b2m_agents.train_agent(
        "two_way", None, tmp_path / "agent", settings, scene, in_processes=False, progress=False
    )
    saved = json.loads((folder / "config.json").read_text())["environment"]
    assert saved["reward"] == module
    assert saved["target_speeds"] == [20, 30]
    agent = b2m_agents.TrainedAgent.read(folder)
    assert agent.config.scene.reward == module
    assert agent.config.scene.aimed_speeds == (20, 30)
    (tmp_path / "my_rewards.py").write_text("raise RuntimeError('a file that came with an agent')")
    sys.modules.pop("my_rewards")
    assert b2m_agents.TrainedAgent.read(folder).config.scene.reward == module
    assert "my_rewards" not in sys.modules
    with pytest.raises(ValueError, match=f"reward '{module}': importing my_rewards raised"):
        b2m_agents.train_agent("two_way", None, tmp_path / "other", settings, scene)
    assert not (tmp_path / "other").exists()


def test_one_that_no_other_process_finds_is_refused_before_the_training(tmp_path: Path) -> None:
    settings = b2m_agents.settings_for("two_way", observation="state", **SHORT, **ROLLOUT)
    with pytest.raises(ValueError, match=r"expected a function of a module, .*<lambda>; put it"):
        b2m_agents.train_agent(
            "two_way", None, tmp_path / "agent", settings, {"reward": lambda step: step.progress}
        )
    assert not (tmp_path / "agent").exists()
