"""Opens that check: nothing leads out of a file, nothing is asked for that it cannot hold."""

from __future__ import annotations

import io
import json
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from b2m_agents.commands import app
from b2m_drive.files.array_files import read_array, read_arrays
from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.files.json_files import read_json
from b2m_drive.files.names import inside, safe_name
from b2m_drive.files.refusals import naming
from b2m_drive.files.text_files import read_rows, read_text
from b2m_drive.files.weights import read_weights
from b2m_drive.recordings.readers.kornblith import read_kornblith
from b2m_drive.recordings.scene_recording import read_scene_recording
from b2m_drive.reports.report_parts import picture_of
from b2m_drive.students.scenes import SceneDataset
from tests.shared.other_process import ENVIRONMENT
from tests.shared.read_formats import make_recording, make_session


def changed(name: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


def stored_elsewhere(file: h5py.File) -> None:
    del file["time"]
    file.create_dataset("time", (8,), "f8", external=[("/etc/passwd", 0, 64)])


def out_of_another_file(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((200,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "time", (200,))
    del file["time"]
    file.create_virtual_dataset("time", layout)


def promising(shape: tuple[int, ...], **keywords: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["activity"]
        file.create_dataset("activity", shape, "f4", **keywords)

    return change


def many_attributes(file: h5py.File) -> None:
    for index in range(1100):
        file["time"].attrs[f"a{index}"] = index


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("time", h5py.ExternalLink("/etc/hostname", "/x")), "/time to another file"),
        (changed("time", h5py.SoftLink("/nowhere")), "/time to /nowhere, which leads nowhere"),
        (changed("time", h5py.SoftLink("/time")), "/time to /time, which leads nowhere or round"),
        (changed("unit_kinds", h5py.SoftLink("/none")), "/unit_kinds to /none"),
        (stored_elsewhere, r"/time stored in another file, .*passwd"),
        (out_of_another_file, r"/time out of another file, other\.h5"),
        (promising((1 << 35, 4)), "activity that promises 549755813888 bytes"),  # 512 GiB
        (promising((9 << 41, 1), chunks=(1024, 1)), "activity that promises"),  # 72 TiB
        (promising((500, 500), chunks=(1, 1)), "in 250000 chunks"),
        (promising((1 << 18, 1), chunks=(1 << 29, 1), maxshape=(None, 1)), "in chunks of"),
        (many_attributes, "/time with 1100 attributes"),
    ],
)
def test_a_recording_that_leads_out_or_promises_too_much_is_refused(
    change, message, tmp_path
) -> None:
    make_recording(tmp_path)
    path = tmp_path / "brain.h5"
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(ValueError, match=rf"brain\.h5: expected a scene recording.*{message}"):
        read_scene_recording(path)


def test_a_link_inside_the_file_and_a_circle_of_groups_are_no_harm(tmp_path) -> None:
    make_session(tmp_path)
    path = tmp_path / "012x.h5"
    whole = read_kornblith(path)
    with h5py.File(path, "r+") as file:
        file["elsewhere"] = file["trials/isi"]
        del file["trials/isi"]
        file["trials/isi"] = h5py.SoftLink("/elsewhere")
        file["trials/again"] = file["/"]
    linked = read_kornblith(path)
    np.testing.assert_array_equal(linked.trials.item_onset, whole.trials.item_onset)


def test_a_heap_without_end_is_refused_before_the_library_walks_it(tmp_path) -> None:
    make_session(tmp_path)
    path = tmp_path / "012x.h5"
    content = bytearray(path.read_bytes())
    at = content.index(b"GCOL") + 16
    content[at : at + 16] = bytes(16)  # free space of no bytes
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"012x\.h5: .*a heap at byte \d+ that has no end"):
        read_kornblith(path)


def test_an_archive_whose_directory_forgets_entries_is_refused(tmp_path) -> None:
    path = npz(tmp_path / "a.npz", a=np.arange(3.0), b=np.arange(4.0))
    content = path.read_bytes()
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    end = bytearray(content[content.index(b"PK\x05\x06") :])
    size = len(content) - len(end) - second
    end[8:10] = end[10:12] = struct.pack("<H", 1)
    end[12:16] = struct.pack("<I", size)
    end[16:20] = struct.pack("<I", second)
    path.write_bytes(content[:second] + content[second : second + size] + bytes(end))
    with pytest.raises(ValueError, match=r"a\.npz: .*which belong to no entry"):
        read_arrays(path)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 ...", b"\x89HDF\r\n\x1a\n" + bytes(200)])
def test_what_is_no_hdf5_file_is_said_before_anything_is_read(content, tmp_path) -> None:
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.h5: expected a session, .*came|x\.h5: .*session"):
        opened_hdf5(tmp_path / "x.h5", "a session").__enter__()


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, allow_pickle=False, **arrays)
    return path


def header_of(shape: tuple[int, ...]) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    return content.getvalue()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b""), "an empty file"),
        (lambda path: path.write_bytes(path.read_bytes()[:100]), "not a zip file"),
        (lambda path: encrypted(path), "an encrypted entry"),
        (lambda path: repacked(path, zipfile.ZIP_LZMA), "unknown compression 14"),
        (lambda path: replaced(path, header_of((1 << 40, 9))), "79164837199872 bytes"),
        (lambda path: replaced(path, header_of((-1,))), "shape|promise|array"),
        (lambda path: replaced(path, b"text"), "magic"),
        (lambda path: np.savez(path, a=np.array([{}], object)), "a pickle holds"),
    ],
)
def test_damaged_arrays_are_refused_before_numpy_sees_them(damage, message, tmp_path) -> None:
    path = npz(tmp_path / "a.npz", a=np.arange(100.0))
    damage(path)
    with pytest.raises(ValueError, match=rf"a\.npz: expected arrays .*({message})"):
        read_arrays(path)


def encrypted(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(bytes(content))


def repacked(path: Path, method: int) -> None:
    with zipfile.ZipFile(path) as archive:
        content = archive.read("a.npy")
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.npy", content)


def replaced(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content)


def test_whole_arrays_are_read_as_numpy_reads_them(tmp_path) -> None:
    arrays = {
        "turned": np.arange(12.0).reshape(3, 4).T, "one": np.array(5),
        "text": np.array(["ab", "c"]), "none": np.zeros((0, 3)), "flags": np.array([True, False]),
    }  # fmt: skip
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "a.npz", **arrays)
        for name, values in read_arrays(tmp_path / "a.npz").items():
            np.testing.assert_array_equal(values, arrays[name])
            assert values.dtype == arrays[name].dtype
    np.save(tmp_path / "a.npy", arrays["turned"])
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), arrays["turned"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deep"),
        ('{"a": ' + "[" * 70 + "]" * 70 + "}", "nested deeper than 64"),
        ('{"a": 1, "a": 2}', "the entry 'a' twice"),
        ('{"a": NaN}', "the number NaN"),
        ('{"a": 1e999}', "the number 1e999"),
        ("[1]", "expected a JSON object, settings, came list"),
        ('{"a": ' + "9" * 5000 + "}", "4300 digits"),
    ],
)
def test_json_that_no_reader_can_use_is_refused_by_name(text, message, tmp_path) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ValueError, match=rf"c\.json: .*{re.escape(message)}"):
        read_json(tmp_path / "c.json", "settings")


def test_text_that_is_no_utf8_is_named_by_its_line_in_one_sentence(tmp_path) -> None:
    path = tmp_path / "monitor.csv"
    path.write_bytes(b"r,l,t\n" + b"1,2,3\n" * 3000 + b"1,\xff,3\n")
    with pytest.raises(ValueError, match=r"monitor\.csv: line 3002: .*UTF-8.*0xff") as raised:
        read_text(path, "a monitor's file")
    assert len(str(raised.value)) < 300
    path.write_text("a," + "x" * 200_000)
    with pytest.raises(ValueError, match=r"monitor\.csv: .*field larger"):
        list(read_rows(path, "a table"))


def test_weights_that_are_not_finite_or_promise_too_much_are_named(tmp_path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"good": torch.ones(2), "bad": torch.tensor([1.0, torch.nan])}, path)
    with pytest.raises(ValueError, match=r"w\.safetensors: bad: expected finite .*came 1 .*of 2"):
        read_weights(path)
    entry = {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}
    header = json.dumps(entry).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(ValueError, match=r"w\.safetensors: expected weights"):
        read_weights(path)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("/../../../x", "x"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a/b\\c", "a-b-c"),
        ("regression/decoded/carried/brain", "regression-decoded-carried-brain"),
        ("frames=500.0|alone", "frames=500.0-alone"),
        ("sub-01_ses 2", "sub-01_ses 2"),
        ("line\nbreak\0", "line-break"),
        ("名前", "unnamed"),
    ],
)
def test_a_name_out_of_a_file_is_one_part_of_a_path(name, safe) -> None:
    assert safe_name(name) == safe
    assert len(safe_name(name * 500)) <= 100
    assert (Path("runs") / safe_name(name)).resolve().parent == Path("runs").resolve()


def test_a_folder_that_a_file_names_lies_inside(tmp_path) -> None:
    assert inside(tmp_path, "sessions/a") == tmp_path / "sessions" / "a"
    for part in ("/etc", "../x", "sessions/../../x"):
        with pytest.raises(ValueError, match="expected what lies inside it"):
            inside(tmp_path, part)


def test_a_picture_named_by_a_file_stays_among_the_figures() -> None:
    import matplotlib.figure

    assert (
        picture_of(matplotlib.figure.Figure(), "traversal-../../x", "").name
        == "traversal-..-..-x.png"
    )


def test_whatever_a_library_throws_becomes_one_sentence(tmp_path) -> None:
    for error in (KeyError("x"), RuntimeError("a\nb" * 900), MemoryError(), RecursionError()):
        expected = r"f\.h5: expected a file, came "
        with (
            pytest.raises(ValueError, match=expected) as raised,
            naming(tmp_path / "f.h5", "a file"),
        ):
            raise error
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 600
    with pytest.raises(KeyboardInterrupt), naming(tmp_path, "a file"):
        raise KeyboardInterrupt


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:

    return subprocess.run(
        [sys.executable, "-c", script, "demo"],
        check=False,
        capture_output=True,
        text=True,
        env=ENVIRONMENT | environment,
    )


RAISING = """
from b2m_agents.commands import app
def fail(): raise {error}
app.app = fail
app.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            "ZeroDivisionError('a\\nb')",
            app.FAULT,
            "this is a fault of b2m-drive (ZeroDivisionError",
        ),
        ("MemoryError()", 2, "b2m-drive: expected more memory than there is"),
        ("ValueError('x: expected y')", 2, "b2m-drive: x: expected y"),
    ],
)
def test_no_error_leaves_the_command_as_a_traceback(error, code, text) -> None:
    ended = run(RAISING.format(error=error))
    assert ended.returncode == code
    assert text in ended.stderr
    assert ended.stderr.count("\n") == 1
    shown = run(RAISING.format(error=error), B2M_DEBUG="1")
    assert "Traceback" in shown.stderr
    assert shown.returncode == code


def unread(path: Path, _: str | None) -> SceneDataset:
    dataset = object.__new__(SceneDataset)
    dataset.path = path
    return dataset


@pytest.mark.usefixtures("as_users_run_it")  # stand-ins are of other types
def test_a_recordings_session_makes_no_path_outside_the_runs(tmp_path, monkeypatch) -> None:
    make_recording(tmp_path)
    with h5py.File(tmp_path / "brain.h5", "r+") as file:
        file.attrs["session"] = "/../../../x"
    folders = []

    def note(comparison: Any, folder: Path, *arguments: Any) -> bool:
        folders.append(folder)
        return False

    monkeypatch.setattr("b2m_agents.commands.compare_driving.has_run", note)
    monkeypatch.setattr(
        "b2m_agents.studies.driving.usual_comparisons.DrivingComparison",
        lambda scenes, settings, viewer, recording, device, note: SimpleNamespace(
            viewer=viewer, recording=recording
        ),
    )
    monkeypatch.setattr("b2m_drive.students.scenes.SceneDataset", unread)
    with pytest.raises(SystemExit):
        app.app(["compare", "driving", "--recording", str(tmp_path / "brain.h5"),
                 "--scenes", str(tmp_path / "scenes.h5")])  # fmt: skip
    assert folders == [Path("runs") / "driving-x"]
