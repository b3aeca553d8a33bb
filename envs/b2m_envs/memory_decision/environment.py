"""The memory decision task as a Gymnasium environment."""

from __future__ import annotations

from typing import ClassVar

from b2m_envs.memory_decision.task import MemoryDecisionTask, TrialTask
from b2m_envs.memory_decision.trial_environment import TrialEnv


class MemoryDecisionEnv(TrialEnv):
    """Remember a few pictures, then choose the one of two that was among them.

    ## Description

    The task of Kornblith et al. (2017): after a fixation period, 3 or 4 items appear one after
    another at the centre, then the screen stays blank (maintenance), then two probes appear, left
    and right, exactly one of which was among the items. The agent holds fixation until the probes
    appear and then chooses the side of the stimulus shown before. One episode is one trial. With
    `n_distractors`, so many further stimuli appear at the centre during maintenance, with equal
    blanks before, between and after them, to be ignored.

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
    | 1 ... c            | Code of the item (or distractor) at the centre, or 0   | lowest code | highest code |
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
    between them, the duration of maintenance, the probes and their sides, and the distractors
    (stimuli that are neither items nor probes) are drawn at random, or taken from the next row of
    `trial_list`, or from row `k` with `reset(options={"trial": k})`. A trial and its noise are
    drawn in whole at `reset`.

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
    | `n_distractors`     | **int**                         | `0`                | Stimuli shown during maintenance, `item` seconds each    |
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

    task_class: ClassVar[type[TrialTask]] = MemoryDecisionTask
