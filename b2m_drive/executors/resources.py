"""What a job asks of the machine that it runs on."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Resources:
    """Of each job. Jobs compute on one thread, so that more processors make none faster."""

    n_cpus: int = 1
    memory: float | None = None  # [GiB]; None: not declared, or the cluster's own default
    n_gpus: float = 0.0  # a share of one lets several jobs use it

    def __post_init__(self) -> None:
        if self.n_cpus < 1:
            raise ValueError(f"n_cpus: expected 1 or more, came {self.n_cpus}")
        if self.memory is not None and not 0 < self.memory < math.inf:
            raise ValueError(f"memory: expected more than 0 GiB, came {self.memory}")
        if not 0 <= self.n_gpus < math.inf:
            raise ValueError(f"n_gpus: expected 0 or more, came {self.n_gpus}")

    def __str__(self) -> str:
        gpus = f", {self.n_gpus:g} GPUs" if self.n_gpus else ""
        memory = "" if self.memory is None else f", {self.memory:g} GiB"
        return f"{self.n_cpus} CPUs{gpus}{memory}"
