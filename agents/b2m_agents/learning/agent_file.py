"""An agent's file, ``agent.zip``, read without running anything that stands in it.

Stable-Baselines3 writes it: ``data`` (JSON, where what JSON cannot hold is pickled) and a
``NAME.pth`` for every network and optimiser. Its own loader unpickles, and a pickle can run any
command. So nothing here is unpickled: the agent is built anew from settings of our own, the
tensors are put into it (``torch.load(weights_only=True)``), and of ``data`` only plain numbers
are used. What a training needs beyond them to go on where it was is added in entries of our own:

==================  ============================================================================
``resume.npz``      newest observations, episodes that began, the returns that its log averages;
                    of an agent that remembers, what it does (``memory``)
``settings.json``   of an agent that has no ``config.json`` beside it
==================  ============================================================================

``PPO.load`` passes them by, and reads the file as ever; only a file of one's own should be.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from b2m_agents.learning.saved_observation import arrays_of_observation, observation_of
from b2m_drive.files.array_files import read_arrays
from b2m_drive.files.json_files import parse_json
from b2m_drive.files.refusals import naming
from b2m_drive.files.weights import check_finite
from b2m_drive.files.zip_files import opened_zip

_DATA = "data"
_TENSORS = ".pth"
_VARIABLES = "pytorch_variables"
_RESUME = "resume.npz"
_SETTINGS = "settings.json"
_MOST_JSON_BYTES = 1 << 26
_EXPECTED = "an agent of Stable-Baselines3"
_COUNTERS = (  # plain whole numbers of `data`, taken over
    "num_timesteps", "_total_timesteps", "_num_timesteps_at_start", "_n_updates", "_n_calls",
    "_episode_num",
)  # fmt: skip
_SHARES = ("exploration_rate", "_current_progress_remaining")
_EPISODE = ("r", "l", "t")  # return, length, seconds of an ended episode
_OF_LEARNING_RATE = {"lr", "params"}  # of an optimiser's group; every update sets the rate anew


@dataclass(frozen=True)
class SavedAgent:
    """What an agent's file holds: plain numbers and tensors."""

    path: Path
    data: dict[str, Any]  # of Stable-Baselines3, as JSON; pickles in it are text here
    states: dict[str, dict[str, Any]]  # of networks and optimisers, by name
    variables: dict[str, Any]  # single tensors by name, such as SAC's entropy weight
    resume: dict[str, np.ndarray] | None  # None: an earlier version wrote the file
    settings: dict[str, Any] | None  # of an agent without `config.json`

    @property
    def policy_module(self) -> str:
        """Where the class of its policy is from, which tells the algorithm."""
        return str(self.data["policy_class"]["__module__"])

    @property
    def n_steps(self) -> int:
        """Steps that it has learnt for."""
        return int(self.data["num_timesteps"])

    @property
    def observes_parts(self) -> bool:
        """Whether it observes a dictionary, such as a goal beside what it reached."""
        return self.data["observation_space"]["_shape"] is None

    @property
    def observed(self) -> tuple[int, ...]:
        """Shape of what it observes; none of a dictionary."""
        return tuple(self.data["observation_space"]["_shape"] or ())


def save_agent(
    policy: BaseAlgorithm, file: Path | io.BufferedIOBase, settings: Mapping[str, Any] | None = None
) -> None:
    """Write an agent's file, which `read_agent_file` and ``PPO.load`` read.

    Args:
        policy: The agent.
        file: Where to; not replaced whole, see `b2m_agents.learning.checkpoints.write_policy`.
        settings: That it is built anew from, if no ``config.json`` beside it has them.
    """
    policy.save(file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(_RESUME, _resume_bytes(policy))
        if settings is not None:
            archive.writestr(_SETTINGS, json.dumps(settings, indent=2, allow_nan=False))


def read_agent_file(path: Path) -> SavedAgent:
    """Read a file that `save_agent`, or Stable-Baselines3 itself, wrote.

    Raises:
        FileNotFoundError: If there is none; names the folder.
        ValueError: If it is damaged or something else, or a weight is not finite; names the file.
    """
    _require(path)
    with opened_zip(path, _EXPECTED) as archive:
        names = archive.namelist()
        data = _read_data(path, archive)
        states = {
            name.removesuffix(_TENSORS): _read_tensors(archive, name)
            for name in names
            if name.endswith(_TENSORS)
        }
        variables = states.pop(_VARIABLES, None) or {}
        for name, state in states.items():
            check_finite(dict(_tensors_of(state)), f"{path}: {name}")
        resume = (
            read_arrays(path, "a training's arrays", io.BytesIO(archive.read(_RESUME)))
            if _RESUME in names
            else None
        )
        settings = (
            parse_json(archive.read(_SETTINGS), str(path), "an agent's settings")
            if _SETTINGS in names
            else None
        )
    return SavedAgent(path, data, states, variables, resume, settings)


def read_agent_data(path: Path) -> SavedAgent:
    """The plain numbers of an agent's file alone, without its tensors; errors as above."""
    _require(path)
    with opened_zip(path, _EXPECTED) as archive:
        return SavedAgent(path, _read_data(path, archive), {}, {}, None, None)


def check_layers(saved: SavedAgent, sizes: Iterable[int]) -> None:
    """Refuse settings that ask for layers which the file has not, before memory is asked for them.

    Raises:
        ValueError: Names the file, and both.
    """
    tensors = [tensor for _, tensor in _tensors_of(saved.states.get("policy", {}))]
    came = {length for tensor in tensors for length in tensor.shape}
    missing = sorted(set(sizes) - came)
    if missing:
        raise ValueError(
            f"{saved.path}: expected layers of {missing} as its folder's settings say, came sizes "
            f"{sorted(came)}"
        )


def restore(policy: BaseAlgorithm, saved: SavedAgent) -> None:
    """Put what a file holds into an agent that was built anew.

    Args:
        policy: Of the settings of the one that was saved.
        saved: Its file.

    Raises:
        ValueError: If the file is of another architecture or damaged; names it.
    """
    with naming(saved.path, f"{_EXPECTED} of its folder's settings"):
        names, variables = policy._get_torch_save_params()
        if set(saved.states) != set(names) or set(variables) != set(saved.variables):
            came = sorted({*saved.states, *saved.variables})
            raise ValueError(f"the networks {came}, not {sorted({*names, *variables})}")
        for name in names:
            part = policy
            for attribute in name.split("."):
                part = getattr(part, attribute)
            if isinstance(part, torch.optim.Optimizer):
                _check_optimizer(name, part, saved.states[name])
        states: dict[str, Any] = saved.states
        policy.set_parameters(states, exact_match=True)
        for name in variables:
            _put(name, getattr(policy, name), saved.variables[name])
        for name in (*_COUNTERS, *_SHARES):
            if hasattr(policy, name) and name in saved.data:
                setattr(policy, name, _number(saved.data, name))


def resume_from(policy: BaseAlgorithm, saved: SavedAgent) -> None:
    """Let a restored agent learn on where it was, and not from new episodes.

    Args:
        policy: See `restore`; with environments.
        saved: Its file.

    Raises:
        ValueError: If the file does not tell where it was, or of other environments; names it.
    """
    if saved.resume is None:
        raise ValueError(
            f"{saved.path}: expected {_RESUME} in it, where the training was, found none: an "
            "earlier version wrote it; train anew in another folder"
        )
    with naming(saved.path, "a checkpoint of this training"):
        arrays = saved.resume
        observation = observation_of(arrays, policy.observation_space, policy.n_envs)
        begun = arrays["begun"]
        if begun.shape != (policy.n_envs,) or begun.dtype != np.bool_:
            raise ValueError(f"episodes that began {begun.dtype} {begun.shape}")
        if isinstance(policy, RecurrentPPO):
            _put_memory(policy, arrays["memory"])
        policy._last_obs, policy._last_episode_starts = observation, begun
        policy.ep_info_buffer = _window(policy, _episodes(arrays["episodes"]))
        policy.ep_success_buffer = _window(policy, arrays["successes"].astype(bool).tolist())


def _require(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path.parent}: expected a file {path.name} of a trained agent")


def _read_data(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    if archive.getinfo(_DATA).file_size > _MOST_JSON_BYTES:
        raise ValueError(f"{archive.getinfo(_DATA).file_size} bytes of {_DATA}")
    data = parse_json(archive.read(_DATA), str(path), _EXPECTED, finite=False)
    module = data["policy_class"]["__module__"]
    shape = data["observation_space"]["_shape"]
    whole = shape is None or (
        isinstance(shape, list) and all(type(length) is int for length in shape)
    )
    if not isinstance(module, str) or not whole:
        raise ValueError(f"a policy of {module!r} that observes {shape!r}")
    _number(data, "num_timesteps")
    return data


def _read_tensors(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    tensors = torch.load(io.BytesIO(archive.read(name)), map_location="cpu", weights_only=True)
    if tensors is None:  # Stable-Baselines3's word for no variables
        return {}
    if not isinstance(tensors, dict):
        raise ValueError(f"{name}: a {type(tensors).__name__} in place of tensors by name")
    return tensors


def _tensors_of(state: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of nested entries, by a name with dots."""
    if isinstance(state, Tensor):
        yield name, state
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from _tensors_of(value, f"{name}.{key}" if name else str(key))


def _check_optimizer(name: str, optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """PyTorch itself takes any hyperparameter and any size of moments."""
    groups = optimizer.param_groups
    for group, saved in zip(groups, state["param_groups"], strict=True):
        for key in (set(group) & set(saved)) - _OF_LEARNING_RATE:
            if group[key] != saved[key]:
                raise ValueError(f"{name}: {key} {saved[key]!r}, not {group[key]!r}")
        if len(group["params"]) != len(saved["params"]):
            raise ValueError(f"{name}: {len(saved['params'])} parameters")
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    sizes = [parameter.shape for group in groups for parameter in group["params"]]
    size_of = dict(zip(numbers, sizes, strict=True))
    for number, moments in state["state"].items():
        for key, value in moments.items():
            if not isinstance(value, Tensor) or value.shape not in (size_of[number], ()):
                raise ValueError(f"{name}: {key} of parameter {number}: another size")


def _put(name: str, into: Tensor, value: Any) -> None:
    if not isinstance(value, Tensor) or value.shape != into.shape:
        raise ValueError(f"{name}: {value!r} in place of {tuple(into.shape)} numbers")
    check_finite({name: value}, "variable")
    into.data.copy_(value.detach())


def _number(data: Mapping[str, Any], name: str) -> int | float:
    value = data[name]
    kinds = int | float if name in _SHARES else int
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{name} {value!r}")
    if not (0 <= value <= 1 if name in _SHARES else 0 <= value < 1 << 62):
        raise ValueError(f"{name} {value!r}")
    return value


def _resume_bytes(policy: BaseAlgorithm) -> bytes:
    """Where a training is, as arrays."""
    begun = policy._last_episode_starts
    infos = policy.ep_info_buffer or ()
    arrays = {
        **arrays_of_observation(policy._last_obs),
        "begun": np.zeros(0, np.bool_) if begun is None else np.asarray(begun, dtype=np.bool_),
        "episodes": np.array([[float(each[key]) for key in _EPISODE] for each in infos]),
        "successes": np.array(list(policy.ep_success_buffer or ()), dtype=np.bool_),
    }
    if isinstance(policy, RecurrentPPO):
        arrays["memory"] = _memory_of(policy)
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    return content.getvalue()


def _memory_of(policy: RecurrentPPO) -> Float32[np.ndarray, "4 layer world unit"]:
    """Hidden state and cell of the actor's LSTM, then of the critic's."""
    states: Any = policy._last_lstm_states
    return np.stack([each.cpu().numpy() for each in (*states.pi, *states.vf)])


def _put_memory(policy: RecurrentPPO, memory: np.ndarray) -> None:
    there = _memory_of(policy)
    if memory.shape != there.shape or memory.dtype != there.dtype:
        raise ValueError(f"memory {memory.dtype} {memory.shape}, not {there.dtype} {there.shape}")
    if not np.isfinite(memory).all():
        raise ValueError("memory that is not finite")
    hidden, cell, hidden_of_critic, cell_of_critic = torch.from_numpy(memory).to(policy.device)
    states = RNNStates((hidden, cell), (hidden_of_critic, cell_of_critic))
    policy._last_lstm_states = states  # type: ignore[assignment]  # declared as None alone


def _episodes(rows: np.ndarray) -> list[dict[str, float]]:
    if rows.size and (rows.ndim != 2 or rows.shape[1] != len(_EPISODE)):
        raise ValueError(f"ended episodes {rows.shape}")
    table = rows.reshape(-1, len(_EPISODE)).tolist()
    return [dict(zip(_EPISODE, row, strict=True)) for row in table]


def _window(policy: BaseAlgorithm, values: list[Any]) -> deque[Any]:
    return deque(values, maxlen=policy._stats_window_size)
