"""The verdicts of a finished run of whichever study, as its own report gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from b2m_drive.comparisons.agents_run import read_agents
from b2m_drive.comparisons.agents_study import AGENTS_STUDY, RETURN
from b2m_drive.comparisons.calibration import VERDICTS
from b2m_drive.comparisons.configuration import read_object
from b2m_drive.comparisons.jobs import SCORES
from b2m_drive.comparisons.pooling import pooled_verdict, pooled_verdicts, read_sessions
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.verdict import Verdict, verdicts_of
from b2m_drive.evidence.condition import TransferMethod
from b2m_drive.files.names import inside
from b2m_drive.files.refusals import naming

SESSIONS, SEARCH, CALIBRATION = "memory_sessions", "memory_search", "memory_calibration"


def finished_verdicts(folder: Path) -> Sequence[Verdict]:
    """The verdicts at the top of a run's report, one a method; agents are judged by the return.

    Raises:
        FileNotFoundError: If a file of the run is missing.
        ValueError: If one is broken, or the run is of a kind that gives no verdict on a brain.
    """
    with naming(folder, "a finished run whose files are whole"):
        config = read_object(folder / CONFIG)
        return _OF_STUDY.get(str(config.get("study")), _of_one_brain)(folder, config)


def is_finished(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the results that a verdict is made from are all there."""
    match config.get("study"):
        case study if study == CALIBRATION:
            return (folder / VERDICTS).is_file()
        case study if study == SESSIONS:
            pooled = [each for each in _entries(config, "sessions") if each.get("pooled")]
            return bool(pooled) and all(_has_scores(folder, each) for each in pooled)
        case study if study == SEARCH:
            return _is_searched(folder, config)
    return (folder / SCORES).is_file()


def sub_runs(folder: Path, config: Mapping[str, Any]) -> list[Path]:
    """The runs that a run of many consists of: sessions, or a search's readings and its test.

    Raises:
        ValueError: If one would lie outside the folder.
    """
    if config.get("study") == SESSIONS:
        parts = [str(each.get("folder")) for each in _entries(config, "sessions")]
    elif config.get("study") == SEARCH:
        parts = [str(each.get("folder")) for each in _entries(config, "candidates")]
        parts += [str(config["test_folder"])] if config.get("test_folder") else []
    else:
        return []
    found = (inside(folder, part) for part in parts)
    return [each for each in found if (each / CONFIG).is_file()]


def _is_searched(folder: Path, config: Mapping[str, Any]) -> bool:
    runs = sub_runs(folder, config)
    needed = len(_entries(config, "candidates")) + (config.get("chosen") is not None)
    return len(runs) >= needed and all(
        is_finished(each, read_object(each / CONFIG)) for each in runs
    )


def _entries(config: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    entries = config.get(name)
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _has_scores(folder: Path, session: Mapping[str, Any]) -> bool:
    return (inside(folder, str(session.get("folder"))) / SCORES).is_file()


def _of_one_brain(folder: Path, _: Mapping[str, Any]) -> Sequence[Verdict]:
    return verdicts_of(folder)


def _of_sessions(folder: Path, _: Mapping[str, Any]) -> Sequence[Verdict]:
    return pooled_verdicts(read_sessions(folder))


def _of_search(folder: Path, config: Mapping[str, Any]) -> Sequence[Verdict]:
    chosen = config.get("chosen")
    if chosen is None:
        raise ValueError(
            "chosen: expected a reading that was tested, came a search that chose none"
        )
    method = TransferMethod(chosen["strategy"], chosen["latents"], chosen["pairing"])
    return [pooled_verdict(read_sessions(inside(folder, str(config["test_folder"]))), method)]


def _of_agents(folder: Path, _: Mapping[str, Any]) -> Sequence[Verdict]:
    result = read_agents(folder)
    return [result.verdict(method, RETURN) for method in result.methods]


def _of_calibration(folder: Path, _: Mapping[str, Any]) -> Sequence[Verdict]:
    raise ValueError(
        "study: expected one that judges a brain, came a calibration, which judges the verdict"
    )


_OF_STUDY: Mapping[str, Callable[[Path, Mapping[str, Any]], Sequence[Verdict]]] = {
    SESSIONS: _of_sessions,
    SEARCH: _of_search,
    CALIBRATION: _of_calibration,
    AGENTS_STUDY: _of_agents,
}
