"""The tables of every condition of a comparison: what it scored, and how soon."""

from __future__ import annotations

from b2m_drive.comparisons.run_folder import Run
from b2m_drive.comparisons.study import summary_label
from b2m_drive.evidence.condition import BASELINES, SHORT_STRATEGIES, Condition
from b2m_drive.evidence.learning_curves import (
    SUMMARIES,
    LearningCurve,
    trials_to_criterion,
    values_by_seed,
)
from b2m_drive.evidence.statistics import binomial_interval, mean_interval, restricted_mean
from b2m_drive.reports.report_parts import Table, interval_plain, percent

ALIGNMENT_LABELS = {
    "cka": "CKA (linear, unbiased, between trials)",
    "rsa": "RSA (Spearman, between trials)",
    "predictivity": "predictivity of units (R²)",
}


def accuracy_table(run: Run) -> Table:
    """Score and alignment of every condition."""
    alignment = {
        label: values
        for metric, label in ALIGNMENT_LABELS.items()
        if (values := values_by_seed(run.scores, metric))
    }
    labels = [summary_label(name, run.study) for name in SUMMARIES]
    header = ("condition", "seeds", *labels, *alignment)
    rows = []
    for condition in _ordered(run):
        curve = run.curves[condition]
        row = [_long_label(condition, run), str(len(curve.seeds))]
        row += [interval_plain(mean_interval(each(curve)), 3) for each in SUMMARIES.values()]
        row += [
            interval_plain(mean_interval(values[condition]), 3) if condition in values else "—"
            for values in alignment.values()
        ]
        rows.append(tuple(row))
    return Table(header, tuple(rows))


def speed_table(run: Run) -> Table:
    """Training samples to each criterion and how many seeds reached it, of every condition."""
    header = ["condition"]
    for criterion in run.study.criteria:
        header += [run.study.samples_to(criterion), "reached by"]
    rows = []
    for condition in _ordered(run):
        row = [_long_label(condition, run)]
        for criterion in run.study.criteria:
            row += _trials_text(run.curves[condition], criterion, run.batch_size)
        rows.append(tuple(row))
    return Table(tuple(header), tuple(rows))


def _ordered(run: Run) -> list[Condition]:
    """Conditions in the order of the verdicts, then any others of the table."""
    known = [name for name in map(Condition, BASELINES) if name in run.curves]
    for method in run.methods:
        names = (method.condition(name) for name in run.study.labels if name not in BASELINES)
        known += [name for name in names if name in run.curves]
    return known + [name for name in run.curves if name not in known]


def _long_label(condition: Condition, run: Run) -> str:
    method = condition.method
    label = run.study.label_of(condition.control, run.simulated)
    if method is None:
        return label
    return f"{SHORT_STRATEGIES[method.strategy]}, {method.latents}, {method.pairing}: {label}"


def _trials_text(curve: LearningCurve, criterion: float, batch_size: int) -> tuple[str, str]:
    times = trials_to_criterion(curve, criterion, batch_size)
    n = len(times.reached)
    n_reached = n - times.n_censored
    low, high = binomial_interval(n_reached, n)
    reached = f"{n_reached} of {n} [{percent(low)}, {percent(high)}]"
    return interval_plain(restricted_mean(times), 0) if n_reached else "—", reached
