"""What the brain did, as a network is to be taught it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Int, Int64

if TYPE_CHECKING:
    import b2m_drive.recordings.trial_responses
    import b2m_drive.teachers.latents

_EXPECTED_IDS = (
    "expected whole numbers (an integer array; number text with np.unique(text, "
    "return_inverse=True), convert exact fractions with .astype(np.int64))"
)


@dataclass(frozen=True)
class BrainTargets:
    """Brain activity or latents by stimulus or trial, to be paired with a batch by id.

    Raises:
        ValueError: If shapes disagree, an id is no whole number or comes twice, a valid value is
            NaN or infinite, a trial has no valid step, a phase is negative or has no variances,
            or those of a phase are negative or all zero.
    """

    values: Float32[np.ndarray, "trial time latent"] | Float32[np.ndarray, "trial latent"]
    ids: Int64[np.ndarray, " trial"]  # of trials, or of stimuli where values have no time axis
    origin: str  # the session; says so where it is simulated
    valid: Bool[np.ndarray, "trial time"] | None = None  # steps that teach; None: all
    # Weight of each latent, the same or another in each phase; None: equal.
    variance: Float32[np.ndarray, " latent"] | Float32[np.ndarray, "phase latent"] | None = None
    # Which latents a step has: those of different phases, as encoding and delay, need not be the
    # same, and are read by heads of their own. None: one phase.
    phase: Int64[np.ndarray, " time"] | Int64[np.ndarray, "trial time"] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", whole_ids(self.ids, f"ids of {self.origin}"))
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
        self._check_phase()
        self._check_variance()

    @property
    def over_time(self) -> bool:
        """Whether there is one target for each time step, not one for the whole stimulus."""
        return self.values.ndim == 3

    @property
    def n_phases(self) -> int:
        """Phases, whose latents differ."""
        if self.variance is not None and self.variance.ndim == 2:
            return len(self.variance)
        return 1 if self.phase is None else int(self.phase[self.phase_of_steps >= 0].max()) + 1

    @classmethod
    def from_recording(
        cls, recording: b2m_drive.recordings.trial_responses.TrialResponses
    ) -> BrainTargets:
        """The binned activity itself, one step a bin, each unit weighted by its variance.

        Bins of an item that a trial lacks teach nothing, and a trial that lacks all bins is left
        out, which `origin` then says.
        """
        valid = recording.present
        taught = valid.any(1)
        activity, valid = recording.values[taught], valid[taught]
        kind = "simulated" if recording.simulated else "recorded"
        lost = "" if taught.all() else f", without {int((~taught).sum())} trials that lack all bins"
        spread = activity[valid].var(0, dtype=np.float64)
        return cls(
            activity,
            recording.ids[taught],
            f"{recording.session} ({kind}{lost})",
            valid=None if valid.all() else valid,
            variance=(spread / (spread.sum() or 1.0)).astype(np.float32),
        )

    @classmethod
    def from_latents(
        cls, latents: b2m_drive.teachers.latents.BrainLatents, origin: str
    ) -> BrainTargets:
        """Latents, one step a window, each weighted by its share of variance in its phase.

        Windows that a trial does not have, as those of an item it lacks, teach nothing.
        """
        share = latents.share_of_variance.astype(np.float32)
        share[np.setdiff1d(np.arange(len(share)), latents.phase)] = 1  # phases without a window
        return cls(
            latents.values,
            latents.trial_id,
            f"{origin}, {latents.method} latents, {latents.pairing}",
            valid=latents.present,
            variance=share,
            phase=latents.phase,
        )

    @property
    def phase_of_steps(self) -> Int64[np.ndarray, "trial time"]:
        """The phase of each trial's steps, one step without a time axis; -1: it teaches nothing."""
        n_steps = self.values.shape[1] if self.over_time else 1
        every = np.zeros((len(self.values), n_steps), np.int64)
        if self.phase is not None:
            every[:] = self.phase
        if self.valid is not None:
            every[~self.valid] = -1
        return every

    @property
    def share_by_phase(self) -> Float32[np.ndarray, "phase latent"]:
        """The variances, for each phase, equal ones where none are known."""
        every = np.ones((self.n_phases, self.values.shape[-1]), np.float32)
        if self.variance is not None:
            every[:] = self.variance
        return every

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

    def _check_phase(self) -> None:
        if self.phase is None:
            return
        if not self.over_time:
            raise ValueError(f"phase of {self.origin}: expected None without a time axis")
        self._check_shape("phase", self.values.shape[self.phase.ndim == 1 : 2])

    def _check_variance(self) -> None:
        phase = self.phase_of_steps
        if phase[phase < 0].size if self.valid is None else (phase[self.valid] < 0).any():
            raise ValueError(f"phase of {self.origin}: expected 0 or more where a step is valid")
        if self.variance is None:
            return
        n_latents = self.values.shape[-1]
        by_phase = np.atleast_2d(self.variance)
        if self.variance.ndim == 1:
            self._check_shape("variance", (n_latents,))
        elif self.variance.ndim != 2 or len(by_phase) <= phase.max() or not by_phase.size:
            raise ValueError(
                f"variance of {self.origin}: expected shape ({n_latents},), or "
                f"({int(phase.max()) + 1}, {n_latents}) for that many phases, "
                f"came {self.variance.shape}"
            )
        else:
            self._check_shape("variance", (len(by_phase), n_latents))
        if not (np.isfinite(by_phase).all() and (by_phase >= 0).all()):
            raise ValueError(f"variance of {self.origin}: expected finite values of at least 0")
        if not by_phase.any(1).all():
            raise ValueError(f"variance of {self.origin}: expected a positive value, all are 0")


def whole_ids(ids: Int[np.ndarray, "*shape"] | Sequence[int], name: str) -> Int64[np.ndarray, "_"]:
    """Ids as an array of int64, exactly as they came.

    Args:
        ids: Array or list of whole numbers.
        name: Of the ids, for messages.

    Raises:
        ValueError: If one is text, a fraction, missing, true or false, or a list.
    """
    try:
        came = np.asarray(ids)
    except ValueError as error:
        raise ValueError(f"{name}: {_EXPECTED_IDS}, came lists of unequal length") from error
    if came.dtype.kind not in "iu" and came.size:
        raise ValueError(f"{name}: {_EXPECTED_IDS}, came {came.dtype}: {_oddest(came)!r}")
    if came.ndim != 1:
        raise ValueError(f"{name}: {_EXPECTED_IDS}, one axis of them, came shape {came.shape}")
    if came.size and int(came.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: {_EXPECTED_IDS} of 64 bits, came {int(came.max())}")
    return came.astype(np.int64)


def _oddest(ids: np.ndarray) -> object:
    """A value that shows why these are no ids: a fraction or NaN, not 3.0, if there is one."""
    values = ids.ravel().tolist()
    whole = [isinstance(each, int | float) and each == each // 1 for each in values]
    return values[whole.index(False) if False in whole else 0]
