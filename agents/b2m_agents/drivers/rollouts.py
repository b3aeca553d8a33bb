"""Collect driving scenes: frames, states, actions and rewards, episode by episode, onto disk."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from b2m_agents.drivers.drivers import (
    DRIVERS,
    RolloutSpec,
    agent_fingerprint,
    block_size,
    compile_for_workers,
    rollout_spec_of,
)
from b2m_agents.drivers.elsewhere import drive_elsewhere, write_episodes
from b2m_agents.episodes.ordered_workers import map_in_order
from b2m_drive.executors.running import TRIES
from b2m_drive.files.locks import claim
from b2m_drive.files.provenance import installed_versions
from b2m_drive.files.writing import sweep
from b2m_drive.students.devices import device_of
from b2m_drive.students.scene_writer import parts_of
from b2m_drive.students.scenes import SceneHeader, SceneWriter
from b2m_envs.scenes.settings import ENGINE, SceneSettings
from b2m_envs.scenes.settings_json import settings_json
from b2m_envs.scenes.state import STATE_VARIABLES

_PACKAGES = ("b2m-drive", "highway-env", "gymnasium", "numpy", "numba", "opencv-python")
_AGENT_PACKAGES = ("torch", "stable-baselines3")


@dataclass(frozen=True)
class CollectSettings:
    """Which scenes to collect: give `n_frames` or `n_episodes`, not both.

    Raises:
        ValueError: If both or none are given, or a number is out of range.
    """

    n_frames: int | None = None  # at least so many; the last episode is kept whole
    n_episodes: int | None = None
    policy: str = "random"  # "constant_speed", "highway_env", or the folder of a trained agent
    seed: int = 0
    environment: Mapping[str, Any] = field(default_factory=dict)  # fields of `SceneSettings`
    n_workers: int = 1  # processes; the scenes are the same for any number
    device: str = "cpu"  # of an agent that drives, see `device_of`

    def __post_init__(self) -> None:
        if (self.n_frames is None) == (self.n_episodes is None):
            raise ValueError(
                "expected n_frames or n_episodes, one of the two, "
                f"came n_frames {self.n_frames} and n_episodes {self.n_episodes}"
            )
        for name, least in (("n_frames", 1), ("n_episodes", 1), ("seed", 0), ("n_workers", 1)):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and (not whole or value < least):
                raise ValueError(
                    f"{name}: expected a whole number of {least} or more, came {value!r}"
                )
        object.__setattr__(self, "device", str(device_of(self.device)))
        if self.policy in DRIVERS and self.device != "cpu":
            raise ValueError(
                f"device: expected cpu of {self.policy!r}, a driver without a network, "
                f"came {self.device!r}"
            )


def collect_scenes(
    scenario: str,
    path: str | Path,
    settings: CollectSettings,
    progress: bool = True,
    *,
    executor: Executor | None = None,
    tries: int = TRIES,
) -> Path:
    """Collect scenes: drive episodes and write them into one file; after a kill it goes on.

    Episode k is seeded from (seed, k) alone and the file holds the first episodes that make up
    the frames asked for, so a collection that was killed and called again, or that ran on
    another number of workers, holds the same arrays as one that was not.

    Args:
        scenario: One of `b2m_envs.scenes.scenarios.SCENARIOS`.
        path: The HDF5 file to write; see `b2m_drive.students.scenes`. Until it is whole, its
            episodes lie beside it in `<path>.parts`.
        settings: How much, who drives, what the camera sees.
        progress: Show a bar.
        executor: Where episodes are driven, anything of the shape of
            `concurrent.futures.Executor`; None: in processes of this machine.
        tries: Of some episodes that fail, or are lost with their worker, on an executor.

    Returns:
        The path. A file that is there already and holds what is asked for is left as it is.

    Raises:
        ValueError: If the scenario or a setting is unknown or out of range, or if another
            collection is at that path; names what differs.
    """
    spec = rollout_spec_of(scenario, settings.policy, settings.environment)
    spec = replace(spec, device=settings.device)
    header = header_of(spec, settings.seed)
    path = Path(path)
    if path.exists():
        return _finished(SceneWriter(path, header), settings)
    with claim(parts_of(path), f"a collection of {path.name}"):
        sweep(path.parent, depth=0)
        writer = SceneWriter(path, header)
        if writer.finished:  # by another process, just before
            return _finished(writer, settings)
        with _bar(settings, progress) as bar:
            if executor is not None:
                drive_elsewhere(executor, tries, spec, writer, settings, bar.update)
            counts = writer.frame_counts()
            with closing(_frames_of_episodes(spec, writer, settings, counts)) as frames:
                n_episodes = _take_enough(frames, settings, bar)
        return writer.finish(n_episodes, progress=progress)


def header_of(spec: RolloutSpec, seed: int) -> SceneHeader:
    """What a file of this driver's scenes says about them."""
    trained = spec.policy not in DRIVERS
    packages = (*_PACKAGES, *_AGENT_PACKAGES) if trained else _PACKAGES
    return SceneHeader(
        scenario=spec.scene.scenario,
        settings=settings_json(spec.scene) | {"engine": spec.scene.chosen_engine},
        policy=_agent_in(spec) if trained else spec.policy,
        seed=seed,
        state_names=tuple(variable.name for variable in STATE_VARIABLES),
        state_units=tuple(variable.unit for variable in STATE_VARIABLES),
        action_kind="continuous" if spec.scene.action == "continuous" else "discrete",
        step_seconds=1 / spec.scene.steps_per_second,
        versions=installed_versions(packages),
        note=_simulated_by(spec.scene),
    )


def _agent_in(spec: RolloutSpec) -> str:
    """The agent, and its device: on another than the cpu its actions may differ by rounding."""
    on = "" if spec.device == "cpu" else f" on {spec.device}"
    return f"agent {agent_fingerprint(spec.policy)}{on}"


def _simulated_by(scene: SceneSettings) -> str:
    highway_env = f"highway-env {version('highway-env')}"
    if scene.chosen_engine == ENGINE:
        return f"simulated by b2m_envs {version('b2m-drive')} after {highway_env}"
    return f"simulated by {highway_env}"


def _frames_of_episodes(
    spec: RolloutSpec, writer: SceneWriter, settings: CollectSettings, counts: Mapping[int, int]
) -> Generator[int, None, None]:
    """Number of frames of episode 0, 1, 2, ..., once it is on disk."""
    last = sys.maxsize if settings.n_episodes is None else settings.n_episodes
    missing = (index for index in range(last) if index not in counts)
    longest = spec.scene.last_step + 1
    n_episodes = settings.n_episodes or -(-(settings.n_frames or 0) // longest)
    size = block_size(spec, n_episodes, settings.n_workers)
    blocks = iter(lambda: tuple(islice(missing, size)), ())
    compile_for_workers(spec, settings.n_workers)
    write = partial(write_episodes, spec, writer.path, writer.header)
    with closing(map_in_order(write, blocks, settings.n_workers)) as written:
        lengths = (length for block in written for length in block)
        for index in range(last):
            yield counts[index] if index in counts else next(lengths)


def _take_enough(frames_of_episodes: Iterator[int], settings: CollectSettings, bar: Any) -> int:
    """Wait until what was asked for is on disk; returns how many episodes that takes."""
    n_episodes = n_frames = 0
    for n_more in frames_of_episodes:
        n_episodes += 1
        n_frames += n_more
        done = n_frames if settings.n_frames is not None else n_episodes
        bar.update(max(done - bar.n, 0))  # what is on disk is not counted twice
        if n_frames >= (settings.n_frames or float("inf")):
            break
    return n_episodes


def _bar(settings: CollectSettings, progress: bool) -> Any:
    in_frames = settings.n_frames is not None
    return tqdm(
        total=settings.n_frames if in_frames else settings.n_episodes,
        unit="frame" if in_frames else "episode",
        desc="collecting",
        disable=not progress,
    )


def _finished(writer: SceneWriter, settings: CollectSettings) -> Path:
    """The file of a finished collection, if it is enough."""
    counts = writer.frame_counts()
    there = sum(counts.values()) if settings.n_frames is not None else len(counts)
    asked = settings.n_frames or settings.n_episodes or 0
    unit = "frames" if settings.n_frames is not None else "episodes"
    if there < asked:
        raise ValueError(
            f"{writer.path}: expected at least {asked} {unit}, the finished collection there holds "
            f"{there}; give another file"
        )
    return writer.path
