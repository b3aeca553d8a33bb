"""What a run was: its configuration, typed as it is read from ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from b2m_drive.evidence.condition import TransferMethod
from b2m_drive.evidence.learning_curves import SUMMARIES
from b2m_drive.files.json_files import read_json
from b2m_drive.files.typed_entries import entries_as


@dataclass(frozen=True)
class ReadoutEntries:
    """Which latents of the activity taught, and how their rows found the student's."""

    latents: str
    pairing: str


@dataclass(frozen=True)
class BrainEntries:
    """The brain of a run."""

    name: str
    simulated: bool
    subject: str
    session: str
    source: str
    licence: str
    n_units: int
    regions: Mapping[str, int]
    n_teaching: int
    n_held_out: int
    notes: tuple[str, ...]
    preset: str | None = None  # of a simulated one


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What every comparison's configuration holds."""

    study: str
    strategies: tuple[str, ...]
    readings: tuple[ReadoutEntries, ...]
    seeds: tuple[int, ...]
    n_steps: int
    primary_metric: str  # the summary of the learning curve that verdicts judge
    versions: Mapping[str, Any]
    limits: tuple[str, ...]
    entries: Mapping[str, Any] = field(default_factory=dict)  # the file's, all of them

    @property
    def readout_names(self) -> list[str]:
        """Latents and pairing of each readout."""
        return [f"{readout.latents} {readout.pairing}" for readout in self.readings]

    @property
    def methods(self) -> list[TransferMethod]:
        """Every strategy with every readout; all strategies of the main readout come first."""
        return [
            TransferMethod(strategy, readout.latents, readout.pairing)
            for readout in self.readings
            for strategy in self.strategies
        ]


@dataclass(frozen=True, kw_only=True)
class RunConfiguration(Configuration):
    """What the comparison of one brain's students holds besides."""

    brain: BrainEntries
    student: Mapping[str, Any]
    batch_size: int  # generated trials, frames or samples, a training step
    evaluate_every: int  # [steps]
    task: Mapping[str, Any]
    isolated_settings_file: str
    nulls_left_out: tuple[str, ...] = ()  # that the student could not be held against
    left_out: Mapping[str, str] = field(default_factory=dict)  # controls, and why
    note: str = ""  # for whoever reads the verdict first


@dataclass(frozen=True, kw_only=True)
class MemoryConfiguration(RunConfiguration):
    """What a run of the memory study holds besides."""

    recorded_batch_size: int  # recorded trials a training step
    own: Mapping[str, float | None] = field(default_factory=dict)  # its students, on each axis


@dataclass(frozen=True)
class ScenesEntries:
    """The scenes of a run of the driving study."""

    scenario: str
    variables_left_out: tuple[str, ...] | None = None  # of the state, constant or seldom defined


@dataclass(frozen=True, kw_only=True)
class DrivingConfiguration(RunConfiguration):
    """What a run of the driving study holds besides."""

    scenes: ScenesEntries
    n_frames: int  # that teach
    window: float  # [s]
    latents: str
    signal: float | None = None  # share, of a simulated brain


Kind = TypeVar("Kind", bound=Configuration)
_KINDS: Mapping[str, type[RunConfiguration]] = {
    "memory": MemoryConfiguration,
    "driving": DrivingConfiguration,
}


def run_configuration(path: Path, entries: dict[str, Any]) -> RunConfiguration:
    """The configuration of one brain's comparison, of whichever study.

    Raises:
        ValueError: As `configuration_as`.
    """
    return configuration_as(_KINDS.get(str(entries.get("study")), RunConfiguration), path, entries)


def configuration_as(kind: type[Kind], path: Path, entries: dict[str, Any]) -> Kind:
    """A configuration, each entry checked.

    Raises:
        ValueError: If an entry is missing or of another type, the judged metric or a strategy is
            unknown, or there is no strategy or readout; names the file and the entry.
    """
    found = entries_as(kind, {**entries, "entries": entries}, path)
    if found.primary_metric not in SUMMARIES:
        raise ValueError(
            f"{path}: primary_metric: expected one of {', '.join(SUMMARIES)}, "
            f"came {found.primary_metric!r}"
        )
    if not found.strategies or not found.readings:
        raise ValueError(f"{path}: expected at least one strategy and one reading")
    try:
        _ = found.methods  # checks the names
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return found


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object of a finished run.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON object, or holds a number that is not finite.
    """
    return read_json(path, "this file of a finished run")


def study_named_in(path: Path) -> str:
    """The name of the study whose configuration this is.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON object, or names no study.
    """
    return entries_as(_Named, read_object(path), path).study


@dataclass(frozen=True)
class _Named:
    study: str
