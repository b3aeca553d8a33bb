"""What works with the plain installation, and the line that names the extra where it does not."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from b2m_drive.files.missing_packages import _BROUGHT_BY, MissingPackageError, needing
from b2m_envs.missing_packages import OF_ENVS
from tests.shared.made_sessions import simulated_spikes, write_session
from tests.shared.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OF_AGENTS = ("stable_baselines3", "sb3_contrib", "tensorboard", "imageio_ffmpeg")
OF_OTHERS = ("mne", "pymatreader", "minari")
# Python imports a file of this name by itself, in the worker processes too: packages that it hides
# are found neither by import nor by anyone who looks for them, as if they were not installed.
HIDING = """
import os, sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["HIDDEN"].split():
            return None
        return super().find_spec(name, path, target)

sys.meta_path[:] = [Hiding if each is PathFinder else each for each in sys.meta_path]
"""
OWN_STUDENT = """
import sys
sys.path.insert(0, {root!r})
import b2m_drive as b2m
from tests.extending.own_students import PictureStudent, brain

if __name__ == "__main__":
    budget = b2m.Budget(n_steps=10, evaluate_every=5)
    compared = b2m.Comparison(PictureStudent(), brain(), seeds=(0, 1), budget=budget)
    run = compared.run("run", n_workers=2)
    b2m.write_report(run.folder)
    print(len(b2m.verdicts_of(b2m.read_run(run.folder))))
"""
MEMORY = """
from pathlib import Path
import b2m_agents, b2m_drive as b2m
from b2m_drive.recordings.simulated.simulated_session import SimulatedSession

settings = b2m_agents.MemoryStudySettings(
    seeds=(0, 1), n_steps=4, evaluate_every=2, n_evaluation_trials=16, batch_size=4
)
if __name__ == "__main__":
    recording = SimulatedSession("ideal", n_trials=60).record(signal=1.0)
    compared = b2m_agents.MemoryComparison(recording, settings)
    folder = compared.run("run", progress=False).folder
    b2m.write_report(folder)
    print(len(b2m.verdicts_of(b2m.read_run(folder))))
"""


COMMANDS = """
import contextlib, io, json, os, sys
from b2m_agents.commands.app import main

ended = []
for arguments in json.loads(sys.argv[1]):
    sys.argv, code = ["b2m-drive", *arguments], 0
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            main()
        except SystemExit as end:
            code = end.code
    ended.append((code, said.getvalue(), os.listdir()))
print(json.dumps(ended))
"""
USES = """
import importlib, json, sys

said = []
for package, name in json.loads(sys.argv[1]):
    try:
        getattr(importlib.import_module(package), name)()
    except ModuleNotFoundError as error:
        said.append(str(error))
    else:
        said.append("no error")
print(json.dumps(said))
"""
VERBS = (
    (("train-agent", "highway_fast", "--observation", "state"), "agents"),
    (("train-agent", "sternberg"), "agents"),
    (("evaluate-agent", "run"), "agents"),
    (("record", "highway", "--driver", "random"), "agents"),
    (("compare", "agents", "run"), "agents"),
    (("demo",), "agents"),
    (("collect", "highway_fast"), "envs"),
    (("compare", "driving"), "envs"),
    (("export-minari", "scenes.h5"), "minari"),
)
NAMES = (
    ("b2m_agents.train_agent", "agents"),
    ("b2m_agents.make_scene_vec_env", "agents"),
    ("b2m_agents.collect_scenes", "envs"),
    ("b2m_agents.make_scene", "envs"),
    ("b2m_envs.DrivingSceneEnv", "envs"),
    ("b2m_envs.TrialVectorEnv", "envs"),
    ("b2m_envs.register_environments", "envs"),
)


class Installation:
    """Runs Python and the command where some packages are not installed."""

    def __init__(self, folder: Path, hidden: tuple[str, ...]) -> None:
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(HIDING)
        (folder / "here").mkdir()
        self.here = folder / "here"
        path = os.pathsep.join([str(folder / "site"), *(each for each in sys.path if each)])
        self.environment = os.environ | {"PYTHONPATH": path, "HIDDEN": " ".join(hidden)}

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.here, env=self.environment, capture_output=True, text=True,
        )  # fmt: skip

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "b2m_agents", *arguments)


@pytest.fixture
def plain(tmp_path: Path) -> Installation:
    return Installation(tmp_path, (*OF_ENVS, *OF_AGENTS, *OF_OTHERS))


@pytest.fixture(scope="module")
def plain_once(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The same, for what is run in it once and read by several tests."""
    return Installation(tmp_path_factory.mktemp("plain"), (*OF_ENVS, *OF_AGENTS, *OF_OTHERS))


@pytest.fixture
def with_envs(tmp_path: Path) -> Installation:
    return Installation(tmp_path, (*OF_AGENTS, *OF_OTHERS))


def succeeded(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_hidden_packages_are_not_found(plain: Installation) -> None:
    code = "from importlib.util import find_spec; print([find_spec(each) for each in {!r}])"
    hidden = (*OF_ENVS, *OF_AGENTS, *OF_OTHERS)
    assert succeeded(plain.python("-c", code.format(hidden))) == str([None] * len(hidden))


@pytest.mark.slow
@pytest.mark.thorough
def test_the_plain_installation_imports_the_three_packages_and_the_memory_tasks(
    plain: Installation,
) -> None:
    code = (
        "import b2m_drive, b2m_envs, b2m_agents; "
        "[getattr(b2m_drive, name) for name in b2m_drive.__all__]; "
        "b2m_agents.MemoryComparison, b2m_agents.MemorySearch, b2m_agents.VerdictCalibration; "
        "b2m_agents.DrivingComparison; "  # of scenes that are given
        "print(b2m_envs.task_of(b2m_envs.SternbergSettings()).settings.n_stimuli)"
    )
    assert int(succeeded(plain.python("-c", code))) > 0


@pytest.mark.slow
def test_the_plain_installation_helps_inspects_and_reports(plain: Installation) -> None:
    assert "train-agent" in succeeded(plain.command("--help"))
    assert "SCENARIO" in succeeded(plain.command("train-agent", "--help"))
    assert "kornblith2017" in succeeded(plain.command("fetch", "--help"))
    write_session(plain.here / "session.h5", simulated_spikes())
    assert "picture: session.png" in succeeded(plain.command("inspect", "session.h5"))
    assert "none: " in plain.command("report", "none").stderr


@pytest.mark.slow
@pytest.mark.thorough
def test_the_plain_installation_compares_a_students_own_network(plain: Installation) -> None:
    (plain.here / "mine.py").write_text(OWN_STUDENT.format(root=str(ROOT)))
    assert int(succeeded(plain.python("mine.py")).splitlines()[-1]) == 2  # BLT and BCT
    page = plain.here / "run" / "report.html"
    page.unlink()
    succeeded(plain.command("report", "run"))
    assert "pictures" in page.read_text()


@pytest.mark.thorough
@pytest.mark.slow
def test_the_plain_installation_compares_memory(plain: Installation) -> None:
    (plain.here / "memory.py").write_text(MEMORY)
    assert int(succeeded(plain.python("memory.py"))) > 0
    assert "simulated" in (plain.here / "run" / "report.html").read_text()
    versions = json.loads((plain.here / "run" / "config.json").read_text())["versions"]
    assert "torch" in versions
    assert "gymnasium" not in versions


@pytest.fixture(scope="module")
def refused(plain_once: Installation) -> dict[tuple[str, ...], tuple[int, str, list[str]]]:
    """Exit code, errors and files by the verb's arguments, of one process that tries them all."""
    every = [arguments for arguments, _ in VERBS]
    printed = succeeded(plain_once.python("-c", COMMANDS, json.dumps(every)))
    return dict(zip(every, json.loads(printed.splitlines()[-1]), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "extra"), VERBS)
def test_a_verb_that_cannot_be_done_ends_in_one_line_with_its_extra(
    refused: dict[tuple[str, ...], tuple[int, str, list[str]]],
    arguments: tuple[str, ...],
    extra: str,
) -> None:
    code, errors, files = refused[arguments]
    assert code == 2
    verb = " ".join(arguments[:2]) if arguments[0] == "compare" else arguments[0]
    said = rf'b2m-drive: {verb}: expected the package \w+, found none: pip install "(.*)"\n'
    found = re.fullmatch(said, errors)
    assert found, errors
    assert found[1] == f"b2m-drive[{extra}]"
    assert not files


@pytest.mark.slow
@pytest.mark.thorough
def test_with_environments_alone_scenes_are_collected_and_agents_named(
    with_envs: Installation,
) -> None:
    few = ("--episodes", "2", "--workers", "1", "--out", "scenes.h5")
    assert "2 episodes" in succeeded(with_envs.command("collect", "two_way", *few))
    ended = with_envs.command("train-agent", "highway_fast", "--observation", "state")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert 'found none: pip install "b2m-drive[agents]"' in ended.stderr
    ended = with_envs.command("export-minari", "scenes.h5")
    assert 'expected the package minari, found none: pip install "b2m-drive[minari]"' in (
        ended.stderr
    )


@pytest.fixture(scope="module")
def said_of_names(plain_once: Installation) -> dict[str, str]:
    """What one process is told that uses each of the names."""
    every = [name.split(".") for name, _ in NAMES]
    said = json.loads(succeeded(plain_once.python("-c", USES, json.dumps(every))))
    return {name: each for (name, _), each in zip(NAMES, said, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "extra"), NAMES)
def test_a_name_that_cannot_be_imported_says_the_same_sentence(
    said_of_names: dict[str, str], name: str, extra: str
) -> None:
    said = said_of_names[name]
    missing = said.split("expected the package ")[1].split(",")[0]
    with pytest.raises(MissingPackageError) as expected, needing(name, extra):  # type: ignore[arg-type]
        raise ModuleNotFoundError(name=missing)
    assert said == str(expected.value)


def test_a_package_that_another_extra_brings_is_named_with_that_one() -> None:
    with (
        pytest.raises(MissingPackageError, match=r'"b2m-drive\[agents\]"'),
        needing("collect", "envs"),
    ):
        raise ModuleNotFoundError(name="stable_baselines3")


def test_what_was_called_within_names_the_extra() -> None:
    with (
        pytest.raises(MissingPackageError, match=r'^brain: .* "b2m-drive\[eeg\]"$'),
        needing("compare driving", "envs"),
        needing("brain", "eeg"),
    ):
        raise ModuleNotFoundError(name="mne")


@pytest.mark.parametrize("name", ["b2m_drive.mistyped", "numba.no_such_part", "torch", None])
def test_a_fault_is_not_taken_for_a_package_of_an_extra(name: str | None) -> None:
    with pytest.raises(ModuleNotFoundError) as raised, needing("collect", "envs"):
        raise ModuleNotFoundError("a fault", name=name)
    assert not isinstance(raised.value, MissingPackageError)


def distributions(lines: list[str]) -> set[str]:
    """Names of the requirements, as written but in lower case and with dashes."""
    return {re.split(r"[\[<>=]", line)[0].lower().replace("_", "-") for line in lines}


@pytest.mark.slow
def test_the_extras_bring_the_packages_that_are_named() -> None:
    found = packages_distributions()
    for package, extra in _BROUGHT_BY.items():
        brought = distributions(PROJECT["optional-dependencies"][extra])
        assert {each.lower().replace("_", "-") for each in found[package]} & brought, package
        assert package not in PROJECT["dependencies"]
    of_envs = {package for package, extra in _BROUGHT_BY.items() if extra == "envs"}
    assert of_envs == set(OF_ENVS)


@pytest.mark.slow
def test_b2m_drive_imports_what_the_plain_installation_brings() -> None:
    found = packages_distributions()
    plain = distributions(PROJECT["dependencies"])
    missing = {
        (path.name, name)
        for path in (ROOT / "b2m_drive").rglob("*.py")
        for name in imported(path) - set(sys.stdlib_module_names) - {"b2m_drive"}
        if not {each.lower().replace("_", "-") for each in found.get(name, ())} & plain
    }
    assert ("driver_eeg.py", "mne") in missing
    assert {name for _, name in missing} <= set(_BROUGHT_BY)  # and name their extras


def imported(path: Path) -> set[str]:
    """The packages that a file imports, also within functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    return names
