from __future__ import annotations

from pathlib import Path

from b2m_drive.executors.job_history import JobHistory, job_history
from b2m_drive.executors.job_log import JOB_LOG, JobLog


def test_a_driver_that_ended_says_how_far_it_came(tmp_path: Path) -> None:
    log = JobLog(tmp_path)
    log.add("started", n_jobs=3, n_done=0, executor="here")
    log.add("done", job="a")
    log.add("ended", n_done=1, n_failed=2)
    assert job_history(tmp_path) == JobHistory(3, 1, 2, ended=True)


def test_a_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    log = JobLog(tmp_path)
    log.add("started", n_jobs=3, n_done=1, executor="here")
    log.add("done", job="a")
    with (tmp_path / JOB_LOG).open("ab") as file:
        file.write(b'{"time": "2026", "event": "done", "job": "b\xff')
    assert job_history(tmp_path) == JobHistory(3, 2, 0, ended=False)


def test_a_second_driver_counts_anew(tmp_path: Path) -> None:
    log = JobLog(tmp_path)
    log.add("started", n_jobs=3, n_done=0, executor="here")
    log.add("ended", n_done=2, n_failed=1)
    log.add("started", n_jobs=3, n_done=2, executor="here")
    assert job_history(tmp_path) == JobHistory(3, 2, 0, ended=False)


def test_no_log_and_a_foreign_log_say_nothing(tmp_path: Path) -> None:
    assert job_history(tmp_path) is None
    (tmp_path / JOB_LOG).write_text('[1]\nnull\n"x"\n{"event": "other"}\n')
    assert job_history(tmp_path) is None
