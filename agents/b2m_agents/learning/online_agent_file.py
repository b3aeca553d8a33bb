"""Files of an agent whose encoder learns with it, for one that was made in Python by hand.

An agent of `train_agent` has a folder like any other's, see `b2m_agents.learning.trained_agent`.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from b2m_agents.learning.agent_file import (
    SavedAgent,
    read_agent_file,
    restore,
    resume_from,
    save_agent,
)
from b2m_agents.learning.algorithms import set_up
from b2m_agents.learning.deleted_agent import OTHER_AGENT
from b2m_agents.learning.folder_names import AGENT_FILE, ENCODER_FOLDER
from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.online.online_transfer import TransferPPO
from b2m_agents.online.scene_features import SceneFeatures
from b2m_agents.worlds.channels_first import with_channels_first
from b2m_drive.files.fingerprints import recorded_write, require_as_made
from b2m_drive.files.locks import claim
from b2m_drive.files.model_card import ModelCard, write_card
from b2m_drive.files.refusals import naming
from b2m_drive.students.devices import device_of

_POLICY = "CnnPolicy"
_BRIGHTEST = 255
_USE = """
from b2m_agents.learning.online_agent_file import load_online_agent

policy = load_online_agent("FOLDER")
"""
_OF_A_SESSION = ("env", "device", "tensorboard_log", "verbose", "_init_setup_model")


def save_online_agent(policy: TransferPPO, folder: str | Path) -> Path:
    """Write an agent, and beside it its encoder for others, each file whole or not at all.

    ``agent.zip`` is complete by itself. ``encoder/`` holds the encoder as it is now, as
    safetensors and JSON that `SceneVAE.from_pretrained` reads. ``fingerprints.json`` tells this
    ``agent.zip`` from another. The card says that what it learnt from was not told.
    """
    folder = Path(folder)
    with claim(folder, "the writing of an agent"):
        policy.encoder.save_pretrained(folder / ENCODER_FOLDER)
        with recorded_write(folder / AGENT_FILE) as draft:
            save_agent(policy, draft, _recipe(policy))
        write_card(folder, _card(policy))
    return folder


def load_online_agent(
    folder: str | Path,
    env: VecEnv | None = None,
    teacher: OnlineTeacher | None = None,
    *,
    device: str | torch.device = "cpu",
    force_reset: bool = True,
    **settings: Any,
) -> TransferPPO:
    """Read an agent that `save_online_agent` wrote; nothing that stands in its file is run.

    Args:
        folder: Of the agent.
        env: To learn on in; None: only to act.
        teacher: To go on with; an agent that had one needs it to learn on.
        device: Of the networks, see `device_of`.
        force_reset: Whether learning starts with new episodes.
        **settings: Those of `PPO` and of its policy that no file holds, such as a function that
            gives the learning rate.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged or something else, a setting that it cannot hold is not
            given again, or the teacher is of other sizes; names what is missing.
    """
    saved = read_agent_file(Path(folder) / AGENT_FILE)
    require_as_made(Path(folder), AGENT_FILE, OTHER_AGENT)
    worlds = None if env is None else with_channels_first(env)
    policy = _as_before(saved, worlds, device_of(device), settings)
    restore(policy, saved)
    if env is not None and not force_reset:
        resume_from(policy, saved)
    if teacher is not None:
        policy.teach(teacher)
    return policy


def _card(policy: TransferPPO) -> ModelCard:
    return ModelCard(
        title="A policy with an encoder that learns with it",
        summary=f"PPO (Stable-Baselines3) on frames {policy.observation_space.shape}, made in "
        f"Python; {policy.num_timesteps:,} steps.",
        data=("Where it learnt, and from whose latents, was not told when it was saved.",),
        use=_USE,
        tags=("reinforcement-learning", "stable-baselines3"),
    )


def _as_before(
    saved: SavedAgent, env: VecEnv | None, device: torch.device, given: dict[str, Any]
) -> TransferPPO:
    """An agent as the saved one was made."""
    recipe = saved.settings or {}
    if recipe.get("class") != TransferPPO.__name__:
        raise ValueError(
            f"{saved.path}: expected an agent of {TransferPPO.__name__} with its settings, came "
            "another, or one that an earlier version wrote"
        )
    with naming(saved.path, f"the settings of an agent of {TransferPPO.__name__}"):
        missing = sorted(set(recipe["given_again"]) - set(given))
        if missing:
            raise ValueError(f"some that no file holds: give {', '.join(missing)} again")
        known = set(inspect.signature(PPO).parameters)
        networks = {**recipe["policy_kwargs"], "features_extractor_class": SceneFeatures}
        networks |= {name: value for name, value in given.items() if name not in known}
        keywords = {"policy": _POLICY, **recipe["keywords"]}
        keywords |= {name: value for name, value in given.items() if name in known}
        policy = TransferPPO(
            env=env,
            n_brain_latents=recipe["n_brain_latents"],
            policy_kwargs=networks,
            device=device,
            _init_setup_model=env is not None,
            **keywords,
        )
        if env is not None:
            return policy
        observed = spaces.Box(0, _BRIGHTEST, tuple(recipe["observed"]), np.uint8)
        return set_up(policy, observed, _acts_from_json(recipe["acts"]))


def _recipe(policy: TransferPPO) -> dict[str, Any]:
    """What the agent is built anew from, as JSON can hold it.

    Functions, such as a schedule of the learning rate, it cannot: ``given_again`` names them.
    """
    keywords = {k: v for k, v in policy.made_with.items() if k not in _OF_A_SESSION}
    if keywords.get("policy") == _POLICY:
        keywords.pop("policy")
    networks = dict(keywords.pop("policy_kwargs", None) or {})
    networks.pop("features_extractor_class", None)  # SceneFeatures, as everyone's
    every = keywords | networks
    return {
        "class": type(policy).__name__,
        "n_brain_latents": policy.n_brain_latents,
        "observed": list(policy.observation_space.shape or ()),
        "acts": _acts_json(policy.action_space),
        "keywords": {k: v for k, v in keywords.items() if _is_plain(v)},
        "policy_kwargs": {k: v for k, v in networks.items() if _is_plain(v)},
        "given_again": sorted(k for k, v in every.items() if not _is_plain(v)),
    }


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _acts_json(space: spaces.Space[Any]) -> dict[str, Any]:
    if isinstance(space, spaces.Discrete):
        return {"n": int(space.n)}
    if isinstance(space, spaces.Box):
        return {"low": space.low.tolist(), "high": space.high.tolist()}
    raise ValueError(f"actions: expected discrete or continuous ones to be saved, came {space}")


def _acts_from_json(entries: dict[str, Any]) -> spaces.Space[Any]:
    if "n" in entries:
        return spaces.Discrete(entries["n"])
    low, high = (np.array(entries[name], np.float32) for name in ("low", "high"))
    return spaces.Box(low, high, dtype=np.float32)
