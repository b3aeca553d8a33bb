from __future__ import annotations

import os
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest

from b2m_agents.commands import app
from b2m_agents.commands.app import slow_bars_in_a_log
from b2m_drive.recordings.simulated.simulated_session import SimulatedSession

READ_RECORDING = "b2m_drive.recordings.readers.table.read_recording"


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["b2m-drive", *arguments])
    for name in ("TQDM_MININTERVAL", "TQDM_MAXINTERVAL"):  # the command sets what is not set
        monkeypatch.setenv(name, "30")
    with pytest.raises(SystemExit) as ended:
        app.main()
    printed = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "verbs",
    [
        (), ("demo",), ("inspect",), ("compare", "memory"), ("compare", "driving"), ("report",),
        ("fetch",), ("collect",), ("export-minari",), ("train-agent",), ("evaluate-agent",),
        ("record",), ("replay",), ("search",), ("calibrate",), ("runs",), ("table",),
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "memory", "--recording", "none.h5"), "none.h5"),
        (("compare", "memory", "--brain", "einstein"), "'--brain'"),
        (("compare", "memory", "--brain", "idel"), "'idel' is not one of"),
        (
            ("compare", "memory", "--recording", "x.h5", "--brain", "ideal"),
            "--brain: expected none beside --recording",
        ),
        (
            ("compare", "memory", "--recording", "x.h5", "--signal", "0.5"),
            "--signal: expected none",
        ),
        (
            ("compare", "memory", "--recording", "x.h5", "--brain-task", "sternberg"),
            "--brain-task: expected none",
        ),
        (
            ("compare", "memory", "--recording", "x.h5", "--brain-categories", "0.5"),
            "--brain-categories: expected none",
        ),
        (("compare", "memory", "--recording", "x.h5", "--trials", "99"), "--trials: expected none"),
        (
            ("compare", "memory", "--recording", "x.h5", "--brain-seed", "0"),
            "--brain-seed: expected none",
        ),
        (
            ("compare", "driving", "--recording", "x.h5", "--kind", "eeg"),
            "--kind: expected none beside --recording",
        ),
        (("search", "nothere"), "nothere: expected a folder of recordings, found none"),
        (
            ("inspect", "none.h5", "--out", "x.jpg"),
            "--out: expected a picture's name ending in .png",
        ),
        (("compare", "memory", "--latents", "umap"), "'umap'"),
        (("compare", "memory", "--pairing", "averaged"), "'averaged'"),
        (("compare", "memory", "--steps", "120"), "n_steps: expected a multiple of"),
        (("compare", "memory", "--windows", "probe"), "'probe'"),
        (("compare", "memory", "--student", "transformer"), "'transformer'"),
        (("compare", "memory", "--task", "stroop"), "'stroop'"),
        (("compare", "memory", "--brain-task", "stroop"), "'stroop'"),
        (("compare", "memory", "--stimuli", "faces"), "'faces'"),
        (("compare", "memory", "--recording", ".", "--curves"), "--curves: expected one session"),
        (("compare", "memory", "--recording", "."), "expected recordings (*.h5), found none"),
        (("search", "."), "expected recordings (*.h5), found none"),
        (("calibrate", "--null", "0"), "--null"),
        (("inspect", "."), "expected a recording, or a BIDS data set"),
        (("compare", "driving", "--latents", "demixed"), "'demixed'"),
        (("compare", "driving", "--scenes", "none.h5"), "none.h5"),
        (("compare", "driving", "--scenario", "mars"), "mars"),
        (("compare", "driving", "--camera", "selfie"), "'selfie'"),
        (("compare", "driving", "--brain", "einstein"), "'--brain'"),
        (("compare", "driving", "--kind", "fmri"), "'fmri'"),
        (("compare", "driving", "--strategy", "telepathy"), "'telepathy'"),
        (("compare", "driving", "--latents", "umap"), "'umap'"),
        (("compare", "driving", "--recording", "mine.h5"), "expected --scenes"),
        (("compare", "driving", "--steps", "150"), "n_steps: expected a multiple of"),
        (("compare", "driving", "--score-at", "100,500,x"), "expected whole numbers of steps"),
        (("compare", "driving", "--control", "sleep"), "'sleep'"),
        (
            ("compare", "driving", "--encoder", "mine:VAE", "--control", "labels"),
            "--control: expected none of these beside --encoder",
        ),
        (("demo", "--half", "left"), "'left'"),
        (("inspect", "none.h5"), "none.h5"),
        (("report", "no-such-run"), "no-such-run"),
        (("collect", "motorway"), "'motorway'"),
        (("collect", "highway_fast", "--camera", "mirror"), "'mirror'"),
        (("collect", "highway_fast", "--height", "20"), "36 to 512 pixels, came 20"),
        (("collect", "highway_fast", "--policy", "einstein"), "'einstein'"),
        (("collect", "highway_fast", "--frames", "9", "--episodes", "2"), "n_frames or n_episodes"),
        (("collect", "merge", "--lanes", "3"), "lanes_count: expected none: only Highway"),
        (("collect", "highway", "--set", "lanes_count=3"), "--set: expected --lanes in its place"),
        (("collect", "highway", "--set", "view_length=9"), "expected --view-length in its place"),
        (("collect", "highway", "--set", "driver=agent"), "the policy says it"),
        (("collect", "intersection", "--set", "spawn_probability=2"), "0 to 1, came 2"),
        (("export-minari", "none.h5"), "none.h5"),
        (("train-agent", "highway_fast", "--encoder", "none"), "none: expected a file config.json"),
        (
            ("train-agent", "highway_fast", "--observation", "latents"),
            "--encoder: expected one for an agent that sees latents",
        ),
        (
            ("train-agent", "highway_fast", "--encoder", "none", "--items", "2"),
            "--items: expected none of an agent that drives, came 2",
        ),
        (
            ("train-agent", "memory_decision", "--encoder", "none"),
            "--encoder: expected none of a memory task",
        ),
        (
            ("train-agent", "memory_decision", "--lstm-size", "8"),
            "--lstm-size: expected none of a memory task",
        ),
        (
            ("train-agent", "highway_fast", "--algorithm", "recurrent_ppo", "--watched", "none"),
            "--algorithm: expected ppo beside --watched",
        ),
        (
            ("train-agent", "highway_fast", "--algorithm", "dqn", "--lstm-size", "8"),
            "came 'lstm_size', which recurrent_ppo has",
        ),
        (("train-agent", "highway", "--algorithm", "her"), "expected a scenario with a goal"),
        (("train-agent", "sternberg", "--stack", "2"), "--stack: expected none of a memory task"),
        (("train-agent", "memory_decision", "--items", "9"), "n_stimuli: expected more than"),
        (("evaluate-agent", "no-such-agent"), "no-such-agent"),
        (("evaluate-agent", "none", "--figure", "e.pdf"), "e.pdf: expected a file ending in .png"),
        (("record", "no-such-agent"), "no-such-agent"),
        (("record", "no-such-agent", "--out", "v.mov"), "v.mov: expected a video ending in .mp4"),
        (("record", "none", "--height", "96"), "--height: expected none of an agent, which sees"),
        (
            ("record", "none", "--density", "2"),
            "--density: expected none of an agent, which drives",
        ),
        (("record", "none", "--set", "walls=false"), "--set: expected none of an agent"),
        (("record", "exit", "--driver", "random", "--lanes", "9"), "lanes_count: expected 2 to 8"),
        (("record", "highway", "--driver", "highwayenv"), "'--driver'"),
        (("record", "highwy", "--driver", "random"), "--driver: expected a scenario beside it"),
        (("record", "parking", "--driver", "highway_env"), "no driver model for this scenario"),
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


@pytest.mark.slow
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
    monkeypatch, capsys, tmp_path: Path, error: BaseException, code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(READ_RECORDING, fail)
    Path("session.h5").touch()
    ended_with, _, err = run(monkeypatch, capsys, "inspect", "session.h5")
    assert ended_with == code
    assert message in err
    assert err.startswith("b2m-drive: ")
    assert err.count("\n") == 1


def test_help_says_the_unit_of_a_frames_size(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = run(monkeypatch, capsys, "collect", "--help")
    assert out.count("Of a frame in pixels, 36 to 512.") == 2


def test_a_search_needs_a_folder(monkeypatch, capsys, tmp_path) -> None:
    (tmp_path / "session.h5").touch()
    code, _, err = run(monkeypatch, capsys, "search", str(tmp_path / "session.h5"))
    assert code == 2
    assert "session.h5: expected a folder of recordings, came a file" in err


@pytest.mark.slow
def test_each_choice_that_is_not_the_default_is_in_the_folders_name(
    monkeypatch, capsys, tmp_path
) -> None:
    folders = []
    monkeypatch.setattr(
        "b2m_agents.commands.compare_memory.run_memory",
        lambda _, out, *__: folders.append(out.name),
    )
    recording = SimulatedSession(n_trials=20).record(1.0)  # the folder asks for no other
    monkeypatch.setattr(SimulatedSession, "record", lambda *_: recording)
    choices = (
        (), ("--pairing", "carried"), ("--pairing", "carried", "--pairing", "recorded"),
        ("--latents", "pca"), ("--windows", "early"), ("--all-probes",), ("--curves",),
        ("--student", "lstm"), ("--task", "sternberg"), ("--stimuli", "category"),
        ("--brain-task", "sternberg"), ("--brain-categories", "0.5"), ("--brain-seed", "3"),
        ("--trials", "80"), ("--signal", "0.5"),
    )  # fmt: skip
    for chosen in choices:
        run(monkeypatch, capsys, "compare", "memory", *chosen)
    assert folders[:2] == ["memory-ideal-signal-1", "memory-ideal-signal-1-carried"]
    assert len(set(folders)) == len(choices)
    run(monkeypatch, capsys, "compare", "memory", "--latents", "decoded", "--seeds", "3")
    assert folders[-1] == folders[0]  # the default, told


@pytest.mark.slow
def test_a_dry_run_refuses_a_folder_of_another_configuration(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"study": "memory"}')
    for verb in (("compare", "memory", "--trials", "40"), ("calibrate",)):
        code, _, err = run(monkeypatch, capsys, *verb, "--dry-run", "--out", "run")
        assert code == 2
        assert "run holds a run of another configuration" in err
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]


def test_help_tells_how_many_probes_there_are(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = run(monkeypatch, capsys, "compare", "memory", "--help")
    assert "six nulls and two probes, seven with --all-probes" in " ".join(out.split())
    _, out, _ = run(monkeypatch, capsys, "calibrate", "--help")
    assert "one session, small students" in " ".join(out.split())


@pytest.mark.slow
def test_a_picture_is_written_into_a_new_folder(monkeypatch, capsys, tmp_path) -> None:
    from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials

    trials = simulate_trials(40, 2, 4, np.random.default_rng(0))
    recording = SimulatedBrain(n_units=4).record(trials, 0)
    monkeypatch.setattr(READ_RECORDING, lambda path, mapping=None: recording)
    picture, path = tmp_path / "new" / "x.png", tmp_path / "any.h5"
    path.touch()
    code, _, _ = run(monkeypatch, capsys, "inspect", str(path), "--out", str(picture))
    assert code == 0
    assert picture.is_file()


def test_a_text_file_is_no_recording(monkeypatch, capsys, tmp_path) -> None:
    (tmp_path / "notes.h5").write_text("not a recording")
    code, _, err = run(monkeypatch, capsys, "inspect", str(tmp_path / "notes.h5"))
    assert code == 2
    assert "notes.h5" in err


def test_a_folder_is_inspected_whole_though_one_file_is_broken(
    monkeypatch, capsys, tmp_path
) -> None:
    (tmp_path / "399e1-broken.h5").write_text("not a recording")
    code, out, _ = run(monkeypatch, capsys, "inspect", str(tmp_path), "--workers", "1")
    assert code == 0
    assert "399e1-broken" in out


@pytest.mark.slow
def test_an_agent_learns_a_memory_task_from_the_command_line(monkeypatch, capsys, tmp_path) -> None:
    folder = tmp_path / "agent"
    arguments = ("memory_decision", "--steps", "96", "--environments", "32", "--out", str(folder))
    code, out, _ = run(monkeypatch, capsys, "train-agent", *arguments)
    assert code == 0
    assert f"evaluate-agent {folder}" in out.replace("\n", " ")
    code, out, _ = run(monkeypatch, capsys, "evaluate-agent", str(folder), "--episodes", "8")
    assert code == 0
    assert "of 8 held-out trials" in out


@pytest.mark.parametrize(("in_terminal", "seconds"), [(False, "30"), (True, None)])
def test_progress_bars_are_slow_in_a_log_alone(
    monkeypatch: pytest.MonkeyPatch, in_terminal: bool, seconds: str | None
) -> None:
    for name in ("TQDM_MININTERVAL", "TQDM_MAXINTERVAL"):
        monkeypatch.setenv(name, "for monkeypatch to take back")
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: in_terminal, raising=False)
    slow_bars_in_a_log()
    assert os.environ.get("TQDM_MININTERVAL") == seconds
    assert os.environ.get("TQDM_MAXINTERVAL") == seconds


def test_a_pace_of_progress_bars_that_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_MININTERVAL", "2")
    monkeypatch.setenv("TQDM_MAXINTERVAL", "3")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    slow_bars_in_a_log()
    assert (os.environ["TQDM_MININTERVAL"], os.environ["TQDM_MAXINTERVAL"]) == ("2", "3")
