"""How an agent acts: by its most likely actions, and by what it remembers of each episode."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool
from stable_baselines3.common.base_class import BaseAlgorithm


class Acting:
    """A policy in one episode, or in episodes side by side, whose steps it is asked for in turn.

    Args:
        policy: Of an agent; one without a memory acts by what it sees alone.
    """

    def __init__(self, policy: BaseAlgorithm) -> None:
        self._policy = policy
        self._memory: tuple[np.ndarray, ...] | None = None  # nothing yet

    def act(self, observation: Any, begins: Bool[np.ndarray, " episode"] | None = None) -> Any:
        """The most likely actions.

        Args:
            observation: Of the one episode, or of all.
            begins: In which of them an episode begins, of which nothing is remembered; None: in
                none, but that all begin at the first call.
        """
        actions, self._memory = self._policy.predict(
            observation, self._memory, begins, deterministic=True
        )
        return actions
