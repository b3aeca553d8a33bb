from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from b2m_drive.comparisons.finished_verdicts import finished_verdicts
from b2m_drive.comparisons.run_summaries import GRADES, runs_in, summary_of
from b2m_drive.comparisons.verdict import verdicts_of
from b2m_drive.executors.job_log import JOB_LOG, JobLog
from b2m_drive.files.locks import claim
from tests.shared.places import ROOT

OLD = ROOT / "tests" / "old_runs" / "0.5.0"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return shutil.copytree(OLD / "memory", tmp_path / "runs" / "memory")


@pytest.fixture
def begun(run: Path) -> Path:
    """A run without its table of scores."""
    (run / "scores.csv").unlink()
    return run


@pytest.mark.slow
def test_every_kind_of_run_of_0_5_has_one_line() -> None:
    found = {each.folder.name: each for each in runs_in(OLD)}
    assert sorted(found) == [
        "agents", "calibration", "driving", "memory", "search", "sessions"
    ]  # fmt: skip
    for each in found.values():
        assert (each.state, each.simulated, each.problem) == ("done", True, "")
        assert each.verdict
        assert (each.n_done, each.n_jobs) == (None, None)  # they kept no tables of jobs, and no log
    assert found["sessions"].brain == "3 sessions, 2 patients"
    assert found["memory"].student == "DecisionRNN (gru)"
    assert found["search"].student == "DecisionRNN (gru)"


@pytest.mark.slow
def test_the_words_are_those_of_the_verdict() -> None:
    grades = {GRADES[each.grade] for each in verdicts_of(OLD / "memory")}
    assert all(grade in summary_of(OLD / "memory").verdict for grade in grades)
    assert [each.grade for each in finished_verdicts(OLD / "memory")] == [
        each.grade for each in verdicts_of(OLD / "memory")
    ]


def test_states_follow_the_log(begun: Path) -> None:
    assert summary_of(begun).state == "planned"
    log = JobLog(begun)
    log.add("started", n_jobs=4, n_done=1, executor="here")
    assert summary_of(begun).state == "stopped"
    log.add("done", job="a")
    with (begun / JOB_LOG).open("a") as file:
        file.write('{"event": "ended", "n_fai')
    stopped = summary_of(begun)
    assert (stopped.state, stopped.n_done, stopped.n_jobs) == ("stopped", 2, 4)
    JobLog(begun).add("ended", n_done=2, n_failed=2)
    assert summary_of(begun).state == "failed"


def test_an_older_run_that_was_stopped_shows_its_tables(begun: Path) -> None:
    (begun / "groups").mkdir()
    (begun / "groups" / "a.csv").touch()
    found = summary_of(begun)
    assert (found.state, found.n_done, found.n_jobs) == ("stopped", 1, None)


@pytest.mark.slow
def test_a_report_being_written_leaves_a_run_done(run: Path) -> None:
    with claim(run, "a report"):
        assert summary_of(run).state == "done"
    with claim(run, "a comparison"):
        assert summary_of(run).state == "running"
    assert summary_of(run).state == "done"


@pytest.mark.slow
def test_a_run_that_another_process_works_in_is_running(begun: Path) -> None:
    held = (
        "import sys; from b2m_drive.files.locks import claim\n"
        "with claim(sys.argv[1], 'a comparison'): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, str(begun)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert summary_of(begun).state == "running"
        process.communicate()
    assert summary_of(begun).state == "planned"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "expected"),
        ("[]", "expected"),
        ('{"study": "memory", "sessions": 3, "brain": 4}', ""),
        (
            '{"study": "memory_sessions", "sessions": [{"folder": "../x", "pooled": true}]}',
            "inside",
        ),
        ("\x00", "expected"),
    ],
)
def test_broken_and_foreign_folders_are_lines(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text(text)
    (tmp_path / "notes.txt").write_text("mine")
    (found,) = runs_in(tmp_path)
    assert says in found.problem
    assert (found.state == "broken") == bool(says)


def test_a_finished_run_that_cannot_be_judged_says_why(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "seeds": [7]}))
    found = summary_of(run)
    assert (found.state, found.verdict) == ("done", "")
    assert "seeds" in found.problem


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    assert runs_in(tmp_path) == []
    with pytest.raises(FileNotFoundError, match="none"):
        runs_in(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="came a file"):
        runs_in(tmp_path / "file")


def test_encoders_and_agents_are_no_runs_and_a_search_under_way_is_one(tmp_path: Path) -> None:
    for name, config in (
        ("encoder", '{"latent_size": 4}'),
        ("theirs", '{"model": "theirs"}'),
        ("search-a/search", '{"study": "memory_search", "name": "a"}'),
        ("search-a/selection/all", '{"study": "memory_sessions", "name": "a"}'),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text(config)
    (found,) = runs_in(tmp_path)
    assert found.folder == tmp_path / "search-a"
    assert (found.study, found.state) == ("memory_search", "planned")
