"""``b2m-drive fetch`` lists data sets, downloads one, and says how to get the others."""

from __future__ import annotations

import pytest

import b2m_agents.commands.fetch  # noqa: F401 - what `run` runs
from b2m_drive.recordings import fetching
from b2m_drive.recordings.datasets.table import DATA_SETS
from tests.b2m_agents.commands.test_cli import run


def test_without_a_name_all_are_listed_with_their_licences(monkeypatch, capsys) -> None:
    code, out, _ = run(monkeypatch, capsys, "fetch")
    assert code == 0
    for name, each in DATA_SETS.items():
        assert f"{name}\n    {each.title}" in out
        assert f"licence: {each.licence}" in out


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("dandi_000469", "dandi download DANDI:000469"),
        ("dandi_000673", "dandi download DANDI:000673"),
        ("dandi_000004", "dandi download DANDI:000004"),
        ("ds004120", "openneuro-py download --dataset=ds004120"),
    ],
)
def test_the_archives_own_command_is_printed(monkeypatch, capsys, name: str, command: str) -> None:
    code, out, _ = run(monkeypatch, capsys, "fetch", name, "my data")
    assert code == 0
    assert f"\n    {command}\n" in f"{out}\n"
    assert "mkdir -p 'my data' && cd 'my data'" in out
    assert f"licence: {DATA_SETS[name].licence}" in out
    assert f"cite: {DATA_SETS[name].citation}" in out


def test_without_a_client_the_page_is_named(monkeypatch, capsys) -> None:
    code, out, _ = run(monkeypatch, capsys, "fetch", "bnci_2016_002")
    assert code == 0
    assert "CC BY-NC-ND" in out
    assert "no client is known: download it from its page into data/bnci_2016_002" in out


def test_kornblith_is_fetched_as_before(monkeypatch, capsys, tmp_path) -> None:
    asked = []
    monkeypatch.setattr(
        fetching, "fetch_kornblith2017", lambda *given: asked.append(given) or [tmp_path / "a.h5"]
    )
    code, out, _ = run(
        monkeypatch, capsys, "fetch", "kornblith2017", str(tmp_path), "--session", "a"
    )
    assert code == 0
    assert asked == [(tmp_path, ["a"])]
    assert "ODbL" in out
    assert f"1 sessions in {tmp_path}" in out


def test_an_unknown_name_and_a_session_of_another_end_in_one_line(monkeypatch, capsys) -> None:
    code, _, error = run(monkeypatch, capsys, "fetch", "kornblith")
    assert code == 2
    assert "perhaps kornblith2017" in error
    code, _, error = run(monkeypatch, capsys, "fetch", "ds004120", "--session", "a")
    assert code == 2
    assert "--session: expected kornblith2017, came ds004120" in error
