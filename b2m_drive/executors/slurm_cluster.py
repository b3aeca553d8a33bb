"""SLURM as an executor, through submitit: each task is a job of the queue.

The folder of a run lies on a file system that every machine of the cluster shares, as such
clusters have it: tasks read and write where they would here, and large arrays are written into it
once. Jobs outlive a driver that is killed: the next one takes up what they made, or waits for them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np

from b2m_drive.executors.cancellable import CancellableFuture
from b2m_drive.executors.resources import Resources
from b2m_drive.executors.sent_files import SentFiles
from b2m_drive.executors.tasks import Outcome, Task
from b2m_drive.files.missing_packages import needing
from b2m_drive.files.writing import atomic_write

_POLL = 0.2  # [s] between two looks at the jobs; submitit asks SLURM itself less often
_MEMORY = 4.0  # [GiB] of a job, where none is declared
_MOST_SUBMITTED = 500  # jobs in the queue at once
_SUBMITTED = "submitted.jsonl"


@dataclass(frozen=True)
class Allocation:
    """How a job is queued."""

    partition: str | None = None
    minutes: int = 240  # after which SLURM ends a job
    most_submitted: int = _MOST_SUBMITTED
    resources: Resources = field(default_factory=Resources)

    def __post_init__(self) -> None:
        for name in ("minutes", "most_submitted"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more, came {getattr(self, name)}")


class SlurmCluster(Executor):
    """Send tasks to SLURM's queue, or to submitit's executor of this machine.

    Args:
        folder: For submitit's files and large arrays, such as ``slurm`` in the run's folder; shared
            by all machines.
        cluster: ``"slurm"``, or ``"local"`` for processes of this machine, as in tests.
        allocation: Of each job.

    Raises:
        MissingPackageError: If submitit is not installed.
        ValueError: If there is no SLURM here.
    """

    name = "slurm"

    def __init__(
        self,
        folder: str | Path,
        cluster: Literal["slurm", "local"] = "slurm",
        allocation: Allocation | None = None,
    ) -> None:
        with needing("an executor of SLURM", "slurm"):
            import submitit

            from b2m_drive.executors.parcels import LargeInputs
        self.folder, self.cluster = Path(folder).resolve(), cluster
        self.allocation = allocation or Allocation()
        self.most_submitted = self.allocation.most_submitted
        if cluster == "slurm" and submitit.SlurmExecutor.affinity() < 0:
            raise ValueError(
                "executor slurm: expected SLURM's sbatch on this machine, found none; run it on a "
                "cluster's login node"
            )
        self._submitit: Any = None  # made with the first job, so that nothing is written before
        self._noted = _noted(self.folder / _SUBMITTED)  # jobs of earlier drivers, by task
        self._large = LargeInputs(self._keep)
        self._jobs: dict[Future[Any], Any] = {}
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def submit_task(self, task: Task) -> Future[Outcome]:
        """Queue a task; one that an earlier driver queued, and that runs or ran, is taken up."""
        job = self._earlier(task.name)
        if job is None:
            from b2m_drive.executors.parcels import pack

            parcel = pack(task, self._large, with_files=False)
            job = self._queue(partial(_run_kept, self.folder, parcel))
            self._note(task.name, job.job_id)
        return self._followed(job)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call of a function."""
        return self._followed(self._queue(partial(fn, *args, **kwargs)))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop following the jobs, after they are done or by cancelling them."""
        for future in list(self._jobs):
            if cancel_futures:
                future.cancel()
            elif wait:
                future.exception()
        self._ended.set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        self.shutdown(cancel_futures=kind is not None)
        return None

    def _queue(self, call: Callable[[], Any]) -> Any:
        if self._submitit is None:
            self._submitit = self._made()
        return self._submitit.submit(call)

    def _made(self) -> Any:
        import submitit

        needs, ask = self.allocation.resources, self.allocation
        made = submitit.AutoExecutor(self.folder, cluster=self.cluster)
        made.update_parameters(
            name="b2m-drive",
            timeout_min=ask.minutes,
            cpus_per_task=needs.n_cpus,
            mem_gb=needs.memory or _MEMORY,
            **({"gpus_per_node": int(np.ceil(needs.n_gpus))} if needs.n_gpus else {}),
            **({"slurm_partition": ask.partition} if ask.partition else {}),
        )
        return made

    def _keep(self, key: str, value: np.ndarray | SentFiles) -> None:
        assert isinstance(value, np.ndarray)  # files are shared as they are
        path = _place_of(self.folder, key)
        if not path.is_file():
            with atomic_write(path) as draft:
                np.save(draft, value)

    def _note(self, name: str, job_id: str) -> None:
        line = json.dumps({"job": name, "id": job_id}) + "\n"
        with (self.folder / _SUBMITTED).open("a") as file:
            file.write(line)

    def _earlier(self, name: str) -> Any:
        """The job that an earlier driver queued for a task, if it runs or has left its result."""
        job_id = self._noted.pop(name, None)
        if job_id is None:
            return None
        job = self._job_of(job_id)
        if job.paths.result_pickle.exists():
            with suppress(Exception):
                return None if job.exception() is not None else job
            return None
        return job if self._lives(job) else None

    def _job_of(self, job_id: str) -> Any:
        import submitit

        kind = submitit.SlurmJob if self.cluster == "slurm" else submitit.LocalJob
        return kind(folder=self.folder, job_id=job_id, tasks=[0])

    def _lives(self, job: Any) -> bool:
        if self.cluster == "slurm":
            return not job.done(force_check=True)
        return _is_of_submitit(int(job.job_id))

    def _followed(self, job: Any) -> Future[Any]:
        future = CancellableFuture(job.cancel)
        with self._lock:
            self._jobs[future] = job
        if not self._watcher.is_alive():
            self._watcher.start()
        return future

    def _watch(self) -> None:
        """Pass on what comes of the jobs, until the executor is shut down."""
        while not self._ended.wait(_POLL):
            with self._lock:
                there = list(self._jobs.items())
            for future, job in there:
                if self._is_done(job):
                    _pass_on(job, future)
                    with self._lock:
                        del self._jobs[future]

    def _is_done(self, job: Any) -> bool:
        if job.paths.result_pickle.exists():
            return True
        if self.cluster == "local":
            return not _is_of_submitit(int(job.job_id))
        return bool(job.done())


def _pass_on(job: Any, future: Future[Any]) -> None:
    try:
        future.set_result(job.result())
    except Exception as error:
        future.set_exception(error)


def _run_kept(folder: Path, parcel: Any) -> Outcome:
    """In a job: open a parcel, whose large arrays lie in the shared folder."""
    from b2m_drive.executors.parcels import run_parcel

    return run_parcel(parcel, [np.load(_place_of(folder, key)) for key in parcel.keys])


def _place_of(folder: Path, key: str) -> Path:
    return folder / "inputs" / f"{key}.npy"


def _noted(path: Path) -> dict[str, str]:
    """The last job that was queued for each task; a line that was cut short is no line."""
    found = {}
    with suppress(FileNotFoundError):
        for line in path.read_text().splitlines():
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                found[str(entry["job"])] = str(entry["id"])
    return found


def _is_of_submitit(pid: int) -> bool:
    """Whether a process of this machine is one that submitit began, and has not ended."""
    try:
        return b"submitit" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
