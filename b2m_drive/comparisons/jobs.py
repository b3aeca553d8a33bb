"""Run the groups of a comparison: on all cores, resumable, each result written whole.

A group is the set of students advanced together. It is also the unit of resume: a group either
has its table of scores or is run again from its start, so a comparison that was killed and
resumed holds exactly the numbers of one that was not.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from b2m_drive.comparisons.orphans import end_with_parent
from b2m_drive.evidence.scores import Score, read_scores, write_scores
from b2m_drive.files.json_files import read_json
from b2m_drive.files.locks import is_lock, is_unused
from b2m_drive.files.provenance import taken_up
from b2m_drive.files.writing import is_draft, write_json

CONFIG = "config.json"
SCORES = "scores.csv"
_GROUPS = "groups"
_POLL = 0.2  # [s] between updates of the progress bar

Plan = TypeVar("Plan")


@dataclass(frozen=True)
class Group(Generic[Plan]):
    """Students advanced together, and where their scores go."""

    name: str
    plan: Plan  # what the study needs to run it; must survive pickling
    n_steps: int  # for the progress bar
    folder: Path | None = None  # a folder shared between runs; None: the run's own


RunGroup = Callable[[Any, Callable[[], None]], list[Score]]

_counter: Any = None  # in a worker: training steps done by all workers


def open_run(folder: Path, config: dict[str, Any]) -> Path:
    """Make the run's folder, or take up one of the same configuration.

    Raises:
        ValueError: If the folder holds another configuration; names what differs.
    """
    check_run(folder, config)
    if not (folder / CONFIG).is_file():
        write_json(folder / CONFIG, config)
    else:
        _note_versions(folder / CONFIG, config)
    (folder / _GROUPS).mkdir(exist_ok=True)
    return folder


def check_run(folder: Path, config: dict[str, Any]) -> None:
    """Refuse what `open_run` would refuse, and write nothing.

    Raises:
        ValueError: If the folder holds another configuration; names what differs.
    """
    path = folder / CONFIG
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder for the run, came a file")
    if path.is_file():
        _refuse_other_configuration(path, config)
    elif folder.is_dir() and not _is_of_a_start(folder):
        raise ValueError(f"{folder}: expected an empty folder or a run, came other files")


def _is_of_a_start(folder: Path) -> bool:
    """Whether a run that was stopped while it began may have left this: no file of anybody's."""
    others = (each for each in folder.iterdir() if not (is_draft(each) or is_lock(each)))
    return all(each.name == _GROUPS and each.is_dir() and is_unused(each) for each in others)


def run_groups(
    folder: Path,
    groups: Sequence[Group[Plan]],
    run_group: RunGroup,
    n_workers: int,
    progress: bool = True,
) -> list[Score]:
    """Run what has no scores yet, then join all groups' scores into one table.

    Args:
        folder: Of the run, from `open_run`.
        groups: All of the comparison.
        run_group: Called in a worker with a group's plan and a function to call after each
            training step; a module's function or a `functools.partial` of one.
        n_workers: Processes, each with one thread.
        progress: Show a bar of training steps.
    """
    run_pending({folder: groups}, run_group, n_workers, progress)
    return join_scores(folder, groups)


def run_pending(
    groups_of_runs: Mapping[Path, Sequence[Group[Plan]]],
    run_group: RunGroup,
    n_workers: int,
    progress: bool = True,
) -> None:
    """Run the groups of one run or several that have no scores yet, each table once."""
    pending = {
        table: group
        for folder, groups in groups_of_runs.items()
        for group in groups
        if not (table := _table_of(folder, group)).is_file()
    }
    if pending:
        _run_pending(pending, run_group, min(n_workers, len(pending)), progress)


def join_scores(folder: Path, groups: Sequence[Group[Plan]]) -> list[Score]:
    """All scores of a run's groups, also written as its table."""
    scores = [score for group in groups for score in read_scores(_table_of(folder, group))]
    write_scores(folder / SCORES, scores)
    return scores


def _run_pending(
    pending: Mapping[Path, Group[Plan]], run_group: RunGroup, n_workers: int, progress: bool
) -> None:
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    total = sum(group.n_steps for group in pending.values())
    with (
        tqdm(total=total, unit="step", desc="training", disable=not progress) as bar,
        ProcessPoolExecutor(n_workers, context, _start_worker, (counter,)) as pool,
    ):
        futures = [
            pool.submit(_run_and_write, run_group, group.plan, table)
            for table, group in pending.items()
        ]
        try:
            _watch(futures, counter, bar)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _watch(futures: list[Future[None]], counter: Any, bar: Any) -> None:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=_POLL, return_when=FIRST_EXCEPTION)
        bar.update(counter.value - bar.n)
        for future in done:
            future.result()


def _start_worker(counter: Any) -> None:
    global _counter
    _counter = counter
    torch.set_num_threads(1)
    threadpool_limits(1)  # NumPy's linear algebra has threads of its own
    end_with_parent()


def _run_and_write(run_group: RunGroup, plan: Any, table: Path) -> None:
    write_scores(table, run_group(plan, _count_step))


def _count_step() -> None:
    with _counter.get_lock():
        _counter.value += 1


def expected_seconds(
    groups: Sequence[Group[Plan]], run_group: RunGroup, n_workers: int, n_probe_steps: int = 8
) -> float:
    """Time that the groups would take, from the start of one group of each size."""
    measured: dict[int, tuple[float, float]] = {}
    total = 0.0
    for group in groups:
        size = len(getattr(group.plan, "conditions", ())) or 1
        if size not in measured:
            measured[size] = _seconds_of(group.plan, run_group, n_probe_steps)
        start, per_step = measured[size]
        total += start + per_step * group.n_steps
    return total / min(n_workers, len(groups))


class _EnoughStepsError(Exception):
    pass


def _seconds_of(plan: Any, run_group: RunGroup, n_probe_steps: int) -> tuple[float, float]:
    """What comes before a group's second step, and each further step."""
    times = [time.perf_counter()]

    def count() -> None:
        times.append(time.perf_counter())
        if len(times) > n_probe_steps + 1:
            raise _EnoughStepsError

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run_group(plan, count)
    except _EnoughStepsError:
        pass
    finally:
        torch.set_num_threads(n_threads)
    return times[1] - times[0], (times[-1] - times[1]) / (len(times) - 2)


def _table_of(folder: Path, group: Group[Plan]) -> Path:
    return (group.folder or folder / _GROUPS) / f"{group.name}.csv"


def _refuse_other_configuration(path: Path, config: dict[str, Any]) -> None:
    before = read_json(path, "the configuration of a run", finite=False)
    now = json.loads(json.dumps(config))
    differing = _differing(_without_versions(before), _without_versions(now))
    if differing:
        raise ValueError(
            f"{path.parent} holds a run of another configuration; give another folder. "
            + "; ".join(differing)
        )
    if _has_versions(before) and _has_versions(now):
        taken_up(path.parent, before["versions"], now["versions"])


def _note_versions(path: Path, config: Mapping[str, Any]) -> None:
    """Write down, in a run that is gone on with, that other versions do so."""
    before = json.loads(path.read_text())
    if _has_versions(before) and _has_versions(config):
        versions = taken_up(path.parent, before["versions"], config["versions"], tell=False)
        if versions != before["versions"]:
            write_json(path, before | {"versions": versions})


def _has_versions(config: Any) -> bool:
    return isinstance(config, Mapping) and isinstance(config.get("versions"), Mapping)


def _without_versions(config: Any) -> Any:
    """What must be the same; versions are compared by what they decide."""
    return {**config, "versions": None} if _has_versions(config) else config


def _differing(before: Any, now: Any, name: str = "") -> list[str]:
    """What differs, named down to the entry: ``brain.source: there 'a', now 'b'``."""
    if before == now:
        return []
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [f"{name}: there {before!r}, now {now!r}"]
    return [
        text
        for entry in sorted(set(before) | set(now))
        for text in _differing(
            before.get(entry), now.get(entry), f"{name}.{entry}" if name else entry
        )
    ]
