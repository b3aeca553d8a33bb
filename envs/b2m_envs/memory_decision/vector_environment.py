"""Many environments of a memory task stepped at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from b2m_envs.fixed_once_made import FixedOnceMade
from b2m_envs.memory_decision.context_decision import ContextDecisionTask
from b2m_envs.memory_decision.drawing import ScreenPainter
from b2m_envs.memory_decision.randomness import draw_words
from b2m_envs.memory_decision.rules import TrialOutcome, judge_actions
from b2m_envs.memory_decision.settings import settings_from_keywords
from b2m_envs.memory_decision.steps import TrialBatch
from b2m_envs.memory_decision.sternberg import SternbergTask
from b2m_envs.memory_decision.task import MemoryDecisionTask, TrialTask
from b2m_envs.memory_decision.trial_environment import (
    check_render_mode,
    chosen_trial,
    draw,
    metadata_of,
    observation_space,
    rule_shown,
)

TRIALS_AHEAD = 16  # trials whose random words a sub-environment draws at once
_AUTORESET_MODES = (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)


class TrialVectorEnv(FixedOnceMade, VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """A memory task as a native batch of environments (see `TrialEnv`), named by ``task_class``.

    Sub-environment *k* of ``reset(seed=s)`` serves the very trials, noise included, of a single
    environment after ``reset(seed=s + k)``. It is reset in the step after its trial ended
    (`AutoresetMode.NEXT_STEP`); that step ignores its action and earns nothing. With
    ``autoreset_mode=AutoresetMode.SAME_STEP`` the step that ends a trial returns the first
    screen of the next, and ``info`` holds ``final_obs`` and ``final_info`` as in Gymnasium's own
    vector environments.
    """

    task_class: ClassVar[type[TrialTask]]
    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["rgb_array"],
        "render_fps": 10,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }
    _ended: Bool[np.ndarray, " env"]  # the trial ended in the last step: begin the next in this one

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        **settings: Any,
    ) -> None:
        """Take the settings of the task as keywords.

        Raises:
            ValueError: for an unknown setting, render mode or autoreset mode, or a value that
                does not fit.
        """
        self.settings = settings_from_keywords(settings, self.task_class.settings_class)
        if num_envs < 1:
            raise ValueError(
                f"{self.settings.task_id}: num_envs: expected 1 or more, came {num_envs}"
            )
        if autoreset_mode not in _AUTORESET_MODES:
            raise ValueError(
                f"{self.settings.task_id}: autoreset_mode: expected one of "
                f"{', '.join(map(str, _AUTORESET_MODES))}, came {autoreset_mode!r}"
            )
        self.num_envs = num_envs
        self.task = self.task_class(self.settings)
        own = {"autoreset_mode": autoreset_mode}
        self.metadata = metadata_of(type(self).metadata, self.settings) | own  # type: ignore[misc]
        self._resets_in_step = autoreset_mode is AutoresetMode.SAME_STEP
        self.render_mode = check_render_mode(render_mode, self.metadata, self.settings)
        self.single_observation_space = observation_space(self.task)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = gymnasium.spaces.Discrete(3)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._painter = ScreenPainter(self.task.codes)
        self._title = self.settings.task_id
        self._allocate()
        self._made = True

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Float32[np.ndarray, "env feature"], dict[str, Any]]:
        """Begin the next trial everywhere; ``options={"trial": k}`` as in the single environment.

        Args:
            seed: ``s`` seeds sub-environment *k* with ``s + k``; or one seed (or None) each.
            options: of all sub-environments.

        Raises:
            ValueError: if the number of seeds differs from ``num_envs``, or for bad options.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        row = chosen_trial(options, self.settings)
        for index, own_seed in enumerate(self._seeds(seed)):
            if own_seed is not None or self._generators[index] is None:
                self._seed(index, own_seed)
        if row is not None:
            self._trial_number[:] = row
        self._begin_trials(self._every)
        return self._observation[:, 0].copy(), self._info()

    def step(
        self, actions: Int64[np.ndarray, " env"]
    ) -> tuple[
        Float32[np.ndarray, "env feature"],
        Float64[np.ndarray, " env"],
        Bool[np.ndarray, " env"],
        Bool[np.ndarray, " env"],
        dict[str, Any],
    ]:
        """Act on the current screens; sub-environments whose trial has ended begin the next.

        Raises:
            ValueError: for actions outside the action space.
            gymnasium.error.ResetNeeded: before the first reset.
        """
        actions = self._checked(actions)
        was_ended = self._ended
        outcome = judge_actions(
            actions,
            self._target[self._every, self._step],
            self._step == self._last_step,
            self.settings,
        )
        reward = np.where(was_ended, 0.0, outcome.reward)
        self._ended = np.asarray(outcome.terminated & ~was_ended)
        self._step += ~self._ended & ~was_ended
        if was_ended.any():
            self._begin_trials(np.flatnonzero(was_ended))
        observation = self._observation[self._every, self._step]
        observation[self._ended] = 0
        info, final_info = self._info(), self._final_info(outcome)
        truncated = np.zeros_like(was_ended)
        if self._resets_in_step and self._ended.any():
            return self._next_trials(observation, reward, truncated, info | final_info)
        return observation, reward, self._ended.copy(), truncated, info | final_info

    def render(self) -> tuple[UInt8[np.ndarray, "height width channel"], ...] | None:
        """Draw what the subject of each sub-environment sees now."""
        if self.render_mode is None:
            return None
        self._check_running()
        return tuple(self._draw(index) for index in range(self.num_envs))

    def _allocate(self) -> None:
        n_envs, n_steps = self.num_envs, self.task.n_steps
        self._every = np.arange(n_envs)
        self._all = np.ones(n_envs, dtype=bool)
        self._period_names = np.array(self.task.period_names, dtype=object)
        # Randomness, drawn some trials ahead.
        self._generators: list[np.random.Generator | None] = [None] * n_envs
        self._words = np.empty((n_envs, TRIALS_AHEAD, self.task.n_words), dtype=np.uint32)
        self._words_used = np.full(n_envs, TRIALS_AHEAD)
        self._trial_number = np.zeros(n_envs, dtype=np.int64)  # of the next trial
        # The trial that runs in each sub-environment, as in TrialBatch.
        self._observation = np.zeros((n_envs, n_steps, self.task.n_features), dtype=np.float32)
        self._target = np.zeros((n_envs, n_steps), dtype=np.int64)
        self._period = np.zeros((n_envs, n_steps), dtype=np.int64)
        self._time_since_onset = np.zeros((n_envs, n_steps), dtype=np.float32)
        self._shown = np.zeros((n_envs, n_steps, 3), dtype=np.int64)
        self._trial_id = np.zeros(n_envs, dtype=np.int64)
        self._target_side = np.zeros(n_envs, dtype=np.int64)
        self._cue = np.zeros(n_envs, dtype=np.int64)
        self._last_step = np.zeros(n_envs, dtype=np.int64)
        # Where it stands.
        self._step = np.zeros(n_envs, dtype=np.int64)
        self._ended = np.zeros(n_envs, dtype=bool)

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            return [seed + index for index in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(
                f"{self.settings.task_id}: reset: seed: expected an int or {self.num_envs} seeds, "
                f"came {len(seed)}"
            )
        return list(seed)

    def _seed(self, index: int, seed: int | None) -> None:
        self._generators[index] = seeding.np_random(seed)[0]
        self._words_used[index] = TRIALS_AHEAD
        self._trial_number[index] = 0

    def _begin_trials(self, envs: Int64[np.ndarray, " starting"]) -> None:
        """Unroll the next trial of these sub-environments."""
        for index in envs[self._words_used[envs] == TRIALS_AHEAD]:
            generator = self._generators[index]
            assert generator is not None, "reset() seeds every sub-environment"
            self._words[index] = draw_words(TRIALS_AHEAD, self.task.n_words, generator)
            self._words_used[index] = 0
        words = self._words[envs, self._words_used[envs]]
        self._store(envs, self.task.from_words(words, self._trial_number[envs]))
        self._words_used[envs] += 1
        self._trial_number[envs] += 1
        self._step[envs] = 0
        self._ended[envs] = False

    def _next_trials(
        self,
        final_observation: Float32[np.ndarray, "env feature"],
        reward: Float64[np.ndarray, " env"],
        truncated: Bool[np.ndarray, " env"],
        final_info: dict[str, Any],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Begin the next trial where one has just ended, in the same step."""
        ended = self._ended.copy()
        final_obs = np.full(self.num_envs, None, dtype=object)
        for index in np.flatnonzero(ended):
            final_obs[index] = final_observation[index]
        for values in final_info.values():  # of the others: nothing, as in Gymnasium
            values[~ended] = None if values.dtype == object else 0
        self._begin_trials(np.flatnonzero(ended))
        info = self._info() | {
            "final_obs": final_obs,
            "_final_obs": ended.copy(),
            "final_info": final_info,
            "_final_info": ended.copy(),
        }
        return self._observation[self._every, self._step], reward, ended, truncated, info

    def _store(self, envs: Int64[np.ndarray, " starting"], batch: TrialBatch) -> None:
        self._observation[envs] = batch.observation
        self._target[envs] = batch.target
        self._period[envs] = batch.period
        self._time_since_onset[envs] = batch.time_since_onset
        self._shown[envs] = batch.shown
        self._trial_id[envs] = batch.trial_id
        self._target_side[envs] = batch.trials.target_side
        self._cue[envs] = batch.trials.cue
        self._last_step[envs] = batch.mask.sum(axis=1).astype(np.int64) - 1

    def _info(self) -> dict[str, Any]:
        """Gymnasium's layout: an array a key, and beside it which sub-environments have it."""
        here = (self._every, self._step)
        info = {
            "trial_id": self._trial_id.copy(),
            "period": self._period_names[self._period[here]],
            "time_since_onset": self._time_since_onset[here].astype(np.float64),
            "target_side": self._target_side.copy(),
        }
        if self.task.rule_names:
            info["rule"] = self._cue.copy()
        return info | {f"_{name}": self._all.copy() for name in info}

    def _final_info(self, outcome: TrialOutcome) -> dict[str, Any]:
        if not self._ended.any():
            return {}
        return {
            "correct": outcome.correct & self._ended,
            "_correct": self._ended.copy(),
            "aborted": outcome.aborted & self._ended,
            "_aborted": self._ended.copy(),
        }

    def _checked(self, actions: np.ndarray) -> Int64[np.ndarray, " env"]:
        self._check_running()
        actions = np.asarray(actions)
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise ValueError(
                f"{self.settings.task_id}: actions: expected {self.num_envs} integers, "
                f"came {actions.dtype} of shape {actions.shape}"
            )
        if actions.min() < 0 or actions.max() > 2:
            raise ValueError(
                f"{self.settings.task_id}: actions: expected 0, 1 or 2, came {actions}"
            )
        return actions.astype(np.int64)

    def _check_running(self) -> None:
        if self._generators[0] is None:
            raise gymnasium.error.ResetNeeded(f"{self.settings.task_id}: call reset() first")

    def _draw(self, index: int) -> UInt8[np.ndarray, "height width channel"]:
        here = (index, self._step[index])
        return draw(
            self._painter,
            self._shown[here],
            self._period_names[self._period[here]],
            float(self._time_since_onset[here]),
            rule_shown(self.task, int(self._cue[index])),
            bool(self._ended[index]),
        )


class MemoryDecisionVectorEnv(TrialVectorEnv):
    """Native batch of `MemoryDecisionEnv`, see there for the task and its arguments."""

    task_class: ClassVar[type[TrialTask]] = MemoryDecisionTask


class SternbergVectorEnv(TrialVectorEnv):
    """Native batch of `SternbergEnv`, see there for the task and its arguments."""

    task_class: ClassVar[type[TrialTask]] = SternbergTask


class ContextDecisionVectorEnv(TrialVectorEnv):
    """Native batch of `ContextDecisionEnv`, see there for the task and its arguments."""

    task_class: ClassVar[type[TrialTask]] = ContextDecisionTask
