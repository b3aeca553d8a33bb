"""A reader of the user's own: one function, one line to join."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import b2m_drive as b2m


def read_toy(path: Path) -> b2m.Recording:
    """A toy format: a line an event (onset, id), then a line a unit with its spike times."""
    lines = path.read_text().splitlines()
    events = np.array([line[1:].split() for line in lines if line[0] == "e"], dtype=float)
    spikes = [np.fromstring(line[1:], sep=" ") for line in lines if line[0] == "u"]
    return b2m.Recording.from_arrays(
        spike_times=spikes, onset=events[:, 0], ids=events[:, 1], session=path.stem,
        recorded=(0.0, 10.0),
    )  # fmt: skip


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "one.toy"
    path.write_text("e 1.0 7\ne 2.0 9\nu 1.2 1.25 2.4\nu\n")
    return path


def test_a_file_in_a_users_format_becomes_responses(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.READERS, ".toy", read_toy)
    responses = b2m.responses_of(b2m.read_recording(toy), 0.1, 0.5)
    assert responses.ids.tolist() == [7, 9]
    np.testing.assert_allclose(responses.values[:, 0], [[2**0.5, 0], [1, 0]])


def test_an_unknown_suffix_is_refused_with_those_that_are_known(toy: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in one of .*\.h5.*came \.toy; READERS"):
        b2m.read_recording(toy)
    with pytest.raises(ValueError, match="came no suffix"):
        b2m.read_recording(toy.with_suffix(""))


@pytest.mark.parametrize("suffix", ["toy", ".TOY", ".toy.gz"])
def test_a_suffix_is_found_however_it_was_written(
    suffix: str, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.READERS, suffix, read_toy)
    monkeypatch.setitem(b2m.READERS, ".gz", lambda path: pytest.fail("the longest decides"))
    name = "One.Toy.gz" if suffix.endswith("gz") else "One.Toy"
    path = toy.rename(toy.with_name(name))
    assert len(b2m.read_recording(path).events) == 2


def test_a_reader_that_returns_no_recording_is_named(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.READERS, ".toy", lambda path: None)
    with pytest.raises(ValueError, match="expected a Recording of the reader <lambda>, came None"):
        b2m.read_recording(toy)
    monkeypatch.setitem(b2m.READERS, ".toy", read_toy)
    with pytest.raises(FileNotFoundError, match="found none"):
        b2m.read_recording(toy.with_name("two.toy"))
