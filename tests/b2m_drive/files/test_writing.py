"""Files that appear whole or not at all, also where a disk is full or a process dies."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from b2m_drive.files.hdf5_writing import hdf5_in_memory, hdf5_in_room
from b2m_drive.files.writing import (
    atomic_folder,
    atomic_write,
    is_draft,
    sweep,
    write_array,
    write_arrays,
    write_json,
    write_text,
)
from tests.shared.other_process import ENVIRONMENT

DRAFT_OF_ONE_THAT_DIES = """
import os, sys
from pathlib import Path
from b2m_drive.files.writing import atomic_folder, atomic_write
with atomic_write(sys.argv[1]) as draft, atomic_folder(sys.argv[2]) as folder:
    draft.write_text("half")
    (folder / "a").write_text("half")
    print(os.getpid(), flush=True)
    os._exit(9)
"""


def in_python(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def stop_after(path: Path) -> None:
    path.write_text("after")
    raise RuntimeError


def test_a_file_is_seen_only_when_it_is_whole(tmp_path) -> None:
    path = tmp_path / "new" / "scores.csv"
    with atomic_write(path) as draft:
        draft.write_text("a")
        assert not path.exists()
        assert is_draft(draft)
        assert draft.suffix == ".csv"
    assert path.read_text() == "a"
    assert names(path.parent) == {"scores.csv"}


def test_what_was_there_stays_where_writing_fails(tmp_path) -> None:
    path, folder = tmp_path / "a.txt", tmp_path / "figures"
    write_text(path, "before")
    with atomic_folder(folder) as draft:
        (draft / "one").write_text("before")
    with pytest.raises(RuntimeError), atomic_write(path) as draft:
        stop_after(draft)
    with pytest.raises(RuntimeError), atomic_folder(folder) as draft:
        stop_after(draft / "two")
    assert path.read_text() == "before"
    assert names(folder) == {"one"}
    assert names(tmp_path) == {"a.txt", "figures"}


def test_a_folder_takes_the_place_of_the_one_before(tmp_path) -> None:
    for name in ("one", "two"):
        with atomic_folder(tmp_path / "figures") as draft:
            (draft / name).write_text(name)
    assert names(tmp_path / "figures") == {"two"}
    assert names(tmp_path) == {"figures"}


def test_two_writers_of_one_file_have_drafts_of_their_own(tmp_path) -> None:
    path = tmp_path / "agent.zip"
    with atomic_write(path) as first, atomic_write(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the last one to be done
    assert names(tmp_path) == {"agent.zip"}


def test_arrays_and_json_come_back(tmp_path) -> None:
    values = np.arange(6.0).reshape(2, 3)
    write_array(tmp_path / "a.npy", values)
    write_arrays(tmp_path / "a.npz", {"x/values": values})
    write_json(tmp_path / "a.json", {"b": [1, None]})
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), values)
    with np.load(tmp_path / "a.npz") as archive:
        np.testing.assert_array_equal(archive["x/values"], values)
    assert (tmp_path / "a.json").read_text() == '{\n  "b": [\n    1,\n    null\n  ]\n}\n'
    assert names(tmp_path) == {"a.npy", "a.npz", "a.json"}


def test_drafts_of_the_dead_are_swept_and_those_of_the_living_stay(tmp_path) -> None:
    died = in_python(DRAFT_OF_ONE_THAT_DIES, tmp_path / "a" / "x.csv", tmp_path / "a" / "y")
    assert died.returncode == 9, died.stderr
    mine = tmp_path / ".b2m-draft-notes.txt"  # a name that is not quite ours
    mine.write_text("keep")
    left = [path for path in tmp_path.rglob("*") if is_draft(path)]
    assert len(left) == 2
    assert all(f"-{int(died.stdout)}-" in path.name for path in left)
    with atomic_write(tmp_path / "z") as draft:
        draft.write_text("z")
        sweep(tmp_path)
        assert draft.exists()
    assert [path for path in tmp_path.rglob("*") if is_draft(path)] == []
    assert mine.read_text() == "keep"
    assert (tmp_path / "z").read_text() == "z"


def test_drafts_of_another_machine_are_swept_only_when_old(tmp_path) -> None:
    new, old = (tmp_path / f".b2m-draft-elsewhere-7-{k * 8}.npz" for k in "ab")
    new.write_text("")
    old.write_text("")
    os.utime(old, (0, 0))
    sweep(tmp_path)
    assert names(tmp_path) == {new.name}


def test_an_error_of_the_system_names_the_file_and_not_its_draft(tmp_path) -> None:
    def full() -> OSError:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with (
        pytest.raises(OSError, match=r"No space left.*'.*/a\.csv'$"),
        atomic_write(tmp_path / "a.csv"),
    ):
        raise full()
    with pytest.raises(OSError, match=r"No space left.*'.*/b'$"), atomic_folder(tmp_path / "b"):
        raise full()
    with pytest.raises(FileNotFoundError, match="other"), atomic_write(tmp_path / "c"):
        (tmp_path / "other").read_text()
    with pytest.raises(FileNotFoundError, match=r"/d\.csv'$"), atomic_write(tmp_path / "d.csv"):
        pass  # nothing was written
    assert names(tmp_path) == set()


def fill(file: h5py.File, n_rows: int, stop: bool = False) -> None:
    values = np.random.default_rng(0).integers(0, 256, (n_rows, 500), dtype=np.uint8)
    rows = file.create_dataset("rows", (0, 500), "u1", maxshape=(None, 500), chunks=(10, 500))
    for row in values:
        rows.resize(len(rows) + 1, axis=0)
        rows[-1] = row
    file.attrs["last"] = int(values[-1, -1])
    if stop:
        raise RuntimeError


@pytest.mark.parametrize("how", ["memory", "room"])
def test_hdf5_files_hold_the_bytes_that_the_library_itself_would_write(tmp_path, how) -> None:
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        fill(file, 300)
    path = tmp_path / "whole.h5"
    writer = hdf5_in_memory(path) if how == "memory" else hdf5_in_room(path, 200_000)
    with writer as file:
        fill(file, 300)
        assert not path.exists()
    assert path.read_bytes() == (tmp_path / "plain.h5").read_bytes()
    assert names(tmp_path) == {"plain.h5", "whole.h5"}


@pytest.mark.parametrize("how", ["memory", "room"])
def test_an_error_while_an_hdf5_file_is_made_leaves_nothing(tmp_path, how) -> None:
    path = tmp_path / "whole.h5"
    with (
        pytest.raises(RuntimeError),
        hdf5_in_memory(path) if how == "memory" else hdf5_in_room(path, 1000) as file,
    ):
        fill(file, 3, stop=True)
    assert names(tmp_path) == set()


def test_a_file_that_there_is_no_room_for_is_not_begun(tmp_path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with (
        pytest.raises(OSError, match=r"(No space left|too large).*'.*/scenes\.h5'"),
        hdf5_in_room(tmp_path / "scenes.h5", 4 * free),
    ):
        pytest.fail("was begun")
    assert names(tmp_path) == set()


FULL = """
import sys
from pathlib import Path
import numpy as np
from b2m_drive.files.hdf5_writing import hdf5_in_memory
try:
    with hdf5_in_memory(Path(sys.argv[1])) as file:
        file["x"] = np.random.default_rng(0).integers(0, 256, 1 << 20, dtype=np.uint8)
except OSError as error:
    print(error)
"""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_on_a_full_disk_a_process_lives_and_leaves_nothing_half_written(small_disk) -> None:
    ended = in_python(FULL, small_disk / "x.h5")
    assert ended.returncode == 0, ended.stderr  # the library's own writing ends in a signal
    assert ended.stderr == ""
    assert ended.stdout == f"[Errno 28] No space left on device: '{small_disk / 'x.h5'}'\n"
    assert names(small_disk) == set()
