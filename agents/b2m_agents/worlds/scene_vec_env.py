"""Batched scenes as Stable-Baselines3 wants many environments."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from jaxtyping import Bool, Int64
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from b2m_agents.episodes.episodes import as_scene
from b2m_agents.worlds.vec_metadata import vec_metadata
from b2m_envs.driving.parking_batch import ParkingBatch
from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv
from b2m_envs.scenes.observation import ObservationChoice
from b2m_envs.scenes.seen import row_of
from b2m_envs.scenes.settings import SceneSettings

WaitingScenes: TypeAlias = DrivingSceneVectorEnv | ParkingBatch


class SceneVecEnv(VecEnv):
    """A `DrivingSceneVectorEnv` behind Stable-Baselines3's interface, see `make_scene_vec_env`.

    World *k* equals environment *k* of a `DummyVecEnv` of single environments with the same seed.
    The scenes wait to be begun (`AutoresetMode.DISABLED`), and an ended one is begun within the
    step, so that a class derived from this one can choose its seed. At the end of an episode
    `infos` hold `terminal_observation`, and `episode` with the keys of `Monitor`: return, length
    and time.

    Args:
        scenes: With `autoreset_mode="Disabled"`.
        every_info: Whether each world has the whole of its `info` in every step. Otherwise only
            worlds whose episode ends have, and the others their `speed`: a training needs no
            more, and the dictionaries of hundreds of worlds take longer than their traffic.

    Raises:
        ValueError: For scenes that begin again by themselves.
    """

    def __init__(self, scenes: WaitingScenes, *, every_info: bool = True) -> None:
        mode = scenes.metadata["autoreset_mode"]
        if mode is not AutoresetMode.DISABLED:
            raise ValueError(f"scenes: expected autoreset_mode 'Disabled', came {mode.value!r}")
        self.scenes = scenes
        self._every_info = every_info
        self._started = time.time()
        self._returns = np.zeros(scenes.num_envs)
        self._lengths = np.zeros(scenes.num_envs, np.int64)
        super().__init__(
            scenes.num_envs, scenes.single_observation_space, scenes.single_action_space
        )
        self.metadata = vec_metadata(scenes)

    def reset(self) -> VecEnvObs:
        """Begin an episode everywhere, with the seeds of `seed` if it was called."""
        self._refuse_options()
        observation, info = self.scenes.reset(seed=self._seeds)
        self._reset_seeds()
        self._returns[:], self._lengths[:] = 0, 0
        self.reset_infos = rows(info)
        begun: VecEnvObs = observation
        return begun

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Drive on for one policy step, and begin the episodes after those that end."""
        observation, reward, terminated, truncated, info = self.scenes.step(self._actions)
        done = terminated | truncated
        self._returns += reward
        self._lengths += 1
        infos = rows(info) if self._every_info else rows_of_some(info, done)
        for world in np.flatnonzero(done | self._every_info):
            infos[world]["TimeLimit.truncated"] = bool(truncated[world] and not terminated[world])
        if done.any():
            for world in np.flatnonzero(done):
                infos[world] |= self._final(observation, int(world))
            observation = self._begin_again(done)
        return observation, reward.astype(np.float32), done, infos

    def close(self) -> None:
        """End the episodes."""
        self.scenes.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """A picture of each world."""
        pictures: Any = self.scenes.render()
        if pictures is None:
            warnings.warn('The render mode is None: "rgb_array" gives images.', stacklevel=2)
            return [None] * self.num_envs
        drawn: Sequence[np.ndarray | None] = pictures
        return drawn

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """What each world has under this name; all have the same."""
        single = attr_name in ("observation_space", "action_space")
        value = getattr(self.scenes, f"single_{attr_name}" if single else attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set what all worlds have under this name.

        Raises:
            ValueError: For some of the worlds only, or for what would do nothing, such as a
                setting: those are given when the worlds are made.
        """
        if len(list(self._get_indices(indices))) != self.num_envs:
            raise ValueError(f"{attr_name}: expected all worlds, which share it, came {indices!r}")
        setattr(self.scenes, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """`action_masks` of each world, or `compute_reward` of goals, which is the same for all.

        The worlds are rows of arrays without methods.

        Raises:
            AttributeError: For any other method.
        """
        if method_name == "action_masks":
            masks = self.scenes.action_masks()
            return [masks[world] for world in self._get_indices(indices)]
        if method_name == "compute_reward" and isinstance(self.scenes, ParkingBatch):
            rewards = self.scenes.compute_reward(*method_args, **method_kwargs)
            return [rewards for _ in self._get_indices(indices)]
        raise AttributeError(f"the worlds of a batch have no method {method_name!r}")

    def env_is_wrapped(
        self,
        wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]],
        indices: VecEnvIndices = None,
    ) -> list[bool]:
        """True of `Monitor` alone, whose `episode` entries this class writes itself."""
        return [issubclass(wrapper_class, Monitor) for _ in self._get_indices(indices)]

    def _refuse_options(self) -> None:
        if any(self._options):
            raise ValueError(f"scenes: reset: expected no options, came {self._options}")

    def _next_seeds(self, done: Bool[np.ndarray, " world"]) -> list[int | None]:
        """Seeds of the episodes that these worlds begin now; None goes on drawing."""
        return [None] * self.num_envs

    def _begin_again(self, done: Bool[np.ndarray, " world"]) -> Any:
        observation, info = self.scenes.reset(
            seed=self._next_seeds(done), options={"reset_mask": done}
        )
        self._returns[done], self._lengths[done] = 0, 0
        begun = rows_of_some(info, done)
        for world in np.flatnonzero(done):
            self.reset_infos[world] = begun[world]
        return observation

    def _final(self, observation: Any, world: int) -> dict[str, Any]:
        episode = {
            "r": round(float(self._returns[world]), 6),
            "l": int(self._lengths[world]),
            "t": round(time.time() - self._started, 6),
        }
        return {"terminal_observation": row_of(observation, world), "episode": episode}


def make_scene_vec_env(
    scene: SceneSettings | str,
    n_envs: int,
    seed: int | None = None,
    *,
    observation: ObservationChoice = "scene",
    n_threads: int = 1,
    render_mode: str | None = None,
    every_info: bool = True,
) -> SceneVecEnv:
    """Many worlds of a scene for Stable-Baselines3, in this process.

    ```python
    >>> from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
    >>> from b2m_envs.driving import SceneSettings
    >>> envs = make_scene_vec_env(SceneSettings("highway_fast"), n_envs=64, seed=0)
    >>> envs.reset().shape
    (64, 64, 64, 2)

    ```

    Args:
        scene: One that the engine has; of a scenario's usual settings its name or id is enough.
        n_envs: Number of worlds.
        seed: World *k* is seeded with `seed + k`; None: by chance.
        observation: "scene", "state", "scaled_state" (for SB3's `MlpPolicy`) or "both" (for its
            `MultiInputPolicy`). Scenes have their channels last. SB3 takes the smallest axis for
            them; where the stack has more channels than the frame has rows, put `VecChannelsFirst`
            (`b2m_agents.worlds.channels_first`) around the worlds. Or what else `gymnasium.make`
            takes, such as `b2m_envs.Kinematics()`; of several, SB3 takes a flat dictionary.
        n_threads: Threads that share the worlds; changes no result.
        render_mode: "rgb_array" or None.
        every_info: See `SceneVecEnv`.

    Raises:
        ValueError: For a number below 1, or a scene that is none or that the engine does not have.
    """
    envs = SceneVecEnv(
        waiting_scenes(
            scene,
            n_envs,
            observation=observation,
            n_threads=n_threads,
            render_mode=render_mode,
        ),
        every_info=every_info,
    )
    if seed is not None:
        envs.seed(seed)
    return envs


def waiting_scenes(
    scene: SceneSettings | str, n_envs: int, **keywords: Any
) -> DrivingSceneVectorEnv:
    """Scenes that do not begin again by themselves."""
    settings = as_scene(scene)
    return DrivingSceneVectorEnv(
        num_envs=n_envs, autoreset_mode=AutoresetMode.DISABLED, **asdict(settings), **keywords
    )


def rows(info: dict[str, Any]) -> list[dict[str, Any]]:
    """One dictionary a world out of Gymnasium's arrays."""
    names = [name for name in info if not name.startswith("_")]
    columns: list[Iterable[Any]] = [_column(info[name]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def rows_of_some(info: dict[str, Any], chosen: Bool[np.ndarray, " world"]) -> list[dict[str, Any]]:
    """The same for the chosen worlds; of the others the speed alone."""
    every: list[dict[str, Any]] = [{"speed": speed} for speed in info["speed"].tolist()]
    which = np.flatnonzero(chosen)
    for world, row in zip(which, rows(_taken(info, which)), strict=True):
        every[world] = row
    return every


def _taken(info: dict[str, Any], which: Int64[np.ndarray, " chosen"]) -> dict[str, Any]:
    return {
        name: _taken(each, which) if isinstance(each, dict) else each[which]
        for name, each in info.items()
    }


def _column(values: Any) -> Iterable[Any]:
    if isinstance(values, dict):
        return rows(values)
    listed: Iterable[Any] = values.tolist() if values.ndim == 1 else values
    return listed
