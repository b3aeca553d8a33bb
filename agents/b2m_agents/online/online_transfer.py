"""An agent whose encoder a brain teaches while the agent learns to drive."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float, Float32, Int, UInt8
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, nn

from b2m_agents.learning.agent_file import (
    SavedAgent,
    go_on_from,
    read_agent_file,
    restore,
    save_agent,
)
from b2m_agents.learning.algorithms import set_up
from b2m_agents.learning.deleted_agent import OTHER_AGENT
from b2m_agents.learning.folder_names import AGENT_FILE, ENCODER_FOLDER
from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.online.scene_features import SceneFeatures, extractors_of, put_encoder, scene_policy
from b2m_agents.worlds.channels_first import with_channels_first
from b2m_drive.files.fingerprints import recorded_write, require_as_made
from b2m_drive.files.locks import claim
from b2m_drive.files.refusals import naming
from b2m_drive.students.devices import device_of
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.seeded_streams import torch_generator_for
from b2m_drive.transfer.term import transfer_loss

_INIT, _HEAD = range(2)  # purposes of random numbers
_POLICY = "CnnPolicy"
_BRIGHTEST = 255
_OF_A_SESSION = ("env", "device", "tensorboard_log", "verbose", "_init_setup_model")


class TransferPPO(PPO):
    """PPO on scenes, with a brain's transfer term as an auxiliary loss of its encoder.

    Before every step of the policy's optimiser, the gradient of the weighted transfer term, on a
    batch of the teacher's frames, is added to the policy's own (which PPO has clipped by then).
    Both losses so share one step, and PPO itself is Stable-Baselines3's. Without a teacher, or
    while its weight is 0, the agent is bit for bit that of `PPO`.

    The teacher's frames and latents are not saved with the agent (recordings have licences of
    their own): `teach` again after loading.

    Args:
        *args: As those of `PPO`; the policy has `SceneFeatures`, see `new_online_policy`.
        n_brain_latents: Of the teachers to come; 0: none will.
        **keywords: As those of `PPO`.
    """

    def __init__(self, *args: Any, n_brain_latents: int = 0, **keywords: Any) -> None:
        self.n_brain_latents = n_brain_latents
        self.transfer_head: nn.Linear | None = None
        self._lesson: _Lesson | None = None
        self._keywords = inspect.signature(PPO).bind(*args, **keywords).arguments
        super().__init__(*args, **keywords)

    @property
    def encoder(self) -> SceneVAE:
        """The policy's own, as it is now."""
        return extractors_of(self.policy)[0].vae

    def teach(self, teacher: OnlineTeacher) -> None:
        """Let a teacher take part from now on.

        Raises:
            ValueError: If its frames or latents are of other sizes than the agent's.
        """
        self._lesson = self._lesson_of(teacher)

    @torch.no_grad()
    def transfer_loss(self, teacher: OnlineTeacher) -> float:
        """The transfer term on all frames of a teacher, such as frames that were held out.

        Raises:
            ValueError: As `teach`.
        """
        lesson = self._lesson_of(teacher)
        return float(self._loss(lesson, torch.arange(len(teacher.frames), device=self.device)))

    def train(self) -> None:
        """Update the policy on the rollout, and with it the encoder on the teacher's frames.

        Raises:
            ValueError: If the agent was made for a teacher and none was given since.
        """
        weight = self._weight()
        if not weight:
            super().train()
            return
        lesson, losses = self._lesson, []
        assert lesson is not None
        draws = np.random.default_rng([lesson.teacher.seed, self.num_timesteps])

        def add_gradient(*_: Any) -> None:
            loss = self._loss(lesson, lesson.draw(draws))
            (weight * loss).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())

        hook = self.policy.optimizer.register_step_pre_hook(add_gradient)
        try:
            super().train()
        finally:
            hook.remove()
        self.logger.record("train/transfer_weight", weight)
        self.logger.record("train/transfer_loss", float(torch.stack(losses).mean()))

    def _weight(self) -> float:
        if not self.n_brain_latents:
            return 0.0
        if self._lesson is None:
            raise ValueError(
                f"teacher: expected one of {self.n_brain_latents} latents, with which the agent "
                "was made, came none; teach() it, with a weight of 0 to go on without"
            )
        teacher = self._lesson.teacher
        rollout_began = max(self.num_timesteps - self.n_steps * self.n_envs, 0)
        return teacher.weight(rollout_began, teacher.n_steps or self._total_timesteps)

    def _loss(self, lesson: _Lesson, rows: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        assert self.transfer_head is not None
        prediction = self.transfer_head(self.encoder.encode(lesson.frames[rows]).mean)
        return transfer_loss(
            lesson.teacher.strategy,
            prediction,
            lesson.targets[rows],
            lesson.share,
            temperature=lesson.teacher.temperature,
        )

    def _lesson_of(self, teacher: OnlineTeacher) -> _Lesson:
        settings = self.encoder.settings
        expected = (settings.height, settings.width, settings.channels)
        if teacher.frames.shape[1:] != expected:
            raise ValueError(
                f"teacher: frames: expected (height, width, channel) {expected} as the agent's "
                f"encoder sees, came {teacher.frames.shape[1:]}"
            )
        if teacher.latents.shape[1] != self.n_brain_latents:
            raise ValueError(
                f"teacher: latents: expected {self.n_brain_latents}, for which the agent was "
                f"made, came {teacher.latents.shape[1]}"
            )
        return _Lesson.of(teacher, self.device)

    def _setup_model(self) -> None:
        super()._setup_model()
        if self.n_brain_latents:
            self.transfer_head = _head(
                self.encoder.settings.latent_size, self.n_brain_latents, self.seed or 0
            ).to(self.device)
            self.policy.optimizer.add_param_group({"params": list(self.transfer_head.parameters())})

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "transfer_head", "_lesson", "_keywords"]

    def recipe(self) -> dict[str, Any]:
        """What the agent is built anew from, as JSON can hold it.

        Functions, such as a schedule of the learning rate, it cannot: ``given_again`` names them.
        """
        keywords = {k: v for k, v in self._keywords.items() if k not in _OF_A_SESSION}
        if keywords.get("policy") == _POLICY:
            keywords.pop("policy")
        networks = dict(keywords.pop("policy_kwargs", None) or {})
        networks.pop("features_extractor_class", None)  # SceneFeatures, as everyone's
        every = keywords | networks
        return {
            "class": type(self).__name__,
            "n_brain_latents": self.n_brain_latents,
            "observed": list(self.observation_space.shape or ()),
            "acts": _acts_json(self.action_space),
            "keywords": {k: v for k, v in keywords.items() if _is_plain(v)},
            "policy_kwargs": {k: v for k, v in networks.items() if _is_plain(v)},
            "given_again": sorted(k for k, v in every.items() if not _is_plain(v)),
        }

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        modules, variables = super()._get_torch_save_params()
        return [*modules, *(["transfer_head"] if self.n_brain_latents else [])], variables


@dataclass(frozen=True)
class _Lesson:
    """A teacher's arrays on the agent's device."""

    teacher: OnlineTeacher
    frames: UInt8[Tensor, "frame height width channel"]
    targets: Float32[Tensor, "frame latent"]
    share: Float32[Tensor, " latent"]

    @classmethod
    def of(cls, teacher: OnlineTeacher, device: torch.device) -> _Lesson:
        share = teacher.share_of_variance
        if share is None:
            share = np.ones(teacher.latents.shape[1])
        return cls(
            teacher,
            torch.tensor(teacher.frames, device=device),
            torch.tensor(teacher.latents, dtype=torch.float32, device=device),
            torch.tensor(share, dtype=torch.float32, device=device),
        )

    def draw(self, generator: np.random.Generator) -> Int[Tensor, " batch"]:
        """Frames of a batch, each once."""
        rows = generator.choice(len(self.frames), self.teacher.batch_size, replace=False)
        return torch.from_numpy(rows).to(self.frames.device)


def new_online_policy(
    venv: VecEnv,
    encoder: SceneVAE | SceneVAESettings | str | Path,
    teacher: OnlineTeacher | None = None,
    *,
    hidden_sizes: tuple[int, ...] = (64, 64),
    seed: int = 0,
    device: str | torch.device = "cpu",
    **settings: Any,
) -> TransferPPO:
    """An agent whose gradient reaches its encoder, which a teacher may teach meanwhile.

    ```python
    envs = make_scene_vec_env(SceneSettings("highway_fast"), n_envs=8, seed=0)
    teacher = OnlineTeacher(frames, latents.values, weight=WeightSchedule(0.1, 0.5), n_steps=20_000)
    policy = new_online_policy(envs, "runs/encoder", teacher).learn(20_000)
    save_online_agent(policy, "runs/agent")
    ```

    Args:
        venv: Scenes of uint8 `[height width channel]`.
        encoder: To start from: itself (it is copied), the folder that `save_pretrained` wrote, or
            settings of a new one.
        teacher: None: the policy's gradient alone shapes the encoder.
        hidden_sizes: Of the policy and of the value, each behind the encoder.
        seed: Of all chance; Stable-Baselines3 sets the global seeds, and those of `venv`.
        device: Of the networks, see `device_of`.
        **settings: Further ones of `PPO`.

    Raises:
        FileNotFoundError: If the encoder's folder lacks a file.
        ValueError: If the encoder is of other frames than `venv` or the teacher.
    """
    start = _starting(encoder, seed)
    networks = scene_policy(start.settings)
    networks["features_extractor_kwargs"]["channels_first"] = True
    policy = TransferPPO(
        _POLICY,
        with_channels_first(venv),
        n_brain_latents=0 if teacher is None else teacher.latents.shape[1],
        policy_kwargs={**networks, "net_arch": list(hidden_sizes)},
        seed=seed,
        device=device_of(device),
        **settings,
    )
    put_encoder(policy.policy, start)
    if teacher is not None:
        policy.teach(teacher)
    return policy


def save_online_agent(policy: TransferPPO, folder: str | Path) -> Path:
    """Write an agent, and beside it its encoder for others, each file whole or not at all.

    ``agent.zip`` is complete by itself. ``encoder/`` holds the encoder as it is now, as
    safetensors and JSON that `SceneVAE.from_pretrained` reads. ``fingerprints.json`` tells this
    ``agent.zip`` from another.
    """
    folder = Path(folder)
    with claim(folder, "the writing of an agent"):
        policy.encoder.save_pretrained(folder / ENCODER_FOLDER)
        with recorded_write(folder / AGENT_FILE) as draft:
            save_agent(policy, draft, policy.recipe())
    return folder


def load_online_agent(
    folder: str | Path,
    env: VecEnv | None = None,
    teacher: OnlineTeacher | None = None,
    *,
    device: str | torch.device = "cpu",
    force_reset: bool = True,
    **settings: Any,
) -> TransferPPO:
    """Read an agent that `save_online_agent` wrote; nothing that stands in its file is run.

    Args:
        folder: Of the agent.
        env: To learn on in; None: only to act.
        teacher: To go on with; an agent that had one needs it to learn on.
        device: Of the networks, see `device_of`.
        force_reset: Whether learning starts with new episodes.
        **settings: Those of `PPO` and of its policy that no file holds, such as a function that
            gives the learning rate.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged or something else, a setting that it cannot hold is not
            given again, or the teacher is of other sizes; names what is missing.
    """
    saved = read_agent_file(Path(folder) / AGENT_FILE)
    require_as_made(Path(folder), AGENT_FILE, OTHER_AGENT)
    worlds = None if env is None else with_channels_first(env)
    policy = _as_before(saved, worlds, device_of(device), settings)
    restore(policy, saved)
    if env is not None and not force_reset:
        go_on_from(policy, saved)
    if teacher is not None:
        policy.teach(teacher)
    return policy


def _as_before(
    saved: SavedAgent, env: VecEnv | None, device: torch.device, given: dict[str, Any]
) -> TransferPPO:
    """An agent as the saved one was made."""
    recipe = saved.settings or {}
    if recipe.get("class") != TransferPPO.__name__:
        raise ValueError(
            f"{saved.path}: expected an agent of {TransferPPO.__name__} with its settings, came "
            "another, or one that an earlier version wrote"
        )
    with naming(saved.path, f"the settings of an agent of {TransferPPO.__name__}"):
        missing = sorted(set(recipe["given_again"]) - set(given))
        if missing:
            raise ValueError(f"some that no file holds: give {', '.join(missing)} again")
        known = set(inspect.signature(PPO).parameters)
        networks = {**recipe["policy_kwargs"], "features_extractor_class": SceneFeatures}
        networks |= {name: value for name, value in given.items() if name not in known}
        keywords = {"policy": _POLICY, **recipe["keywords"]}
        keywords |= {name: value for name, value in given.items() if name in known}
        policy = TransferPPO(
            env=env,
            n_brain_latents=recipe["n_brain_latents"],
            policy_kwargs=networks,
            device=device,
            _init_setup_model=env is not None,
            **keywords,
        )
        if env is not None:
            return policy
        observed = spaces.Box(0, _BRIGHTEST, tuple(recipe["observed"]), np.uint8)
        return set_up(policy, observed, _acts_from_json(recipe["acts"]))


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _acts_json(space: spaces.Space[Any]) -> dict[str, Any]:
    if isinstance(space, spaces.Discrete):
        return {"n": int(space.n)}
    if isinstance(space, spaces.Box):
        return {"low": space.low.tolist(), "high": space.high.tolist()}
    raise ValueError(f"actions: expected discrete or continuous ones to be saved, came {space}")


def _acts_from_json(entries: dict[str, Any]) -> spaces.Space[Any]:
    if "n" in entries:
        return spaces.Discrete(entries["n"])
    low, high = (np.array(entries[name], np.float32) for name in ("low", "high"))
    return spaces.Box(low, high, dtype=np.float32)


def _starting(encoder: SceneVAE | SceneVAESettings | str | Path, seed: int) -> SceneVAE:
    if isinstance(encoder, SceneVAE):
        return encoder
    if isinstance(encoder, SceneVAESettings):
        return SceneVAE(encoder, torch_generator_for(seed, _INIT))
    return SceneVAE.from_pretrained(encoder)


def _head(n_features: int, n_latents: int, seed: int) -> nn.Linear:
    """PyTorch's uniform start, drawn apart: an agent's chance is the same with a head or none."""
    head = nn.Linear(n_features, n_latents, device="meta").to_empty(device="cpu")
    generator = torch_generator_for(seed, _HEAD)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.uniform_(-(n_features**-0.5), n_features**-0.5, generator=generator)
    return head
