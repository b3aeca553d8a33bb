"""The model card of an agent that drives, and of the encoder that it learns with or sees through.

Written at every checkpoint from the agent's ``config.json`` and what its training recorded, and
again by an evaluation, whose held-out episodes then stand in the place of the training's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from b2m_agents.learning.algorithm_settings import (
    AlgorithmSettings,
    HERSettings,
    RecurrentPPOSettings,
)
from b2m_agents.learning.folder_names import BEST_FOLDER, CONFIG_FILE, ENCODER_FOLDER
from b2m_agents.learning.trained_agent import AgentConfig, read_agent_config
from b2m_agents.learning.training_record import Selection, TrainingRecord
from b2m_drive.evidence.bootstrap import bootstrap_interval
from b2m_drive.evidence.statistics import binomial_interval
from b2m_drive.files.model_card import (
    CARD_FILE,
    SIMULATED,
    UNKNOWN,
    CardScore,
    ModelCard,
    licence_of,
    write_card,
)
from b2m_drive.files.writing import write_bytes
from b2m_drive.students.scene_vae import SceneVAE
from b2m_drive.students.student_card import (
    NO_BRAIN_AND_SIMULATED,
    BrainOfCard,
    TrainedOn,
    brain_of_card,
    student_card,
)

_RECENT = 100  # episodes of a training that its card counts
_RETURN, _CRASHED = "return", "crashed"
_REWARDS, _EPISODES = "sum of rewards", "share of episodes"
_SIMULATION = (
    "It has driven in simulation only, after highway-env, whose traffic follows a few rules: it "
    "is not for a car.",
    "Reading the file by Stable-Baselines3's own `load` unpickles it, which can run any command; "
    "b2m-drive reads it without.",
)
_USE = """
from b2m_agents import TrainedAgent

agent = TrainedAgent.from_pretrained("FOLDER or user/name")
act = agent.driver()  # of one episode: act(observation, info["state"])
"""


def write_agent_cards(folder: Path, record: TrainingRecord) -> None:
    """Write the cards of a training's newest agent, of its best, and of an encoder that it teaches.

    Args:
        folder: Of the training.
        record: What happened in it.
    """
    config = read_agent_config(folder)
    best = folder / BEST_FOLDER
    write_agent_card(folder, recent_scores(record))
    if (best / CONFIG_FILE).is_file():
        n_episodes = config.settings.n_evaluation_episodes
        write_agent_card(best, selection_scores(record.selections, n_episodes))
    if config.teacher is not None:
        for encoder in (folder / ENCODER_FOLDER, best / ENCODER_FOLDER):
            if encoder.is_dir():
                write_card(encoder, _card_of_taught(config))


def write_agent_card(folder: Path, scores: Sequence[CardScore] = ()) -> Path:
    """Write the card of the agent in a folder, with these scores."""
    config = read_agent_config(folder)
    brain = _brain_of(folder, config)
    settings = config.settings
    observed = settings.observation if settings.taught is None else "pixels, by a taught encoder"
    card = ModelCard(
        title=f"A driver of {config.scenario}",
        summary=f"A policy that {_learnt_by(settings.algorithm)} trained to "
        f"drive {config.scenario}. It sees: {observed}. Seed {settings.seed}; every setting stands "
        f"in `{CONFIG_FILE}`.",
        data=(
            f"SIMULATED episodes of {config.scenario}, by the engine "
            f"{config.environment.get('engine', 'highway-env')}, a training of "
            f"{settings.n_steps:,} steps.",
            brain.sentence,
        ),
        use=_USE,
        licence=brain.licence,
        licence_reason=brain.licence_reason,
        tags=("reinforcement-learning", "stable-baselines3", "driving", *brain.tags),
        datasets=(f"simulated-{config.scenario}", *brain.datasets),
        scores=tuple(scores),
        limits=_SIMULATION,
    )
    return write_card(folder, card)


def copy_card(encoder: str | Path | None, folder: Path) -> None:
    """Let the copy of an encoder in an agent's folder have the encoder's own card, if any."""
    path = Path(encoder or "") / CARD_FILE
    if encoder is not None and path.is_file():
        write_bytes(folder / ENCODER_FOLDER / CARD_FILE, path.read_bytes())


def recent_scores(record: TrainingRecord) -> tuple[CardScore, ...]:
    """How the last episodes of a training went."""
    last = record.episodes[-_RECENT:]
    if not last:
        return ()
    where = f"the last {len(last)} episodes of the training, which explores"
    return driven_scores(
        np.array([each.return_ for each in last]), np.array([each.crashed for each in last]), where
    )


def selection_scores(selections: Sequence[Selection], n_episodes: int) -> tuple[CardScore, ...]:
    """How the best agent did in the episodes that chose it."""
    if not selections:
        return ()
    best = selections[int(np.argmax([each.return_ for each in selections]))]
    spread = f"not kept; the best of {len(selections)} evaluations, so too good"
    where = f"the {n_episodes} episodes that chose it, at step {best.step:,}"
    return (
        CardScore(_RETURN, best.return_, _REWARDS, spread, where),
        CardScore(_CRASHED, best.crashed, _EPISODES, spread, where),
    )


def driven_scores(
    returns: Float64[np.ndarray, " episode"], crashed: Bool[np.ndarray, " episode"], where: str
) -> tuple[CardScore, ...]:
    """Return and crashes with their 95 % intervals over episodes of one training."""
    return_ = bootstrap_interval(returns[None], np.random.default_rng(0))
    low, high = binomial_interval(int(crashed.sum()), len(crashed))
    over = f"95 % interval over {len(returns)} episodes of one training"
    return (
        CardScore(
            _RETURN, return_.mean, _REWARDS, f"{return_.low:.4g} to {return_.high:.4g}, {over}",
            where,
        ),
        CardScore(
            _CRASHED, float(crashed.mean()), _EPISODES, f"{low:.3g} to {high:.3g}, {over}", where
        ),
    )  # fmt: skip


def _learnt_by(algorithm: AlgorithmSettings) -> str:
    if isinstance(algorithm, RecurrentPPOSettings):
        units = f"{algorithm.lstm_size} units"
        return f"recurrent PPO (sb3-contrib; it remembers its episode by an LSTM of {units})"
    if isinstance(algorithm, HERSettings):
        return "SAC with hindsight experience replay (Stable-Baselines3)"
    return f"{algorithm.name.upper()} (Stable-Baselines3)"


def _brain_of(folder: Path, config: AgentConfig) -> BrainOfCard:
    """The brain behind an agent: its teacher's, or that of the encoder it sees through."""
    if config.teacher is not None:
        return _brain_of_teacher(config.teacher)
    if config.encoder is None:
        return NO_BRAIN_AND_SIMULATED
    licence = licence_of(folder / ENCODER_FOLDER)
    reason = "That of the encoder that it sees through."
    if licence == UNKNOWN:
        reason = "The encoder that it sees through does not say under which licence it is."
    return BrainOfCard(
        f"It sees through a frozen encoder, whose own card says what that learnt from: "
        f"`{ENCODER_FOLDER}/{CARD_FILE}`.",
        licence,
        reason,
        (SIMULATED,),
        (),
    )


def _brain_of_teacher(teacher: Mapping[str, Any]) -> BrainOfCard:
    brain = teacher.get("brain")
    if isinstance(brain, Mapping):
        return brain_of_card(brain)
    return BrainOfCard(
        "A teacher took part of whom nothing was told.",
        UNKNOWN,
        "Whoever taught it did not say under which licence the teaching data are.",
        (),
        (),
    )


def _card_of_taught(config: AgentConfig) -> ModelCard:
    teacher = config.teacher or {}
    strategy = config.settings.taught.strategy if config.settings.taught else "regression"
    trained_on = TrainedOn(
        f"SIMULATED frames of {config.scenario}, while an agent learnt to drive through it.",
        _brain_of_teacher(teacher),
        f"{teacher.get('control') or 'brain'}, by {strategy}",
        (f"simulated-{config.scenario}",),
        limits=("Its scores are those of the agent in the folder above.",),
    )
    return student_card(SceneVAE, trained_on)
