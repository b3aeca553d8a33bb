"""The world in which the car ahead brakes hard."""

from __future__ import annotations

from typing import Any

import numpy as np

from b2m_envs.driving.single_world import StepResult
from b2m_envs.driving_events.event_world import Diary, RoadView
from b2m_envs.driving_events.schedules import LeadBrakings, nearest_steps
from b2m_envs.driving_events.settings import EmergencyBrakingSettings
from b2m_envs.driving_events.straight_road import LENGTH, Car, gap_between, lane_centre

THROTTLE, BRAKES = 3.0, 8.0  # [m/s2] of an action of 1, and of -1
PRESSED = 0.05  # share of full braking from which the pedal is pressed
LEAD_BRAKES, LEAD_ACCELERATES = 6.0, 2.0  # [m/s2]
SLOWED = 0.6  # of its speed that the car ahead brakes to
SAME_SPEED = 1e-6  # [m/s]
SLOW_TIME = 4.0  # [s] from its onset, after which the car ahead speeds up again


class EmergencyBrakingWorld(RoadView):
    """See `SingleWorld`, and `EmergencyBrakingEnv` for what happens in it."""

    lead: Car

    def __init__(self, settings: EmergencyBrakingSettings) -> None:
        super().__init__(settings)
        self._settings = settings

    def begin(self, np_random: np.random.Generator) -> None:
        """Begin an episode behind the other car, as fast as it is."""
        settings = self._settings
        schedule = settings.brakings
        if schedule is None:
            schedule = LeadBrakings.drawn(settings.interval, settings.seconds, np_random)
        self._coming = nearest_steps(schedule.onset, settings.steps_per_second)[::-1]
        lane = lane_centre(settings.n_lanes - 1)
        self.ego = Car(0.0, lane, float(settings.speed))
        self.lead = Car(settings.gap + LENGTH, lane, float(settings.speed))
        self._diary = Diary(settings.steps_per_second)
        self._step = 0
        self._braked_at: int | None = None  # step of the car ahead's newest onset
        self._slowing = False  # the car ahead brakes
        self._waits = False  # its onset waits for the ego's answer
        self._pressed = False  # the ego's brake pedal
        self._begin_braking()

    def drive(self, action: Any) -> StepResult:
        """Drive on for one policy step."""
        pedals = float(action[0])
        self._note_pedal(pedals <= -PRESSED)
        self._move(pedals * (THROTTLE if pedals > 0 else BRAKES))
        self._step += 1
        if self.ego.crashed:
            self._diary.note("collision", self._step)
        self._end_braking()
        self._begin_braking()
        wanted = self._settings.gap
        reward = 0.0 if self.ego.crashed else max(0.0, 1 - abs(self.gap - wanted) / wanted)
        return StepResult(
            reward=reward,
            terminated=self.ego.crashed,
            action=np.array(action, dtype=np.float32),
            rewards={"following_reward": reward},
            is_success=None,
        )

    @property
    def gap(self) -> float:
        """[m] to the car ahead, bumper to bumper."""
        return gap_between(self.ego, self.lead)

    def tell(self) -> dict[str, Any]:
        """Entries of `info`: what has happened, and how far and how fast the car ahead is."""
        return {
            "lead_gap": self.gap,
            "lead_speed": self.lead.speed,
            "lead_braking": self._slowing,
            **self._diary.tell(),
        }

    def _move(self, acceleration: float) -> None:
        duration = 1 / self._settings.simulated_per_second
        for _ in range(self._settings.substeps):
            self.lead.acceleration = self._lead_acceleration(duration)
            self.ego.acceleration = acceleration
            self.lead.move(duration)
            self.ego.move(duration)
            if self.gap <= 0:
                self.ego.crashed = True
                return

    def _lead_acceleration(self, duration: float) -> float:
        """As it brakes, keeps slow or speeds up again, and never beyond the speed it heads for."""
        since = None if self._braked_at is None else self._step - self._braked_at
        full = float(self._settings.speed)
        if since is None or since >= SLOW_TIME * self._settings.steps_per_second:
            return min(LEAD_ACCELERATES, (full - self.lead.speed) / duration)
        return max(-LEAD_BRAKES, min(0.0, SLOWED * full - self.lead.speed) / duration)

    def _note_pedal(self, pressed: bool) -> None:
        if pressed and not self._pressed:
            if self._waits and self._braked_at is not None:
                self._diary.note_reaction("ego_brake_onset", self._step, since=self._braked_at)
                self._waits = False
            else:
                self._diary.note("ego_brake_onset", self._step)
        elif self._pressed and not pressed:
            self._diary.note("ego_brake_offset", self._step)
        self._pressed = pressed

    def _begin_braking(self) -> None:
        if self._coming and self._coming[-1] == self._step:
            self._braked_at = self._coming.pop()
            self._slowing = self._waits = True
            self.lead.acceleration = -LEAD_BRAKES  # its lights are seen at once
            self._diary.note("lead_brake_onset", self._step)

    def _end_braking(self) -> None:
        if self._slowing and self.lead.speed <= SLOWED * self._settings.speed + SAME_SPEED:
            self._slowing = False
            self._diary.note("lead_brake_offset", self._step)
