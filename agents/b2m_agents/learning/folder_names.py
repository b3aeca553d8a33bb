"""Names of what lies in an agent's folder."""

from __future__ import annotations

AGENT_FILE = "agent.zip"
CONFIG_FILE = "config.json"
ENCODER_FOLDER = "encoder"
BEST_FOLDER = "best"
