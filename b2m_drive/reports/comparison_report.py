"""What the report of a user's own student shows besides what every report shows."""

from __future__ import annotations

from b2m_drive.comparisons.run_folder import Run
from b2m_drive.evidence.condition import STRATEGIES
from b2m_drive.evidence.learning_curves import final_value, learning_curves
from b2m_drive.evidence.statistics import mean_interval
from b2m_drive.reports.condition_tables import ALIGNMENT_LABELS
from b2m_drive.reports.report_parts import (
    Section,
    StudyPages,
    Table,
    figure_text,
    interval_plain,
    setting_text,
)


def comparison_pages(run: Run) -> StudyPages:
    """Question, the brain's figures, and what the student could not be asked."""
    kind = "a simulated" if run.simulated else "a recorded"
    strategies = " and ".join(STRATEGIES[name] for name in run.config.strategies)
    student, n_seeds = run.config.student, len(run.config.seeds)
    brain = run.config.brain.name
    figures = tuple((name.replace("_", " "), figure_text(v)) for name, v in run.brain.items())
    return StudyPages(
        question=f"Does {kind} brain ({brain}) teach {student['name']} "
        f"(layer {student['layer']}) anything that no null teaches? Asked of {strategies}, with "
        f"{n_seeds} seeds and the same {run.study.samples}, seeds and steps for all.",
        about_brain=(
            Section("Responses and latents", tables=(Table(("figure", "value"), figures),)),
        ),
        results=(*_other_scores(run), *_about_student(run), *_left_out(run)),
        how=f"Every student learns from {run.batch_size} {run.study.samples} a step, the same for "
        f"all conditions of a seed; {run.study.curve_label} [{run.study.curve_unit}] is the "
        "student's own held-out score.",
        references=(),
    )


def _other_scores(run: Run) -> tuple[Section, ...]:
    """What the student was scored on besides what is judged; nothing if there is no more."""
    known = {run.study.curve, *ALIGNMENT_LABELS}
    metrics = sorted({score.metric for score in run.scores} - known)
    if not metrics:
        return ()
    curves = {metric: learning_curves(run.scores, metric) for metric in metrics}
    rows = [
        (
            run.study.long_label_of(condition, run.simulated),
            *(interval_plain(mean_interval(final_value(each[condition])), 3)
              for each in curves.values()),
        )
        for condition in next(iter(curves.values()))
    ]  # fmt: skip
    header = ("condition", *(metric.replace("_", " ") for metric in metrics))
    return (
        Section(
            "Other scores after training",
            intro=f"Held out, with 95 % intervals over seeds. Only {run.study.curve_label} is "
            "judged.",
            tables=(Table(header, tuple(rows)),),
        ),
    )


def _about_student(run: Run) -> tuple[Section, ...]:
    """What the student says of itself, such as the frames it learnt from."""
    told = {name: value for name, value in run.config.student.items() if name != "class"}
    if set(told) <= {"name", "layer"}:
        return ()
    rows = tuple((name.replace("_", " "), setting_text(value)) for name, value in told.items())
    return (Section("The student and its data", tables=(Table(("", ""), rows),)),)


def _left_out(run: Run) -> tuple[Section, ...]:
    left_out = run.config.left_out
    if not left_out:
        return ()
    rows = tuple((name.replace("_", " "), str(reason)) for name, reason in left_out.items())
    return (
        Section(
            "What could not be asked",
            tables=(Table(("part", "why it was left out"), rows),),
            aside=f"A gain that is called specific to the brain was not held against "
            f"{' and '.join(nulls)}."
            if (nulls := run.config.nulls_left_out)
            else "None of these is a null, so the verdicts are what they would be with them.",
        ),
    )
