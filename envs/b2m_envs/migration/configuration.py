"""The keys of highway-env's configurations, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from b2m_envs.highway_env.bridge import world_class
from b2m_envs.migration.actions import action_settings
from b2m_envs.migration.ids import HighwayEnvId
from b2m_envs.migration.observations import USUAL_SCALING, observation_settings
from b2m_envs.migration.refusing import refuse
from b2m_envs.scenes.highway_env_names import ONE_VEHICLE
from b2m_envs.scenes.reward import IGNORED, USUAL
from b2m_envs.scenes.scenarios import SCENARIOS

PICTURES = (  # what highway-env's own window shows: they change nothing that an agent sees or does
    "screen_width",
    "screen_height",
    "centering_position",
    "scaling",
    "show_trajectories",
    "render_agent",
    "offscreen_rendering",
    "real_time_rendering",
)
NEVER_READ = {"parking": ("steering_range",)}  # beside those of `IGNORED`
FIXED: Mapping[str, str] = MappingProxyType(  # keys that keep their value -> why, and what to do
    {
        "controlled_vehicles": ONE_VEHICLE,
        "other_vehicles_type": "other vehicles are highway-env's IDMVehicle",
        "manual_control": "call step with your own actions",
        "initial_lane_id": "the ego vehicle's lane is drawn at the start",
        "ego_spacing": "the ego vehicle begins as far from the others as by default",
        "destination": "the ego vehicle turns left",
        "spawn_probability": "vehicles arrive as often as by default",
        "incoming_vehicle_destination": "destinations are drawn",
        "speed_limit": "the racetracks have their usual limit of 10 m/s",
        "length": "the oval has its usual length of 100 m",
        "block_lane": "no lane of the oval is blocked",
        "force_decision": "no lane of the oval is blocked",
        "add_walls": "the parking always has its walls",
        "state_noise": "noise is up to .05, as by default",
        "derivative_noise": "noise is up to .05, as by default",
    }
)
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
    usual = world_class(row.configured_by or scenario.highway_env).default_config() | {**row.preset}
    _check_known(env_id, row.scenario, usual, config)
    chosen = {**usual, **config}
    found = action_settings(env_id, scenario, chosen["action"])
    if found["action"] == ("continuous" if scenario.steered_only else "discrete"):
        del found["action"]
    found |= _clock(env_id, row, chosen)
    for ours, theirs in scenario.options.items():
        keys = (theirs,) if isinstance(theirs, str) else theirs
        if any(key in config or key in row.preset for key in keys):
            found[ours] = chosen[theirs] if theirs in keys else tuple(chosen[key] for key in keys)
    connected = bool(chosen["neighbour_vehicles_connected_lanes"])
    if connected != scenario.connected_lanes:
        found["connected_lanes"] = connected
    reward = {
        name: chosen[name]
        for name, own in USUAL[row.scenario].items()
        if name in chosen and not _same(chosen[name], own)
    }
    if reward:
        found["reward"] = reward
    if observes:
        scaling = float(chosen.get("scaling") or USUAL_SCALING)
        found |= observation_settings(env_id, chosen["observation"], scaling)
    return found


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
        if key in ignored and not _same(value, usual[key]):
            refuse(env_id, key, value, "highway-env never reads it for this id; leave it out")
        if key in FIXED and not _same(value, usual[key]):
            refuse(env_id, key, value, f"{FIXED[key]}; leave it out")


def _clock(env_id: str, row: HighwayEnvId, chosen: Mapping[str, Any]) -> dict[str, Any]:
    scenario = SCENARIOS[row.scenario]
    found = {
        key: chosen[key]
        for key, field in CLOCK.items()
        if key in chosen and chosen[key] != getattr(scenario, field)
    }
    if row.n_steps is not None and "policy_frequency" in found:
        found["duration"] = row.n_steps / chosen["policy_frequency"]  # a number of steps there
    return found


def _same(first: Any, second: Any) -> bool:
    listed = (list, tuple)
    if isinstance(first, listed) and isinstance(second, listed):
        return list(first) == list(second)
    return bool(first == second)
