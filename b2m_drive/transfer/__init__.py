"""Brain Contrastive Transfer and Brain Latent Transfer, for any layer of any network."""

from b2m_drive.transfer.attachment import BrainAttachment, attach
from b2m_drive.transfer.contrastive import info_nce_loss, near_in_time, sample_positions
from b2m_drive.transfer.latent_regression import latent_regression_loss
from b2m_drive.transfer.schedule import WeightSchedule
from b2m_drive.transfer.targets import BrainTargets

__all__ = [
    "BrainAttachment",
    "BrainTargets",
    "WeightSchedule",
    "attach",
    "info_nce_loss",
    "latent_regression_loss",
    "near_in_time",
    "sample_positions",
]
