"""A trained agent's folder: encoder, policy, and what it was trained on.

======================  ========================================================================
``config.json``         scenario, settings of the scene and of the training, versions
``encoder/``            the frozen encoder, as safetensors and JSON
``agent.zip``           the policy as Stable-Baselines3 saves it (a pickle inside: open only
                        files that you trust)
``learning_curve.csv``  one row an episode of the training
======================  ========================================================================
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from b2m_agents.drivers import AGENT_FILE
from b2m_agents.encoder_view import VIEW
from b2m_agents.episodes import Observation
from b2m_agents.latent_observation import check_frame_size, encode_scenes, frozen
from b2m_drive.students.scene_vae import SceneVAE
from b2m_envs.driving.settings import SceneSettings, settings_from_keywords

CONFIG_FILE = "config.json"
ENCODER_FOLDER = "encoder"
# What the agent sees and does. The rest (traffic, lanes, duration) may differ from its training.
_VIEW = (*VIEW, "action")
_KINDS = {"scenario": str, "environment": dict, "training": dict, "encoder": str, "versions": dict}


@dataclass(frozen=True)
class AgentConfig:
    """What an agent was trained on, and how."""

    scenario: str
    environment: dict[str, Any]  # fields of `SceneSettings`, as they were given
    training: dict[str, Any]  # fields of `TrainingSettings`
    encoder: str  # fingerprint
    versions: dict[str, str]

    @property
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
    try:
        entries = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected JSON, came {error}") from error
    known = {field.name for field in fields(AgentConfig)}
    if not isinstance(entries, dict) or set(entries) != known:
        came = sorted(entries) if isinstance(entries, dict) else type(entries).__name__
        raise ValueError(f"{path}: expected the entries {sorted(known)}, came {came}")
    for name, kind in _KINDS.items():
        if not isinstance(entries[name], kind):
            raise ValueError(f"{path}: {name}: expected {kind.__name__}, came {entries[name]!r}")
    config = AgentConfig(**entries)
    try:
        _ = config.scene
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
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
    if scene.action == "discrete" and scene.of.lane_changes != config.scene.of.lane_changes:
        raise ValueError(
            f"scenario: expected one with the meta-actions of {config.scenario!r}, "
            f"came {scene.scenario!r}"
        )


@dataclass(frozen=True)
class TrainedAgent:
    """Encoder and policy, ready to drive."""

    config: AgentConfig
    encoder: SceneVAE
    policy: PPO

    @classmethod
    def read(cls, folder: Path) -> TrainedAgent:
        """Read an agent that `train_agent` wrote.

        Raises:
            FileNotFoundError: If the folder or a file is missing.
            ValueError: If a file is damaged, or the encoder is not the one of the training.
        """
        config = read_agent_config(folder)
        encoder = frozen(SceneVAE.from_pretrained(folder / ENCODER_FOLDER))
        policy = read_policy(folder / AGENT_FILE)
        expected = (policy.observation_space.shape or (0,))[0]
        if encoder.settings.latent_size != expected:
            raise ValueError(
                f"{folder / ENCODER_FOLDER}: expected an encoder of {expected} latents as the "
                f"policy reads, came {encoder.settings.latent_size}"
            )
        scene = config.scene
        check_frame_size(encoder, (scene.height, scene.width, scene.n_channels))
        came = encoder_fingerprint(encoder)
        if came != config.encoder:
            raise ValueError(
                f"{folder / ENCODER_FOLDER}: expected the encoder that the agent was trained on, "
                f"{config.encoder}, came {came}"
            )
        return cls(config, encoder, policy)

    def latent(self, observation: Observation) -> Float32[np.ndarray, " latent"]:
        """What the policy reads of a scene."""
        latents: np.ndarray = encode_scenes(self.encoder, observation[None])[0]
        return latents

    def act(self, observation: Observation) -> Any:
        """The policy's most likely action: a whole number, or the controls."""
        action, _ = self.policy.predict(self.latent(observation), deterministic=True)
        return int(action) if action.ndim == 0 else action


def read_policy(path: Path, env: VecEnv | None = None, *, force_reset: bool = True) -> PPO:
    """Read a policy that Stable-Baselines3 saved.

    Args:
        path: The file.
        env: To learn on in; None: only to act.
        force_reset: Whether learning starts with new episodes.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged or something else; names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent}: expected a file {path.name} of a trained agent")
    try:
        return PPO.load(path, env, device="cpu", force_reset=force_reset)
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to mean
        raise ValueError(f"{path}: expected an agent of Stable-Baselines3, came {error}") from error


def encoder_fingerprint(encoder: SceneVAE) -> str:
    """Short hash of an encoder's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def config_json(config: AgentConfig) -> dict[str, Any]:
    """The entries of `config.json`, as JSON gives them back."""
    entries: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return entries
