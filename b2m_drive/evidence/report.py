"""The report of a run: one HTML file that needs nothing else, and its figures as PNG.

Every number in it is read from the run's score table, its configuration or its description of the
brain; a report can be written again at any time from those.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure

from b2m_drive.evidence import figures
from b2m_drive.evidence.figures import condition_of
from b2m_drive.evidence.run_folder import ALIGNMENT, CRITERIA, SUMMARIES, RunFolder, read_run
from b2m_drive.evidence.statistics import Interval, interval_of_mean, restricted_ratio
from b2m_drive.evidence.verdict import (
    ISOLATED_NULLS,
    METRIC_NAMES,
    PROBES,
    STRATEGY_NAMES,
    TEACHER_NULLS,
    Verdict,
    all_verdicts,
    name_of,
    signed,
)

REPORT = "report.html"
_DPI = 110
_KINDS = (*ISOLATED_NULLS, *TEACHER_NULLS, *PROBES)
_CONTROLS = {
    "alone": "the student without any teacher",
    "alone_head": "the same with the transfer head attached at weight 0: must equal alone",
    "alone_labelled": "no teacher, but the recorded trials with their right answers: more data",
    "shuffled": "the same brain, each trial's activity given to another trial, before any fit",
    "untrained_network": "a network of the student's kind that never learnt, read like the brain",
    "random_projection": "a fixed random projection of what the student sees, read like the brain",
    "labels": "which item was shown and which are held, in place of the brain (a probe)",
    "labels_corrupted": "the same, made as unreliable as the brain's decoded items (a probe)",
}


def write_report(folder: Path) -> Path:
    """Write ``report.html`` and ``figures/`` into a run's folder, whole or not at all.

    Raises:
        FileNotFoundError: If a file of the run is missing.
        ValueError: If one is broken, or a null is missing from the table.
    """
    folder = Path(folder)
    run = read_run(folder)
    verdicts = all_verdicts(run)
    drawn = _draw_all(run)
    draft = Path(mkdtemp(prefix=".report-", dir=folder))
    try:
        (draft / "figures").mkdir()
        for name, picture in drawn.items():
            (draft / "figures" / f"{name}.png").write_bytes(picture)
        (draft / REPORT).write_text(_render(run, verdicts, drawn), encoding="utf-8")
        shutil.rmtree(folder / "figures", ignore_errors=True)
        os.replace(draft / "figures", folder / "figures")
        os.replace(draft / REPORT, folder / REPORT)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder / REPORT


def _draw_all(run: RunFolder) -> dict[str, bytes]:
    drawn: dict[str, bytes] = {}
    for reading in run.config["readings"]:
        latents, pairing = reading["latents"], reading["pairing"]
        for name, draw in (
            ("learning_curves", figures.draw_learning_curves),
            ("differences", figures.draw_differences),
            ("alignment", figures.draw_alignment),
        ):
            drawn[f"{name}_{latents}_{pairing}"] = _png(draw(run, latents, pairing))
    path = run.path / "trajectories.npz"
    if path.is_file():
        with np.load(path) as stored:
            names, values = list(stored), [stored[name].tolist() for name in stored]
        drawn["trajectories"] = _png(figures.draw_trajectories(names, values, run))
    return drawn


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _render(run: RunFolder, verdicts: list[Verdict], drawn: dict[str, bytes]) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(
        files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8")
    )
    return template.render(
        config=run.config,
        brain=run.config["brain"],
        decoding=_flat(run.brain),
        verdicts=verdicts,
        metric=METRIC_NAMES[run.config["primary_metric"]],
        sections=[_section(run, verdict) for verdict in verdicts],
        readings=run.config["readings"],
        pictures={name: base64.b64encode(data).decode() for name, data in drawn.items()},
        conditions=[_condition_row(run, name) for name in run.conditions],
        metrics=[METRIC_NAMES[name] for name in SUMMARIES],
        alignment=ALIGNMENT,
        controls={name_of(kind): text for kind, text in _CONTROLS.items()},
        budget=run.budget,
    )


def _section(run: RunFolder, verdict: Verdict) -> dict[str, Any]:
    stem = f"{verdict.strategy}/{verdict.latents}/{verdict.pairing}"
    rows = []
    for kind in _KINDS:
        condition = condition_of(stem, kind)
        differences = [
            signed(interval_of_mean(run.summary(f"{stem}/brain", m) - run.summary(condition, m)))
            for m in SUMMARIES
        ]
        ratios = [_ratio(run, f"{stem}/brain", condition, accuracy) for accuracy in CRITERIA]
        rows.append((name_of(kind), kind in PROBES, *differences, *ratios))
    return {
        "title": f"{STRATEGY_NAMES[verdict.strategy]}, {verdict.latents} latents, "
        f"{verdict.pairing}",
        "rows": rows,
        "headers": [
            *(f"{METRIC_NAMES[m]}, brain minus control" for m in SUMMARIES),
            *(f"trials to {accuracy:.0%}, brain / control" for accuracy in CRITERIA),
        ],
    }


def _ratio(run: RunFolder, brain: str, control: str, accuracy: float) -> str:
    found = restricted_ratio(
        run.trials_to(brain, accuracy), run.trials_to(control, accuracy), run.budget
    )
    n = found.ratio.n
    if found.censored_first == n and found.censored_second == n:
        return "never reached by either"
    text = f"{found.ratio.mean:.2f} [{found.ratio.low:.2f}, {found.ratio.high:.2f}]"
    if found.censored_first or found.censored_second:
        text += f" (not reached: {found.censored_first} and {found.censored_second} of {n})"
    return text


def _condition_row(run: RunFolder, condition: str) -> tuple[str, ...]:
    parts = condition.split("/")
    name = name_of(condition)
    if len(parts) > 1:
        name = f"{'BLT' if parts[0] == 'regression' else 'BCT'}, {', '.join(parts[1:3])}: {name}"
    cells = [_plain(interval_of_mean(run.summary(condition, metric))) for metric in SUMMARIES]
    aligned = any(s.condition == condition and s.metric in ALIGNMENT for s in run.scores)
    for metric in ALIGNMENT:
        cells.append(_plain(interval_of_mean(run.summary(condition, metric))) if aligned else "–")
    return (name, *cells)


def _plain(interval: Interval) -> str:
    return f"{interval.mean:.3f} ± {(interval.high - interval.low) / 2:.3f}"


def _flat(entries: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested figures as lines of name and value."""
    lines: list[tuple[str, str]] = []
    for name, value in entries.items():
        label = f"{before}{name}".replace("_", " ")
        if isinstance(value, dict):
            lines += _flat(value, f"{label}: ")
        elif value is None:
            lines.append((label, "not defined"))
        else:
            lines.append((label, f"{value:.3f}" if isinstance(value, float) else str(value)))
    return lines
