"""A simulated brain for the memory tasks.

It exists to test the road from a recording to a student with a known answer: `ideal` must teach,
share of signal 0 must not. What a student gains from it shows that information was transferred,
not that brains add what labels would not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64
from scipy.special import ndtri

from b2m_drive.recordings.decision_trials import LEFT, NO_STIMULUS, RIGHT, DecisionTrials
from b2m_drive.recordings.recording import SPIKES, Recording, Unit
from b2m_drive.recordings.simulated.category_tuning import (
    widened_to_categories,
    with_categories,
)
from b2m_drive.recordings.simulated.nuisance import log_gain, slow_drift, smooth_fluctuations
from b2m_drive.recordings.simulated.trials import (
    INTERVALS,
    ITEM_DURATION,
    TIME_AFTER_PROBE,
    TIME_BEFORE_ITEMS,
    simulate_sternberg,
    simulate_trials,
)

__all__ = ["INTERVALS", "PRESETS", "SimulatedBrain", "simulate_sternberg", "simulate_trials"]

LICENCE = "MIT (simulated)"

_STEP = 0.01  # [s] within which a rate is constant; events are rounded to it
_LONGEST_RESPONSE = 1.2  # [s]
_HIGHEST_RATE = 20.0  # [Hz] of a baseline
_SECOND_STIMULUS = 0.3  # share of concept units that respond to two stimuli instead of one
_N_FLUCTUATIONS = 3
_FLUCTUATION_SPACING = 50  # steps between the knots of a fluctuation: 0.5 s


@dataclass(frozen=True)
class SimulatedBrain:
    """Settings of a simulated population in the medial temporal lobe.

    A *concept* unit responds strongly to one or two stimuli, within half a second of their onset
    (Quian Quiroga et al. 2005; Kornblith et al. 2017). A *mixed* unit's rate depends on a random
    mixture of item and position, of the items held, and of the answer: the side of the right
    probe, or whether the one probe was shown (Rigotti et al. 2013). The rest respond to events
    alike, whatever is shown. All share lognormal baselines, Poisson spikes, a gain common to all
    units of a trial, a gain of each unit's own, slow drift and a few fluctuations that have
    nothing to do with the task.

    ``signal`` scales all that tells one stimulus, memory or side from another. At 0 a concept unit
    responds to every stimulus with the mean of its responses, so that the rates stay comparable
    while nothing about the task can be read, but for how many items a trial has.

    ``category_share`` makes the tuning similar within a category: stimulus *k* belongs to category
    ``k % n_categories``, as in the environment's category codes. A mixed unit's tuning is then the
    sum of a part of the stimulus's own and one shared by its category; a concept unit responds
    also to the whole category of the stimulus that it was dealt. The variance over stimuli stays.
    """

    name: str = "custom"
    n_units: int = 45
    signal: float = 1.0  # share of the task signal, 0 to 1
    concept_share: float = 0.08  # of the units
    mixed_share: float = 0.3  # of the units
    baseline_rate: float = 0.52  # [Hz] median over units
    baseline_spread: float = 1.3  # standard deviation of the log rate
    concept_rate: float = 3.5  # [Hz] median over units of the response's peak above baseline
    concept_spread: float = 0.5  # standard deviation of the log response
    latency: float = 0.2  # [s] from onset to the start of the response, mean over units
    response_duration: tuple[float, float] = (0.4, 0.7)  # [s] range over units
    mixed_strength: float = 0.2  # standard deviation of the log rate over conditions
    side_strength: float = 0.05  # the same, for the answer
    match_strength: float = 0.2  # how much more concept units respond to a probe shown before
    event_strength: float = 0.3  # standard deviation over units of the unselective log response
    delay_persistence: float = 0.02  # share of the response that lasts until the probes
    shared_gain: float = 0.15  # standard deviation of the log gain, over trials
    private_gain: float = 0.65  # the same, over trials and units
    drift: float = 0.2  # standard deviation of the slow change of log rate over the session
    fluctuation: float = 0.2  # standard deviation of the task-irrelevant log rate in a trial
    category_share: float = 0.0  # of the tuning's variance over stimuli, that of their category
    n_categories: int = 4  # stimulus k belongs to category k % n_categories

    def __post_init__(self) -> None:
        shares = ("signal", "concept_share", "mixed_share", "delay_persistence", "category_share")
        for option in shares:
            if not 0 <= getattr(self, option) <= 1:
                raise ValueError(f"{option}: expected 0 to 1, came {getattr(self, option)}")
        if self.concept_share + self.mixed_share > 1:
            raise ValueError(
                "concept_share + mixed_share: expected 1 at most, "
                f"came {self.concept_share + self.mixed_share}"
            )
        if self.baseline_rate <= 0:
            raise ValueError(f"baseline_rate: expected more than 0 Hz, came {self.baseline_rate}")
        if self.n_units < 1:
            raise ValueError(f"n_units: expected at least 1, came {self.n_units}")
        if self.n_categories < 2:
            raise ValueError(f"n_categories: expected at least 2, came {self.n_categories}")
        if self.latency + self.response_duration[1] > _LONGEST_RESPONSE - 0.2:
            raise ValueError(
                f"latency and response_duration: expected a response over within "
                f"{_LONGEST_RESPONSE - 0.2} s, came {self.latency} + {self.response_duration[1]}"
            )

    @classmethod
    def preset(cls, name: str, signal: float = 1.0) -> SimulatedBrain:
        """A calibrated brain: ``median_session``, ``best_session`` or ``ideal``.

        The first two resemble the middle and the best of the sessions of Kornblith et al. (2017)
        in units, rates, decoding and reliability. No brain recorded so far resembles ``ideal``.

        Raises:
            ValueError: If there is no such preset.
        """
        if name not in PRESETS:
            raise ValueError(f"preset: expected one of {sorted(PRESETS)}, came {name!r}")
        return replace(PRESETS[name], signal=signal)

    def record(self, trials: DecisionTrials, seed: int) -> Recording:
        """Spike times of this brain in these trials; between trials it is silent.

        One seed makes the same units whatever the trials, for as many stimuli and items. Events are
        the items, each shown for 0.2 s. `b2m_drive.recordings.binning.in_trials` counts spikes in
        the bins of each trial.
        """
        tuning_seed, spike_seed = np.random.SeedSequence(seed).spawn(2)
        tuning = _draw_tuning(
            self, trials.n_stimuli, trials.n_items, np.random.default_rng(tuning_seed)
        )
        return Recording(
            events=trials.item_events(ITEM_DURATION),
            measure=SPIKES,
            spike_times=_draw_spikes(self, tuning, trials, np.random.default_rng(spike_seed)),
            units=tuple(
                Unit(f"{kind}{index}", "simulated", "simulated")
                for index, kind in enumerate(tuning.kind)
            ),
            trials=trials,
            subject="simulated",
            session=f"simulated-{self.name}",
            source=self._source(seed),
            licence=LICENCE,
            simulated=True,
            notes=("simulated", "no spikes between trials"),
        )

    def _source(self, seed: int) -> str:
        parts = ["SimulatedBrain", f"preset {self.name}", f"signal {self.signal:g}"]
        if self.category_share > 0:
            parts.append(
                f"share of {self.n_categories} categories in the tuning {self.category_share:g}"
            )
        return ", ".join([*parts, f"seed {seed}"])


PRESETS = {
    "median_session": SimulatedBrain(name="median_session"),
    "best_session": SimulatedBrain(
        name="best_session",
        n_units=68,
        concept_share=0.38,
        baseline_rate=0.6,
        concept_rate=3.7,
        concept_spread=0.9,
        latency=0.1,
        response_duration=(0.6, 0.8),
        delay_persistence=0.05,
        private_gain=0.45,
    ),
    "ideal": SimulatedBrain(
        name="ideal",
        n_units=200,
        concept_share=0.6,
        mixed_share=0.4,
        baseline_rate=2.0,
        baseline_spread=0.5,
        concept_rate=20.0,
        latency=0.1,
        response_duration=(0.2, 0.3),
        mixed_strength=0.5,
        side_strength=1.5,
        delay_persistence=0.25,  # more would hide which item is new among those held
        shared_gain=0.05,
        private_gain=0.1,
        drift=0.05,
        fluctuation=0.05,
    ),
}


@dataclass(frozen=True)
class _Tuning:
    """What each unit responds to, task signal already scaled."""

    kind: tuple[str, ...]
    baseline: Float64[np.ndarray, " unit"]  # [log Hz]
    concept: Float64[np.ndarray, "stimulus unit"]  # [Hz]
    item: Float64[np.ndarray, "position stimulus unit"]  # [log rate]
    memory: Float64[np.ndarray, "stimulus unit"]  # [log rate]
    side: Float64[np.ndarray, " unit"]  # [log rate] of the answer
    event: Float64[np.ndarray, " unit"]  # [log rate]
    response: Float64[np.ndarray, "lag unit"]  # time course, peak 1
    lasts: Bool[np.ndarray, "lag unit"]  # past the peak: what persists has begun
    loading: Float64[np.ndarray, "fluctuation unit"]  # [log rate]


def _draw_tuning(
    brain: SimulatedBrain, n_stimuli: int, n_items: int, generator: np.random.Generator
) -> _Tuning:
    n_units = brain.n_units
    kind = _kinds(brain)
    mixed = np.array([each == "mixed" for each in kind])
    # Evenly spaced quantiles: a seed decides which unit is busy, not how many are.
    quantile = (generator.permutation(n_units) + 0.5) / n_units
    baseline = np.log(brain.baseline_rate) + brain.baseline_spread * ndtri(quantile)
    peak_time, response = _time_courses(brain, generator)
    lag = _STEP * np.arange(len(response))
    concept = _concept_responses(brain, n_stimuli, generator)
    concept[:, [each != "concept" for each in kind]] = 0.0
    mean = concept.mean(0)
    weight = brain.signal * brain.mixed_strength * mixed
    item = generator.normal(size=(n_items, n_stimuli, n_units))
    memory = generator.normal(size=(n_stimuli, n_units))
    if brain.category_share > 0:
        category_generator = generator.spawn(1)[0]  # leaves all other draws as they are
        shared = (brain.category_share, brain.n_categories)
        item = with_categories(*shared, item, category_generator)
        memory = with_categories(*shared, memory[None], category_generator)[0]
    return _Tuning(
        kind=kind,
        baseline=np.minimum(baseline, np.log(_HIGHEST_RATE)),
        concept=mean + brain.signal * (concept - mean),
        item=weight * item,
        memory=weight * brain.delay_persistence * memory,
        side=brain.signal * brain.side_strength * mixed * generator.normal(size=n_units),
        event=brain.event_strength * generator.normal(size=n_units),
        response=response,
        lasts=lag[:, None] > peak_time,
        loading=generator.normal(size=(_N_FLUCTUATIONS, n_units))
        * brain.fluctuation
        / np.sqrt(_N_FLUCTUATIONS),
    )


def _kinds(brain: SimulatedBrain) -> tuple[str, ...]:
    n_concept = round(brain.concept_share * brain.n_units)
    n_mixed = min(round(brain.mixed_share * brain.n_units), brain.n_units - n_concept)
    n_rest = brain.n_units - n_concept - n_mixed
    return ("concept",) * n_concept + ("mixed",) * n_mixed + ("unselective",) * n_rest


def _concept_responses(
    brain: SimulatedBrain, n_stimuli: int, generator: np.random.Generator
) -> Float64[np.ndarray, "stimulus unit"]:
    """The peak response of each unit to each stimulus, 0 but for its one or two.

    Preferred stimuli are dealt in turn, so that in a large population each has its units.
    """
    response = np.zeros((n_stimuli, brain.n_units))
    peak = brain.concept_rate * np.exp(brain.concept_spread * generator.normal(size=brain.n_units))
    dealt = generator.permutation(n_stimuli)[np.arange(brain.n_units) % n_stimuli]
    response[dealt, np.arange(brain.n_units)] = peak
    also = generator.random(brain.n_units) < _SECOND_STIMULUS
    other = (dealt + generator.integers(1, max(n_stimuli, 2), size=brain.n_units)) % n_stimuli
    response[other[also], np.flatnonzero(also)] = peak[also]
    if brain.category_share > 0:
        return widened_to_categories(brain.category_share, brain.n_categories, response, dealt)
    return response


def _time_courses(
    brain: SimulatedBrain, generator: np.random.Generator
) -> tuple[Float64[np.ndarray, " unit"], Float64[np.ndarray, "lag unit"]]:
    """When each unit's response peaks [s after onset], and its course: half a sine of peak 1."""
    latency = brain.latency * np.exp(0.15 * generator.normal(size=brain.n_units).clip(-2, 2))
    duration = generator.uniform(*brain.response_duration, size=brain.n_units)
    lag = _STEP * np.arange(round(_LONGEST_RESPONSE / _STEP))[:, None]
    phase = ((lag - latency) / duration).clip(0.0, 1.0)
    return latency + duration / 2, np.sin(np.pi * phase)


def _draw_spikes(
    brain: SimulatedBrain,
    tuning: _Tuning,
    trials: DecisionTrials,
    generator: np.random.Generator,
) -> tuple[Float64[np.ndarray, " _"], ...]:
    """Poisson spikes of every unit, at uniform times within the steps of the trials."""
    n_trials, n_units = len(trials), brain.n_units
    gain = np.exp(
        log_gain(brain.shared_gain, (n_trials, 1), generator)
        + log_gain(brain.private_gain, (n_trials, n_units), generator)
        + slow_drift(brain.drift, n_trials, n_units, generator)
    )
    spikes: list[list[np.ndarray]] = [[] for _ in range(n_units)]
    simulated_until = -np.inf
    for row in np.argsort(trials.item_onset[:, 0], kind="stable"):
        start = max(trials.item_onset[row, 0] - TIME_BEFORE_ITEMS, simulated_until)
        simulated_until = trials.probe_onset[row] + TIME_AFTER_PROBE
        rate = _trial_rate(brain, tuning, trials, int(row), start, generator) * gain[row]
        counts = generator.poisson(rate * _STEP)
        unit, step = np.nonzero(counts.T)
        repeats = counts.T[unit, step]
        unit, step = np.repeat(unit, repeats), np.repeat(step, repeats)
        times = start + _STEP * (step + generator.random(len(step)))
        for index, part in enumerate(np.split(times, np.searchsorted(unit, np.arange(1, n_units)))):
            spikes[index].append(part)
    return tuple(np.sort(np.concatenate(parts)) for parts in spikes)


def _trial_rate(
    brain: SimulatedBrain,
    tuning: _Tuning,
    trials: DecisionTrials,
    row: int,
    start: float,
    generator: np.random.Generator,
) -> Float64[np.ndarray, "step unit"]:
    """Rate [Hz] in every step of one trial, before gains."""

    def step_of(time: float) -> int:
        return max(round((time - start) / _STEP), 0)

    probe = step_of(trials.probe_onset[row])
    n_steps = step_of(trials.probe_onset[row] + TIME_AFTER_PROBE)
    log_rate = (
        tuning.baseline
        + smooth_fluctuations(n_steps, _FLUCTUATION_SPACING, _N_FLUCTUATIONS, generator)
        @ tuning.loading
    )
    concept = np.zeros((n_steps, brain.n_units))
    for position, (onset, stimulus) in enumerate(
        zip(trials.item_onset[row], trials.stimulus[row], strict=True)
    ):
        if stimulus == NO_STIMULUS:
            continue
        first = step_of(onset)
        _add(log_rate, first, tuning.response * (tuning.event + tuning.item[position, stimulus]))
        held = np.maximum(tuning.response, brain.delay_persistence * tuning.lasts)
        _add(concept[:probe], first, held * tuning.concept[stimulus])
        concept[first + len(held) : probe] += brain.delay_persistence * tuning.concept[stimulus]
    held_items = trials.stimulus[row, : trials.item_count[row]]
    log_rate[step_of(trials.maintenance_onset[row]) : probe] += tuning.memory[held_items].sum(0)
    _add_probes(brain, tuning, trials, row, probe, log_rate, concept)
    rate: Float64[np.ndarray, "step unit"] = np.exp(log_rate) + concept
    return rate


def _add_probes(
    brain: SimulatedBrain,
    tuning: _Tuning,
    trials: DecisionTrials,
    row: int,
    probe: int,
    log_rate: Float64[np.ndarray, "step unit"],
    concept: Float64[np.ndarray, "step unit"],
) -> None:
    """Add the responses to the probes: to every picture, more to the one held, and the answer's."""
    side = trials.target_side[row]
    _add(log_rate, probe, tuning.response * (tuning.event + tuning.side * (1 if side else -1)))
    for stimulus, here in ((trials.probe_left[row], LEFT), (trials.probe_right[row], RIGHT)):
        if stimulus == NO_STIMULUS:
            continue
        match = 1 + brain.signal * brain.match_strength * (here == side)
        _add(concept, probe, tuning.response * tuning.concept[stimulus] * match)


def _add(
    target: Float64[np.ndarray, "step unit"], first: int, response: Float64[np.ndarray, "lag unit"]
) -> None:
    """Add a response that starts at this step, cut off at the target's end."""
    part = target[first : first + len(response)]
    part += response[: len(part)]
