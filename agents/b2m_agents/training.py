"""Train an agent: PPO on the latents of a frozen encoder, resumable after a kill."""

from __future__ import annotations

import csv
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv
from tqdm.auto import tqdm

from b2m_agents.drivers import AGENT_FILE
from b2m_agents.encoder_view import read_view
from b2m_agents.episodes import Observation, episode_seed, make_scene
from b2m_agents.latent_observation import VecLatentObservation, check_frame_size
from b2m_agents.replayable_episodes import (
    EpisodeUnderWay,
    ReplayableEpisodes,
    ReplayableSceneVecEnv,
)
from b2m_agents.scene_vec_env import waiting_scenes
from b2m_agents.trained_agent import (
    CONFIG_FILE,
    ENCODER_FOLDER,
    AgentConfig,
    config_json,
    encoder_fingerprint,
    read_agent_config,
    read_policy,
)
from b2m_drive.evidence.comparison import write_json
from b2m_drive.students.scene_vae import SceneVAE
from b2m_envs.driving.settings import ENGINE, SceneSettings, settings_from_keywords

CURVE_FILE = "learning_curve.csv"
_CURVE_COLUMNS = ("step", "return", "length", "crashed")
_PACKAGES = (
    "b2m-drive",
    "highway-env",
    "gymnasium",
    "numpy",
    "numba",
    "torch",
    "stable-baselines3",
)


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how an agent learns (PPO, Schulman et al. 2017).

    Learning rate, discount and epochs are those that highway-env's authors train PPO with on
    `highway-fast-v0`; the rest is Stable-Baselines3's own.
    """

    n_steps: int = 20_480  # of all environments together; rounded up to whole rollouts
    n_environments: int = 4  # side by side; the result depends on their number
    rollout: int = 128  # steps of each environment between two updates
    batch_size: int = 64
    n_epochs: int = 10
    learning_rate: float = 5e-4
    discount: float = 0.8  # a look-ahead of about 5 steps
    entropy_weight: float = 0.0
    hidden_sizes: tuple[int, ...] = (64, 64)
    checkpoint_every: int = 2048  # [steps] rounded up to whole rollouts
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_steps", "n_environments", "rollout", "n_epochs", "checkpoint_every"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}: expected a whole number of at least 1, came {value!r}")
        n_samples = self.rollout * self.n_environments
        if not 2 <= self.batch_size <= n_samples or n_samples % self.batch_size:
            raise ValueError(
                f"batch_size: expected a divisor of rollout x n_environments ({n_samples}), "
                f"came {self.batch_size!r}"
            )
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate: expected more than 0, came {self.learning_rate!r}")
        if not 0 <= self.discount <= 1:
            raise ValueError(f"discount: expected 0 to 1, came {self.discount!r}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed: expected a whole number of 0 or more, came {self.seed!r}")

    @property
    def rollout_steps(self) -> int:
        """Steps of all environments between two updates."""
        return self.rollout * self.n_environments


def train_agent(
    scenario: str,
    encoder: str | Path,
    folder: str | Path,
    settings: TrainingSettings | None = None,
    environment: Mapping[str, Any] | None = None,
    *,
    in_processes: bool = True,
    progress: bool = True,
) -> Path:
    """Train PPO on a frozen encoder's latents; called again after a kill, it goes on.

    Every `checkpoint_every` steps the agent is written, with the episodes under way, so that a
    training that was killed ends with the very weights of one that was not. Called with more
    steps, a finished training goes on too. Sets PyTorch's and NumPy's global seeds, which is how
    Stable-Baselines3 is seeded.

    Args:
        scenario: One of `b2m_envs.driving.settings.SCENARIOS`.
        encoder: Folder that `SceneVAE.save_pretrained` wrote; copied into the agent's.
        folder: Of the agent, see `b2m_agents.trained_agent`.
        settings: Of the training; None: the defaults, a few minutes on two cores.
        environment: Fields of `SceneSettings`; the encoder's own view where they are left out
            (see `encoder_view`). They must give frames of the encoder's size.
        in_processes: One process an environment, or all of them in this one. The result is the
            same. Scenes that the engine has are a batch in this process anyway.
        progress: Show a bar with the mean return of the last episodes.

    Raises:
        FileNotFoundError: If the encoder's folder lacks a file.
        ValueError: If a setting is unknown or out of range, the encoder is of other frames, or
            the folder holds another training or a damaged one; names what differs.
        ChildProcessError: If an environment's process ended; called again, the training goes on.
    """
    settings = settings or TrainingSettings()
    environment = {**read_view(encoder), **(environment or {})}
    scene = _trainable_scene(scenario, environment)
    frozen_encoder = SceneVAE.from_pretrained(encoder)
    check_frame_size(frozen_encoder, (scene.height, scene.width, scene.n_channels))
    config = AgentConfig(
        scenario=scenario,
        environment={name: getattr(scene, name) for name in environment}
        | {"engine": scene.chosen_engine},
        training=asdict(settings),
        encoder=encoder_fingerprint(frozen_encoder),
        versions={"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
    )
    folder = _open_folder(Path(folder), config, frozen_encoder)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the layers are small, and the environments need the cores
    try:
        with _running(scene, settings, in_processes) as environments:
            _learn(folder, VecLatentObservation(environments, frozen_encoder), settings, progress)
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        raise ChildProcessError(
            "an environment's process ended, killed or for want of memory; call it again to go on "
            "from the last checkpoint"
        ) from error
    finally:
        torch.set_num_threads(n_threads)
    return folder


def _learn(folder: Path, venv: VecEnv, settings: TrainingSettings, progress: bool) -> None:
    policy = _take_up(folder, venv, settings) or _new_policy(venv, settings)
    episodes = _read_curve(folder / CURVE_FILE, policy.num_timesteps)
    total = _rounded_up(settings.n_steps, settings.rollout_steps)
    leg = _rounded_up(settings.checkpoint_every, settings.rollout_steps)
    with tqdm(
        total=total, initial=policy.num_timesteps, unit="step", desc="training",
        disable=not progress,
    ) as bar:  # fmt: skip
        while policy.num_timesteps < total:
            # The chance of a leg depends on where it starts alone, so a resumed one is the same.
            set_random_seed(episode_seed(settings.seed, policy.num_timesteps))
            policy.learn(
                min(leg, total - policy.num_timesteps),
                callback=_Watch(bar, episodes),
                reset_num_timesteps=policy.num_timesteps == 0,
            )
            _write_checkpoint(folder, policy, venv, episodes)


def _new_policy(venv: VecEnv, settings: TrainingSettings) -> PPO:
    return PPO(
        "MlpPolicy",
        venv,
        n_steps=settings.rollout,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        learning_rate=settings.learning_rate,
        gamma=settings.discount,
        ent_coef=settings.entropy_weight,
        policy_kwargs={"net_arch": list(settings.hidden_sizes)},
        seed=episode_seed(settings.seed, 0),  # of the weights, and of the environments' episodes
        device="cpu",
    )


def _take_up(folder: Path, venv: VecEnv, settings: TrainingSettings) -> PPO | None:
    """The policy of the last checkpoint, its environments where they were; None: there is none."""
    path = folder / AGENT_FILE
    if not path.is_file():
        return None
    # force_reset would start new episodes; these go on.
    policy = read_policy(path, env=venv, force_reset=False)
    if policy.num_timesteps < settings.n_steps:
        episodes = _read_episodes(_episodes_file(folder, policy.num_timesteps), venv.num_envs)
        _go_on(venv, episodes)
    return policy


def _go_on(venv: VecEnv, episodes: Sequence[EpisodeUnderWay]) -> None:
    """Bring the environments to where others were."""
    if isinstance(venv.unwrapped, ReplayableSceneVecEnv):
        venv.unwrapped.take_up(episodes)
        return
    for index, episode in enumerate(episodes):
        venv.env_method("take_up", episode, indices=index)


def _read_episodes(path: Path, n_episodes: int) -> list[EpisodeUnderWay]:
    try:
        entries = json.loads(path.read_text())["episodes"]
        episodes = [
            EpisodeUnderWay(int(each["stream"]), int(each["index"]), tuple(each["actions"]))
            for each in entries
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected the episodes under way, came {error!r}") from error
    if len(episodes) != n_episodes:
        raise ValueError(f"{path}: expected {n_episodes} episodes, came {len(episodes)}")
    return episodes


def _write_checkpoint(
    folder: Path, policy: PPO, venv: VecEnv, episodes: Sequence[Mapping[str, Any]]
) -> None:
    """Curve and episodes first: they count only once the agent of that step is there."""
    _write_curve(folder / CURVE_FILE, episodes)
    under_way = [asdict(each) for each in venv.env_method("under_way")]
    current = _episodes_file(folder, policy.num_timesteps)
    write_json(current, {"episodes": under_way})
    draft = folder / f".{os.getpid()}.draft.zip"
    policy.save(draft)
    os.replace(draft, folder / AGENT_FILE)
    for path in folder.glob("episodes-under-way-*.json"):
        if path != current:
            path.unlink()


def _episodes_file(folder: Path, step: int) -> Path:
    return folder / f"episodes-under-way-{step}.json"


class _Watch(BaseCallback):
    """Moves the bar and keeps every finished episode."""

    def __init__(self, bar: Any, episodes: list[dict[str, Any]]) -> None:
        super().__init__()
        self._bar = bar
        self._episodes = episodes

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:
                self._episodes.append(
                    {
                        "step": self.num_timesteps,
                        "return": info["episode"]["r"],
                        "length": info["episode"]["l"],
                        "crashed": int(info["crashed"]),
                    }
                )
        self._bar.update(self.num_timesteps - self._bar.n)
        return True

    def _on_rollout_end(self) -> None:
        last = self._episodes[-50:]
        if last:
            mean = np.mean([float(each["return"]) for each in last])
            crashed = np.mean([int(each["crashed"]) for each in last])
            self._bar.set_postfix_str(f"return {mean:.1f}, crashed {crashed:.0%} (last 50)")


@contextmanager
def _running(
    scene: SceneSettings, settings: TrainingSettings, in_processes: bool
) -> Iterator[VecEnv]:
    environments = _environments(scene, settings, in_processes)
    try:
        yield environments
    finally:
        try:
            environments.close()
        except (EOFError, OSError):  # one has ended, and cannot be asked to
            for process in getattr(environments, "processes", ()):
                process.terminate()


def _environments(scene: SceneSettings, settings: TrainingSettings, in_processes: bool) -> VecEnv:
    if scene.chosen_engine == ENGINE:
        return ReplayableSceneVecEnv(waiting_scenes(scene, settings.n_environments))
    makers: list[Callable[[], gymnasium.Env[Any, Any]]] = [
        partial(_make_environment, scene) for _ in range(settings.n_environments)
    ]
    return SubprocVecEnv(makers, start_method="spawn") if in_processes else DummyVecEnv(makers)


def _make_environment(scene: SceneSettings) -> gymnasium.Env[Observation, Any]:
    # Monitor inside: driving an episode again passes it, so its sums are whole.
    return ReplayableEpisodes(Monitor(make_scene(scene)))


def _trainable_scene(scenario: str, environment: Mapping[str, Any]) -> SceneSettings:
    if "driver" in environment:
        raise ValueError("driver: expected none among the environment's settings, the agent drives")
    return settings_from_keywords(scenario, environment)


def _open_folder(folder: Path, config: AgentConfig, encoder: SceneVAE) -> Path:
    """Start an agent's folder, or take up one of the same configuration."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder for the agent, came a file")
    if (folder / CONFIG_FILE).is_file():
        _refuse_other_training(folder, read_agent_config(folder), config)
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder}: expected an empty folder or an agent's, came other files")
    if not (folder / CONFIG_FILE).is_file():
        encoder.save_pretrained(folder / ENCODER_FOLDER)
    write_json(folder / CONFIG_FILE, config_json(config))
    return folder


def _refuse_other_training(folder: Path, before: AgentConfig, now: AgentConfig) -> None:
    there, here = (_flat(config_json(config)) for config in (before, now))
    free = {"training.n_steps"}  # a training may be made longer
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


def _flat(entries: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in entries.items():
        inner = value.items() if isinstance(value, dict) else ()
        flat |= {f"{name}.{key}": each for key, each in inner}
        flat |= {} if isinstance(value, dict) else {name: value}
    return flat


def _write_curve(path: Path, episodes: Sequence[Mapping[str, Any]]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    with draft.open("w", newline="") as file:
        writer = csv.DictWriter(file, _CURVE_COLUMNS)
        writer.writeheader()
        writer.writerows(episodes)
    os.replace(draft, path)


def _read_curve(path: Path, n_steps: int) -> list[dict[str, Any]]:
    """Episodes that ended up to a step; later ones were not part of the checkpoint."""
    if not path.is_file():
        return []
    try:
        with path.open(newline="") as file:
            rows = [{name: row[name] for name in _CURVE_COLUMNS} for row in csv.DictReader(file)]
        numbers = [[float(value) for value in row.values()] for row in rows]
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        expected = f"a learning curve of {', '.join(_CURVE_COLUMNS)}"
        raise ValueError(f"{path}: expected {expected}, came {error!r}") from error
    return [row for row, (step, *_) in zip(rows, numbers, strict=True) if step <= n_steps]


def _rounded_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
