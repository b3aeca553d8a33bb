"""The settings of a driving scene."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, Literal, TypeVar

import numpy as np

from b2m_envs.rendering.settings import LARGEST_SIDE, SMALLEST_SIDE
from b2m_envs.scenes.actions import (
    ACCELERATIONS,
    USUAL_PER_AXIS,
    as_settings_keep_them,
    meta_actions,
    wrong_action,
)
from b2m_envs.scenes.chosen_reward import USUAL_REWARD, RewardChoice, chosen_reward
from b2m_envs.scenes.highway_env_names import ACTION_TYPES, hint_of_setting, hint_of_type
from b2m_envs.scenes.numbers import is_number as is_number
from b2m_envs.scenes.numbers import is_whole as is_whole
from b2m_envs.scenes.road_options import wrong_option
from b2m_envs.scenes.scenarios import SCENARIOS, Scenario

VIEW_LENGTHS = (8.0, 1000.0)  # [m]
MOST_FRAMES = 64  # in an observation
FARTHEST_PERCEPTION = 1000.0  # [m]
SLOWEST_SIMULATION = 5  # [Hz] highway-env's steering swings below 3.6 m/s there, see `faults`
LONGEST_EPISODE = 1e6  # [s]
WHOLE_NUMBER_TOLERANCE = 1e-6  # a ratio of frequencies this near a whole number is one
ENGINE: Final = "b2m"  # ours, `b2m_envs.engine`
HIGHWAY_ENV_ENGINE: Final = "highway-env"
ENVIRONMENT_KEYWORDS = ("observation", "render_mode")  # of an environment, beside its settings
BATCH_KEYWORDS = ("num_envs", "autoreset_mode", "n_threads", "copy")  # of the native batch only


@dataclass(frozen=True)
class SceneSettings:
    """Settings of a driving scene; ``None`` stands for the scenario's own value.

    Raises:
        ValueError: naming the setting, what was expected and what came; also for an option that
            the scenario does not have.
    """

    scenarios: ClassVar[Mapping[str, Scenario]] = SCENARIOS  # of a class derived from this: others

    scenario: str  # a key of `scenarios`
    camera: Literal["birds_eye", "drivers_eye"] = "birds_eye"
    height: int = 64  # [px] 36 to 512
    width: int = 64  # [px] 36 to 512
    colour: bool = False  # 3 channels a frame instead of 1
    n_frames: int = 2  # 1 to 64, stacked on the channel axis, oldest first
    frame_interval: float | int | None = None  # [s] between stacked frames; None: one policy step
    view_length: float | int = 64.0  # [m] of road along the image's height (bird's-eye)
    heading_up: bool = True  # bird's-eye: turned with the vehicle, or fixed to the world
    # None: discrete (meta-actions), if there are such. Discrete controls: numbers for controls.
    action: Literal["discrete", "continuous", "discrete_controls"] | None = None
    driver: Literal["agent", "highway_env"] = "agent"  # who drives: the actions, or IDM + MOBIL
    policy_frequency: float | int | None = None  # [Hz] steps a second
    simulation_frequency: int | None = None  # [Hz] a multiple of the policy frequency
    duration: float | int | None = None  # [s] until truncation
    vehicles_count: int | None = None  # other vehicles (racetracks: at most)
    vehicles_density: float | int | None = None  # 1: highway-env's usual spacing
    lanes_count: int | None = None
    # [m] of highway, merge_generic: before the merge, converging, parallel, after it
    merge_lengths: Sequence[float | int] | None = None
    roundabout_radius: float | int | None = None  # [m] of the innermost lane, roundabout_generic
    ego_spacing: float | int | None = None  # gap behind the ego vehicle at the start: highway, exit
    initial_lane: int | None = None  # of the ego vehicle, 0 the leftmost, highway; None: drawn
    spawn_probability: float | int | None = None  # of one more vehicle in a step, intersection
    destination: Literal["o1", "o2", "o3", "any"] | None = None  # arm of the intersection
    speed_limit: float | int | None = None  # [m/s] racetrack_large
    oval_length: float | int | None = None  # [m] of the straight, racetrack_oval
    block_lane: bool | None = None  # whether obstacles stand on the second lane, racetrack_oval
    force_decision: bool | None = None  # or on the first and third, racetrack_oval
    walls: bool | None = None  # whether there are walls around, parking
    vehicle_mask: bool = False  # info["vehicle_mask"]: pixels of other vehicles
    perception: float | int = 60.0  # [m] up to 1000; a wider gap does not count in the state
    engine: Literal["b2m", "highway-env"] | None = None  # what simulates; None: see chosen_engine
    # whether other drivers look beyond the end of their lane, as in highway-env's merge-v1, not -v0
    connected_lanes: bool | None = None
    longitudinal: bool | None = None  # whether actions change the speed
    lateral: bool | None = None  # whether they change lane, or steer
    target_speeds: Sequence[float | int] | None = None  # [m/s] of SLOWER and FASTER, rising
    acceleration_range: Sequence[float | int] | None = None  # [m/s2] at -1 and 1
    steering_range: Sequence[float | int] | None = None  # [rad] at -1 and 1
    actions_per_axis: int | None = None  # discrete controls: values of each, 2 to 101
    # A name ("highway_env", or one of `named_rewards.REWARDS`), `Reward` or a mapping with its
    # settings, a function of a `DrivenStep`, or its name "module:function".
    reward: RewardChoice | Mapping[str, Any] = USUAL_REWARD

    def __post_init__(self) -> None:
        for item in fields(self):  # NumPy's numbers as Python's, which JSON can hold
            value = getattr(self, item.name)
            if isinstance(value, np.generic):
                object.__setattr__(self, item.name, value.item())
        if not isinstance(self.scenario, str) or self.scenario not in self.scenarios:
            expected = f"one of {', '.join(self.scenarios)}"
            raise ValueError(
                f"driving scene: scenario: expected {expected}, came {self.scenario!r}"
            )
        if self.action is None:
            own = "continuous" if self.of.steered_only else "discrete"
            object.__setattr__(self, "action", own)
        self._check_camera()
        self._check_choices()
        self._check_actions()
        self._check_clock()
        self._check_options()
        self._check_engine()
        self._check_reward()

    @property
    def chosen_engine(self) -> Literal["b2m", "highway-env"]:
        """What simulates, unless another is set: "b2m" where it has the scenario.

        Lane keeping alone is highway-env's though ours has it, but in batches: see
        `b2m_envs.driving.batch_checks.has_batch`.
        """
        if self.engine is not None:
            return self.engine
        return ENGINE if self.of.fast else HIGHWAY_ENV_ENGINE

    @property
    def of(self) -> Scenario:
        """The row of the scenario table."""
        return self.scenarios[self.scenario]

    @property
    def steps_per_second(self) -> float:
        """Policy frequency [Hz], the scenario's own if none is set."""
        own = self.of.policy_frequency
        return own if self.policy_frequency is None else float(self.policy_frequency)

    @property
    def simulated_per_second(self) -> int:
        """Simulation frequency [Hz], the scenario's own if none is set."""
        own = self.of.simulation_frequency
        return own if self.simulation_frequency is None else int(self.simulation_frequency)

    @property
    def substeps(self) -> int:
        """Simulation steps in a policy step."""
        return round(self.simulated_per_second / self.steps_per_second)

    @property
    def last_step(self) -> int:
        """Policy steps after which an episode is truncated."""
        duration = self.of.duration if self.duration is None else self.duration
        return math.ceil(duration * self.steps_per_second - WHOLE_NUMBER_TOLERANCE)

    @property
    def frame_interval_steps(self) -> int:
        """Policy steps between two frames of the stack."""
        if self.frame_interval is None:
            return 1
        return round(self.frame_interval * self.steps_per_second)

    @property
    def seconds_between_frames(self) -> float | None:
        """Time [s] between two frames of the stack; None if it holds one frame only."""
        if self.n_frames == 1:
            return None
        return self.frame_interval_steps / self.steps_per_second

    @property
    def n_remembered(self) -> int:
        """Frames that the stack reaches back over, the newest included."""
        return (self.n_frames - 1) * self.frame_interval_steps + 1

    @property
    def n_channels(self) -> int:
        """Channels of an observation, those of all stacked frames together."""
        return self.n_frames * (3 if self.colour else 1)

    @property
    def connects_lanes(self) -> bool:
        """Whether other drivers look beyond the end of their lane."""
        return self.of.connected_lanes if self.connected_lanes is None else self.connected_lanes

    @property
    def accelerates(self) -> bool:
        """Whether actions change the speed, as the scenario has it if it is not set."""
        own = self.action == "discrete" or "acceleration" in self.of.controls
        return own if self.longitudinal is None else self.longitudinal

    @property
    def steers(self) -> bool:
        """Whether actions change lane, or steer, as the scenario has it if it is not set."""
        discrete = self.action == "discrete"
        own = self.of.lane_changes if discrete else "steering" in self.of.controls
        return own if self.lateral is None else self.lateral

    @property
    def meta_actions(self) -> tuple[str, ...]:
        """Names of the meta-actions, by number; none under other actions."""
        return meta_actions(self.accelerates, self.steers) if self.action == "discrete" else ()

    @property
    def controls(self) -> tuple[str, ...]:
        """Names of the controls of an action, in order; none under meta-actions."""
        if self.action == "discrete":
            return ()
        if len(self.of.controls) < 2:
            return self.of.controls
        chosen = {"acceleration": self.accelerates, "steering": self.steers}
        return tuple(name for name in self.of.controls if chosen[name])

    @property
    def control_ranges(self) -> dict[str, tuple[float | int, ...]]:
        """Acceleration [m/s2] and steering angle [rad] at -1 and 1."""
        largest = self.of.largest_steering
        return {
            "acceleration": tuple(self.acceleration_range or ACCELERATIONS),
            "steering": tuple(self.steering_range or (-largest, largest)),
        }

    @property
    def n_per_axis(self) -> int:
        """Values of each control under discrete controls."""
        return USUAL_PER_AXIS if self.actions_per_axis is None else self.actions_per_axis

    @property
    def aimed_speeds(self) -> tuple[float | int, ...]:
        """Target speeds [m/s], the scenario's own if none are set."""
        return self.of.target_speeds if self.target_speeds is None else tuple(self.target_speeds)

    def _check_camera(self) -> None:
        for name in ("height", "width"):
            value = getattr(self, name)
            valid = is_whole(value) and SMALLEST_SIDE <= value <= LARGEST_SIDE
            self._require(valid, name, f"{SMALLEST_SIDE} to {LARGEST_SIDE} pixels")
        valid = is_whole(self.n_frames) and 1 <= self.n_frames <= MOST_FRAMES
        self._require(valid, "n_frames", f"1 to {MOST_FRAMES}")
        low, high = VIEW_LENGTHS
        valid = is_number(self.view_length) and low <= self.view_length <= high
        self._require(valid, "view_length", f"{low:g} to {high:g} m")
        valid = is_number(self.perception) and 0 < self.perception <= FARTHEST_PERCEPTION
        expected = f"a distance above 0 m and up to {FARTHEST_PERCEPTION:g} m"
        self._require(valid, "perception", expected)

    def _check_choices(self) -> None:
        choices = {
            "camera": ("birds_eye", "drivers_eye"),
            "action": ("discrete", "continuous", "discrete_controls"),
            "driver": ("agent", "highway_env"),
        }
        for name, permitted in choices.items():
            given = getattr(self, name)
            valid = isinstance(given, str) and given in permitted
            hint = hint_of_type(given, ACTION_TYPES) if name == "action" else ""
            self._require(valid, name, " or ".join(map(repr, permitted)) + hint)
        for name in ("colour", "heading_up", "vehicle_mask"):
            self._require(isinstance(getattr(self, name), bool), name, "True or False")
        if self.of.steered_only:
            among = ("continuous", "discrete_controls")[: len(self.of.controls)]
            own = "highway-env has no meta-actions for this scenario"
            expected = f"{' or '.join(map(repr, among))}: {own}"
            self._require(self.action in among, "action", expected)
            expected = "'agent': highway-env has no driver model for this scenario"
            self._require(self.driver == "agent", "driver", expected)
        expected = "'agent' with discrete controls"
        drives_itself = self.driver == "agent" or self.action != "discrete_controls"
        self._require(drives_itself, "driver", expected)

    def _check_actions(self) -> None:
        for name, value in as_settings_keep_them(self):
            object.__setattr__(self, name, value)
        wrong = wrong_action(self)
        if wrong is not None:
            self._require(False, *wrong)

    def _check_reward(self) -> None:
        try:
            reward = chosen_reward(self.scenario, self.reward)
        except ValueError as error:
            raise ValueError(f"{self.of.id}: {error}") from error
        object.__setattr__(self, "reward", reward)

    def _check_clock(self) -> None:
        simulation, frequency = self.simulation_frequency, self.policy_frequency
        valid = simulation is None or (is_whole(simulation) and simulation >= SLOWEST_SIMULATION)
        expected = f"a whole number of {SLOWEST_SIMULATION} Hz or more"
        self._require(valid, "simulation_frequency", expected)
        valid = frequency is None or (is_number(frequency) and frequency > 0)
        self._require(valid, "policy_frequency", "a frequency above 0 Hz")
        simulated, policy = self.simulated_per_second, self.steps_per_second
        expected = f"a frequency [Hz] of which the simulation's ({simulated} Hz) is a multiple"
        self._require(_is_multiple(simulated / policy), "policy_frequency", expected, policy)
        valid = self.duration is None or (
            is_number(self.duration)
            and self.duration * policy >= 1 - WHOLE_NUMBER_TOLERANCE
            and self.duration <= LONGEST_EPISODE
        )
        step = f"policy step ({1 / policy:g} s)"
        self._require(valid, "duration", f"from one {step} to {LONGEST_EPISODE:,.0f} s, in seconds")
        interval = self.frame_interval
        longest = self.of.duration if self.duration is None else self.duration
        valid = interval is None or (
            is_number(interval)
            and interval <= longest * (1 + WHOLE_NUMBER_TOLERANCE)
            and _is_multiple(interval * policy)
        )
        expected = f"a multiple of the {step} up to the duration ({longest:g} s), in seconds"
        self._require(valid, "frame_interval", expected)

    def _check_options(self) -> None:
        connected = self.connected_lanes
        self._require(
            connected is None or isinstance(connected, bool),
            "connected_lanes",
            "True, False or None",
        )
        has_road = connected is None or bool(self.of.highway_env)
        self._require(has_road, "connected_lanes", "none: nobody changes lane here")
        wrong = wrong_option(self)
        if wrong is not None:
            self._require(False, *wrong)

    def _check_engine(self) -> None:
        permitted = (None, ENGINE, HIGHWAY_ENV_ENGINE)
        expected = f"{ENGINE!r}, {HIGHWAY_ENV_ENGINE!r} or None"
        self._require(self.engine in permitted, "engine", expected)
        scenes = SCENARIOS.values()
        having = ", ".join(scene.title for scene in scenes if scene.fast or scene.also_fast)
        expected = f"engine=\"{HIGHWAY_ENV_ENGINE}\" for this scenario ('{ENGINE}' has {having})"
        fits = self.engine != ENGINE or self.of.fast or self.of.also_fast
        self._require(fits, "engine", expected)

    def _require(self, valid: bool, name: str, expected: str, came: object = None) -> None:
        if not valid:
            came = getattr(self, name) if came is None else came
            raise ValueError(f"{self.of.id}: {name}: expected {expected}, came {came!r}")


Settings = TypeVar("Settings", bound=SceneSettings)


def settings_from_keywords(
    scenario: str, keywords: Mapping[str, Any], also: Sequence[str] = ()
) -> SceneSettings:
    """Settings from the keyword arguments of ``gymnasium.make``.

    Args:
        scenario: A key of `SCENARIOS`.
        keywords: The settings.
        also: What else the caller takes as a keyword, for the message.

    Raises:
        ValueError: naming a keyword that is no setting, beside those that are.
    """
    return settings_of_kind(SceneSettings, scenario, keywords, also)


def settings_of_kind(
    kind: type[Settings], scenario: str, keywords: Mapping[str, Any], also: Sequence[str] = ()
) -> Settings:
    """As `settings_from_keywords`, of a class of settings with ``scenarios`` of its own."""
    known = [item.name for item in fields(kind) if item.name != "scenario"]
    for name in keywords:
        if name not in known:
            known_scenario = isinstance(scenario, str) and scenario in kind.scenarios
            where = kind.scenarios[scenario].id if known_scenario else "driving scene"
            expected = f"one of {', '.join((*known, *also))}"
            hint = hint_of_setting(name)
            if name in BATCH_KEYWORDS and name not in also:
                hint = " (of the native batch only: gymnasium.make_vec without vectorization_mode)"
            raise ValueError(f"{where}: unknown setting: expected {expected}, came {name!r}{hint}")
    return kind(scenario, **keywords)


def _is_multiple(ratio: float) -> bool:
    return round(ratio) >= 1 and abs(ratio - round(ratio)) < WHOLE_NUMBER_TOLERANCE
