"""What the command shows and completes: choices, paragraphs, without importing PyTorch."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import Any, get_args

import pytest
import typer

from b2m_agents.commands import app, choices
from b2m_agents.commands.examples import EXAMPLES
from b2m_agents.drivers.drivers import DRIVERS
from b2m_agents.learning.agent_settings import OBSERVATIONS
from b2m_agents.learning.algorithm_settings import ALGORITHMS
from b2m_agents.memory.memory_agent import TASKS as TRIAL_TASKS
from b2m_agents.studies.driving.comparison import BRAIN_KINDS
from b2m_agents.studies.driving.online_teaching import ONLINE_CONTROLS
from b2m_agents.studies.memory.plan import TASKS
from b2m_drive.comparisons.agents_study import BESIDE
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.evidence.condition import ALONE
from b2m_drive.executors.chosen import PROCESSES, RAY, SLURM, SLURM_LOCAL
from b2m_drive.recordings.datasets.table import DATA_SETS
from b2m_drive.recordings.simulated.neurons import PRESETS
from b2m_drive.students.decision_rnn import Cell
from b2m_drive.teachers.frame_pairing import SCENE_LATENTS
from b2m_drive.teachers.latents import PAIRINGS, TRIAL_LATENTS
from b2m_drive.teachers.windows import WINDOW_CHOICES
from b2m_drive.transfer.term import STRATEGIES
from b2m_envs.scenes.named_rewards import REWARDS
from b2m_envs.scenes.scenarios import SCENARIOS
from tests.project.documentation import command_error
from tests.shared.other_process import ENVIRONMENT


@pytest.mark.parametrize(
    ("offered", "known"),
    [
        (choices.Brain, PRESETS), (choices.BrainKind, BRAIN_KINDS),
        (choices.Student, get_args(Cell)),
        (choices.MemoryTask, TASKS), (choices.Windows, WINDOW_CHOICES),
        (choices.SceneLatents, SCENE_LATENTS), (choices.Observation, OBSERVATIONS),
        (choices.Algorithm, ALGORITHMS), (choices.Driver, DRIVERS), (choices.Scenario, SCENARIOS),
        (choices.Latents, TRIAL_LATENTS), (choices.Pairing, PAIRINGS),
        (choices.Strategy, STRATEGIES), (choices.OnlineControl, ONLINE_CONTROLS),
        (choices.BesideEncoders, BESIDE),
        (choices.DrivingControl, {*DRIVING.nulls, *DRIVING.probes} - {ALONE}),
    ],
)  # fmt: skip
def test_an_option_offers_what_its_room_knows(offered: Any, known: Any) -> None:
    assert set(choices.values_of(offered)) == set(known)


def test_names_that_are_completed_are_those_that_rooms_know() -> None:
    assert tuple(TRIAL_TASKS) == choices.TRIAL_TASKS
    assert tuple(DATA_SETS) == choices.DATA_SETS
    assert choices.EXECUTORS == (PROCESSES, RAY, SLURM, SLURM_LOCAL)
    assert set(choices.REWARDS) == {"highway_env", *REWARDS}


def completed(typed: str) -> set[str]:
    """What bash would offer for the last, half typed word."""
    environment = {
        "_B2M_DRIVE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split(" ")) - 1),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    script = (
        "import sys; sys.argv = ['b2m-drive']; from b2m_agents.commands.app import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    assert ended.stderr == ""
    return set(ended.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("b2m-drive compare ", {"memory", "driving", "agents"}),
        ("b2m-drive compare memory --brain ", {"median_session", "best_session", "ideal"}),
        ("b2m-drive compare memory --latents d", {"decoded", "demixed"}),
        ("b2m-drive collect race", {"racetrack", "racetrack_large", "racetrack_oval"}),
        ("b2m-drive train-agent context", {"context_decision"}),
        ("b2m-drive fetch dandi_000004", {"dandi_000004"}),
        ("b2m-drive search x --executor slurm", {"slurm", "slurm-local"}),
        ("b2m-drive train-agents merge --reward p", {"progress"}),
    ],
)
def test_the_shell_completes_verbs_and_choices(typed: str, offered: set[str]) -> None:
    assert completed(typed) == offered


def verbs(command: Any, name: str = "") -> list[tuple[str, Any]]:
    group = getattr(command, "commands", {})
    if not group:
        return [(name, command)]
    return [each for verb, one in group.items() for each in verbs(one, f"{name} {verb}".strip())]


def test_examples_are_of_verbs_and_options_that_there_are() -> None:
    assert set(EXAMPLES) == set(VERBS)
    for verb, lines in EXAMPLES.items():
        assert all(line.startswith(f"b2m-drive {verb}") for line in lines)
        errors = [command_error(shlex.split(line)[1:], typed=True) for line in lines]
        assert not any(errors), errors


VERBS = dict(verbs(typer.main.get_command(app.app)))


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_help_breaks_no_line_of_a_paragraph_and_no_name(monkeypatch, capsys, verb: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["b2m-drive", *verb.split(), "--help"])
    with pytest.raises(SystemExit):
        app.main()
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    lines = [line.strip() for line in shown.splitlines()]
    assert EXAMPLES[verb]
    assert set(EXAMPLES[verb]) <= set(lines)  # none is broken
    helps = [getattr(each, "help", None) or "" for each in VERBS[verb].params]
    assert not [text for text in helps if "[" in text]  # would be taken for a style, not shown
    paragraphs = VERBS[verb].help.split("\n\n")
    assert all("\n" not in each for each in paragraphs)


def test_help_needs_neither_torch_nor_numpy() -> None:
    script = (
        "import sys; from b2m_agents.commands.app import app; import typer\n"
        "typer.main.get_command(app)\n"
        "print(sorted({'torch', 'numpy', 'scipy', 'gymnasium'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert ended.stdout.strip() == "[]"
