"""Evaluate agents on held-out episodes, beside constant speed and highway-env's driver model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from b2m_agents.drivers.drivers import (
    CONSTANT_SPEED,
    DRIVERS,
    HIGHWAY_ENV,
    RolloutSpec,
    block_size,
    compile_for_workers,
    drive_episodes,
    rewarded_alike,
    rollout_spec_of,
)
from b2m_agents.episodes.episodes import Episode, episode_seed
from b2m_agents.episodes.ordered_workers import map_in_order
from b2m_agents.evaluation.driving_measures import (
    count_lane_changes,
    has_succeeded,
    share_in_hazard,
    share_not_measured,
    share_off_road,
    smallest_time_to_collision,
)
from b2m_agents.learning.agent_card import driven_scores, write_agent_card
from b2m_agents.learning.folder_names import BEST_FOLDER, EVALUATION_FILE
from b2m_agents.learning.trained_agent import AgentConfig, TrainedAgent, read_agent_config
from b2m_drive.files.locks import EVALUATION, claim
from b2m_drive.files.settings_types import take_as_declared
from b2m_drive.files.tables import write_table
from b2m_envs.scenes.road_options import OPTIONS

AGENT = "agent"  # the name of one that is evaluated alone
_WORLD = (  # fields of `SceneSettings` that agents to be compared must share
    "scenario", "action", "steps_per_second", "simulated_per_second", "last_step",
    *OPTIONS, "perception", "chosen_engine",
)  # fmt: skip
_NO_MATTER = ("seed", "patience", "tensorboard")  # settings that trainings of a kind may differ in


@dataclass(frozen=True)
class EvaluationSettings:
    """On how many held-out episodes agents are evaluated, and which."""

    n_episodes: int = 30  # the same for every driver
    seed: int = 0
    n_workers: int = 1  # processes; the scores are the same for any number
    device: str = "cpu"  # of the agents, see `b2m_drive.students.devices.device_of`

    def __post_init__(self) -> None:
        take_as_declared(self)
        for name, least in (("n_episodes", 1), ("seed", 0), ("n_workers", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{name}: expected a whole number of {least} or more, came {value!r}"
                )


@dataclass(frozen=True)
class DrivenEpisode:
    """How one episode of driving went: a row of `evaluation.csv`."""

    driver: str
    seed: int
    return_: float  # sum of the rewards, highway-env's whatever the agent learnt from
    crashed: bool
    speed: float  # [m/s] mean over the episode
    length: float  # [s] until a crash, the goal or the time limit
    lane_changes: int  # see `count_lane_changes`
    smallest_time_to_collision: float  # [s] NaN, in the table empty: none below 20 s
    share_in_hazard: float  # of the steps on the road, those with a time to collision below 2 s
    engine: str  # what simulated
    off_road: float = math.nan  # share of the steps; NaN, in the table empty: there is no road
    not_measured: float = 0.0  # share of the steps without lane, gap and time to collision
    success: bool | None = None  # see `has_succeeded`; None, in the table empty: there is no goal


@dataclass(frozen=True)
class Evaluation:
    """How agents and other drivers did, all on the same held-out episodes."""

    episodes: tuple[DrivenEpisode, ...]
    agents: tuple[str, ...]  # names of the drivers that are agents
    references: tuple[str, ...]  # of those they are compared with
    kinds: tuple[tuple[str, ...], ...]  # agents that differ in the seed of their training alone
    unfinished: tuple[str, ...] = ()  # agents stopped on the way, and how many steps they took

    def of(self, driver: str) -> list[DrivenEpisode]:
        """A driver's episodes, in the order of every driver's."""
        return [each for each in self.episodes if each.driver == driver]


def evaluate_agent(
    folder: str | Path,
    settings: EvaluationSettings | None = None,
    *,
    progress: bool = True,
    references: bool = True,
) -> Evaluation:
    """Evaluate one agent and write `evaluation.csv` into its folder, see `evaluate_agents`."""
    return evaluate_agents([folder], folder, settings, progress=progress, references=references)


def evaluate_agents(
    folders: Sequence[str | Path],
    out: str | Path,
    settings: EvaluationSettings | None = None,
    *,
    progress: bool = True,
    references: bool = True,
) -> Evaluation:
    """Drive agents and two other drivers through the same episodes, and write how each went.

    Returns are sums of highway-env's own rewards, whatever an agent learnt from. The episodes'
    seeds are odd, those of trainings and collections even, so none was seen before.
    The other drivers are constant speed and highway-env's driver model, where a scenario has one.

    Args:
        folders: Of the agents: trainings of one kind that differ in their seed, or different
            agents, in the same world.
        out: Folder that `evaluation.csv` is written into, one row a driver and episode.
        settings: None: 30 episodes in this process.
        progress: Show a bar.
        references: Whether the other drivers drive, too.

    Raises:
        FileNotFoundError: If a folder lacks a file of a trained agent.
        ValueError: If there is no folder or one twice, a file is damaged, the agents were trained
            in different worlds, or `out` is a file; names it. Nobody has driven then.
    """
    settings = settings or EvaluationSettings()
    names = _names_of([Path(folder) for folder in folders])
    configs = {name: read_agent_config(folder) for name, folder in names.items()}
    _require_one_world(configs)
    agents = {name: TrainedAgent.read(path, settings.device) for name, path in names.items()}
    if Path(out).exists() and not Path(out).is_dir():
        raise ValueError(f"out: expected a folder, came a file {out}")
    steps = {
        name: agent.policy.num_timesteps
        for name, agent in agents.items()
        if not _has_ended(names[name], agent)
    }
    world = next(iter(configs.values()))
    others = _references_in(world) if references else ()
    specs = {
        name: replace(
            rollout_spec_of(world.scenario, str(folder.resolve()), configs[name].environment),
            device=settings.device,
        )
        for name, folder in names.items()
    } | {name: rollout_spec_of(world.scenario, name, world.environment) for name in others}
    specs = {name: rewarded_alike(spec) for name, spec in specs.items()}
    with claim(out, "an evaluation", lock=EVALUATION):
        episodes = tuple(_drive_all(specs, settings, progress))
        _write_episodes(Path(out) / EVALUATION_FILE, episodes)
        for name, folder in names.items():
            if folder.resolve() == Path(out).resolve():
                _put_on_card(folder, [each for each in episodes if each.driver == name])
    unfinished = tuple(
        f"{name} ({taken:,} of {configs[name].settings.n_steps:,} steps)"
        for name, taken in steps.items()
    )
    return Evaluation(episodes, tuple(names), others, _kinds_of(configs, names, steps), unfinished)


def _names_of(folders: Sequence[Path]) -> dict[str, Path]:
    """A name for each agent: its folder's, or the whole path where that is not enough."""
    if not folders:
        raise ValueError("folders: expected one of a trained agent or more, came none")
    if len(folders) == 1:
        return {AGENT: folders[0]}
    paths = [folder.resolve() for folder in folders]
    for path in paths:
        if paths.count(path) > 1:
            raise ValueError(f"folders: expected each agent once, came {path} again")
    names = [path.name for path in paths]
    if len(set(names)) < len(names) or set(names) & {*DRIVERS, "best"}:
        names = [str(path) for path in paths]
    return dict(zip(names, folders, strict=True))


def _require_one_world(configs: Mapping[str, AgentConfig]) -> None:
    """Refuse agents that would not drive through the same episodes."""
    (first, config), *others = configs.items()
    for name, other in others:
        for setting in _WORLD:
            expected, came = _world_setting(config, setting), _world_setting(other, setting)
            if came != expected:
                raise ValueError(
                    f"{setting}: expected agents of one world, came {expected!r} of {first} and "
                    f"{came!r} of {name}; evaluate them one by one"
                )


def _world_setting(config: AgentConfig, name: str) -> Any:
    return config.scenario if name == "scenario" else getattr(config.scene, name)


def _references_in(config: AgentConfig) -> tuple[str, ...]:
    """Whom to compare with: a scenario that is only steered has no driver model."""
    if config.scene.of.steered_only:
        return (CONSTANT_SPEED,)
    return (CONSTANT_SPEED, HIGHWAY_ENV)


def _has_ended(folder: Path, agent: TrainedAgent) -> bool:
    """Whether a training was not stopped on its way; one with patience may end early."""
    settings = agent.config.settings
    is_best = folder.resolve().name == BEST_FOLDER
    return (
        is_best or settings.patience is not None or agent.policy.num_timesteps >= settings.n_steps
    )


def _kinds_of(
    configs: Mapping[str, AgentConfig], folders: Mapping[str, Path], unfinished: Mapping[str, int]
) -> tuple[tuple[str, ...], ...]:
    """Agents that differ in the seed of their training alone; where a seed repeats, each alone."""
    kinds: dict[str, list[str]] = {}
    for name, config in configs.items():
        training = {key: value for key, value in config.training.items() if key not in _NO_MATTER}
        is_best = folders[name].resolve().name == BEST_FOLDER
        same = [config.environment, training, config.encoder, is_best, unfinished.get(name)]
        # Of a control, each seed has its own draw, which the fingerprint tells apart.
        same += [{k: v for k, v in (config.teacher or {}).items() if k != "fingerprint"}]
        kinds.setdefault(json.dumps(same, sort_keys=True), []).append(name)
    found: list[tuple[str, ...]] = []
    for names in kinds.values():
        repeats = len({configs[name].settings.seed for name in names}) < len(names)
        found += [(name,) for name in names] if repeats else [tuple(names)]
    return tuple(found)


def _drive_all(
    specs: Mapping[str, RolloutSpec], settings: EvaluationSettings, progress: bool
) -> Iterator[DrivenEpisode]:
    n_episodes = settings.n_episodes
    for spec in specs.values():
        compile_for_workers(spec, settings.n_workers)
    seeds = [episode_seed(settings.seed, index, held_out=True) for index in range(n_episodes)]
    items = [
        (driver, spec, seeds[first : first + size])
        for driver, spec in specs.items()
        for size in [block_size(spec, n_episodes, settings.n_workers)]
        for first in range(0, n_episodes, size)
    ]
    with (
        closing(map_in_order(_drive_some, items, settings.n_workers)) as driven,
        tqdm(
            total=len(specs) * n_episodes, unit="episode", desc="driving", disable=not progress
        ) as bar,
    ):
        for block in driven:
            yield from block
            bar.update(len(block))


def _drive_some(item: tuple[str, RolloutSpec, list[int]]) -> list[DrivenEpisode]:
    driver, spec, seeds = item
    return [_driven(driver, spec, episode) for episode in drive_episodes(spec, seeds)]


def _driven(driver: str, spec: RolloutSpec, episode: Episode) -> DrivenEpisode:
    return DrivenEpisode(
        driver=driver,
        seed=episode.seed,
        return_=float(episode.reward.sum()),
        crashed=episode.crashed,
        speed=float(episode.speed.mean()),
        length=len(episode.reward) / spec.scene.steps_per_second,
        lane_changes=count_lane_changes(episode.state),
        smallest_time_to_collision=smallest_time_to_collision(episode.state),
        share_in_hazard=share_in_hazard(episode.state),
        engine=spec.scene.chosen_engine,
        off_road=share_off_road(episode.state, spec.scene.scenario),
        not_measured=share_not_measured(episode.state),
        success=has_succeeded(
            spec.scene.scenario,
            terminated=episode.terminated,
            crashed=episode.crashed,
            is_success=episode.is_success,
        ),
    )


def _put_on_card(folder: Path, episodes: Sequence[DrivenEpisode]) -> None:
    """Let the agent's card have its scores in the place of its training's."""
    where = f"{len(episodes)} held-out episodes, the same as other drivers' in {EVALUATION_FILE}"
    returns = np.array([each.return_ for each in episodes])
    crashed = np.array([each.crashed for each in episodes])
    write_agent_card(folder, driven_scores(returns, crashed, where))


def _write_episodes(path: Path, episodes: Sequence[DrivenEpisode]) -> None:
    names = [field.name for field in fields(DrivenEpisode)]
    rows = ([_plain(getattr(each, name)) for name in names] for each in episodes)
    write_table(path, [name.rstrip("_") for name in names], rows)


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else value
