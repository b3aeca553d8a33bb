"""A student's folder: its weights (safetensors) and its settings (JSON)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from b2m_drive.files.writing import write_bytes, write_json

WEIGHTS = "model.safetensors"
SETTINGS = "config.json"

_Settings = TypeVar("_Settings")  # a dataclass


def write_student(folder: str | Path, student: nn.Module, settings: Any) -> Path:
    """Write weights and settings into a folder, each file whole or not at all."""
    folder = Path(folder)
    entries = {"class": type(student).__name__, **asdict(settings)}
    weights = {name: value.contiguous() for name, value in student.state_dict().items()}
    write_bytes(folder / WEIGHTS, save(weights))
    write_json(folder / SETTINGS, entries)
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
    try:
        entries = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected JSON, came {error}") from error
    came = entries.pop("class", None) if isinstance(entries, dict) else type(entries).__name__
    if came != class_name:
        raise ValueError(f"{path}: expected the settings of a {class_name}, came {came!r}")
    known = {field.name for field in fields(settings_class)}  # type: ignore[arg-type]
    if not known - set(added_later) <= set(entries) <= known:
        raise ValueError(f"{path}: expected the fields {sorted(known)}, came {sorted(entries)}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()
    }
    try:
        return settings_class(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def load_weights(folder: str | Path, student: nn.Module) -> None:
    """Give a student the weights in a folder.

    Raises:
        ValueError: If the file is damaged, the weights are of another architecture, or one is
            not finite.
    """
    path = Path(folder) / WEIGHTS
    try:
        weights = load_file(path)
        student.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        settings = getattr(student, "settings", type(student).__name__)
        raise ValueError(f"{path}: expected the weights of {settings}, came {error}") from error
    check_finite(weights, path)


def check_finite(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights that are NaN or infinite.

    Raises:
        ValueError: Names the file and the first such tensor.
    """
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{path}: {name}: expected finite weights, came NaN or infinite ones")
