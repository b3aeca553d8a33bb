"""Damaged files, and a process with limits in which they are read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import multiprocessing
import os
import resource
import shutil
import traceback
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SECONDS = 10.0  # a mutant may take, on a machine that does other work too
_SECONDS_OF_THE_FIRST = 120.0  # which may compile what it needs
BYTES = 2 << 30  # of memory that a mutant may take beyond what the reader's libraries do

Generator = np.random.Generator
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, 10**30, "", "x" * 5000, "../../x", [], {}, [[]], [1, "two", None],
    {"a": {"b": []}}, math.nan, math.inf, -1.5,
)  # fmt: skip


@dataclass(frozen=True)
class Format:
    """A kind of file that is read: how one is made, read, and damaged in its own ways."""

    name: str
    file: str  # of the folder, which is damaged
    make: Callable[[Path], Any]  # writes valid files into a folder
    read: Callable[[Path], Any]  # reads them from a folder
    structured: Callable[[Path, Generator], None] | None = None  # damages what the bytes mean
    checksummed: bool = False  # whether what is read of damaged bytes must be what was written
    unknown: tuple[str, ...] = ()  # fields that may be NaN


@dataclass(frozen=True)
class Outcome:
    """What came of reading a mutant."""

    kind: str  # read, refused, fault, busy or dead
    text: str = ""


def damage(content: bytes, generator: Generator) -> bytes:
    """Bytes with bits flipped, a piece cut off, taken out, doubled, moved or written over."""
    data = bytearray(content)
    start = int(generator.integers(len(data)))
    stop = min(len(data), start + int(2 ** generator.uniform(0, 12)))
    piece = bytes(data[start:stop])
    elsewhere = int(generator.integers(len(data)))
    way = int(generator.integers(8))
    if way == 0:
        for at in generator.integers(len(data), size=int(generator.integers(1, 9))):
            data[at] ^= 1 << int(generator.integers(8))
    elif way == 1:
        del data[start:]
    elif way == 2:
        del data[start:stop]
    elif way == 3:
        data[stop:stop] = piece
    elif way == 4:
        data[elsewhere : elsewhere + len(piece)] = piece
    elif way == 5:
        data[start:stop] = generator.bytes(stop - start)
    elif way == 6:
        data[start : start + 8] = int(2 ** generator.uniform(8, 63)).to_bytes(8, "little")
    else:
        data[start : start + 4] = bytes([int(generator.choice([0, 0x7F, 0xFF]))]) * 4
    return bytes(data)


def damage_json(path: Path, generator: Generator) -> None:
    """Another type somewhere within, an entry taken out or doubled, or too deep a nest."""
    way = int(generator.integers(10))
    if way == 0:
        depth = int(generator.integers(100, 200_000))
        path.write_text("[" * depth + "]" * int(generator.choice([0, depth])))
        return
    text = path.read_text()
    if way == 1:
        path.write_text(text.replace("{", '{"twice": 1, "twice": 2, ', 1))
        return
    entries = json.loads(text)
    holder, key = _anywhere(entries, generator)
    if way == 2 and isinstance(holder, dict):
        del holder[key]
    elif way == 3:
        deep: Any = 1
        for _ in range(500):
            deep = [deep]
        holder[key] = deep
    else:
        holder[key] = ODD_VALUES[int(generator.integers(len(ODD_VALUES)))]
    path.write_text(json.dumps(entries))


def damage_table(path: Path, generator: Generator) -> None:
    """Another cell, a row with too few or too many, a byte that is no UTF-8, or a long line."""
    lines = path.read_bytes().split(b"\n")
    row = int(generator.integers(len(lines)))
    cells = lines[row].split(b",")
    odd = (
        b"",
        b"nan",
        b"inf",
        b"-1",
        b"1e400",
        b"9" * 5000,
        b"\xff",
        b"\x00",
        b'"',
        b"x" * 200_000,
    )
    way = int(generator.integers(3))
    if way == 0:
        cells[int(generator.integers(len(cells)))] = odd[int(generator.integers(len(odd)))]
    elif way == 1:
        cells = cells[:-1]
    else:
        cells.append(odd[int(generator.integers(len(odd)))])
    lines[row] = b",".join(cells)
    path.write_bytes(b"\n".join(lines))


def damage_archive(path: Path, generator: Generator) -> None:
    """An entry damaged beneath its checksum, or one that is gone, encrypted or oddly packed."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    name = list(content)[int(generator.integers(len(content)))]
    way = int(generator.integers(8))
    if way < 5:
        content[name] = damage(content[name], generator)
    elif way == 5:
        del content[name]
    elif way == 6:
        content[name] = b""
    method = zipfile.ZIP_LZMA if way == 7 else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for each, data in content.items():
            archive.writestr(each, data)


def damage_hdf5(path: Path, generator: Generator) -> None:
    """A data set or attribute of another type, shape or place."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(lambda name: names.append(name))  # None goes on
        name = names[int(generator.integers(len(names)))]
        way = int(generator.integers(14))
        if way == 0 and len(file.attrs):
            attribute = list(file.attrs)[int(generator.integers(len(file.attrs)))]
            file.attrs[attribute] = [-1, "x", np.nan, [1, 2, 3], ""][int(generator.integers(5))]
            return
        old = file[name][()] if isinstance(file[name], h5py.Dataset) else np.arange(3)
        del file[name]
        if way <= 1:
            file.create_group(name)
        elif way == 2:
            file[name] = h5py.ExternalLink("/etc/hostname", "/x")
        elif way == 3:
            file[name] = h5py.SoftLink(f"/{name}" if generator.integers(2) else "/nowhere")
        elif way == 4:
            file.create_dataset(name, (1 << 40, 9), np.float64, chunks=(1, 1))
        elif way == 5:
            file.create_dataset(name, (1 << 30,), np.float64)
        elif way == 6:
            file.create_dataset(name, (8, 8), "u1", external=[("/etc/passwd", 0, 64)])
        elif way == 7:
            layout = h5py.VirtualLayout((3,), "i8")
            layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (3,))
            file.create_virtual_dataset(name, layout)
        elif way == 8:
            file[name] = np.asarray(["text"] * max(1, len(np.atleast_1d(old))), dtype="S9")
        elif way == 9:
            file[name] = h5py.Empty("f")
        elif way == 10:
            file[name] = np.asarray(old)[..., None] if np.asarray(old).dtype.kind in "fiub" else 1
        elif way == 11:
            dtype = np.dtype([("a", "f4"), ("b", "S3")])
            file[name] = np.zeros(np.shape(old)[:1], dtype)
        elif way == 12:
            references = np.empty(np.shape(old)[:1], dtype=h5py.ref_dtype)
            file.create_dataset(name, data=references, dtype=h5py.ref_dtype)
        elif np.asarray(old).dtype.kind in "fiu":
            file[name] = np.full(
                np.shape(old), [np.nan, np.inf, -1e300][int(generator.integers(3))]
            )


def outcomes(
    formats: Sequence[Format], n_mutants: int, folder: Path, seed: int = 0
) -> dict[str, list[tuple[int, Outcome]]]:
    """Read mutants of each format; the number of a mutant gives the same one again."""
    reader = Reader(folder)
    try:
        return {each.name: _outcomes(each, n_mutants, folder, seed, reader) for each in formats}
    finally:
        reader.close()


def write_mutant(one: Format, valid: Path, place: Path, number: int, seed: int) -> bool:
    """Write a mutant's folder; whether its bytes were damaged, not their meaning."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(valid, place)
    generator = np.random.default_rng([seed, number])
    path = place / one.file
    of_bytes = one.structured is None or number % 2 == 0
    if of_bytes:
        path.write_bytes(damage(path.read_bytes(), generator))
    else:
        assert one.structured is not None
        one.structured(path, generator)
    return of_bytes


class Reader:
    """A process that reads; a new one after one that was too slow, or died."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Any = None

    def read(
        self, one: Format, place: Path, expected: str | None, seconds: float = SECONDS
    ) -> Outcome:
        """What comes of reading a folder, in so many seconds."""
        if self._process is None:
            self._start()
        self._pipe.send((one, place, expected))
        try:
            if self._pipe.poll(seconds):
                outcome: Outcome = self._pipe.recv()
                return outcome
            kind, text = "busy", f"more than {seconds:g} s"
        except EOFError:
            kind, text = "dead", "the reading process ended"
        self.close()
        return Outcome(kind, text)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # the libraries are there


def _outcomes(
    one: Format, n_mutants: int, folder: Path, seed: int, reader: Reader
) -> list[tuple[int, Outcome]]:
    valid, place = folder / one.name / "valid", folder / one.name / "mutant"
    valid.mkdir(parents=True)
    one.make(valid)
    whole = reader.read(one, valid, None, _SECONDS_OF_THE_FIRST)
    assert whole.kind == "read", f"{one.name}: the whole file: {whole.text}"
    found = []
    for number in range(n_mutants):
        of_bytes = write_mutant(one, valid, place, number, seed)
        expected = whole.text if of_bytes and one.checksummed else None
        found.append((number, reader.read(one, place, expected)))
    return found


def _serve(pipe: Connection) -> None:
    """Read what is asked for, within a limit of memory."""

    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
    pipe.send("ready")
    while True:
        one, place, expected = pipe.recv()
        pipe.send(_outcome(one, place, expected))


def _outcome(one: Format, place: Path, expected: str | None) -> Outcome:
    try:
        result = one.read(place)
    except (ValueError, OSError) as error:
        named = str(place) in str(error) or str(place) in str(getattr(error, "filename", ""))
        return Outcome("refused" if named else "fault", _told(error))
    except BaseException as error:  # whatever it is, it is what is looked for
        return Outcome("fault", _told(error))
    text, odd = _text_of(result, one.unknown)
    if odd:
        return Outcome("fault", f"read with {odd}")
    if expected is not None and text != expected:
        return Outcome("fault", f"another answer: {text[:200]} for {expected[:200]}")
    return Outcome("read", text)


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(each.filename).name}:{each.lineno}" for each in reversed(frames))
    return f"{type(error).__name__}: {str(error)[:300]} ({where})"


def _text_of(value: Any, unknown: tuple[str, ...]) -> tuple[str, str]:
    """A result as text, and what of it cannot be."""
    parts, odd = [], ""
    for name, leaf in _leaves(value, ""):
        array = np.asarray(leaf)
        broken = array.dtype.kind == "f" and not np.isfinite(array).all()
        if broken and not any(each in name for each in unknown):
            odd = odd or f"{name} that is not finite"
        content = array.tobytes() if array.dtype.kind in "fiub" else repr(leaf).encode()
        parts.append(f"{name}:{array.shape}:{hashlib.sha256(content).hexdigest()[:12]}")
    return " ".join(parts), odd


def _leaves(value: Any, name: str) -> list[tuple[str, Any]]:
    if hasattr(value, "detach"):
        return [(name, value.detach().numpy())]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        pairs = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list | tuple):
        pairs = [(str(key), each) for key, each in enumerate(value)]
    else:
        return [(name, value)]
    return [leaf for key, each in pairs for leaf in _leaves(each, f"{name}.{key}")]


def _anywhere(entries: Any, generator: Generator) -> tuple[Any, Any]:
    """A random place within nested entries: who holds it, and under which key."""
    places = []
    waiting = [entries]
    while waiting:
        holder = waiting.pop()
        pairs = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in pairs:
            places.append((holder, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    return places[int(generator.integers(len(places)))]
