"""An agent drives without the function that its file names; highway-env's rewards are recorded."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from b2m_agents.drivers.drivers import drive_episode, rollout_spec_of
from b2m_drive.files.json_files import read_json
from tests.shared.tiny_agents import tiny_agent


@pytest.mark.slow
def test_a_module_that_an_agents_file_names_is_not_imported(tmp_path: Path, monkeypatch) -> None:
    agent = tiny_agent(tmp_path / "agent", None, observation="state")
    path = agent / "config.json"
    config = read_json(path, "the configuration of an agent")
    config["environment"]["reward"] = "came_with_an_agent:reward"
    path.write_text(json.dumps(config))
    (tmp_path / "came_with_an_agent.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path)
    spec = rollout_spec_of("highway_fast", str(agent), {"duration": 2})
    assert spec.scene.reward == "highway_env"
    assert len(drive_episode(spec, 0).reward) <= 2
    assert "came_with_an_agent" not in sys.modules
    asked = rollout_spec_of("highway_fast", str(agent), {"reward": "came_with_an_agent:reward"})
    with pytest.raises(ValueError, match="importing came_with_an_agent raised RuntimeError"):
        drive_episode(asked, 0)
