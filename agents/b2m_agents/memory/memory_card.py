"""The model card of an agent of a memory task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from b2m_agents.learning.folder_names import CONFIG_FILE
from b2m_agents.memory.memory_trials import PlayedTrials
from b2m_drive.evidence.statistics import binomial_interval
from b2m_drive.files.model_card import SIMULATED, CardScore, ModelCard, write_card

_LIMITS = (
    "It has seen generated trials only, and learnt from their reward alone: what it does is no "
    "measurement of a person.",
    "Reading the file by sb3-contrib's own `load` unpickles it, which can run any command; "
    "b2m-drive reads it without.",
)
_USE = """
from b2m_agents import MemoryAgentPolicy

policy = MemoryAgentPolicy.from_pretrained("FOLDER or user/name")
"""


def write_memory_card(
    folder: Path, settings: Mapping[str, Any], scores: Sequence[CardScore] = ()
) -> Path:
    """Write the card of an agent that these settings (of `MemoryAgentSettings`) trained."""
    card = ModelCard(
        title=f"An agent of the memory task {settings['task']}",
        summary=f"A recurrent policy (LSTM of {settings['hidden_size']} units) that PPO "
        f"(sb3-contrib) trained. Seed {settings['seed']}; every setting stands in `{CONFIG_FILE}`.",
        data=(
            f"SIMULATED: generated trials of {settings['task']} with {settings['n_items']} items, "
            f"{settings['n_steps']:,} steps.",
            "No recording of a brain took part.",
        ),
        use=_USE,
        licence="mit",
        licence_reason="As b2m-drive itself.",
        tags=("reinforcement-learning", "stable-baselines3", "working-memory", SIMULATED),
        datasets=(f"simulated-{settings['task']}",),
        scores=tuple(scores),
        limits=_LIMITS,
    )
    return write_card(folder, card)


def training_scores(n_trials: int, correct: float) -> tuple[CardScore, ...]:
    """The share of correct trials in the newest rollout of a training."""
    if not n_trials:
        return ()
    low, high = binomial_interval(round(correct * n_trials), n_trials)
    spread = f"{low:.3g} to {high:.3g}, 95 % interval over {n_trials} trials, chance 0.5"
    where = "the newest rollout of the training, which explores"
    return (CardScore("correct", correct, "share of trials", spread, where),)


def played_scores(played: PlayedTrials) -> tuple[CardScore, ...]:
    """How held-out trials went, with the exact interval."""
    share = played.share_correct
    spread = f"{share.low:.3g} to {share.high:.3g}, 95 % interval over {share.n} trials, chance 0.5"
    where = f"{share.n} held-out trials of one training"
    return (CardScore("correct", share.mean, "share of trials", spread, where),)
