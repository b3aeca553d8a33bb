"""The report of a comparison: one self-contained HTML file, and its figures as PNG.

Every number in it is read from the run's folder or computed from its score table.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.evidence import figures
from b2m_drive.evidence.conditions import (
    BRAIN,
    ISOLATED,
    LABELS,
    MEANINGS,
    NULLS,
    PROBES,
    STRATEGIES,
    Teaching,
    label_of,
)
from b2m_drive.evidence.learning_curves import (
    CRITERIA,
    FINAL_EVALUATIONS,
    SUMMARIES,
    SUMMARY_LABELS,
    LearningCurve,
    trials_to_criterion,
    values_by_seed,
)
from b2m_drive.evidence.run_folder import Run, read_run
from b2m_drive.evidence.statistics import (
    Interval,
    RestrictedRatio,
    binomial_interval,
    holm_corrected,
    mean_interval,
    restricted_mean,
    restricted_ratio,
)
from b2m_drive.evidence.verdict import Grade, Verdict, differences, interval_text, verdicts_of

REPORT = "report.html"
FIGURES = "figures"
CHANCE = 0.5  # accuracy of a choice between left and right
ALIGNMENT_LABELS = {
    "cka": "CKA (linear, unbiased)",
    "rsa": "RSA (Spearman)",
    "predictivity": "predictivity of units (R²)",
}
BRAIN_FIGURES = {  # entry of brain.json -> what a reader calls it
    "n_trials": "trials",
    "n_items": "items a trial",
    "n_stimuli": "different stimuli",
    "median_rate": "median firing rate (Hz)",
    "fano_factor": "Fano factor (median)",
    "selective_share": "share of units selective for items (p < .001)",
    "selective_units": "units selective for items",
    "item_decoding": "item shown now, decoded from one window (accuracy)",
    "item_decoding_resolved": "item shown now, decoded from several windows (accuracy)",
    "chance": "chance of item decoding",
    "item_chance": "chance of item decoding",
    "memory_auc": "item held in memory, decoded in the delay (area under ROC; chance 0.5)",
    "probe_side_auc": "correct side, decoded at the probe (area under ROC; chance 0.5)",
    "reliability": "split-half reliability of item responses (correlation)",
    "split_half_reliability": "split-half reliability of item responses (correlation)",
    "predictivity_ceiling": "noise ceiling: the best correlation a perfect model could reach",
}


@dataclass(frozen=True)
class Picture:
    """A figure, drawn: its file name, caption and PNG."""

    name: str
    caption: str
    png: bytes

    @property
    def source(self) -> str:
        """The image itself, as an address that needs no file."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


@dataclass(frozen=True)
class Table:
    """Text in rows and columns; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class TeachingSection:
    """What the report shows of one strategy and reading."""

    title: str
    learning: Picture
    difference: Picture
    difference_table: Table
    ratio: Picture
    ratio_table: Table
    alignment: Picture | None


def write_report(run_folder: Path) -> Path:
    """Write ``report.html`` and ``figures/*.png`` into a run's folder; returns the former.

    Both are made beside their places and moved there, so a failure leaves what was there before.

    Raises:
        FileNotFoundError: If a file of the run is missing.
        ValueError: If one is broken, or a condition that a verdict needs has no scores.
    """
    run = read_run(run_folder)
    verdicts = verdicts_of(run)
    sections = [_teaching_section(run, teaching) for teaching in run.teachings]
    trajectories = _trajectory_picture(run)
    page = _render(run, verdicts, sections, trajectories)
    pictures = [picture for section in sections for picture in _pictures_of(section)]
    _replace_figures(run_folder, [*pictures, *([trajectories] if trajectories else [])])
    return _replace_page(run_folder, page)


def _render(
    run: Run,
    verdicts: Sequence[Verdict],
    sections: Sequence[TeachingSection],
    trajectories: Picture | None,
) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        files("b2m_drive.evidence").joinpath("report.html.jinja").read_text(encoding="utf-8")
    )
    return template.render(
        run=run,
        config=run.config,
        verdicts=verdicts,
        grade_class={grade: grade.name.lower().replace("_", "-") for grade in Grade},
        metric_label=SUMMARY_LABELS[run.primary_metric],
        title=_title(run),
        question=_question(run),
        brain_table=_brain_table(run),
        decoding_table=_decoding_table(run),
        ceiling_table=_ceiling_table(run),
        sections=sections,
        trajectories=trajectories,
        accuracy_table=_accuracy_table(run),
        speed_table=_speed_table(run),
        meanings=[
            (LABELS[name], role, MEANINGS[name])
            for role, names in (("taught", [BRAIN]), ("null", NULLS), ("probe", PROBES))
            for name in names
        ],
        method_table=_method_table(run),
        budget=f"{_budget(run):,}",
        recorded_batch_size=run.config["recorded_batch_size"],
        final_evaluations=FINAL_EVALUATIONS,
    )


def _title(run: Run) -> str:
    kind = "a simulated brain" if run.simulated else "a human brain"
    return f"What {kind} ({run.config['brain']['name']}) taught a network"


def _question(run: Run) -> str:
    simulated = "a simulated" if run.simulated else "a recorded"
    strategies = " and ".join(STRATEGIES[name] for name in run.config["strategies"])
    return (
        f"Does {simulated} brain ({run.config['brain']['name']}) teach a recurrent network to "
        f"remember, beyond what every null teaches? Asked of {strategies}, with "
        f"{len(run.config['seeds'])} seeds, {_budget(run):,} training trials for each student "
        "and the same trials, seeds and steps for all."
    )


def _budget(run: Run) -> int:
    return int(run.config["n_steps"]) * run.batch_size


def _brain_table(run: Run) -> Table:
    brain = run.config["brain"]
    preset = f", preset {brain['preset']}" if brain.get("preset") else ""
    regions = ", ".join(f"{name} {count}" for name, count in brain["regions"].items())
    rows = [
        ("kind", f"SIMULATED{preset}" if run.simulated else "recorded"),
        ("session", brain["session"]),
        ("subject", brain["subject"]),
        ("units", f"{brain['n_units']} ({regions})"),
        ("trials", f"{brain['n_trials_teaching']} teach, {brain['n_trials_held_out']} held out"),
        ("source", brain["source"]),
        ("licence", brain["licence"]),
        *(("note", str(note)) for note in brain["notes"]),
    ]
    return Table(("the brain", ""), tuple(rows))


def _decoding_table(run: Run) -> Table:
    named = [(label, run.brain[key]) for key, label in BRAIN_FIGURES.items() if key in run.brain]
    others = [
        (key.replace("_", " "), value)
        for key, value in run.brain.items()
        if key not in BRAIN_FIGURES and not isinstance(value, dict | list) and key != "n_units"
    ]
    rows = tuple((label, _figure_text(value)) for label, value in (*named, *others))
    return Table(("figure", "value"), rows)


def _ceiling_table(run: Run) -> Table | None:
    """Explainable variance of each reading's latents, a column a phase of the trial."""
    ceilings = run.brain.get("explainable_variance")
    if not isinstance(ceilings, dict) or not ceilings:
        return None
    by_phase = {
        name: each if isinstance(each, dict) else {"all": each} for name, each in ceilings.items()
    }
    phases = list(dict.fromkeys(phase for each in by_phase.values() for phase in each))
    rows = tuple(
        (name, *(_figure_text(each.get(phase)) for phase in phases))
        for name, each in by_phase.items()
    )
    return Table(("latents", *phases), rows)


def _teaching_section(run: Run, teaching: Teaching) -> TeachingSection:
    controls = [n for n in (*NULLS, *PROBES) if teaching.condition(n) in run.curves]
    by_metric = {name: differences(run.curves, teaching, name, controls) for name in SUMMARIES}
    ratios = {
        criterion: {name: _ratio(run, teaching, name, criterion) for name in controls}
        for criterion in CRITERIA
    }
    titled = {SUMMARY_LABELS[name]: each for name, each in by_metric.items()}
    return TeachingSection(
        teaching.label,
        _draw(
            figures.learning_curve_figure(
                run.curves, teaching, run.batch_size, CHANCE, run.simulated
            ),
            f"{teaching.slug}-learning",
            "Accuracy on held-out generated trials over training. Lines are means over seeds, "
            "bands their 95 % intervals.",
        ),
        _draw(
            figures.difference_figure(titled, teaching, run.simulated),
            f"{teaching.slug}-differences",
            "Brain minus control, paired by seed, with 95 % intervals. Right of zero: the brain "
            "taught more. Above the dotted line the nulls, which decide; below it the probes.",
        ),
        _difference_table(by_metric),
        _draw(
            figures.ratio_figure(ratios, teaching, run.simulated),
            f"{teaching.slug}-trials-to-criterion",
            "Training trials until an accuracy is first reached, brain divided by control, with "
            "95 % intervals. Students that never reached it count at the budget of "
            f"{_budget(run):,} trials.",
        ),
        _ratio_table(ratios),
        _alignment_picture(run, teaching),
    )


def _ratio(run: Run, teaching: Teaching, control: str, criterion: float) -> RestrictedRatio:
    brain, other = (
        trials_to_criterion(run.curves[teaching.condition(name)], criterion, run.batch_size)
        for name in (BRAIN, control)
    )
    return restricted_ratio(brain, other)


def _difference_table(by_metric: Mapping[str, Mapping[str, Any]]) -> Table:
    """Differences, and t-tests corrected over the controls of each metric (Holm)."""
    corrected = {
        metric: dict(
            zip(
                each,
                holm_corrected(np.array([d.p_value for d in each.values()])),
                strict=True,
            )
        )
        for metric, each in by_metric.items()
    }
    header = ["brain minus"]
    for metric in by_metric:
        header += [f"{SUMMARY_LABELS[metric]} [95\u00a0%]", "p (Holm)"]
    controls = next(iter(by_metric.values()))
    rows = []
    for name in controls:
        row = [LABELS[name]]
        for metric, each in by_metric.items():
            row += [interval_text(each[name]), _p_text(corrected[metric][name])]
        rows.append(tuple(row))
    return Table(tuple(header), tuple(rows))


def _ratio_table(by_criterion: Mapping[float, Mapping[str, RestrictedRatio]]) -> Table:
    header = ["brain ÷"]
    for criterion in by_criterion:
        header += [f"trials to {_percent(criterion)} [95\u00a0%]", "not reached: brain, control"]
    controls = next(iter(by_criterion.values()))
    rows = []
    for name in controls:
        row = [LABELS[name]]
        for ratios in by_criterion.values():
            row += list(_ratio_text(ratios[name]))
        rows.append(tuple(row))
    return Table(tuple(header), tuple(rows))


def _ratio_text(ratio: RestrictedRatio) -> tuple[str, str]:
    censored = f"{ratio.n_censored_treated}, {ratio.n_censored_control} of {ratio.n}"
    if not ratio.observed:
        return "—", censored
    bounds = f"[{_plain(ratio.low, 2)}, {_plain(ratio.high, 2)}]"
    return f"{ratio.ratio:.2f} {bounds}", censored


def _alignment_picture(run: Run, teaching: Teaching) -> Picture | None:
    by_metric: dict[str, dict[str, Interval]] = {}
    for metric, label in ALIGNMENT_LABELS.items():
        values = values_by_seed(run.scores, metric)
        found = {
            name: mean_interval(values[teaching.condition(name)])
            for name in (BRAIN, *NULLS, *PROBES)
            if teaching.condition(name) in values
        }
        if found:
            by_metric[label] = found
    if not by_metric:
        return None
    return _draw(
        figures.alignment_figure(by_metric, teaching, run.simulated),
        f"{teaching.slug}-alignment",
        "Alignment of the students' hidden state with the neurons, on recorded trials that "
        "taught nobody. Dots are means over seeds, lines 95 % intervals. Following the trial's "
        "events alone gives some alignment: compare with the students that had no teacher.",
    )


def _trajectory_picture(run: Run) -> Picture | None:
    if not run.trajectories:
        return None
    return _draw(
        figures.trajectory_figure(run.trajectories, run.simulated),
        "trajectories",
        "Latents averaged over groups of trials, one colour a group, in the brain and in "
        "students. Axes differ between panels: only shapes can be compared.",
    )


def _accuracy_table(run: Run) -> Table:
    """Accuracy and alignment of every condition."""
    alignment = {
        label: values
        for metric, label in ALIGNMENT_LABELS.items()
        if (values := values_by_seed(run.scores, metric))
    }
    header = ("condition", "seeds", *(SUMMARY_LABELS[name] for name in SUMMARIES), *alignment)
    rows = []
    for condition in _ordered(run):
        curve = run.curves[condition]
        row = [_long_label(condition, run.simulated), str(len(curve.seeds))]
        row += [_interval_plain(mean_interval(each(curve)), 3) for each in SUMMARIES.values()]
        row += [
            _interval_plain(mean_interval(values[condition]), 3) if condition in values else "—"
            for values in alignment.values()
        ]
        rows.append(tuple(row))
    return Table(header, tuple(rows))


def _speed_table(run: Run) -> Table:
    """Training trials to each criterion and how many seeds reached it, of every condition."""
    header = ["condition"]
    for criterion in CRITERIA:
        header += [f"trials to {_percent(criterion)}", "reached by"]
    rows = []
    for condition in _ordered(run):
        row = [_long_label(condition, run.simulated)]
        for criterion in CRITERIA:
            row += _trials_text(run.curves[condition], criterion, run.batch_size)
        rows.append(tuple(row))
    return Table(tuple(header), tuple(rows))


def _ordered(run: Run) -> list[str]:
    """Conditions in the order of the verdicts, then any others of the table."""
    known = [name for name in ISOLATED if name in run.curves]
    for teaching in run.teachings:
        names = (teaching.condition(name) for name in LABELS if name not in ISOLATED)
        known += [name for name in names if name in run.curves]
    return known + [name for name in run.curves if name not in known]


def _long_label(condition: str, simulated: bool) -> str:
    parts = condition.split("/")
    label = label_of(condition, simulated)
    if len(parts) != 4:
        return label
    short = {"regression": "BLT", "contrastive": "BCT"}.get(parts[0], parts[0])
    return f"{short}, {parts[1]}, {parts[2]}: {label}"


def _trials_text(curve: LearningCurve, criterion: float, batch_size: int) -> tuple[str, str]:
    times = trials_to_criterion(curve, criterion, batch_size)
    n = len(times.reached)
    n_reached = n - times.n_censored
    low, high = binomial_interval(n_reached, n)
    reached = f"{n_reached} of {n} [{_percent(low)}, {_percent(high)}]"
    return _interval_plain(restricted_mean(times), 0) if n_reached else "—", reached


def _method_table(run: Run) -> Table:
    config = run.config
    shown_elsewhere = {"brain", "limits", "readings", "versions", "study"}
    rows = [
        (name.replace("_", " "), _setting_text(value))
        for name, value in config.items()
        if name not in shown_elsewhere
    ]
    rows.append(("readings", _setting_text([" ".join(r.values()) for r in config["readings"]])))
    rows.append(("versions", _setting_text(config["versions"])))
    return Table(("setting", "value"), tuple(rows))


def _setting_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_setting_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_setting_text(each) for each in value)
    if value is None:
        return "none"
    return str(value)


def _figure_text(value: Any) -> str:
    if value is None:
        return "undefined for this recording"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return str(value) if isinstance(value, int) else _plain(value, 3)


def _interval_plain(interval: Interval, digits: int) -> str:
    bounds = f"[{_plain(interval.low, digits)}, {_plain(interval.high, digits)}]"
    return f"{_plain(interval.mean, digits)} {bounds}"


def _plain(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace("-", "−").replace("inf", "∞")


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _p_text(p_value: float) -> str:
    return "< .001" if p_value < 0.001 else f"{p_value:.3f}".removeprefix("0")


def _draw(figure: Any, name: str, caption: str) -> Picture:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", facecolor="white")
    return Picture(f"{name}.png", caption, buffer.getvalue())


def _pictures_of(section: TeachingSection) -> Iterable[Picture]:
    found = (section.learning, section.difference, section.ratio, section.alignment)
    return (picture for picture in found if picture)


def _replace_figures(folder: Path, pictures: Sequence[Picture]) -> None:
    draft, old = folder / f".{FIGURES}.draft", folder / f".{FIGURES}.old"
    for left_over in (draft, old):
        shutil.rmtree(left_over, ignore_errors=True)
    draft.mkdir()
    for picture in pictures:
        (draft / picture.name).write_bytes(picture.png)
    if (folder / FIGURES).exists():
        os.replace(folder / FIGURES, old)
    os.replace(draft, folder / FIGURES)
    shutil.rmtree(old, ignore_errors=True)


def _replace_page(folder: Path, page: str) -> Path:
    draft = folder / f".{REPORT}.draft"
    draft.write_text(page, encoding="utf-8")
    os.replace(draft, folder / REPORT)
    return folder / REPORT
