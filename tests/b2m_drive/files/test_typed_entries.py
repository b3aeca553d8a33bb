"""JSON entries become a dataclass, each entry looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from b2m_drive.files.typed_entries import entries_as

PATH = Path("config.json")


@dataclass(frozen=True)
class Inner:
    name: str
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outer:
    n_steps: int
    share: float
    inner: Inner
    several: tuple[Inner, ...]
    others: Mapping[str, Any] = field(default_factory=dict)
    chosen: Inner | None = None


def entries(**changes: Any) -> dict[str, Any]:
    whole = {"n_steps": 3, "share": 1, "inner": {"name": "a"}, "several": [{"name": "b"}]}
    return {**whole, **changes}


def test_entries_become_what_their_fields_declare() -> None:
    found = entries_as(
        Outer,
        entries(inner={"name": "a", "counts": [1, 2]}, chosen={"name": "c"}, unknown=1),
        PATH,
    )
    assert found == Outer(3, 1, Inner("a", (1, 2)), (Inner("b"),), {}, Inner("c"))
    assert entries_as(Outer, entries(chosen=None), PATH).chosen is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_steps": 2.5}, r"config\.json: n_steps: expected a whole number, came 2\.5"),
        ({"n_steps": True}, "n_steps: expected a whole number, came True"),
        ({"share": "much"}, "share: expected a number, came 'much'"),
        ({"share": float("nan")}, "share: expected a number, came nan"),
        ({"inner": {}}, r"expected the entry inner\.name, found none"),
        ({"inner": ["a"]}, r"inner: expected an object, came \['a'\]"),
        ({"inner": {"name": "a", "counts": [1, "2"]}}, r"inner\.counts: expected several, each a"),
        ({"several": {"name": "b"}}, "several: expected a list of objects"),
        ({"several": [{"name": 1}]}, r"several\.name: expected text, came 1"),
        ({"others": [1]}, "others: expected an object, came"),
        ({"chosen": 3}, "chosen: expected an object, came 3"),
    ],
)
def test_an_entry_of_another_type_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        entries_as(Outer, entries(**changes), PATH)


def test_a_missing_entry_is_named() -> None:
    with pytest.raises(ValueError, match=r"config\.json: expected the entry n_steps, found none"):
        entries_as(Outer, {"share": 1.0}, PATH)
