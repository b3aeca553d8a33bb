"""Driving scenes: highway-env's worlds, observed through a camera."""

from b2m_envs.scenes.settings import SCENARIOS, Scenario, SceneSettings, settings_from_keywords

__all__ = ["SCENARIOS", "Scenario", "SceneSettings", "settings_from_keywords"]
