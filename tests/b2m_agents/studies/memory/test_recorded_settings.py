"""Environments replay the trials that the person in a recording saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2m_agents.studies.memory.recorded_settings import (
    as_context_decision,
    recorded_environment,
    recorded_settings,
)
from b2m_drive.recordings.datasets.dandi_000004 import recognition_trials
from b2m_drive.recordings.readers.table import read_recording
from b2m_envs.memory_decision import LEFT, SEEN, SternbergSettings, task_of

pytest.importorskip("pynwb")
pytest.importorskip("gymnasium")

from tests.shared import nwb_files


def played(recording, n_trials: int, **settings) -> list[tuple[int, list, list, bool]]:  # type: ignore[no-untyped-def]
    """Of each trial: its id, the pictures shown at the centre, steps of the delay, the answer."""
    env = recorded_environment(recording, observation_noise=0.0, **settings)
    codes = env.task.codes
    trials = []
    env.reset(seed=0)
    for number in range(n_trials):
        observation, info = env.reset(options={"trial": number})
        shown, delay, ended, reward = [], 0, False, 0.0
        before = None
        while not ended:
            place = 1 + len(env.task.rule_names)
            code = observation[place : place + codes.shape[1]]
            now = None if not code.any() else int(np.abs(codes - code).sum(1).argmin())
            if now is not None and now != before:
                shown.append(now)
            before = now
            delay += info["period"] == "maintenance"
            asked = info["period"] == "probe"
            action = 0 if not asked else 1 + int(info["target_side"] != LEFT)
            trial_id = info["trial_id"]
            observation, reward, ended, _, info = env.step(action)
        trials.append((trial_id, shown, delay, reward == env.settings.reward_correct))
    return trials


@pytest.mark.slow
def test_the_sternberg_environment_shows_the_recorded_trials(tmp_path: Path) -> None:
    columns = nwb_files.sternberg_columns()
    recording = read_recording(nwb_files.write_sternberg(tmp_path / "a.nwb", columns))
    assert recording.trials is not None
    right = np.flatnonzero(columns["correct"] == 1)
    found = played(recording, len(right))
    for row, (trial_id, shown, delay, correct) in zip(right, found, strict=True):
        assert trial_id == row
        items = columns["items"][row][: columns["load"][row]] - 1
        assert shown == [*items, columns["probe"][row] - 1]
        assert delay == 25  # of .1 s
        assert correct


@pytest.mark.slow
def test_settings_of_the_task_may_be_given(tmp_path: Path) -> None:
    columns = nwb_files.sternberg_columns(6)
    recording = read_recording(nwb_files.write_sternberg(tmp_path / "a.nwb", columns))
    settings = recorded_settings(recording, time_step=0.05)
    assert isinstance(settings, SternbergSettings)
    assert (settings.time_step, len(settings.trial_list)) == (0.05, len(recording.trials))


@pytest.mark.slow
def test_recognition_asks_for_the_judged_picture_with_the_right_answer(tmp_path: Path) -> None:
    columns = nwb_files.recognition_columns()
    recording = read_recording(nwb_files.write_recognition(tmp_path / "r.nwb", columns))
    judged = recognition_trials(recording)
    trials = as_context_decision(judged)
    assert np.array_equal(trials.trial_id, judged.event)
    assert np.array_equal(trials.target_side == LEFT, judged.old)
    assert (trials.rule == SEEN).all()
    assert np.array_equal(trials.probe_left % 5, judged.category)
    same = trials.probe_left[:, None] == trials.probe_left
    assert np.array_equal(same, judged.picture[:, None] == judged.picture)
    assert 0.4 < trials.congruent.mean() < 0.6
    found = played(recording, len(trials))
    assert [each[0] for each in found] == judged.event.tolist()
    assert all(correct for *_, correct in found)
    batch = task_of(recorded_settings(recording)).draw_trials(3, np.random.default_rng(0))
    assert np.array_equal(batch.trial_id, judged.event[:3])


@pytest.mark.slow
def test_a_recording_without_trials_is_refused(tmp_path: Path) -> None:
    path = nwb_files.write_laboratory(tmp_path / "lab.nwb")
    other = read_recording(path, ["events.table=trials", "activity.signal=units"])
    with pytest.raises(ValueError, match="expected a recording of DANDI 000004"):
        recorded_settings(other)
