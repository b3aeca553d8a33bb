"""What happened in a training: its episodes and evaluations, tables in the agent's folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import TypeVar

import numpy as np

from b2m_drive.files.json_files import parse_json
from b2m_drive.files.refusals import naming
from b2m_drive.files.tables import read_table, write_table
from b2m_drive.files.text_files import read_text
from b2m_drive.files.writing import write_text

CURVE_FILE = "learning_curve.csv"
MONITOR_FILE = "monitor.csv"
SELECTION_FILE = "selection.csv"
_CURVE_COLUMNS = ("step", "return", "length", "crashed")
_SELECTION_COLUMNS = ("step", "return", "crashed")
_RECENT = 50  # episodes whose mean is shown

Cells = TypeVar("Cells")


@dataclass(frozen=True)
class EndedEpisode:
    """An episode of a training."""

    step: int  # of the training, at which it ended
    return_: float
    length: int  # [steps]
    crashed: bool
    seconds: float  # since the training began


@dataclass(frozen=True)
class Selection:
    """How an agent did at a step of its training, in the episodes that choose the best."""

    step: int
    return_: float  # mean over episodes
    crashed: float  # share of episodes


@dataclass
class TrainingRecord:
    """All episodes and evaluations of a training so far."""

    started: float = field(default_factory=time)  # [s] since 1970
    episodes: list[EndedEpisode] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)

    @property
    def newest_is_best(self) -> bool:
        """Whether the last evaluation is better than all before it."""
        *before, newest = [each.return_ for each in self.selections]
        return newest > max(before, default=-np.inf)

    def is_settled(self, patience: int | None) -> bool:
        """Whether so many evaluations brought nothing better."""
        if patience is None or not self.selections:
            return False
        best = int(np.argmax([each.return_ for each in self.selections]))
        return len(self.selections) - 1 - best >= patience

    def recent_text(self) -> str:
        """How the last episodes went, in a few words."""
        last = self.episodes[-_RECENT:]
        if not last:
            return ""
        mean = np.mean([each.return_ for each in last])
        crashed = np.mean([each.crashed for each in last])
        return f"return {mean:.1f}, crashed {crashed:.0%} (last {_RECENT})"

    def write(self, folder: Path) -> None:
        """Write the tables, each whole or not at all."""
        curve = [
            (each.step, each.return_, each.length, int(each.crashed)) for each in self.episodes
        ]
        write_table(folder / CURVE_FILE, _CURVE_COLUMNS, curve)
        _write_monitor(folder / MONITOR_FILE, self)
        selected = [(each.step, each.return_, each.crashed) for each in self.selections]
        write_table(folder / SELECTION_FILE, _SELECTION_COLUMNS, selected)

    @classmethod
    def read(cls, folder: Path, n_steps: int) -> TrainingRecord:
        """What happened up to a step; what came later was not part of the checkpoint.

        Raises:
            FileNotFoundError: If a table is missing.
            ValueError: If one is damaged; names it.
        """
        if not n_steps:
            return cls()
        rows = read_table(folder / CURVE_FILE, _CURVE_COLUMNS, "episodes", _curve_row)
        rows = [row for row in rows if row[0] <= n_steps]
        started, seconds = _read_monitor(folder / MONITOR_FILE, len(rows))
        selections = read_table(
            folder / SELECTION_FILE, _SELECTION_COLUMNS, "evaluations", _selection_row
        )
        return cls(
            started,
            [EndedEpisode(*row, each) for row, each in zip(rows, seconds, strict=True)],
            [each for each in selections if each.step <= n_steps],
        )


def _write_monitor(path: Path, record: TrainingRecord) -> None:
    """The episodes as `stable_baselines3.common.monitor.Monitor` writes them."""
    header = f"#{json.dumps({'t_start': record.started, 'env_id': 'b2m_agents'})}\nr,l,t\n"
    rows = (f"{each.return_},{each.length},{each.seconds}\n" for each in record.episodes)
    write_text(path, header + "".join(rows))


def _read_monitor(path: Path, n_episodes: int) -> tuple[float, list[float]]:
    """When the training began, and after how many seconds its first episodes ended."""
    text = read_text(path, "a monitor's file")
    with naming(path, "a monitor's file"):
        header, _, *lines = text.splitlines()
        started = float(parse_json(header.removeprefix("#"), str(path))["t_start"])
        seconds = [float(line.split(",")[2]) for line in lines[:n_episodes]]
        if not np.isfinite([started, *seconds]).all():
            raise ValueError("times that are not finite")
    if len(seconds) != n_episodes:
        raise ValueError(f"{path}: expected {n_episodes} episodes, came {len(seconds)}")
    return started, seconds


def _curve_row(path: Path, line: int, cells: list[str]) -> tuple[int, float, int, bool]:
    def parse() -> tuple[int, float, int, bool]:
        step, return_, length, crashed = cells
        return int(step), _finite(return_), int(length), bool(int(crashed))

    return _parsed(parse, path, line, cells)


def _selection_row(path: Path, line: int, cells: list[str]) -> Selection:
    def parse() -> Selection:
        step, return_, crashed = cells
        return Selection(int(step), _finite(return_), _finite(crashed))

    return _parsed(parse, path, line, cells)


def _finite(cell: str) -> float:
    value = float(cell)
    if not np.isfinite(value):
        raise ValueError(f"a number that is not finite: {cell}")
    return value


def _parsed(parse: Callable[[], Cells], path: Path, line: int, cells: list[str]) -> Cells:
    try:
        return parse()
    except ValueError as error:
        raise ValueError(f"{path}: line {line}: expected finite numbers, came {cells}") from error
