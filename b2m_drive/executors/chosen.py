"""An executor by its name, as a command line gives it."""

from __future__ import annotations

import re
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from b2m_drive.executors.resources import Resources
from b2m_drive.executors.running import TRIES

PROCESSES, RAY, SLURM, SLURM_LOCAL = "processes", "ray", "slurm", "slurm-local"
SLURM_FOLDER = "slurm"  # in the folder of a run
_ADDRESS = re.compile(r"(ray://)?[^\s/:]+:\d+|(ray://)?\[[0-9a-fA-F:]+\]:\d+")


@dataclass(frozen=True)
class Execution:
    """Where jobs run, and what each is given.

    Args:
        executor: ``processes`` of this machine; ``ray``, or the address of a Ray cluster
            (``ray://HOST:PORT`` or ``HOST:PORT``); ``slurm``; ``slurm-local``, submitit's executor
            of this machine.
        n_workers: Processes of this machine.
        partition: Of SLURM.
        minutes: After which SLURM ends a job.
        memory: Of each job on a cluster [GiB].
        n_gpus: Of each job on a cluster; a share lets several jobs use one.
        tries: Of a job that fails, or is lost with its worker.

    Raises:
        ValueError: If there is no such executor, it does not take an option, or a number is out of
            range.
    """

    executor: str = PROCESSES
    n_workers: int = 1
    partition: str | None = None
    minutes: int | None = None
    memory: float | None = None
    n_gpus: float | None = None
    tries: int = TRIES

    def __post_init__(self) -> None:
        known = (PROCESSES, RAY, SLURM, SLURM_LOCAL)
        if self.executor not in known and not _ADDRESS.fullmatch(self.executor):
            raise ValueError(
                f"executor: expected one of {', '.join(known)}, HOST:PORT or ray://HOST:PORT of a "
                f"Ray cluster, came {self.executor!r}"
            )
        if self.tries < 1:
            raise ValueError(f"tries: expected 1 or more, came {self.tries}")
        here, queued = self.executor == PROCESSES, self.executor in (SLURM, SLURM_LOCAL)
        for name, is_taken in (
            ("partition", queued), ("minutes", queued), ("memory", not here), ("n_gpus", not here),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not is_taken:
                raise ValueError(f"{name}: expected none with {self.executor}, came {value}")
        _ = self._allocation if queued else self.resources

    @property
    def resources(self) -> Resources:
        """Of each job on a cluster."""
        return Resources(memory=self.memory, n_gpus=self.n_gpus or 0.0)

    @property
    def _allocation(self) -> Any:
        from b2m_drive.executors.slurm_cluster import Allocation

        given = {"partition": self.partition, "minutes": self.minutes}
        if self.executor == SLURM_LOCAL:
            given["most_submitted"] = self.n_workers
        chosen: dict[str, Any] = {k: value for k, value in given.items() if value is not None}
        return Allocation(**chosen, resources=self.resources)

    def opened(self, folder: Path) -> AbstractContextManager[Executor | None]:
        """The executor, ended at the end of the context; None stands for processes of this machine.

        Args:
            folder: Of the run.

        Raises:
            MissingPackageError: If Ray or submitit is not installed.
            ValueError: If there is no such cluster.
        """
        if self.executor == PROCESSES:
            return nullcontext()
        if self.executor in (SLURM, SLURM_LOCAL):
            from b2m_drive.executors.slurm_cluster import SlurmCluster

            cluster: Any = "slurm" if self.executor == SLURM else "local"
            return SlurmCluster(folder / SLURM_FOLDER, cluster, self._allocation)
        from b2m_drive.executors.ray_cluster import RayCluster

        address = None if self.executor == RAY else self.executor
        return RayCluster(address, self.resources, self.n_workers)
