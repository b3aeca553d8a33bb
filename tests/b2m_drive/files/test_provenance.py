"""What was begun by other versions goes on if they decide no number, and is refused if they do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from b2m_agents.commands.app import app
from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.memory.memory_agent import MemoryAgentSettings
from b2m_agents.memory.memory_training import train_memory_agent
from b2m_drive.comparisons.run_opening import open_run
from b2m_drive.files import provenance
from b2m_drive.files.provenance import installed_versions, resumed_versions, resuming_anyway
from b2m_drive.students.scenes import SceneDataset
from tests.shared.tiny_agents import tiny_agent

HERE = {"python": "3.11.7", "b2m-drive": "0.5.0", "torch": "2.8.0+cpu", "numpy": "2.1.3"}


@pytest.mark.parametrize(
    "there",
    [{"python": "3.11.6"}, {"python": "3.12.0"}, {"numpy": "2.1.0"}, {"torch": "2.8.1+cu126"},
     {"tqdm": "4.0.0"}],
)  # fmt: skip
def test_what_decides_no_number_is_told_in_one_line_and_written_down(there, capsys):
    versions = resumed_versions("runs/x", HERE | there, HERE)
    (line,) = capsys.readouterr().err.splitlines()
    name, number = next(iter(there.items()))
    assert "runs/x: goes on with" in line
    assert f"{name} {number}" in line
    assert versions == {**HERE, "before": f"{name} {number}"}
    assert resumed_versions("runs/x", versions, HERE) == versions  # told once
    assert capsys.readouterr().err == ""
    later = resumed_versions("runs/x", versions, {**HERE, "python": "3.11.9"})
    assert later["before"] == f"{name} {number}; python 3.11.7"


@pytest.mark.parametrize(
    "there",
    [{"b2m-drive": "0.5.1"}, {"torch": "2.7.0"}, {"numpy": "1.26.0"}, {"highway-env": "1.11.0"}],
)
def test_what_decides_the_numbers_is_refused_unless_told_otherwise(there):
    here = HERE | {"highway-env": "1.12.0"}
    name, number = next(iter(there.items()))
    with pytest.raises(ValueError, match=f"runs/x was made with {name} {number}.*--resume-anyway"):
        resumed_versions("runs/x", here | there, here)
    with resuming_anyway():
        assert resumed_versions("runs/x", here | there, here)["before"] == f"{name} {number}"
    with pytest.raises(ValueError, match="was made with"):
        resumed_versions("runs/x", here | there, here)


def rewrite(path: Path, **versions: str) -> None:
    """Pretend that other versions began what is there."""
    entries = json.loads(path.read_text())
    entries["versions"] |= versions
    path.write_text(json.dumps(entries))


def a_driver(folder: Path, n_steps: int) -> None:
    tiny_agent(folder, None, observation="state", n_steps=n_steps, checkpoint_every=32)


def a_memory_agent(folder: Path, n_steps: int) -> None:
    settings = MemoryAgentSettings(
        n_steps=n_steps, n_environments=4, rollout=8, batch_size=32, n_epochs=1, hidden_size=4,
        checkpoint_every=32,
    )  # fmt: skip
    train_memory_agent(settings, folder, progress=False)


def a_comparison(folder: Path, n_steps: int) -> None:
    versions = installed_versions(("b2m-drive", "torch", "numpy"))
    open_run(folder, {"study": "memory", "seeds": [0, 1], "versions": versions})


def test_a_package_that_is_not_installed_is_left_out_of_the_versions() -> None:
    assert set(installed_versions(("torch", "no-such-package"))) == {"python", "torch"}


@pytest.mark.slow
@pytest.mark.parametrize("work", [a_driver, a_memory_agent, a_comparison])
def test_work_goes_on_after_a_patch_release_and_not_after_another_of_ours(
    work: Callable[[Path, int], None], tmp_path: Path, capsys
):
    work(tmp_path / "it", 32)
    config = tmp_path / "it" / "config.json"
    rewrite(config, python="3.11.0")
    work(tmp_path / "it", 64)
    assert "made with python 3.11.0" in capsys.readouterr().err
    assert json.loads(config.read_text())["versions"]["before"] == "python 3.11.0"
    rewrite(config, **{"b2m-drive": "0.0.1"})
    with pytest.raises(ValueError, match=r"was made with b2m-drive 0\.0\.1"):
        work(tmp_path / "it", 64)
    with resuming_anyway():
        work(tmp_path / "it", 96)
    before = json.loads(config.read_text())["versions"]["before"]
    assert before == "python 3.11.0; b2m-drive 0.0.1"


@pytest.mark.slow
def test_a_training_that_went_on_holds_the_weights_of_one_that_needed_not(tmp_path: Path):
    a_driver(tmp_path / "once", 64)
    a_driver(tmp_path / "twice", 32)
    rewrite(tmp_path / "twice" / "config.json", python="3.11.0")
    a_driver(tmp_path / "twice", 64)
    ours, theirs = (
        TrainedAgent.read(tmp_path / name).policy.policy.parameters_to_vector()
        for name in ("once", "twice")
    )
    assert (ours == theirs).all()


@pytest.mark.parametrize("n_workers", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.thorough
def test_a_collection_goes_on_under_another_python(
    n_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    few: dict[str, Any] = {"vehicles_count": 2, "duration": 2.0, "height": 36, "width": 36}
    path = tmp_path / "scenes.h5"
    with monkeypatch.context() as patch:
        patch.setattr("platform.python_version", lambda: "3.11.0")
        patch.setattr("b2m_drive.students.scene_writer.SceneWriter.finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            collect_scenes(
                "highway_fast", path, CollectSettings(n_episodes=2, environment=few), False
            )
    settings = CollectSettings(n_episodes=4, environment=few, n_workers=n_workers)
    collect_scenes("highway_fast", path, settings, False)
    scenes = SceneDataset(path)
    assert scenes.n_episodes == 4
    assert scenes.header.versions["before"] == "python 3.11.0"
    assert scenes.header.versions["python"] == installed_versions(())["python"]


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_the_flag_stands_before_every_command(monkeypatch: pytest.MonkeyPatch):
    seen: list[bool] = []
    monkeypatch.setattr(provenance, "resume_anyway", seen.append)
    for arguments in (["--resume-anyway"], []):
        CliRunner().invoke(app, [*arguments, "report", "nowhere"])
    assert seen == [True, False]
