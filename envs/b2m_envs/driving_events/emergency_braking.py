"""Emergency braking: the car ahead brakes hard, and the driver has to brake, too."""

from __future__ import annotations

from typing import Any

from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving_events.emergency_braking_world import EmergencyBrakingWorld
from b2m_envs.driving_events.settings import EmergencyBrakingSettings
from b2m_envs.scenes.observation import ObservationChoice, observation_kind
from b2m_envs.scenes.settings import ENVIRONMENT_KEYWORDS, settings_of_kind


class EmergencyBrakingEnv(DrivingSceneEnv):
    """Follow a car that brakes hard now and then, and brake in time.

    ## Description

    The emergency-braking task of driving simulators (Haufe et al. 2011): on a straight road the
    driver keeps a distance from the car ahead, which brakes without warning. Its brake lights are
    lit in the very picture of its onset. It brakes at 6 m/s2 to .6 of its speed, keeps that until
    4 s after the onset, and speeds up again at 2 m/s2. Steering is not the driver's.

    ## Action Space

    An array of shape `(1,)` from -1 to 1: above 0 throttle, 3 m/s2 at 1; below 0 brakes, 8 m/s2
    at -1. The car does not reverse.

    ## Observation Space

    As of `b2m_envs.driving.environment.DrivingSceneEnv`: pictures, the state, or both.

    ## Rewards

    1 less the difference between the gap and `gap`, as a share of `gap`, and never below 0; 0 for a
    collision.

    ## Starting State

    Both cars drive at `speed`, `gap` apart. Onsets are drawn at the start: `interval` apart; or they
    are those of `brakings`. A moment in seconds happens at the nearest time step.

    ## Episode End

    Termination: the cars collide. Truncation: `duration` is over.

    ## Info

    As of `DrivingSceneEnv`, and:

    | Key             | Value                                                                          |
    |-----------------|--------------------------------------------------------------------------------|
    | `lead_gap`      | To the car ahead [m], bumper to bumper, also beyond `perception`               |
    | `lead_speed`    | Of the car ahead [m/s]                                                         |
    | `lead_braking`  | Whether it brakes                                                              |
    | `events`        | What happened since the last `info`: pairs of a name and a time [s]            |
    | `reaction_time` | Only in the step in which the driver first brakes after an onset: since it [s] |

    | Event                                     | When                                                     |
    |-------------------------------------------|----------------------------------------------------------|
    | `lead_brake_onset`, `lead_brake_offset`   | The car ahead begins to brake; is as slow as it will be  |
    | `ego_brake_onset`, `ego_brake_offset`     | The first action of -.05 or less; the first above it     |
    | `collision`                               | The cars touch                                           |

    Who already brakes at an onset answers it with the next press of the pedal only. The time of an
    action is that of the observation it answers.

    ## Arguments

    ```python
    >>> import gymnasium
    >>> from b2m_envs import LeadBrakings
    >>> env = gymnasium.make("b2m_envs:B2M/EmergencyBraking-v0", brakings=LeadBrakings([2.0]))
    >>> env.reset(seed=0)[1]["lead_gap"]
    30.0

    ```

    | Parameter        | Type                            | Default      | Description                          |
    |------------------|---------------------------------|--------------|--------------------------------------|
    | `speed`          | **float**                       | `27`         | Of both cars at the start [m/s], 5 to 40 |
    | `gap`            | **float**                       | `30`         | Between them [m], up to `perception` |
    | `interval`       | **(float, float)**              | `(15, 25)`   | Shortest and longest time between two onsets [s] |
    | `brakings`       | **LeadBrakings** or **None**    | `None`       | Onset of each [s]; None: drawn       |
    | `lanes_count`    | **int**                         | `2`          | Lanes of the road, 1 to 8            |
    | `duration`       | **float**                       | `60`         | Time until truncation [s]            |
    | `policy_frequency`, `simulation_frequency` | **float** | `10`, `50`   | Steps, and steps of the simulation, per second [Hz] |

    The settings of the camera, `n_frames`, `frame_interval`, `perception`, `vehicle_mask` and
    `observation` are those of `DrivingSceneEnv`.

    ## Vectorized environment

    `gymnasium.make_vec("b2m_envs:B2M/EmergencyBraking-v0", num_envs=...)` steps single environments
    one after another (Gymnasium's `SyncVectorEnv`); there is no native batch.

    ## References

    Haufe, Treder, Gugler, Sagebaum, Curio & Blankertz (2011). EEG potentials predict upcoming
    emergency brakings during simulated driving. Journal of Neural Engineering 8, 056001,
    doi:10.1088/1741-2560/8/5/056001. The manner of braking here is ours.
    """  # noqa: E501  (tables)

    def __init__(
        self,
        render_mode: str | None = None,
        observation: ObservationChoice = "scene",
        **settings: Any,
    ) -> None:
        """Take the settings of `EmergencyBrakingSettings` as keywords.

        Raises:
            ValueError: for an unknown setting, observation or render mode, or a value that does
                not fit.
        """
        chosen = settings_of_kind(
            EmergencyBrakingSettings, "emergency_braking", settings, ENVIRONMENT_KEYWORDS
        )
        self._events = EmergencyBrakingWorld(chosen)
        self._set_up(chosen, observation_kind(chosen, observation), self._events, render_mode)

    def _info(self) -> dict[str, Any]:
        return super()._info() | self._events.tell()
