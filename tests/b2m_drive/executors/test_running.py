"""Jobs that fail, are lost or kill their worker cost no other job, and are counted."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from b2m_drive.comparisons.jobs import FailedJobsError
from b2m_drive.executors.job_log import JOB_LOG, JobLog
from b2m_drive.executors.local_processes import LocalProcesses
from b2m_drive.executors.running import run_tasks
from b2m_drive.executors.tasks import Outcome, Task, run_task
from tests.shared.small_tasks import DryComparison, DryPlan, dry, started


def events_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / JOB_LOG).read_text().splitlines()]


def test_a_job_that_always_fails_is_given_up_and_the_rest_of_the_grid_is_done(tmp_path) -> None:
    plans = (*dry(5).plans, DryPlan("bad", fails=True), DryPlan("last"))
    with ThreadPoolExecutor(1) as here, pytest.raises(FailedJobsError) as caught:
        DryComparison(plans).run(tmp_path / "run", executor=here, progress=False, tries=2)
    assert "1 of 7 jobs failed, 6 are done and kept" in str(caught.value)
    assert "run/bad (2 tries): RuntimeError: bad cannot be done" in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError)
    events = events_of(tmp_path / "run")
    assert [each["try"] for each in events if each["event"] == "failed"] == [1, 2]
    assert "run_dry" in next(each["traceback"] for each in events if each["event"] == "failed")
    assert events[0] | {"time": ""} == {
        "time": "", "event": "started", "n_jobs": 7, "n_done": 0, "executor": "ThreadPoolExecutor",
    }  # fmt: skip
    assert (events[-1]["n_done"], events[-1]["n_failed"]) == (6, 1)


def test_where_nothing_succeeds_the_rest_is_not_tried(tmp_path) -> None:
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    with (
        ThreadPoolExecutor(1) as here,
        pytest.raises(FailedJobsError, match="0 are done"),
    ):
        dry(20, fails=True, ledger=ledger).run(
            tmp_path / "run", executor=here, progress=False, tries=1
        )
    events = events_of(tmp_path / "run")
    assert events[-1]["n_done"] == 0
    assert events[-1]["n_failed"] < 20


def test_done_jobs_are_not_run_again_and_failed_ones_are(tmp_path) -> None:
    ledger, run = tmp_path / "ledger", tmp_path / "run"
    ledger.mkdir()
    good = dry(4, ledger=ledger)
    bad = replace(good.plans[2], fails=True)
    with ThreadPoolExecutor(1) as here:
        with pytest.raises(FailedJobsError):
            DryComparison((*good.plans[:2], bad, good.plans[3])).run(
                run, executor=here, progress=False, tries=1
            )
        done = good.run(run, executor=here, progress=False)
    assert started(ledger) == {"job0": 1, "job1": 1, "job2": 2, "job3": 1}
    assert len(done) == 4


class _UnpickledError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def _raise(argument: int) -> None:
    raise _UnpickledError(argument, argument)


def test_an_error_that_cannot_be_pickled_comes_back_as_text() -> None:
    raised = run_task(Task("bad", _raise, 3)).raised
    assert raised is not None
    assert raised.text == "_UnpickledError: 3 and 3"
    assert raised.error is None
    assert "_raise" in raised.traceback


class _Refusing(Executor):
    """An engine that is gone for its first calls."""

    def __init__(self, n_refused: int) -> None:
        self.n_left = n_refused

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.n_left:
            self.n_left -= 1
            raise ConnectionError("the engine does not answer")
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_a_call_that_the_engine_refuses_is_tried_again(tmp_path) -> None:
    taken: list[int] = []

    def take(task: Task, outcome: Outcome) -> None:
        taken.append(outcome.value)

    told: list[str] = []
    tasks = [Task(str(number), abs, -number) for number in range(3)]
    log = JobLog(tmp_path)
    assert not run_tasks(_Refusing(2), tasks, take, log=log, tell=told.append)
    assert sorted(taken) == [0, 1, 2]
    assert len(told) == 2
    assert "0 was lost, and is tried again (2 of 3): ConnectionError: the engine" in told[0]
    failures = run_tasks(_Refusing(100), tasks, take)
    assert [each.tries for each in failures] == [3, 3, 3]


def test_what_taking_an_outcome_raises_ends_everything() -> None:
    def take(task: Task, outcome: Outcome) -> None:
        raise OSError(28, "No space left on device")

    with ThreadPoolExecutor(1) as here, pytest.raises(OSError, match="No space left"):
        run_tasks(here, [Task(str(number), abs, number) for number in range(9)], take)


def test_a_torn_line_of_the_log_is_ended_before_the_next(tmp_path) -> None:
    (tmp_path / JOB_LOG).write_text('{"event": "started"}\n{"event": "do')
    JobLog(tmp_path).add("ended", n_done=1)
    lines = (tmp_path / JOB_LOG).read_text().splitlines()
    assert lines[1] == '{"event": "do'
    assert json.loads(lines[2])["event"] == "ended"


def test_a_log_that_cannot_be_written_costs_no_result(tmp_path) -> None:
    log = JobLog(tmp_path / "gone")
    with pytest.warns(UserWarning, match=r"jobs.jsonl: cannot be written \(No such file"):
        log.add("started")
    log.add("ended")  # warned of once


@pytest.mark.slow
def test_a_job_that_ends_its_worker_is_lost_alone_and_the_others_are_done(tmp_path) -> None:
    ledger, run = tmp_path / "ledger", tmp_path / "run"
    ledger.mkdir()
    plans = (
        DryPlan("once", kills_once=tmp_path / "killed", ledger=ledger),
        DryPlan("always", kills_always=True, ledger=ledger),
        *dry(6, ledger=ledger).plans,
    )
    with pytest.raises(FailedJobsError, match=r"1 of 8 jobs failed, 7 are done.*run/always \(3"):
        DryComparison(plans).run(run, n_workers=2, progress=False)
    assert started(ledger)["always"] <= 3  # it may be lost while it waits beside another
    assert started(ledger)["once"] <= 3
    lost = [each["job"] for each in events_of(run) if each["event"] == "lost"]
    assert lost.count("run/always") == 3
    assert "BrokenProcessPool" in events_of(run)[1]["error"]


def _double(value: int) -> int:
    return 2 * value


@pytest.mark.slow
@pytest.mark.thorough
def test_processes_serve_on_after_one_was_killed() -> None:
    plan = DryPlan("always", kills_always=True)
    with LocalProcesses(1) as processes:
        from tests.shared.small_tasks import run_dry

        assert processes.submit(run_dry, plan, print).exception() is not None
        assert processes.submit(_double, 21).result() == 42
