"""An agent's folder as a training opens it: a new one, or that of the very same training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithms import steps_taken
from b2m_agents.learning.deleted_agent import require_agent
from b2m_agents.learning.folder_names import AGENT_FILE, BEST_FOLDER, CONFIG_FILE, ENCODER_FOLDER
from b2m_agents.learning.trained_agent import AgentConfig, config_json, read_agent_config
from b2m_agents.learning.training_record import CURVE_FILE
from b2m_agents.learning.training_stops import first_stop, total_steps
from b2m_agents.worlds.encoder_view import write_view
from b2m_drive.files.locks import is_lock
from b2m_drive.files.provenance import resumed_versions
from b2m_drive.files.writing import is_draft, write_json
from b2m_drive.students.scene_vae import SceneVAE

_FREE = ("n_steps", "patience", "tensorboard")  # a training may be made longer


def open_folder(folder: Path, config: AgentConfig, encoder: SceneVAE | None) -> None:
    """Start an agent's folder, or take up one of the same configuration.

    Args:
        folder: Of the agent.
        config: Of its training.
        encoder: That it sees through, or begins to see through; None: it needs none.

    Raises:
        FileNotFoundError: If the folder's agent was deleted.
        ValueError: If the folder holds another training, one of more steps, or other files.
    """
    begun = (folder / CONFIG_FILE).is_file()
    if begun:
        before = read_agent_config(folder)
        _refuse_other_training(folder, before, config)
        config = replace(
            config, versions=resumed_versions(folder, before.versions, config.versions)
        )
        _refuse_fewer_steps(folder, config.settings)
        require_agent(folder, CURVE_FILE, first_stop(config.settings))
    elif not all(map(_is_of_a_start, folder.iterdir())):
        raise ValueError(f"{folder}: expected an empty folder or an agent's, came other files")
    if encoder is not None and not begun:
        encoder.save_pretrained(folder / ENCODER_FOLDER)
        if config.teacher is not None:
            view = {"scenario": config.scenario, **asdict(config.scene)}
            write_view(folder / ENCODER_FOLDER, view)
    write_json(folder / CONFIG_FILE, config_json(config))
    if (folder / BEST_FOLDER / CONFIG_FILE).is_file():
        write_json(folder / BEST_FOLDER / CONFIG_FILE, config_json(config))


def _is_of_a_start(path: Path) -> bool:
    """Whether a training that was killed while it began may have left this."""
    return path.name == ENCODER_FOLDER or is_draft(path) or is_lock(path)


def _refuse_fewer_steps(folder: Path, settings: TrainingSettings) -> None:
    path = folder / AGENT_FILE
    taken = steps_taken(path) if path.is_file() else 0
    if total_steps(settings) < taken:
        raise ValueError(
            f"n_steps: expected at least the {taken} that {folder} has taken, "
            f"came {settings.n_steps}"
        )


def _refuse_other_training(folder: Path, before: AgentConfig, now: AgentConfig) -> None:
    _refuse_other_kind(folder, before, now)
    there, here = (_flat({**config_json(each), "versions": None}) for each in (before, now))
    free = {f"training.{name}" for name in _FREE}  # and of the versions, see `resumed_versions`
    if now.settings.algorithm.learning_rate_end is not None:
        free.remove("training.n_steps")  # how fast the learning rate falls
    differing = [
        f"{name}: there {there.get(name)!r}, now {here.get(name)!r}"
        for name in sorted(set(there) | set(here))
        if name not in free and there.get(name) != here.get(name)
    ]
    if differing:
        raise ValueError(
            f"{folder} holds an agent of another training; give another folder. "
            + "; ".join(differing)
        )


def _refuse_other_kind(folder: Path, before: AgentConfig, now: AgentConfig) -> None:
    """Of agents with a teacher and without, nearly every setting would differ."""
    if (before.teacher is None) == (now.teacher is None):
        return
    came, there = "one without its teacher", "whose encoder is taught"
    if before.teacher is None:
        came, there = "one with a teacher", "without a teacher"
    raise ValueError(f"{folder} holds an agent {there}; give another folder. Came {came}")


def _flat(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Entries within entries under names with dots."""
    flat: dict[str, Any] = {}
    for name, value in entries.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": each for key, each in _flat(value).items()}
        else:
            flat[name] = value
    return flat
