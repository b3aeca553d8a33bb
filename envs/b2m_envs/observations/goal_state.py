"""The state of a scene with a goal, and where the goal lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from b2m_envs.observations.checks import check_flags, settle
from b2m_envs.scenes.goal_state import (
    GOAL_BOUND,
    GOAL_SCALE,
    GOAL_VARIABLES,
    check_goal,
    goal_place,
)
from b2m_envs.scenes.observation import (
    ObservationKind,
    finite_state,
    state_bounds,
    state_factors,
)
from b2m_envs.scenes.parking_state import parking_state
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import STATE_VARIABLES


@dataclass(frozen=True)
class GoalState:
    """The 14 variables of the state, then the place of the goal in the vehicle's own axes.

    In parking the state alone says how far aside the spot is and how the vehicle is turned to it,
    but not how far ahead it is.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import GoalState
    >>> env = gymnasium.make("b2m_envs:B2M/ParkingScene-v0", observation=GoalState())
    >>> env.reset(seed=0)[0].shape
    (16,)
    >>> GoalState().names[-2:]
    ('goal_ahead', 'goal_right')

    ```

    Args:
        scaled: Whether every variable is of order 1, as a network wants it: the state as that of
            `observation="scaled_state"`, the place divided by 20 m.

    Raises:
        ValueError: For what is neither True nor False.
    """

    scaled: bool = True

    def __post_init__(self) -> None:
        settle(self)
        check_flags(self, "scaled")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(each.name for each in (*STATE_VARIABLES, *GOAL_VARIABLES))

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_highway_env=True)

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's variables.

        Raises:
            ValueError: If the scenario has no goal.
        """
        check_goal(settings, type(self).__name__)
        factors, (low, high) = self._factors(settings), state_bounds(settings)
        far = np.full(len(GOAL_VARIABLES), GOAL_BOUND, np.float32)
        low, high = (np.append(bound, end) * factors for bound, end in ((low, -far), (high, far)))
        return spaces.Box(low, high, dtype=np.float32)

    def observe(self, settings: SceneSettings, vehicle: Any) -> Float32[np.ndarray, " variable"]:
        """The variables of one of highway-env's vehicles, which has a goal."""
        return self.of_state(settings, parking_state(vehicle), goal_place(vehicle))

    def of_state(
        self,
        settings: SceneSettings,
        state: Float32[np.ndarray, "*world variable"],
        place: Float32[np.ndarray, "*world 2"],
    ) -> Float32[np.ndarray, "*world number"]:
        """The variables of a state, NaN where one has no meaning, and of the goal's place [m]."""
        goal = np.clip(place, -GOAL_BOUND, GOAL_BOUND)
        plain = np.concatenate([finite_state(settings, state), goal], axis=-1)
        seen: np.ndarray = plain * self._factors(settings)
        return seen

    def _observe(self, settings: SceneSettings, scene: Any, world: Any) -> Any:
        return self.observe(settings, world.vehicle)

    def _factors(self, settings: SceneSettings) -> Float32[np.ndarray, " variable"]:
        if not self.scaled:
            return np.ones(len(self.names), np.float32)
        goal = np.full(len(GOAL_VARIABLES), 1 / GOAL_SCALE, np.float32)
        factors: np.ndarray = np.append(state_factors(settings), goal)
        return factors
