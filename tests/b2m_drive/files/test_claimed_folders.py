"""Two processes on one folder: the second is told who works there, the first is not disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stable_baselines3 import PPO

from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.evaluation.evaluate import evaluate_agent
from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.training import train_agent
from b2m_agents.memory.memory_agent import MemoryAgentSettings, evaluate_memory_agent
from b2m_agents.memory.memory_training import train_memory_agent
from b2m_agents.studies.memory.calibration import VerdictCalibration
from b2m_agents.studies.memory.comparison import MemoryComparison
from b2m_drive.files.locks import EVALUATION
from b2m_drive.files.writing import is_draft
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.reports.report import write_report
from tests.shared.made_runs import scores_of, write_run
from tests.shared.other_process import ENVIRONMENT, held
from tests.shared.tiny_agents import SMALL, tiny_agent

TRAINING = """
import sys, time
from b2m_agents.learning import training
write = training.write_checkpoint
def slowly(*arguments):
    write(*arguments)
    print("written", flush=True)
    time.sleep(1.0)
training.write_checkpoint = slowly
from tests.shared.tiny_agents import tiny_agent
from pathlib import Path
tiny_agent(Path(sys.argv[1]), None, observation="state", n_steps=96, checkpoint_every=32)
"""
MEMORY_AGENT = MemoryAgentSettings(
    n_steps=160, n_environments=4, rollout=20, batch_size=40, n_epochs=1, hidden_size=8,
    time_step=0.2, checkpoint_every=80,
)  # fmt: skip


def train(folder: Path) -> Path:
    return tiny_agent(folder, None, observation="state", n_steps=96, checkpoint_every=32)


def collect(folder: Path) -> Path:
    """Claims the folder of its parts, which is the one that is given here."""
    path = folder.with_name(folder.name.removesuffix(".parts"))
    settings = CollectSettings(n_episodes=2, environment=SMALL)
    return collect_scenes("highway_fast", path, settings, progress=False)


def compare(folder: Path) -> Path:
    trials = simulate_trials(60, 3, 8, np.random.default_rng(0))
    recording = replace(SimulatedBrain.preset("ideal"), n_units=10).record(trials, 0)
    return MemoryComparison(recording).run(folder, progress=False).folder


def calibrate(folder: Path) -> Path:
    VerdictCalibration().run(folder, progress=False)
    return folder


def train_to_remember(folder: Path) -> Path:
    return train_memory_agent(MEMORY_AGENT, folder, progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("work", [train, train_to_remember, collect, compare, calibrate])
def test_whoever_comes_second_is_told_so_at_once(tmp_path, work: Callable[[Path], Path]) -> None:
    folder = tmp_path / "x.parts"
    with held(folder) as first:
        before = sorted(folder.iterdir())
        with pytest.raises(ValueError, match=f"a training by process {first.pid} on .* since 2"):
            work(folder)
        assert sorted(folder.iterdir()) == before


def test_a_report_waits_for_whoever_writes_the_run(tmp_path) -> None:
    run = write_run(tmp_path / "run", scores_of({}, ("labels",)))
    with held(run), pytest.raises(ValueError, match="no other process works in"):
        write_report(run)


@pytest.mark.slow
def test_two_evaluations_do_not_mix_and_a_training_disturbs_none(tmp_path) -> None:
    agent = train_to_remember(tmp_path / "agent")
    with held(agent):
        assert evaluate_memory_agent(agent, 4).share_correct.n == 4
    with held(agent, EVALUATION), pytest.raises(ValueError, match="no other process works in"):
        evaluate_memory_agent(agent, 4)
    driver = train(tmp_path / "driver")
    with held(driver, EVALUATION), pytest.raises(ValueError, match="no other process works in"):
        evaluate_agent(driver, progress=False)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_second_training_is_refused_and_the_first_ends_as_if_alone(tmp_path) -> None:
    folder = tmp_path / "agent"
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, folder], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    with pytest.raises(ValueError, match=f"process {process.pid} on"):
        train(folder)
    process.stdout.read()
    process.stdout.close()
    assert process.wait() == 0
    alone = train(tmp_path / "alone")
    assert {each.name for each in folder.iterdir()} == {each.name for each in alone.iterdir()}
    curves = [(each / "learning_curve.csv").read_bytes() for each in (folder, alone)]
    assert curves[0] == curves[1]
    one, other = (PPO.load(each / "agent.zip").policy.state_dict() for each in (folder, alone))
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


@pytest.mark.thorough
@pytest.mark.slow
def test_a_killed_training_frees_its_folder_and_the_next_goes_on_and_sweeps(tmp_path) -> None:
    folder = tmp_path / "agent"
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, folder], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert (folder / ".b2m-lock").is_file()
    draft = folder / ".b2m-draft-{}-{}-0123abcd.zip".format(*_host_and_pid_of(process))
    draft.write_text("half")
    train(folder)
    assert PPO.load(folder / "agent.zip").num_timesteps == 96
    assert not [each for each in folder.rglob(".*") if is_draft(each) or "lock" in each.name]


def _host_and_pid_of(process: subprocess.Popen[str]) -> tuple[str, int]:
    from b2m_drive.files.writing import _host

    return _host(), process.pid


@pytest.mark.slow
@pytest.mark.thorough
def test_a_second_collection_is_refused_and_the_first_ends_with_the_same_bytes(tmp_path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom b2m_agents.drivers import rollouts\n"
        "write = rollouts.SceneWriter.write\n"
        "def slowly(*arguments):\n    write(*arguments)\n    print('held', flush=True)\n"
        "    time.sleep(1.5)\n"
        "rollouts.SceneWriter.write = slowly\n"
        "from tests.b2m_drive.files.test_claimed_folders import collect\n"
        "collect(Path(sys.argv[1]))\n"
    )
    folder = tmp_path / "x.h5.parts"
    with held(folder, code=code) as first:
        with pytest.raises(ValueError, match=f"a collection of x.h5 by process {first.pid}"):
            collect(folder)
        deadline = time.monotonic() + 60
        while first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert first.returncode == 0
    alone = collect(tmp_path / "alone.h5.parts")
    assert (tmp_path / "x.h5").read_bytes() == alone.read_bytes()
    assert {each.name for each in tmp_path.iterdir()} == {"x.h5", "alone.h5"}


@pytest.mark.slow
def test_a_training_longer_than_its_first_checkpoint_is_not_begun_again(tmp_path) -> None:
    folder = train(tmp_path / "agent")
    curve = (folder / "learning_curve.csv").read_bytes()
    (folder / "agent.zip").unlink()
    with pytest.raises(FileNotFoundError, match=r"agent\.zip: .* at step \d+ .*found none; put it"):
        train(folder)
    (folder / "fingerprints.json").unlink()  # as of version 0.5.0, which recorded nothing
    with pytest.raises(FileNotFoundError, match=r"agent\.zip: .* at step \d+ .*found none; put it"):
        train(folder)
    assert (folder / "learning_curve.csv").read_bytes() == curve
    assert not (folder / "agent.zip").exists()


def test_an_agent_that_remembers_is_not_begun_again_either(tmp_path) -> None:
    folder = train_to_remember(tmp_path / "agent")
    (folder / "agent.zip").unlink()
    with pytest.raises(FileNotFoundError, match=r"at step 160 \(learning_curve\.csv\)"):
        train_to_remember(folder)


@pytest.mark.slow
def test_a_training_killed_before_its_first_checkpoint_begins_again(tmp_path) -> None:
    whole = train(tmp_path / "whole")
    folder = tmp_path / "agent"
    settings = settings_for(
        "highway_fast", observation="state", n_steps=32, n_environments=2, evaluate_every=0,
        tensorboard=False, rollout=16, batch_size=16, n_epochs=1, checkpoint_every=32,
    )  # fmt: skip
    train_agent("highway_fast", None, folder, settings, SMALL, in_processes=False, progress=False)
    for name in ("agent.zip", "fingerprints.json"):  # the curve is written before them
        (folder / name).unlink()
    train(folder)
    curves = [(each / "learning_curve.csv").read_bytes() for each in (folder, whole)]
    assert curves[0] == curves[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["driver", "memory"])
def test_an_agent_of_another_seed_is_not_taken_for_the_folders_own(tmp_path, kind) -> None:
    if kind == "driver":
        one, other = (
            tiny_agent(tmp_path / str(seed), None, observation="state", seed=seed)
            for seed in (0, 1)
        )
        use: Callable[[Path], object] = lambda folder: evaluate_agent(folder, progress=False)  # noqa: E731
    else:
        settings = (MEMORY_AGENT, replace(MEMORY_AGENT, seed=1))
        one, other = (
            train_memory_agent(each, tmp_path / str(each.seed), progress=False) for each in settings
        )
        use = lambda folder: evaluate_memory_agent(folder, 4)  # noqa: E731
    (one / "agent.zip").write_bytes((other / "agent.zip").read_bytes())
    with pytest.raises(ValueError, match=r"agent\.zip: expected what .*json recorded"):
        use(one)
    (one / "fingerprints.json").unlink()  # as the message says, and as in version 0.5.0
    if kind == "memory":
        use(one)
