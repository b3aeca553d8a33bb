"""What the report of the driving study shows besides what every report shows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from b2m_drive.comparisons.configuration import DrivingConfiguration
from b2m_drive.comparisons.run_folder import Run
from b2m_drive.comparisons.variations import DRIVING_AXES
from b2m_drive.comparisons.verdict import interval_text
from b2m_drive.evidence.condition import BRAIN, LATENTS, STRATEGIES, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import FINAL_EVALUATIONS, learning_curves, values_by_seed
from b2m_drive.evidence.scores import Score
from b2m_drive.evidence.statistics import mean_interval, paired_difference
from b2m_drive.reports import driving_charts as drawn
from b2m_drive.reports.charts import Chart
from b2m_drive.reports.report_parts import (
    Picture,
    Section,
    StudyPages,
    Table,
    figure_text,
    interval_plain,
)
from b2m_drive.reports.scenes import flipped_scenes, traversed
from b2m_drive.reports.variation_report import variation_section

R2_PREFIX = "r2:"  # metric of one variable of the state
VEHICLE_PIXELS = "vehicle_pixels"  # share of their variance explained; runs before 0.9.0 lack it
RECONSTRUCTION, VEHICLES, SSIM, HAZARD = (
    "reconstruction_error",
    "vehicle_error",
    "ssim",
    "hazard_auc",
)
REFERENCES = (
    "Driving environments: highway-env, Leurent (2018), github.com/Farama-Foundation/HighwayEnv.",
    "VAE: Kingma & Welling (2014), arXiv 1312.6114; weight of the divergence: Higgins et al. "
    "(2017), β-VAE.",
    "SSIM: Wang, Bovik, Sheikh, Simoncelli (2004), doi 10.1109/TIP.2003.819861.",
)


def driving_pages(run: Run) -> StudyPages:
    """What the brain says, reconstructions, variables, curves and traversals of a driving run."""
    return StudyPages(
        question=_question(run),
        about_brain=_about_brain(run),
        results=tuple(
            part
            for part in (
                _reconstruction_section(run),
                _variables_section(run),
                *_variation_sections(run),
                _traversal_section(run),
            )
            if part
        ),
        how=_how(run),
        references=REFERENCES,
    )


def _how(run: Run) -> str:
    config = run.configuration(DrivingConfiguration)
    return (
        f"Every student sees {run.batch_size} frames a step, drawn from the same first "
        f"{config.n_frames:,} frames of the teaching episodes (fewer where the number of "
        "frames is varied); all scores are on frames of other episodes. R² of the scene's state: "
        "how much of each variable a ridge regression reads from the latents, cross-validated "
        "over held-out episodes, averaged over the variables that vary. Errors are squared grey "
        "levels (black 0, white 1), averaged over the pixels of the whole scene, and of other "
        "vehicles in the newest frame alone. Vehicle pixels explained: share of their "
        "variance around the mean picture; 0 is one picture for all scenes, 1 a perfect one."
    )


def _question(run: Run) -> str:
    config = run.configuration(DrivingConfiguration)
    kind = "a simulated brain" if run.simulated else "a recorded brain"
    strategies = " and ".join(STRATEGIES[name] for name in run.config.strategies)
    return (
        f"Does {kind} ({run.config.brain.name}) that watched a drive teach an encoder of "
        "driving scenes what matters in them, beyond what every null teaches? Asked of "
        f"{strategies}, with {len(run.config.seeds)} seeds, {config.n_frames:,} frames "
        f"of {config.scenes.scenario} and {run.config.n_steps:,} steps for all."
    )


def _about_brain(run: Run) -> tuple[Section, ...]:
    decoded: Mapping[str, float | None] = run.brain["decoding"]
    table = Table(
        ("variable of the scene", "R² of a ridge decoder"),
        tuple((_word(name), figure_text(value)) for name, value in decoded.items()),
    )
    delay, config = run.brain["delay"], run.configuration(DrivingConfiguration)
    latents = LATENTS.get(config.latents, config.latents.replace("_", " "))
    rows = (
        ("delay of the pairing", f"{delay['seconds']:.2f} s, {delay['how']}"),
        ("window", f"{config.window:g} s"),
        ("latents", f"{run.brain['n_latents']} ({latents})"),
        ("variance of the responses that they hold", figure_text(run.brain["share_held"])),
        ("teaching frames without a response", str(run.brain["n_lost"])),
    )
    sections = [
        Section(
            "What can be read from the brain's responses",
            tables=(Table(("pairing", ""), rows), table),
            aside="Cross-validated over the teaching episodes: what a linear decoder reads from a "
            "single response. A student that learns from thousands of frames averages noise out "
            "and can get to know more. No frame was shown twice, so there is no noise ceiling.",
        )
    ]
    if delay["candidates"]:
        caption = (
            "How well the scene's state is read from the brain's responses (cross-validated R² "
            "over teaching episodes), by the delay at which they are taken. The best is used; a "
            "flat maximum says that the delay hardly matters."
        )
        chart = drawn.delay_chart(
            delay["candidates"], delay["scores"], delay["seconds"], run.simulated, caption
        )
        sections.append(Section("The delay, estimated", charts=(chart,)))
    return tuple(sections)


def _reconstruction_section(run: Run) -> Section:
    scenes = flipped_scenes(run.pictures, run.study, run.simulated) if run.pictures else None
    return Section(
        "Reconstruction",
        charts=tuple(chart for method in run.methods for chart in _curve_charts(run, method)),
        scenes=scenes,
        tables=(_final_table(run), *(_cost_table(run, each) for each in run.methods)),
        aside="Means over seeds [95 % interval] after training; errors × 1,000.",
    )


def _curve_charts(run: Run, method: TransferMethod) -> list[Chart]:
    """The error of the whole scene over training, and what is seen of other vehicles."""
    charts = [drawn.error_chart(learning_curves(_own(run), RECONSTRUCTION), method, run)]
    if _has(run, VEHICLE_PIXELS):
        curves = learning_curves(_own(run), VEHICLE_PIXELS)
        charts.append(drawn.vehicle_chart(curves, method, run))
    return charts


def _final_table(run: Run) -> Table:
    columns = {
        "error, whole scene": (_last(run, RECONSTRUCTION), 1000.0, 2),
        "error, other vehicles": (_last(run, VEHICLES), 1000.0, 2),
        **(
            {"vehicle pixels explained": (_last(run, VEHICLE_PIXELS), 1.0, 3)}
            if _has(run, VEHICLE_PIXELS)
            else {}
        ),
        "SSIM": (values_by_seed(_own(run), SSIM), 1.0, 3),
        "hazard (area under ROC)": (values_by_seed(_own(run), HAZARD), 1.0, 3),
    }
    rows = []
    for condition in run.curves:
        row = [run.study.long_label_of(condition, run.simulated)]
        for values, scale, digits in columns.values():
            found = values.get(condition)
            row.append(
                interval_plain(mean_interval(found * scale), digits) if found is not None else "—"
            )
        rows.append(tuple(row))
    return Table(("condition", *columns), tuple(rows))


def _cost_table(run: Run, method: TransferMethod) -> Table:
    """Brain minus each control in reconstruction error: below zero, the brain's is better."""
    names = {"whole scene": RECONSTRUCTION, "other vehicles": VEHICLES}
    values = {name: _last(run, metric) for name, metric in names.items()}
    rows = []
    for control in (*run.study.nulls, *run.study.probes):
        condition = method.condition(control)
        row = [run.study.labels[control]]
        for each in values.values():
            if condition in each:
                brain, other = each[method.condition(BRAIN)], each[condition]
                row.append(interval_text(paired_difference(1000 * brain, 1000 * other)))
            else:
                row.append("—")
        rows.append(tuple(row))
    header = f"{method.label}: error × 1,000, brain minus"
    return Table((header, *names), tuple(rows))


def _variables_section(run: Run) -> Section | None:
    metrics = sorted({each.metric for each in run.scores if each.metric.startswith(R2_PREFIX)})
    if not metrics:
        return None
    own = _own(run)
    table = {
        _word(metric.removeprefix(R2_PREFIX)): {
            condition: float(values.mean())
            for condition, values in values_by_seed(own, metric).items()
        }
        for metric in metrics
    }
    caption = (
        "R² of each variable of the scene that varies, read from the latents of held-out frames "
        "after training; means over seeds. Negative values are shown as they are."
    )
    left_out = run.configuration(DrivingConfiguration).scenes.variables_left_out or ()
    aside = (
        "Left out, since they are constant or seldom defined here: "
        f"{', '.join(map(_word, left_out))}."
    )
    return Section(
        "What can be read from the latents, variable by variable",
        charts=(drawn.variable_chart(table, list(run.curves), run, caption),),
        aside=aside if left_out else "",
    )


def _variation_sections(run: Run) -> list[Section | None]:
    """Final R² by each number that was varied, the comparison's own students among the points."""
    config = run.configuration(DrivingConfiguration)
    own = {"n_frames": float(config.n_frames), "signal": config.signal or 0.0}
    return [variation_section(run, number, own[number.axis]) for number in DRIVING_AXES]


def _traversal_section(run: Run) -> Section | None:
    traversals = {
        Condition.parse(name.removesuffix("/traversal")): values
        for name, values in run.pictures.items()
        if name.endswith("/traversal")
    }
    pictures: list[Picture] = []
    for condition, values in traversals.items():
        label = run.study.long_label_of(condition, run.simulated)
        latents, png = traversed(values)
        caption = (
            f"{'SIMULATED BRAIN. ' if run.simulated else ''}{label}: one held-out scene, decoded "
            "while one latent at a time goes from −3 to 3 (standard deviations of the prior), left "
            "to right. Rows are the latents that change the picture most, from above "
            f"{', '.join(map(str, latents))}."
        )
        pictures.append(Picture(f"traversal-{condition.slug}.png", caption, png))
    return Section("Latent traversals", pictures=tuple(pictures)) if pictures else None


def _own(run: Run) -> list[Score]:
    return [score for score in run.scores if score.condition.variation is None]


def _has(run: Run, metric: str) -> bool:
    """Whether a metric was scored: files without masks and older runs lack some."""
    return any(score.metric == metric for score in _own(run))


def _last(run: Run, metric: str) -> dict[Condition, Float64[np.ndarray, " seed"]]:
    """The mean of the last evaluations of a metric that is followed over training."""
    if not _has(run, metric):
        return {}
    curves = learning_curves(_own(run), metric)
    return {name: curve.value[:, -FINAL_EVALUATIONS:].mean(1) for name, curve in curves.items()}


def _word(name: str) -> str:
    return name.replace("_", " ")
