"""Every score of any set of runs as one table, for tools of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from b2m_drive.comparisons.agents_study import AGENTS
from b2m_drive.comparisons.configuration import read_object
from b2m_drive.comparisons.finished_verdicts import CALIBRATION, sub_runs
from b2m_drive.comparisons.jobs import SCORES
from b2m_drive.comparisons.own_studies import study_of
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.run_summaries import run_folders, simulated_in, student_in
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.files.missing_packages import needing
from b2m_drive.files.refusals import naming
from b2m_drive.files.tables import write_table
from b2m_drive.files.writing import atomic_write

ENDINGS = (".csv", ".parquet")


@dataclass(frozen=True)
class ScoreRow:
    """One score, with all that says whose it is. None, or an empty cell: it has no such thing."""

    run: str  # folder as given, or as found below a given one
    session: str  # of the recording
    study: str
    brain: str  # name
    simulated: bool | None  # None: the run does not say
    subject: str
    student: str
    strategy: str | None  # None: nothing teaches
    latents: str | None
    pairing: str | None
    control: str
    role: str | None  # of `ROLES`; None: only shown beside
    axis: str | None  # that is varied
    axis_value: float | None
    seed: int
    metric: str
    step: int
    value: float
    unit: str


# Not "null": readers of tables take that for a missing value.
ROLES = {"taught": "taught", "null": "null control", "probe": "probe"}
COLUMNS = tuple(field.name for field in fields(ScoreRow))


def score_rows(
    runs: Iterable[str | Path], leave_out: Callable[[str], None] | None = None
) -> Iterator[ScoreRow]:
    """Every score of runs, and of the sessions and readings that runs of many consist of.

    Args:
        runs: Folders of runs, or folders that runs lie below; each run is taken once.
        leave_out: Called with the reason why a run that was found below a given folder has no
            scores (it is not finished, broken, or a calibration); None: that is an error.

    Raises:
        FileNotFoundError: If a folder holds no run, or a run that was given no scores yet.
        ValueError: If it is broken, or is of a kind that keeps no scores on a brain's teaching.
    """
    seen: set[Path] = set()
    for given in map(Path, runs):
        folders = [given] if (given / CONFIG).is_file() else list(run_folders(given))
        if not folders:
            raise FileNotFoundError(f"{given}: expected a run, or a folder with some, found none")
        for folder in folders:
            try:
                rows = list(_rows_of(folder, seen))
            except (ValueError, OSError) as error:
                if folder == given or leave_out is None:
                    raise
                leave_out(str(error))
                continue
            yield from rows


def write_score_table(
    runs: Iterable[str | Path],
    out: str | Path,
    leave_out: Callable[[str], None] | None = None,
) -> int:
    """Write `score_rows` as CSV or Parquet, by the ending of the file, whole or not at all.

    Returns:
        The number of rows.

    Raises:
        FileNotFoundError: As `score_rows`.
        ValueError: As `score_rows`; if the ending is another, or no run is given.
        MissingPackageError: If a Parquet file is asked for without pyarrow (extra ``table``).
    """
    out = Path(out)
    if out.suffix not in ENDINGS:
        raise ValueError(f"{out}: expected a file that ends in {' or '.join(ENDINGS)}")
    if out.suffix == ".parquet":
        with needing("a table in Parquet", "table"):
            import pyarrow  # noqa: F401  # before anything is read
    rows = list(score_rows(runs, leave_out))
    if not rows:
        raise ValueError("runs: expected at least one with scores, came none")
    if out.suffix == ".csv":
        write_table(out, COLUMNS, (_cells(row) for row in rows))
    else:
        _write_parquet(out, rows)
    return len(rows)


def _rows_of(folder: Path, seen: set[Path]) -> Iterator[ScoreRow]:
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    with naming(folder / CONFIG, "the configuration of a run"):
        config = read_object(folder / CONFIG)
        if config.get("study") == CALIBRATION:
            raise ValueError(
                f"{folder}: expected a run with scores, came a calibration, which keeps verdicts "
                "(verdicts.csv)"
            )
        parts = sub_runs(folder, config)
    for part in parts:
        yield from _rows_of(part, seen)
    if not parts:
        yield from _own_rows(folder, config)


def _own_rows(folder: Path, config: Mapping[str, Any]) -> Iterator[ScoreRow]:
    scores = read_scores(folder / SCORES)
    brain = config.get("brain")
    if not isinstance(brain, dict):
        raise ValueError(f"{folder / CONFIG}: brain: expected an object, came {brain!r}")
    roles = _roles(config)
    about = (
        str(folder), str(brain.get("session", "")), str(config.get("study")),
        str(brain.get("name", "")), simulated_in(config), str(brain.get("subject", "")),
        student_in(config),
    )  # fmt: skip
    for score in scores:
        yield ScoreRow(*about, *_condition(score, roles), *_number(score))


def _roles(config: Mapping[str, Any]) -> Mapping[str, str]:
    """Of controls, as the run's own study has them; of agents, as theirs."""
    study = AGENTS if config.get("study") == AGENTS.name else study_of(config)
    return {each.name: ROLES[each.role] for each in study.controls}


def _condition(score: Score, roles: Mapping[str, str]) -> tuple[Any, ...]:
    condition, method, varied = score.condition, score.condition.method, score.condition.variation
    return (
        method.strategy if method else None,
        method.latents if method else None,
        method.pairing if method else None,
        condition.control,
        roles.get(condition.control),
        varied.axis if varied else None,
        varied.value if varied else None,
    )


def _number(score: Score) -> tuple[Any, ...]:
    return score.seed, score.metric, score.step, score.value, score.unit


def _cells(row: ScoreRow) -> tuple[Any, ...]:
    """For CSV: what there is none of is empty, and truth is in lower case."""
    return tuple(
        "" if each is None else str(each).lower() if isinstance(each, bool) else each
        for each in astuple(row)
    )


def _write_parquet(out: Path, rows: Sequence[ScoreRow]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"simulated": pa.bool_(), "seed": pa.int64(), "step": pa.int64()}
    kinds |= {"axis_value": pa.float64(), "value": pa.float64()}
    columns = [
        pa.array([getattr(row, name) for row in rows], kinds.get(name, pa.string()))
        for name in COLUMNS
    ]
    with atomic_write(out) as draft:
        parquet.write_table(pa.table(columns, names=list(COLUMNS)), draft)
