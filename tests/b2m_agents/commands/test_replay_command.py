"""``b2m-drive replay``: a table of reaction times, and a video."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cv2
import pytest

from b2m_agents.commands import app

ROWS = [(10.0, 1111), (11.31, 4311), (11.5, 1112), (13.4, 4312), (20.0, 1121), (22.0, 1122)]


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["b2m-drive", "replay", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    printed = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "sub-01_task-Drive_events.tsv"
    path.parent.mkdir()
    lines = ["onset\tduration\tvalue", *(f"{onset}\tn/a\t{value}" for onset, value in ROWS)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.slow
def test_reaction_times_of_each_log_stand_beside_the_replays(monkeypatch, capsys, log: Path):
    (log.parent / "sub-02_events.tsv").write_text("onset\tvalue\n1.0\t99\n")
    code, out, err = run(monkeypatch, capsys, str(log.parent))
    assert code == 0
    row = out.splitlines()[1].split()
    assert row[:5] == ["sub-01_task-Drive", "2", "1", "0", "0"]
    assert row[5:] == ["1.31", "s", "1.30", "s", "0.010", "s"]
    assert re.search(r"sub-02_events.tsv: expected perturbations of one study", err)


@pytest.mark.slow
def test_a_video_is_written_whole_one_picture_a_time_step(
    monkeypatch, capsys, log: Path, tmp_path: Path
):
    out = tmp_path / "replay.mp4"
    small = ("--height", "48", "--width", "48", "--start", "9", "--stop", "14")
    code, printed, _ = run(monkeypatch, capsys, str(log), "--out", str(out), *small)
    assert code == 0
    assert f"video: {out}" in printed
    assert b"avc1" in out.read_bytes()  # H.264
    video = cv2.VideoCapture(str(out))
    assert video.get(cv2.CAP_PROP_FPS) == 10
    assert sum(1 for _ in iter(video.grab, False)) == 51


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "video.txt"), "expected a video ending in"),
        (("--drift", "9"), "B2M/LaneDeparture-v0: drift: expected above 0"),
        (("--stop", "3"), "replay: expected a stop a time step"),
        (("--out", "video.mp4", "--speed", "0"), "speed: expected above 0"),
    ],
)
def test_what_does_not_fit_is_told_in_a_line(
    monkeypatch, capsys, log: Path, tmp_path: Path, options: tuple[str, ...], message: str
):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(monkeypatch, capsys, str(log), *options)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
