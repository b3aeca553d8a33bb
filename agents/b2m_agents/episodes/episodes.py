"""One episode: an environment, a driver, a seed; and which seeds belong to whom."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from jaxtyping import Bool, Float32, Float64, UInt8

import b2m_envs  # noqa: F401 - registers the environments, in a worker too
from b2m_envs.scenes.observation import ObservationChoice, ObservationObject
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings

Observation = UInt8[np.ndarray, "height width channel"]
State = Float32[np.ndarray, " variable"]  # of `info`; NaN where a variable has no meaning
# A driver within an episode: from the scene (or what else it observes) and the state to an action.
Act = Callable[[Any, State], Any]
_SCENE, _OBSERVED = "scene", "observed"  # of an environment that shows both
FIRST_OF_SELECTION = 2**31  # of the seeds that choose the best of a training; all others are below


@dataclass(frozen=True)
class Episode:
    """An episode: all that was seen and done from a reset to the end; row 0 is the start."""

    frames: UInt8[np.ndarray, "frame height width channel"]
    state: Float32[np.ndarray, "frame variable"]  # NaN where a variable has no meaning
    vehicle_mask: Bool[np.ndarray, "frame height width"] | None
    action: np.ndarray  # [step], or [step dimension] for continuous actions
    reward: Float64[np.ndarray, " step"]
    speed: Float64[np.ndarray, " step"]  # [m/s]
    terminated: bool
    truncated: bool
    crashed: bool
    seed: int
    observed: np.ndarray | None = None  # [frame ...] by a driver that observes the traffic
    is_success: bool | None = None  # at the end, where highway-env says it: exit and parking


def as_scene(scene: SceneSettings | str) -> SceneSettings:
    """A scene's settings; a scenario's name or id stands for its usual ones.

    Raises:
        ValueError: For what is no scene; names the scenarios.
    """
    if isinstance(scene, SceneSettings):
        return scene
    ids = {scenario.id: name for name, scenario in SCENARIOS.items()}
    name = scene.removeprefix("b2m_envs:") if isinstance(scene, str) else scene
    name = ids.get(name, name) if isinstance(name, str) else name
    if not isinstance(name, str) or name not in SCENARIOS:
        raise ValueError(
            f"scene: expected SceneSettings, an id such as {next(iter(ids))!r} or one of "
            f"{', '.join(SCENARIOS)}, came {scene!r}"
        )
    return SceneSettings(name)


def scene_spec(scene: SceneSettings | str) -> EnvSpec:
    """What `gymnasium.make` builds a scene's environment from."""
    scene = as_scene(scene)
    keywords = {name: value for name, value in asdict(scene).items() if name != "scenario"}
    spec = copy.deepcopy(gymnasium.spec(scene.of.id))
    spec.kwargs.update(keywords)
    return spec


def make_scene(
    scene: SceneSettings | str, observation: ObservationChoice = "scene"
) -> gymnasium.Env[Any, Any]:
    """Build the environment of a scene, that observes the scene or something else of it."""
    spec = scene_spec(scene)
    spec.kwargs["observation"] = observation
    # Gymnasium's checker would look at every observation again; the tests run it once.
    return gymnasium.make(spec, disable_env_checker=True)


def make_watched_scene(
    scene: SceneSettings | str, observes: ObservationObject | None
) -> gymnasium.Env[Any, Any]:
    """The environment that `play_episode` needs for a driver who observes the traffic so."""
    if observes is None:
        return make_scene(scene)
    return make_scene(scene, {_SCENE: "scene", _OBSERVED: observes})


def episode_seed(seed: int, index: int, *, held_out: bool = False) -> int:
    """The seed of an episode; held-out ones are odd, all others even, so they never meet.

    Args:
        seed: Of the collection, the training or the evaluation.
        index: Of the episode in it.
        held_out: Whether the episode is one for evaluation.
    """
    drawn = np.random.SeedSequence((seed, index)).generate_state(1)[0]
    return int(drawn >> 2) << 1 | int(held_out)


def selection_seed(seed: int) -> int:
    """The first seed of the episodes that choose the best agent of a training.

    Those that follow it are the other episodes'. They are above every `episode_seed`, so they are
    neither episodes of a training nor held out.
    """
    drawn = np.random.SeedSequence((seed, FIRST_OF_SELECTION)).generate_state(1)[0]
    return FIRST_OF_SELECTION + int(drawn >> 2)


def play_episode(env: gymnasium.Env[Observation, Any], act: Act | None, seed: int) -> Episode:
    """Drive from a reset to the end of the episode.

    Args:
        env: A scene, see `make_watched_scene`.
        act: Chooses the action from scene and state. None: highway-env's driver model is in the
            car, the environment ignores what it is given, and `info["action"]` says what it did.
        seed: Of the reset.
    """
    observation, info = env.reset(seed=seed)
    seen, infos = [observation], [info]
    actions: list[Any] = []
    rewards: list[float] = []
    terminated = truncated = False
    neutral = neutral_action(env.action_space)
    while not (terminated or truncated):
        action = neutral if act is None else act(_for_driver(observation), info["state"])
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append(observation)
        infos.append(info)
        actions.append(info["action"] if act is None else action)
        rewards.append(float(reward))
    masked, watched = "vehicle_mask" in infos[0], isinstance(seen[0], dict)
    return Episode(
        frames=np.stack([each[_SCENE] if watched else each for each in seen]),
        state=np.stack([each["state"] for each in infos]),
        vehicle_mask=np.stack([each["vehicle_mask"] for each in infos]) if masked else None,
        action=np.array(actions, dtype=env.action_space.dtype),
        reward=np.array(rewards),
        speed=np.array([float(each["speed"]) for each in infos[1:]]),
        terminated=bool(terminated),
        truncated=bool(truncated),
        crashed=bool(infos[-1]["crashed"]),
        seed=seed,
        observed=np.stack([each[_OBSERVED] for each in seen]) if watched else None,
        is_success=bool(infos[-1]["is_success"]) if "is_success" in infos[-1] else None,
    )


def _for_driver(observation: Any) -> Any:
    return observation[_OBSERVED] if isinstance(observation, dict) else observation


def neutral_action(space: gymnasium.Space[Any]) -> Any:
    """Keep speed and lane: highway-env's IDLE, or neither throttle nor steering."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return 1  # IDLE in each of highway-env's tables of meta-actions
    return np.zeros(space.shape or (), dtype=np.float32)
