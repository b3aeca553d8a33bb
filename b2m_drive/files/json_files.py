"""JSON that is read from files: one object, of bounded size and depth, every entry once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from b2m_drive.files.refusals import said
from b2m_drive.files.text_files import read_text

_MOST_BYTES = 1 << 26
_DEEPEST = 64


def read_json(path: Path, expected: str = "an object", *, finite: bool = True) -> dict[str, Any]:
    """The JSON object of a file.

    Args:
        path: Of the file.
        expected: What it should be, for the message of an error.
        finite: Refuse NaN and infinite numbers, which are no JSON.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, too large, not UTF-8, no JSON object, nested too deep, or names
            an entry twice; names the file.
    """
    return parse_json(read_text(path, expected, _MOST_BYTES), str(path), expected, finite=finite)


def parse_json(
    text: str | bytes, origin: str, expected: str = "an object", *, finite: bool = True
) -> dict[str, Any]:
    """The JSON object of a text, such as one inside another file; as `read_json`.

    Args:
        text: JSON.
        origin: Where it comes from, for the message of an error.
        expected: What it should be.
        finite: Refuse NaN and infinite numbers.

    Raises:
        ValueError: As `read_json`; names the origin.
    """
    checks: dict[str, Any] = {"object_pairs_hook": _each_once}
    if finite:
        checks |= {"parse_constant": _refuse_constant, "parse_float": _finite}
    try:
        entries = json.loads(text, **checks)
        _check_depth(entries)
    except (ValueError, RecursionError, TypeError) as error:
        raise ValueError(f"{origin}: expected JSON of {expected}, came {said(error)}") from error
    if not isinstance(entries, dict):
        raise ValueError(
            f"{origin}: expected a JSON object, {expected}, came {type(entries).__name__}"
        )
    return entries


def _check_depth(entries: Any) -> None:
    """What is nested deeper than anything of ours would exhaust the stack of whoever walks it."""
    layer = [entries]
    for _ in range(_DEEPEST):
        layer = [
            inner
            for each in layer
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not layer:
            return
    raise ValueError(f"one that is nested deeper than {_DEEPEST}")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the entry {twice!r} twice")
    return entries


def _refuse_constant(name: str) -> None:
    raise ValueError(f"the number {name}")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits}, which is too large")
    return value
