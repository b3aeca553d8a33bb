"""A simulated population of neurons of a driver who looks at scenes.

It exists to test the road from a recording to a student with a known answer: `ideal` must teach,
share of signal 0 must not. What a student gains from it shows that information was transferred,
not that brains add what labels would not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64
from scipy.signal import lfilter
from scipy.special import ndtri

from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.scene_recording import presentations
from b2m_drive.recordings.simulated.driver_attention import (
    ATTENDED_NAMES,
    DriverTuning,
    attention,
    draw_tuning,
    scaled_signal,
)
from b2m_drive.recordings.simulated.nuisance import log_gain, slow_drift, smooth_fluctuations
from b2m_drive.recordings.simulated.scene_timeline import SceneTimeline, check_state, scene_timeline

LICENCE = "MIT (simulated)"
DEFAULT_SAMPLING_RATE = 25.0  # [Hz]

_HIGHEST_RATE = 20.0  # [Hz] of a baseline
_N_FLUCTUATIONS = 3
_FLUCTUATION_TIME = 0.5  # [s] between the knots of a fluctuation
_DELAY_SPREAD = 0.15  # standard deviation over units of the log delay
_SECOND_VARIABLE = 0.5  # weight of a mixed unit's second variable
_BLOCK = 16  # units simulated at once


@dataclass(frozen=True)
class SimulatedDriver:
    """Settings of a simulated population in a driver's brain.

    A *tuned* unit fires above its baseline as one variable of the scene (`ATTENDED`: gap, closing
    speed, time to collision, neighbours, lane, hazard) comes near a value of its own, or exceeds
    or undercuts one; a *mixed* unit follows a second variable too (Rigotti et al. 2013). Where
    there is no such vehicle (NaN), and while the screen is blank, units stay at their baseline.
    Attention raises the gain of units whose vehicle is near, or dangerous, at the others' cost.
    Responses start after a delay, fire as a Poisson process, and share the nuisances of
    `SimulatedBrain`: lognormal baselines, a gain common to all units of an episode, one of each
    unit's own, slow drift, and a few fluctuations that have nothing to do with the scene.

    ``signal`` scales all that tells one frame from another. At 0 every frame evokes the mean
    response over frames: the rates stay comparable while nothing can be read.
    """

    name: str = "custom"
    n_units: int = 40
    signal: float = 1.0  # share of the signal about the scene, 0 to 1
    tuned_share: float = 0.15  # of the units, mixed ones included
    mixed_share: float = 0.05  # of the units
    baseline_rate: float = 0.52  # [Hz] median over units
    baseline_spread: float = 1.3  # standard deviation of the log rate
    peak_rate: float = 3.2  # [Hz] median over units of the strongest response above baseline
    peak_spread: float = 0.5  # standard deviation of the log response
    attention: float = 0.5  # log gain of a place as salient as can be, the others being empty
    delay: float = 0.25  # [s] from a frame's onset to the response, median over units
    time_constant: float = 0.05  # [s] in which a response approaches its new level
    shared_gain: float = 0.15  # standard deviation of the log gain, over episodes
    private_gain: float = 0.5  # the same, over episodes and units
    drift: float = 0.2  # standard deviation of the slow change of log rate over the session
    fluctuation: float = 0.2  # standard deviation of the scene-irrelevant log rate

    def __post_init__(self) -> None:
        for option in ("signal", "tuned_share", "mixed_share"):
            if not 0 <= getattr(self, option) <= 1:
                raise ValueError(f"{option}: expected 0 to 1, came {getattr(self, option)}")
        if self.mixed_share > self.tuned_share:
            raise ValueError(
                f"mixed_share: expected at most tuned_share, {self.tuned_share}, "
                f"came {self.mixed_share}"
            )
        for option in ("baseline_rate", "peak_rate"):
            if not getattr(self, option) > 0:
                raise ValueError(f"{option}: expected over 0 Hz, came {getattr(self, option)}")
        for option in ("delay", "time_constant"):
            if not 0 <= getattr(self, option) < 1:
                raise ValueError(f"{option}: expected 0 to 1 s, came {getattr(self, option)}")
        if self.n_units < 1:
            raise ValueError(f"n_units: expected at least 1, came {self.n_units}")

    @classmethod
    def preset(cls, name: str, signal: float = 1.0) -> SimulatedDriver:
        """A driver of the presets of `SimulatedBrain`: median_session, best_session or ideal.

        No recording of single neurons of drivers is public, so the first two borrow what was
        measured in the memory task of Kornblith et al. (2017): number of units, rates, strength
        of responses and gains. No brain recorded so far resembles ``ideal``.

        Raises:
            ValueError: If there is no such preset.
        """
        if name not in PRESETS:
            raise ValueError(f"preset: expected one of {sorted(PRESETS)}, came {name!r}")
        return replace(PRESETS[name], signal=signal)

    def record(
        self,
        state: Float32[np.ndarray, "frame variable"],
        state_names: tuple[str, ...],
        frame_time: Float64[np.ndarray, " frame"],
        episode: Int64[np.ndarray, " frame"],
        seed: int,
        sampling_rate: float = DEFAULT_SAMPLING_RATE,
    ) -> Recording:
        """Spikes a sample of this driver, from before the first frame to after the last.

        One seed makes the same units whatever the frames.

        Args:
            state: Of each frame; NaN where there is no such vehicle.
            state_names: Of the variables; all of `ATTENDED_NAMES` among them.
            frame_time: When each frame appears [s].
            episode: Of each frame; between two episodes the screen is blank.
            seed: Of units and spikes.
            sampling_rate: Samples a second [Hz].

        Returns:
            A recording whose frame ids are the rows of ``state``.

        Raises:
            ValueError: If shapes differ, a variable is missing or infinite, times do not
                increase, or the sampling rate is so low that a frame falls between samples.
        """
        timeline = scene_timeline(frame_time, episode)
        check_state(state, state_names, ATTENDED_NAMES, len(frame_time))
        time = timeline.sample_times(sampling_rate)
        row = timeline.frame_at(time)
        tuning_seed, spike_seed = np.random.SeedSequence(seed).spawn(2)
        population = _draw_population(self, np.random.default_rng(tuning_seed))
        response = _frame_response(self, population, state, state_names)
        return Recording(
            signal=_spike_counts(
                self,
                population,
                response,
                row,
                _episode_at(timeline, episode, time),
                sampling_rate,
                np.random.default_rng(spike_seed),
            ),
            time=time,
            events=presentations(time, row),
            measure="spikes a sample",
            units=tuple(
                Unit(f"{kind}{index}", "simulated", "simulated")
                for index, kind in enumerate(population.kind)
            ),
            subject="simulated",
            session=f"simulated-driver-{self.name}",
            source=f"SimulatedDriver, preset {self.name}, signal {self.signal:g}, seed {seed}",
            licence=LICENCE,
            simulated=True,
            notes=("simulated", "activity in spikes a sample"),
        )


PRESETS = {
    "median_session": SimulatedDriver(name="median_session"),
    "best_session": SimulatedDriver(
        name="best_session",
        n_units=68,
        tuned_share=0.3,
        mixed_share=0.1,
        baseline_rate=0.65,
        peak_rate=12.0,
        private_gain=0.45,
    ),
    "ideal": SimulatedDriver(
        name="ideal",
        n_units=200,
        tuned_share=1.0,
        mixed_share=0.4,
        baseline_rate=2.0,
        baseline_spread=0.5,
        peak_rate=20.0,
        attention=0.3,
        delay=0.1,
        shared_gain=0.05,
        private_gain=0.1,
        drift=0.05,
        fluctuation=0.05,
    ),
}


def evoked_course(
    response: Float64[np.ndarray, "frame cell"],
    row: Int64[np.ndarray, " sample"],
    lag: Int64[np.ndarray, " cell"],
    time_constant: float,
) -> Float64[np.ndarray, "sample cell"]:
    """The response to the frame on screen, late by each cell's lag, approached exponentially.

    Lags and time constant in samples. Where nothing is on the screen (NO_FRAME) it falls to 0.
    """
    blank = np.zeros((1, response.shape[1]))
    padded = np.concatenate([response, blank])  # NO_FRAME, -1, finds the blank at the end
    course = np.zeros((len(row), response.shape[1]))
    for cell, late in enumerate(lag):
        course[late:, cell] = padded[row[: len(row) - late], cell]
    if time_constant > 0:
        kept = np.exp(-1 / time_constant)
        course = lfilter([1 - kept], [1, -kept], course, axis=0)
    return course


@dataclass(frozen=True)
class _Population:
    """What each unit is, drawn once for a seed."""

    kind: tuple[str, ...]
    tuning: DriverTuning
    second: DriverTuning
    baseline: Float64[np.ndarray, " unit"]  # [log Hz]
    peak: Float64[np.ndarray, " unit"]  # [Hz] above baseline; 0 for untuned units
    delay: Float64[np.ndarray, " unit"]  # [s]
    loading: Float64[np.ndarray, "fluctuation unit"]  # [log rate]


def _draw_population(driver: SimulatedDriver, generator: np.random.Generator) -> _Population:
    n_units = driver.n_units
    n_tuned, n_mixed = (
        round(share * n_units) for share in (driver.tuned_share, driver.mixed_share)
    )
    kind = ("mixed",) * n_mixed + ("tuned",) * (n_tuned - n_mixed)
    kind += ("untuned",) * (n_units - n_tuned)
    # Evenly spaced quantiles: a seed decides which unit is busy, not how many are.
    quantile = (generator.permutation(n_units) + 0.5) / n_units
    baseline = np.log(driver.baseline_rate) + driver.baseline_spread * ndtri(quantile)
    peak = driver.peak_rate * np.exp(driver.peak_spread * generator.normal(size=n_units))
    late = generator.normal(size=n_units).clip(-2, 2)
    return _Population(
        kind=kind,
        tuning=draw_tuning(n_units, generator),
        second=draw_tuning(n_units, generator),
        baseline=np.minimum(baseline, np.log(_HIGHEST_RATE)),
        peak=peak * (np.array(kind) != "untuned"),
        delay=driver.delay * np.exp(_DELAY_SPREAD * late),
        loading=generator.normal(size=(_N_FLUCTUATIONS, n_units))
        * driver.fluctuation
        / np.sqrt(_N_FLUCTUATIONS),
    )


def _frame_response(
    driver: SimulatedDriver,
    population: _Population,
    state: Float32[np.ndarray, "frame variable"],
    state_names: tuple[str, ...],
) -> Float64[np.ndarray, "frame unit"]:
    """Each frame's response above baseline [Hz], signal already scaled."""

    def attended(tuning: DriverTuning) -> Float64[np.ndarray, "frame unit"]:
        gain = attention(state, state_names, tuning, driver.attention)
        drive: Float64[np.ndarray, "frame unit"] = gain * tuning.drive(state, state_names)
        return drive

    mixed = np.array(population.kind) == "mixed"
    drive = attended(population.tuning) + _SECOND_VARIABLE * mixed * attended(population.second)
    return scaled_signal(population.peak * drive, driver.signal)


def _spike_counts(
    driver: SimulatedDriver,
    population: _Population,
    response: Float64[np.ndarray, "frame unit"],
    row: Int64[np.ndarray, " sample"],
    episode: Int64[np.ndarray, " sample"],
    sampling_rate: float,
    generator: np.random.Generator,
) -> Float32[np.ndarray, "sample unit"]:
    """Poisson counts, a few units at a time to save memory."""
    n_samples, n_episodes = len(row), int(episode.max()) + 1
    counts = np.empty((n_samples, driver.n_units), np.float32)
    shared = log_gain(driver.shared_gain, (n_episodes, 1), generator)
    spacing = max(round(_FLUCTUATION_TIME * sampling_rate), 1)
    fluctuation = smooth_fluctuations(n_samples, spacing, _N_FLUCTUATIONS, generator)
    lag = np.round(population.delay * sampling_rate).astype(np.int64)
    for start in range(0, driver.n_units, _BLOCK):
        block = slice(start, min(start + _BLOCK, driver.n_units))
        n_units = block.stop - block.start
        gain = shared + log_gain(driver.private_gain, (n_episodes, n_units), generator)
        log_change = gain[episode] + slow_drift(driver.drift, n_samples, n_units, generator)
        above = evoked_course(
            response[:, block], row, lag[block], driver.time_constant * sampling_rate
        )
        base = np.exp(population.baseline[block] + fluctuation @ population.loading[:, block])
        rate = (base + above) * np.exp(log_change)
        counts[:, block] = generator.poisson(rate / sampling_rate)
    return counts


def _episode_at(
    timeline: SceneTimeline,
    episode: Int64[np.ndarray, " frame"],
    time: Float64[np.ndarray, " sample"],
) -> Int64[np.ndarray, " sample"]:
    """Index of the episode last begun at these times, counted from 0 (also before the first)."""
    index = np.concatenate([[0], np.cumsum(np.diff(episode) != 0)])
    latest = np.searchsorted(timeline.onset, time, side="right") - 1
    return np.asarray(index[np.maximum(latest, 0)], dtype=np.int64)
