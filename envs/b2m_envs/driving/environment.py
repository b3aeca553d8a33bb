"""A driving scene as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium

from b2m_envs.displays import offered_modes
from b2m_envs.driving.checks import check_id, check_render_mode, valid_action, valid_seed
from b2m_envs.driving.chosen_world import make_world
from b2m_envs.driving.faults import warn_of_faults
from b2m_envs.driving.frame_stack import FrameStack
from b2m_envs.driving.masked_actions import MaskedActions
from b2m_envs.driving.observed_world import check_world_is_seen, reward_of_goals, seen_of
from b2m_envs.driving.shown_scene import ShownScene
from b2m_envs.driving.single_world import SingleWorld
from b2m_envs.driving.window import WINDOW_DRIVER
from b2m_envs.fixed_once_made import FixedOnceMade
from b2m_envs.rendering import make_camera
from b2m_envs.scenes.highway_env_names import hint_of_options
from b2m_envs.scenes.observation import Kind, ObservationChoice, action_space, observation_kind
from b2m_envs.scenes.settings import (
    ENVIRONMENT_KEYWORDS,
    SceneSettings,
    settings_from_keywords,
)
from b2m_envs.scenes.view import camera_settings, enlarged


class DrivingSceneEnv(MaskedActions, ShownScene, FixedOnceMade, gymnasium.Env[Any, Any]):
    """Drive a vehicle through traffic, seeing the scene as a picture.

    ## Description

    One of highway-env's worlds (Leurent 2018): its road, traffic and rewards; the observation is
    what a camera sees. Our engine, compiled by numba and equal to highway-env, simulates and draws;
    with `engine="highway-env"`, highway-env simulates and OpenCV draws. `DrivingSceneVectorEnv`
    runs many worlds of the engine at once. The environments differ in the scenario only:

    | Id                              | Scenario                                                     | Step [s] | Duration [s] |
    |---------------------------------|--------------------------------------------------------------|----------|--------------|
    | `B2M/HighwayScene-v0`           | 4 lanes, 50 other vehicles                                   | 1        | 40           |
    | `B2M/HighwayFastScene-v0`       | 3 lanes, 20 other vehicles, simulated three times as coarsely | 1        | 30           |
    | `B2M/MergeScene-v0`             | 2 lanes, which vehicles from a ramp join                     | 1        | 30           |
    | `B2M/MergeGenericScene-v0`      | The same with lanes, lengths and traffic of your choice      | 1        | 30           |
    | `B2M/ExitScene-v0`              | 6 lanes; the exit on the right is the goal                   | 1        | 18           |
    | `B2M/RoundaboutScene-v0`        | Enter a roundabout with traffic, leave at the second exit    | 1        | 11           |
    | `B2M/RoundaboutGenericScene-v0` | The same with lanes, radius and traffic of your choice       | 1        | 17           |
    | `B2M/IntersectionScene-v0`      | Turn left across an intersection                             | 1        | 13           |
    | `B2M/TwoWayScene-v0`            | Overtake against oncoming traffic                            | 1        | 15           |
    | `B2M/UTurnScene-v0`             | 2 lanes with slow vehicles through a U-turn                  | 1        | 10           |
    | `B2M/RacetrackScene-v0`         | 2 lanes with many bends                                      | 0.2      | 300          |
    | `B2M/RacetrackLargeScene-v0`    | 3 lanes, a longer track                                      | 0.2      | 300          |
    | `B2M/RacetrackOvalScene-v0`     | 3 lanes, an oval                                             | 0.2      | 300          |
    | `B2M/ParkingScene-v0`           | Park in the marked spot, nose first, between walls           | 0.2      | 100          |
    | `B2M/LaneKeepingScene-v0`       | Steer along a winding lane at 8.3 m/s, with tyres that slip  | 0.1      | 20           |

    ## Action Space

    With `action="discrete"` one of `Discrete(5)`, highway-env's meta-actions. A speed action moves
    the target speed to the level above or below the present speed; the levels are 20, 25, 30 m/s
    on highway, merge and two-way roads, 18, 24, 30 at the exit, 0, 8, 16 at the roundabout,
    8, 16, 24 in the U-turn and 0, 5, 10 on racetracks:

    | Num | Action                                   |
    |-----|------------------------------------------|
    | 0   | LANE_LEFT                                |
    | 1   | IDLE: keep lane and target speed         |
    | 2   | LANE_RIGHT                               |
    | 3   | FASTER                                   |
    | 4   | SLOWER                                   |

    The intersection has `Discrete(3)`, without lanes to change to, at 0, 4.5 and 9 m/s: 0 SLOWER,
    1 IDLE, 2 FASTER; with `longitudinal=False` any scenario has 0 LANE_LEFT, 1 IDLE, 2 LANE_RIGHT.
    `action_masks()` and `info["action_mask"]` say which are possible.

    With `action="continuous"` an array of shape `(2,)` from -1 to 1, beyond which it is clipped:

    | Num | Action                                                   | At -1     | At 1      |
    |-----|----------------------------------------------------------|-----------|-----------|
    | 0   | Acceleration                                             | -5 m/s2   | 5 m/s2    |
    | 1   | Steering angle, positive to the right                    | -45 deg   | 45 deg    |

    `"discrete_controls"` numbers `actions_per_axis` values of each, the last one counting fastest.
    Parking and lane keeping have continuous actions only, which are their default. In lane keeping
    the action has shape `(1,)`: the steering angle, from -60 to 60 deg. Neither has a driver model.

    With `driver="highway_env"` the action is ignored: the ego vehicle is one of highway-env's
    drivers (IDM for its speed, MOBIL for its lane), which aims at the target speed nearest to the
    speed it starts with. `info["action"]` is then the action that comes nearest to what it did:
    the lane change it began; otherwise FASTER or SLOWER if its mean acceleration over the step is
    more than half of what these actions give; otherwise IDLE. Or, if `action="continuous"`, its
    mean acceleration and steering angle.

    ## Observation Space

    A uint8 array of shape `(height, width, channel)`: `n_frames` frames of 1 (grey) or 3 (colour)
    channels, the oldest first, `frame_interval` apart. One frame does not show motion, two do. At
    the start of an episode the first frame stands for those before it.

    With `observation="state"` the float32 state of `info` instead, and with `"both"` a dictionary
    of `scene` and `state`. A policy cannot read NaN: where a variable has no meaning, gaps are
    `perception`, the time to collision is 20 s, the lane -1, closing speed and curvature 0. What
    lies beyond the bounds of the space (1 km off the lane) is given as the bound. With
    `"scaled_state"` every variable is divided by what makes it of order 1, as a network wants it
    and as `b2m-drive train-agent` does; see `b2m_envs.scenes.observation`:

    | Variable                      | Bounds             | Divided by                               |
    |-------------------------------|--------------------|------------------------------------------|
    | `lane`                        | -1 to 100          | 4                                        |
    | `lateral_offset`              | -1000 to 1000 m    | 4 m                                      |
    | `heading`                     | -pi to pi rad      | 0.5 rad                                  |
    | `speed`                       | -50 to 50 m/s      | The highest target speed; without, 10 m/s |
    | `acceleration`                | -150 to 150 m/s2   | 5 m/s2                                   |
    | all gaps                      | 0 to `perception`  | `perception`                             |
    | `closing_speed`               | -100 to 100 m/s    | 10 m/s                                   |
    | `time_to_collision`           | 0 to 20 s          | 20 s                                     |
    | `curvature`                   | -pi to pi 1/m      | 0.1 1/m                                  |
    | `hazard`                      | 0 to 1             | 1                                        |

    `b2m_envs.Kinematics`, `OccupancyGrid`, `Lidar`, `TimeToCollision`, `KinematicsGoal` and
    `Attributes` are highway-env's observations, `CrossingTraffic`, `ExitPlace`,
    `LaneGaps` and `GoalState` ours;
    a tuple or a dictionary of observations gives several at once, `FlatObservation` one vector of
    them. In parking `KinematicsGoal` makes a goal
    environment, with `compute_reward`; `GoalState` is the state, and where the spot lies.

    ## Rewards

    highway-env's own, whose terms are `info["rewards"]`; they reward speed and the right lane (or
    the left one, or the exit) and penalise collisions, and range mostly from 0 to 1. On racetracks
    the size of the action is penalised; under meta-actions it is that of the steering angle.
    Parking gives minus the square root of a weighted distance between the poses of vehicle and
    spot (`goal_reward`), and -5 for a crash; lane keeping 1 minus the square of the offset in
    widths of the lane (`lane_reward`), and far below 0 off the lane. That lane is the straight
    one at first, and the winding one once the straight one is left. `reward` changes it: other
    weights (`b2m_envs.Reward`), a name of `b2m_envs.REWARDS`, or a function of a `DrivenStep`.

    ## Starting State

    highway-env's own: the ego vehicle on its lane, traffic drawn at random. In parking, the
    vehicle stands in the middle of the aisle; its heading, the spot and the parked vehicles are
    drawn. Lane keeping always begins alike, 4 m to the left of its lane's centre (highway-env
    adds noise to its own observation only, which is not the picture).

    ## Episode End

    Termination: the ego vehicle crashes; or passes the merge, or arrives behind the intersection;
    or leaves a racetrack; or comes near enough to the pose of its parking spot, at any speed. Lane
    keeping never terminates. Truncation: `duration` is over.

    ## Info

    | Key             | Value                                                                         |
    |-----------------|-------------------------------------------------------------------------------|
    | `state`         | float32 `(14,)`, see below                                                    |
    | `speed`         | Of the ego vehicle [m/s]                                                      |
    | `crashed`       | Whether the ego vehicle has crashed                                           |
    | `time`          | Since the start of the episode [s]                                            |
    | `engine`        | What simulates: `"b2m"`, ours, or `"highway-env"`                             |
    | `action`        | What the ego vehicle did in the step, as an action; not at reset              |
    | `rewards`       | Terms of the reward, before weighting; not at reset                           |
    | `is_success`    | Exit and parking, not at reset: whether the exit lane or the spot is reached  |
    | `action_mask`   | With `action="discrete"`: int8 `(action,)`, 1 where the action is possible     |
    | `vehicle_mask`  | With `vehicle_mask=True`: bool `(height, width)`, the pixels of other vehicles in the newest frame |

    The state is NaN where a variable has no meaning; find these with `numpy.isnan`, for in this
    array NaN equals NaN (Gymnasium's checker compares the infos of two episodes). A vehicle is in the lane that its centre is
    in; lanes that follow each other along the ego vehicle's route count as one, so distances are
    right in bends and across the ends of lanes. Vehicles with a gap above `perception` do not
    count. Off the road, offset and heading are relative to the nearest lane.

    | Num | Name                | Unit  | Meaning                                                         | NaN                       |
    |-----|---------------------|-------|-----------------------------------------------------------------|---------------------------|
    | 0   | `lane`              | 1     | Number of the lane from the left, from 0                        | Off the road              |
    | 1   | `lateral_offset`    | m     | To the right of the lane's centre                               |                           |
    | 2   | `heading`           | rad   | Relative to the lane, positive to the right                     |                           |
    | 3   | `speed`             | m/s   | Of the ego vehicle, negative in reverse                         |                           |
    | 4   | `acceleration`      | m/s2  | Commanded in the last simulation step                           |                           |
    | 5   | `gap`               | m     | Bumper to bumper to the vehicle or obstacle ahead in the lane   | Nobody there              |
    | 6   | `closing_speed`     | m/s   | Along the lane, positive if the gap shrinks                     | Nobody there              |
    | 7   | `time_to_collision` | s     | Gap / closing speed                                             | Closing at 0.1 m/s or less, 20 s or more |
    | 8   | `left_ahead`        | m     | Gap to the next vehicle ahead in the lane to the left           | No such lane, nobody there |
    | 9   | `left_behind`       | m     | Gap to the next vehicle behind in the lane to the left          | No such lane, nobody there |
    | 10  | `right_ahead`       | m     | Gap to the next vehicle ahead in the lane to the right          | No such lane, nobody there |
    | 11  | `right_behind`      | m     | Gap to the next vehicle behind in the lane to the right         | No such lane, nobody there |
    | 12  | `curvature`         | 1/m   | Mean over the next 20 m of lane, positive to the right          | Off the road, at its end  |
    | 13  | `hazard`            | 1     | 1 if the time to collision is below 2 s or the ego has crashed  |                           |

    A gap is 0 where two vehicles are side by side. In parking, where no road lies ahead, offset
    and heading are relative to the marked spot (0 rad: nose to the wall), the hazard is a crash,
    and lane, gaps, closing speed and curvature are NaN: how far the spot is, the picture says, and
    `b2m_envs.GoalState`. In lane keeping there are no other vehicles, and `speed` is that along the vehicle's
    axis. `b2m_envs.scenes.state.STATE_VARIABLES` holds
    the table.

    ## Arguments

    ```python
    >>> import gymnasium
    >>> env = gymnasium.make("b2m_envs:B2M/HighwayFastScene-v0", height=96, width=96, colour=True)
    >>> env.observation_space.shape
    (96, 96, 6)

    ```

    | Parameter              | Type                | Default        | Description                                              |
    |------------------------|---------------------|----------------|----------------------------------------------------------|
    | `camera`               | **str**             | `"birds_eye"`  | `"birds_eye"`, or `"drivers_eye"`, the driver's view     |
    | `height`, `width`      | **int**             | `64`           | Size of a frame [px], 36 to 512                          |
    | `colour`, `n_frames`   | **bool**, **int**   | `False`, `2`   | Colour instead of grey; frames in an observation         |
    | `frame_interval`       | **float** or **None** | `None`       | Time between them [s], up to the duration; None: one step |
    | `view_length`          | **float**           | `64`           | Bird's-eye: road along the image's height [m]            |
    | `heading_up`           | **bool**            | `True`         | Bird's-eye: turned with the vehicle (which is in the lower quarter of the picture, in parking in its middle), or fixed |
    | `action`               | **str** or **None** | `None`         | `"discrete"`, `"continuous"` or `"discrete_controls"`; None: discrete, but for parking and lane keeping |
    | `longitudinal`, `lateral` | **bool** or **None** | `None`     | Whether actions change the speed; the lane, or the steering |
    | `target_speeds`        | **tuple** or **None** | `None`       | Of FASTER and SLOWER, rising [m/s]                       |
    | `acceleration_range`, `steering_range` | **tuple** or **None** | `None` | Controls at -1 and 1 [m/s2], [rad]             |
    | `actions_per_axis`     | **int** or **None** | `None`         | Values of each control to choose from; None: 3           |
    | `reward`               | **str**, **dict**, **Reward** or function | `"highway_env"` | `"progress"`, `"goal"`, `"in_time"`, `"safe"`, `"keep_lane"`, `"module:function"`, or see above |
    | `driver`               | **str**             | `"agent"`      | `"agent"`, or `"highway_env"`, its driver model          |
    | `policy_frequency`, `simulation_frequency` | **float**, **int** or **None** | `None` | Steps, and simulation steps, per second [Hz]; the second is a multiple of the first |
    | `duration`             | **float** or **None** | `None`       | Time until truncation [s]                                |
    | `vehicles_count`       | **int** or **None** | `None`         | Other vehicles at the start (racetracks: at most; intersection: attempts, one always crosses, more arrive; parking: parked, 26 at most; generic scenarios: who try for a place); highway, generic scenarios, exit, intersection, racetracks, parking |
    | `vehicles_density`     | **float** or **None** | `None`       | 1: highway-env's usual spacing; highway, exit            |
    | `lanes_count`          | **int** or **None** | `None`         | Lanes; highway, the generic scenarios, exit (2 to 8), oval racetrack (2 to 7) |
    | `merge_lengths`, `roundabout_radius` | **tuple**, **float** or **None** | `None` | merge_generic: road before the merge, converging, parallel, after it [m] (None: 150, 80, 80, 150); roundabout_generic: of the innermost lane [m], 5 to 1000 (None: 20) |
    | `ego_spacing`, `initial_lane` | **float**, **int** or **None** | `None` | highway: of the ego vehicle at the start, room behind it (1: as at density 1; None: 2, highway_fast 1.5; exit, too) and lane (0 the leftmost; None: drawn) |
    | `spawn_probability`, `destination` | **float**, **str** or **None** | `None` | intersection: that one more vehicle tries to come in a step (None: 0.6); `"o1"` left (None), `"o2"` straight on, `"o3"` right, `"any"` drawn |
    | `speed_limit`, `oval_length` | **float** or **None** | `None` | racetrack_large [m/s], 1 to 40 (None: 10); racetrack_oval, of its straight [m], 50 to 1000 (None: 100) |
    | `block_lane`, `force_decision` | **bool** or **None** | `None` | racetrack_oval: whether obstacles stand on the second lane; on the first and third |
    | `walls`                | **bool** or **None** | `None`        | parking: whether there are walls around; None: there are |
    | `vehicle_mask`         | **bool**            | `False`        | Whether `info` holds the mask                            |
    | `perception`           | **float**           | `60`           | Widest gap that counts in the state [m]                  |
    | `connected_lanes`      | **bool** or **None** | `None`        | Whether other drivers look beyond the end of their lane; highway-env's -v0: not |
    | `engine`               | **str** or **None** | `None`         | `"b2m"`, `"highway-env"`; None: ours where it has the scenario, but for lane keeping, which is highway-env's |
    | `observation`          | **str**, object, **tuple**, **dict** | `"scene"` | a key of `b2m_envs.OBSERVATIONS`: `"scene"`, `"state"`, `"scaled_state"`, `"both"` or your own; `b2m_envs.Kinematics()` or another object; or several of these |

    `None` stands for the scenario's own value. An unknown setting, an impossible value, an option
    that the scenario does not have, or an attribute that is set later is a `ValueError`.

    `render()` returns the same view, larger and in colour (mode "rgb_array"); mode "human" shows
    it in a window at every step, where there is a display (`metadata["render_modes"]` says so). Both
    need OpenCV only, and no environment variable.

    ## References

    Leurent (2018). An environment for autonomous driving decision-making.
    https://github.com/Farama-Foundation/HighwayEnv. Scenarios follow its latest versions
    (`merge-v1`, `intersection-v2`, ...), in which drivers look beyond the end of their lane.
    """  # noqa: E501  (tables)

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["human", "rgb_array"],
        "render_fps": 1,
    }

    def __init__(
        self,
        scenario: str,
        render_mode: str | None = None,
        observation: ObservationChoice = "scene",
        **settings: Any,
    ) -> None:
        """Take the settings of `SceneSettings` as keywords.

        Raises:
            ValueError: for an unknown setting, observation or render mode, or a value that does
                not fit.
        """
        chosen = settings_from_keywords(scenario, settings, ENVIRONMENT_KEYWORDS)
        warn_of_faults(chosen)
        kind = observation_kind(chosen, observation)
        self._set_up(chosen, kind, make_world(chosen, draws=kind.draws), render_mode)

    def _set_up(
        self,
        settings: SceneSettings,
        kind: Kind,
        world: SingleWorld,
        render_mode: str | None,
    ) -> None:
        """Everything but the choice of the world, for environments with worlds of their own."""
        self.settings = settings
        self._title = self.settings.of.id
        modes = type(self).metadata["render_modes"]
        self.metadata = type(self).metadata | {  # type: ignore[misc]
            "render_modes": offered_modes(modes, WINDOW_DRIVER),
            "render_fps": self.settings.steps_per_second,
        }
        self.render_mode = check_render_mode(self.settings, render_mode, modes)
        self._kind = kind
        self.action_space = action_space(self.settings)
        self.observation_space = self._kind.space(self.settings)
        check_world_is_seen(settings, kind, world)
        self._draws = self._kind.draws
        self._world = world
        self._render_camera = make_camera(enlarged(camera_settings(self.settings)))
        self._frames = FrameStack(self.settings)
        self._step = 0
        self._began = self._runs = False
        self._made = True

    @property
    def highway_env(self) -> Any:
        """The highway-env environment underneath, with its road and vehicles.

        Raises:
            AttributeError: where our engine simulates.
        """
        underneath = getattr(self._world, "highway_env", None)
        if underneath is None:
            raise AttributeError(
                f'{self._title}: highway_env: expected engine="highway-env", '
                f"came {self._world.engine!r}, which simulates without it"
            )
        return underneath

    @property
    def compute_reward(self) -> Callable[[Any, Any, Any], Any]:
        """From achieved and desired goals, one or many, and infos to their reward without crashes.

        Raises:
            AttributeError: for an observation without goals (`b2m_envs.KinematicsGoal` has them),
                so that `hasattr` tells goal environments, as Stable-Baselines3 does.
        """
        return reward_of_goals(self._kind, self._world, self.settings)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode.

        Raises:
            ValueError: for options, of which there are none; for what is no seed; for a scenario
                given to `gymnasium.make` that is not the id's. Nothing has changed then.
        """
        check_id(self.spec, self.settings)
        if options:
            hint = hint_of_options(options)
            raise ValueError(f"{self._title}: reset: expected no options, came {options!r}{hint}")
        super().reset(seed=valid_seed(self.settings, seed))
        self._world.begin(self.np_random)
        self._step, self._began, self._runs = 0, True, True
        self._frames.clear()
        self._look()
        info = self._info()
        return self._observation(info), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Drive on for one policy step.

        Raises:
            ValueError: for an action outside the action space (continuous actions beyond -1 and 1
                are clipped).
            gymnasium.error.ResetNeeded: before the first reset, after the end of an episode, or
                after `close`.
        """
        if not self._runs:
            raise gymnasium.error.ResetNeeded(f"{self._title}: no episode runs: call reset()")
        modelled = self.settings.driver == "highway_env"
        outcome = self._world.drive(None if modelled else valid_action(self.settings, action))
        self._step += 1
        truncated = self._step >= self.settings.last_step
        self._runs = not (outcome.terminated or truncated)
        self._look()
        info = self._info() | {"action": outcome.action, "rewards": outcome.rewards}
        if outcome.is_success is not None:
            info["is_success"] = outcome.is_success
        return self._observation(info), outcome.reward, outcome.terminated, truncated, info

    def close(self) -> None:
        """End the episode, and close the window, if there is one."""
        self._runs = False
        self._close_window()

    def _look(self) -> None:
        if self._draws:
            self._frames.add(self._world.frame())
        if self.render_mode == "human":
            self._show()

    def _observation(self, info: dict[str, Any]) -> Any:
        scene = self._frames.stacked() if self._draws else None
        return self._kind.of(self.settings, seen_of(self._kind, self._world, scene, info["state"]))

    def _info(self) -> dict[str, Any]:
        info = {
            "state": self._world.state(),
            "speed": self._world.speed(),
            "crashed": self._world.crashed(),
            "time": self._step / self.settings.steps_per_second,
            "engine": self._world.engine,
            **self._mask_info(),
        }
        if self.settings.vehicle_mask:
            info["vehicle_mask"] = self._world.mask()
        return info
