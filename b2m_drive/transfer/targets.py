"""What the brain did, as a network is to be taught it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Int64

if TYPE_CHECKING:
    import b2m_drive.brain.latents
    import b2m_drive.brain.recording


@dataclass(frozen=True)
class BrainTargets:
    """Brain activity or latents by stimulus or trial, to be paired with a batch by id.

    Raises:
        ValueError: If shapes disagree, an id comes twice, a valid value is NaN or infinite, a
            trial has no valid step, or the variances are negative or all zero.
    """

    values: Float32[np.ndarray, "trial time latent"] | Float32[np.ndarray, "trial latent"]
    ids: Int64[np.ndarray, " trial"]  # of trials, or of stimuli where values have no time axis
    origin: str  # the session; says so where it is simulated
    valid: Bool[np.ndarray, "trial time"] | None = None  # steps that teach; None: all
    variance: Float32[np.ndarray, " latent"] | None = None  # weight of each latent; None: equal

    def __post_init__(self) -> None:
        if self.values.ndim not in (2, 3) or 0 in self.values.shape:
            raise ValueError(
                f"values of {self.origin}: expected (stimulus, latent) or (trial, time, latent), "
                f"none of them 0, came {self.values.shape}"
            )
        self._check_shape("ids", self.values.shape[:1])
        repeated = np.flatnonzero(np.unique_counts(self.ids).counts > 1)
        if len(repeated):
            names = np.unique(self.ids)[repeated][:5].tolist()
            raise ValueError(f"ids of {self.origin}: expected each once, came repeated {names}")
        self._check_valid()
        self._check_variance()

    @property
    def over_time(self) -> bool:
        """Whether there is one target for each time step, not one for the whole stimulus."""
        return self.values.ndim == 3

    @classmethod
    def from_recording(cls, recording: b2m_drive.brain.recording.BrainRecording) -> BrainTargets:
        """The binned activity itself, one step a bin, each unit weighted by its variance."""
        kind = "simulated" if recording.simulated else "recorded"
        return cls(
            recording.activity,
            recording.trials.trial_id,
            f"{recording.session} ({kind})",
            variance=recording.activity.var((0, 1)),
        )

    @classmethod
    def from_latents(
        cls, latents: b2m_drive.brain.latents.BrainLatents, origin: str
    ) -> BrainTargets:
        """Latents, one step a window, each weighted by its share of variance over all phases.

        Windows that a trial does not have, as those of an item it lacks, teach nothing.
        """
        return cls(
            latents.values,
            latents.trial_id,
            f"{origin}, {latents.method} latents, {latents.pairing}",
            valid=latents.present,
            variance=latents.share_of_variance.mean(0).astype(np.float32),
        )

    def rows_of(self, ids: Int64[np.ndarray, " batch"]) -> Int64[np.ndarray, " batch"]:
        """Row of each id in ``values``; -1 for an id that this brain was never shown."""
        order = np.argsort(self.ids)
        candidate = order[np.searchsorted(self.ids, ids, sorter=order).clip(max=len(order) - 1)]
        return np.where(self.ids[candidate] == ids, candidate, -1)

    def _check_shape(self, field: str, expected: tuple[int, ...]) -> None:
        shape = getattr(self, field).shape
        if shape != expected:
            raise ValueError(f"{field} of {self.origin}: expected shape {expected}, came {shape}")

    def _check_valid(self) -> None:
        taught = self.values
        if self.valid is not None:
            if not self.over_time:
                raise ValueError(f"valid of {self.origin}: expected None without a time axis")
            self._check_shape("valid", self.values.shape[:2])
            if not self.valid.any(1).all():
                empty = self.ids[~self.valid.any(1)][:5].tolist()
                raise ValueError(f"valid of {self.origin}: no valid step in trials {empty}")
            taught = self.values[self.valid]
        if not np.isfinite(taught).all():
            count = int((~np.isfinite(taught)).sum())
            raise ValueError(
                f"values of {self.origin}: expected finite ones, {count} are NaN or infinite"
            )

    def _check_variance(self) -> None:
        if self.variance is None:
            return
        self._check_shape("variance", self.values.shape[-1:])
        if not (np.isfinite(self.variance).all() and (self.variance >= 0).all()):
            raise ValueError(f"variance of {self.origin}: expected finite values of at least 0")
        if not self.variance.any():
            raise ValueError(f"variance of {self.origin}: expected a positive value, all are 0")
