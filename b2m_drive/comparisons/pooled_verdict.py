"""A verdict over patients: the grade, the differences it was pooled from, and its words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

from b2m_drive.comparisons.verdict import Verdict, closest_null, finding_text, labels_text
from b2m_drive.evidence.condition import STRATEGIES
from b2m_drive.evidence.statistics import PairedDifference

_FEW_PATIENTS = 5  # fewer can hardly be generalised from


@dataclass(frozen=True)
class PooledDifference(PairedDifference):
    """Brain minus control with its interval over patients, and what it was pooled from.

    Of one patient the interval is (-inf, inf).
    """

    by_patient: dict[str, float]
    by_session: dict[str, float]
    patient_of: dict[str, str]  # session -> patient

    def sessions_of(self, patient: str) -> list[float]:
        """Brain minus control in each of a patient's sessions."""
        return [gain for name, gain in self.by_session.items() if self.patient_of[name] == patient]

    @property
    def z_score(self) -> float:
        """The one-sided p-value as a standard normal score, comparable between numbers of patients.

        NaN for one patient or no difference at all.
        """
        if self.n < 2 or (self.p_value == 1 and self.mean == 0):
            return math.nan
        upper = self.p_value / 2 if self.mean > 0 else 1 - self.p_value / 2
        return float(stats.norm.isf(upper))


@dataclass(frozen=True)
class PooledVerdict(Verdict):
    """A grade over patients, and the intervals it was computed from."""

    over_nulls: Mapping[str, PooledDifference]  # brain minus each null
    over_probes: Mapping[str, PooledDifference]  # brain minus each probe that every session has
    n_patients: int
    n_sessions: int
    n_units: int  # recorded units of all pooled sessions

    @property
    def finding(self) -> str:
        """One sentence with the intervals that decided."""
        kind = "simulated brains" if self.simulated else "brains"
        subject = (
            f"{STRATEGIES[self.method.strategy]} from {kind} ({self.method.readout_label}; "
            f"{self.n_patients} patients, {self.n_sessions} sessions, {self.n_units:,} units; the "
            "patient is the unit of analysis)"
        )
        found = finding_text(self.grade, self.over_nulls, subject, self.metric, self.study)
        few = f"So few patients ({self.n_patients}) can hardly be generalised from."
        parts = (found, self.weak, few if self.n_patients < _FEW_PATIENTS else "")
        return " ".join(part for part in parts if part)

    @property
    def about_labels(self) -> str:
        """How the brains compare with labels; empty where labels did not teach."""
        return labels_text(self.over_probes, "patients", self.study)

    @property
    def closest(self) -> str:
        """The null that the brains beat least surely."""
        return closest_null(self.over_nulls)
