"""The memory decision task as a Gymnasium environment."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from jaxtyping import Float32, Int64, UInt8

from b2m_envs.memory_decision.drawing import ScreenPainter, SubjectWindow
from b2m_envs.memory_decision.randomness import draw_words
from b2m_envs.memory_decision.rules import judge
from b2m_envs.memory_decision.settings import MemoryDecisionSettings, settings_from_keywords
from b2m_envs.memory_decision.steps import TrialBatch
from b2m_envs.memory_decision.task import MemoryDecisionTask
from b2m_envs.memory_decision.trials import NO_STIMULUS


class MemoryDecisionEnv(gymnasium.Env[np.ndarray, int | np.integer[Any] | np.ndarray]):
    """Remember a few pictures, then choose the one of two that was among them.

    ## Description

    The task of Kornblith et al. (2017): after a fixation period, 3 or 4 items appear one after
    another at the centre, then the screen stays blank (maintenance), then two probes appear, left
    and right, exactly one of which was among the items. The agent holds fixation until the probes
    appear and then chooses the side of the stimulus shown before. One episode is one trial.

    ## Action Space

    The action is one of `Discrete(3)`:

    | Num | Action       |
    |-----|--------------|
    | 0   | fixate       |
    | 1   | choose left  |
    | 2   | choose right |

    ## Observation Space

    A float32 vector; `c` is `code_size`, the length of a stimulus's code vector.

    | Num                | Observation                                            | Min         | Max         |
    |--------------------|--------------------------------------------------------|-------------|-------------|
    | 0                  | Fixation cue: 1 until the probes appear, then 0        | 0           | 1           |
    | 1 ... c            | Code of the item at the centre, 0 while there is none  | lowest code | highest code |
    | c + 1 ... 2c       | Code of the left probe, 0 before the probes            | lowest code | highest code |
    | 2c + 1 ... 3c      | Code of the right probe, 0 before the probes           | lowest code | highest code |

    Gaussian noise of standard deviation `observation_noise` is added to every channel but the
    first, at every step; it never exceeds 4.3 deviations, by which the bounds are widened.

    ## Rewards

    | Event                                                     | Reward           | Default |
    |-----------------------------------------------------------|------------------|---------|
    | The side of the stimulus shown before is chosen           | `reward_correct` | 1       |
    | The other side is chosen, or none before the window ends  | `reward_error`   | 0       |
    | An action other than fixate before the probes             | `reward_abort`   | -0.1    |
    | Any other step                                            | 0                | 0       |

    ## Starting State

    The first step of fixation of a new trial. The number of items, the items, the interval
    between them, the duration of maintenance, the probes and their sides are drawn at random, or
    taken from the next row of `trial_list`, or from row `k` with
    `reset(options={"trial": k})`. A trial and its noise are drawn in whole at `reset`.

    ## Episode End

    Termination: a side is chosen, or the response window ends, or fixation is broken before the
    probes (with `abort_on_break`). Truncation: never. The observation that comes with termination
    is an empty screen, all zeros.

    `info` holds `trial_id`, `period`, `time_since_onset` [s] of that period, and `target_side`
    (0 left, 1 right); they belong to the observation returned, and at the end to the step that
    ended the trial. At the end it also holds `correct` and `aborted`.

    ## Arguments

    ```python
    >>> import gymnasium
    >>> env = gymnasium.make("b2m_envs:B2M/MemoryDecision-v0", n_items=4, time_step=0.2)
    >>> env.observation_space.shape
    (25,)

    ```

    | Parameter           | Type                            | Default            | Description                                              |
    |---------------------|---------------------------------|--------------------|----------------------------------------------------------|
    | `n_items`           | **int** or several              | `(3, 4)`           | Items of a trial, drawn from these                       |
    | `n_stimuli`         | **int**                         | `8`                | Stimuli of the task                                      |
    | `codes`             | **str** or **array**            | `"random"`         | `"random"`, `"category"`, or an array (stimulus, feature) |
    | `code_size`         | **int**                         | `8`                | Features of a drawn code                                 |
    | `n_categories`      | **int**                         | `4`                | Categories of `"category"` codes                         |
    | `category_share`    | **float**                       | `0.5`              | Share of a code's variance that is its category's        |
    | `codes_seed`        | **int** or **None**             | `0`                | Seed of the codes, which `reset(seed=...)` leaves alone  |
    | `fixation`          | **float**                       | `0.5`              | Duration before the first item [s]                       |
    | `item`              | **float**                       | `0.2`              | Duration of each item [s]                                |
    | `isi`               | **float** or several            | `(0, 0.2, 0.5, 0.8)` | Blank after each item [s], the same within a trial       |
    | `post_item`         | **float**                       | `0.2`              | Further blank after the last item [s]                    |
    | `maintenance`       | **float** or **(low, high)**    | `(2.4, 2.6)`       | Duration of maintenance [s]                              |
    | `response`          | **float**                       | `0.6`              | Time the probes are shown at most [s]                    |
    | `time_step`         | **float**                       | `0.1`              | Duration of a step [s]; events happen at the nearest step |
    | `observation_noise` | **float**                       | `0.1`              | Standard deviation of the noise                          |
    | `reward_correct`, `reward_error`, `reward_abort` | **float** | `1, 0, -0.1` | See Rewards                                         |
    | `abort_on_break`    | **bool**                        | `True`             | Whether breaking fixation ends the trial                 |
    | `trial_list`        | **TrialTable** or **None**      | `None`             | Trials to replay in this order, looping                  |

    ## Vectorized environment

    `gymnasium.make_vec("b2m_envs:B2M/MemoryDecision-v0", num_envs=...)` steps all sub-environments
    at once and serves the same trials as single environments with the same seeds.

    ## References

    Kornblith, Quian Quiroga, Koch, Fried & Mormann (2017). Persistent single-neuron activity
    during working memory in the human medial temporal lobe. Current Biology 27, 1026-1032,
    doi:10.1016/j.cub.2017.02.013.
    """  # noqa: E501  (tables)

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["human", "rgb_array"],
        "render_fps": 10,
    }

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        """Take the settings of `MemoryDecisionSettings` as keywords.

        Raises:
            ValueError: for an unknown setting or render mode, or a value that does not fit.
        """
        self.settings = settings_from_keywords(settings)
        self.task = MemoryDecisionTask(self.settings)
        self.metadata = metadata_of(type(self).metadata, self.settings)  # type: ignore[misc]
        self.render_mode = check_render_mode(render_mode, self.metadata)
        self.observation_space = observation_space(self.task)
        self.action_space = gymnasium.spaces.Discrete(3)
        self._trial_number = 0  # of the next trial, since the last seed
        self._trial: TrialBatch | None = None
        self._step = 0
        self._ended = False
        self._painter = ScreenPainter(self.task.codes)
        self._window: SubjectWindow | None = None

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
            raise gymnasium.error.ResetNeeded("B2M/MemoryDecision: no trial runs: call reset()")
        if not self.action_space.contains(action):
            raise ValueError(f"B2M/MemoryDecision: action: expected 0, 1 or 2, came {action!r}")
        outcome = judge(
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
        return {
            "trial_id": int(trial.trial_id[0]),
            "period": trial.period_names[trial.period[0, self._step]],
            "time_since_onset": float(trial.time_since_onset[0, self._step]),
            "target_side": int(trial.trials.target_side[0]),
        }

    def _draw(self) -> UInt8[np.ndarray, "height width channel"]:
        if self._trial is None:
            raise gymnasium.error.ResetNeeded("B2M/MemoryDecision: call reset() before render()")
        here = (0, self._step)
        return draw(
            self._painter,
            self._trial.shown[here],
            self._trial.period_names[self._trial.period[here]],
            float(self._trial.time_since_onset[here]),
            self._ended,
        )

    def _show_window(self) -> None:
        if self.render_mode != "human":
            return
        if self._window is None:
            self._window = SubjectWindow(self.metadata["render_fps"])
        self._window.show(self._draw())


def metadata_of(shared: dict[str, Any], settings: MemoryDecisionSettings) -> dict[str, Any]:
    """An environment's own metadata: the class's, shown at the speed of its time step."""
    return shared | {"render_fps": max(1, round(1 / settings.time_step))}


def check_render_mode(render_mode: str | None, metadata: dict[str, Any]) -> str | None:
    """Return the render mode if the environment has it.

    Raises:
        ValueError: if it has not.
    """
    permitted = metadata["render_modes"]
    if render_mode is not None and render_mode not in permitted:
        raise ValueError(
            f"B2M/MemoryDecision: render_mode: expected one of {permitted} or None, "
            f"came {render_mode!r}"
        )
    return render_mode


def draw(
    painter: ScreenPainter,
    shown: Int64[np.ndarray, " place"],
    period: str,
    time_since_onset: float,
    ended: bool,
) -> UInt8[np.ndarray, "height width channel"]:
    """The screen of a step, or the empty one after the trial's end."""
    if ended:
        return painter.paint(np.full_like(shown, NO_STIMULUS), False, "end of trial")
    return painter.paint(shown, period != "probe", f"{period}   {time_since_onset:.2f} s")


def observation_space(task: MemoryDecisionTask) -> gymnasium.spaces.Box:
    """Bounds of an observation: those of the codes and of a blank, widened by the noise."""
    low = np.full(task.n_features, min(task.codes.min(), 0.0) - task.largest_noise)
    high = np.full(task.n_features, max(task.codes.max(), 0.0) + task.largest_noise)
    low[0], high[0] = 0, 1
    margin = np.float32(1e-6)  # sums of float32 may round past the sum of their bounds
    return gymnasium.spaces.Box(
        low.astype(np.float32) - margin, high.astype(np.float32) + margin, dtype=np.float32
    )


def chosen_trial(options: dict[str, Any] | None, settings: MemoryDecisionSettings) -> int | None:
    """Row of the trial list that the options of ``reset`` ask for, if they do.

    Raises:
        ValueError: for an unknown option, a row out of range, or a task without a trial list.
    """
    for name in options or {}:
        if name != "trial":
            raise ValueError(f'B2M/MemoryDecision: reset: expected option "trial", came {name!r}')
    if not options:
        return None
    row, trial_list = options["trial"], settings.trial_list
    if trial_list is None:
        raise ValueError("B2M/MemoryDecision: reset: option 'trial' needs a trial_list, came none")
    if not isinstance(row, int | np.integer) or not 0 <= row < len(trial_list):
        raise ValueError(
            f"B2M/MemoryDecision: reset: option 'trial': expected a row from 0 to "
            f"{len(trial_list) - 1}, came {row!r}"
        )
    return int(row)
