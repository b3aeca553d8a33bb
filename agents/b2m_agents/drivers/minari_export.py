"""Collected scenes as a Minari dataset, Farama's format for offline reinforcement learning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from tqdm.auto import tqdm

from b2m_agents.episodes.episodes import scene_spec
from b2m_drive.files.missing_packages import needing
from b2m_drive.files.provenance import BEFORE
from b2m_drive.files.writing import atomic_folder
from b2m_drive.students.scenes import SceneDataset
from b2m_envs.scenes.settings import settings_from_keywords


def export_minari(scenes: SceneDataset, dataset_id: str, progress: bool = False) -> Path:
    """Write scenes as a local Minari dataset, losing nothing, one episode in memory at a time.

    Observations are the frames as they are (Minari's JPEG encoding is off), each with its state
    under `infos["state"]` (NaN where a variable has no meaning) and, if collected, its
    `infos["vehicle_mask"]`. `minari.load_dataset(dataset_id)` reads it; Minari puts it under
    `MINARI_DATASETS_PATH`, or in `~/.minari/datasets`.

    Args:
        scenes: From `collect_scenes`.
        dataset_id: Such as `b2m/highway_fast/random-v0`.
        progress: Show a bar.

    Returns:
        The dataset's folder, which appears only when all of it is written.

    Raises:
        ValueError: If Minari is not installed, the id is none of Minari's, a dataset of that id
            is there already, or the scenes' file is damaged.
    """
    minari_storage, buffer, path = _minari(dataset_id)
    settings = dict(scenes.header.settings)
    settings.pop("scenario", None)
    scene = settings_from_keywords(scenes.header.scenario, settings)
    spec = scene_spec(scene)
    env = gymnasium.make(spec)
    observation_space, action_space = env.observation_space, env.action_space
    env.close()
    with atomic_folder(path) as draft:
        storage = minari_storage.new(
            draft / "data",
            observation_space=observation_space,
            action_space=action_space,
            env_spec=spec,
            jpeg_encoding=False,
        )
        evaluated_on = scene_spec(replace(scene, driver="agent")).to_json()
        storage.update_metadata({**_metadata(scenes, dataset_id), "eval_env_spec": evaluated_on})
        storage.update_episodes(
            buffer(**each)
            for each in tqdm(
                _episodes(scenes), total=scenes.n_episodes, unit="episode", disable=not progress
            )
        )
    return path


def _minari(dataset_id: str) -> tuple[Any, Any, Path]:
    """Minari's storage, its episode, and where a dataset of that id goes."""
    with needing("export to Minari", "minari"):
        from minari.data_collector import EpisodeBuffer
        from minari.dataset.minari_dataset import parse_dataset_id
        from minari.dataset.minari_storage import MinariStorage
        from minari.storage.datasets_root_dir import get_dataset_path
    try:
        parse_dataset_id(dataset_id)
    except ValueError as error:
        raise ValueError(
            f"dataset id: expected one of Minari's such as 'b2m/highway_fast/random-v0', "
            f"came {dataset_id!r}"
        ) from error
    path = get_dataset_path(dataset_id)
    if path.exists():
        raise ValueError(f"dataset id: expected a new one, {dataset_id!r} is there: {path}")
    return MinariStorage, EpisodeBuffer, path


def _episodes(scenes: SceneDataset) -> Iterator[dict[str, Any]]:
    for index in range(scenes.n_episodes):
        episode = scenes.episode(index)
        ends = np.zeros(episode.n_steps, dtype=bool)
        ends[-1] = True
        infos = {"state": episode.state}
        if episode.vehicle_mask is not None:
            infos["vehicle_mask"] = episode.vehicle_mask
        yield {
            "id": index,
            "seed": episode.seed,
            "observations": episode.frames,
            "actions": episode.action,
            "rewards": episode.reward,
            "terminations": ends & episode.terminated,
            "truncations": ends & episode.truncated,
            "infos": infos,
        }


def _metadata(scenes: SceneDataset, dataset_id: str) -> dict[str, Any]:
    header = scenes.header
    variables = ", ".join(
        f"{name} [{unit}]"
        for name, unit in zip(header.state_names, header.state_units, strict=True)
    )
    return {
        "dataset_id": dataset_id,
        "minari_version": version("minari"),
        "algorithm_name": header.policy,
        "description": f"Driving scenes of {header.scenario}, {header.note}. "
        f"infos['state']: {variables}.",
        "requirements": [
            f"{name}=={number}"
            for name, number in header.versions.items()
            if name not in ("python", BEFORE)
        ],
        "b2m_header": header.to_json(),
    }
