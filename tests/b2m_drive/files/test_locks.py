"""A folder that one process works in at a time, and a claim that dies with its owner."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from threading import Timer

import pytest

from b2m_drive.files.locks import EVALUATION, LOCK, claim, is_unused, work_in
from tests.shared.other_process import held


def stop_after(path: Path) -> None:
    path.write_text("")
    raise RuntimeError


def test_the_second_is_told_who_works_there_and_since_when(tmp_path) -> None:
    with (
        held(tmp_path) as first,
        pytest.raises(ValueError, match="no other") as caught,
        claim(tmp_path, "another"),
    ):
        pytest.fail("worked beside the first")
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}: expected a folder that no other process works in")
    assert f"a training by process {first.pid} on " in said
    assert f"since {time.strftime('%Y')}-" in said
    assert "\n" not in said


def test_a_claim_dies_with_its_owner_and_the_next_sweeps_what_it_left(tmp_path) -> None:
    with held(tmp_path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        left = {path.name for path in tmp_path.iterdir()}
        assert len(left) == 2
        assert LOCK in left
        assert is_unused(tmp_path)
        with claim(tmp_path, "a training"):
            assert {path.name for path in tmp_path.iterdir()} == {LOCK}
    assert list(tmp_path.iterdir()) == []


def test_a_claim_leaves_no_trace_and_no_empty_folder(tmp_path) -> None:
    with claim(tmp_path / "a" / "b", "a training"):
        assert (tmp_path / "a" / "b" / LOCK).is_file()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError), claim(tmp_path / "a", "a training"):
        stop_after(tmp_path / "a" / "kept")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]
    (tmp_path / "empty").mkdir()
    with claim(tmp_path / "empty", "a training"):
        pass
    assert (tmp_path / "empty").is_dir()  # it was there before


def test_an_agent_is_evaluated_while_its_training_goes_on(tmp_path) -> None:
    with claim(tmp_path, "a training"), claim(tmp_path, "an evaluation", lock=EVALUATION):
        assert is_unused(tmp_path)
        with (
            pytest.raises(ValueError, match="an evaluation by process"),
            claim(tmp_path, "a second", lock=EVALUATION),
        ):
            pytest.fail("evaluated beside the first")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder_to_work_in(tmp_path) -> None:
    (tmp_path / "a").write_text("mine")
    with (
        pytest.raises(ValueError, match="expected a folder, came a file"),
        claim(tmp_path / "a", "a training"),
    ):
        pytest.fail("worked in a file")
    assert (tmp_path / "a").read_text() == "mine"


def test_nothing_is_written_through_a_link_in_the_place_of_a_lock(tmp_path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=LOCK), claim(tmp_path / "run", "a training"):
        pytest.fail("claimed through a link")
    assert (tmp_path / "precious").read_text() == "mine"


WITH_A_WORKER = """
import os, sys, time
from b2m_drive.files.locks import claim
with claim(sys.argv[1], "a training"):
    child = os.fork()
    if not child:
        print("held", flush=True)
    time.sleep(20)
"""


def test_a_worker_that_outlives_its_killed_owner_holds_no_claim(tmp_path) -> None:
    with held(tmp_path, code=WITH_A_WORKER) as owner:
        children = Path(f"/proc/{owner.pid}/task/{owner.pid}/children")
        if not children.exists():
            pytest.skip("this system does not list a process's children")
        worker = int(children.read_text())
        owner.kill()
        owner.wait()
        try:
            with claim(tmp_path, "the next"):
                os.kill(worker, 0)  # it lives
        finally:
            os.kill(worker, signal.SIGKILL)


def test_a_folder_that_is_forked_in_is_given_back_by_its_owner_alone(tmp_path) -> None:
    with claim(tmp_path, "a training"):
        child = multiprocessing.get_context("fork").Process(target=sys.exit)
        child.start()
        child.join()
        with pytest.raises(ValueError, match="a training"), claim(tmp_path, "the next"):
            pytest.fail("worked beside the first")


def test_asking_who_works_there_takes_nothing(tmp_path) -> None:
    assert work_in(tmp_path / "none") is None
    with claim(tmp_path, "a test"):
        assert work_in(tmp_path) == "a test"
        assert work_in(tmp_path, lock=EVALUATION) is None
    assert work_in(tmp_path) is None
    (tmp_path / LOCK).write_text("left by a killed owner")
    assert work_in(tmp_path) is None
    assert (tmp_path / LOCK).read_text() == "left by a killed owner"
    (tmp_path / LOCK).unlink()


def test_one_who_asks_keeps_nobody_from_a_claim(tmp_path) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / LOCK).touch()
    with (tmp_path / LOCK).open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        Timer(0.01, fcntl.flock, (asking, fcntl.LOCK_UN)).start()
        with claim(tmp_path, "a test"):
            assert work_in(tmp_path) == "a test"
