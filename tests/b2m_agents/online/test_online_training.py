"""Agents whose encoder a brain teaches while they learn to drive: trained, resumed, judged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from b2m_agents.commands import app
from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agents
from b2m_agents.learning import training
from b2m_agents.learning.agent_file import read_agent_file
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithm_settings import PPOSettings
from b2m_agents.learning.algorithms import steps_taken
from b2m_agents.learning.trained_agent import TrainedAgent, encoder_fingerprint, read_agent_config
from b2m_agents.learning.training import train_agent
from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.online.online_transfer import TransferPPO
from b2m_agents.studies.driving.comparison import SimulatedViewer
from b2m_agents.studies.driving.online_teaching import ONLINE_CONTROLS, teacher_from_recording
from b2m_agents.videos.video import VideoSettings, record_video
from b2m_agents.worlds.encoder_view import read_view
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.transfer.schedule import WeightSchedule

VIEW = {"height": 36, "width": 40}
WORLD = {"vehicles_count": 3, "duration": 4.0}
# Legs of 32 steps of two environments; the fourth begins within an episode.
SHORT = TrainingSettings(
    algorithm=PPOSettings(rollout=16, batch_size=16, n_epochs=2),
    observation="pixels",
    n_steps=128,
    n_environments=2,
    checkpoint_every=32,
    evaluate_every=64,
    n_evaluation_episodes=2,
    tensorboard=False,
)
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_online_training as tests
from b2m_agents.learning import training
write = training.write_checkpoint
def write_and_die(folder, policy, venv):
    write(folder, policy, venv)
    if policy.num_timesteps == 64:
        policy.learn(2, reset_num_timesteps=False)  # lost with the kill
        os.kill(os.getpid(), signal.SIGKILL)
training.write_checkpoint = write_and_die
tests.train(Path(sys.argv[3]), tests.teacher_of(Path(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scenes") / "highway.h5"
    settings = CollectSettings(
        n_episodes=30, policy="highway_env", environment={**VIEW, "duration": 8.0}
    )
    return collect_scenes("highway_fast", path, settings, progress=False)


def teacher_of(scenes: Path, brain: SimulatedViewer | None = None, **changes: Any) -> OnlineTeacher:
    quick = {"n_latents": 4, "delay": 0.2, "batch_size": 16}
    return teacher_from_recording(scenes, brain or SimulatedViewer(), **quick | changes)


def train(
    folder: Path,
    teacher: OnlineTeacher | None,
    encoder: Path | None = None,
    environment: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    settings = replace(SHORT, **changes)
    given = WORLD | (environment or {})
    return train_agent(
        "highway_fast", encoder, folder, settings, given, teacher=teacher, progress=False
    )


@pytest.fixture(scope="module")
def teacher(scenes) -> OnlineTeacher:
    return teacher_of(scenes)


@pytest.fixture(scope="module")
def agent(teacher, tmp_path_factory) -> Path:
    return train(tmp_path_factory.mktemp("runs") / "agent", teacher)


def assert_same_agent(one: Path, other: Path) -> None:
    here, there = (read_agent_file(folder / "agent.zip") for folder in (one, other))
    assert here.n_steps == there.n_steps
    assert set(here.states) == {"policy", "policy.optimizer", "transfer_head"}
    for part, weights in here.states.items():
        torch.testing.assert_close(weights, there.states[part], rtol=0, atol=0, msg=part)
    for name in ("learning_curve.csv", "selection.csv"):
        assert (one / name).read_text() == (other / name).read_text()


def encoder_weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(TrainedAgent.read(folder).policy.encoder.state_dict())


@pytest.mark.slow
def test_the_folder_tells_who_taught_and_how(agent, teacher) -> None:
    config = read_agent_config(agent)
    taught = config.settings.taught
    assert taught is not None
    assert (taught.strategy, taught.weight, taught.n_brain_latents) == (
        "contrastive", WeightSchedule(0.1), 4,
    )  # fmt: skip
    about = config.teacher
    assert about is not None
    assert about["brain"]["simulated"] is True
    assert about["brain"]["licence"] == "MIT (simulated)"
    assert len(about["brain"]["fingerprint"]) == len(about["fingerprint"]) == 16
    assert about["control"] is None
    assert about["scenes"]["n_teaching"] == len(teacher.frames)
    assert (config.scene.height, config.scene.width) == (36, 40)
    assert (agent / "best" / "config.json").read_text() == (agent / "config.json").read_text()


@pytest.mark.slow
def test_an_agent_has_no_teacher_in_its_file(agent, teacher) -> None:
    content = b"".join(path.read_bytes() for path in agent.rglob("*") if path.is_file())
    assert teacher.latents[:8].tobytes() not in content
    assert teacher.frames[3].tobytes() not in content


@pytest.mark.slow
@pytest.mark.parametrize("part", ["", "best"])
def test_the_encoder_beside_an_agent_is_its_own(agent, part: str) -> None:
    folder = agent / part
    saved = SceneVAE.from_pretrained(folder / "encoder").state_dict()
    for name, values in encoder_weights(folder).items():
        assert torch.equal(saved[name], values), name
    view = read_view(folder / "encoder")
    assert (view["height"], view["width"], view["camera"]) == (36, 40, "birds_eye")


@pytest.mark.slow
def test_an_agent_of_latents_sees_through_an_encoder_that_was_taught_by_driving(
    agent, tmp_path
) -> None:
    folder = train(tmp_path / "agent", None, agent / "encoder", observation="latents", n_steps=32)
    assert TrainedAgent.read(folder).config.scene.height == 36


class StoppedError(Exception):
    """In place of a kill."""


@pytest.mark.slow
def test_a_training_that_was_stopped_goes_on_to_the_same_agent(
    agent, scenes, tmp_path, monkeypatch
) -> None:
    write = training.write_checkpoint

    def write_and_stop(folder: Path, policy: TransferPPO, venv: Any) -> None:
        write(folder, policy, venv)
        if policy.num_timesteps == 64:
            policy.learn(2, reset_num_timesteps=False)
            raise StoppedError

    folder = tmp_path / "agent"
    with monkeypatch.context() as patched:
        patched.setattr(training, "write_checkpoint", write_and_stop)
        with pytest.raises(StoppedError):
            train(folder, teacher_of(scenes))
    assert steps_taken(folder / "agent.zip") == 64
    train(folder, teacher_of(scenes))
    assert_same_agent(folder, agent)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_to_the_same_agent(agent, scenes, tmp_path) -> None:
    script, folder = tmp_path / "train.py", tmp_path / "agent"
    script.write_text(KILLED)
    killed = subprocess.run(
        [sys.executable, script, str(Path(__file__).parent), scenes, folder],
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert killed.returncode == -signal.SIGKILL
    assert steps_taken(folder / "agent.zip") == 64
    train(folder, teacher_of(scenes))
    assert_same_agent(folder, agent)


@pytest.mark.slow
def test_a_training_whose_weight_stays_may_be_made_longer(agent, teacher, tmp_path) -> None:
    folder = tmp_path / "agent"
    for n_steps in (64, 128):
        train(folder, teacher, n_steps=n_steps)
    assert_same_agent(folder, agent)


@pytest.mark.slow
def test_another_teacher_is_refused_by_name(agent, scenes, tmp_path) -> None:
    before = (agent / "config.json").read_text()
    for other, message in (
        (teacher_of(scenes, SimulatedViewer(seed=1)), r"teacher\.brain\.seed: there 0, now 1"),
        (teacher_of(scenes, control="shuffled"), r"control: there None, now 'shuffled'"),
        (teacher_of(scenes, strategy="regression"), r"taught\.strategy: there 'contrastive'"),
        (teacher_of(scenes, weight=WeightSchedule(0.2)), r"weight\.peak: there 0\.1, now 0\.2"),
        (None, "holds an agent whose encoder is taught; .*without its teacher"),
    ):
        with pytest.raises(ValueError, match=message):
            train(agent, other)
    assert (agent / "config.json").read_text() == before
    untaught = train(tmp_path / "pixels", None, environment=VIEW, n_steps=32)
    with pytest.raises(ValueError, match=r"without a teacher; .*one with a teacher"):
        train(untaught, teacher_of(scenes))


@pytest.mark.slow
def test_a_training_whose_weight_falls_is_not_made_longer(scenes, tmp_path) -> None:
    falling = teacher_of(scenes, weight=WeightSchedule(1.0, 0.5))
    folder = train(tmp_path / "agent", falling, n_steps=32)
    with pytest.raises(ValueError, match=r"training\.taught\.n_steps: there 32, now 64"):
        train(folder, falling, n_steps=64)


@pytest.mark.slow
@pytest.mark.parametrize("control", ONLINE_CONTROLS)
def test_every_control_can_teach(scenes, teacher, control: str) -> None:
    other = teacher_of(scenes, control=control)
    np.testing.assert_array_equal(other.frames, teacher.frames)
    assert other.about["control"] == control
    if control == "alone":
        assert other.weight == WeightSchedule(0.0)
        np.testing.assert_array_equal(other.latents, teacher.latents)
    else:
        assert other.weight == teacher.weight
        assert other.fingerprint != teacher.fingerprint
    if control in ("shuffled", "circular_shift"):
        assert other.latents.shape == teacher.latents.shape
        again = teacher_of(scenes, control=control, seed=0)
        np.testing.assert_array_equal(other.latents, again.latents)
        assert teacher_of(scenes, control=control, seed=1).fingerprint != other.fingerprint


@pytest.mark.thorough
@pytest.mark.slow
def test_the_teacher_moves_the_encoder_and_alone_does_not(agent, scenes, tmp_path) -> None:
    alone = train(tmp_path / "alone", teacher_of(scenes, control="alone"))
    silent = train(tmp_path / "silent", teacher_of(scenes, weight=WeightSchedule(0.0)))
    taught = encoder_weights(agent)
    for name, values in encoder_weights(alone).items():
        assert torch.equal(values, encoder_weights(silent)[name]), name
    assert not torch.equal(encoder_weights(alone)["to_mean.weight"], taught["to_mean.weight"])


@pytest.mark.slow
def test_an_agent_begins_with_the_encoder_that_is_given(teacher, tmp_path) -> None:
    vae = SceneVAE(SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8)))
    encoder = vae.save_pretrained(tmp_path / "encoder")
    folder = train(tmp_path / "agent", teacher, encoder, n_steps=32)
    read = TrainedAgent.read(folder)
    assert read.config.encoder == encoder_fingerprint(vae)
    now = encoder_weights(folder)
    assert now["to_mean.weight"].shape[0] == 6
    assert not torch.equal(now["to_mean.weight"], vae.to_mean.weight)
    for name, values in vae.decoder.state_dict().items():  # no gradient reaches it
        assert torch.equal(now[f"decoder.{name}"], values)


@pytest.mark.slow
def test_agents_that_differ_in_their_seed_are_evaluated_and_pooled(scenes, tmp_path) -> None:
    folders = [
        train(
            tmp_path / str(seed), teacher_of(scenes, control="shuffled", seed=seed), seed=seed,
            n_steps=32,
        )
        for seed in (0, 1)
    ]  # fmt: skip
    folders.append(train(tmp_path / "brain", teacher_of(scenes), n_steps=32))
    settings = EvaluationSettings(n_episodes=2)
    evaluation = evaluate_agents(folders, tmp_path / "out", settings, progress=False)
    assert evaluation.kinds == (("0", "1"), ("brain",))
    assert all(np.isfinite(each.return_) for each in evaluation.episodes)


@pytest.mark.slow
def test_an_agent_is_recorded(agent, tmp_path) -> None:
    path = record_video(
        agent, tmp_path / "video.gif", VideoSettings(n_episodes=1, panel=64), progress=False
    )
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("environment", "changes", "message"),
    [
        ({"width": 48}, {}, "width: expected 40 as in the scenes that were watched, came 48"),
        ({"camera": "drivers_eye"}, {}, "camera: expected 'birds_eye' as in the scenes"),
        ({}, {"observation": "state"}, "observation: expected pixels beside a teacher, came state"),
    ],
)
@pytest.mark.slow
def test_what_does_not_go_with_a_teacher_is_named_and_writes_nothing(
    teacher, tmp_path, environment, changes, message
) -> None:
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "agent", teacher, environment=environment, **changes)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_settings_of_a_taught_encoder_need_their_teacher(agent, tmp_path) -> None:
    with pytest.raises(ValueError, match="teacher: expected the one of the encoder"):
        train(
            tmp_path / "agent",
            None,
            environment=VIEW,
            taught=read_agent_config(agent).settings.taught,
        )
    with pytest.raises(ValueError, match="control: expected one of alone, shuffled"):
        teacher_from_recording("none.h5", SimulatedViewer(), control="telepathy")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"encoder": {"height": 3}}, "training.taught: expected fields of TaughtEncoder"),
        ({"strategy": "telepathy"}, "strategy"),
        ({"weight": {"peak": -1.0}}, "peak: expected a finite weight"),
        (None, "expected a teacher beside an encoder that is taught"),
    ],
)
def test_a_damaged_configuration_is_named(agent, tmp_path, damage, message) -> None:
    entries = json.loads((agent / "config.json").read_text())
    if damage is None:
        del entries["teacher"]
    else:
        entries["training"]["taught"] |= damage
    (tmp_path / "config.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=rf"(?s)config\.json.*{message}"):
        read_agent_config(tmp_path)


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["b2m-drive", "train-agent", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    printed = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


@pytest.mark.slow
def test_an_agent_is_taught_from_the_command_line(monkeypatch, capsys, scenes, tmp_path) -> None:
    folder = tmp_path / "agent"
    arguments = (
        "highway_fast", "--watched", str(scenes), "--out", str(folder), "--steps", "256",
        "--environments", "2", "--evaluate-every", "0", "--no-tensorboard", "--control", "shuffled",
        "--strategy", "regression", "--weight", "0.5", "--weight-ends", "0.5", "--signal", "0.8",
        "--delay", "0.2",
    )  # fmt: skip
    code, out, _ = run(monkeypatch, capsys, *arguments)
    assert code == 0
    assert f"b2m-drive evaluate-agent {folder}" in out
    config = read_agent_config(folder)
    taught = config.settings.taught
    assert taught is not None
    assert (taught.strategy, taught.weight) == ("regression", WeightSchedule(0.5, 0.5))
    assert config.teacher is not None
    assert (config.teacher["control"], config.teacher["brain"]["signal"]) == ("shuffled", 0.8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--brain", "ideal"), "--brain: expected none of an agent without --watched"),
        (("--control", "alone"), "--control: expected none of an agent without --watched"),
        (("--watched", "none.h5"), "none.h5"),
        (("--watched", "SCENES", "--recording", "SCENES"), "'state']: scenes?"),
        (("--watched", "SCENES", "--recording", "none.h5"), "none.h5: expected a recording"),
        (
            ("--watched", "SCENES", "--recording", "x.h5", "--brain", "ideal"),
            "--brain: expected none beside --recording",
        ),
        (("--watched", "SCENES", "--control", "telepathy"), "'telepathy'"),
        (("--watched", "SCENES", "--strategy", "blt"), "'blt'"),
        (("--watched", "SCENES", "--camera", "drivers_eye"), "--camera: expected none of an agent"),
        (("--watched", "SCENES", "--stack", "3"), "--stack: expected none of an agent whose"),
        (("--watched", "SCENES", "--observation", "state"), "--observation: expected pixels"),
        (("--watched", "SCENES", "--algorithm", "dqn"), "--algorithm: expected ppo"),
        (("--watched", "SCENES", "--latent-stack", "2"), "stack: expected 1 beside pixels"),
        (("--watched", "SCENES", "--weight-ends", "2"), "'--weight-ends'"),
    ],
)
def test_options_that_do_not_go_together_end_in_one_line(
    monkeypatch, capsys, scenes, tmp_path, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(scenes) if each == "SCENES" else each for each in arguments]
    code, _, err = run(monkeypatch, capsys, "highway_fast", *given)
    assert code == 2
    assert message in " ".join(err.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_a_memory_task_has_no_teacher(monkeypatch, capsys) -> None:
    code, _, err = run(monkeypatch, capsys, "memory_decision", "--weight", "1")
    assert code == 2
    assert "--weight: expected none of a memory task" in " ".join(err.replace("│", " ").split())
