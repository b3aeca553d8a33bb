"""The world in which something pushes the car from its lane."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from b2m_envs.driving.single_world import StepResult
from b2m_envs.driving_events.event_world import Diary, RoadView
from b2m_envs.driving_events.schedules import LanePerturbations, nearest_steps
from b2m_envs.driving_events.settings import LaneDepartureSettings
from b2m_envs.driving_events.straight_road import LANE_WIDTH, Car, lane_centre

CORRECTING = 0.05  # share of the largest steering from which a driver steers against the push
FARTHEST_DRIFT = LANE_WIDTH  # [m] from the lane's centre, where the push ends at the latest
SAME_PLACE = 1e-6  # [m]
LOST = 2 * LANE_WIDTH  # [m] from the lane's centre, where the episode ends
BACK = 0.1  # [m] from the lane's centre
STRAIGHT = math.radians(0.5)  # [rad] of heading


class LaneDepartureWorld(RoadView):
    """See `SingleWorld`, and `LaneDepartureEnv` for what happens in it."""

    def __init__(self, settings: LaneDepartureSettings) -> None:
        super().__init__(settings)
        self._settings = settings
        self._centre = lane_centre(settings.n_lanes - 1)

    def begin(self, np_random: np.random.Generator) -> None:
        """Begin an episode in the middle of the rightmost lane."""
        settings = self._settings
        schedule = settings.perturbations
        if schedule is None:
            schedule = LanePerturbations.drawn(settings.interval, settings.seconds, np_random)
        rate = settings.steps_per_second
        onsets, ends = nearest_steps(schedule.onset, rate), nearest_steps(schedule.end, rate)
        self._coming = list(zip(onsets, schedule.side, ends, strict=True))[::-1]
        self.ego = Car(0.0, self._centre, float(settings.speed))
        self._diary = Diary(rate)
        self._step = 0
        self._push = 0  # to which side the car is pushed now
        self._push_end: int | None = None  # step; None: when the driver corrects
        self._onset: int | None = None  # of a perturbation that waits for its correction
        self._side = 0  # of the newest perturbation
        self._returning = False  # corrected, and not yet back
        self._steered_to = 0  # side that the driver steered to in the step before
        self._begin_push()

    def drive(self, action: Any) -> StepResult:
        """Drive on for one policy step."""
        steering = float(action[0])
        self._note_correction(steering)
        self._move(steering * self._settings.of.largest_steering)
        self._step += 1
        self._end_push()
        self._note_return(steering)
        self._begin_push()
        reward = max(0.0, 1 - (self.offset / (LANE_WIDTH / 2)) ** 2)
        lost = abs(self.offset) > LOST or abs(self.ego.heading) > math.pi / 2
        return StepResult(
            reward=reward,
            terminated=lost,
            action=np.array(action, dtype=np.float32),
            rewards={"lane_keeping_reward": reward},
            is_success=None,
        )

    @property
    def offset(self) -> float:
        """[m] of the car from the centre of its own lane, positive to the right."""
        return self.ego.y - self._centre

    def tell(self) -> dict[str, Any]:
        """Entries of `info`: what has happened, and how the car is pushed."""
        return {
            "lane_offset": self.offset,
            "perturbation": self._push,
            **self._diary.tell(),
        }

    @property
    def _is_far(self) -> bool:
        """Whether the car is as far on the side that it is pushed to as a push takes it."""
        return self._push * self.offset >= FARTHEST_DRIFT - SAME_PLACE

    def _move(self, steering: float) -> None:
        duration = 1 / self._settings.simulated_per_second
        self.ego.steering = steering
        for _ in range(self._settings.substeps):
            if not self._is_far:
                self.ego.y += self._push * self._settings.drift * duration
            self.ego.move(duration)

    def _note_correction(self, steering: float) -> None:
        side = 0 if abs(steering) < CORRECTING else int(math.copysign(1, steering))
        begins = side == -self._side and side != self._steered_to
        self._steered_to = side
        if self._onset is None or not begins:
            return
        self._diary.note_reaction("correction_onset", self._step, since=self._onset)
        self._onset, self._returning = None, True
        if self._push_end is None:
            self._stop_push()

    def _note_return(self, steering: float) -> None:
        is_back = abs(self.offset) < BACK and abs(self.ego.heading) < STRAIGHT
        if self._returning and is_back and abs(steering) < CORRECTING:
            self._diary.note("correction_offset", self._step)
            self._returning = False

    def _begin_push(self) -> None:
        if not self._coming or self._coming[-1][0] != self._step:
            return
        self._stop_push()
        self._onset, self._side, self._push_end = self._coming.pop()
        self._push, self._returning = self._side, False
        name = "perturbation_left" if self._side < 0 else "perturbation_right"
        self._diary.note(name, self._step)

    def _end_push(self) -> None:
        is_over = self._push_end is not None and self._step >= self._push_end
        endless = self._push_end is None and self._is_far
        if is_over or endless:
            self._stop_push()

    def _stop_push(self) -> None:
        if self._push:
            self._diary.note("perturbation_end", self._step)
        self._push = 0
