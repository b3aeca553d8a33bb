"""What an agent is given of a scene: the picture, the state variables, or both."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32, UInt8

from b2m_envs.driving.settings import SceneSettings
from b2m_envs.driving.state import LONGEST_TIME, STATE_VARIABLES

Kind = Literal["scene", "state", "both"]
KINDS = ("scene", "state", "both")
GAPS = ("gap", "left_ahead", "left_behind", "right_ahead", "right_behind")
# A policy cannot read NaN: what stands for a variable without meaning. Gaps become `perception`.
WITHOUT_MEANING = {"lane": -1.0, "time_to_collision": LONGEST_TIME}  # others: 0


def check_kind(settings: SceneSettings, kind: object) -> Kind:
    """Give back a kind of observation that there is.

    Raises:
        ValueError: for any other.
    """
    if kind not in KINDS:
        expected = " or ".join(map(repr, KINDS))
        raise ValueError(f"{settings.of.id}: observation: expected {expected}, came {kind!r}")
    return kind  # type: ignore[return-value]


def observation_space(settings: SceneSettings, kind: Kind) -> spaces.Space[Any]:
    """The space of one environment's observations."""
    shape = (settings.height, settings.width, settings.n_channels)
    scene = spaces.Box(0, 255, shape, np.uint8)
    state = spaces.Box(-np.inf, np.inf, (len(STATE_VARIABLES),), np.float32)
    if kind == "both":
        return spaces.Dict({"scene": scene, "state": state})
    return scene if kind == "scene" else state


def action_space(settings: SceneSettings) -> spaces.Discrete | spaces.Box:
    """The space of one environment's actions, see `DrivingSceneEnv`."""
    if settings.action == "continuous":
        return spaces.Box(-1.0, 1.0, (len(settings.of.controls),), np.float32)
    return spaces.Discrete(5 if settings.of.lane_changes else 3)


def observe(
    settings: SceneSettings,
    kind: Kind,
    scene: UInt8[np.ndarray, "*world height width channel"] | None,
    state: Float32[np.ndarray, "*world variable"],
) -> Any:
    """The observation of one scene or of many; `scene` is not looked at if the kind has none."""
    if kind == "scene":
        return scene
    finite = finite_state(settings, state)
    return finite if kind == "state" else {"scene": scene, "state": finite}


def finite_state(
    settings: SceneSettings, state: Float32[np.ndarray, "*world variable"]
) -> Float32[np.ndarray, "*world variable"]:
    """The state with numbers where a variable has no meaning.

    Gaps are then `perception`, the time to collision is 20 s, the lane -1; closing speed and
    curvature are 0.
    """
    stand_in = [
        settings.perception if each.name in GAPS else WITHOUT_MEANING.get(each.name, 0.0)
        for each in STATE_VARIABLES
    ]
    plain = np.asarray(state)
    finite: np.ndarray = np.where(np.isnan(plain), np.array(stand_in, np.float32), plain)
    return finite
