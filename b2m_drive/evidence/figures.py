"""The figures of a report, each from the score table of its run."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from b2m_drive.evidence.run_folder import ALIGNMENT, SUMMARIES, RunFolder
from b2m_drive.evidence.statistics import interval_of_mean, paired_difference
from b2m_drive.evidence.verdict import (
    ISOLATED_NULLS,
    METRIC_NAMES,
    PROBES,
    STRATEGY_NAMES,
    TEACHER_NULLS,
    name_of,
)

# Okabe & Ito's palette, told apart with any colour vision.
COLOURS = {
    "brain": "#0072B2",
    "alone": "#000000",
    "alone_head": "#999999",
    "alone_labelled": "#8c6d31",
    "shuffled": "#E69F00",
    "untrained_network": "#009E73",
    "random_projection": "#CC79A7",
    "labels": "#56B4E9",
    "labels_corrupted": "#D55E00",
}
_CURVES = ("alone", "alone_labelled", *TEACHER_NULLS, "labels", "brain")
_ALIGNMENT_NAMES = {
    "cka": "CKA (debiased, linear)",
    "rsa": "RSA (Spearman)",
    "predictivity": "predictivity (held-out R²)",
}


def condition_of(stem: str, kind: str) -> str:
    """Full name of a condition: those alone belong to no strategy."""
    return kind if kind in ISOLATED_NULLS else f"{stem}/{kind}"


def draw_learning_curves(run: RunFolder, latents: str, pairing: str) -> Figure:
    """Accuracy over training with 95 % bands, one panel a strategy."""
    strategies = run.config["strategies"]
    figure = Figure(figsize=(5.6 * len(strategies), 4.4), layout="constrained")
    panels = figure.subplots(1, len(strategies), sharey=True, squeeze=False)[0]
    trials = run.steps * run.config["batch_size"] / 1000
    for axes, strategy in zip(panels, strategies, strict=True):
        for kind in _CURVES:
            curves = run.curves(condition_of(f"{strategy}/{latents}/{pairing}", kind))
            bands = [interval_of_mean(curves[:, k]) for k in range(curves.shape[1])]
            style = {"lw": 2.6 if kind == "brain" else 1.4, "color": COLOURS[kind]}
            dashed = "--" if kind == "labels" else "-"
            mean = [band.mean for band in bands]
            axes.plot(trials, mean, dashed, label=_label(run, kind), **style)
            axes.fill_between(
                trials,
                [band.low for band in bands],
                [band.high for band in bands],
                color=COLOURS[kind],
                alpha=0.12,
                lw=0,
            )
        axes.axhline(0.5, color="0.7", lw=1, ls=":")
        axes.set(title=STRATEGY_NAMES[strategy], xlabel="generated trials seen (thousands)")
        axes.set_ylim(0.42, 1.01)
        _tidy(axes)
    panels[0].set_ylabel("accuracy on held-out trials (chance .5)")
    panels[-1].legend(frameon=False, fontsize=9, loc="lower right")
    _title(figure, run, f"Learning curves, {latents} latents, {pairing}; mean and 95 % band")
    return figure


def draw_differences(run: RunFolder, latents: str, pairing: str) -> Figure:
    """Brain minus each control with 95 % intervals: nulls above, probes below."""
    strategies, kinds = run.config["strategies"], (*ISOLATED_NULLS, *TEACHER_NULLS, *PROBES)
    figure = Figure(figsize=(11.2, 3.3 * len(strategies)), layout="constrained")
    panels = figure.subplots(len(strategies), len(SUMMARIES), sharex="col", squeeze=False)
    for row, strategy in zip(panels, strategies, strict=True):
        stem = f"{strategy}/{latents}/{pairing}"
        for axes, metric in zip(row, SUMMARIES, strict=True):
            brain = run.summary(f"{stem}/brain", metric)
            for place, kind in enumerate(kinds):
                other = run.summary(condition_of(stem, kind), metric)
                found = paired_difference(brain, other)
                axes.plot([found.low, found.high], [-place, -place], color=COLOURS[kind], lw=2.4)
                axes.plot(found.mean, -place, "o", color=COLOURS[kind], ms=6)
            axes.axvline(0, color="0.4", lw=1)
            axes.axhline(0.5 - len(kinds) + len(PROBES), color="0.8", lw=1, ls=":")
            axes.set_yticks([-k for k in range(len(kinds))], [])
            axes.set_title(f"{STRATEGY_NAMES[strategy]}: {METRIC_NAMES[metric]}", fontsize=10)
            _tidy(axes)
        row[0].set_yticklabels([name_of(kind) for kind in kinds], fontsize=9)
    for axes in panels[-1]:
        axes.set_xlabel("brain minus control (share of trials); right of 0: the brain is better")
    _title(figure, run, "Differences, paired by seed, 95 % intervals; probes below the dotted line")
    return figure


def draw_alignment(run: RunFolder, latents: str, pairing: str) -> Figure:
    """How like the brain the students became, taught and untaught."""
    kinds = (
        "alone_labelled",
        "shuffled",
        "untrained_network",
        "random_projection",
        "labels",
        "brain",
    )
    figure = Figure(figsize=(11.2, 3.6), layout="constrained")
    for axes, metric in zip(figure.subplots(1, len(ALIGNMENT)), ALIGNMENT, strict=True):
        for offset, strategy in enumerate(run.config["strategies"]):
            for place, kind in enumerate(kinds):
                condition = condition_of(f"{strategy}/{latents}/{pairing}", kind)
                found = interval_of_mean(run.summary(condition, metric))
                y = -place - 0.25 * offset
                axes.plot([found.low, found.high], [y, y], color=COLOURS[kind], lw=2)
                axes.plot(found.mean, y, "os"[offset % 2], color=COLOURS[kind], ms=5)
        axes.set_yticks([-k for k in range(len(kinds))], [])
        axes.set_xlabel(_ALIGNMENT_NAMES[metric])
        _tidy(axes)
        if metric == ALIGNMENT[0]:
            axes.set_yticklabels([name_of(kind) for kind in kinds], fontsize=9)
    _title(figure, run, "Alignment with the brain on held-out recorded trials (● BLT, ■ BCT)")
    return figure


def draw_trajectories(
    names: list[str], values: list[list[list[list[float]]]], run: RunFolder
) -> Figure:
    """Two latents over a trial, one line for each first item, of the brain and of students."""
    from matplotlib import colormaps

    figure = Figure(figsize=(3.6 * len(names), 3.6), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name, groups in zip(panels, names, values, strict=True):
        for index, path in enumerate(groups):
            colour = colormaps["viridis"](index / max(len(groups) - 1, 1))
            xs, ys = zip(*path, strict=True)
            axes.plot(xs, ys, "-", color=colour, lw=1.3)
            axes.plot(xs[0], ys[0], "o", color=colour, ms=4)
            axes.plot(xs[-1], ys[-1], "s", color=colour, ms=4)
        axes.set(title=name, xlabel="component 1 (a.u.)")
        _tidy(axes)
    panels[0].set_ylabel("component 2 (a.u.)")
    _title(figure, run, "From the first item (●) to the end of the delay (■), by first item")
    return figure


def _label(run: RunFolder, kind: str) -> str:
    simulated = kind == "brain" and run.config["brain"]["simulated"]
    return "brain (SIMULATED)" if simulated else name_of(kind)


def _title(figure: Figure, run: RunFolder, text: str) -> None:
    brain = run.config["brain"]
    kind = "SIMULATED brain" if brain["simulated"] else "recorded brain"
    figure.suptitle(
        f"{text}\n{kind} {brain['name']}, {len(run.config['seeds'])} seeds", fontsize=10
    )


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
