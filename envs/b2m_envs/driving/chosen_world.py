"""The world of a scene on the engine that its settings choose."""

from __future__ import annotations

from b2m_envs.driving.single_world import SingleWorld
from b2m_envs.scenes.settings import ENGINE, SceneSettings


def make_world(settings: SceneSettings, *, draws: bool) -> SingleWorld:
    """The world of the engine that the settings choose; imports that engine only.

    Args:
        settings: Of the scene.
        draws: Whether frames will be asked for.
    """
    if settings.chosen_engine == ENGINE:
        from b2m_envs.driving.engine_world import EngineWorld

        return EngineWorld(settings, draws=draws)
    from b2m_envs.driving.highway_env_world import HighwayEnvWorld

    return HighwayEnvWorld(settings)
