"""Lane departure: something pushes the car from its lane, and the driver corrects."""

from __future__ import annotations

from typing import Any

from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving_events.lane_departure_world import LaneDepartureWorld
from b2m_envs.driving_events.settings import LaneDepartureSettings
from b2m_envs.scenes.observation import ObservationChoice, observation_kind
from b2m_envs.scenes.settings import ENVIRONMENT_KEYWORDS, settings_of_kind


class LaneDepartureEnv(DrivingSceneEnv):
    """Keep a car in its lane that something pushes to the left or to the right now and then.

    ## Description

    The lane-departure task of driving simulators (Cao et al. 2019; Touryan et al. 2014): on a
    straight road the car drives in the rightmost lane at constant speed, and every few seconds it
    drifts sideways. The driver notices, and steers back. The car is a kinematic bicycle, the one
    of our engine, seen by the same cameras as all scenes; the drift is a sideways speed that is
    added to it, and leaves its heading as it is.

    ## Action Space

    An array of shape `(1,)` from -1 to 1: the angle of the front wheels, from -5 to 5 deg, positive
    to the right.

    ## Observation Space

    As of `b2m_envs.driving.environment.DrivingSceneEnv`: pictures, the state, or both.

    ## Rewards

    1 less the square of the offset from the lane's centre in half lane widths (2 m), and never
    below 0: 1 in the middle of the lane, 0 from its edge on.

    ## Starting State

    The car is in the middle of its lane. Onsets and sides of the perturbations are drawn at the
    start: `interval` apart, to either side alike; or they are those of `perturbations`. A moment in
    seconds happens at the nearest time step.

    ## Episode End

    Termination: the car is more than 8 m from the centre of its lane, or has turned by more than
    90 deg. Truncation: `duration` is over.

    ## Info

    As of `DrivingSceneEnv`, and:

    | Key             | Value                                                                          |
    |-----------------|--------------------------------------------------------------------------------|
    | `lane_offset`   | From the centre of the car's own lane [m], positive to the right               |
    | `perturbation`  | -1 while the car is pushed to the left, 1 to the right, else 0                 |
    | `events`        | What happened since the last `info`: pairs of a name and a time [s]            |
    | `reaction_time` | Only in the step in which a correction begins: since the perturbation [s]      |

    | Event                                      | When                                                    |
    |--------------------------------------------|---------------------------------------------------------|
    | `perturbation_left`, `perturbation_right`  | The car begins to drift                                 |
    | `perturbation_end`                         | At its end in `perturbations`; where that is missing (NaN), when the correction begins or, without one, 4 m from the lane's centre. The next perturbation ends it, too |
    | `correction_onset`                         | The first action against the drift of .05 or more (a quarter of a degree: at a steering ratio of 16, the 4 deg of the steering wheel from which BCIT's logs count a correction), if the action before was none |
    | `correction_offset`                        | Within .1 m of the centre and .5 deg of its direction, hardly steering |

    A perturbation has one correction at most, up to the next perturbation. The time of an action is
    that of the observation it answers.

    ## Arguments

    ```python
    >>> import gymnasium
    >>> from b2m_envs import LanePerturbations
    >>> pushed = LanePerturbations(onset=[1.0, 5.0], side=[-1, 1])
    >>> env = gymnasium.make("b2m_envs:B2M/LaneDeparture-v0", perturbations=pushed, duration=10)
    >>> env.reset(seed=0)[0].shape
    (64, 64, 2)

    ```

    | Parameter        | Type                            | Default      | Description                          |
    |------------------|---------------------------------|--------------|--------------------------------------|
    | `speed`          | **float**                       | `20`         | Of the car [m/s], 5 to 40            |
    | `drift`          | **float**                       | `0.6`        | Sideways speed while pushed [m/s]    |
    | `interval`       | **(float, float)**              | `(8, 14)`    | Shortest and longest time between two onsets [s] |
    | `perturbations`  | **LanePerturbations** or **None** | `None`     | Onset [s], side (-1 left, 1 right) and end [s] of each; None: drawn |
    | `lanes_count`    | **int**                         | `2`          | Lanes of the road, 1 to 8            |
    | `duration`       | **float**                       | `60`         | Time until truncation [s]            |
    | `policy_frequency`, `simulation_frequency` | **float** | `10`, `50`   | Steps, and steps of the simulation, per second [Hz] |

    The settings of the camera, `n_frames`, `frame_interval`, `perception`, `vehicle_mask` and
    `observation` are those of `DrivingSceneEnv`.

    ## Vectorized environment

    `gymnasium.make_vec("b2m_envs:B2M/LaneDeparture-v0", num_envs=...)` steps single environments
    one after another (Gymnasium's `SyncVectorEnv`); there is no native batch.

    ## References

    Cao, Chuang, King & Lin (2019). Multi-channel EEG recordings during a sustained-attention
    driving task. Scientific Data 6, 19, doi:10.1038/s41597-019-0027-4.

    Touryan, Apker, Lance, Kerick, Ries & McDowell (2014). Estimating endogenous changes in task
    performance from EEG. Frontiers in Neuroscience 8, 155, doi:10.3389/fnins.2014.00155.
    """  # noqa: E501  (tables)

    def __init__(
        self,
        render_mode: str | None = None,
        observation: ObservationChoice = "scene",
        **settings: Any,
    ) -> None:
        """Take the settings of `LaneDepartureSettings` as keywords.

        Raises:
            ValueError: for an unknown setting, observation or render mode, or a value that does
                not fit.
        """
        chosen = settings_of_kind(
            LaneDepartureSettings, "lane_departure", settings, ENVIRONMENT_KEYWORDS
        )
        self._events = LaneDepartureWorld(chosen)
        self._set_up(chosen, observation_kind(chosen, observation), self._events, render_mode)

    def _info(self) -> dict[str, Any]:
        return super()._info() | self._events.tell()
