"""Drivers who answer when a log says that a person did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float32, Float64

from b2m_envs.driving_events.emergency_braking_world import BRAKES, PRESSED, THROTTLE
from b2m_envs.driving_events.lane_departure_world import BACK, CORRECTING
from b2m_envs.driving_events.settings import (
    LARGEST_STEERING,
    EmergencyBrakingSettings,
    LaneDepartureSettings,
)
from b2m_envs.driving_events.straight_road import LENGTH
from b2m_envs.scenes.state import STATE_INDEX

USUAL_CORRECTION = 2.0  # [s] where a log does not say when the car was back
FIRM = 1.2  # times what counts: how firmly the driver steers or brakes at least
UNNOTICED = 0.9  # times what counts: how firmly a driver who does not answer acts at most
STRONGEST = 5.0  # [m/s2] across the road, that a correction takes at most
SETTLED = 0.1  # [m/s] across the road, below which a correction is over
PLANNED_STEPS = 3  # a shorter rest of a correction is steered as if it were as long
KEEPING = (1.0, 2.0)  # [1/s2, 1/s] how a driver who does not answer keeps the lane
FOLLOWING = (0.2, 0.8)  # [1/s2, 1/s] how a driver follows the car ahead
PULLED_AWAY = 1.0  # [m/s] slower than the car ahead, at which the driver releases the brakes


class ScriptedDriver(Protocol):
    """Someone who drives by a script."""

    def act(self, step: int, info: Mapping[str, Any]) -> Float32[np.ndarray, " control"]:
        """The action at a time step, from what `info` says there."""


class LaneDriver:
    """Corrects each perturbation from its response's onset to its offset.

    Until the onset the wheel is straight, as of someone who has not noticed. From then on the
    driver steers along a cubic path that is in the middle of the lane, and parallel to it, at the
    offset; at once firmly enough to count as a correction. Where that would take more than
    `STRONGEST`, the path is as much longer. A perturbation that nobody answers ends by itself; then
    the driver returns so gently that it counts as no correction.

    Args:
        settings: Of the environment, with its perturbations.
        response_onset: [s] of each perturbation; NaN: nobody answered.
        response_offset: [s] when the car was back; NaN: `USUAL_CORRECTION` after the onset.
    """

    def __init__(
        self,
        settings: LaneDepartureSettings,
        response_onset: Float64[np.ndarray, " perturbation"],
        response_offset: Float64[np.ndarray, " perturbation"],
    ) -> None:
        assert settings.perturbations is not None
        self._settings = settings
        self._side = settings.perturbations.side
        rate = settings.steps_per_second
        usual = response_onset + USUAL_CORRECTION
        offset = np.where(np.isnan(response_offset), usual, response_offset)
        self._pushed = np.rint(np.array(settings.perturbations.onset) * rate)
        self._from = np.rint(response_onset * rate)
        self._until = np.rint(offset * rate)
        self._corrects = False

    def act(self, step: int, info: Mapping[str, Any]) -> Float32[np.ndarray, " control"]:
        """The steering of a step."""
        newest = int(np.searchsorted(self._pushed, step, side="right")) - 1
        waits = newest >= 0 and not step >= self._from[newest]  # NaN: for ever
        if newest >= 0 and step == self._from[newest]:
            self._corrects = True
        elif waits or (self._corrects and step >= self._until[newest] and self._is_back(info)):
            self._corrects = False
        if self._corrects:
            steering = self._corrected(step, newest, info)
        elif waits and (info["perturbation"] or not np.isnan(self._from[newest])):
            steering = 0.0
        else:
            most = UNNOTICED * CORRECTING
            steering = float(np.clip(self._steering(info, KEEPING), -most, most))
        return np.array([np.clip(steering, -1, 1)], np.float32)

    def _corrected(self, step: int, newest: int, info: Mapping[str, Any]) -> float:
        left = max(self._until[newest] - step, PLANNED_STEPS) / self._settings.steps_per_second
        away, sideways = abs(info["lane_offset"]), abs(self._sideways(info))
        needed = 2 * sideways + math.sqrt(4 * sideways**2 + 6 * STRONGEST * away)
        left = max(left, needed / STRONGEST)  # 6 away / left^2 + 4 sideways / left is no more
        steering = self._steering(info, gains=(6 / left**2, 4 / left))  # of the cubic path
        if step != self._from[newest]:
            return steering
        against = -float(self._side[newest])
        return against * max(FIRM * CORRECTING, against * steering)

    def _is_back(self, info: Mapping[str, Any]) -> bool:
        return bool(abs(info["lane_offset"]) < BACK / 2 and abs(self._sideways(info)) < SETTLED)

    def _sideways(self, info: Mapping[str, Any]) -> float:
        """Speed of the car across the road [m/s]."""
        heading = float(info["state"][STATE_INDEX["heading"]])
        drift = int(info["perturbation"]) * float(self._settings.drift)
        return float(info["speed"]) * math.sin(heading) + drift

    def _steering(self, info: Mapping[str, Any], gains: tuple[float, float]) -> float:
        """Action that accelerates the car sideways by minus gains * (offset, sideways speed)."""
        speed = float(info["speed"])
        wanted = -gains[0] * info["lane_offset"] - gains[1] * self._sideways(info)  # [m/s2]
        slip = np.clip(wanted / speed * (LENGTH / 2) / speed, -0.5, 0.5)  # sine of its angle
        return math.atan(2 * math.tan(math.asin(slip))) / LARGEST_STEERING


class BrakingDriver:
    """Follows the car ahead, and brakes fully from each response's onset on.

    The pedal is released when the car is slower than the one ahead. Between the answers the driver
    follows so gently that it counts as no braking.

    Args:
        settings: Of the environment.
        response_onset: [s] when the driver braked; NaN: not at all.
    """

    def __init__(
        self,
        settings: EmergencyBrakingSettings,
        response_onset: Float64[np.ndarray, " braking"],
    ) -> None:
        self._settings = settings
        answered = response_onset[~np.isnan(response_onset)]
        self._from = set(np.rint(answered * settings.steps_per_second).astype(int).tolist())
        self._brakes = False

    def act(self, step: int, info: Mapping[str, Any]) -> Float32[np.ndarray, " control"]:
        """The pedals of a step."""
        closing = info["speed"] - info["lead_speed"]
        if step in self._from:
            self._brakes = True
        elif self._brakes and closing < -PULLED_AWAY and not info["lead_braking"]:
            self._brakes = False
        return np.array([-1.0 if self._brakes else self._followed(closing, info)], np.float32)

    def _followed(self, closing: float, info: Mapping[str, Any]) -> float:
        gaining, matching = FOLLOWING
        wanted = gaining * (info["lead_gap"] - self._settings.gap) - matching * closing  # [m/s2]
        pedals = wanted / (THROTTLE if wanted > 0 else BRAKES)
        return float(np.clip(pedals, -UNNOTICED * PRESSED, 1))
