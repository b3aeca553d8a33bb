"""Replay a log of a drive, and hold the reaction times of the replay against the log's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from b2m_drive.recordings.driving_log import DrivingLog, read_driving_log
from b2m_envs.driving_events.replay import (
    DrivingReplay,
    Replay,
    ReplayedAnswer,
    ReplayedEvent,
    replay_lane_departures,
    replayed_answers,
)

AFTERWARDS = 5.0  # [s] that a replay goes on after the log's last event
LOG_FILES = "*_events.tsv"


@dataclass(frozen=True, eq=False)
class ReactionTimesCompared:
    """Each perturbation's answer in the log and in its replay, on one clock [s]; NaN: none."""

    log: Float64[np.ndarray, " perturbation"]  # reaction time
    replay: Float64[np.ndarray, " perturbation"]
    log_correction: Float64[np.ndarray, " perturbation"]  # from the answer's onset to its offset
    replay_correction: Float64[np.ndarray, " perturbation"]

    @property
    def n_answered(self) -> int:
        """Perturbations that the log has an answer to."""
        return int((~np.isnan(self.log)).sum())

    @property
    def n_lost(self) -> int:
        """Answers of the log that the replay lacks."""
        return int((~np.isnan(self.log) & np.isnan(self.replay)).sum())

    @property
    def n_added(self) -> int:
        """Answers of the replay that the log lacks."""
        return int((np.isnan(self.log) & ~np.isnan(self.replay)).sum())

    @property
    def median_log(self) -> float:
        """Reaction time of the log's answers [s]; NaN if there is none."""
        return _median(self.log)

    @property
    def median_replay(self) -> float:
        """Reaction time of the replay's answers [s]; NaN if there is none."""
        return _median(self.replay)

    @property
    def largest_difference(self) -> float:
        """Between a reaction time of the log and the replay's [s]; NaN if there is no pair."""
        both = np.abs(self.replay - self.log)
        both = both[~np.isnan(both)]
        return float(both.max()) if len(both) else math.nan


def replay_of(
    log: DrivingLog,
    start: float | int | None = None,
    stop: float | int | None = None,
    **keywords: Any,
) -> Replay:
    """The replay of a log, step by step or in memory.

    Args:
        log: Whose perturbations happen again.
        start: Of the log's clock [s] at the first frame. None: the log's first event.
        stop: The last frame is less than a time step before it. None: 5 s after the last event.
        keywords: Of `B2M/LaneDeparture-v0`: its settings, ``observation`` and ``render_mode``.

    Raises:
        ValueError: For a stop before the start, or settings that the environment refuses.
    """
    return replay_lane_departures(
        log.onset,
        log.side,
        log.response_onset,
        log.response_offset,
        log.end,
        start=log.first if start is None else start,
        stop=log.last + AFTERWARDS if stop is None else stop,
        **keywords,
    )


def replay_driving_log(
    path: str | Path,
    start: float | int | None = None,
    stop: float | int | None = None,
    **keywords: Any,
) -> DrivingReplay:
    """Frames, states, actions and events of a log's drive, paired by the log's clock.

    A brain that was recorded on that clock is so paired with what could be seen and what the driver
    did. What is seen is our simulator, not the one of the study: straight road, constant speed.

    Args:
        path: Table of events, see `b2m_drive.recordings.driving_log.read_driving_log`.
        start: See `replay_of`.
        stop: See `replay_of`; an hour at 10 Hz is 36,000 frames.
        keywords: Of `B2M/LaneDeparture-v0`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no log with lane perturbations, or a setting does not fit.
    """
    return replay_of(read_driving_log(path), start, stop, **keywords).in_memory()


def compare_reaction_times(
    log: DrivingLog,
    events: Iterable[ReplayedEvent],
    time_step: float,
    stop: float = math.inf,
) -> ReactionTimesCompared:
    """Hold the answers of a replay against those of its log, perturbation by perturbation.

    A perturbation that the replay does not reach is left out.

    Args:
        log: That was replayed.
        events: Of the replay.
        time_step: Of the replay [s]: so near each other are one perturbation's onsets.
        stop: Of the replay [s]: answers of the log in its last step or later do not count.
    """
    answers = replayed_answers(events)
    found = [_nearest(onset, answers, time_step) for onset in log.onset]
    reached = [each for each in found if each is not None]
    rows = np.array([each is not None for each in found], dtype=bool)
    seen = log.response_onset <= stop - time_step  # false for NaN
    return ReactionTimesCompared(
        log=np.where(seen, log.reaction_time, np.nan)[rows],
        replay=np.array([each.reaction_time for each in reached]),
        log_correction=(log.response_offset - log.response_onset)[rows],
        replay_correction=np.array(
            [each.response_offset - each.response_onset for each in reached]
        ),
    )


def log_files(path: str | Path) -> list[Path]:
    """A log itself, or all logs of a folder.

    Raises:
        ValueError: If a folder has none.
    """
    path = Path(path)
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob(LOG_FILES))
    if not found:
        raise ValueError(f"{path}: expected event files {LOG_FILES}, found none")
    return found


def _median(values: Float64[np.ndarray, " perturbation"]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan


def _nearest(
    onset: float, answers: tuple[ReplayedAnswer, ...], time_step: float
) -> ReplayedAnswer | None:
    near = [each for each in answers if abs(each.onset - onset) < time_step]
    return min(near, key=lambda each: abs(each.onset - onset), default=None)
