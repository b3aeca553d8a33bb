"""Trained agents on the Hugging Face Hub, of driving and of memory tasks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from b2m_agents.learning.agent_card import write_agent_card
from b2m_agents.learning.folder_names import AGENT_FILES
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.memory.memory_agent import (
    is_memory_agent,
    read_memory_policy,
    read_memory_settings,
)
from b2m_agents.memory.memory_card import write_memory_card
from b2m_drive.files.hub import push_folder
from b2m_drive.files.model_card import CARD_FILE


def push_to_hub(folder: str | Path, name: str, *, private: bool = True) -> str:
    """Bring a trained agent to the Hugging Face Hub; returns its address.

    It is read first, so that nothing damaged is brought. The agent, its encoder, its settings,
    tables and card travel; the replay buffer, the best agent's own folder and TensorBoard's files
    do not. One without a card, as earlier versions wrote, gets one. Who you are is what
    ``hf auth login`` or ``HF_TOKEN`` says.

    Args:
        folder: That ``train-agent`` wrote, or the ``best`` in it.
        name: ``"user/name"`` on the Hub; made if it is new. `TrainedAgent.from_pretrained`, or
            `MemoryAgentPolicy.from_pretrained`, reads it.
        private: Whether a new one is shown to you alone, until you change that on the Hub.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged, the name is none, or the licence of the recording lets
            nothing be passed on that was derived from it.
        ConnectionError: If the Hub cannot be reached, or refuses.
        MissingPackageError: If ``huggingface_hub`` is not installed (extra ``hub``).
    """
    folder = Path(folder)
    of_memory = is_memory_agent(folder)
    if of_memory:
        read_memory_policy(folder)
    else:
        TrainedAgent.read(folder)
    if not (folder / CARD_FILE).is_file():
        if of_memory:
            write_memory_card(folder, asdict(read_memory_settings(folder)))
        else:
            write_agent_card(folder)
    return push_folder(folder, name, AGENT_FILES, private=private)
