"""The head of an attachment in a folder: weights (safetensors) and what it is of (JSON)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from b2m_drive.files.json_files import read_json
from b2m_drive.files.refusals import naming
from b2m_drive.files.weights import read_weights
from b2m_drive.files.writing import write_bytes, write_json

_WEIGHTS = "attachment.safetensors"
_SETTINGS = "attachment.json"
# Settings of the loss, on which a head does not depend: it may be taken up with others.
_OF_LOSS = ("temperature", "positions_per_trial", "exclude_within")


def write_head(folder: str | Path, head: nn.Module, description: Mapping[str, Any]) -> Path:
    """Write a head and its description, each file whole or not at all."""
    folder = Path(folder)
    weights = {name: value.contiguous() for name, value in head.state_dict().items()}
    write_bytes(folder / _WEIGHTS, save(weights))
    write_json(folder / _SETTINGS, dict(description))
    return folder


def read_head(folder: str | Path, head: nn.Module, description: Mapping[str, Any]) -> None:
    """Give a head the weights that `write_head` wrote.

    Args:
        folder: Of the files.
        head: To take them over.
        description: Of the head; that in the folder must be the same, but for the teacher.

    Raises:
        FileNotFoundError: If one of the two files is missing.
        ValueError: If a file is damaged or belongs to another attachment.
    """
    folder = Path(folder)
    for name in (_SETTINGS, _WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: expected a file {name} of a saved attachment")
    _check_description(folder / _SETTINGS, description)
    weights = read_weights(folder / _WEIGHTS)
    with naming(folder / _WEIGHTS, f"the head of {dict(description)}"):
        head.load_state_dict(weights)


def _check_description(path: Path, description: Mapping[str, Any]) -> None:
    came = read_json(path, "the settings of a BrainAttachment")
    found, expected = _of_head({"n_phases": 1, **came}), _of_head(description)
    for field, value in expected.items():
        if found.get(field) != value:
            raise ValueError(f"{path}: {field}: expected {value}, came {found.get(field)}")


def _of_head(description: Mapping[str, Any]) -> dict[str, Any]:
    """What of a description the head depends on."""
    kept = {name: value for name, value in description.items() if name != "teacher"}
    settings = kept.get("settings")
    if isinstance(settings, dict):
        kept["settings"] = {k: value for k, value in settings.items() if k not in _OF_LOSS}
    return kept
