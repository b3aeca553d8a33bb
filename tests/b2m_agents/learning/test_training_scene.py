"""A training that could not begin is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.training import train_agent
from b2m_agents.learning.training_scene import scene_of_training
from b2m_agents.studies.agents.many_trainings import AgentTrainings

REFUSED = [
    ("roundabout", "lane_gaps", {}, "for LaneGaps, whose lanes are straight, came 'roundabout'"),
    ("merge", "exit_gaps", {}, "expected the scenario 'exit' for ExitPlace, came 'merge'"),
    ("highway", "time_to_collision", {"action": "continuous"}, "TimeToCollision: expected meta-a"),
    ("highway", "lane_gaps", {"engine": "highway-env"}, "scenes on our engine alone have it"),
    ("parking", "lane_gaps", {}, "expected latents, pixels, state or goal_state in B2M/Parking"),
    ("highway", "state", {"reward": "in_time"}, "'in_time' is for exit"),
    ("highway", "state", {"driver": "highway_env"}, "driver: expected none"),
]


@pytest.mark.parametrize(("scenario", "observation", "environment", "message"), REFUSED)
def test_what_a_scene_does_not_have_is_refused_and_leaves_no_folder(
    scenario: str, observation: str, environment: dict[str, Any], message: str, tmp_path: Path
) -> None:
    settings = settings_for(scenario, observation=observation)
    with pytest.raises(ValueError, match=message):
        train_agent(scenario, None, tmp_path / "agent", settings, environment)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=message):
        AgentTrainings({scenario: settings}, (0, 1), environment)


def test_a_scene_has_its_usual_reward_unless_another_is_given() -> None:
    settings = settings_for("exit", observation="state")
    usual, keywords = scene_of_training("exit", None, settings, {})
    assert usual.reward == keywords["reward"] == "in_time"
    assert scene_of_training("exit", None, settings, {"reward": "goal"})[0].reward == "goal"


@pytest.mark.parametrize(
    ("given", "speeds"),
    [
        ({}, (15.0, 20.0, 25.0, 30.0)),
        ({"lateral": False}, (15.0, 20.0, 25.0, 30.0)),
        ({"target_speeds": (20, 25, 30)}, (20, 25, 30)),
        ({"longitudinal": False}, None),
        ({"action": "continuous"}, None),
        ({"action": "discrete_controls"}, None),
    ],
)
def test_agents_of_the_highway_may_slow_down_unless_speeds_are_given_or_not_chosen(
    given: dict[str, Any], speeds: tuple[float, ...] | None
) -> None:
    settings = settings_for("highway", observation="state")
    assert scene_of_training("highway", None, settings, given)[0].target_speeds == speeds
    fast = settings_for("highway_fast", observation="state")
    assert "target_speeds" not in scene_of_training("highway_fast", None, fast, {})[1]
