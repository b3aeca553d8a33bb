"""The recipes of `scripts/`, each run small, as a user would."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.worlds.encoder_view import read_view
from b2m_drive.students.decision_rnn import DecisionRNN
from b2m_drive.students.scene_vae import SceneVAE
from tests.shared.places import SCRIPTS
from tests.shared.tiny_agents import SMALL, tiny_agent, tiny_encoder

SHORT = {"n_steps": 32, "n_environments": 2, "rollout": 16, "batch_size": 16, "n_epochs": 1,
         "evaluate_every": 0, "tensorboard": False}  # fmt: skip


def main_of(script: str) -> Callable[..., None]:
    return runpy.run_path(str(SCRIPTS / script))["main"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scenes") / "scenes.h5"
    settings = CollectSettings(n_frames=250, environment=SMALL)
    return collect_scenes("highway_fast", path, settings, progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["regression", "none"])
def test_an_encoder_is_trained_beside_a_simulated_brain(tmp_path, scenes, capsys, strategy) -> None:
    main_of("train_encoder.py")(tmp_path, scenes, steps=2, strategy=strategy)
    said = capsys.readouterr().out
    assert ("simulated brain" in said) == (strategy != "none")
    assert "R2 of the state in held-out frames:" in said
    vae = SceneVAE.from_pretrained(tmp_path)
    assert (vae.settings.height, vae.settings.width) == (36, 40)
    assert read_view(tmp_path)["height"] == 36


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["contrastive", "none"])
def test_a_network_learns_to_decide_beside_a_simulated_brain(tmp_path, capsys, strategy) -> None:
    main_of("train_decision.py")(tmp_path, strategy, steps=2)
    said = capsys.readouterr().out
    assert "step 2: " in said
    assert ("simulated brain" in said) == (strategy != "none")
    assert DecisionRNN.from_pretrained(tmp_path).settings.cell == "gru"


@pytest.mark.slow
def test_agents_are_evaluated_and_the_first_one_recorded(tmp_path, capsys) -> None:
    encoder = tiny_encoder(tmp_path / "encoder")
    agents = [tiny_agent(tmp_path / f"seed-{seed}", encoder, seed=seed) for seed in (0, 1)]
    main_of("evaluate_agent.py")(agents, tmp_path / "out", episodes=2, workers=1)
    assert "all 2 trainings" in capsys.readouterr().out
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"evaluation.csv", "evaluation.png", "video.mp4"}


@pytest.mark.slow
def test_agents_that_differ_in_one_thing_stand_beside_the_driver_model(tmp_path, capsys) -> None:
    script = runpy.run_path(str(SCRIPTS / "agent_variants.py"))
    settings = {
        observation: settings_for("highway_fast", observation=observation, **SHORT)
        for observation in ("state", "latents")
    }
    encoders = {"state": None, "latents": tiny_encoder(tmp_path / "encoder")}
    variants = {
        name: script["Variant"](each, SMALL, encoders[name]) for name, each in settings.items()
    }
    found, model = script["compare"](tmp_path / "agents", "highway_fast", variants, 2, 1, 1)
    script["draw"](found, model, tmp_path / "agents.png", "a title", "sees")
    told = capsys.readouterr().out.splitlines()
    assert [each.split(":")[0] for each in told] == ["state", "latents", "driver model", "picture"]
    assert {name: len(agents) for name, agents in found.items()} == {"state": 2, "latents": 2}
    assert model[0] in (0, 1)
    assert 0 < model[1] < 5  # four seconds of at most one
    assert cv2.imread(str(tmp_path / "agents.png")) is not None


@pytest.mark.slow
def test_agents_stand_on_a_sheet_and_one_in_a_clip(tmp_path, capsys, monkeypatch) -> None:
    agents = tmp_path / "agents"
    for name in ("highway_fast", "racetrack"):
        tiny_agent(agents / name / "seed-0", None, scenario=name, observation="state")
    sheet = str(tmp_path / "agents.png")
    monkeypatch.setattr(sys, "argv", ["contact_sheet.py", sheet, "--agents", str(agents)])
    main_of("contact_sheet.py")()
    assert "2 scenes" in capsys.readouterr().out
    assert cv2.imread(sheet).std() > 10
    clips, agent = str(tmp_path / "clips"), str(agents / "racetrack" / "seed-0")
    monkeypatch.setattr(sys, "argv", ["scene_clips.py", clips, "--agent", agent])
    main_of("scene_clips.py")()
    capture = cv2.VideoCapture(str(tmp_path / "clips" / "racetrack.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * 192 + 4
