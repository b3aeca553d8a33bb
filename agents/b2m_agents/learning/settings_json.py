"""Settings of a training as ``config.json`` holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithm_settings import ALGORITHM_SETTINGS, ALGORITHMS
from b2m_agents.learning.taught_encoder import TaughtEncoder
from b2m_drive.students.scene_vae import SceneVAESettings
from b2m_drive.transfer.schedule import WeightSchedule


def training_json(settings: TrainingSettings) -> dict[str, Any]:
    """Settings as JSON can hold them, with the algorithm's name among its own.

    What earlier versions did not have stands there only if it is set.
    """
    entries = asdict(settings)
    if settings.taught is None:
        del entries["taught"]
    if not settings.observation_options:
        del entries["observation_options"]
    if settings.algorithm.learning_rate_end is None:
        del entries["algorithm"]["learning_rate_end"]
    return entries | {"algorithm": {"name": settings.algorithm.name} | entries["algorithm"]}


def training_from_json(entries: Mapping[str, Any]) -> TrainingSettings:
    """Settings that `training_json` gave.

    Raises:
        ValueError: If they are not; names what is wrong.
    """
    values = dict(entries)
    inner = values.pop("algorithm", None)
    if not isinstance(inner, dict) or inner.get("name") not in ALGORITHM_SETTINGS:
        raise ValueError(
            f"training.algorithm: expected settings with the name {', '.join(ALGORITHMS)}, "
            f"came {inner!r}"
        )
    inner = {name: value for name, value in inner.items() if name != "name"}
    if isinstance(inner.get("hidden_sizes"), list):
        inner["hidden_sizes"] = tuple(inner["hidden_sizes"])
    try:
        algorithm = ALGORITHM_SETTINGS[entries["algorithm"]["name"]](**inner)
        if "taught" in values:
            values["taught"] = _taught_from_json(values["taught"])
        return TrainingSettings(algorithm=algorithm, **values)
    except TypeError as error:
        raise ValueError(f"training: expected fields of TrainingSettings, came {error}") from error


def _taught_from_json(entries: Any) -> TaughtEncoder:
    if not isinstance(entries, Mapping):
        raise ValueError(f"training.taught: expected the settings of an encoder, came {entries!r}")
    try:
        encoder = {**entries["encoder"], "widths": tuple(entries["encoder"]["widths"])}
        inner = {
            "encoder": SceneVAESettings(**encoder),
            "weight": WeightSchedule(**entries["weight"]),
        }
        return TaughtEncoder(**{**entries, **inner})
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"training.taught: expected fields of TaughtEncoder, came {error}"
        ) from error
