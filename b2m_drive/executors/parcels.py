"""A task as bytes, beside which its large inputs travel once a machine and not once a task.

Large arrays, and the files that a task reads, are replaced by keys of their content. Whoever sends
a parcel keeps what belongs to the keys where other machines find it; whoever opens one puts it in
again. A task that is opened elsewhere writes into a folder of its own, whose files come back with
the outcome.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import cloudpickle
import numpy as np
import torch

from b2m_drive.executors.sent_files import SentFiles, files_at, place_at
from b2m_drive.executors.tasks import Outcome, Task, run_task
from b2m_drive.executors.written_files import files_in
from b2m_drive.files.provenance import installed_versions

LARGE = 2**18  # [bytes] that an array needs to travel apart
PACKAGES = ("b2m-drive", "torch", "numpy", "scipy", "scikit-learn")  # that decide the numbers


@dataclass(frozen=True)
class Parcel:
    """A task without its large inputs."""

    content: bytes
    keys: tuple[str, ...]  # of the large inputs
    versions: Mapping[str, str]  # of the machine that sends it


class LargeInputs:
    """The large inputs of many tasks, each kept once.

    Args:
        keep: Called once with every key, and the array or files that belong to it.
    """

    def __init__(self, keep: Callable[[str, np.ndarray | SentFiles], None]) -> None:
        self._keep, self._kept = keep, set[str]()
        self._by_object: dict[int, tuple[Any, str]] = {}  # the object, so that its id stays its own

    def key_of_array(self, values: np.ndarray) -> str:
        """The key of an array; one that was seen before is not looked at again.

        What is kept of an array in Fortran's order is its transpose, see `is_transposed`.
        """
        if id(values) not in self._by_object:
            whole = np.ascontiguousarray(values.T if is_transposed(values) else values)
            digest = hashlib.sha256(f"{whole.dtype.str} {whole.shape} ".encode())
            digest.update(whole.view(np.uint8).reshape(-1).data)
            self._by_object[id(values)] = values, self._keyed(digest.hexdigest(), whole)
        return self._by_object[id(values)][1]

    def key_of_files(self, path: Path) -> str:
        """The key of a file, or of all files of a folder, as they are now."""
        files = files_at(path)
        return self._keyed(files.digest, files)

    def _keyed(self, key: str, value: np.ndarray | SentFiles) -> str:
        if key not in self._kept:
            self._keep(key, value)
            self._kept.add(key)
        return key


def is_transposed(values: np.ndarray) -> bool:
    """Whether an array is in Fortran's order, which it keeps, since sums round by it."""
    return values.flags.f_contiguous and not values.flags.c_contiguous


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, task: Task, large: LargeInputs, with_files: bool) -> None:
        super().__init__(file)
        self.reads, self.writes = (task.reads, task.writes) if with_files else ((), None)
        self.large, self.keys = large, dict[str, None]()

    def persistent_id(self, obj: Any) -> tuple[str, ...] | None:
        """How what travels apart is told; None for all else."""
        if type(obj) is np.ndarray and obj.nbytes >= LARGE and not obj.dtype.hasobject:
            kind = "transposed" if is_transposed(obj) else "array"
            return self._told(kind, self.large.key_of_array(obj))
        if type(obj) is torch.Tensor and _is_large(obj):
            return self._told("tensor", self.large.key_of_array(obj.detach().numpy()))
        if isinstance(obj, PurePath):
            return self._told_path(Path(obj))
        return None

    def _told(self, kind: str, key: str, *more: str) -> tuple[str, ...]:
        self.keys[key] = None
        return kind, key, *more

    def _told_path(self, path: Path) -> tuple[str, ...] | None:
        for read in self.reads:
            if path == read or read in path.parents:
                within = path.relative_to(read).as_posix()
                return self._told("read", self.large.key_of_files(read), read.name, within)
        if self.writes is not None and (path == self.writes or self.writes in path.parents):
            return "write", path.relative_to(self.writes).as_posix()
        return None


def _is_large(tensor: torch.Tensor) -> bool:
    plain = tensor.device.type == "cpu" and tensor.layout == torch.strided
    whole = tensor.is_contiguous() and not tensor.requires_grad and tensor.dtype != torch.bfloat16
    return plain and whole and tensor.numel() * tensor.element_size() >= LARGE


class _Opener(cloudpickle.pickle.Unpickler):  # type: ignore[misc]
    def __init__(self, content: bytes, values: Mapping[str, Any], folder: Path) -> None:
        super().__init__(io.BytesIO(content))
        self.values, self.folder = values, folder
        self.copies: dict[str, np.ndarray] = {}

    def persistent_load(self, told: Any) -> Any:
        """What travelled apart."""
        kind, *about = told
        if kind == "write":
            return self.folder / about[0]
        key, *where = about
        if kind == "read":
            return place_at(self.values[key], *where)
        if key not in self.copies:  # this task's own, which it may write to
            self.copies[key] = np.array(self.values[key])
        found = self.copies[key]
        if kind == "tensor":
            return torch.from_numpy(found)
        return found.T if kind == "transposed" else found


def pack(task: Task, large: LargeInputs, *, with_files: bool) -> Parcel:
    """A task as bytes.

    Args:
        task: What is to run elsewhere.
        large: Takes what travels apart.
        with_files: Whether the files that it reads travel, too, and those that it writes come
            back; otherwise its paths must be the same wherever it runs.
    """
    file = io.BytesIO()
    packer = _Packer(file, task, large, with_files)
    packer.dump(replace(task, reads=(), writes=None))
    return Parcel(file.getvalue(), tuple(packer.keys), _versions())


def run_parcel(parcel: Parcel, values: Sequence[Any]) -> Outcome:
    """Open a parcel where it came to, and run its task.

    Args:
        parcel: From `pack`.
        values: What belongs to its keys, in their order.
    """
    here = _versions()
    with TemporaryDirectory(prefix="b2m-task-") as folder:
        if here != dict(parcel.versions):
            return run_task(Task("", _refuse_versions, (dict(parcel.versions), here)))
        by_key = dict(zip(parcel.keys, values, strict=True))
        task = _Opener(parcel.content, by_key, Path(folder)).load()
        outcome = run_task(task)
        return replace(outcome, files=files_in(Path(folder)))


@cache
def _versions() -> dict[str, str]:
    """Of what decides the numbers, on this machine."""
    return installed_versions(PACKAGES)


def _refuse_versions(versions: tuple[dict[str, str], dict[str, str]]) -> None:
    there, here = versions
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    raise ValueError(
        "expected the versions of the machine that began the run, whose numbers are the same; came "
        + ", ".join(f"{name} {here.get(name, 'none')} (there {there.get(name, 'none')})"
                    for name in names)
    )  # fmt: skip
