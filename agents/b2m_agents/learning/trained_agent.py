"""A trained agent's folder: encoder, policy, and what it was trained on.

======================  ========================================================================
``config.json``         scenario, settings of the scene and of the training, versions; the teacher
                        of an encoder that is taught
``encoder/``            the frozen encoder of an agent of latents, as safetensors and JSON; of one
                        whose encoder is taught, a copy of it as it is now, for others
``agent.zip``           the policy as Stable-Baselines3 saves it; read here without unpickling, see
                        `agent_file` (``PPO.load`` unpickles: your own files only)
``best/``               the same three of the best agent by evaluation during the training
``selection.csv``       one row such an evaluation
``learning_curve.csv``  one row an episode of the training
``monitor.csv``         the same, as Stable-Baselines3's `load_results` reads it
``tensorboard/``        what TensorBoard shows
``fingerprints.json``   SHA-256 of ``agent.zip``, see `b2m_drive.files.fingerprints`
======================  ========================================================================
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float32
from stable_baselines3.common.base_class import BaseAlgorithm

from b2m_agents.episodes.episodes import Act, Observation, State
from b2m_agents.learning.acting import Acting
from b2m_agents.learning.agent_file import read_agent_data
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithm_settings import RecurrentPPOSettings
from b2m_agents.learning.algorithms import read_policy
from b2m_agents.learning.deleted_agent import OTHER_AGENT
from b2m_agents.learning.folder_names import (
    AGENT_FILE,
    AGENT_FILES,
    CONFIG_FILE,
    ENCODER_FOLDER,
)
from b2m_agents.learning.settings_json import training_from_json
from b2m_agents.worlds.channels_first import channels_first, check_channels_first
from b2m_agents.worlds.encoder_view import VIEW
from b2m_agents.worlds.latent_observation import (
    LatentHistory,
    check_frame_size,
    encode_scenes,
    frozen,
    policy_input,
)
from b2m_drive.files.fingerprints import require_as_made
from b2m_drive.files.hub import pretrained_folder
from b2m_drive.files.json_files import read_json
from b2m_drive.files.refusals import naming
from b2m_drive.students.scene_vae import SceneVAE
from b2m_envs.scenes.actions import ACTION_SETTINGS
from b2m_envs.scenes.observation import finite_state, observation_kind
from b2m_envs.scenes.settings import SceneSettings, settings_from_keywords
from b2m_envs.scenes.state import STATE_INDEX

# What the agent sees and does. The rest (traffic, lanes, duration) may differ from its training.
_VIEW = (*VIEW, "action", *ACTION_SETTINGS)
_KINDS: dict[str, type | tuple[type, ...]] = {
    "scenario": str,
    "environment": dict,
    "training": dict,
    "encoder": (str, type(None)),
    "versions": dict,
    "teacher": dict,
}
_TEACHER = "teacher"  # an entry of agents whose encoder is taught alone
_SPEED = STATE_INDEX["speed"]


@dataclass(frozen=True)
class AgentConfig:
    """What an agent was trained on, and how."""

    scenario: str
    environment: dict[str, Any]  # fields of `SceneSettings`, as they were given
    training: dict[str, Any]  # see `b2m_agents.learning.settings_json.training_json`
    encoder: str | None  # fingerprint; None: the agent sees pixels or the state
    versions: dict[str, str]
    teacher: dict[str, Any] | None = None  # of an encoder that is taught: whose latents, and where

    @cached_property
    def settings(self) -> TrainingSettings:
        """The settings of the training."""
        return training_from_json(self.training)

    @cached_property
    def scene(self) -> SceneSettings:
        """The scenes of the training."""
        return settings_from_keywords(self.scenario, self.environment)

    @property
    def view(self) -> dict[str, Any]:
        """What of the environment's settings the agent depends on."""
        return view_of(self.scene)


def view_of(scene: SceneSettings) -> dict[str, Any]:
    """What an agent sees and does in a scene, with its clock in numbers even if none is set."""
    clock = {
        "policy_frequency": scene.steps_per_second,
        "frame_interval": scene.seconds_between_frames,
    }
    return clock | {name: getattr(scene, name) for name in _VIEW if name not in clock}


def read_agent_config(folder: Path) -> AgentConfig:
    """Read `config.json` of an agent's folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged or something else; names the file.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: expected a file {CONFIG_FILE} of a trained agent")
    entries = read_json(path, "the configuration of an agent")
    known = {field.name for field in fields(AgentConfig)}
    if set(entries) | {_TEACHER} != known:
        raise ValueError(f"{path}: expected the entries {sorted(known)}, came {sorted(entries)}")
    for name, kind in _KINDS.items():
        if name in entries and not isinstance(entries[name], kind):
            expected = kind.__name__ if isinstance(kind, type) else "a fingerprint or null"
            raise ValueError(f"{path}: {name}: expected {expected}, came {entries[name]!r}")
    config = AgentConfig(**entries)
    with naming(path, "possible settings"):
        _ = config.scene, config.settings
    if (config.teacher is None) != (config.settings.taught is None):
        raise ValueError(f"{path}: expected a teacher beside an encoder that is taught, or neither")
    return config


def check_scene(config: AgentConfig, scene: SceneSettings) -> None:
    """Refuse scenes in which the agent would see or do something else than in its training.

    Raises:
        ValueError: Names the first setting that differs.
    """
    view = view_of(scene)
    for name, expected in config.view.items():
        came = view[name]
        in_numbers = isinstance(expected, float) and isinstance(came, float)
        if not (math.isclose(came, expected) if in_numbers else came == expected):
            raise ValueError(
                f"{name}: expected {expected!r} as the agent was trained, came {came!r}"
            )
    if scene.meta_actions != config.scene.meta_actions:
        raise ValueError(
            f"scenario: expected one with the meta-actions of {config.scenario!r}, "
            f"came {scene.scenario!r}"
        )
    if scene.action != "discrete" and scene.controls != config.scene.controls:
        raise ValueError(
            f"scenario: expected one that is driven by {' and '.join(config.scene.controls)} as "
            f"{config.scenario!r}, came {scene.scenario!r}"
        )


@dataclass(frozen=True)
class TrainedAgent:
    """A trained agent, ready to drive: its policy, and its encoder if it has one."""

    config: AgentConfig
    encoder: SceneVAE | None
    policy: BaseAlgorithm

    @classmethod
    def read(cls, folder: Path, device: str | torch.device = "cpu") -> TrainedAgent:
        """Read an agent that `train_agent` wrote.

        Args:
            folder: Of the agent.
            device: Of policy and encoder, see `device_of`.

        Raises:
            FileNotFoundError: If the folder or a file is missing.
            ValueError: If a file is damaged, the policy is of another algorithm, or the encoder
                is not the one of the training.
        """
        config = read_agent_config(folder)
        settings = config.settings
        encoder = None
        if settings.observation == "latents":
            n_read = math.prod(read_agent_data(folder / AGENT_FILE).observed)
            encoder = frozen(SceneVAE.from_pretrained(folder / ENCODER_FOLDER))
            with naming(folder / ENCODER_FOLDER, "the encoder of the training"):
                _check_encoder(folder / ENCODER_FOLDER, encoder, config, n_read)
        observed = _observed(config, encoder)
        if settings.observation == "pixels":
            _check_pixels(folder / AGENT_FILE, config)
        policy = read_policy(folder / AGENT_FILE, settings, config.scene, observed, device)
        require_as_made(folder, AGENT_FILE, OTHER_AGENT)
        return cls(config, None if encoder is None else encoder.to(policy.device), policy)

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, device: str | torch.device = "cpu"
    ) -> TrainedAgent:
        """Read an agent from a folder here, or from the Hugging Face Hub (extra ``hub``).

        Nothing in its file is run, as by `read`.

        Args:
            folder: Of the agent, or ``"user/name"`` on the Hub, see `pretrained_folder`.
            device: Of policy and encoder, see `device_of`.

        Raises:
            FileNotFoundError: If the folder or a file is missing, here or on the Hub.
            ValueError: As `read`.
            ConnectionError: If the Hub cannot be reached.
        """
        return cls.read(pretrained_folder(folder, AGENT_FILES), device)

    def latent(self, scene: Observation) -> Float32[np.ndarray, " latent"]:
        """What the encoder makes of a scene.

        Raises:
            ValueError: If the agent has no encoder.
        """
        if self.encoder is None:
            seen = self.config.settings.observation
            raise ValueError(f"agent: expected one that sees latents, came one of {seen}")
        latents: np.ndarray = encode_scenes(self.encoder, scene[None])[0]
        return latents

    def driver(self) -> Act:
        """A driver of one episode: the policy's most likely action, a whole number or controls.

        It remembers the episode if the policy has a memory or reads a stack of latents, so each
        episode has its own driver.
        """
        read, acting = self.reader(), Acting(self.policy)
        return lambda seen, state: _plain(acting.act(read(seen, state)))

    def reader(self) -> Callable[[Any, State], Any]:
        """What the policy reads at each moment of one episode, asked for one after the other."""
        history: LatentHistory | None = None

        def read(seen: Any, state: State) -> Any:
            nonlocal history
            history = self._remembered(history, seen)
            return self._input(history, seen, state)

        return read

    def act(self, seen: Any, state: State) -> Any:
        """The action at the first moment of an episode, or at any for an agent without a stack.

        Args:
            seen: The scene; of an agent that sees the traffic, what it observes of it.
            state: As `info["state"]` has it, NaN where a variable has no meaning.

        Raises:
            ValueError: If the policy has a memory, for it would be empty at every moment.
        """
        if isinstance(self.config.settings.algorithm, RecurrentPPOSettings):
            raise ValueError(
                "agent: expected one that acts by what it sees now, came one of "
                f"{self.config.settings.algorithm.name}, which remembers its episode: let "
                "driver() drive it, a new one each episode"
            )
        return self.driver()(seen, state)

    def _remembered(self, history: LatentHistory | None, seen: Any) -> LatentHistory | None:
        if self.encoder is None:
            return None
        latents = self.latent(seen)[None]
        if history is not None:
            history.push(latents)
            return history
        n_latents = self.config.settings.stack
        begun = LatentHistory(1, self.encoder.settings.latent_size, n_latents)
        begun.begin(np.ones(1, np.bool_), latents)
        return begun

    def _input(self, history: LatentHistory | None, seen: Any, state: State) -> Any:
        if history is not None:
            speeds = [float(state[_SPEED])] if self.config.settings.speed else None
            (observation,) = policy_input(history, speeds)
        elif self.config.settings.observation == "state":
            observation = finite_state(self.config.scene, state)
        elif self.config.settings.observation == "pixels":
            observation = channels_first(seen)
        else:
            return seen
        return np.asarray(observation)


def _plain(action: np.ndarray) -> Any:
    """A whole number, or controls."""
    return int(action) if action.ndim == 0 else action


def _check_pixels(path: Path, config: AgentConfig) -> None:
    """Refuse a policy of other scenes, or one that was trained while its axes were guessed."""
    scene = config.scene
    try:
        shape = (scene.height, scene.width, scene.n_channels)
        check_channels_first(read_agent_data(path).observed, shape)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; train it anew") from error


def _observed(config: AgentConfig, encoder: SceneVAE | None) -> spaces.Space[Any]:
    """The observations of an agent's policy."""
    settings = config.settings
    if encoder is None:
        return observation_kind(config.scene, settings.environments_observe).space(config.scene)
    size = settings.stack * encoder.settings.latent_size + settings.speed
    return spaces.Box(-np.inf, np.inf, (size,), np.float32)


def _check_encoder(folder: Path, encoder: SceneVAE, config: AgentConfig, n_read: int) -> None:
    """Refuse an encoder that is not the one of the training; of so many numbers, with speed."""
    settings, scene = config.settings, config.scene
    expected = (n_read - settings.speed) // settings.stack
    if encoder.settings.latent_size != expected:
        raise ValueError(
            f"{folder}: expected an encoder of {expected} latents as the policy reads, "
            f"came {encoder.settings.latent_size}"
        )
    check_frame_size(encoder, (scene.height, scene.width, scene.n_channels))
    came = encoder_fingerprint(encoder)
    if came != config.encoder:
        raise ValueError(
            f"{folder}: expected the encoder that the agent was trained on, {config.encoder}, "
            f"came {came}"
        )


def encoder_fingerprint(encoder: SceneVAE) -> str:
    """Short hash of an encoder's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def config_json(config: AgentConfig) -> dict[str, Any]:
    """The entries of `config.json`, as JSON gives them back."""
    entries: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    if config.teacher is None:
        del entries[_TEACHER]
    return entries
