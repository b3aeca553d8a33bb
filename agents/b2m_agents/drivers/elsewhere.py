"""Episodes of a collection driven on an executor, and brought to the collection's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2m_agents.drivers.drivers import DRIVERS, RolloutSpec, block_size, drive_episodes
from b2m_agents.episodes.episodes import episode_seed
from b2m_drive.executors.running import run_tasks
from b2m_drive.executors.tasks import Outcome, Task
from b2m_drive.executors.written_files import place_files
from b2m_drive.students.scenes import SceneEpisode, SceneHeader, SceneWriter

if TYPE_CHECKING:
    from b2m_agents.drivers.rollouts import CollectSettings

_BLOCKS = 8  # that what is lacking is divided into, at least


@dataclass(frozen=True)
class SomeEpisodes:
    """Some episodes of a collection: all that a worker needs to drive them."""

    spec: RolloutSpec
    agent: Path | None  # folder of the agent that drives
    path: Path  # of the collection
    header: SceneHeader
    indices: tuple[int, ...]


def drive_elsewhere(
    executor: Executor,
    tries: int,
    spec: RolloutSpec,
    writer: SceneWriter,
    settings: CollectSettings,
    progress: Callable[[int], Any],
) -> None:
    """Have every lacking episode driven on an executor; all are on disk afterwards.

    Raises:
        ValueError: If some fail in all their tries; the others are kept.
    """
    while lacking := _lacking(writer.frame_counts(), spec, settings):
        tasks = _tasks(spec, writer, lacking)
        in_frames = settings.n_frames is not None

        def take(task: Task, outcome: Outcome, in_frames: bool = in_frames) -> None:
            assert task.writes is not None
            place_files(outcome.files, task.writes)
            progress(sum(outcome.value) if in_frames else len(outcome.value))

        failures = run_tasks(executor, tasks, take, tries=tries)
        if failures:
            first = failures[0]
            raise ValueError(
                f"{writer.path}: {len(failures)} of {len(tasks)} blocks of episodes failed, the "
                f"others are kept; call it again to go on. {first.name} ({first.tries} tries): "
                f"{first.text}"
            ) from first.error


def write_episodes(
    spec: RolloutSpec, path: Path, header: SceneHeader, indices: tuple[int, ...]
) -> list[int]:
    """Drive some episodes of a collection and commit each; returns their numbers of frames."""
    seeds = [episode_seed(header.seed, index) for index in indices]
    writer = SceneWriter(path, header)
    lengths = []
    for index, episode in zip(indices, drive_episodes(spec, seeds), strict=True):
        writer.write(
            index,
            SceneEpisode(
                frames=episode.frames,
                state=episode.state,
                action=episode.action,
                reward=episode.reward,
                terminated=episode.terminated,
                truncated=episode.truncated,
                seed=episode.seed,
                vehicle_mask=episode.vehicle_mask,
            ),
        )
        lengths.append(len(episode.frames))
    return lengths


def _write(some: SomeEpisodes) -> list[int]:
    """`write_episodes`, with the agent where it lies on this machine."""
    spec = some.spec if some.agent is None else replace(some.spec, policy=str(some.agent))
    return write_episodes(spec, some.path, some.header, some.indices)


def _tasks(spec: RolloutSpec, writer: SceneWriter, lacking: list[int]) -> list[Task]:
    agent = None if spec.policy in DRIVERS else Path(spec.policy)
    size = block_size(spec, len(lacking), _BLOCKS)
    blocks = [tuple(lacking[first : first + size]) for first in range(0, len(lacking), size)]
    return [
        Task(
            f"episodes {block[0]} to {block[-1]}",
            _write,
            SomeEpisodes(spec, agent, writer.path, writer.header, block),
            reads=() if agent is None else (agent,),
            writes=writer.path.parent,
        )
        for block in blocks
    ]


def _lacking(counts: Mapping[int, int], spec: RolloutSpec, settings: CollectSettings) -> list[int]:
    """The next episodes to drive: all that are lacking, or as many as frames surely take."""
    if settings.n_episodes is not None:
        return [index for index in range(settings.n_episodes) if index not in counts]
    wanted, index = settings.n_frames or 0, 0
    found: list[int] = []
    while wanted > 0:
        if index not in counts:
            found.append(index)
        wanted -= counts.get(index, spec.scene.last_step + 1)  # at most so many
        index += 1
    return found
