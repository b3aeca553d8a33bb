"""The memory environments for Stable-Baselines3: the native batch as its `VecEnv`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from jaxtyping import Float32, Int64
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.memory.memory_trials import make_batch
from b2m_agents.worlds.vec_metadata import vec_metadata
from b2m_envs.memory_decision.settings import TrialSettings


class MemoryVecEnv(VecEnv):
    """Many trials of a memory task at once, in one process.

    A step that ends a trial returns the first screen of the next one (Stable-Baselines3's
    convention). Then the environment's ``info`` holds what that of a single environment in a
    `Monitor` would: ``terminal_observation``, ``TimeLimit.truncated`` (never true: a trial always
    ends by its own rules), ``episode`` (return ``r``, length ``l``, seconds ``t``), the trial's own
    ``correct``, ``aborted``, ``trial_id``, ``target_side``, ``period`` and ``time_since_onset``,
    and ``is_success``, which is ``correct``. Within a trial ``info`` is empty: filling hundreds of
    dictionaries would take longer than the step.

    Args:
        settings: Of the task, which they choose by their class.
        n_environments: Trials that run side by side.
        render_mode: None or ``"rgb_array"``.

    Raises:
        ValueError: If there are no environments or the render mode is unknown.
    """

    def __init__(
        self, settings: TrialSettings, n_environments: int, render_mode: str | None = None
    ) -> None:
        self.batch = make_batch(
            settings,
            n_environments,
            render_mode=render_mode,
            autoreset_mode=AutoresetMode.SAME_STEP,
        )
        super().__init__(
            n_environments, self.batch.single_observation_space, self.batch.single_action_space
        )
        self.metadata = vec_metadata(self.batch)
        self._actions: Int64[np.ndarray, " env"] = np.zeros(n_environments, dtype=np.int64)
        self._return = np.zeros(n_environments)
        self._length = np.zeros(n_environments, dtype=np.int64)
        self._started = time.time()

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the trials from the next reset on; all seeds are even, so none is held out.

        Environment *k* gets `episode_seed(seed, k)`. None: a seed drawn from NumPy's global
        generator, as in every `VecEnv`.
        """
        if seed is None:
            seed = int(np.random.randint(0, 1 << 31))  # noqa: NPY002
        self._seeds = [episode_seed(seed, index) for index in range(self.num_envs)]
        return self._seeds

    def reset(self) -> Float32[np.ndarray, "env feature"]:
        """Begin a trial everywhere."""
        observation, _ = self.batch.reset(
            seed=list(self._seeds),  # type: ignore[arg-type]  # the batch takes one each
            options=self._options[0] or None,
        )
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        self._return[:] = 0
        self._length[:] = 0
        return np.asarray(observation)

    def step_async(self, actions: Int64[np.ndarray, " env"]) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Act; where a trial ended, its end is in ``info`` and the next one has begun."""
        observation, reward, ended, _, info = self.batch.step(self._actions)
        self._return += reward
        self._length += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for index in np.flatnonzero(ended):
            infos[index] = self._end_of_trial(int(index), info)
        self._return[ended] = 0
        self._length[ended] = 0
        return observation, reward.astype(np.float32), ended, infos

    def close(self) -> None:
        """Close the batch."""
        self.batch.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The batch's attribute, once for each environment: they share it."""
        return [getattr(self.batch, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refuse: environments of a batch have no attributes of their own.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(f"{attr_name}: a batch of memory environments cannot be changed")

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Refuse: environments of a batch have no methods of their own.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            f"{method_name}: the environments of a batch have no methods of their own"
        )

    def env_is_wrapped(
        self,
        wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]],
        indices: VecEnvIndices = None,
    ) -> list[bool]:
        """True of `Monitor` alone, whose ``episode`` entries this environment writes itself."""
        return [issubclass(wrapper_class, Monitor) for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[np.ndarray | None]:
        """The screen of each environment, if made with ``render_mode="rgb_array"``."""
        images: Any = self.batch.render()
        return images or [None] * self.num_envs

    def _end_of_trial(self, index: int, info: dict[str, Any]) -> dict[str, Any]:
        of_trial = {
            name: values[index]
            for name, values in info["final_info"].items()
            if not name.startswith("_")
        }
        return of_trial | {
            "terminal_observation": info["final_obs"][index],
            "TimeLimit.truncated": False,
            "is_success": bool(of_trial["correct"]),
            "episode": {
                "r": round(float(self._return[index]), 6),
                "l": int(self._length[index]),
                "t": round(time.time() - self._started, 6),
            },
        }
