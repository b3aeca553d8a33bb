"""What an agent is given of a scene: a table of kinds, such as the picture or the state variables.

A kind of the user's own joins by one line: ``OBSERVATIONS["mine"] = ObservationKind(...)``; the
single environment, the batch and Stable-Baselines3's then take ``observation="mine"``.

The state has finite bounds (`state_bounds`), and one scaling (`state_scales`): that of
``observation="scaled_state"`` and that of the policies that ``b2m-drive train-agent`` trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32, UInt8

from b2m_envs.scenes.highway_env_names import OBSERVATION_TYPES, hint_of_type
from b2m_envs.scenes.seen import Seen, row_of
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.several_observations import SeveralKinds
from b2m_envs.scenes.state import LONGEST_TIME, STATE_VARIABLES

GAPS = ("gap", "left_ahead", "left_behind", "right_ahead", "right_behind")
# A policy cannot read NaN: what stands for a variable without meaning. Gaps become `perception`.
WITHOUT_MEANING = {"lane": -1.0, "time_to_collision": LONGEST_TIME}  # others: 0
_BOUNDS = {  # of the gaps: 0 and `perception`
    "lane": (-1.0, 100.0),  # `lanes_count` is up to 100, and an exit has one more
    "lateral_offset": (-1000.0, 1000.0),  # [m] off the road there is no end to it: cut off
    "heading": (-math.pi, math.pi),  # [rad]
    "speed": (-50.0, 50.0),  # [m/s] highway-env's vehicles keep to 40, and a step beyond
    "acceleration": (-150.0, 150.0),  # [m/s2] speed controller: (target - speed) / 0.6 s
    "closing_speed": (-100.0, 100.0),  # [m/s]
    "time_to_collision": (0.0, LONGEST_TIME),  # [s]
    "curvature": (-math.pi, math.pi),  # [1/m] half a turn within 1 m
    "hazard": (0.0, 1.0),
}
_SCALES = {  # what is of order 1 after a division by these
    "lane": 4.0,
    "lateral_offset": 4.0,  # [m]
    "heading": 0.5,  # [rad]
    "acceleration": 5.0,  # [m/s2]
    "closing_speed": 10.0,  # [m/s]
    "time_to_collision": LONGEST_TIME,  # [s]
    "curvature": 0.1,  # [1/m]
    "hazard": 1.0,
}
_STEERED_SPEED = 10.0  # [m/s] where the scenario has no target speeds

Space: TypeAlias = Callable[[SceneSettings], spaces.Space[Any]]
Observe: TypeAlias = Callable[
    [
        SceneSettings,
        UInt8[np.ndarray, "*world height width channel"] | None,
        Any,  # Float32[np.ndarray, "*world variable"], an ObservedTraffic, or highway-env's world
    ],
    Any,
]
RewardOfGoals: TypeAlias = Callable[[Any, np.ndarray, np.ndarray, Any], Any]


@dataclass(frozen=True)
class ObservationKind:
    """What an agent is given of a scene: its space, and how it is made of picture and state.

    ```python
    >>> import gymnasium, numpy as np
    >>> from b2m_envs import OBSERVATIONS, ObservationKind
    >>> OBSERVATIONS["ego_speed"] = ObservationKind(
    ...     space=lambda settings: gymnasium.spaces.Box(-50, 50, (1,), np.float32),
    ...     observe=lambda settings, scene, state: state[..., 3:4],
    ... )
    >>> env = gymnasium.make("b2m_envs:B2M/HighwayFastScene-v0", observation="ego_speed")
    >>> env.reset(seed=0)[0].shape
    (1,)
    >>> del OBSERVATIONS["ego_speed"]

    ```

    Args:
        space: Of one world's observation.
        observe: From settings, picture and state to the observation. It is called with one world
            (`[height width channel]` and `[variable]`) and with many (`[world ...]`), and has to
            keep the axis of the worlds; of a `Dict` space it returns a dictionary. The picture is
            None unless ``draws``. The state is raw: `finite_state` replaces its NaN.
        draws: Whether it needs the picture, which takes most of a step's time.
        of_traffic: Whether `observe` reads the vehicles themselves: its third argument is then an
            `ObservedTraffic` of our engine in place of the state, its second is None, and what it
            returns has one row for each world of ``traffic.which``, also for one world.
        of_highway_env: Whether `observe` reads highway-env's environment, which is then its third
            argument: of scenes that run on highway-env, such as parking, one world at a time.
        compute_reward: Of an observation with goals: from highway-env's environment, achieved and
            desired goals and infos to the reward, as hindsight replay asks for it.
    """

    space: Space
    observe: Observe
    draws: bool = False
    of_traffic: bool = False
    of_highway_env: bool = False
    compute_reward: RewardOfGoals | None = None

    def of(self, settings: SceneSettings, seen: Seen) -> Any:
        """The observation of what is seen of one world or of many."""
        if self.of_highway_env:
            return self.observe(settings, None, seen.highway_env)
        if self.of_traffic:
            rows = self.observe(settings, None, seen.traffic)
            return rows if seen.many else row_of(rows, 0)
        return self.observe(settings, seen.scene if self.draws else None, seen.state)


Kind: TypeAlias = ObservationKind | SeveralKinds


@runtime_checkable
class ObservationObject(Protocol):
    """An observation with settings of its own, such as `b2m_envs.Kinematics`."""

    @property
    def kind(self) -> Kind:
        """As the environments take it."""


ObservationChoice: TypeAlias = (  # the three last hold such again
    str | ObservationObject | tuple[Any, ...] | list[Any] | Mapping[str, Any]
)


def observation_kind(settings: SceneSettings, name: object) -> Kind:
    """The kind of observation with this name, that of an observation's object, or of several.

    Several are a tuple or a dictionary of names and objects, also within each other.

    Raises:
        ValueError: If `OBSERVATIONS` has none of this name, or there are none of several.
    """
    if isinstance(name, ObservationObject) and not isinstance(name, type):
        return name.kind
    hint = hint_of_type(name, OBSERVATION_TYPES)
    if hint:
        expected = "an observation of ours"
        raise ValueError(f"{settings.of.id}: observation: expected {expected}{hint}, came {name!r}")
    if isinstance(name, tuple | list | Mapping) and not name:
        raise ValueError(f"{settings.of.id}: observation: expected one or more, came {name!r}")
    if isinstance(name, tuple | list):
        return SeveralKinds(tuple(observation_kind(settings, each) for each in name))
    if isinstance(name, Mapping):
        for key in name:
            if not isinstance(key, str):
                expected = "names, as text, in a dictionary of observations"
                raise ValueError(
                    f"{settings.of.id}: observation: expected {expected}, came {key!r}"
                )
        return SeveralKinds({key: observation_kind(settings, each) for key, each in name.items()})
    if not isinstance(name, str) or name not in OBSERVATIONS:
        expected = " or ".join(map(repr, OBSERVATIONS))
        raise ValueError(
            f"{settings.of.id}: observation: expected {expected}, an observation such as "
            f"b2m_envs.Kinematics(), or several in a tuple or dictionary, came {name!r}"
        )
    return OBSERVATIONS[name]


def scene_space(settings: SceneSettings) -> spaces.Box:
    """The space of one world's pictures."""
    return spaces.Box(0, 255, (settings.height, settings.width, settings.n_channels), np.uint8)


def state_space(settings: SceneSettings) -> spaces.Box:
    """The space of one world's state variables, NaN replaced."""
    return spaces.Box(*state_bounds(settings), dtype=np.float32)


def scaled_state_space(settings: SceneSettings) -> spaces.Box:
    """The space of one world's state variables, divided by `state_scales`."""
    low, high = (bound * state_factors(settings) for bound in state_bounds(settings))
    return spaces.Box(low, high, dtype=np.float32)


def state_bounds(
    settings: SceneSettings,
) -> tuple[Float32[np.ndarray, " variable"], Float32[np.ndarray, " variable"]]:
    """Lowest and highest value of each of `STATE_VARIABLES` in an observation.

    Nothing but an offset reaches beyond them; that is cut off (see `finite_state`).
    """
    bounds = _BOUNDS | dict.fromkeys(GAPS, (0.0, float(settings.perception)))
    low, high = zip(*(bounds[each.name] for each in STATE_VARIABLES), strict=True)
    return np.array(low, np.float32), np.array(high, np.float32)


def state_scales(settings: SceneSettings) -> tuple[float, ...]:
    """What each of `STATE_VARIABLES` is divided by: speed by the highest target, gaps by sight."""
    scales = _SCALES | dict.fromkeys(GAPS, float(settings.perception))
    scales["speed"] = float(max(settings.aimed_speeds, default=_STEERED_SPEED))
    return tuple(scales[variable.name] for variable in STATE_VARIABLES)


def state_factors(settings: SceneSettings) -> Float32[np.ndarray, " variable"]:
    """One over `state_scales`: what the state is multiplied by."""
    factors: np.ndarray = np.float32(1) / np.array(state_scales(settings), np.float32)
    return factors


def action_space(settings: SceneSettings) -> spaces.Discrete | spaces.Box:
    """The space of one environment's actions, see `DrivingSceneEnv`."""
    if settings.action == "continuous":
        return spaces.Box(-1.0, 1.0, (len(settings.controls),), np.float32)
    if settings.action == "discrete_controls":
        return spaces.Discrete(settings.n_per_axis ** len(settings.controls))
    return spaces.Discrete(len(settings.meta_actions))


def finite_state(
    settings: SceneSettings, state: Float32[np.ndarray, "*world variable"]
) -> Float32[np.ndarray, "*world variable"]:
    """The state with numbers where a variable has no meaning, within `state_bounds`.

    Gaps are then `perception`, the time to collision is 20 s, the lane -1; closing speed and
    curvature are 0.
    """
    stand_in = [
        settings.perception if each.name in GAPS else WITHOUT_MEANING.get(each.name, 0.0)
        for each in STATE_VARIABLES
    ]
    plain = np.asarray(state)
    finite = np.where(np.isnan(plain), np.array(stand_in, np.float32), plain)
    within: np.ndarray = np.clip(finite, *state_bounds(settings))
    return within


def _scene(settings: SceneSettings, scene: Any, state: Any) -> Any:
    return scene


def _state(settings: SceneSettings, scene: Any, state: Any) -> Any:
    return finite_state(settings, state)


def _scaled_state(settings: SceneSettings, scene: Any, state: Any) -> Any:
    return finite_state(settings, state) * state_factors(settings)


def _both_space(settings: SceneSettings) -> spaces.Space[Any]:
    return spaces.Dict({"scene": scene_space(settings), "state": state_space(settings)})


def _both(settings: SceneSettings, scene: Any, state: Any) -> Any:
    return {"scene": scene, "state": finite_state(settings, state)}


# Functions of a module, so that an environment with one can be pickled.
OBSERVATIONS: dict[str, ObservationKind] = {
    "scene": ObservationKind(scene_space, _scene, draws=True),
    "state": ObservationKind(state_space, _state),
    "scaled_state": ObservationKind(scaled_state_space, _scaled_state),
    "both": ObservationKind(_both_space, _both, draws=True),
}
