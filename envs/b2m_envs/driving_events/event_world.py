"""What the worlds with events share: a straight road, a camera, a clock, and what has happened."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from b2m_envs.driving_events.settings import EventSettings
from b2m_envs.driving_events.straight_road import Car, state_of, straight_road, traffic_of
from b2m_envs.rendering import make_camera
from b2m_envs.rendering.geometry import RoadGeometry, Traffic
from b2m_envs.scenes.settings import ENGINE
from b2m_envs.scenes.view import camera_settings

Happened: TypeAlias = tuple[tuple[str, float], ...]  # events, each with its time [s]


class RoadView:
    """The part of a world that looks: everything of `SingleWorld` but `begin` and `drive`.

    Args:
        settings: Of the environment.
    """

    engine = ENGINE

    def __init__(self, settings: EventSettings) -> None:
        self._n_lanes, self._perception = settings.n_lanes, settings.perception
        self._road = straight_road(settings.n_lanes)
        self._camera = make_camera(camera_settings(settings))
        self.ego = Car(0.0, 0.0, 0.0)
        self.lead: Car | None = None

    def speed(self) -> float:
        """[m/s] of the ego vehicle."""
        return self.ego.speed

    def crashed(self) -> bool:
        """Whether the ego vehicle has crashed."""
        return self.ego.crashed

    def road(self) -> RoadGeometry:
        """The lanes."""
        return self._road

    def traffic(self) -> Traffic:
        """Everything on the road."""
        return traffic_of([self.ego] if self.lead is None else [self.ego, self.lead])

    def state(self) -> Float32[np.ndarray, " variable"]:
        """The variables of `STATE_VARIABLES`."""
        return state_of(self.ego, self.lead, self._n_lanes, self._perception)

    def frame(self) -> UInt8[np.ndarray, "height width channel"]:
        """The newest frame alone."""
        return self._camera.draw(self._road, self.traffic())

    def mask(self) -> Bool[np.ndarray, "height width"]:
        """The pixels of other vehicles in it."""
        return self._camera.vehicle_mask(self._road, self.traffic())


class Diary:
    """Events that happened since they were last told, on the clock of the episode."""

    def __init__(self, steps_per_second: float) -> None:
        self._rate = steps_per_second
        self._new: list[tuple[str, float]] = []
        self._told: dict[str, Any] = {}

    def note(self, name: str, step: int) -> None:
        """An event at a time step."""
        self._new.append((name, step / self._rate))

    def note_reaction(self, name: str, step: int, since: int) -> None:
        """An answer at a time step to something at an earlier one."""
        self.note(name, step)
        self._told["reaction_time"] = (step - since) / self._rate

    def tell(self) -> dict[str, Any]:
        """Entries of `info`; then all is told."""
        told = {"events": tuple(self._new), **self._told}
        self._new, self._told = [], {}
        return told
