"""Episodes from a stream of seeds, which can be taken up in the middle after a kill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from jaxtyping import Bool
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from b2m_agents.episodes.episodes import episode_seed, neutral_action
from b2m_agents.worlds.scene_vec_env import SceneVecEnv, WaitingScenes


@dataclass(frozen=True)
class EpisodeUnderWay:
    """How to come to where an environment is: its episode's seed, and the actions since."""

    stream: int  # the seed that all its episodes' seeds are drawn from
    index: int  # of the episode in the stream
    actions: tuple[Any, ...]  # whole numbers, or lists of numbers if continuous


class ReplayableEpisodes(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Seeds episode after episode from the seed of the first reset, and knows how to come back.

    An environment cannot be saved in the middle of an episode, but repeats for a seed: an episode
    under way is therefore kept as its seed and its actions, and driven again. All its seeds are
    even, see `episode_seed`: no episode is one of evaluation.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._stream = 0
        self._index = -1
        self._actions: list[Any] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start the next episode of the stream, or a stream of its own if there is a seed."""
        stream, index = (self._stream, self._index + 1) if seed is None else (seed, 0)
        begun = self.env.reset(seed=episode_seed(stream, index), options=options)
        self._stream, self._index, self._actions = stream, index, []
        return begun

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and note the action if it was taken."""
        taken = self.env.step(action)
        self._actions.append(np.asarray(action).tolist())
        return taken

    def under_way(self) -> EpisodeUnderWay:
        """Where this environment is."""
        return EpisodeUnderWay(self._stream, self._index, tuple(self._actions))

    def resume(self, episode: EpisodeUnderWay) -> None:
        """Come to where another environment was."""
        self._stream, self._index = episode.stream, episode.index - 1
        self.reset()
        for action in episode.actions:
            self.step(np.asarray(action, dtype=self.action_space.dtype))


class ReplayableSceneVecEnv(SceneVecEnv):
    """The same for a batch of scenes: world *k* goes through what environment *k* would."""

    def __init__(self, scenes: WaitingScenes, *, every_info: bool = True) -> None:
        super().__init__(scenes, every_info=every_info)
        self._streams = [0] * scenes.num_envs
        self._indices = [-1] * scenes.num_envs
        self._driven: list[list[Any]] = [[] for _ in range(scenes.num_envs)]
        self._neutral = np.array([neutral_action(self.action_space)] * scenes.num_envs)

    def reset(self) -> VecEnvObs:
        """Start the next episode of every stream, or streams of their own if there are seeds."""
        self._refuse_options()
        for world, seed in enumerate(self._seeds):
            if seed is not None:
                self._streams[world], self._indices[world] = seed, -1
        self._seeds = self._next_seeds(np.ones(self.num_envs, np.bool_))
        return super().reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Drive on, and note the actions in the episodes that are still under way."""
        taken = super().step_wait()
        actions = np.asarray(self._actions).tolist()
        for world in np.flatnonzero(~taken[2]):
            self._driven[world].append(actions[world])
        return taken

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Call `under_way`, the one method that each world has."""
        if method_name != "under_way":
            return super().env_method(method_name, *method_args, indices=indices, **method_kwargs)
        return [self._under_way(world) for world in self._get_indices(indices)]

    def resume(self, episodes: Sequence[EpisodeUnderWay]) -> None:
        """Come to where other environments were, one a world.

        All worlds are driven together and arrive together: one with fewer actions to repeat is
        begun anew until its turn has come.
        """
        self._streams = [episode.stream for episode in episodes]
        self._indices = [episode.index - 1 for episode in episodes]
        self._reset_seeds()  # loading a policy seeds its environments
        self.reset()
        self._driven = [list(episode.actions) for episode in episodes]
        longest = max(len(driven) for driven in self._driven)
        first = np.array([longest - len(driven) for driven in self._driven])
        seeds = self._current_seeds(np.ones(self.num_envs, np.bool_))
        for step in range(longest):
            actions = self._neutral.copy()
            for world in np.flatnonzero(first <= step):
                actions[world] = self._driven[world][step - first[world]]
            _, reward, *_ = self.scenes.step(actions)
            self._returns += reward
            self._lengths += 1
            early = first > step
            self._returns[early], self._lengths[early] = 0, 0
            if early.any():
                self.scenes.reset(seed=seeds, options={"reset_mask": early})

    def _under_way(self, world: int) -> EpisodeUnderWay:
        return EpisodeUnderWay(
            self._streams[world], self._indices[world], tuple(self._driven[world])
        )

    def _next_seeds(self, done: Bool[np.ndarray, " world"]) -> list[int | None]:
        for world in np.flatnonzero(done):
            self._indices[world] += 1
            self._driven[world] = []
        return self._current_seeds(done)

    def _current_seeds(self, chosen: Bool[np.ndarray, " world"]) -> list[int | None]:
        return [
            episode_seed(stream, index) if is_chosen else None
            for stream, index, is_chosen in zip(
                self._streams, self._indices, chosen.tolist(), strict=True
            )
        ]
