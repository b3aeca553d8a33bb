"""``b2m-drive inspect`` on files that need a mapping: what is there, a proposal, and its use."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from b2m_agents.commands.app import app
from b2m_drive.recordings.mapping import read_mapping
from b2m_drive.recordings.readers.table import read_recording

RATE = 100.0


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Arrays of a minute, in which item 3 raises the first channel."""
    generator = np.random.default_rng(0)
    time = np.arange(6000) / RATE
    onset = 1.0 + np.arange(58)
    ids = np.arange(58) % 4
    signal = generator.normal(size=(6000, 5))
    signal[:, 4] = 7.0
    for each, item in zip(onset, ids, strict=True):
        signal[round(each * RATE) + 10 : round(each * RATE) + 60, 0] += 3 * (item == 3)
    path = tmp_path / "arrays.npz"
    np.savez(path, eeg=signal, t=time, seen_at=onset, seen=ids)
    return path


MAPPING = ("activity.signal=eeg", "activity.time=t", "events.onset=seen_at", "events.stimulus=seen")


def inspected(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["inspect", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_what_lies_in_a_file_and_a_proposal(recording: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    said = inspected(str(recording), "--write-mapping", "mine.toml")
    for words in ("eeg", "6000 x 5", "seen_at", "proposed mapping", "in doubt",
                  "--mapping events.onset=NAME"):  # fmt: skip
        assert words in said
    assert (tmp_path / "arrays.png").is_file()
    found = read_mapping("mine.toml")
    assert found is not None
    assert found.activity.signal == "eeg"
    assert found.activity.time == "t"


@pytest.mark.slow
def test_with_a_mapping_it_says_what_the_recording_tells(
    recording: Path, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    options = [part for entry in MAPPING for part in ("--mapping", entry)]
    said = inspected(str(recording), *options, "--out", "quality.png")
    assert "58 of 4 ids, 4 of them repeated" in said
    assert "decoding of id (4 labels, blocks" in said
    assert "1 of 5 never vary: eeg4" in said
    assert "mapping: activity.signal" in said
    assert (tmp_path / "quality.png").is_file()
    assert read_recording(recording, MAPPING).events.ids.tolist() == [k % 4 for k in range(58)]


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--mapping", "events.tabel=x"], "did you mean table"),
        (["--mapping", "missing.toml"], "missing.toml"),
        (["--mapping", MAPPING[2], "--mapping", "activity.signal=nothing"], "nothing"),
        (["--write-mapping", "mine.txt"], ".toml"),
        (["--out", "picture.jpg"], ".png"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(recording: Path, extra: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["inspect", str(recording), *extra])
    assert result.exit_code != 0
    assert says in f"{result.output} {result.exception}"
