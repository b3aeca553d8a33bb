"""A Ray cluster of two nodes on loopback: nothing is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import b2m_drive as b2m
from b2m_drive.comparisons.jobs import FailedJobsError
from b2m_drive.executors.job_log import JOB_LOG
from b2m_drive.executors.ray_cluster import RayCluster
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_students import PictureStudent, brain
from tests.shared.places import ROOT
from tests.shared.small_tasks import DryComparison, DryPlan, dry, started

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # Ray speaks of its own next version
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DRIVER = """
import sys
from pathlib import Path
from b2m_drive.executors.ray_cluster import RayCluster
from tests.shared.small_tasks import dry

if __name__ == "__main__":
    address, run, ledger = sys.argv[1:]
    with RayCluster(address) as executor:
        dry(10, seconds=0.3, ledger=Path(ledger)).run(run, executor=executor, progress=False)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("RAY_raylet_start_wait_time_s", "120")
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, PLACES)))
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        try:
            made.add_node(num_cpus=1)
            yield made
        finally:
            made.shutdown()


PLACES = (ROOT, ROOT / "envs", ROOT / "agents")


@pytest.fixture
def executor(cluster: Any) -> Iterator[RayCluster]:
    with RayCluster(cluster.address) as executor:
        yield executor


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    (tmp_path / "ledger").mkdir()
    return tmp_path / "ledger"


def events_of(run: Path, event: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / JOB_LOG).read_text().splitlines())
    return [each for each in lines if each["event"] == event]


def wait_until(holds: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_comparison_has_the_table_of_this_process(executor: RayCluster, tmp_path) -> None:
    torch.set_num_threads(1)
    budget = b2m.Budget(n_steps=4, evaluate_every=2, n_latents=3)
    blt = (b2m.TransferMethod("regression", "pca", "id"),)
    compared = b2m.Comparison(PictureStudent(), brain(), blt, b2m.NULLS[:1], (0, 1), budget)
    compared.run(tmp_path / "ray", executor=executor, progress=False)
    compared.run(tmp_path / "here", executor=OneAfterAnother(), progress=False)
    first, second = (tmp_path / name / "scores.csv" for name in ("ray", "here"))
    assert first.read_bytes() == second.read_bytes()


def test_a_killed_worker_costs_its_job_one_try(executor: RayCluster, tmp_path, ledger) -> None:
    plans = (DryPlan("once", kills_once=tmp_path / "killed", ledger=ledger),
             *dry(5, ledger=ledger).plans)  # fmt: skip
    DryComparison(plans).run(tmp_path / "run", executor=executor, progress=False)
    assert started(ledger) == {"once": 2, **{f"job{index}": 1 for index in range(5)}}
    assert [each["job"] for each in events_of(tmp_path / "run", "lost")] == ["run/once"]


@pytest.mark.thorough
def test_jobs_that_fail_or_kill_always_are_given_up_alone(executor, tmp_path, ledger) -> None:
    plans = (*dry(4).plans, DryPlan("kills", kills_always=True, ledger=ledger),
             DryPlan("fails", fails=True, ledger=ledger))  # fmt: skip
    with pytest.raises(FailedJobsError, match="2 of 6 jobs failed, 4 are done and kept"):
        DryComparison(plans).run(tmp_path / "run", executor=executor, progress=False, tries=2)
    assert started(ledger) == {"kills": 2, "fails": 2}


@pytest.mark.thorough
def test_a_removed_node_costs_only_what_ran_there(cluster, executor, tmp_path, ledger) -> None:
    from threading import Thread

    node = cluster.add_node(num_cpus=1)
    run = tmp_path / "run"
    compared = dry(10, seconds=0.3, ledger=ledger)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            compared.run(run, executor=executor, progress=False)
        except BaseException as error:
            errors.append(error)

    running = Thread(target=work)
    running.start()
    wait_until(lambda: len(list(run.glob("groups/[a-z]*.csv"))) >= 4)
    cluster.remove_node(node, allow_graceful=False)
    running.join(120)
    assert not running.is_alive()
    assert not errors
    done = [each["job"] for each in events_of(run, "done")]
    assert len(done) == len(set(done)) == 10
    again = {name: count for name, count in started(ledger).items() if count > 1}
    lost = {each["job"].removeprefix("run/") for each in events_of(run, "lost")}
    assert set(again) <= lost
    assert sum(started(ledger).values()) <= 10 + len(lost)


@pytest.mark.thorough
def test_a_killed_driver_is_gone_on_with(cluster, executor, tmp_path, ledger) -> None:
    run, script = tmp_path / "run", tmp_path / "driver.py"
    script.write_text(DRIVER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PLACES))}
    driver = subprocess.Popen(
        [sys.executable, str(script), cluster.address, str(run), str(ledger)], env=environment
    )
    wait_until(lambda: len(list(run.glob("groups/[a-z]*.csv"))) >= 3)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in run.glob("groups/[a-z]*.csv")}
    assert 3 <= len(kept) < 10
    scores = dry(10, seconds=0.3, ledger=ledger).run(run, executor=executor, progress=False)
    assert len(scores) == 10
    assert (
        kept.items()
        <= {path.name: path.stat().st_mtime_ns for path in run.glob("groups/[a-z]*.csv")}.items()
    )
    twice = [name for name, count in started(ledger).items() if count > 1]
    assert len(twice) <= 8  # in flight on the two or three processors, or not yet started
    assert not {f"{name}.csv" for name in twice} & set(kept)
    assert [each["n_done"] for each in events_of(run, "started")][1] == len(kept)


def test_what_no_node_has_is_refused(cluster: Any) -> None:
    with pytest.raises(ValueError, match="expected some node of the Ray cluster to have 1 CPUs, 9"):
        RayCluster(cluster.address, b2m.Resources(memory=9e6))


def test_a_process_in_one_cluster_is_not_taken_for_one_in_another(executor: RayCluster) -> None:
    with pytest.raises(ValueError, match=r"127.0.0.1:1: expected .* no other Ray cluster, came"):
        RayCluster("127.0.0.1:1")


def test_another_kind_of_server_at_the_address_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ValueError, match=rf"{port}: expected a Ray cluster .* of another kind"):
            RayCluster(f"127.0.0.1:{port}")
