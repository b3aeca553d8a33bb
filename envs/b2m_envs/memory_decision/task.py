"""The task as arrays: trials drawn, and unrolled to what a network sees and should answer."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt32

from b2m_envs.memory_decision.randomness import (
    draw_without_replacement,
    draw_words,
    gaussian_quantiles,
    uniform,
    words_for_noise,
)
from b2m_envs.memory_decision.settings import MemoryDecisionSettings
from b2m_envs.memory_decision.steps import (
    PADDING,
    TrialBatch,
    TrialSteps,
    longest_trial,
    period_names,
    show,
    trial_length,
)
from b2m_envs.memory_decision.stimuli import stimulus_codes
from b2m_envs.memory_decision.trials import LEFT, NO_STIMULUS, TrialTable

FIXATE, CHOOSE_LEFT, CHOOSE_RIGHT = 0, 1, 2  # actions
N_CHANCES = 5  # of a trial: item count, interval, maintenance, target's position, target's side


class MemoryDecisionTask:
    """Draws trials and unrolls them, without an environment around it.

    Args:
        settings: of the task.

    Attributes:
        codes: code vector of each stimulus.
        n_steps: steps of the longest trial possible, to which batches are padded.
        n_features: size of an observation: fixation cue, item code, left and right probe code.
        period_names: names of the period numbers in a ``TrialBatch``.
    """

    def __init__(self, settings: MemoryDecisionSettings) -> None:
        self.settings = settings
        self.codes: Float32[np.ndarray, "stimulus feature"] = stimulus_codes(settings)
        self.n_steps = longest_trial(settings)
        self.n_features = 1 + 3 * self.codes.shape[1]
        self.period_names = period_names(settings.max_items)
        blank = np.zeros((1, self.codes.shape[1]), dtype=np.float32)
        self._codes_and_blank = np.concatenate((self.codes, blank))  # NO_STIMULUS takes the last
        self._noise_quantiles = np.float32(settings.observation_noise) * gaussian_quantiles()

    @property
    def largest_noise(self) -> float:
        """The largest noise that an observation can carry."""
        return float(self._noise_quantiles[-1])

    @property
    def n_words(self) -> int:
        """Random words that a trial takes: for its parameters, then for its noise."""
        return self._n_parameters + self._noise_words(self.n_steps)

    def draw_trials(self, n: int, generator: np.random.Generator) -> TrialTable:
        """Draw ``n`` trials, numbered from 0; of a given trial list, the first ``n``, looping."""
        words = draw_words(n, self._n_parameters, generator)
        return self.trials_from_words(words, np.arange(n))

    def sample(self, n: int, generator: np.random.Generator) -> TrialBatch:
        """Draw ``n`` trials and unroll them.

        They equal, noise included, ``n`` successive episodes of an environment whose generator
        is in the same state.
        """
        return self.from_words(draw_words(n, self.n_words, generator), np.arange(n))

    def unroll(self, trials: TrialTable, generator: np.random.Generator) -> TrialBatch:
        """Show these trials, with fresh observation noise.

        Batches are padded to ``n_steps``, or to their longest trial if that takes longer.

        Raises:
            ValueError: if the trials do not fit the task.
        """
        trials.check_fits(self.settings.item_counts, self.settings.n_stimuli)
        n_steps = max(self.n_steps, trial_length(trials, self.settings))
        words = draw_words(len(trials), self._noise_words(n_steps), generator)
        return self._unroll(trials, words, n_steps)

    def from_words(
        self,
        words: UInt32[np.ndarray, "trial word"],
        trial_number: Int64[np.ndarray, " trial"],
    ) -> TrialBatch:
        """Trials and noise that follow from these random words, ``n_words`` a trial.

        Trials are numbered, or taken from the trial list, by ``trial_number``.
        """
        trials = self.trials_from_words(words[:, : self._n_parameters], trial_number)
        return self._unroll(trials, words[:, self._n_parameters :], self.n_steps)

    def trials_from_words(
        self,
        words: UInt32[np.ndarray, "trial word"],
        trial_number: Int64[np.ndarray, " trial"],
    ) -> TrialTable:
        """Parameters of the trials that follow from these random words.

        The number of items, the interval, the maintenance, the side of the target and which item
        it is are uniform and independent; items and the new probe are drawn without replacement.
        """
        settings = self.settings
        if settings.trial_list is not None:
            return settings.trial_list.select(trial_number % len(settings.trial_list))
        chance = uniform(words)
        count, interval, duration, position, side = chance[:, :N_CHANCES].T
        drawn = draw_without_replacement(chance[:, N_CHANCES:], settings.n_stimuli)
        items, new = drawn[:, :-1], drawn[:, -1]
        item_count = _choose(settings.item_counts, count).astype(np.int64)
        target_position = (position * item_count).astype(np.int64)
        target = items[np.arange(len(items)), target_position]
        low, high = settings.maintenance_range
        used = np.arange(settings.max_items) < item_count[:, None]
        return TrialTable(
            trial_id=trial_number,
            stimulus=np.where(used, items, NO_STIMULUS),
            isi=_choose(settings.isi_choices, interval),
            maintenance=low + (high - low) * duration,
            probe_left=np.where(side < 0.5, target, new),
            probe_right=np.where(side < 0.5, new, target),
        )

    @property
    def _n_parameters(self) -> int:
        if self.settings.trial_list is not None:
            return 0
        return N_CHANCES + self.settings.max_items + 1  # the items and the new probe

    def _noise_words(self, n_steps: int) -> int:
        if self.settings.observation_noise == 0:
            return 0
        return words_for_noise(n_steps * (self.n_features - 1))

    def _unroll(
        self, trials: TrialTable, noise_words: UInt32[np.ndarray, "trial word"], n_steps: int
    ) -> TrialBatch:
        steps = show(trials, self.settings, n_steps)
        within = steps.period != PADDING
        decision = steps.period == self.settings.max_items + 2
        correct_action = np.where(trials.target_side == LEFT, CHOOSE_LEFT, CHOOSE_RIGHT)
        return TrialBatch(
            observation=self._observation(steps, within, decision, noise_words),
            target=np.where(decision, correct_action[:, None], FIXATE),
            mask=within.astype(np.float32),
            decision=decision,
            period=steps.period,
            time_since_onset=(steps.steps_since_onset * within * self.settings.time_step).astype(
                np.float32
            ),
            shown=steps.shown,
            trial_id=trials.trial_id,
            trials=trials,
            period_names=self.period_names,
        )

    def _observation(
        self,
        steps: TrialSteps,
        within: np.ndarray,
        decision: np.ndarray,
        noise_words: UInt32[np.ndarray, "trial word"],
    ) -> Float32[np.ndarray, "batch time feature"]:
        """Fixation cue, then what is at the centre, on the left and on the right, plus noise."""
        stimuli = self._codes_and_blank.take(steps.shown, axis=0).reshape(*within.shape, -1)
        if self.settings.observation_noise > 0:
            stimuli += self._noise(noise_words, stimuli.shape)
        observation = np.empty((*within.shape, self.n_features), dtype=np.float32)
        observation[:, :, 0] = ~decision
        observation[:, :, 1:] = stimuli
        observation *= within[:, :, None]
        return observation

    def _noise(
        self, words: UInt32[np.ndarray, "trial word"], shape: tuple[int, ...]
    ) -> Float32[np.ndarray, "batch time feature"]:
        quantile = np.ascontiguousarray(words, dtype="<u4").view("<u2")
        n_values = shape[1] * shape[2]
        return self._noise_quantiles.take(quantile[:, :n_values]).reshape(shape)


def _choose(
    choices: tuple[int, ...] | tuple[float, ...], chance: Float64[np.ndarray, " trial"]
) -> Float64[np.ndarray, " trial"]:
    """One of the choices a trial, each equally likely."""
    return np.array(choices, dtype=np.float64)[(chance * len(choices)).astype(np.int64)]
