"""The scene that an agent is to be trained in; one that it cannot learn in is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from b2m_agents.learning.agent_settings import TrainingSettings, usual_action
from b2m_agents.learning.algorithm_settings import HERSettings, check_action
from b2m_agents.learning.hindsight import check_hindsight
from b2m_agents.learning.observed import check_is_shown
from b2m_agents.learning.usual_agents import usual_speeds
from b2m_agents.learning.usual_rewards import usual_reward
from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.worlds.encoder_view import read_view
from b2m_envs.scenes.chosen_reward import reward_function
from b2m_envs.scenes.observation import action_space
from b2m_envs.scenes.settings import SceneSettings, settings_from_keywords


def scene_of_training(
    scenario: str,
    encoder: str | Path | None,
    settings: TrainingSettings,
    environment: Mapping[str, Any],
    teacher: OnlineTeacher | None = None,
) -> tuple[SceneSettings, dict[str, Any]]:
    """The scene of a training, and its settings that are not the scenario's own.

    Args:
        scenario: One of `b2m_envs.scenes.scenarios.SCENARIOS`.
        encoder: Folder of the encoder, for an agent that sees latents.
        settings: Of the training.
        environment: Fields of `SceneSettings` that the user chose.
        teacher: Of an encoder that learns with its agent.

    Raises:
        ValueError: For an encoder that is missing or superfluous, a setting that does not fit, a
            reward that is not there, an observation that the scene does not have, actions that the
            algorithm cannot choose; names it.
    """
    _check_needed(encoder, settings, teacher)
    keywords = _environment_of(scenario, encoder, settings, teacher, environment)
    scene = settings_from_keywords(scenario, keywords)
    reward_function(scene)  # refuses one that is not there
    check_is_shown(scene, settings.environments_observe)
    check_action(settings.algorithm, action_space(scene))
    check_hindsight(scene, settings)
    return scene, keywords


def _check_needed(
    encoder: str | Path | None, settings: TrainingSettings, teacher: OnlineTeacher | None
) -> None:
    if teacher is not None:
        if settings.observation != "pixels":
            raise ValueError(
                f"observation: expected pixels beside a teacher, came {settings.observation}"
            )
        return
    if settings.taught is not None:
        raise ValueError("teacher: expected the one of the encoder that is taught, came none")
    if encoder is None and settings.observation == "latents":
        raise ValueError(
            "encoder: expected the folder of one for an agent that sees latents, came none; "
            "b2m-drive compare driving writes encoders, and observation pixels or state needs none"
        )
    if encoder is not None and settings.observation != "latents":
        raise ValueError(
            f"encoder: expected none for an agent that sees {settings.observation}, came {encoder}"
        )


def _environment_of(
    scenario: str,
    encoder: str | Path | None,
    settings: TrainingSettings,
    teacher: OnlineTeacher | None,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """The environment's settings that are not the scenario's own."""
    if "driver" in given:
        raise ValueError("driver: expected none among the environment's settings, the agent drives")
    view = {} if encoder is None else read_view(encoder)
    action = usual_action(scenario, settings.algorithm.name)
    own_speeds = teacher is not None or not _chooses_speeds(view, given)
    own_reward = teacher is not None or isinstance(settings.algorithm, HERSettings)
    usual = {
        "action": action,
        "reward": None if own_reward else usual_reward(scenario),
        "target_speeds": None if own_speeds else usual_speeds(scenario),
    }
    usual = {name: value for name, value in usual.items() if value is not None}
    chosen = usual | view | dict(given)
    watched = {} if teacher is None else dict(teacher.view)
    for name in watched.keys() & chosen.keys():
        if chosen[name] != watched[name]:
            raise ValueError(
                f"{name}: expected {watched[name]!r} as in the scenes that were watched, "
                f"came {chosen[name]!r}"
            )
    return chosen | watched


def _chooses_speeds(*given: Mapping[str, Any]) -> bool:
    """Whether some of an agent's actions are FASTER and SLOWER, unless settings say otherwise."""
    chosen = {name: value for each in given for name, value in each.items() if value is not None}
    return (
        chosen.get("action", "discrete") == "discrete" and chosen.get("longitudinal") is not False
    )
