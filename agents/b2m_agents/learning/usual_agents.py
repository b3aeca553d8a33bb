"""What an agent without an encoder sees, and how it learns, unless the user says otherwise.

Each scenario's agent is the one of the table in ``docs/agents.md``. It was chosen on other seeds,
of trainings and of episodes, than those of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from b2m_agents.learning.agent_settings import largest_divisor
from b2m_envs.scenes.settings import is_whole

_STATE = {"observation": "state"}
_WITH_GOALS = {
    "observation": "kinematics_goal",
    "n_steps": 50_000,
    "n_environments": 8,
    "evaluate_every": 10_240,
    "checkpoint_every": 10_240,
    "n_evaluation_episodes": 20,
}
_SEEN = ("observation", "observation_options")
_SPEEDS: Mapping[str, tuple[float, ...]] = {"highway": (15.0, 20.0, 25.0, 30.0)}  # [m/s]
_AGENTS: Mapping[str, Mapping[str, Any]] = {  # keywords of `settings_for`
    "highway": {
        "observation": "gaps_state",
        "observation_options": {"left": 3, "right": 3, "reach": 150},
        "n_steps": 1_500_000,
        "n_environments": 256,
        "rollout": 40,
        "batch_size": 2048,
        "n_epochs": 8,
        "hidden_sizes": (256, 256),
        "discount": 0.97,
        "entropy_weight": 0.0,
        "learning_rate_end": 0.0,
        "evaluate_every": 204_800,
        "checkpoint_every": 204_800,
    },
    "highway_fast": {
        "observation": "state",
        "n_steps": 1_000_000,
        "discount": 0.97,
        "learning_rate_end": 0.0,
    },
    "exit": {
        "observation": "exit_gaps",
        "observation_options": {"left": 1, "right": 6},
        "n_steps": 3_000_000,
        "n_environments": 256,
        "rollout": 36,
        "batch_size": 2304,
        "n_epochs": 10,
        "hidden_sizes": (256, 256),
        "discount": 0.99,
        "entropy_weight": 0.005,
        "learning_rate_end": 0.0,
        "evaluate_every": 368_640,
        "checkpoint_every": 368_640,
    },
    "lane_keeping": {
        "observation": "state",
        "n_steps": 100_000,
        "n_environments": 8,
        "rollout": 256,
        "batch_size": 256,
        "n_epochs": 10,
        "discount": 0.95,
        "entropy_weight": 0.0,
        "learning_rate_end": 0.0,
        "evaluate_every": 40_960,
        "checkpoint_every": 40_960,
        "n_evaluation_episodes": 1,  # all are alike
    },
    "intersection": {  # PPO keeps its speed there, or waits for ever
        "observation": "crossing_state",
        "observation_options": {"vehicles_count": 6},
        "algorithm": "dqn",
        "n_steps": 300_000,
        "discount": 0.98,
        "gradient_steps": 16,
        "exploration_steps": 120_000,
        "exploration_final": 0.03,
        "learning_rate_end": 0.0,
        "evaluate_every": 40_960,
        "checkpoint_every": 40_960,
    },
    "merge": {  # from the state, which does not tell where the lane ends, it only keeps slow
        "observation": "kinematics",
        "observation_options": {"absolute": True, "clip": False},
        "n_steps": 800_000,
        "n_environments": 128,
        "rollout": 32,
        "batch_size": 1024,
        "n_epochs": 10,
        "hidden_sizes": (256, 256),
        "discount": 0.995,
        "entropy_weight": 0.005,
        "learning_rate_end": 0.0,
        "evaluate_every": 81_920,
        "checkpoint_every": 81_920,
    },
    "roundabout": {
        "observation": "crossing_state",
        "observation_options": {"vehicles_count": 6},
        "n_steps": 1_500_000,
        "n_environments": 256,
        "rollout": 33,
        "batch_size": 1408,
        "n_epochs": 10,
        "hidden_sizes": (256, 256),
        "discount": 0.99,
        "entropy_weight": 0.005,
        "learning_rate_end": 0.0,
        "evaluate_every": 168_960,
        "checkpoint_every": 168_960,
    },
    "parking": {
        "observation": "goal_state",
        "n_steps": 800_000,
        "n_environments": 64,
        "rollout": 64,
        "discount": 0.98,
        "learning_rate_end": 0.0,
        "evaluate_every": 122_880,
        "checkpoint_every": 122_880,
        "n_evaluation_episodes": 40,
    },
}


def usual_agent(scenario: str, algorithm: str | None = None) -> dict[str, Any]:
    """Keywords of `settings_for` for an agent without an encoder.

    Args:
        scenario: One of `b2m_envs.scenes.scenarios.SCENARIOS`.
        algorithm: That the user chose; of another than the usual one, the observation alone is
            usual.
    """
    if algorithm == "her":
        return dict(_WITH_GOALS)
    usual = dict(_AGENTS.get(scenario, _STATE))
    if algorithm in (None, usual.get("algorithm", "ppo")):
        return usual
    return {name: usual[name] for name in _SEEN if name in usual}


def usual_speeds(scenario: str) -> tuple[float, ...] | None:
    """Target speeds [m/s] of agents that choose FASTER and SLOWER; None: the scenario's own.

    The slowest of highway-env's highway, 20 m/s, is faster than some vehicles there: whoever is
    shut in behind one runs into it.
    """
    return _SPEEDS.get(scenario)


def with_usual(scenario: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of `settings_for` that the user chose; for the rest, those of the usual agent.

    Settings of its observation stay where others are chosen, and its batches are as large as
    another number of environments lets them be.

    Args:
        scenario: One of `b2m_envs.scenes.scenarios.SCENARIOS`.
        chosen: By name, without an observation.
    """
    usual = usual_agent(scenario, chosen.get("algorithm"))
    together = usual | dict(chosen)
    options = [each.get("observation_options", {}) for each in (usual, chosen)]
    if any(options):
        together["observation_options"] = dict(options[0]) | dict(options[1])
    if "batch_size" in usual and "batch_size" not in chosen:
        counts = together["rollout"], together["n_environments"]
        if all(is_whole(count) and count > 0 for count in counts):
            together["batch_size"] = largest_divisor(counts[0] * counts[1], usual["batch_size"])
    return together
