"""Settings of a scene as JSON holds them, in the files of agents and of collected scenes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

from b2m_envs.scenes.actions import ACTION_SETTINGS
from b2m_envs.scenes.chosen_reward import USUAL_REWARD, reward_json
from b2m_envs.scenes.reward import Reward
from b2m_envs.scenes.road_options import LATER_OPTIONS
from b2m_envs.scenes.settings import SceneSettings

# Files from before these settings existed do not have them, and say the same.
_UNSET = ("connected_lanes", *LATER_OPTIONS, *ACTION_SETTINGS)
_USUAL = {"reward": USUAL_REWARD, **dict.fromkeys(_UNSET)}


def settings_json(settings: SceneSettings, names: Collection[str] | None = None) -> dict[str, Any]:
    """Settings that `settings_from_keywords` reads back; newer ones only if they are set.

    Args:
        settings: Of a scene.
        names: Of the settings to give; None: all.

    Raises:
        ValueError: For a reward by a function that has no name to find it by.
    """
    values = {item.name: getattr(settings, item.name) for item in fields(settings)}
    chosen = {name: value for name, value in values.items() if names is None or name in names}
    plain = {
        name: value for name, value in chosen.items() if name not in _USUAL or value != _USUAL[name]
    }
    return {name: _json(value) for name, value in plain.items()}


def _json(value: Any) -> Any:
    if isinstance(value, Reward) or callable(value):
        return reward_json(value)
    return list(value) if isinstance(value, tuple) else value
