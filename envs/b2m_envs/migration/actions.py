"""highway-env's action dictionaries as settings of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from b2m_envs.migration.refusing import NO_DEFAULT, refuse
from b2m_envs.scenes.actions import ACCELERATIONS, USUAL_PER_AXIS
from b2m_envs.scenes.highway_env_names import ACTION_TYPES, ONE_VEHICLE
from b2m_envs.scenes.numbers import as_python
from b2m_envs.scenes.scenarios import SCENARIOS, Scenario

USUAL_SPEEDS: Final = (20, 25, 30)  # [m/s] of highway-env's meta-actions if it is not told others
QUARTER_TURN: Final = SCENARIOS["highway"].largest_steering  # [rad] highway-env's usual
_META = ("type", "longitudinal", "lateral", "target_speeds")
_CONTROLS = (
    "type",
    "acceleration_range",
    "steering_range",
    "speed_range",
    "longitudinal",
    "lateral",
    "dynamical",
    "clip",
)
_CHOSEN_CONTROLS = (*_CONTROLS, "actions_per_axis")
_PASSED_OVER = ("target_speeds",)  # in the configuration of its racetracks, by whom steers
_NONE_IS_USUAL = ("target_speeds", "acceleration_range", "steering_range", "speed_range")


def action_settings(env_id: str, scenario: Scenario, action: Any) -> dict[str, Any]:
    """The settings of ours that an action dictionary is.

    Raises:
        ValueError: naming what cannot be mapped.
    """
    kind = action.get("type") if isinstance(action, Mapping) else None
    if not isinstance(kind, str) or kind not in ACTION_TYPES:
        instead = f"give a dictionary whose type is {', '.join(_MAPPED)}"
        refuse(env_id, "action", action, instead)
    if kind not in _MAPPED:
        refuse(env_id, "action: type", kind, ONE_VEHICLE)
    known, convert = _MAPPED[kind]
    action = as_python(action)
    for key in action:
        if key in _PASSED_OVER and key not in known and scenario.penalises_action:
            continue
        if key not in known:
            instead = f"highway-env reads {', '.join(known[1:])} of a {kind} and passes over others"
            refuse(env_id, f"action: {key}", action[key], instead)
        if action[key] is None and key not in _NONE_IS_USUAL:
            refuse(env_id, f"action: {key}", None, NO_DEFAULT)
    return convert(env_id, scenario, action)


def _meta_actions(env_id: str, scenario: Scenario, action: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"action": "discrete"}
    longitudinal, lateral = action.get("longitudinal", True), action.get("lateral", True)
    if not longitudinal:
        found["longitudinal"] = longitudinal
    if lateral != scenario.lane_changes:
        found["lateral"] = lateral
    speeds = action.get("target_speeds")
    speeds = USUAL_SPEEDS if speeds is None else speeds
    if speeds != scenario.target_speeds:
        found["target_speeds"] = speeds
    return found


def _controls(env_id: str, scenario: Scenario, action: Mapping[str, Any]) -> dict[str, Any]:
    slips = scenario is SCENARIOS["lane_keeping"]
    if bool(action.get("dynamical", False)) != slips:
        instead = f"tyres slip in lane keeping {'and' if slips else 'only'}, always: "
        refuse(env_id, "action: dynamical", action.get("dynamical", False), f"{instead}{not slips}")
    if action.get("speed_range") is not None:
        instead = "vehicles keep to 40 m/s either way; leave it out"
        refuse(env_id, "action: speed_range", action["speed_range"], instead)
    if not action.get("clip", True):
        instead = "what is beyond -1 and 1 is always cut off here"
        refuse(env_id, "action: clip", action["clip"], instead)
    found: dict[str, Any] = {"action": "continuous"}
    for name, control in (("longitudinal", "acceleration"), ("lateral", "steering")):
        if bool(action.get(name, True)) != (control in scenario.controls):
            found[name] = action.get(name, True)
    ranges = {
        "acceleration_range": (action.get("acceleration_range") or ACCELERATIONS, ACCELERATIONS),
        "steering_range": (
            action.get("steering_range") or (-QUARTER_TURN, QUARTER_TURN),
            (-scenario.largest_steering, scenario.largest_steering),
        ),
    }
    return found | {name: came for name, (came, usual) in ranges.items() if came != usual}


def _discrete_controls(
    env_id: str, scenario: Scenario, action: Mapping[str, Any]
) -> dict[str, Any]:
    found = _controls(env_id, scenario, action) | {"action": "discrete_controls"}
    per_axis = action.get("actions_per_axis", USUAL_PER_AXIS)
    return found if per_axis == USUAL_PER_AXIS else found | {"actions_per_axis": per_axis}


_Convert = Callable[[str, Scenario, Mapping[str, Any]], dict[str, Any]]
_MAPPED: Mapping[str, tuple[tuple[str, ...], _Convert]] = MappingProxyType(
    {
        "DiscreteMetaAction": (_META, _meta_actions),
        "ContinuousAction": (_CONTROLS, _controls),
        "DiscreteAction": (_CHOSEN_CONTROLS, _discrete_controls),
    }
)
