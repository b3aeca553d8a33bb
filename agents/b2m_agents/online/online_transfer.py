"""An agent whose encoder a brain teaches while the agent learns to drive."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, nn

from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.online.scene_features import extractors_of, put_encoder, scene_policy
from b2m_agents.worlds.channels_first import with_channels_first
from b2m_drive.students.devices import device_of
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.seeded_streams import torch_generator_for
from b2m_drive.transfer.term import transfer_loss

_INIT, _HEAD = range(2)  # purposes of random numbers
_POLICY = "CnnPolicy"


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
        self._taught_by: _TeacherOnDevice | None = None
        self.made_with = inspect.signature(PPO).bind(*args, **keywords).arguments
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
        self._taught_by = self._on_device(teacher)

    @torch.no_grad()
    def transfer_loss(self, teacher: OnlineTeacher) -> float:
        """The transfer term on all frames of a teacher, such as frames that were held out.

        Raises:
            ValueError: As `teach`.
        """
        taught_by = self._on_device(teacher)
        return float(self._loss(taught_by, torch.arange(len(teacher.frames), device=self.device)))

    def train(self) -> None:
        """Update the policy on the rollout, and with it the encoder on the teacher's frames.

        Raises:
            ValueError: If the agent was made for a teacher and none was given since.
        """
        weight = self._weight()
        if not weight:
            super().train()
            return
        taught_by, losses = self._taught_by, []
        assert taught_by is not None
        draws = np.random.default_rng([taught_by.teacher.seed, self.num_timesteps])

        def add_gradient(*_: Any) -> None:
            loss = self._loss(taught_by, taught_by.sample(draws))
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
        if self._taught_by is None:
            raise ValueError(
                f"teacher: expected one of {self.n_brain_latents} latents, with which the agent "
                "was made, came none; teach() it, with a weight of 0 to go on without"
            )
        teacher = self._taught_by.teacher
        rollout_began = max(self.num_timesteps - self.n_steps * self.n_envs, 0)
        return teacher.weight(rollout_began, teacher.n_steps or self._total_timesteps)

    def _loss(self, taught_by: _TeacherOnDevice, rows: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        assert self.transfer_head is not None
        prediction = self.transfer_head(self.encoder.encode(taught_by.frames[rows]).mean)
        return transfer_loss(
            taught_by.teacher.strategy,
            prediction,
            taught_by.targets[rows],
            taught_by.share,
            temperature=taught_by.teacher.temperature,
        )

    def _on_device(self, teacher: OnlineTeacher) -> _TeacherOnDevice:
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
        return _TeacherOnDevice.of(teacher, self.device)

    def _setup_model(self) -> None:
        super()._setup_model()
        if self.n_brain_latents:
            self.transfer_head = _head(
                self.encoder.settings.latent_size, self.n_brain_latents, self.seed or 0
            ).to(self.device)
            self.policy.optimizer.add_param_group({"params": list(self.transfer_head.parameters())})

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "transfer_head", "_taught_by", "made_with"]

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        modules, variables = super()._get_torch_save_params()
        return [*modules, *(["transfer_head"] if self.n_brain_latents else [])], variables


@dataclass(frozen=True)
class _TeacherOnDevice:
    """A teacher's arrays on the agent's device."""

    teacher: OnlineTeacher
    frames: UInt8[Tensor, "frame height width channel"]
    targets: Float32[Tensor, "frame latent"]
    share: Float32[Tensor, " latent"]

    @classmethod
    def of(cls, teacher: OnlineTeacher, device: torch.device) -> _TeacherOnDevice:
        share = teacher.share_of_variance
        if share is None:
            share = np.ones(teacher.latents.shape[1])
        return cls(
            teacher,
            torch.tensor(teacher.frames, device=device),
            torch.tensor(teacher.latents, dtype=torch.float32, device=device),
            torch.tensor(share, dtype=torch.float32, device=device),
        )

    def sample(self, generator: np.random.Generator) -> Int[Tensor, " batch"]:
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
    start = starting_encoder(encoder, seed)
    networks = scene_policy(start.settings, channels_first=True)
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


def starting_encoder(encoder: SceneVAE | SceneVAESettings | str | Path, seed: int) -> SceneVAE:
    """What an agent's encoder begins as: itself, one that was saved, or a new one of a seed."""
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
