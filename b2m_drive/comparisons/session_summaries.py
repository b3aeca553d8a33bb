"""What many sessions hold, one line each: to see at a glance which could teach at all."""

from __future__ import annotations

import multiprocessing
import textwrap
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from b2m_drive.executors.orphans import end_with_parent
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.readers.kornblith import read_kornblith
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.recording_quality import findings, fit_to_teach
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.decoding import SELECTIVE_BELOW, RecordingSummary, summarise

COLUMNS_OF_TEXT = 100
LEAST_UNITS = 15  # sessions with fewer are shown but not pooled


@dataclass(frozen=True)
class Statistic:
    """One column of a table of sessions."""

    field: str  # of RecordingSummary
    name: str
    column: str  # its short name, where columns are narrow
    meaning: str
    digits: int
    more_is_better: bool = False  # whether the highest of many sessions is the best


STATISTICS = (
    Statistic("n_units", "units", "units", "number", 0),
    Statistic("n_trials", "trials", "trials", "number", 0),
    Statistic("median_rate", "rate [Hz]", "rate", "median over units [spikes/s]", 2),
    Statistic("fano_factor", "Fano", "Fano", "variance of counts over their mean, median", 2),
    Statistic(
        "selective_share", "selective", "select",
        f"share of units that tell items apart, p < {SELECTIVE_BELOW:g}", 3, True,
    ),
    Statistic(
        "item_decoding", "item", "item", "balanced accuracy of decoding the item shown", 2, True
    ),
    Statistic(
        "item_decoding_resolved", "resolved", "resolved",
        "the same from four windows side by side", 2, True,
    ),
    Statistic("memory_auc", "memory", "memory", "AUC of the items held in the delay", 2, True),
    Statistic("probe_side_auc", "side", "side", "AUC of the answer at the probe", 2, True),
    Statistic(
        "reliability", "reliability", "halves",
        "reliability, the correlation of responses between halves of the trials", 2, True,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class SessionSummary:
    """One session's summary, or why there is none."""

    path: Path
    subject: str
    session: str
    summary: RecordingSummary | None
    error: str | None = None  # what is wrong with the file, or why its recording cannot teach
    findings: tuple[str, ...] = ()  # what is odd in a recording that can

    @property
    def is_pooled(self) -> bool:
        """Whether it has a summary and units enough."""
        return self.summary is not None and self.summary.n_units >= LEAST_UNITS


def summarise_sessions(
    paths: Sequence[Path],
    n_workers: int = 1,
    progress: bool = True,
    read: Callable[[Path], Recording] = read_kornblith,
) -> list[SessionSummary]:
    """Every session's summary, in the order of the paths; a broken file does not stop the others.

    A recording that cannot teach has no summary, but what is wrong with it; bad trials of another
    are left out of its summary and counted in its findings.

    Args:
        paths: Session files.
        n_workers: Processes, each with one thread; 1: this process alone, as it is.
        progress: Show a bar of sessions.
        read: Reads one file; a module's function, so that workers find it.

    Raises:
        ValueError: If there is no path or no worker.
    """
    if not paths or n_workers < 1:
        raise ValueError(
            "sessions and workers: expected at least 1 of each, "
            f"came {len(paths)} sessions and {n_workers} workers"
        )
    with tqdm(total=len(paths), unit="session", desc="inspecting", disable=not progress) as bar:
        if n_workers == 1:
            done = []
            for path in paths:
                done.append(_summarise_file(path, read))
                bar.update()
            return done
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(n_workers, len(paths)), context, _start_worker) as pool:
            futures = [pool.submit(_summarise_file, path, read) for path in paths]
            for _ in as_completed(futures):
                bar.update()
            return [future.result() for future in futures]


def sessions_table(sessions: Sequence[SessionSummary]) -> str:
    """One line a session; then median, quartiles and best of those with units enough; meanings.

    What cannot be computed is a dash, never a guess. Sessions with fewer than 15 units carry a
    star and do not enter the pooled lines; what was found in a session follows, and broken files
    with what is wrong with them.
    """
    width = max([len("quartile 3"), *(len(each.session) + 1 for each in sessions)])
    head = f"{'session':{width}} subject" + "".join(
        f" {each.column:>{_width(each)}}" for each in STATISTICS
    )
    lines = [head, "-" * len(head)]
    for each in sessions:
        if each.summary is not None:
            mark = "" if each.is_pooled else "*"
            values = {one.field: float(getattr(each.summary, one.field)) for one in STATISTICS}
            lines.append(_line(each.session + mark, each.subject, values, width))
    shown = [each.summary for each in sessions if each.summary]
    summaries = [each.summary for each in sessions if each.summary and each.is_pooled]
    lines += ["-" * len(head), *_pooled_lines(summaries, width), "-" * len(head)]
    lines += [
        *_legend(),
        f"chance: item and resolved {_chances(shown)} (1 / stimuli told apart, however often each "
        "was",
        "shown), memory and side .5. best: the highest of each column.",
        "for comparison, the 23 published sessions of Kornblith et al. 2017 that have "
        f"{LEAST_UNITS} units",
        "or more: item .22 median, .63 best.",
        f"* fewer than {LEAST_UNITS} units: not in median, quartiles and best "
        f"({len(summaries)} of {len(sessions)} sessions are).",
    ]
    lines += _undefined(sessions)
    lines += [f"found: {each.session}: {text}" for each in sessions for text in each.findings]
    lines += [_left_out(each) for each in sessions if each.error]
    return "\n".join(lines)


def summary_text(session: TrialResponses, summary: RecordingSummary) -> str:
    """What one session holds, a line each; a figure that is undefined says why."""
    lines = [
        f"{session.session}: subject {session.subject}, "
        f"{'SIMULATED' if session.simulated else 'recorded'}",
        f"{session.source}; licence {session.licence}",
        *session.notes,
        "",
    ]
    figures = asdict(summary)
    reasons = figures.pop("undefined")
    for name, value in figures.items():
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        text = f"undefined: {reasons[name]}" if name in reasons else text
        lines.append(f"{name.replace('_', ' '):32s} {text}")
    return "\n".join(lines)


def statistic_values(summaries: Sequence[RecordingSummary], statistic: Statistic) -> np.ndarray:
    """The statistic's values where they are defined."""
    values = np.array([getattr(each, statistic.field) for each in summaries], dtype=np.float64)
    return values[~np.isnan(values)]


def _start_worker() -> None:
    """One thread a worker; scikit-learn brings the libraries that would take more."""
    import sklearn.discriminant_analysis  # noqa: F401
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    end_with_parent()


def _summarise_file(path: Path, read: Callable[[Path], Recording]) -> SessionSummary:
    try:
        recording = in_trials(read(path))
        summary = summarise(fit_to_teach(recording))
    except (ValueError, OSError) as error:
        return SessionSummary(path, path.name[:3], path.stem, None, str(error))
    found = tuple(finding.text for finding in findings(recording))
    return SessionSummary(path, recording.subject, recording.session, summary, findings=found)


def _pooled_lines(summaries: Sequence[RecordingSummary], width: int) -> list[str]:
    values = {each.field: statistic_values(summaries, each) for each in STATISTICS}
    defined = {field: each for field, each in values.items() if len(each)}
    quantiles = (("quartile 1", 25), ("median", 50), ("quartile 3", 75))
    lines = [
        _line(
            name,
            "",
            {field: float(np.percentile(each, share)) for field, each in defined.items()},
            width,
        )
        for name, share in quantiles
    ]
    best = {
        each.field: float(defined[each.field].max())
        for each in STATISTICS
        if each.more_is_better and each.field in defined
    }
    return [*lines, _line("best", "", best, width)]


def _line(name: str, subject: str, values: dict[str, float], width: int) -> str:
    cells = "".join(
        f" {_text(values.get(each.field, float('nan')), each.digits):>{_width(each)}}"
        for each in STATISTICS
    )
    return f"{name:{width}} {subject:7}{cells}"


def _legend() -> list[str]:
    """What the columns mean, in lines as wide as the table."""
    meanings = (f"{each.column}: {each.meaning}" for each in STATISTICS)
    return textwrap.wrap("; ".join(meanings) + ".", COLUMNS_OF_TEXT)


def _undefined(sessions: Sequence[SessionSummary]) -> list[str]:
    """Why there are dashes: each session's columns, those with one reason together."""
    lines = []
    for each in sessions:
        columns: dict[str, list[str]] = {}
        for one in STATISTICS if each.summary else ():
            reason = each.summary.undefined.get(one.field) if each.summary else None
            if reason:
                columns.setdefault(reason, []).append(one.column)
        lines += [
            f"-: {each.session}: {', '.join(names)}: {reason}" for reason, names in columns.items()
        ]
    return lines


def _left_out(session: SessionSummary) -> str:
    """Why a file has no line, its name once."""
    error, name = str(session.error), session.path.name
    return f"left out: {error}" if name in error else f"left out: {name}: {error}"


def _text(value: float, digits: int) -> str:
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def _width(statistic: Statistic) -> int:
    return max(len(statistic.column), 5)


def _chances(summaries: Sequence[RecordingSummary]) -> str:
    chances = sorted({each.chance for each in summaries if not np.isnan(each.chance)})
    return " or ".join(f"{chance:.3f}".lstrip("0") for chance in chances) or "-"
