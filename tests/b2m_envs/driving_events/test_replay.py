"""Replays of logs: what happened happens again, and the driver answers when the person did."""

from __future__ import annotations

import numpy as np
import pytest

from b2m_envs.driving_events.replay import (
    DrivingReplay,
    ReplayedEvent,
    replay_emergency_brakings,
    replay_lane_departures,
    replayed_answers,
)
from b2m_envs.scenes.state import STATE_INDEX

# a log's seconds: none of them on a time step of .1 s
ONSET = [73.331, 85.164, 98.111, 115.008]
SIDE = [-1, 1, 1, -1]
RESPONSE = [74.87, 88.817, np.nan, 115.044]
BACK = [77.05, 92.658, np.nan, np.nan]
END = [75.02, 89.719, 99.2, 116.708]


def lane_departures(**changes: object) -> DrivingReplay:
    told = {"response_offset": BACK, "end": END, "start": 70.0, "stop": 125.0} | changes
    return replay_lane_departures(ONSET, SIDE, RESPONSE, **told).in_memory()


@pytest.mark.slow
@pytest.mark.parametrize("frequency", [5.0, 10.0, 25.0])
def test_reaction_times_are_the_logs_to_a_time_step(frequency: float) -> None:
    replay = lane_departures(policy_frequency=frequency, height=36, width=36)
    answers = replayed_answers(replay.events)
    assert len(answers) == len(ONSET)
    step = 1 / frequency
    for answer, onset, response in zip(answers, ONSET, RESPONSE, strict=True):
        assert abs(answer.onset - onset) <= step / 2 + 1e-9
        if np.isnan(response):
            assert np.isnan(answer.response_onset)
        else:
            assert abs(answer.response_onset - response) <= step / 2 + 1e-9
            assert abs(answer.reaction_time - (response - onset)) <= step + 1e-9


@pytest.mark.slow
def test_frames_states_actions_and_events_are_paired_by_the_logs_clock() -> None:
    replay = lane_departures()
    assert replay.frames.shape == (551, 64, 64, 2)
    assert len(replay.time) == len(replay.state) == len(replay.action) == 551
    np.testing.assert_allclose(replay.time, 70 + 0.1 * np.arange(551))
    moments = [event.time for event in replay.events]
    assert all(abs(moment * 10 - round(moment * 10)) < 1e-6 for moment in moments)
    offset = replay.state[:, STATE_INDEX["lateral_offset"]]
    first = replay.time.searchsorted(73.3 - 1e-6)
    assert (offset[: first + 1] == 0).all()
    assert offset[first + 1] < 0  # pushed to the left
    steered = np.flatnonzero(np.abs(replay.action[:-1, 0]) >= 0.05)
    assert replay.time[steered[0]] == pytest.approx(74.9)
    assert replay.action[steered[0], 0] > 0
    assert np.isnan(replay.action[-1]).all()


@pytest.mark.slow
def test_the_car_is_back_when_the_log_says_so() -> None:
    answers = replayed_answers(lane_departures().events)
    assert answers[0].response_offset == pytest.approx(BACK[0], abs=0.3)
    assert answers[1].response_offset == pytest.approx(BACK[1], abs=0.3)
    assert answers[3].response_offset == pytest.approx(115.044 + 2, abs=0.3)  # the usual time


@pytest.mark.slow
def test_an_unanswered_push_ends_and_the_driver_returns_unnoticed() -> None:
    replay = replay_lane_departures([2.0], [1], [np.nan], end=[5.0], start=0, stop=25)
    steps = list(replay.steps())
    offset = np.array([step.info["lane_offset"] for step in steps])
    assert offset.argmax() == pytest.approx(50, abs=4)
    assert offset.max() == pytest.approx(1.8, abs=0.1)
    assert abs(offset[-1]) < 0.1
    names = {event.name for step in steps for event in step.events}
    assert names == {"perturbation_right", "perturbation_end"}


def test_a_correction_too_quick_for_any_car_takes_longer_and_stays_on_the_road() -> None:
    replay = replay_lane_departures(
        [2.0], [-1], [8.0], [8.1], start=0, stop=20, observation="state", drift=0.6
    )
    steps = list(replay.steps())
    offset = np.array([step.info["lane_offset"] for step in steps])
    assert offset.min() == pytest.approx(-3.7, abs=0.15)
    assert np.abs(offset[120:]).max() < 0.1
    assert offset.max() < 0.3  # hardly any overshoot
    (answer,) = replayed_answers(event for step in steps for event in step.events)
    assert answer.reaction_time == pytest.approx(6.0)
    assert 8.5 < answer.response_offset < 12


@pytest.mark.slow
def test_a_replay_is_the_same_each_time_and_begins_anywhere_in_the_log() -> None:
    replay = replay_lane_departures(ONSET, SIDE, RESPONSE, BACK, END, start=80.05, stop=95)
    first, second = replay.in_memory(), replay.in_memory()
    np.testing.assert_array_equal(first.frames, second.frames)
    assert first.events == second.events
    assert first.time[0] == 80.05
    assert [answer.onset for answer in replayed_answers(first.events)] == [
        pytest.approx(85.164, abs=0.05)
    ]


@pytest.mark.slow
def test_brakings_are_answered_when_the_log_says_so() -> None:
    lead, ego = [12.34, 31.07, 50.0], [13.01, 31.66, 50.93]
    told = {"start": 10.0, "stop": 60.0, "observation": "state"}
    steps = list(replay_emergency_brakings(lead, ego, **told).steps())
    answers = replayed_answers(event for step in steps for event in step.events)
    for answer, asked, came in zip(answers, lead, ego, strict=True):
        assert abs(answer.onset - asked) <= 0.05 + 1e-9
        assert abs(answer.reaction_time - (came - asked)) <= 0.1 + 1e-9
    assert len(steps) == 501
    assert not steps[-1].info["crashed"]
    gaps = [step.info["lead_gap"] for step in steps]
    assert 10 < min(gaps) < 28
    assert max(gaps) < 45


@pytest.mark.parametrize("answer", [9.0, np.nan])
def test_a_collision_ends_a_replay(answer: float) -> None:
    steps = list(replay_emergency_brakings([2.0], [answer], start=0, stop=20, gap=10.0).steps())
    assert steps[-1].info["crashed"]
    assert steps[-1].action is None
    assert steps[-1].time < 9
    assert replayed_answers(event for step in steps for event in step.events)[0].onset == 2.0


def test_an_answer_counts_up_to_the_next_onset() -> None:
    events = [
        ReplayedEvent("correction_onset", 0.5), ReplayedEvent("perturbation_left", 1.0),
        ReplayedEvent("perturbation_right", 2.0), ReplayedEvent("correction_onset", 2.7),
        ReplayedEvent("correction_onset", 2.9), ReplayedEvent("correction_offset", 3.5),
    ]  # fmt: skip
    first, second = replayed_answers(events)
    assert np.isnan(first.reaction_time)
    assert second.reaction_time == pytest.approx(0.7)
    assert second.response_offset == 3.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"response_onset": [1.0]}, "response_onset: expected 2, one an onset, came 1"),
        ({"response_onset": [1.5, 7.0]}, "response_onset: expected none before .* 0.5 s before"),
        ({"response_offset": [2.5, 7.0]}, "response_offset: expected none before"),
        ({"onset": [[2.0, 6.0]]}, "onset: expected one axis, came the shape"),
        ({"stop": 0.05}, r"expected a stop a time step \(0.1 s\) or more after the start"),
        ({"drift": -1}, "B2M/LaneDeparture-v0: drift"),
        ({"side": [0, 1]}, "side: expected -1"),
    ],
)
@pytest.mark.usefixtures("as_users_run_it")
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, object], message: str) -> None:
    told = {"onset": [2.0, 6.0], "side": [1, 1], "response_onset": [3.0, 7.0], "start": 0.0,
            "stop": 10.0}  # fmt: skip
    with pytest.raises(ValueError, match=message):
        replay_lane_departures(**(told | changes))


def test_only_pictures_are_kept_as_frames() -> None:
    replay = replay_lane_departures([2.0], [1], [3.0], start=0, stop=4, observation="state")
    with pytest.raises(ValueError, match="expected observation='scene'"):
        replay.in_memory()
