"""Every scenario has a usual agent that can be trained there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from b2m_agents.commands.learning_options import learning_settings
from b2m_agents.commands.traffic_options import named_values
from b2m_agents.drivers.drivers import drive_episode, rollout_spec_of
from b2m_agents.learning.agent_settings import TrainingSettings, settings_for, usual_action
from b2m_agents.learning.algorithm_settings import PPOSettings, check_action
from b2m_agents.learning.observed import check_is_shown
from b2m_agents.learning.settings_json import training_from_json, training_json
from b2m_agents.learning.training import train_agent
from b2m_agents.learning.usual_agents import usual_agent, with_usual
from b2m_agents.learning.usual_rewards import usual_reward
from b2m_envs.scenes.observation import action_space, observation_kind
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_usual_agent_sees_and_does_what_its_scenario_has(scenario: str) -> None:
    settings = settings_for(scenario, **usual_agent(scenario))
    action = usual_action(scenario, settings.algorithm.name)
    given = {"reward": usual_reward(scenario), "action": action}
    scene = SceneSettings(scenario, **{k: each for k, each in given.items() if each is not None})
    check_action(settings.algorithm, action_space(scene))
    check_is_shown(scene, settings.environments_observe)
    space = observation_kind(scene, settings.environments_observe).space(scene)
    tables = ("kinematics",)  # a row a vehicle; the others are vectors
    assert len(space.shape or ()) == (2 if settings.observation in tables else 1)


def test_of_another_algorithm_the_observation_alone_is_usual() -> None:
    assert usual_agent("parking", "sac") == {"observation": "goal_state"}
    assert usual_agent("parking", "ppo") == usual_agent("parking")
    crossing = {"observation": "crossing_state", "observation_options": {"vehicles_count": 6}}
    assert usual_agent("intersection", "ppo") == crossing
    assert usual_agent("intersection", "dqn") == usual_agent("intersection")


@pytest.mark.parametrize("number", [1, 3, 100, 128, 256])
@pytest.mark.parametrize("scenario", ["exit", "lane_keeping"])
def test_a_usual_agent_learns_in_any_number_of_environments(scenario: str, number: int) -> None:
    settings = settings_for(scenario, **with_usual(scenario, {"n_environments": number}))
    algorithm = settings.algorithm
    assert isinstance(algorithm, PPOSettings)
    assert settings.update_steps % algorithm.batch_size == 0
    assert algorithm.batch_size <= usual_agent(scenario)["batch_size"]


def test_what_is_chosen_of_an_observation_leaves_the_rest_of_it_as_usual() -> None:
    chosen = with_usual("exit", {"observation_options": {"reach": 100}})
    assert chosen["observation_options"] == {"left": 1, "right": 6, "reach": 100}
    chosen = with_usual("exit", {"observation_options": {"right": 2}, "batch_size": 36})
    assert chosen["observation_options"] == {"left": 1, "right": 2}
    assert chosen["batch_size"] == 36
    assert with_usual("exit", {}) == usual_agent("exit")
    assert with_usual("exit", {"algorithm": "dqn"}) == usual_agent("exit", "dqn") | {
        "algorithm": "dqn"
    }
    with pytest.raises(ValueError, match="n_environments: expected a whole number"):
        settings_for("exit", **with_usual("exit", {"n_environments": 0}))


def test_the_gaps_of_the_exit_are_those_of_all_its_lanes_and_old_files_mean_what_they_did() -> None:
    scene = SceneSettings("exit")

    def seen(settings: TrainingSettings) -> Any:
        return observation_kind(scene, settings.environments_observe).space(scene)

    chosen = settings_for("exit", observation="exit_gaps")
    assert seen(chosen) == seen(settings_for("exit", **usual_agent("exit")))
    fewer = settings_for("exit", observation="exit_gaps", observation_options={"right": 2})
    assert fewer.observation_options == {"right": 2}
    before = training_json(chosen)
    del before["observation_options"]  # of 0.11.0, without --observe
    assert seen(training_from_json(before)).shape == (14 + 3 + 3 * 3 * 2,)


def test_options_of_learning_are_settings_of_the_algorithm() -> None:
    given = learning_settings(1e-3, 0.0, 0.98, 0.02, "8,4", None)
    algorithm = settings_for("exit", observation="state", **given).algorithm
    assert isinstance(algorithm, PPOSettings)
    assert (algorithm.learning_rate, algorithm.learning_rate_end) == (1e-3, 0.0)
    assert (algorithm.discount, algorithm.entropy_weight) == (0.98, 0.02)
    assert algorithm.hidden_sizes == (8, 4)


def test_entropy_is_refused_of_an_algorithm_without_its_weight() -> None:
    given = learning_settings(None, None, None, 0.02, None, None)
    with pytest.raises(ValueError, match="entropy_weight"):
        settings_for("exit", observation="state", algorithm="dqn", **given)


@pytest.mark.slow
def test_an_agent_learns_to_park_in_a_batch_and_drives_in_highway_env(tmp_path: Path) -> None:
    short = {"n_steps": 32, "n_environments": 2, "rollout": 16, "batch_size": 16, "n_epochs": 1}
    settings = settings_for("parking", observation="goal_state", evaluate_every=16, **short)
    small = {"height": 36, "width": 40, "duration": 4.0}
    folder = train_agent(
        "parking", None, tmp_path / "agent", settings, small, in_processes=False, progress=False
    )
    episode = drive_episode(rollout_spec_of("parking", str(folder), {}), seed=3)
    assert episode.observed is not None
    assert episode.observed.shape == (len(episode.frames), 16)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100", 100),
        ("false", False),
        ("highway_env", "highway_env"),
        ("20,25,30", [20, 25, 30]),
        ("[20, 25]", [20, 25]),
        ("x,y,vx", ["x", "y", "vx"]),
        ('{"x": [0, 500]}', {"x": [0, 500]}),
        ("[20, 25", "[20, 25"),
    ],
)
def test_a_named_value_is_json_a_list_with_commas_or_text(text: str, value: object) -> None:
    assert named_values("set", [f"name={text}"]) == {"name": value}
