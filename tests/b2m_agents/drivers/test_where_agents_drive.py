"""An agent is not let into a scenario in which it would see or do what makes no sense there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from b2m_agents.drivers.drivers import rollout_spec_of
from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.settings_json import training_json
from b2m_agents.learning.trained_agent import AgentConfig, config_json
from b2m_drive.files.writing import write_json


def agent_of(folder: Path, scenario: str, environment: dict[str, Any], **learning: Any) -> str:
    """An agent's folder without its policy."""
    training = training_json(settings_for(scenario, **learning))
    folder.mkdir()
    config = AgentConfig(scenario, environment, training, encoder=None, versions={})
    write_json(folder / "config.json", config_json(config))
    return str(folder)


REFUSED = [
    ("merge", "lane_gaps", "ppo", {}, "roundabout", "for LaneGaps, whose lanes are straight"),
    ("exit", "exit_state", "ppo", {}, "merge", "expected the scenario 'exit' for ExitPlace"),
    ("parking", "kinematics_goal", "her", {}, "highway", r"with a goal \(parking\)"),
    ("parking", "goal_state", "ppo", {}, "highway", r"with a goal \(parking\)"),
    ("highway", "kinematics", "ppo", {"action": "continuous"}, "parking", "B2M/ParkingScene-v0, w"),
    ("parking", "pixels", "ppo", {}, "lane_keeping", "driven by acceleration and steering as 'par"),
]


@pytest.mark.parametrize(
    ("scenario", "observation", "algorithm", "environment", "elsewhere", "message"), REFUSED
)
def test_what_another_scenario_does_not_have_is_refused_before_anybody_drives(
    scenario: str, observation: str, algorithm: str, environment: dict[str, Any], elsewhere: str,
    message: str, tmp_path: Path,
) -> None:  # fmt: skip
    learning = {"observation": observation, "algorithm": algorithm}
    agent = agent_of(tmp_path / "agent", scenario, environment, **learning)
    assert rollout_spec_of(scenario, agent, {}).policy == agent
    with pytest.raises(ValueError, match=message):
        collect_scenes(
            elsewhere, tmp_path / "scenes.h5", CollectSettings(n_episodes=1, policy=agent)
        )
    assert [each.name for each in tmp_path.iterdir()] == ["agent"]


def test_it_drives_where_there_is_what_it_sees(tmp_path: Path) -> None:
    agent = agent_of(tmp_path / "agent", "merge", {}, observation="lane_gaps")
    assert rollout_spec_of("highway", agent, {}).scene.scenario == "highway"
