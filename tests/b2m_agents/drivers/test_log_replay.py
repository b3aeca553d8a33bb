"""A log beside its replay: reaction times, and what is paired with what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2m_agents.drivers.log_replay import (
    compare_reaction_times,
    log_files,
    replay_driving_log,
    replay_of,
)
from b2m_drive.recordings.driving_log import read_driving_log
from b2m_envs.driving_events.replay import ReplayedEvent
from tests.shared.places import DATA

LOGS = sorted(DATA.glob("bcit_driving_events/*_events.tsv"))
LOGS_OF_TX20 = sorted(DATA.glob("tx20_autonomy_events/*_task-Drive_events.tsv"))
STEP = 0.1  # [s]


def write_log(path: Path) -> Path:
    """A log of ds004120's format with three perturbations, the second without an answer."""
    rows = [
        (59.342, 3111), (62.031, 1111), (63.107, 4311), (63.206, 1112), (65.31, 4312),
        (70.164, 1121), (71.718, 1122), (80.507, 1121), (81.95, 4311), (82.36, 1122),
    ]  # fmt: skip
    lines = ["onset\tduration\tsample\tvalue", *(f"{t}\tn/a\t1\t{value}" for t, value in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return write_log(tmp_path / "sub-01_task-Drive_events.tsv")


@pytest.mark.slow
def test_a_replay_has_the_logs_reaction_times_and_no_answer_that_nobody_gave(log_path: Path):
    log = read_driving_log(log_path)
    replay = replay_driving_log(log_path, height=36, width=36)
    assert replay.time[0] == log.first
    assert log.last + 5 - STEP < replay.time[-1] <= log.last + 5
    compared = compare_reaction_times(log, replay.events, STEP)
    np.testing.assert_allclose(compared.log, [1.076, np.nan, 1.443], atol=1e-9)
    np.testing.assert_allclose(compared.replay, compared.log, atol=STEP + 1e-9)
    assert (compared.n_answered, compared.n_lost, compared.n_added) == (2, 0, 0)
    assert 0 < compared.largest_difference <= STEP
    assert compared.median_log == pytest.approx((1.076 + 1.443) / 2)
    assert np.isnan(compared.log_correction[1:]).all()
    assert compared.replay_correction[0] == pytest.approx(compared.log_correction[0], abs=0.4)


def test_what_a_replay_loses_adds_or_does_not_reach_is_counted(log_path: Path):
    log = read_driving_log(log_path)
    events = [
        ReplayedEvent("perturbation_left", 62.0), ReplayedEvent("perturbation_right", 70.2),
        ReplayedEvent("correction_onset", 71.0),
    ]  # fmt: skip
    compared = compare_reaction_times(log, events, STEP)
    assert (len(compared.log), compared.n_answered) == (2, 1)
    assert (compared.n_lost, compared.n_added) == (1, 1)
    assert np.isnan(compared.largest_difference)


@pytest.mark.slow
def test_the_answer_after_the_end_of_a_replay_is_not_called_lost(log_path: Path):
    log = read_driving_log(log_path)
    replay = replay_of(log, start=60.0, stop=81.0, observation="state")
    events = [event for step in replay.steps() for event in step.events]
    compared = compare_reaction_times(log, events, STEP, stop=81.0)
    assert (len(compared.log), compared.n_answered, compared.n_lost) == (3, 1, 0)


def test_logs_of_a_folder_are_found(tmp_path: Path, log_path: Path):
    assert log_files(log_path) == [log_path]
    assert log_files(tmp_path) == [log_path]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: expected event files \*_events.tsv, found none"):
        log_files(tmp_path / "empty")


@pytest.mark.slow
@pytest.mark.skipif(not LOGS, reason=f"no event logs of ds004120 in {DATA}")
def test_minutes_of_a_real_log_are_replayed_to_a_time_step():
    log = read_driving_log(LOGS[0])
    stop = log.first + 240
    replay = replay_of(log, stop=stop, observation="state")
    events = [event for step in replay.steps() for event in step.events]
    compared = compare_reaction_times(log, events, STEP, stop=stop)
    assert compared.n_answered >= 10
    assert (compared.n_lost, compared.n_added) == (0, 0)
    assert compared.largest_difference <= STEP + 1e-9


@pytest.mark.slow
@pytest.mark.skipif(not LOGS_OF_TX20, reason=f"no event logs of ds004657 in {DATA}")
def test_pushes_of_a_log_without_corrections_are_replayed_and_nobody_answers():
    log = read_driving_log(LOGS_OF_TX20[0])
    stop = log.first + 120
    replay = replay_of(log, stop=stop, observation="state")
    events = [event for step in replay.steps() for event in step.events]
    compared = compare_reaction_times(log, events, STEP, stop=stop)
    assert len(compared.log) >= 1
    assert (compared.n_answered, compared.n_added) == (0, 0)
    assert np.isnan(compared.median_replay)
