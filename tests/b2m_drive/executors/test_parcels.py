"""Large inputs travel apart, once, and arrive as they were."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from b2m_drive.executors.parcels import LARGE, LargeInputs, Parcel, pack, run_parcel
from b2m_drive.executors.sent_files import files_at, place_at
from b2m_drive.executors.tasks import Task
from b2m_drive.executors.written_files import place_files

N = LARGE // 8 + 1


class Store:
    """What a cluster keeps."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.large = LargeInputs(self.keep)

    def keep(self, key: str, value: Any) -> None:
        assert key not in self.kept
        self.kept[key] = pickle.loads(pickle.dumps(value))
        if isinstance(value, np.ndarray):
            self.kept[key].flags.writeable = False

    def sent(self, task: Task, *, with_files: bool = True) -> tuple[Parcel, list[Any]]:
        parcel = pack(task, self.large, with_files=with_files)
        parcel = pickle.loads(pickle.dumps(parcel))
        return parcel, [self.kept[key] for key in parcel.keys]


@dataclass(frozen=True)
class Holding:
    first: Any
    second: Any = None


def give_back(argument: Any) -> Any:
    return argument


def test_a_large_array_travels_once_for_many_tasks_and_each_has_its_own() -> None:
    store, values = Store(), np.random.default_rng(0).normal(size=N)
    opened = []
    for _ in range(3):
        parcel, sent = store.sent(Task("one", give_back, Holding(values, values)))
        assert len(parcel.content) < 3000
        opened.append(run_parcel(parcel, sent).value)
    assert len(store.kept) == 1
    for each in opened:
        assert np.array_equal(each.first, values)
        assert each.second is each.first
        each.first[:] = 0  # a task may write into what it was given
    assert values.any()


def test_orders_kinds_and_small_arrays_arrive_as_they_were() -> None:
    store, generator = Store(), np.random.default_rng(0)
    table = np.asfortranarray(generator.normal(size=(N, 2)))
    every_second = generator.normal(size=2 * N)[::2]
    tensor = torch.from_numpy(generator.normal(size=N))
    small, objects = np.arange(3), np.array([{"a": 1}, None], dtype=object)
    argument = [table, every_second, tensor, small, objects]
    found = run_parcel(*store.sent(Task("one", give_back, argument))).value
    assert found[0].flags.f_contiguous  # sums round by the order of what is added
    assert all(np.array_equal(a, b) for a, b in zip(found, argument, strict=True))
    assert isinstance(found[2], torch.Tensor)
    assert len(store.kept) == 3


def read_and_write(argument: tuple[Path, Path, Path]) -> str:
    inside, alone, out = argument
    (out / "deep").mkdir(parents=True)
    (out / "deep" / "made.txt").write_text(inside.read_text() + alone.read_text())
    return str(inside)


def test_files_travel_with_a_task_and_what_it_writes_comes_back(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "node"))
    (tmp_path / "node").mkdir()
    folder, alone, out = tmp_path / "folder", tmp_path / "alone.txt", tmp_path / "run"
    (folder / "sub").mkdir(parents=True)
    inside = folder / "sub" / "a.txt"
    inside.write_text("one ")
    alone.write_text("two")
    argument = inside, alone, out / "encoders"
    task = Task("one", read_and_write, argument, reads=(folder, alone), writes=out)
    parcel, sent = Store().sent(task)
    inside.unlink()  # the other machine does not have it
    alone.unlink()
    outcome = run_parcel(parcel, sent)
    assert outcome.raised is None
    assert not outcome.value.startswith(str(folder))
    assert outcome.files == {"encoders/deep/made.txt": b"one two"}
    place_files(outcome.files, out)
    assert (out / "encoders" / "deep" / "made.txt").read_text() == "one two"


def test_on_shared_files_paths_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    task = Task("one", give_back, path, reads=(path,), writes=tmp_path)
    assert run_parcel(*Store().sent(task, with_files=False)).value == path


def test_what_a_machine_was_sent_is_written_there_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "a.txt").write_text("a")
    sent = files_at(tmp_path / "a.txt")
    there = place_at(sent, "a.txt", ".")
    assert there.read_text() == "a"
    before = there.stat().st_mtime_ns
    assert place_at(sent, "a.txt", ".").stat().st_mtime_ns == before


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.h5"
    with pytest.raises(FileNotFoundError, match=r"none.h5: expected a file or folder to send"):
        Store().sent(Task("one", give_back, path, reads=(path,)))


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", ""])
def test_no_file_is_placed_outside_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected files within it"):
        place_files({name: b""}, tmp_path / "run")


def test_a_machine_of_other_versions_is_refused() -> None:
    parcel, sent = Store().sent(Task("one", give_back, 1))
    other = replace(parcel, versions={**parcel.versions, "torch": "1.0"})
    raised = run_parcel(other, sent).raised
    assert raised is not None
    assert f"came torch {torch.__version__.split('+')[0]}" in raised.text
    assert "(there 1.0)" in raised.text
