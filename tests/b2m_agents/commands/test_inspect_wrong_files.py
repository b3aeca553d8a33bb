"""`b2m-drive inspect` on a wrong file: one line that tells a stranger what to do, no figure."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from b2m_agents.commands import app
from tests.shared.made_sessions import of_one_item, simulated_spikes, write_session

Made = Callable[[Path], Path]


def session(change: Callable[[np.ndarray], np.ndarray], n_trials: int = 40) -> Made:
    return lambda folder: write_session(folder / "s1.h5", simulated_spikes(n_trials), change)


def one_item(folder: Path) -> Path:
    return write_session(folder / "s1.h5", of_one_item(simulated_spikes()))


def truncated(folder: Path) -> Path:
    path = write_session(folder / "s1.h5", simulated_spikes())
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def content(name: str, data: bytes) -> Made:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def folder_of_other_files(folder: Path) -> Path:
    (folder / "notes.txt").write_text("no session")
    return folder


def unreadable(folder: Path) -> Path:
    path = write_session(folder / "s1.h5", simulated_spikes())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    return path


def too_few_samples(folder: Path) -> Path:
    with h5py.File(folder / "s1.h5", "w") as file:
        file["activity"], file["time"] = np.ones((5, 2)), np.arange(5.0)
        file["frame_id"] = np.arange(5)
    return folder / "s1.h5"


EDF = b"0       X X X X" + b" " * 241 + b"\x00" * 500
WRONG: dict[str, tuple[Made, str]] = {
    "emptied": (session(lambda times: times[:0]), "no spike of 6 units.*were the spike times"),
    "milliseconds": (session(lambda times: times * 1e3), "times 1000 the trials would fit"),
    "other clock": (session(lambda times: times + 1e5), "another clock.*were added to them"),
    "one trial": (session(lambda times: times, 1), "expected at least 2 trials, came 1"),
    "one item": (one_item, "different items, came only item 1"),
    "unsorted": (session(lambda times: times[::-1]), "ch1_1: expected ascending times"),
    "truncated": (truncated, "cut short"),
    "a PDF": (content("s1.h5", b"%PDF-1.7\n" + b"x" * 3000), "expected .*HDF5"),
    "an EDF": (content("s1.edf", EDF), "number of channels: expected a whole number"),
    "a folder": (folder_of_other_files, "expected a recording, or a BIDS data set"),
    "unreadable": (unreadable, "[Pp]ermission"),
    "too few samples": (too_few_samples, "expected samples in every part of the window"),
}


def inspected(monkeypatch, capsys, path: Path) -> tuple[int | str | None, str, str]:
    monkeypatch.setattr(sys, "argv", ["b2m-drive", "inspect", str(path), "--workers", "1"])
    monkeypatch.chdir(path if path.is_dir() else path.parent)  # where a picture would go
    try:
        app.main()
        code: int | str | None = 0
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_ends_in_one_line_that_helps(monkeypatch, capsys, tmp_path, name) -> None:
    made, told = WRONG[name]
    path = made(tmp_path)
    code, out, err = inspected(monkeypatch, capsys, path)
    assert code not in (0, None)
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"b2m-drive: {path}")
    assert re.search(told, err), err
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.slow
def test_a_file_that_is_right_is_shown(monkeypatch, capsys, tmp_path) -> None:
    path = write_session(tmp_path / "s1.h5", simulated_spikes())
    code, out, _ = inspected(monkeypatch, capsys, path)
    assert code in (0, None)
    assert "item decoding" in out
    assert "found:" not in out
    assert (tmp_path / "s1.png").is_file()


@pytest.mark.slow
def test_bad_trials_are_found_before_the_figures_of_the_others(
    monkeypatch, capsys, tmp_path
) -> None:
    spikes = simulated_spikes()
    end = float(spikes.trials.item_onset[35, 0]) - 1.0
    path = write_session(tmp_path / "s1.h5", spikes, lambda times: times[times < end])
    _, out, _ = inspected(monkeypatch, capsys, path)
    first = out.splitlines()[0]
    assert re.match(r"found: no recording .* in 5 of 40 trials \(35, .*\) \(left out\)", first)
    assert re.search(r"n trials +35\n", out)


@pytest.mark.slow
def test_a_folder_goes_on_after_a_bad_file(monkeypatch, capsys, tmp_path) -> None:
    write_session(tmp_path / "a1.h5", simulated_spikes())
    write_session(tmp_path / "b1.h5", simulated_spikes(), lambda times: times[:0])
    write_session(tmp_path / "c1.h5", simulated_spikes(1))
    (tmp_path / "d1.h5").write_bytes(b"%PDF-1.7")
    code, out, _ = inspected(monkeypatch, capsys, tmp_path)
    assert code in (0, None)
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("a1", "b1"))] == [
        "a1*"
    ]
    left_out = [line for line in out.splitlines() if line.startswith("left out: ")]
    assert len(left_out) == 3
    for name, line in zip(("b1", "c1", "d1"), left_out, strict=True):
        assert re.search(rf"\b{name}\b", line)
