"""The context-dependent decision as a Gymnasium environment."""

from __future__ import annotations

from typing import ClassVar

from b2m_envs.memory_decision.context_decision import ContextDecisionTask
from b2m_envs.memory_decision.task import TrialTask
from b2m_envs.memory_decision.trial_environment import TrialEnv


class ContextDecisionEnv(TrialEnv):
    """Remember a few pictures and a rule, then choose one of two by that rule.

    ## Description

    During fixation a cue names the rule of the trial. Then 2 or 3 items appear one after another
    at the centre, then the screen stays blank (maintenance), then two probes appear, left and
    right. The agent holds fixation until the probes appear and then chooses one by the rule:

    | Num | Rule       | The probe to choose                             |
    |-----|------------|-------------------------------------------------|
    | 0   | "seen"     | the one that was among the items                |
    | 1   | "category" | the one of the same category as the last item   |

    Exactly one probe was among the items, and exactly one is of the last item's category. In
    congruent trials that is the same probe, in incongruent ones it is not: there the probe seen is
    an earlier item of another category, the other one a new stimulus of the last item's category.
    Stimulus `k` is of category `k % n_categories`; with the default codes, the codes of a
    category are alike, and so are the outlines that `render` draws; colours and numbers tell every
    stimulus apart. One episode is one trial. With `n_distractors`, so many further stimuli appear at
    the centre during maintenance, with equal blanks before, between and after them, to be ignored.

    A cue that sets the rule by which the same stimuli are judged follows Mante et al. (2013);
    items, maintenance and probes are those of `B2M/MemoryDecision-v0`. The task is our own.

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
    | 1                  | Cue of the rule "seen": 1 during fixation, then 0      | 0           | 1           |
    | 2                  | Cue of the rule "category": 1 during fixation, then 0  | 0           | 1           |
    | 3 ... c + 2        | Code of the item (or distractor) at the centre, or 0   | lowest code | highest code |
    | c + 3 ... 2c + 2   | Code of the left probe, 0 before the probes            | lowest code | highest code |
    | 2c + 3 ... 3c + 2  | Code of the right probe, 0 before the probes           | lowest code | highest code |

    Gaussian noise of standard deviation `observation_noise` is added to every channel but the
    three cues, at every step; it never exceeds 4.3 deviations, by which the bounds are widened.

    ## Rewards

    | Event                                                     | Reward           | Default |
    |-----------------------------------------------------------|------------------|---------|
    | The side of the probe that is right by the rule is chosen | `reward_correct` | 1       |
    | The other side is chosen, or none before the window ends  | `reward_error`   | 0       |
    | An action other than fixate before the probes             | `reward_abort`   | -0.1    |
    | Any other step                                            | 0                | 0       |

    ## Starting State

    The first step of fixation of a new trial. The rule, whether the trial is congruent, the number
    of items, the items, the interval between them, the duration of maintenance, the probes and
    their sides, and the distractors (stimuli that are neither items nor probes) are drawn at
    random, or taken from the next row of `trial_list`, or from row `k` with
    `reset(options={"trial": k})`. Both rules are equally likely, congruent and incongruent trials
    too, independently. In congruent trials the probe seen is any of the items, each equally
    likely; items that are not probed come from other categories than the last one. A trial and its
    noise are drawn in whole at `reset`.

    ## Episode End

    Termination: a side is chosen, or the response window ends, or fixation is broken before the
    probes (with `abort_on_break`). Truncation: never. The observation that comes with termination
    is an empty screen, all zeros.

    `info` holds `trial_id`, `period`, `time_since_onset` [s] of that period, `target_side`
    (0 left, 1 right) and `rule` (0 seen, 1 category); they belong to the observation returned, and
    at the end to the step that ended the trial. At the end it also holds `correct` and `aborted`.

    ## Arguments

    ```python
    >>> import gymnasium
    >>> env = gymnasium.make("b2m_envs:B2M/ContextDecision-v0", n_items=2, time_step=0.2)
    >>> env.observation_space.shape
    (27,)

    ```

    | Parameter           | Type                            | Default            | Description                                              |
    |---------------------|---------------------------------|--------------------|----------------------------------------------------------|
    | `n_items`           | **int** or several              | `(2, 3)`           | Items of a trial, drawn from these, 2 or more            |
    | `n_stimuli`         | **int**                         | `8`                | Stimuli of the task                                      |
    | `codes`             | **str** or **array**            | `"category"`       | `"random"`, `"category"`, or an array (stimulus, feature) |
    | `code_size`         | **int**                         | `8`                | Features of a drawn code                                 |
    | `n_categories`      | **int**                         | `4`                | Categories: of the rule, and of `"category"` codes       |
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
    | `trial_list`        | **ContextTrials** or **None**   | `None`             | Trials to replay in this order, looping                  |

    ## Vectorized environment

    `gymnasium.make_vec("b2m_envs:B2M/ContextDecision-v0", num_envs=...)` steps all sub-environments
    at once and serves the same trials as single environments with the same seeds.

    ## References

    Mante, Sussillo, Shenoy & Newsome (2013). Context-dependent computation by recurrent dynamics
    in prefrontal cortex. Nature 503, 78-84, doi:10.1038/nature12742.

    Kornblith, Quian Quiroga, Koch, Fried & Mormann (2017). Persistent single-neuron activity
    during working memory in the human medial temporal lobe. Current Biology 27, 1026-1032,
    doi:10.1016/j.cub.2017.02.013.
    """  # noqa: E501  (tables)

    task_class: ClassVar[type[TrialTask]] = ContextDecisionTask
