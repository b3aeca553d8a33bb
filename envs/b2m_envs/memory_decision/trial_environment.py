"""A memory task as a Gymnasium environment whose episodes are trials."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from jaxtyping import Float32, Int64, UInt8

from b2m_envs.displays import offered_modes
from b2m_envs.fixed_once_made import FixedOnceMade
from b2m_envs.memory_decision.drawing import WINDOW_DRIVER, ScreenPainter, SubjectWindow
from b2m_envs.memory_decision.randomness import draw_words
from b2m_envs.memory_decision.rules import judge_actions
from b2m_envs.memory_decision.settings import TrialSettings, settings_from_keywords
from b2m_envs.memory_decision.steps import TrialBatch
from b2m_envs.memory_decision.task import TrialTask
from b2m_envs.memory_decision.trials import NO_RULE, NO_STIMULUS


class TrialEnv(FixedOnceMade, gymnasium.Env[np.ndarray, int | np.integer[Any] | np.ndarray]):
    """A memory task as a Gymnasium environment, an episode a trial.

    A class of your own names its task as ``task_class``, and documents itself.
    """

    task_class: ClassVar[type[TrialTask]]
    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["human", "rgb_array"],
        "render_fps": 10,
    }

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        """Take the settings of the task as keywords.

        Raises:
            ValueError: for an unknown setting or render mode, or a value that does not fit.
        """
        self.settings = settings_from_keywords(settings, self.task_class.settings_class)
        self.task = self.task_class(self.settings)
        self._title = self.settings.task_id
        shared = type(self).metadata
        offered = {"render_modes": offered_modes(shared["render_modes"], WINDOW_DRIVER)}
        self.metadata = metadata_of(shared, self.settings) | offered  # type: ignore[misc]
        self.render_mode = check_render_mode(render_mode, shared, self.settings)
        self.observation_space = observation_space(self.task)
        self.action_space = gymnasium.spaces.Discrete(3)
        self._trial_number = 0  # of the next trial, since the last seed
        self._trial: TrialBatch | None = None
        self._step = 0
        self._ended = False
        self._painter = ScreenPainter(self.task.codes)
        self._window: SubjectWindow | None = None
        self._made = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32[np.ndarray, " feature"], dict[str, Any]]:
        """Begin the next trial; ``options={"trial": k}`` begins row ``k`` of the trial list.

        A seed starts the random trials, and the trial list, from the beginning.

        Raises:
            ValueError: for an option that is not known, or a trial that is not in the list.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._trial_number = 0
        row = chosen_trial(options, self.settings)
        if row is not None:
            self._trial_number = row
        words = draw_words(1, self.task.n_words, self.np_random)
        self._trial = self.task.from_words(words, np.array([self._trial_number]))
        self._trial_number += 1
        self._step, self._ended = 0, False
        self._show_window()
        return self._trial.observation[0, 0].copy(), self._info(self._trial)

    def step(
        self, action: int | np.integer[Any] | np.ndarray
    ) -> tuple[Float32[np.ndarray, " feature"], float, bool, bool, dict[str, Any]]:
        """Act on the current screen.

        Raises:
            ValueError: for an action outside the action space.
            gymnasium.error.ResetNeeded: before the first reset, or after the end of a trial.
        """
        trial = self._trial
        if trial is None or self._ended:
            raise gymnasium.error.ResetNeeded(
                f"{self.settings.task_id}: no trial runs: call reset()"
            )
        if not self.action_space.contains(action):
            raise ValueError(
                f"{self.settings.task_id}: action: expected 0, 1 or 2, came {action!r}"
            )
        outcome = judge_actions(
            np.array([action], dtype=np.int64),
            trial.target[:, self._step],
            trial.mask.sum(axis=1) == self._step + 1,
            self.settings,
        )
        self._ended = bool(outcome.terminated[0])
        info: dict[str, Any] = {}
        if self._ended:
            observation = np.zeros_like(trial.observation[0, 0])
            info = {"correct": bool(outcome.correct[0]), "aborted": bool(outcome.aborted[0])}
        else:
            self._step += 1
            observation = trial.observation[0, self._step].copy()
        self._show_window()
        return observation, float(outcome.reward[0]), self._ended, False, self._info(trial) | info

    def sample_trials(self, n: int, seed: int | None = None) -> TrialBatch:
        """Return ``n`` whole trials as arrays, equal bin by bin to stepping through them.

        Args:
            n: number of trials.
            seed: the trials are those of ``n`` episodes after ``reset(seed=seed)``, and the
                environment stays as it is. Without a seed they are the environment's next ``n``,
                which its later episodes do not show again.
        """
        if seed is not None:
            return self.task.sample(n, seeding.np_random(seed)[0])
        words = draw_words(n, self.task.n_words, self.np_random)
        number = np.arange(self._trial_number, self._trial_number + n)
        self._trial_number += n
        return self.task.from_words(words, number)

    def render(self) -> UInt8[np.ndarray, "height width channel"] | None:
        """Draw what a subject sees now (mode "rgb_array"); "human" draws at every step itself."""
        return self._draw() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _info(self, trial: TrialBatch) -> dict[str, Any]:
        info = {
            "trial_id": int(trial.trial_id[0]),
            "period": trial.period_names[trial.period[0, self._step]],
            "time_since_onset": float(trial.time_since_onset[0, self._step]),
            "target_side": int(trial.trials.target_side[0]),
        }
        return info | ({"rule": int(trial.trials.cue[0])} if self.task.rule_names else {})

    def _draw(self) -> UInt8[np.ndarray, "height width channel"]:
        if self._trial is None:
            raise gymnasium.error.ResetNeeded(
                f"{self.settings.task_id}: call reset() before render()"
            )
        here = (0, self._step)
        return draw(
            self._painter,
            self._trial.shown[here],
            self._trial.period_names[self._trial.period[here]],
            float(self._trial.time_since_onset[here]),
            rule_shown(self.task, int(self._trial.trials.cue[0])),
            self._ended,
        )

    def _show_window(self) -> None:
        if self.render_mode != "human":
            return
        if self._window is None:
            self._window = SubjectWindow(self.metadata["render_fps"], self.settings.task_id)
        self._window.show(self._draw())


def metadata_of(shared: dict[str, Any], settings: TrialSettings) -> dict[str, Any]:
    """An environment's own metadata: the class's, shown at the speed of its time step."""
    return shared | {"render_fps": 1 / settings.time_step}


def check_render_mode(
    render_mode: str | None, metadata: dict[str, Any], settings: TrialSettings
) -> str | None:
    """Return the render mode if the environment has it.

    Raises:
        ValueError: if it has not.
    """
    permitted = metadata["render_modes"]
    if render_mode is not None and render_mode not in permitted:
        raise ValueError(
            f"{settings.task_id}: render_mode: expected one of {permitted} or None, "
            f"came {render_mode!r}"
        )
    return render_mode


def draw(
    painter: ScreenPainter,
    shown: Int64[np.ndarray, " place"],
    period: str,
    time_since_onset: float,
    rule: str,
    ended: bool,
) -> UInt8[np.ndarray, "height width channel"]:
    """The screen of a step, or the empty one after the trial's end.

    Args:
        painter: of screens.
        shown: stimulus at the centre, on the left, on the right, or ``NO_STIMULUS``.
        period: of the trial.
        time_since_onset: [s] of that period.
        rule: name of the trial's rule, a cue during fixation; empty: there is none.
        ended: whether the trial is over.
    """
    if ended:
        return painter.paint(np.full_like(shown, NO_STIMULUS), False, "end of trial")
    cue = rule if period == "fixation" else ""
    return painter.paint(shown, period != "probe", f"{period}   {time_since_onset:.2f} s", cue)


def rule_shown(task: TrialTask, rule: int) -> str:
    """Name of a rule on the screen, empty for none."""
    return "" if rule == NO_RULE else task.rule_names[rule]


def observation_space(task: TrialTask) -> gymnasium.spaces.Box:
    """Bounds of an observation: those of the codes and of a blank, widened by the noise."""
    low = np.full(task.n_features, min(task.codes.min(), 0.0) - task.largest_noise)
    high = np.full(task.n_features, max(task.codes.max(), 0.0) + task.largest_noise)
    low[: task.n_cues], high[: task.n_cues] = 0, 1
    margin = np.float32(1e-6)  # sums of float32 may round past the sum of their bounds
    return gymnasium.spaces.Box(
        low.astype(np.float32) - margin, high.astype(np.float32) + margin, dtype=np.float32
    )


def chosen_trial(options: dict[str, Any] | None, settings: TrialSettings) -> int | None:
    """Row of the trial list that the options of ``reset`` ask for, if they do.

    Raises:
        ValueError: for an unknown option, a row out of range, or a task without a trial list.
    """
    for name in options or {}:
        if name != "trial":
            raise ValueError(f'{settings.task_id}: reset: expected option "trial", came {name!r}')
    if not options:
        return None
    row, trial_list = options["trial"], settings.trial_list
    if trial_list is None:
        raise ValueError(f"{settings.task_id}: reset: option 'trial' needs a trial_list, came none")
    if not isinstance(row, int | np.integer) or not 0 <= row < len(trial_list):
        raise ValueError(
            f"{settings.task_id}: reset: option 'trial': expected a row from 0 to "
            f"{len(trial_list) - 1}, came {row!r}"
        )
    return int(row)
