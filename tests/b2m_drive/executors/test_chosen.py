"""Executors by name: what cannot be is refused before anything is written."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from b2m_drive.executors.chosen import Execution
from b2m_drive.executors.resources import Resources


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"executor": "dask"}, "executor: expected one of processes, ray, slurm.* came 'dask'"),
        ({"executor": "ray://nowhere"}, "came 'ray://nowhere'"),
        ({"partition": "gpu"}, "partition: expected none with processes, came gpu"),
        ({"executor": "ray", "minutes": 3}, "minutes: expected none with ray, came 3"),
        ({"memory": 2.0}, "memory: expected none with processes"),
        ({"executor": "ray", "memory": -1.0}, "memory: expected more than 0 GiB, came -1"),
        ({"executor": "slurm", "memory": float("nan")}, "memory: expected more than 0 GiB"),
        ({"executor": "slurm", "minutes": 0}, "minutes: expected 1 or more, came 0"),
        ({"executor": "ray", "n_gpus": -1.0}, "n_gpus: expected 0 or more"),
        ({"tries": 0}, "tries: expected 1 or more"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Execution(**given)


@pytest.mark.slow
def test_an_address_nobody_listens_at_is_refused_in_seconds(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ValueError, match=rf":{port}: expected a Ray cluster there, came n"):
        Execution(f"127.0.0.1:{port}").opened(tmp_path)


def test_slurm_is_refused_where_there_is_none(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="expected SLURM's sbatch on this machine, found none"):
        Execution("slurm").opened(tmp_path)
    assert not list(tmp_path.iterdir())


def test_processes_need_no_executor(tmp_path: Path) -> None:
    with Execution(n_workers=2).opened(tmp_path) as executor:
        assert executor is None


def test_resources_say_what_they_are() -> None:
    assert str(Resources(2, 1.5, 0.25)) == "2 CPUs, 0.25 GPUs, 1.5 GiB"
