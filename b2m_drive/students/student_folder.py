"""A student's folder: its weights (safetensors) and its settings (JSON)."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from safetensors.torch import save_file
from torch import nn

from b2m_drive.files.json_files import read_json
from b2m_drive.files.refusals import naming
from b2m_drive.files.weights import read_weights

WEIGHTS = "model.safetensors"
SETTINGS = "config.json"

_Settings = TypeVar("_Settings")  # a dataclass


def write_student(folder: str | Path, student: nn.Module, settings: Any) -> Path:
    """Write weights and settings into a folder, each file whole or not at all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    entries = {"class": type(student).__name__, **asdict(settings)}
    weights = {name: value.contiguous() for name, value in student.state_dict().items()}
    with TemporaryDirectory(dir=folder) as draft:
        save_file(weights, Path(draft, WEIGHTS))
        Path(draft, SETTINGS).write_text(json.dumps(entries, indent=2) + "\n")
        # safetensors lets only its owner read the weights
        Path(draft, WEIGHTS).chmod(Path(draft, SETTINGS).stat().st_mode)
        for name in (WEIGHTS, SETTINGS):
            os.replace(Path(draft, name), folder / name)
    return folder


def read_settings(
    folder: str | Path,
    class_name: str,
    settings_class: type[_Settings],
    added_later: Collection[str] = (),
) -> _Settings:
    """The settings of the student in a folder.

    Args:
        folder: Where `write_student` wrote.
        class_name: Of the student expected.
        settings_class: A dataclass; the file must have its fields and no others.
        added_later: Fields that older files lack; their defaults stand for them.

    Raises:
        FileNotFoundError: If the folder or one of its two files is missing.
        ValueError: If the file is damaged, of another class of student, or of other fields.
    """
    folder = Path(folder)
    for name in (SETTINGS, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: expected a file {name} of a saved {class_name}")
    path = folder / SETTINGS
    entries = read_json(path, f"the settings of a {class_name}")
    came = entries.pop("class", None)
    if came != class_name:
        raise ValueError(f"{path}: expected the settings of a {class_name}, came {came!r}")
    known = {field.name for field in fields(settings_class)}  # type: ignore[arg-type]
    if not known - set(added_later) <= set(entries) <= known:
        raise ValueError(f"{path}: expected the fields {sorted(known)}, came {sorted(entries)}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()
    }
    with naming(path, f"possible settings of a {class_name}"):
        return settings_class(**values)


def load_weights(folder: str | Path, student: nn.Module) -> None:
    """Give a student the weights in a folder.

    Raises:
        ValueError: If the file is damaged, or the weights are not finite or of another
            architecture.
    """
    path = Path(folder) / WEIGHTS
    settings = getattr(student, "settings", type(student).__name__)
    weights = read_weights(path)
    with naming(path, f"the weights of {settings}"):
        student.load_state_dict(weights)
