"""Masks of the actions that are possible, as sb3-contrib's MaskablePPO asks for them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from jaxtyping import Bool

from b2m_envs.driving.single_world import SingleWorld
from b2m_envs.scenes.settings import SceneSettings


class MaskedActions:
    """Mixed into a single environment: `action_masks`, and how `info` holds them."""

    settings: SceneSettings
    _world: SingleWorld
    _began: bool
    _title: str

    def action_masks(self) -> Bool[np.ndarray, " action"]:
        """Whether each action is possible, as highway-env's `get_available_actions` says.

        A change of lane is impossible at the edge of the road, a change of speed at the highest or
        lowest target speed; the vehicle then does as with IDLE.

        Raises:
            ValueError: where actions are no meta-actions.
            gymnasium.error.ResetNeeded: before the first reset.
        """
        require_masks(self.settings)
        if not self._began:
            raise gymnasium.error.ResetNeeded(f"{self._title}: call reset() before action_masks()")
        mask: np.ndarray = self._world.action_mask()  # type: ignore[attr-defined]
        return mask

    def _mask_info(self) -> dict[str, Any]:
        """The entry of `info`; int8, as Gymnasium's spaces sample with it."""
        if self.settings.action != "discrete":
            return {}
        return {"action_mask": self.action_masks().astype(np.int8)}


def require_masks(settings: SceneSettings) -> None:
    """Refuse actions that are always possible.

    Raises:
        ValueError: naming them.
    """
    if settings.action != "discrete":
        raise ValueError(
            f"{settings.of.id}: action_masks: expected action='discrete', whose meta-actions may "
            f"be impossible, came {settings.action!r}"
        )
