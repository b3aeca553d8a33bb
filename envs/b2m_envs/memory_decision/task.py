"""Tasks as arrays: trials drawn, and unrolled to what a network sees and should answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt32

from b2m_envs.memory_decision.randomness import (
    draw_without_replacement,
    draw_words,
    gaussian_quantiles,
    pick,
    uniform,
    words_for_noise,
)
from b2m_envs.memory_decision.settings import MemoryDecisionSettings, TrialSettings
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
from b2m_envs.memory_decision.trials import LEFT, NO_STIMULUS, Trials, TrialTable

FIXATE, CHOOSE_LEFT, CHOOSE_RIGHT = 0, 1, 2  # actions
# Chances of a trial: item count, interval, maintenance, target's position, target's side.
N_CHANCES = 5


class TrialTask(ABC):
    """A memory task: draws its trials and shows them step by step, without an environment.

    A task of your own gives ``settings_class``, `n_chances` and `trials_from_chances`;
    observations, targets, environments and batches follow from these.

    Args:
        settings: of the task.

    Attributes:
        codes: code vector of each stimulus.
        n_steps: steps of the longest trial possible, to which batches are padded.
        n_features: size of an observation: cues, then the code at each place.
        period_names: names of the period numbers in a ``TrialBatch``.
    """

    settings_class: ClassVar[type[TrialSettings]]
    n_places: ClassVar[int] = 3  # of stimuli in an observation: centre, left, right
    rule_names: ClassVar[tuple[str, ...]] = ()  # of the rules that a cue may name

    def __init__(self, settings: TrialSettings) -> None:
        if not isinstance(settings, self.settings_class):
            raise ValueError(
                f"{type(self).__name__}: settings: expected {self.settings_class.__name__}, "
                f"came {type(settings).__name__}"
            )
        self.settings = settings
        self.codes: Float32[np.ndarray, "stimulus feature"] = stimulus_codes(settings)
        self.n_steps = longest_trial(settings)
        self.n_features = self.n_cues + self.n_places * self.codes.shape[1]
        self.period_names = period_names(settings.max_items)
        blank = np.zeros((1, self.codes.shape[1]), dtype=np.float32)
        self._codes_and_blank = np.concatenate((self.codes, blank))  # NO_STIMULUS takes the last
        self._noise_quantiles = np.float32(settings.observation_noise) * gaussian_quantiles()

    @property
    def n_cues(self) -> int:
        """First channels of an observation, without noise: fixation cue, one for each rule."""
        return 1 + len(self.rule_names)

    @property
    def largest_noise(self) -> float:
        """The largest noise that an observation can carry."""
        return float(self._noise_quantiles[-1])

    @property
    def n_words(self) -> int:
        """Random words that a trial takes: for its parameters, then for its noise."""
        return self._n_parameters + self._noise_words(self.n_steps)

    def draw_trials(self, n: int, generator: np.random.Generator) -> Trials:
        """Draw ``n`` trials, numbered from 0; of a given trial list, the first ``n``, looping."""
        words = draw_words(n, self._n_parameters, generator)
        return self.trials_from_words(words, np.arange(n))

    def sample(self, n: int, generator: np.random.Generator) -> TrialBatch:
        """Draw ``n`` trials and unroll them.

        They equal, noise included, ``n`` successive episodes of an environment whose generator
        is in the same state.
        """
        return self.from_words(draw_words(n, self.n_words, generator), np.arange(n))

    def unroll(self, trials: Trials, generator: np.random.Generator) -> TrialBatch:
        """Show these trials, with fresh observation noise.

        Batches are padded to ``n_steps``, or to their longest trial if that takes longer.

        Raises:
            ValueError: if the trials do not fit the task.
        """
        self.settings.check_trials(trials)
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
    ) -> Trials:
        """Parameters of the trials that follow from these random words.

        All choices are uniform and independent where the task does not tie them to each other;
        a trial's stimuli are drawn without replacement.
        """
        settings = self.settings
        if settings.trial_list is not None:
            return settings.trial_list.select(trial_number % len(settings.trial_list))
        chance = uniform(words)
        trials = self.trials_from_chances(chance[:, : self.n_chances], trial_number)
        if settings.n_distractors == 0:
            return trials
        distractor = _other_stimuli(trials, chance[:, self.n_chances :], settings.n_stimuli)
        return replace(trials, distractor=distractor)

    @property
    @abstractmethod
    def n_chances(self) -> int:
        """Random numbers that a trial's parameters take, but for its distractors."""

    @abstractmethod
    def trials_from_chances(
        self, chance: Float64[np.ndarray, "trial chance"], trial_number: Int64[np.ndarray, " trial"]
    ) -> Trials:
        """Trials without distractors that follow from these chances, uniform in [0, 1)."""

    @property
    def _n_parameters(self) -> int:
        if self.settings.trial_list is not None:
            return 0
        return self.n_chances + self.settings.n_distractors

    def common_columns(
        self, chance: Float64[np.ndarray, "trial chance"], trial_number: Int64[np.ndarray, " trial"]
    ) -> dict[str, np.ndarray]:
        """Columns that tasks share but for the stimuli, from the second and third chance."""
        low, high = self.settings.maintenance_range
        return {
            "trial_id": trial_number,
            "isi": choose(self.settings.isi_choices, chance[:, 1]),
            "maintenance": low + (high - low) * chance[:, 2],
        }

    def draw_item_count(
        self, chance: Float64[np.ndarray, "trial chance"]
    ) -> Int64[np.ndarray, " trial"]:
        """Items of each trial, from the first chance."""
        return choose(self.settings.item_counts, chance[:, 0]).astype(np.int64)

    def _noise_words(self, n_steps: int) -> int:
        if self.settings.observation_noise == 0:
            return 0
        return words_for_noise(n_steps * (self.n_features - self.n_cues))

    def _unroll(
        self, trials: Trials, noise_words: UInt32[np.ndarray, "trial word"], n_steps: int
    ) -> TrialBatch:
        steps = show(trials, self.settings, n_steps)
        within = steps.period != PADDING
        decision = steps.period == self.settings.max_items + 2
        correct_action = np.where(trials.target_side == LEFT, CHOOSE_LEFT, CHOOSE_RIGHT)
        return TrialBatch(
            observation=self._observation(steps, within, decision, trials.cue, noise_words),
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
        within: Bool[np.ndarray, "batch time"],
        decision: Bool[np.ndarray, "batch time"],
        rule: Int64[np.ndarray, " batch"],
        noise_words: UInt32[np.ndarray, "batch word"],
    ) -> Float32[np.ndarray, "batch time feature"]:
        """Cues, then the codes of what is at each place plus noise."""
        shown = steps.shown[:, :, : self.n_places]
        stimuli = self._codes_and_blank.take(shown, axis=0).reshape(*within.shape, -1)
        if self.settings.observation_noise > 0:
            stimuli += self._noise(noise_words, stimuli.shape)
        observation = np.empty((*within.shape, self.n_features), dtype=np.float32)
        observation[:, :, 0] = ~decision
        for number in range(len(self.rule_names)):
            observation[:, :, 1 + number] = (steps.period == 0) & (rule == number)[:, None]
        observation[:, :, self.n_cues :] = stimuli
        observation *= within[:, :, None]
        return observation

    def _noise(
        self, words: UInt32[np.ndarray, "trial word"], shape: tuple[int, ...]
    ) -> Float32[np.ndarray, "batch time feature"]:
        quantile = np.ascontiguousarray(words, dtype="<u4").view("<u2")
        n_values = shape[1] * shape[2]
        return self._noise_quantiles.take(quantile[:, :n_values]).reshape(shape)


class MemoryDecisionTask(TrialTask):
    """The task of Kornblith et al. 2017: which of two probes was among the items?

    The number of items, the interval, the maintenance, the side of the target and which item
    it is are uniform and independent.
    """

    settings_class: ClassVar[type[TrialSettings]] = MemoryDecisionSettings

    @property
    def n_chances(self) -> int:
        """Random numbers that a trial's parameters take."""
        return n_item_chances(self.settings)

    def trials_from_chances(
        self, chance: Float64[np.ndarray, "trial chance"], trial_number: Int64[np.ndarray, " trial"]
    ) -> TrialTable:
        """Trials of the memory decision that follow from these chances."""
        items, target, new = items_and_probes(chance, self.draw_item_count(chance), self.settings)
        is_left = chance[:, 4] < 0.5
        return TrialTable(
            **self.common_columns(chance, trial_number),
            stimulus=items,
            probe_left=np.where(is_left, target, new),
            probe_right=np.where(is_left, new, target),
        )


def n_item_chances(settings: TrialSettings) -> int:
    """Chances of a trial whose items are any stimuli: five choices, the items, a new probe."""
    return N_CHANCES + settings.max_items + 1


def items_and_probes(
    chance: Float64[np.ndarray, "trial chance"],
    item_count: Int64[np.ndarray, " trial"],
    settings: TrialSettings,
) -> tuple[
    Int64[np.ndarray, "trial item"], Int64[np.ndarray, " trial"], Int64[np.ndarray, " trial"]
]:
    """Items drawn without replacement, one of them to be probed, and a new stimulus."""
    drawn = draw_without_replacement(chance[:, N_CHANCES:], settings.n_stimuli)
    items, new = drawn[:, :-1], drawn[:, -1]
    position = (chance[:, 3] * item_count).astype(np.int64)
    target = items[np.arange(len(items)), position]
    used = np.arange(settings.max_items) < item_count[:, None]
    return np.where(used, items, NO_STIMULUS), target, new


def choose(
    choices: tuple[int, ...] | tuple[float, ...], chance: Float64[np.ndarray, " trial"]
) -> Float64[np.ndarray, " trial"]:
    """One of the choices a trial, each equally likely."""
    return np.array(choices, dtype=np.float64)[(chance * len(choices)).astype(np.int64)]


def _other_stimuli(
    trials: Trials, chance: Float64[np.ndarray, "trial pick"], n_stimuli: int
) -> Int64[np.ndarray, "trial pick"]:
    """Different stimuli that are neither items nor probes, one for each chance."""
    row = np.arange(len(trials))
    free = np.ones((len(trials), n_stimuli + 1), dtype=bool)  # NO_STIMULUS takes the last
    free[row[:, None], np.concatenate((trials.stimulus, trials.probes), axis=1)] = False
    picks = np.empty(chance.shape, dtype=np.int64)
    for position in range(chance.shape[1]):
        picks[:, position] = pick(chance[:, position], free[:, :-1])
        free[row, picks[:, position]] = False
    return picks
