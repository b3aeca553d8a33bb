"""Names of what lies in an agent's folder."""

from __future__ import annotations

from b2m_agents.learning.training_record import CURVE_FILE, SELECTION_FILE
from b2m_drive.files.fingerprints import FINGERPRINTS
from b2m_drive.files.model_card import CARD_FILE

AGENT_FILE = "agent.zip"
CONFIG_FILE = "config.json"
ENCODER_FOLDER = "encoder"
BEST_FOLDER = "best"
EVALUATION_FILE = "evaluation.csv"
AGENT_FILES = (  # of a folder on the Hub: names, and patterns of names
    CARD_FILE, CONFIG_FILE, AGENT_FILE, FINGERPRINTS, CURVE_FILE, SELECTION_FILE, EVALUATION_FILE,
    *(f"{ENCODER_FOLDER}/{name}" for name in (CARD_FILE, "*.json", "*.safetensors")),
)  # fmt: skip
