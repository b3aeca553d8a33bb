"""The keys of highway-env's configurations, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from b2m_envs.highway_env.bridge import world_class
from b2m_envs.migration.actions import action_settings
from b2m_envs.migration.ids import HighwayEnvId
from b2m_envs.migration.observations import USUAL_SCALING, observation_settings
from b2m_envs.migration.refusing import NO_DEFAULT, refuse
from b2m_envs.scenes.highway_env_names import FIXED, PICTURES
from b2m_envs.scenes.numbers import as_python, is_number
from b2m_envs.scenes.reward import ENDS, IGNORED, USUAL, Reward
from b2m_envs.scenes.scenarios import ANY_ARM, SCENARIOS

NEVER_READ = {  # beside those of `IGNORED`
    "parking": ("steering_range",),
    "exit": ("initial_lane_id",),
    "racetrack": ("speed_limit",),
    "racetrack_oval": ("speed_limit",),
}
DRAWN = {"destination": ANY_ARM}  # what is drawn where highway-env's value is None
CLOCK = {  # highway-env's key -> field of `Scenario` with the usual value
    "policy_frequency": "policy_frequency",
    "simulation_frequency": "simulation_frequency",
    "duration": "duration",
}


def keywords_of(
    env_id: str, row: HighwayEnvId, config: Mapping[str, Any], *, observes: bool
) -> dict[str, Any]:
    """The keywords of ours that a configuration is, those of our usual values left out.

    Args:
        env_id: highway-env's, for messages.
        row: Of the id.
        config: What is to differ from its default configuration.
        observes: Whether the observation is to be mapped.

    Raises:
        ValueError: naming the key that cannot be mapped, and what to do instead.
    """
    scenario = SCENARIOS[row.scenario]
    world = world_class(row.configured_by or scenario.highway_env)
    usual = as_python(world.default_config() | {**row.preset})
    config = as_python(config)
    _check_known(env_id, row.scenario, usual, config)
    chosen = {**usual, **config}
    found = action_settings(env_id, scenario, chosen["action"])
    if found["action"] == ("continuous" if scenario.steered_only else "discrete"):
        del found["action"]
    found |= _clock(env_id, row, chosen)
    for ours, theirs in scenario.options.items():
        keys = (theirs,) if isinstance(theirs, str) else theirs
        if any(key in config or key in row.preset for key in keys):
            value = chosen[theirs] if theirs in keys else tuple(chosen[key] for key in keys)
            value = DRAWN.get(ours) if value is None else value
            if value is not None:
                found[ours] = value
    connected = bool(chosen["neighbour_vehicles_connected_lanes"])
    if connected != scenario.connected_lanes:
        found["connected_lanes"] = connected
    reward = {
        name: chosen[name]
        for name, own in USUAL[row.scenario].items()
        if name in chosen and chosen[name] != own
    }
    if reward:
        found["reward"] = reward
    if observes:
        scaling = chosen["scaling"] or USUAL_SCALING
        found |= observation_settings(env_id, chosen["observation"], scaling)
    return found


def reward_of_both(
    env_id: str, mapped: Mapping[str, Any], ours: Mapping[str, Any]
) -> dict[str, Any]:
    """The reward of a configuration and of a keyword of ours, which wins, if there are both.

    Raises:
        ValueError: If the configuration says when an episode ends, and the keyword is a reward by
            name or function, beside which that cannot be said.
    """
    if "reward" not in mapped or "reward" not in ours:
        return {}
    own = ours["reward"]
    if isinstance(own, Reward):
        own = own.given
    if isinstance(own, Mapping):
        return {"reward": {**mapped["reward"], **own}}
    for key in ENDS:
        if key in mapped["reward"]:
            instead = f"beside reward={own!r} episodes end as by default; leave one of both out"
            refuse(env_id, key, mapped["reward"][key], instead)
    return {}


def _check_known(
    env_id: str, scenario: str, usual: Mapping[str, Any], config: Mapping[str, Any]
) -> None:
    """Refuse keys that highway-env does not have, and values that cannot be mapped."""
    ignored = (*IGNORED.get(scenario, ()), *NEVER_READ.get(scenario, ()))
    for key, value in config.items():
        if key not in usual and key not in USUAL[scenario]:
            known = ", ".join(sorted({*usual, *USUAL[scenario]} - {*ignored}))
            instead = f"highway-env has no such key here and would pass over it; it has {known}"
            refuse(env_id, str(key), value, instead)
        if key in ignored and value != usual[key]:
            refuse(env_id, key, value, "highway-env never reads it for this id; leave it out")
        if key in FIXED and value != usual[key]:
            refuse(env_id, key, value, f"{FIXED[key]}; leave it out")
        may_be_none = key in PICTURES or key in DRAWN or usual.get(key, "") is None
        if value is None and not may_be_none:
            refuse(env_id, key, value, NO_DEFAULT)


def _clock(env_id: str, row: HighwayEnvId, chosen: Mapping[str, Any]) -> dict[str, Any]:
    scenario = SCENARIOS[row.scenario]
    found = {
        key: chosen[key]
        for key, field in CLOCK.items()
        if key in chosen and chosen[key] != getattr(scenario, field)
    }
    frequency = found.get("policy_frequency", 0)
    if row.n_steps is not None and is_number(frequency) and frequency > 0:
        found["duration"] = row.n_steps / frequency  # a number of steps there
    return found
