"""What the report of a user's own student shows besides what every report shows."""

from __future__ import annotations

from b2m_drive.comparisons.run_folder import Run
from b2m_drive.evidence.condition import STRATEGIES
from b2m_drive.reports.report_parts import Section, StudyPages, Table, figure_text


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
        results=_left_out(run),
        how=f"Every student learns from {run.batch_size} {run.study.samples} a step, the same for "
        f"all conditions of a seed; {run.study.curve_label} is the student's own held-out score.",
        references=(),
    )


def _left_out(run: Run) -> tuple[Section, ...]:
    left_out = run.config.left_out
    if not left_out:
        return ()
    rows = tuple((name.replace("_", " "), str(reason)) for name, reason in left_out.items())
    return (
        Section(
            "What could not be asked",
            tables=(Table(("control", "why it was left out"), rows),),
            aside="A gain that is called specific to the brain was not held against these.",
        ),
    )
