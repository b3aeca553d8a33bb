"""Driving scenes: highway-env's worlds, observed through a camera."""

from b2m_envs.scenes.scenarios import SCENARIOS, Scenario
from b2m_envs.scenes.settings import SceneSettings, settings_from_keywords

__all__ = ["SCENARIOS", "Scenario", "SceneSettings", "settings_from_keywords"]
