"""Rank readings of the same recordings by how surely they beat every null.

The ranking is selection: its winner's figures are the largest of many and therefore flattered. Only
what the one chosen reading does on patients that took no part in the choice is a test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from b2m_drive.comparisons.pooled_verdict import PooledVerdict
from b2m_drive.comparisons.pooling import SessionsRun, pooled_verdict
from b2m_drive.evidence.condition import TransferMethod


@dataclass(frozen=True)
class RankedCandidate:
    """One way of reading and teaching, and how surely it beat its hardest null.

    The hardest null is that of the smallest z score; the *closest* of a verdict is that of the
    smallest lower bound.
    """

    rank: int  # from 1
    name: str  # of the folder of sessions
    method: TransferMethod
    criterion: float  # smallest z score over the nulls; NaN where it is not defined
    hardest: str  # the null of that score
    verdict: PooledVerdict  # on the patients of the selection


def rank_candidates(runs: Mapping[str, SessionsRun]) -> list[RankedCandidate]:
    """Every folder with every teaching, the surest first; what has no criterion, last.

    The criterion is the smallest over nulls of the one-sided p-value of brain minus null, as a
    standard normal score: a reading is as good as its comparison with the null that it beats least
    surely, and a reading that few patients have gets no advantage from chance.

    Raises:
        ValueError: If there is nothing to rank, or a run cannot be judged.
    """
    if not runs:
        raise ValueError("candidates: expected at least one, came none")
    found = [
        (name, pooled_verdict(run, method)) for name, run in runs.items() for method in run.methods
    ]
    scored = [(*_criterion(verdict), name, verdict) for name, verdict in found]
    scored.sort(key=lambda each: (math.isnan(each[0]), -each[0]))
    return [
        RankedCandidate(rank, name, verdict.method, criterion, hardest, verdict)
        for rank, (criterion, hardest, name, verdict) in enumerate(scored, start=1)
    ]


def _criterion(verdict: PooledVerdict) -> tuple[float, str]:
    """The smallest z score over the nulls and that null; NaN if any is not defined."""
    statistics = {name: gain.z_score for name, gain in verdict.over_nulls.items()}
    for name, value in statistics.items():
        if math.isnan(value):
            return value, name
    hardest = min(statistics, key=lambda name: statistics[name])
    return statistics[hardest], hardest
