"""What a vehicle can be told to do: meta-actions, controls, or controls to choose from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from jaxtyping import Float32, Float64

from b2m_envs.scenes.numbers import as_numbers, as_range, is_whole

if TYPE_CHECKING:
    from b2m_envs.scenes.settings import SceneSettings

META_ACTIONS: Final = ("LANE_LEFT", "IDLE", "LANE_RIGHT", "FASTER", "SLOWER")  # highway-env's order
LONGITUDINAL: Final = ("SLOWER", "IDLE", "FASTER")
LATERAL: Final = ("LANE_LEFT", "IDLE", "LANE_RIGHT")
ACCELERATIONS: Final = (-5, 5.0)  # [m/s2] highway-env's
USUAL_PER_AXIS: Final = 3
MOST_PER_AXIS: Final = 101
FASTEST: Final = 40.0  # [m/s] highway-env's vehicles, in either direction
STRONGEST: Final = 100.0  # [m/s2]
ACTION_SETTINGS: Final = (  # beside `action` itself
    "longitudinal",
    "lateral",
    "target_speeds",
    "acceleration_range",
    "steering_range",
    "actions_per_axis",
)


def meta_actions(longitudinal: bool, lateral: bool) -> tuple[str, ...]:
    """Names of the meta-actions, in the order of their numbers."""
    if longitudinal and lateral:
        return META_ACTIONS
    return LONGITUDINAL if longitudinal else LATERAL


def control_table(n_controls: int, per_axis: int) -> Float32[np.ndarray, "action control"]:
    """The controls, from -1 to 1, that the numbers of highway-env's DiscreteAction stand for."""
    lowest = np.full(n_controls, -1, np.float32)
    axes = np.linspace(lowest, -lowest, per_axis).T
    return np.array(list(itertools.product(*axes)), np.float32)


def nearest_action(
    settings: SceneSettings, done: Float64[np.ndarray, "*world control"]
) -> Float32[np.ndarray, "*world control"]:
    """The continuous action that comes nearest to controls in their units.

    Args:
        settings: Whose ranges are -1 and 1.
        done: [m/s2], [rad] of `settings.controls`, in their order.
    """
    ranges = np.array([settings.control_ranges[name] for name in settings.controls], np.float64)
    low, high = ranges.T
    action: np.ndarray = np.clip((done - (low + high) / 2) / ((high - low) / 2), -1, 1)
    return action.astype(np.float32)


def as_settings_keep_them(settings: SceneSettings) -> Iterator[tuple[str, Any]]:
    """Ranges, speeds and lengths as tuples of Python's numbers, where they are such."""
    for name in ("acceleration_range", "steering_range", "target_speeds", "merge_lengths"):
        numbers = as_numbers(getattr(settings, name))
        if numbers is not None:
            yield name, numbers


def wrong_action(settings: SceneSettings) -> tuple[str, str] | None:
    """The first setting of actions that does not fit, and what was expected of it."""
    given = [name for name in ACTION_SETTINGS if getattr(settings, name) is not None]
    if len(settings.of.controls) < 2:
        alone = f"none: there is {settings.of.controls[0]} alone"
        return (given[0], alone) if given else None
    for name in given:
        expected = _CHECKS[name](settings, getattr(settings, name))
        if expected:
            return name, expected
    if not settings.accelerates and not settings.steers:
        return "lateral", "True where longitudinal is False, or there is no action"
    return None


def _wrong_flag(settings: SceneSettings, value: Any) -> str:
    return "" if isinstance(value, bool) else "True, False or None"


def _wrong_speeds(settings: SceneSettings, value: Any) -> str:
    if settings.of.steered_only:
        return "none: highway-env has no meta-actions for this scenario"
    speeds = as_numbers(value) or ()
    rising = len(speeds) > 1 and all(one < two for one, two in itertools.pairwise(speeds))
    if rising and speeds[0] >= -FASTEST and 0 < speeds[-1] <= FASTEST:
        return ""
    return f"two or more rising speeds up to {FASTEST:g} m/s"


def _wrong_accelerations(settings: SceneSettings, value: Any) -> str:
    if settings.action == "discrete" or not settings.accelerates:
        return "none where no action is an acceleration"
    limits = as_range(value)
    if limits is not None and max(map(abs, limits)) <= STRONGEST:
        return ""
    return f"two rising accelerations from -{STRONGEST:g} to {STRONGEST:g} m/s2"


def _wrong_angles(settings: SceneSettings, value: Any) -> str:
    if settings.action == "discrete" or not settings.steers:
        return "none where no action is a steering angle"
    limits = as_range(value)
    if limits is not None and max(map(abs, limits)) < math.pi / 2:
        return ""
    return "two rising angles [rad] between -pi/2 and pi/2"


def _wrong_number(settings: SceneSettings, value: Any) -> str:
    if settings.action != "discrete_controls":
        return "none but with action='discrete_controls'"
    valid = is_whole(value) and 2 <= value <= MOST_PER_AXIS
    return "" if valid else f"a whole number from 2 to {MOST_PER_AXIS}"


_CHECKS = {
    "longitudinal": _wrong_flag,
    "lateral": _wrong_flag,
    "target_speeds": _wrong_speeds,
    "acceleration_range": _wrong_accelerations,
    "steering_range": _wrong_angles,
    "actions_per_axis": _wrong_number,
}
