"""What hindsight experience replay asks of a scene: rewards of any goal, and episodes that end."""

from __future__ import annotations

from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithm_settings import HERSettings
from b2m_envs.driving.parking_batch import POSE
from b2m_envs.observations.kinematics_goal import KinematicsGoal
from b2m_envs.scenes.chosen_reward import reward_function, reward_weights
from b2m_envs.scenes.settings import SceneSettings


def check_hindsight(scene: SceneSettings, settings: TrainingSettings) -> None:
    """Refuse a training with hindsight in a scene that gives it nothing to learn from.

    Raises:
        ValueError: For a reward of more than the goal, goals without what it compares, or a replay
            buffer without a whole episode where learning begins; names it, and what to use.
    """
    algorithm = settings.algorithm
    if not isinstance(algorithm, HERSettings):
        return
    if reward_function(scene) is not None:
        raise ValueError(
            "reward: expected highway_env or its weights beside her, of which the reward of any "
            f"goal is made, came {scene.reward!r}"
        )
    goals = settings.environments_observe
    assert isinstance(goals, KinematicsGoal)
    goals.check_compared(POSE, reward_weights(scene)["reward_weights"])
    longest = settings.n_environments * scene.last_step
    for name, needed in (("learning_starts", longest), ("buffer_size", 2 * longest)):
        came = getattr(algorithm, name)
        if came < needed:
            raise ValueError(
                f"{name}: expected at least {needed} beside her, of {settings.n_environments} "
                f"episodes of up to {scene.last_step} steps, since goals are of whole ones, "
                f"came {came}; fewer environments or shorter episodes need less"
            )
