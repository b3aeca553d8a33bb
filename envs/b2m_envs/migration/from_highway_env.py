"""Our environment of one of highway-env's ids and configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
from gymnasium.vector import VectorEnv

from b2m_envs.driving.batch_checks import as_autoreset_mode, has_batch
from b2m_envs.migration.configuration import keywords_of, reward_of_both
from b2m_envs.migration.ids import known_id
from b2m_envs.scenes.numbers import is_whole
from b2m_envs.scenes.observation import observation_kind
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import (
    BATCH_KEYWORDS,
    ENVIRONMENT_KEYWORDS,
    SceneSettings,
    settings_from_keywords,
)

_NO_SETTINGS = (*ENVIRONMENT_KEYWORDS, *BATCH_KEYWORDS)


class HighwayEnvSettings(NamedTuple):
    """What one of highway-env's environments is here."""

    id: str  # for `gymnasium.make` and `gymnasium.make_vec`
    scenario: str  # for `SceneSettings` and the agents
    keywords: dict[str, Any]  # settings and observation


def settings_from_highway_env(
    env_id: str, config: Mapping[str, Any] | None = None, **ours: Any
) -> HighwayEnvSettings:
    """Map an id and a configuration of highway-env's to our id and keywords.

    ```python
    >>> import b2m_envs
    >>> found = b2m_envs.settings_from_highway_env(
    ...     "merge-v0", {"collision_reward": -3, "policy_frequency": 5}, observation="state"
    ... )
    >>> found.id
    'B2M/MergeScene-v0'
    >>> found.keywords["reward"], found.keywords["connected_lanes"]
    ({'collision_reward': -3}, False)

    ```

    Args:
        env_id: highway-env's, such as "highway-fast-v0".
        config: As its environments take it; what is not in it is highway-env's default for the id.
        **ours: Keywords of ours, which win over what the configuration says.

    Raises:
        ValueError: For an id or a key that cannot be mapped, or a value that does not fit; says
            what to use instead.
    """
    row = known_id(env_id)
    if config is not None and not isinstance(config, Mapping):
        raise ValueError(f"{env_id}: config: expected a dictionary or None, came {config!r}")
    observes = "observation" not in ours
    mapped = keywords_of(env_id, row, config or {}, observes=observes)
    keywords = mapped | ours | reward_of_both(env_id, mapped, ours)
    settings = {name: value for name, value in keywords.items() if name not in _NO_SETTINGS}
    settings_from_keywords(row.scenario, settings, _NO_SETTINGS)  # refuses what does not fit
    return HighwayEnvSettings(SCENARIOS[row.scenario].id, row.scenario, keywords)


def from_highway_env(
    env_id: str,
    config: Mapping[str, Any] | None = None,
    num_envs: int | None = None,
    **ours: Any,
) -> gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]:
    """Make our environment, or a batch, of one of highway-env's ids and configurations.

    ```python
    >>> import b2m_envs
    >>> config = {"lanes_count": 4, "vehicles_count": 30, "observation": {"type": "Kinematics"}}
    >>> env = b2m_envs.from_highway_env("highway-fast-v0", config)
    >>> envs = b2m_envs.from_highway_env("highway-fast-v0", config, num_envs=64)
    >>> envs.reset(seed=0)[0].shape
    (64, 5, 5)

    ```

    Traffic, rewards and ends are highway-env's own, also those of its first versions ("merge-v0").
    What cannot be mapped is refused by name. `docs/from-highway-env.md` holds the whole table.

    Args:
        env_id: highway-env's, such as "highway-fast-v0".
        config: As its environments take it.
        num_envs: Number of worlds of a batch; None: one environment.
        **ours: Keywords of `DrivingSceneEnv` or `DrivingSceneVectorEnv`, which win over what the
            configuration says: `observation="scene"`, `reward="safe"`, `n_threads=2`, ...

    Raises:
        ValueError: As `settings_from_highway_env`.
    """
    found = settings_from_highway_env(env_id, config, **ours)
    if num_envs is None:
        return gymnasium.make(f"b2m_envs:{found.id}", **found.keywords)
    if not is_whole(num_envs) or num_envs < 1:
        expected = "a whole number of 1 or more, or None"
        raise ValueError(f"{env_id}: num_envs: expected {expected}, came {num_envs!r}")
    where, settings = f"b2m_envs:{found.id}", _settings(found)
    observed = found.keywords.get("observation", "scene")
    if has_batch(settings, observation_kind(settings, observed)):
        return gymnasium.make_vec(where, num_envs=num_envs, **found.keywords)
    own, further = _in_turn(settings, found.keywords)
    return gymnasium.make_vec(
        where, num_envs=num_envs, vectorization_mode="sync", vector_kwargs=further, **own
    )


def _in_turn(
    settings: SceneSettings, keywords: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keywords of single environments that are stepped in turn, and those of their batch."""
    if "n_threads" in keywords:
        expected = "none, as its environments are stepped in turn"
        raise ValueError(
            f"{settings.of.id}: n_threads: expected {expected}, came {keywords['n_threads']}"
        )
    further: dict[str, Any] = {}
    if "copy" in keywords:
        further["copy"] = keywords["copy"]
    if "autoreset_mode" in keywords:
        further["autoreset_mode"] = as_autoreset_mode(settings, keywords["autoreset_mode"])
    return {name: value for name, value in keywords.items() if name not in further}, further


def _settings(found: HighwayEnvSettings) -> SceneSettings:
    plain = {name: value for name, value in found.keywords.items() if name not in _NO_SETTINGS}
    return settings_from_keywords(found.scenario, plain, _NO_SETTINGS)
