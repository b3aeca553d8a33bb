"""``b2m-drive runs``: which runs lie here, how far they are, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from b2m_drive.comparisons.run_summaries import RunSummary

WIDTH = 100  # columns of the table
_COLUMNS = (  # heading, columns
    ("run", 21), ("study", 8), ("brain", 14), ("student", 10), ("state", 7), ("jobs", 7),
    ("verdict", 15), ("changed", 10),
)  # fmt: skip
_NEXT = {
    "planned": "planned: call the command that planned it again, to run it",
    "running": "running: wait; each finished job is kept",
    "stopped": "stopped: call the command that began it again, to go on from there",
    "failed": "failed: jobs.jsonl in its folder says why; call its command again to retry",
    "broken": "broken: mend, move or delete the folder",
    "done": "done: b2m-drive report RUN... puts them side by side; b2m-drive table RUN... --out "
    "scores.csv gives every score",
}


def runs(
    folder: Annotated[Path, typer.Argument(help="That runs lie below.")] = Path("runs"),
) -> None:
    """List the runs below a folder: study, brain, student, state, jobs done, verdict.

    A brain with * is simulated.
    """
    from b2m_drive.comparisons.run_summaries import runs_in

    found = runs_in(folder)
    typer.echo(runs_text(found, folder))


def runs_text(found: Sequence[RunSummary], folder: Path) -> str:
    """The table, and below it what is wrong and what to do next."""
    if not found:
        return f"no runs below {folder}; b2m-drive demo makes the first, in a few minutes"
    lines = [_line([heading for heading, _ in _COLUMNS])]
    for each in found:
        lines += _lines_of(each, folder)
    notes = ["* simulated brain"] if any(each.simulated for each in found) else []
    states = {each.state for each in found}
    notes += [text for state, text in _NEXT.items() if state in states]
    return "\n".join([*lines, "", *(wrapped for note in notes for wrapped in _wrapped(note))])


def _lines_of(run: RunSummary, folder: Path) -> list[str]:
    name = _name(run, folder)
    if run.state == "broken":
        return [_cut(f"{_cut(name, 21):21} {run.state}: {run.problem}", WIDTH)]
    study = run.study.removeprefix("memory_")
    cells = [
        name, study, f"{run.brain}{'*' if run.simulated else ''}", run.student, run.state,
        _jobs(run), run.verdict, _when(run.changed),
    ]  # fmt: skip
    if run.problem:
        cells[6] = "none, see"
    line = _line(cells, star=bool(run.simulated))
    rest = run.verdict if len(run.verdict) > 15 else run.problem
    return [line, *(f"    {part}" for part in _wrapped(rest, WIDTH - 4))] if rest else [line]


def _when(changed: datetime) -> str:
    """Day and time; of what is older than half a year, the day with its year."""
    recent = datetime.now(UTC) - changed < timedelta(days=182)
    return f"{changed.astimezone():{'%m-%d %H:%M' if recent else '%Y-%m-%d'}}"


def _name(run: RunSummary, folder: Path) -> str:
    name = str(run.folder.relative_to(folder))
    return str(folder) if name == "." else name


def _jobs(run: RunSummary) -> str:
    done = "?" if run.n_done is None else str(run.n_done)
    return f"{done}/{'?' if run.n_jobs is None else run.n_jobs}"


def _line(cells: Sequence[str], *, star: bool = False) -> str:
    shown = []
    for (heading, width), cell in zip(_COLUMNS, cells, strict=True):
        if heading == "changed":
            shown.append(cell)
        elif heading == "verdict" and len(cell) > width:
            shown.append("see below".ljust(width))
        else:
            keep = "*" if heading == "brain" and star and len(cell) > width else ""
            shown.append((_cut(cell.removesuffix(keep), width - len(keep)) + keep).ljust(width))
    return " ".join(shown).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)
