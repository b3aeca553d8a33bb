"""Jobs that other processes can be given: they sleep, count themselves, fail or end a worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.comparisons.jobs import Job
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.evidence.condition import Condition
from b2m_drive.evidence.scores import Score, read_scores


@dataclass(frozen=True)
class DryPlan:
    """A job without any network: it takes so long, and may fail."""

    name: str
    seconds: float = 0.0
    ledger: Path | None = None  # folder where each start leaves a file
    fails: bool = False
    kills_once: Path | None = None  # file that is made when this job ends its worker
    kills_always: bool = False
    large: Any = None


def run_dry(plan: DryPlan, after_step: Callable[[], None]) -> list[Score]:
    if plan.ledger is not None:
        (plan.ledger / f"{plan.name}-{os.getpid()}-{time.monotonic_ns()}").touch()
    if plan.kills_always or (plan.kills_once is not None and not plan.kills_once.exists()):
        if plan.kills_once is not None:
            plan.kills_once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(plan.seconds)
    if plan.fails:
        raise RuntimeError(f"{plan.name} cannot be done")
    after_step()
    total = 0.0 if plan.large is None else float(np.asarray(plan.large).sum())
    return [Score(Condition(plan.name), 0, "accuracy", 1, total, "1")]


@dataclass(frozen=True)
class DryComparison(RunnableComparison[DryPlan, list[Score]]):
    """A grid of dry jobs."""

    plans: tuple[DryPlan, ...]

    @property
    def run_job(self) -> Callable[[DryPlan, Callable[[], None]], list[Score]]:
        return run_dry

    def describe(self) -> dict[str, Any]:
        return {"study": "dry", "jobs": [plan.name for plan in self.plans]}

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[DryPlan]]]:
        return {folder: [Job(plan.name, plan, 1) for plan in self.plans]}

    def read(self, folder: Path) -> list[Score]:
        return read_scores(folder / "scores.csv")


def dry(n_jobs: int, **more: Any) -> DryComparison:
    return DryComparison(tuple(DryPlan(f"job{index}", **more) for index in range(n_jobs)))


def started(ledger: Path) -> dict[str, int]:
    """How often each job was started."""
    names = [path.name.split("-")[0] for path in ledger.iterdir()]
    return {name: names.count(name) for name in set(names)}
