"""Episodes from a stream of seeds, which can be taken up in the middle after a kill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from b2m_agents.episodes import Observation, episode_seed


@dataclass(frozen=True)
class EpisodeUnderWay:
    """How to come to where an environment is: its episode's seed, and the actions since."""

    stream: int  # the seed that all its episodes' seeds are drawn from
    index: int  # of the episode in the stream
    actions: tuple[Any, ...]  # whole numbers, or lists of numbers if continuous


class ReplayableEpisodes(gymnasium.Wrapper[Observation, Any, Observation, Any]):
    """Seeds episode after episode from the seed of the first reset, and knows how to come back.

    highway-env cannot be saved in the middle of an episode, but repeats for a seed: an episode
    under way is therefore kept as its seed and its actions, and driven again. All its seeds are
    even, see `episode_seed`: no episode is one of evaluation.
    """

    def __init__(self, env: gymnasium.Env[Observation, Any]) -> None:
        super().__init__(env)
        self._stream = 0
        self._index = -1
        self._actions: list[Any] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start the next episode of the stream, or a stream of its own if there is a seed."""
        if seed is not None:
            self._stream, self._index = seed, -1
        self._index += 1
        self._actions = []
        return self.env.reset(seed=episode_seed(self._stream, self._index), options=options)

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and note the action."""
        self._actions.append(np.asarray(action).tolist())
        return self.env.step(action)

    def under_way(self) -> EpisodeUnderWay:
        """Where this environment is."""
        return EpisodeUnderWay(self._stream, self._index, tuple(self._actions))

    def take_up(self, episode: EpisodeUnderWay) -> None:
        """Come to where another environment was."""
        self._stream, self._index = episode.stream, episode.index - 1
        self.reset()
        for action in episode.actions:
            self.step(np.asarray(action, dtype=self.action_space.dtype))
