from __future__ import annotations

import sys
from concurrent.futures.process import BrokenProcessPool

import pytest

from b2m_drive import cli


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["b2m-drive", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


@pytest.mark.parametrize(
    "verbs",
    [
        (), ("demo",), ("inspect",), ("compare", "memory"), ("compare", "driving"), ("report",),
        ("fetch",), ("collect",), ("export-minari",), ("train-agent",), ("evaluate-agent",),
        ("record",),
    ],
)  # fmt: skip
def test_every_verb_explains_itself(monkeypatch, capsys, verbs: tuple[str, ...]) -> None:
    code, out, _ = run(monkeypatch, capsys, *verbs, "--help")
    assert code == 0
    assert "Usage" in out


def test_a_misspelt_option_is_named(monkeypatch, capsys) -> None:
    code, _, err = run(monkeypatch, capsys, "compare", "memory", "--sedes", "3")
    assert code == 2
    assert "--sedes" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "memory", "--recording", "none.h5"), "none.h5"),
        (("compare", "memory", "--brain", "einstein"), "einstein"),
        (("compare", "memory", "--latents", "umap"), "'umap'"),
        (("compare", "memory", "--pairing", "averaged"), "'averaged'"),
        (("compare", "memory", "--steps", "120"), "n_steps: expected a multiple of"),
        (("compare", "driving", "--scenes", "none.h5"), "none.h5"),
        (("compare", "driving", "--scenario", "mars"), "mars"),
        (("compare", "driving", "--camera", "selfie"), "'selfie'"),
        (("compare", "driving", "--brain", "einstein"), "einstein"),
        (("compare", "driving", "--kind", "fmri"), "'fmri'"),
        (("compare", "driving", "--strategy", "telepathy"), "'telepathy'"),
        (("compare", "driving", "--latents", "umap"), "'umap'"),
        (("compare", "driving", "--recording", "mine.h5"), "expected --scenes"),
        (("compare", "driving", "--steps", "150"), "n_steps: expected a multiple of"),
        (("demo", "--half", "left"), "'left'"),
        (("inspect", "none.h5"), "none.h5"),
        (("report", "no-such-run"), "no-such-run"),
        (("collect", "motorway"), "'motorway'"),
        (("collect", "highway_fast", "--camera", "mirror"), "'mirror'"),
        (("collect", "highway_fast", "--height", "20"), "36 to 512 pixels, came 20"),
        (("collect", "highway_fast", "--policy", "einstein"), "'einstein'"),
        (("collect", "highway_fast", "--frames", "9", "--episodes", "2"), "n_frames or n_episodes"),
        (("export-minari", "none.h5"), "none.h5"),
        (("train-agent", "highway_fast", "--encoder", "none"), "none: expected a file config.json"),
        (("evaluate-agent", "no-such-agent"), "no-such-agent"),
        (("record", "no-such-agent"), "no-such-agent"),
    ],
)
def test_bad_input_ends_in_one_line_and_writes_nothing(
    monkeypatch, capsys, tmp_path, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_scenes_are_collected_and_agents_refused_from_the_command_line(
    monkeypatch, capsys, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path)
    collect = ("collect", "two_way", "--episodes", "2", "--height", "40", "--workers", "1")
    code, out, _ = run(monkeypatch, capsys, *collect, "--stack", "1", "--out", "scenes.h5")
    assert code == 0
    assert "frames of (40, 64, 1) in 2 episodes" in out
    code, _, err = run(monkeypatch, capsys, *collect, "--stack", "3", "--out", "scenes.h5")
    assert code == 2
    assert "scenes.h5: settings" in err
    (tmp_path / "scenes.h5").write_bytes((tmp_path / "scenes.h5").read_bytes()[:2000])
    code, _, err = run(monkeypatch, capsys, "export-minari", "scenes.h5")
    assert code == 2
    assert "scenes.h5" in err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (PermissionError(13, "Permission denied", "scenes.h5"), 2, "'scenes.h5'"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (BrokenProcessPool("abruptly"), 2, "a worker process ended"),
        (ChildProcessError("an environment's process ended"), 2, "process ended"),
        (KeyboardInterrupt(), 130, "stopped; call it again"),
    ],
)
def test_what_the_system_refuses_ends_in_one_line(
    monkeypatch, capsys, error: BaseException, code: int, message: str
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(cli, "_read", fail)
    ended_with, _, err = run(monkeypatch, capsys, "inspect", "session.h5")
    assert ended_with == code
    assert message in err
    assert err.startswith("b2m-drive: ")
    assert err.count("\n") == 1


def test_help_says_the_unit_of_a_frames_size(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = run(monkeypatch, capsys, "collect", "--help")
    assert out.count("Of a frame in pixels, 36 to 512.") == 2


def test_a_text_file_is_no_recording(monkeypatch, capsys, tmp_path) -> None:
    (tmp_path / "notes.h5").write_text("not a recording")
    code, _, err = run(monkeypatch, capsys, "inspect", str(tmp_path / "notes.h5"))
    assert code == 2
    assert "notes.h5" in err
