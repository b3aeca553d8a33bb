"""Agents' cards, and their way to the Hub and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from b2m_agents import MemoryAgentPolicy, MemoryAgentSettings, TrainedAgent, train_memory_agent
from b2m_agents.drivers.pretrained_agents import push_to_hub
from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agent
from b2m_agents.memory.memory_agent import evaluate_memory_agent
from b2m_drive.students.scene_vae import SceneVAE
from b2m_drive.students.student_card import TrainedOn
from tests.shared.hub_in_a_folder import stand_in
from tests.shared.tiny_agents import tiny_agent, tiny_encoder

BRAIN = {"simulated": False, "subject": "7", "session": "s", "source": "us", "licence": "ODbL 1.0"}
MEMORY = MemoryAgentSettings(
    n_steps=80, n_environments=4, rollout=20, batch_size=40, n_epochs=1, hidden_size=8,
    time_step=0.2, checkpoint_every=80,
)  # fmt: skip


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of latents, through an encoder that a recorded brain taught."""
    folder = tmp_path_factory.mktemp("agent")
    encoder = tiny_encoder(folder / "encoder")
    SceneVAE.from_pretrained(encoder).save_pretrained(encoder, TrainedOn("Frames.", BRAIN))
    return tiny_agent(folder / "agent", encoder, evaluate_every=32, n_evaluation_episodes=2)


def head_of(folder: Path) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    return found


@pytest.mark.slow
def test_an_agent_has_its_encoders_licence_and_says_that_it_drove_in_simulation(
    agent: Path,
) -> None:
    for folder in (agent, agent / "best"):
        assert head_of(folder)["license"] == "odbl"
        assert head_of(folder)["datasets"] == ["simulated-highway_fast"]
        assert "SIMULATED episodes of highway_fast" in (folder / "README.md").read_text()
    assert "RECORDED: subject 7" in (agent / "encoder" / "README.md").read_text()
    assert "2 episodes that chose it" in (agent / "best" / "README.md").read_text()


@pytest.mark.slow
def test_an_evaluation_puts_held_out_scores_on_the_card(agent: Path) -> None:
    evaluated = evaluate_agent(agent, EvaluationSettings(2), progress=False)
    returns = [each.return_ for each in evaluated.of("agent")]
    text = (agent / "README.md").read_text()
    assert f"| return | {np.mean(returns):.4g} sum of rewards |" in text
    assert "2 held-out episodes" in text


@pytest.mark.slow
def test_an_agent_goes_to_the_hub_and_comes_back(
    agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hub = stand_in(monkeypatch, tmp_path / "hub")
    push_to_hub(agent, "someone/driver")
    assert "agent.zip" in hub.files("someone/driver")
    assert "encoder/model.safetensors" in hub.files("someone/driver")
    assert not any("best" in name or "monitor" in name for name in hub.files("someone/driver"))
    here, there = (TrainedAgent.from_pretrained(each) for each in (agent, "someone/driver"))
    scene, state = np.zeros((36, 40, 2), np.uint8), np.zeros(14, np.float32)
    assert here.act(scene, state) == there.act(scene, state)
    (hub.folder / "someone/driver/agent.zip").write_bytes(b"another")
    with pytest.raises(ValueError, match=r"agent.zip"):
        TrainedAgent.from_pretrained("someone/driver")


@pytest.mark.slow
def test_a_memory_agent_has_a_card_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hub = stand_in(monkeypatch, tmp_path / "hub")
    folder = train_memory_agent(MEMORY, tmp_path / "memory", progress=False)
    assert "newest rollout" in (folder / "README.md").read_text()
    played = evaluate_memory_agent(folder, 20)
    assert f"{played.share_correct.mean:.4g} share of trials" in (folder / "README.md").read_text()
    (folder / "README.md").unlink()  # as an earlier version left it
    push_to_hub(folder, "someone/memory")
    assert hub.files("someone/memory") >= {"README.md", "agent.zip", "config.json"}
    assert isinstance(MemoryAgentPolicy.from_pretrained("someone/memory"), MemoryAgentPolicy)
