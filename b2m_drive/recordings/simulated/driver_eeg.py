"""A simulated electroencephalogram of a driver who looks at scenes.

Dipoles in a head of three spheres reach 32 sensors of the 10-20 system through MNE's forward
model. It exists, as `SimulatedDriver` does, to test the road from a recording to a student with a
known answer; what a student gains from it shows that information was transferred, no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from b2m_drive.files.missing_packages import needing
from b2m_drive.recordings.reaction_times import draw_reaction_times
from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.scene_recording import EEG, presentations
from b2m_drive.recordings.simulated.driver import LICENCE, evoked_course
from b2m_drive.recordings.simulated.driver_attention import (
    ATTENDED,
    ATTENDED_NAMES,
    DriverTuning,
    attention,
    draw_tuning,
    scaled_signal,
)
from b2m_drive.recordings.simulated.nuisance import smooth_fluctuations
from b2m_drive.recordings.simulated.scene_timeline import check_state, scene_timeline

SENSORS = (
    *("Fp1", "Fp2", "AF3", "AF4", "F7", "F3", "Fz", "F4", "F8", "FC5", "FC1", "FC2", "FC6"),
    *("T7", "C3", "Cz", "C4", "T8", "CP5", "CP1", "CP2", "CP6"),
    *("P7", "P3", "Pz", "P4", "P8", "PO3", "PO4", "O1", "Oz", "O2"),
)
DEFAULT_SAMPLING_RATE = 128.0  # [Hz]
RHYTHMS = ((4.5, 7.5), (8.5, 12.5), (14.0, 28.0))  # [Hz] theta, alpha, beta

_CORTEX = 0.75  # of the head's radius: how far from its centre the dipoles are
_TILT = 0.5  # how far a dipole may lean from the radial direction
_PARIETAL = (0.0, -0.6, 0.8)  # direction of the evoked response's source, beneath Pz
_N_BACKGROUND = 48  # dipoles of the 1/f noise
_FLATTEST = 0.1  # [Hz] under which the 1/f noise has the power of this frequency
_FLUCTUATION_TIME = 0.5  # [s] between the knots of an amplitude's fluctuation
_EVOKED_DECAY = 0.2  # [s] in which an evoked response fades after the reaction
_BLOCK = 8  # sources simulated at once, to save memory


@dataclass(frozen=True)
class SimulatedDriverEEG:
    """Settings of a simulated EEG.

    Each *rhythm*, a dipole that oscillates in the theta, alpha or beta band, grows or shrinks with
    one attended variable of the scene, under the tuning, attention and delay of the units of
    `SimulatedDriver`; what is seen on the left is coded in the right hemisphere. A hazard's onset
    evokes a parietal positivity that builds up until the driver reacts (O'Connell, Dockree &
    Kelly 2012) and then fades; when that is follows the reaction times of real drivers
    (`reaction_times`). Dipoles anywhere add 1/f noise, the sensors white noise; the reference is
    the average of all sensors.

    ``signal`` scales all that tells one frame from another; at 0 the rhythms keep their mean
    amplitude and nothing is evoked. Amplitudes are those at the sensor that sees a source best.
    """

    name: str = "custom"
    signal: float = 1.0  # share of the signal about the scene, 0 to 1
    n_rhythms: int = 27
    rhythm: float = 2e-6  # [V] root mean square of a rhythm without drive
    modulation: float = 0.5  # how much the strongest drive adds to a rhythm, as a share of it
    evoked: float = 5e-6  # [V] peak of the response to a hazard
    attention: float = 0.5  # as of `SimulatedDriver`
    delay: float = 0.25  # [s] from a frame's onset to the change of the rhythms
    time_constant: float = 0.1  # [s] in which a rhythm approaches its new amplitude
    irregularity: float = 1.0  # [Hz] by which a rhythm's phase wanders
    fluctuation: float = 0.4  # standard deviation of a rhythm's log amplitude, scene or not
    background: float = 10e-6  # [V] root mean square of the 1/f noise, mean over sensors
    sensor_noise: float = 0.5e-6  # [V] root mean square

    def __post_init__(self) -> None:
        if not 0 <= self.signal <= 1:
            raise ValueError(f"signal: expected 0 to 1, came {self.signal}")
        if self.n_rhythms < 1:
            raise ValueError(f"n_rhythms: expected at least 1, came {self.n_rhythms}")
        for option in ("delay", "time_constant"):
            if not 0 <= getattr(self, option) < 1:
                raise ValueError(f"{option}: expected 0 to 1 s, came {getattr(self, option)}")
        for option in ("rhythm", "modulation", "evoked", "background", "sensor_noise"):
            if not getattr(self, option) >= 0:
                raise ValueError(f"{option}: expected 0 or more, came {getattr(self, option)}")

    @classmethod
    def preset(cls, name: str, signal: float = 1.0) -> SimulatedDriverEEG:
        """An EEG of the presets' names: median_session, best_session or ideal.

        Ordered as those of `SimulatedDriver`, with backgrounds of usual size for the first two;
        no EEG recorded so far resembles ``ideal``.

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
        """Potentials [V] at the `SENSORS`; arguments as `SimulatedDriver.record`.

        Raises:
            ValueError: As `SimulatedDriver.record`; also if the sampling rate is under twice the
                fastest rhythm, or MNE is not installed.
        """
        if not sampling_rate > 2 * RHYTHMS[-1][1]:
            raise ValueError(
                f"sampling_rate: expected over {2 * RHYTHMS[-1][1]:g} Hz for rhythms up to "
                f"{RHYTHMS[-1][1]:g} Hz, came {sampling_rate}"
            )
        timeline = scene_timeline(frame_time, episode)
        check_state(state, state_names, ATTENDED_NAMES, len(frame_time))
        time = timeline.sample_times(sampling_rate)
        row = timeline.frame_at(time)
        head_seed, brain_seed, noise_seed = np.random.SeedSequence(seed).spawn(3)
        head = _draw_head(self, np.random.default_rng(head_seed))
        generator = np.random.default_rng(brain_seed)
        drive = head.tuning.drive(state, state_names) * attention(
            state, state_names, head.tuning, self.attention
        )
        potential = _noise(self, head, len(time), sampling_rate, np.random.default_rng(noise_seed))
        _add_rhythms(
            self, head, scaled_signal(drive, self.signal), row, sampling_rate, generator, potential
        )
        onsets = frame_time[_hazard_onsets(state[:, state_names.index("hazard")], episode)]
        evoked = _evoked_response(self, onsets, time, generator)
        potential += (self.signal * self.evoked * evoked[:, None] * head.evoked).astype(np.float32)
        return Recording(
            signal=potential - potential.mean(1, keepdims=True),
            time=time,
            events=presentations(time, row),
            measure="potential [V]",
            units=tuple(Unit(sensor, "scalp", EEG) for sensor in SENSORS),
            subject="simulated",
            session=f"simulated-driver-eeg-{self.name}",
            source=f"SimulatedDriverEEG, preset {self.name}, signal {self.signal:g}, seed {seed}",
            licence=LICENCE,
            simulated=True,
            notes=("simulated", "potentials in V, average reference"),
        )


PRESETS = {
    "median_session": SimulatedDriverEEG(name="median_session"),
    "best_session": SimulatedDriverEEG(
        name="best_session", rhythm=4e-6, modulation=1.0, evoked=10e-6, background=8e-6
    ),
    "ideal": SimulatedDriverEEG(
        name="ideal",
        n_rhythms=45,
        rhythm=2e-6,
        modulation=6.0,
        evoked=10e-6,
        attention=0.3,
        delay=0.1,
        time_constant=0.02,
        irregularity=0.0,
        fluctuation=0.02,
        background=0.1e-6,
        sensor_noise=0.01e-6,
    ),
}


@dataclass(frozen=True)
class _Head:
    """Sources and what each sensor sees of them, drawn once for a seed."""

    tuning: DriverTuning  # of the rhythms
    frequency: Float64[np.ndarray, " rhythm"]  # [Hz]
    rhythms: Float64[np.ndarray, "rhythm sensor"]  # largest entry of a row: 1 or -1
    background: Float64[np.ndarray, "source sensor"]
    evoked: Float64[np.ndarray, " sensor"]  # largest entry 1


def _draw_head(driver: SimulatedDriverEEG, generator: np.random.Generator) -> _Head:
    n_rhythms = driver.n_rhythms
    tuning = draw_tuning(n_rhythms, generator)
    place = _directions(n_rhythms, generator)
    for index, variable in enumerate(ATTENDED):
        side = {"left": 1, "right": -1}.get(str(variable.place).split("_")[0], 0)
        if side:  # x points to the right ear
            there = tuning.variable == index
            place[there, 0] = side * np.abs(place[there, 0])
    place = np.concatenate([place, _directions(_N_BACKGROUND, generator), [np.array(_PARIETAL)]])
    lean = _TILT * generator.normal(size=place.shape)
    lean[-1] = 0.0
    field = _lead_field(place, _unit_length(place + lean))
    field /= np.abs(field).max(1, keepdims=True)
    rhythm = generator.permutation(n_rhythms) % len(RHYTHMS)
    low, high = np.array(RHYTHMS).T
    return _Head(
        tuning=tuning,
        frequency=generator.uniform(low[rhythm], high[rhythm]),
        rhythms=field[:n_rhythms],
        background=field[n_rhythms:-1],
        evoked=field[-1],
    )


def _directions(n: int, generator: np.random.Generator) -> Float64[np.ndarray, "source 3"]:
    """Random directions from the head's centre, few of them downwards."""
    direction = generator.normal(size=(n, 3))
    direction[:, 2] = np.abs(direction[:, 2]) - 0.2
    return _unit_length(direction)


def _unit_length(vector: Float64[np.ndarray, "source 3"]) -> Float64[np.ndarray, "source 3"]:
    unit: Float64[np.ndarray, "source 3"] = vector / np.linalg.norm(vector, axis=1, keepdims=True)
    return unit


def _lead_field(
    place: Float64[np.ndarray, "source 3"], orientation: Float64[np.ndarray, "source 3"]
) -> Float64[np.ndarray, "source sensor"]:
    """What each sensor sees of dipoles of 1 nAm in these directions from the head's centre [V]."""
    mne, info, sphere, centre, radius = _head_model()
    n = len(place)
    dipoles = mne.Dipole(
        np.zeros(n),
        centre + _CORTEX * radius * _unit_length(place),
        np.full(n, 1e-9),
        orientation,
        np.full(n, 100.0),
        verbose="ERROR",
    )
    forward, _ = mne.make_forward_dipole(dipoles, sphere, info, verbose="ERROR")
    return np.asarray(forward["sol"]["data"].T * 1e-9, dtype=np.float64)


@cache
def _head_model() -> tuple[Any, Any, Any, np.ndarray, float]:
    """MNE itself, the sensors, and the sphere of three layers fitted to them."""
    with needing("SimulatedDriverEEG", "eeg"):
        import mne
    info = mne.create_info(list(SENSORS), DEFAULT_SAMPLING_RATE, "eeg", verbose="ERROR")
    info.set_montage(mne.channels.make_standard_montage("biosemi32"), verbose="ERROR")
    sphere = mne.make_sphere_model("auto", "auto", info, verbose="ERROR")
    return mne, info, sphere, np.array(sphere["r0"]), float(sphere.radius)


def _add_rhythms(
    driver: SimulatedDriverEEG,
    head: _Head,
    drive: Float64[np.ndarray, "frame rhythm"],
    row: Int64[np.ndarray, " sample"],
    sampling_rate: float,
    generator: np.random.Generator,
    potential: Float32[np.ndarray, "sample sensor"],
) -> None:
    n_samples = len(row)
    lag = np.full(_BLOCK, round(driver.delay * sampling_rate), dtype=np.int64)
    spacing = max(round(_FLUCTUATION_TIME * sampling_rate), 1)
    for start in range(0, driver.n_rhythms, _BLOCK):
        block = slice(start, min(start + _BLOCK, driver.n_rhythms))
        n = block.stop - block.start
        course = evoked_course(drive[:, block], row, lag[:n], driver.time_constant * sampling_rate)
        amplitude = 1 + driver.modulation * course
        amplitude *= np.exp(
            driver.fluctuation * smooth_fluctuations(n_samples, spacing, n, generator)
        )
        wander = np.sqrt(driver.irregularity / sampling_rate) * generator.normal(
            size=(n_samples, n)
        )
        turn = 2 * np.pi * head.frequency[block] / sampling_rate
        phase = generator.uniform(0, 2 * np.pi, size=n) + np.cumsum(turn + wander, axis=0)
        source = np.sqrt(2) * driver.rhythm * amplitude * np.sin(phase)
        potential += source.astype(np.float32) @ head.rhythms[block].astype(np.float32)


def _noise(
    driver: SimulatedDriverEEG,
    head: _Head,
    n_samples: int,
    sampling_rate: float,
    generator: np.random.Generator,
) -> Float32[np.ndarray, "sample sensor"]:
    """1/f noise of dipoles and white noise of sensors."""
    noise = np.zeros((n_samples, len(SENSORS)), np.float32)
    for start in range(0, _N_BACKGROUND, _BLOCK):
        field = head.background[start : start + _BLOCK].astype(np.float32)
        noise += _pink(n_samples, len(field), sampling_rate, generator) @ field
    noise *= np.float32(driver.background / noise.std(0).mean())
    white = generator.standard_normal(noise.shape, dtype=np.float32)
    return noise + np.float32(driver.sensor_noise) * white


def _pink(
    n_samples: int, n: int, sampling_rate: float, generator: np.random.Generator
) -> Float32[np.ndarray, "sample source"]:
    """Noise whose power falls with 1/frequency, shaped in the spectrum of white noise."""
    from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

    length = next_fast_len(n_samples, real=True)
    white = generator.standard_normal((n, length), dtype=np.float32)
    frequency = np.maximum(rfftfreq(length, 1 / sampling_rate), _FLATTEST)
    shaped = rfft(white, axis=1) / np.sqrt(frequency).astype(np.float32)
    return np.ascontiguousarray(irfft(shaped, length, axis=1)[:, :n_samples].T, dtype=np.float32)


def _hazard_onsets(
    hazard: Float32[np.ndarray, " frame"], episode: Int64[np.ndarray, " frame"]
) -> Int64[np.ndarray, " onset"]:
    """Rows of the frames in which a hazard begins; each episode begins without one."""
    there = np.nan_to_num(hazard, nan=0.0) > 0.5
    before = np.concatenate([[False], there[:-1] & (np.diff(episode) == 0)])
    return np.flatnonzero(there & ~before)


def _evoked_response(
    driver: SimulatedDriverEEG,
    onsets: Float64[np.ndarray, " onset"],
    time: Float64[np.ndarray, " sample"],
    generator: np.random.Generator,
) -> Float64[np.ndarray, " sample"]:
    """Ramps from the delay after each onset to a peak of 1 at the reaction, then fades."""
    course = np.zeros(len(time))
    for onset, reaction in zip(onsets, draw_reaction_times(len(onsets), generator), strict=True):
        first, last = np.searchsorted(
            time, [onset + driver.delay, onset + reaction + 8 * _EVOKED_DECAY]
        )
        since = time[first:last] - onset
        rise = (since - driver.delay) / max(reaction - driver.delay, 1e-3)
        course[first:last] += np.where(
            since < reaction, rise, np.exp(-(since - reaction) / _EVOKED_DECAY)
        )
    return course
