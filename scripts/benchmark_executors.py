"""Measure where jobs run: wall times side by side, what an engine costs, and how cost grows.

    python scripts/benchmark_executors.py alike      the same memory comparison on every executor
    python scripts/benchmark_executors.py overhead   a grid of 10 s jobs, beside its bare work
    python scripts/benchmark_executors.py short      200 short jobs to one table and one report
    python scripts/benchmark_executors.py growth     10, 100, 1,000 jobs of .1 s

The Ray cluster has two nodes on the loopback of this machine, one processor each; SLURM is
submitit's executor of this machine. Times are of one run each and differ from run to run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.comparisons.comparison import BLT, Comparison
from b2m_drive.comparisons.jobs import Job, RunJob, pending_jobs
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.comparisons.standard_controls import NULLS
from b2m_drive.comparisons.student_job import Budget
from b2m_drive.evidence.condition import Condition
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.recordings.responses import Responses

N_PROCESSES = 2
Opened = AbstractContextManager[Executor | None]


@contextmanager
def ray_of_two_nodes() -> Iterator[Executor]:
    """A cluster of two nodes on loopback."""
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")
    from ray.cluster_utils import Cluster

    from b2m_drive.executors.ray_cluster import RayCluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        with RayCluster(cluster.address) as executor:
            yield executor
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def slurm_of_this_machine(folder: Path) -> Opened:
    """Submitit's local executor, as many jobs at once as there are processes."""
    from b2m_drive.executors.slurm_cluster import Allocation, SlurmCluster

    return SlurmCluster(folder / "slurm", "local", Allocation(most_submitted=N_PROCESSES))


EXECUTORS: dict[str, tuple[Callable[[Path], Opened], int]] = {
    "1 process": (lambda folder: nullcontext(), 1),
    "2 processes": (lambda folder: nullcontext(), 2),
    "Ray, two nodes": (lambda folder: ray_of_two_nodes(), 2),
    "submitit, local": (slurm_of_this_machine, 2),
}


@dataclass(frozen=True)
class SleepingPlan:
    """A job that computes nothing for so long."""

    name: str
    seconds: float


def sleep(plan: SleepingPlan, after_step: Callable[[], None]) -> list[Score]:
    """Take the time of a job, and give one score."""
    time.sleep(plan.seconds)
    after_step()
    return [Score(Condition(plan.name), 0, "accuracy", 1, 0.5, "1")]


@dataclass(frozen=True)
class SleepingComparison(RunnableComparison[SleepingPlan, list[Score]]):
    """A grid of jobs that compute nothing."""

    n_jobs: int
    seconds: float

    @property
    def run_job(self) -> RunJob:
        """Takes the time of one job."""
        return sleep

    def describe(self) -> dict[str, Any]:
        """What the grid is."""
        return {"study": "sleeping", "n_jobs": self.n_jobs, "seconds": self.seconds}

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[SleepingPlan]]]:
        """One job after another."""
        names = (f"job{index}" for index in range(self.n_jobs))
        return {folder: [Job(name, SleepingPlan(name, self.seconds), 1) for name in names]}

    def read(self, folder: Path) -> list[Score]:
        """The scores of all jobs."""
        return read_scores(folder / "scores.csv")


def seconds_on(name: str, comparison: RunnableComparison[Any, Any], folder: Path) -> float:
    """Seconds of a run on an executor, without what the cluster itself takes to begin."""
    opened, n_workers = EXECUTORS[name]
    with opened(folder) as executor:
        started = time.perf_counter()
        comparison.run(folder, n_workers=n_workers, progress=False, executor=executor)
        return time.perf_counter() - started


def alike(folder: Path) -> None:
    """The same small memory comparison everywhere: identical tables, and wall times."""
    from b2m_agents.studies.memory.plan import MemoryStudySettings
    from b2m_agents.studies.memory.usual_comparisons import simulated_comparison
    from b2m_drive.recordings.simulated.simulated_session import SimulatedSession

    settings = MemoryStudySettings(seeds=tuple(range(3)), n_steps=100, evaluate_every=50)
    comparison = simulated_comparison(SimulatedSession(n_trials=60), settings)
    digests = set()
    for name in EXECUTORS:
        run = folder / name / "run"
        seconds = seconds_on(name, comparison, run)
        digest = hashlib.sha256((run / "scores.csv").read_bytes()).hexdigest()[:12]
        digests.add(digest)
        print(f"{name:18} {seconds:7.1f} s   scores.csv {digest}", flush=True)
    print("identical tables" if len(digests) == 1 else "THE TABLES DIFFER")


def overhead(folder: Path) -> None:
    """Grids of 10 s jobs, beside the time that their work alone takes on as many processors."""
    n_jobs, seconds = 24, 10.0
    for name, (_, n_workers) in EXECUTORS.items():
        if n_workers == 1:
            continue
        took = seconds_on(name, SleepingComparison(n_jobs, seconds), folder / name / "run")
        bare = n_jobs * seconds / n_workers
        print(
            f"{name:18} {took:7.1f} s, bare work {bare:.0f} s: {took / bare - 1:+.1%}", flush=True
        )


class LineStudent:
    """A student that takes no time: a line through 16 numbers."""

    name, layer = "line", "0"

    def __init__(self) -> None:
        from b2m_drive.students.student import ScoreWords

        self.words = ScoreWords("error", "1")

    def new_network(self, generator: Any) -> Any:
        """A network from a generator."""
        import torch

        torch.manual_seed(int(generator.initial_seed()) % 2**31)
        return torch.nn.Sequential(torch.nn.Linear(16, 8), torch.nn.Linear(8, 1))

    def batches(self, generator: np.random.Generator) -> Iterator[Any]:
        """Batches of ids."""
        from b2m_drive.students.student import Batch

        while True:
            ids = generator.integers(0, 40, 8)
            yield Batch(ids, self._seen(ids))

    def task_loss(self, network: Any, batch: Any) -> Any:
        """Squared error of the sum."""
        return (network(batch.inputs)[:, 0] - batch.inputs.sum(1)).square().mean()

    def score(self, network: Any) -> dict[str, float]:
        """Held-out error, negative so that more is better."""
        seen = self._seen(np.arange(40, 60))
        return {"accuracy": -float((network(seen)[:, 0] - seen.sum(1)).square().mean())}

    def _seen(self, ids: Any) -> Any:
        import torch

        return torch.stack([torch.randn(16, generator=torch.Generator().manual_seed(int(i)))
                            for i in ids])  # fmt: skip


def short(folder: Path) -> None:
    """200 short jobs end in one table and one report."""
    from b2m_drive.reports.report import write_report

    generator = np.random.default_rng(0)
    values = generator.normal(size=(60, 1, 8)).astype(np.float32)
    brain = Responses(values, np.arange(60), np.zeros(1), np.ones((60, 1), bool), "made up")
    comparison = Comparison(
        LineStudent(), brain, (BLT,), NULLS[:4], tuple(range(40)), Budget(20, 10, n_latents=3)
    )
    n_jobs = sum(map(len, comparison.jobs_of_runs(folder).values()))
    for name in ("2 processes", "Ray, two nodes"):
        run = folder / name / "run"
        started = time.perf_counter()
        seconds_on(name, comparison, run)
        report = write_report(run)
        took = time.perf_counter() - started
        print(f"{name:18} {n_jobs} jobs to {report.name}: {took:.1f} s", flush=True)


def growth(folder: Path) -> None:
    """Planning, memory of the driver, size of the folder and time to resume as jobs grow."""
    print("executor              jobs    run [s]  plan [s]  resume [s]  folder [kB]  driver [MiB]")
    for name in ("2 processes", "Ray, two nodes"):
        for n_jobs in (10, 100, 1000):
            comparison, run = SleepingComparison(n_jobs, 0.1), folder / name / str(n_jobs)
            took = seconds_on(name, comparison, run)
            started = time.perf_counter()
            assert not pending_jobs(comparison.jobs_of_runs(run))
            planned = time.perf_counter() - started
            started = time.perf_counter()
            comparison.run(run, progress=False)
            resumed = time.perf_counter() - started
            size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file()) / 1000
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{name:18} {n_jobs:7} {took:10.2f} {planned:9.3f} {resumed:11.3f} "
                  f"{size:12.0f} {memory:13.0f}", flush=True)  # fmt: skip


def main() -> None:
    """Run what was asked for."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    measures = {"alike": alike, "overhead": overhead, "short": short, "growth": growth}
    parser.add_argument("what", choices=measures, nargs="+")
    for what in parser.parse_args().what:
        print(f"\n{what}: {measures[what].__doc__}")
        with tempfile.TemporaryDirectory() as folder:
            measures[what](Path(folder))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
