"""A student's folder: its weights (safetensors), its settings (JSON) and its model card."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save
from torch import nn

from b2m_drive.files.hub import pretrained_folder
from b2m_drive.files.json_files import read_json
from b2m_drive.files.model_card import CARD_FILE, write_card
from b2m_drive.files.refusals import naming
from b2m_drive.files.weights import read_weights
from b2m_drive.files.writing import write_bytes, write_json
from b2m_drive.students.student_card import TrainedOn, student_card

WEIGHTS = "model.safetensors"
SETTINGS = "config.json"
# Of a folder on the Hub; the view is that of an encoder's scenes, see `b2m_agents`
STUDENT_FILES = (CARD_FILE, SETTINGS, WEIGHTS, "view.json")

_Settings = TypeVar("_Settings")  # a dataclass
_Student = TypeVar("_Student", bound=nn.Module)


def write_student(
    folder: str | Path, student: nn.Module, settings: Any, trained_on: TrainedOn | None = None
) -> Path:
    """Write weights, settings and the model card into a folder, each file whole or not at all."""
    folder = Path(folder)
    entries = {"class": type(student).__name__, **asdict(settings)}
    weights = {name: value.contiguous() for name, value in student.state_dict().items()}
    write_bytes(folder / WEIGHTS, save(weights))
    write_json(folder / SETTINGS, entries)
    write_card(folder, student_card(type(student), trained_on))
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


def read_student(
    folder: str | Path,
    make: Callable[[_Settings], _Student],
    settings_class: type[_Settings],
    added_later: Collection[str] = (),
) -> _Student:
    """The student in a folder.

    Args:
        folder: Where `write_student` wrote, or ``"user/name"`` on the Hub, see `pretrained_folder`.
        make: The student's class, which makes one of its settings.
        settings_class: See `read_settings`.
        added_later: See `read_settings`.

    Raises:
        FileNotFoundError: As `read_settings`.
        ValueError: As `read_settings`, or if the weights are damaged, not finite or of another
            architecture; names the file.
    """
    folder = pretrained_folder(folder, STUDENT_FILES)
    settings = read_settings(folder, make.__name__, settings_class, added_later)
    weights = read_weights(folder / WEIGHTS)
    # Sizes alone come first: wrong settings may ask for all the memory there is.
    with naming(folder / SETTINGS, f"settings of a {make.__name__}"), torch.device("meta"):
        sizes = {name: value.shape for name, value in make(settings).state_dict().items()}
    came = {name: value.shape for name, value in weights.items()}
    differing = sorted(n for n in {*sizes, *came} if sizes.get(n) != came.get(n))
    if differing:
        name = differing[0]
        raise ValueError(
            f"{folder / WEIGHTS}: expected the weights of {settings}, {name} of "
            f"{_size_text(sizes.get(name))}, came {_size_text(came.get(name))}"
        )
    student = make(settings)
    student.load_state_dict(weights)
    return student


def _size_text(size: torch.Size | None) -> str:
    return "none" if size is None else str(tuple(size))
