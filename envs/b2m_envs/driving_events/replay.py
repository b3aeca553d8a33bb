"""Replays of a log: its events happen again, and a scripted driver answers when the person did."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving_events.emergency_braking import EmergencyBrakingEnv
from b2m_envs.driving_events.lane_departure import LaneDepartureEnv
from b2m_envs.driving_events.schedules import LanePerturbations, LeadBrakings, Numbers
from b2m_envs.driving_events.scripted_drivers import BrakingDriver, LaneDriver, ScriptedDriver
from b2m_envs.driving_events.settings import EmergencyBrakingSettings, LaneDepartureSettings
from b2m_envs.scenes.settings import WHOLE_NUMBER_TOLERANCE

ONSETS = ("perturbation_left", "perturbation_right", "lead_brake_onset")
ANSWERS = ("correction_onset", "ego_brake_onset")
ANSWERS_ENDED = ("correction_offset", "ego_brake_offset")
USUAL_FREQUENCY = 10.0  # [Hz] of the time steps


@dataclass(frozen=True)
class ReplayedEvent:
    """Something that happened in a replay."""

    name: str  # see the environment
    time: float  # [s] on the log's clock


@dataclass(frozen=True)
class ReplayedAnswer:
    """When something asked the driver for an answer, and when it came; NaN: it did not."""

    onset: float  # [s] on the log's clock
    response_onset: float = math.nan  # [s]
    response_offset: float = math.nan  # [s]

    @property
    def reaction_time(self) -> float:
        """From the onset to the response's [s]."""
        return self.response_onset - self.onset


@dataclass(frozen=True, eq=False)
class ReplayedStep:
    """One time step of a replay."""

    time: float  # [s] on the log's clock
    observation: Any  # as the environment was told to give it
    info: dict[str, Any]  # of the environment, whose own clock begins at 0
    events: tuple[ReplayedEvent, ...]  # known since the step before
    action: Float32[np.ndarray, " control"] | None  # that follows; None at the end


@dataclass(frozen=True, eq=False)
class DrivingReplay:
    """A replay in memory: frames, states, actions and events, paired by the log's clock."""

    time: Float64[np.ndarray, " step"]  # [s] on the log's clock, of each frame
    frames: UInt8[np.ndarray, "step height width channel"]
    state: Float32[np.ndarray, "step variable"]  # of b2m_envs.STATE_VARIABLES; NaN: no meaning
    action: Float32[np.ndarray, "step control"]  # of the driver, on each frame; NaN on the last
    events: tuple[ReplayedEvent, ...]


class Replay:
    """A log in an environment, with the driver who answers as the person did.

    Args:
        env: Where everything happens; its events are those of the log.
        make_driver: The driver of a new run through it.
        start: Of the log's clock [s] at the first frame.
    """

    def __init__(
        self, env: DrivingSceneEnv, make_driver: Callable[[], ScriptedDriver], start: float | int
    ) -> None:
        self.env = env
        self._make_driver = make_driver
        self._start = float(start)

    def steps(self) -> Iterator[ReplayedStep]:
        """The time steps, one by one, the same each time; after each, `env` can be rendered.

        A collision ends them.
        """
        driver, env = self._make_driver(), self.env
        rate, ended, step = env.settings.steps_per_second, False, 0
        observation, info = env.reset(seed=0)  # nothing is drawn
        while True:
            action = None if ended else driver.act(step, info)
            events = tuple(ReplayedEvent(name, self._start + time) for name, time in info["events"])
            yield ReplayedStep(self._start + step / rate, observation, info, events, action)
            if action is None:
                return
            observation, _, terminated, truncated, info = env.step(action)
            ended, step = terminated or truncated, step + 1

    def in_memory(self) -> DrivingReplay:
        """All of it: 8 kB a frame of 64 x 64 x 2, 300 MB an hour at 10 Hz.

        Raises:
            ValueError: If the environment gives other observations than pictures.
        """
        space = self.env.observation_space
        if getattr(space, "dtype", None) != np.uint8:
            raise ValueError(f"replay: expected observation='scene', came observations of {space}")
        steps = list(self.steps())
        nothing = np.full_like(steps[0].action, np.nan)
        return DrivingReplay(
            time=np.array([step.time for step in steps]),
            frames=np.stack([step.observation for step in steps]),
            state=np.stack([np.asarray(step.info["state"]) for step in steps]),
            action=np.stack([nothing if step.action is None else step.action for step in steps]),
            events=tuple(event for step in steps for event in step.events),
        )


def replay_lane_departures(
    onset: Numbers,
    side: Numbers,
    response_onset: Numbers,
    response_offset: Numbers | None = None,
    end: Numbers | None = None,
    *,
    start: float | int,
    stop: float | int,
    **keywords: Any,
) -> Replay:
    """Replay the perturbations of a log and their corrections in `B2M/LaneDeparture-v0`.

    ```python
    >>> from b2m_envs import replay_lane_departures, replayed_answers
    >>> replay = replay_lane_departures(
    ...     onset=[12.0, 19.0], side=[-1, 1], response_onset=[13.1, 20.4], start=10.0, stop=25.0
    ... ).in_memory()
    >>> replay.frames.shape, replay.time[[0, -1]].tolist()
    ((151, 64, 64, 2), [10.0, 25.0])
    >>> [round(each.reaction_time, 2) for each in replayed_answers(replay.events)]
    [1.1, 1.4]

    ```

    Args:
        onset: Of each perturbation [s] on the log's clock; those between `start` and `stop` happen.
        side: -1: to the left, 1: to the right.
        response_onset: When the driver began to correct [s]; NaN: nobody did, or nobody knows.
        response_offset: When the car was back [s]; NaN: not known. None: all NaN.
        end: When the push ended [s]; NaN: when the driver answered. None: all NaN.
        start: Of the replay [s] on the log's clock, at its first frame.
        stop: The last frame is less than a time step before it.
        keywords: Of the environment: its settings, ``observation`` and ``render_mode``.

    Raises:
        ValueError: For sequences of other lengths, times that are in no order, a response before
            its onset, or settings that the environment refuses.
    """
    duration = _seconds(start, stop, keywords)
    onsets = _numbers("onset", onset)
    inside = (onsets >= start) & (onsets <= start + duration)
    given = {
        name: _column(name, values, onsets)[inside] - start
        for name, values in (
            ("response_onset", response_onset), ("response_offset", response_offset), ("end", end)
        )
    }  # fmt: skip
    pushes = LanePerturbations(
        tuple(onsets[inside] - start),
        tuple(_column("side", side, onsets)[inside]),
        tuple(given["end"]),
    )
    _check_order("response_onset", given["response_onset"], onsets[inside] - start)
    _check_order("response_offset", given["response_offset"], given["response_onset"])
    env = LaneDepartureEnv(**keywords, perturbations=pushes, duration=duration)
    settings = env.settings
    assert isinstance(settings, LaneDepartureSettings)
    responses = given["response_onset"], given["response_offset"]
    return Replay(env, lambda: LaneDriver(settings, *responses), start)


def replay_emergency_brakings(
    lead_onset: Numbers,
    ego_onset: Numbers,
    *,
    start: float | int,
    stop: float | int,
    **keywords: Any,
) -> Replay:
    """Replay the brakings of a log and their answers in `B2M/EmergencyBraking-v0`.

    Args:
        lead_onset: When the car ahead brakes [s] on the log's clock; those between `start` and
            `stop` happen.
        ego_onset: When the driver braked [s]; NaN: nobody did, or nobody knows.
        start: Of the replay [s] on the log's clock, at its first frame.
        stop: The last frame is less than a time step before it.
        keywords: Of the environment: its settings, ``observation`` and ``render_mode``.

    Raises:
        ValueError: For sequences of other lengths, times that are in no order, a response before
            its onset, or settings that the environment refuses.
    """
    duration = _seconds(start, stop, keywords)
    onsets = _numbers("lead_onset", lead_onset)
    inside = (onsets >= start) & (onsets <= start + duration)
    answers = _column("ego_onset", ego_onset, onsets)[inside] - start
    _check_order("ego_onset", answers, onsets[inside] - start)
    brakings = LeadBrakings(tuple(onsets[inside] - start))
    env = EmergencyBrakingEnv(**keywords, brakings=brakings, duration=duration)
    settings = env.settings
    assert isinstance(settings, EmergencyBrakingSettings)
    return Replay(env, lambda: BrakingDriver(settings, answers), start)


def replayed_answers(events: Iterable[ReplayedEvent]) -> tuple[ReplayedAnswer, ...]:
    """What asked for an answer, and when it came, up to the next that asks for one."""
    found: list[ReplayedAnswer] = []
    for event in events:
        if event.name in ONSETS:
            found.append(ReplayedAnswer(event.time))
        elif event.name in ANSWERS and found and math.isnan(found[-1].response_onset):
            found[-1] = replace(found[-1], response_onset=event.time)
        elif event.name in ANSWERS_ENDED and found and found[-1].response_onset <= event.time:
            found[-1] = replace(found[-1], response_offset=event.time)
    return tuple(found)


def _seconds(start: float | int, stop: float | int, keywords: dict[str, Any]) -> float:
    """Of the replay, a whole number of time steps."""
    rate = float(keywords.get("policy_frequency") or USUAL_FREQUENCY)
    n_steps = math.floor((stop - start) * rate + WHOLE_NUMBER_TOLERANCE)
    if n_steps < 1:
        raise ValueError(
            f"replay: expected a stop a time step ({1 / rate:g} s) or more after the start, "
            f"came {start:g} to {stop:g} s"
        )
    return n_steps / rate


def _numbers(name: str, values: Numbers) -> Float64[np.ndarray, " event"]:
    numbers = np.asarray(values, np.float64)
    if numbers.ndim != 1:
        raise ValueError(f"replay: {name}: expected one axis, came the shape {numbers.shape}")
    return numbers


def _column(
    name: str, values: Numbers | None, onset: Float64[np.ndarray, " event"]
) -> Float64[np.ndarray, " event"]:
    if values is None:
        return np.full(len(onset), np.nan)
    numbers = _numbers(name, values)
    if len(numbers) != len(onset):
        raise ValueError(
            f"replay: {name}: expected {len(onset)}, one an onset, came {len(numbers)}"
        )
    return numbers


def _check_order(
    name: str,
    later: Float64[np.ndarray, " event"],
    earlier: Float64[np.ndarray, " event"],
) -> None:
    wrong = np.flatnonzero(later < earlier)  # false for NaN
    if len(wrong):
        raise ValueError(
            f"replay: {name}: expected none before what it follows, came one "
            f"{earlier[wrong[0]] - later[wrong[0]]:g} s before it"
        )
