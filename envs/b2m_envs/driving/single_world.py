"""One world of a scene, on either engine, behind one interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from b2m_envs.rendering.geometry import RoadGeometry, Traffic


@dataclass(frozen=True)
class StepResult:
    """What came of a policy step."""

    reward: float
    terminated: bool
    action: Any  # what the ego vehicle did
    rewards: dict[str, float]  # terms of the reward, before weighting
    is_success: bool | None  # None where the scenario has no goal


@runtime_checkable
class SingleWorld(Protocol):
    """Road, traffic and ego vehicle; all but `begin` need an episode."""

    engine: str

    def begin(self, np_random: np.random.Generator) -> None:
        """Begin an episode with this generator."""

    def drive(self, action: Any) -> StepResult:
        """Drive on for one policy step with a valid action; None if a driver model drives."""

    def speed(self) -> float:
        """[m/s] of the ego vehicle."""

    def crashed(self) -> bool:
        """Whether the ego vehicle has crashed."""

    def road(self) -> RoadGeometry:
        """The lanes."""

    def traffic(self) -> Traffic:
        """Everything on the road."""

    def state(self) -> Float32[np.ndarray, " variable"]:
        """The variables of `STATE_VARIABLES`."""

    def frame(self) -> UInt8[np.ndarray, "height width channel"]:
        """The newest frame alone."""

    def mask(self) -> Bool[np.ndarray, "height width"]:
        """The pixels of other vehicles in it."""
