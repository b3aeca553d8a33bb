"""Mappings: from TOML and back, from a command line, and what is refused in them."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2m_drive.recordings.mapping import (
    AboutMapping,
    ActivityMapping,
    EventMapping,
    Labels,
    Preprocessing,
    RecordingMapping,
    TrialMapping,
    mapping_from,
    read_mapping,
    toml_of,
)

SECTIONS = (ActivityMapping, EventMapping, TrialMapping, Preprocessing, AboutMapping)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def strategy_of(hint: Any) -> st.SearchStrategy[Any]:
    if hint == Labels:
        return st.lists(TEXT, max_size=3).map(tuple)
    if hint == tuple[float, ...]:
        return st.lists(NUMBERS, max_size=3).map(tuple)
    if getattr(hint, "__origin__", None) is not None and "Mapping" in str(hint):
        values = st.integers(-(10**9), 10**9) if "int" in str(hint) else strategy_of(Labels)
        return st.dictionaries(TEXT, values, max_size=3)
    if "Literal" in str(hint):
        return st.sampled_from(hint.__args__)
    return {str: TEXT, bool: st.booleans(), float: NUMBERS}[hint]


def section(kind: type) -> st.SearchStrategy[dict[str, Any]]:
    hints = get_type_hints(kind)
    return st.fixed_dictionaries(
        {each.name: strategy_of(hints[each.name]) for each in fields(kind)}
    )


@pytest.mark.slow
@given(
    section(ActivityMapping),
    st.none() | section(EventMapping),
    st.none() | section(TrialMapping),
    section(Preprocessing),
    section(AboutMapping),
)
def test_a_mapping_survives_its_toml(
    activity: dict[str, Any],
    events: dict[str, Any] | None,
    trials: dict[str, Any] | None,
    preprocessing: dict[str, Any],
    about: dict[str, Any],
) -> None:
    mapping = RecordingMapping(
        ActivityMapping(**activity),
        None if events is None else EventMapping(**events),
        None if trials is None else TrialMapping(**trials),
        Preprocessing(**preprocessing),
        AboutMapping(**about),
    )
    assert mapping_from(tomllib.loads(toml_of(mapping))) == mapping


def test_entries_of_a_command_line_are_typed_and_win_over_a_file(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text('[events]\ntable = "a"\nduration = 2\n[events.where]\nx = ["1"]\n')
    mapping = read_mapping(
        [str(path), "events.table=b", "events.where.y=go,stop", "events.ids.cat=3",
         "activity.channels=Cz, Pz", "activity.rate=250", "activity.transpose=true",
         "preprocessing.baseline=-.2,0"],
    )  # fmt: skip
    assert mapping is not None
    assert mapping.events == EventMapping(
        table="b", duration="2", where={"x": ("1",), "y": ("go", "stop")}, ids={"cat": 3}
    )
    assert mapping.activity == ActivityMapping(channels=("Cz", "Pz"), rate=250.0, transpose=True)
    assert mapping.preprocessing.baseline == (-0.2, 0)


@pytest.mark.parametrize("given", [None, [], ""])
def test_nothing_given_is_no_mapping(given: Any) -> None:
    assert given == "" or read_mapping(given) is None
    with pytest.raises(ValueError, match=r"expected a file \.toml or an entry"):
        read_mapping("nonsense")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("event.table=x", r"event: expected one of .*; did you mean events\?"),
        ("events.tabel=x", r"tabel: expected one of .*; did you mean table\?"),
        ("activity.rate=fast", "activity.rate: expected a number, came 'fast'"),
        ("activity.rate=nan", "activity.rate: expected a number"),
        ("activity.transpose=maybe", "activity.transpose: expected True or False"),
        ("trials.task=n_back", r"trials.task: expected one of 'memory_decision', 'sternberg'"),
        ("preprocessing.baseline=a,b", "preprocessing.baseline: expected several, each a number"),
        ("about.simulated=perhaps", "about.simulated: expected one of"),
    ],
)
def test_what_no_section_takes_is_refused_with_what_it_does(entry: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_mapping([entry])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[events\n", r"one\.toml: expected a mapping \(TOML\)"),
        ("events = 3\n", "events: expected a section of entries"),
        ("[events]\nids = 3\n", "events.ids: expected an object, came 3"),
        ("[events]\nkeep = 3\n", "events.keep: expected several, each text, came 3"),
        ("[activity]\nsignal = [1]\n", "activity.signal: expected text"),
        ("", r"one\.toml: expected a mapping \(TOML\), came an empty file"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "one.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_mapping(path)


def test_a_missing_file_is_said_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="found none"):
        read_mapping(tmp_path / "none.toml")


@pytest.mark.parametrize("kind", SECTIONS)
def test_every_entry_of_a_section_is_documented(kind: type) -> None:
    documented = kind.__doc__ or ""
    left = [
        each.name for each in fields(kind)
        if kind is not AboutMapping and f"        {each.name}: " not in documented
    ]  # fmt: skip
    assert not left
