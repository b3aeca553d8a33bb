"""The Sternberg task as a Gymnasium environment."""

from __future__ import annotations

from typing import ClassVar

from b2m_envs.memory_decision.sternberg import SternbergTask
from b2m_envs.memory_decision.task import TrialTask
from b2m_envs.memory_decision.trial_environment import TrialEnv


class SternbergEnv(TrialEnv):
    """Remember a few pictures, then say whether another one was among them.

    ## Description

    The task of Sternberg (1966) with pictures, as recorded by Kyzar et al. (2024): after a
    fixation period, 1 to 3 items appear one after another at the centre, then the screen stays
    blank (maintenance), then one probe appears at the centre. The agent holds fixation until the
    probe appears and then says whether it was among the items ("in") or not ("out"). One episode
    is one trial. With `n_distractors`, so many further stimuli appear at the centre during
    maintenance, with equal blanks before, between and after them, to be ignored.

    The numbers of items and the duration of maintenance are those of the recorded task; all other
    durations are ours (patients saw each picture for 1 to 2 s and answered in their own time).

    ## Action Space

    The action is one of `Discrete(3)`:

    | Num | Action                                   |
    |-----|------------------------------------------|
    | 0   | fixate                                   |
    | 1   | "in": the probe was among the items      |
    | 2   | "out": the probe was not among the items |

    ## Observation Space

    A float32 vector; `c` is `code_size`, the length of a stimulus's code vector.

    | Num                | Observation                                            | Min         | Max         |
    |--------------------|--------------------------------------------------------|-------------|-------------|
    | 0                  | Fixation cue: 1 until the probe appears, then 0        | 0           | 1           |
    | 1 ... c            | Code of the item, distractor or probe, or 0            | lowest code | highest code |

    Gaussian noise of standard deviation `observation_noise` is added to every channel but the
    first, at every step; it never exceeds 4.3 deviations, by which the bounds are widened.

    ## Rewards

    | Event                                                     | Reward           | Default |
    |-----------------------------------------------------------|------------------|---------|
    | The answer is right                                       | `reward_correct` | 1       |
    | It is wrong, or there is none before the window ends      | `reward_error`   | 0       |
    | An action other than fixate before the probe              | `reward_abort`   | -0.1    |
    | Any other step                                            | 0                | 0       |

    ## Starting State

    The first step of fixation of a new trial. The number of items, the items, the interval
    between them, the duration of maintenance, the probe, and the distractors (stimuli that are
    neither items nor the probe) are drawn at random, or taken from the next row of `trial_list`,
    or from row `k` with `reset(options={"trial": k})`. "In" and "out" are equally likely; a probe
    that is "in" was at each position equally often, one that is "out" is any other stimulus. A
    trial and its noise are drawn in whole at `reset`.

    ## Episode End

    Termination: an answer is given, or the response window ends, or fixation is broken before the
    probe (with `abort_on_break`). Truncation: never. The observation that comes with termination
    is an empty screen, all zeros.

    `info` holds `trial_id`, `period`, `time_since_onset` [s] of that period, and `target_side`
    (0 in, 1 out); they belong to the observation returned, and at the end to the step that
    ended the trial. At the end it also holds `correct` and `aborted`.

    ## Arguments

    ```python
    >>> import gymnasium
    >>> env = gymnasium.make("b2m_envs:B2M/Sternberg-v0", n_items=2, time_step=0.2)
    >>> env.observation_space.shape
    (9,)

    ```

    | Parameter           | Type                            | Default            | Description                                              |
    |---------------------|---------------------------------|--------------------|----------------------------------------------------------|
    | `n_items`           | **int** or several              | `(1, 2, 3)`        | Items of a trial, drawn from these                       |
    | `n_stimuli`         | **int**                         | `8`                | Stimuli of the task                                      |
    | `codes`             | **str** or **array**            | `"random"`         | `"random"`, `"category"`, or an array (stimulus, feature) |
    | `code_size`         | **int**                         | `8`                | Features of a drawn code                                 |
    | `n_categories`      | **int**                         | `4`                | Categories of `"category"` codes                         |
    | `category_share`    | **float**                       | `0.5`              | Share of a code's variance that is its category's        |
    | `codes_seed`        | **int** or **None**             | `0`                | Seed of the codes, which `reset(seed=...)` leaves alone  |
    | `fixation`          | **float**                       | `0.5`              | Duration before the first item [s]                       |
    | `item`              | **float**                       | `0.2`              | Duration of each item [s]                                |
    | `isi`               | **float** or several            | `0.2`              | Blank after each item [s], the same within a trial       |
    | `post_item`         | **float**                       | `0.2`              | Further blank after the last item [s]                    |
    | `maintenance`       | **float** or **(low, high)**    | `2.5`              | Duration of maintenance [s]                              |
    | `n_distractors`     | **int**                         | `0`                | Stimuli shown during maintenance, `item` seconds each    |
    | `response`          | **float**                       | `0.6`              | Time the probe is shown at most [s]                      |
    | `time_step`         | **float**                       | `0.1`              | Duration of a step [s]; events happen at the nearest step |
    | `observation_noise` | **float**                       | `0.1`              | Standard deviation of the noise                          |
    | `reward_correct`, `reward_error`, `reward_abort` | **float** | `1, 0, -0.1` | See Rewards                                         |
    | `abort_on_break`    | **bool**                        | `True`             | Whether breaking fixation ends the trial                 |
    | `trial_list`        | **SternbergTrials** or **None** | `None`             | Trials to replay in this order, looping                  |

    ## Vectorized environment

    `gymnasium.make_vec("b2m_envs:B2M/Sternberg-v0", num_envs=...)` steps all sub-environments
    at once and serves the same trials as single environments with the same seeds.

    ## References

    Sternberg (1966). High-speed scanning in human memory. Science 153, 652-654,
    doi:10.1126/science.153.3736.652.

    Kyzar et al. (2024). Dataset of human-single neuron activity during a Sternberg working memory
    task. Scientific Data 11, 89, doi:10.1038/s41597-024-02943-8 (DANDI 000469).
    """  # noqa: E501  (tables)

    task_class: ClassVar[type[TrialTask]] = SternbergTask
