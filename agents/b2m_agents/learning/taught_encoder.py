"""An encoder that learns with an agent's policy, and how a teacher pulls on it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_drive.files.settings_types import take_as_declared
from b2m_drive.students.scene_vae import SceneVAESettings
from b2m_drive.transfer.schedule import WeightSchedule
from b2m_drive.transfer.term import Strategy


@dataclass(frozen=True)
class TaughtEncoder:
    """The network that sees for an agent of pixels, and the transfer term of its training."""

    encoder: SceneVAESettings
    n_brain_latents: int
    strategy: Strategy
    weight: WeightSchedule
    n_steps: int | None  # [steps] that the weight falls over; None: it stays
    batch_size: int  # frames beside each batch of the policy
    temperature: float  # of the contrastive loss

    def __post_init__(self) -> None:
        take_as_declared(self)

    @classmethod
    def of(cls, teacher: OnlineTeacher, encoder: SceneVAESettings, n_steps: int) -> TaughtEncoder:
        """How a teacher teaches an encoder in a training of so many steps.

        Raises:
            ValueError: If the teacher's frames are not of the encoder's size.
        """
        expected = (encoder.height, encoder.width, encoder.channels)
        if teacher.frames.shape[1:] != expected:
            raise ValueError(
                f"teacher: frames: expected (height, width, channel) {expected} as the agent "
                f"sees, came {teacher.frames.shape[1:]}"
            )
        falls = teacher.weight.falls_to_zero_at is not None
        return cls(
            encoder,
            teacher.latents.shape[1],
            teacher.strategy,
            teacher.weight,
            (teacher.n_steps or n_steps) if falls else None,
            teacher.batch_size,
            teacher.temperature,
        )
