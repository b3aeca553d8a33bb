"""What the report of the memory study shows besides what every report shows."""

from __future__ import annotations

from b2m_drive.comparisons.configuration import MemoryConfiguration
from b2m_drive.comparisons.run_folder import Run
from b2m_drive.comparisons.variations import MEMORY_AXES, UNLIMITED
from b2m_drive.evidence.condition import STRATEGIES
from b2m_drive.reports.report_parts import (
    Section,
    StudyPages,
    Table,
    figure_text,
)
from b2m_drive.reports.trajectory_chart import trajectory_chart
from b2m_drive.reports.variation_report import variation_section

BRAIN_FIGURES = {  # entry of brain.json -> what a reader calls it
    "n_trials": "trials",
    "n_items": "items a trial",
    "n_stimuli": "different stimuli",
    "median_rate": "median firing rate (Hz)",
    "fano_factor": "Fano factor (median)",
    "selective_share": "share of units selective for items (p < .001)",
    "selective_units": "units selective for items",
    "item_decoding": "item shown now, decoded from one window (balanced accuracy)",
    "item_decoding_resolved": "item shown now, decoded from several windows (balanced accuracy)",
    "chance": "chance of item decoding",
    "item_chance": "chance of item decoding",
    "memory_auc": "item held in memory, decoded in the delay (area under ROC; chance 0.5)",
    "probe_side_auc": "correct answer, decoded at the probe (area under ROC; chance 0.5)",
    "reliability": "split-half reliability of item responses (correlation)",
    "split_half_reliability": "split-half reliability of item responses (correlation)",
    "predictivity_ceiling": "noise ceiling: the best correlation a perfect model could reach",
}
REFERENCES = (
    "Kornblith, Quian Quiroga, Koch, Fried, Mormann (2017). Persistent single-neuron activity "
    "during working memory in the human medial temporal lobe. Current Biology 27, 1026–1032, "
    "doi 10.1016/j.cub.2017.02.013.",
)


def memory_pages(run: Run) -> StudyPages:
    """Question, decoding figures, noise ceiling and trajectories of a memory run."""
    config = run.configuration(MemoryConfiguration)
    budget = config.n_steps * run.batch_size
    simulated = "a simulated" if run.simulated else "a recorded"
    strategies = " and ".join(STRATEGIES[name] for name in run.config.strategies)
    ceiling = _ceiling_table(run)
    about = [Section("Decoding and noise ceiling", tables=(_decoding_table(run),))]
    if ceiling:
        about.append(
            Section(
                "Share of the teaching latents’ variance that the stimuli explain",
                tables=(ceiling,),
                aside="Cross-validated. Near zero or below: a student can learn no more from "
                "these latents than noise.",
            )
        )
    shown = [part for part in _variation_sections(run) if part]
    if run.trajectories:
        drawn = trajectory_chart(run.trajectories, run.study, run.simulated)
        shown.append(Section("Trajectories of brain and students", charts=(drawn,)))
    return StudyPages(
        question=f"Does {simulated} brain ({run.config.brain.name}) teach a recurrent "
        f"network to remember, beyond what every null teaches? Asked of {strategies}, with "
        f"{len(run.config.seeds)} seeds, {budget:,} training trials for each student "
        "and the same trials, seeds and steps for all.",
        about_brain=tuple(about),
        results=tuple(shown),
        how=f"Every student decides on {run.batch_size} generated trials a step; taught "
        f"students also live through {config.recorded_batch_size} recorded trials a step, "
        "which are not counted as training trials. Accuracy is measured on generated trials held "
        "out from training.",
        references=REFERENCES,
    )


def _variation_sections(run: Run) -> list[Section | None]:
    """Accuracy by each number that was varied; what has no entry under ``own`` has no own point."""
    own = {
        axis: UNLIMITED if value is None else float(value)
        for axis, value in run.configuration(MemoryConfiguration).own.items()
    }
    return [
        variation_section(
            run, number, own.get(number.axis), ("final", "area_under_curve"), by_method=True
        )
        for number in MEMORY_AXES
    ]


def _decoding_table(run: Run) -> Table:
    named = [(label, run.brain[key]) for key, label in BRAIN_FIGURES.items() if key in run.brain]
    others = [
        (key.replace("_", " "), value)
        for key, value in run.brain.items()
        if key not in BRAIN_FIGURES and not isinstance(value, dict | list) and key != "n_units"
    ]
    reasons = {BRAIN_FIGURES.get(key, key): why for key, why in _undefined(run).items()}
    rows = tuple(
        (label, figure_text(value, reasons.get(label))) for label, value in (*named, *others)
    )
    return Table(("figure", "value"), rows)


def _undefined(run: Run) -> dict[str, str]:
    """Why figures of the brain are missing, by their entry; runs of old do not say."""
    reasons = run.brain.get("undefined")
    return {key: str(why) for key, why in reasons.items()} if isinstance(reasons, dict) else {}


def _ceiling_table(run: Run) -> Table | None:
    """Explainable variance of each reading's latents, a column a phase of the trial."""
    ceilings = run.brain.get("explainable_variance")
    if not isinstance(ceilings, dict) or not ceilings:
        return None
    by_phase = {
        name: each if isinstance(each, dict) else {"all": each} for name, each in ceilings.items()
    }
    why = _undefined(run).get("explainable_variance")
    phases = list(dict.fromkeys(phase for each in by_phase.values() for phase in each))
    rows = tuple(
        (name, *(figure_text(each.get(phase), why) for phase in phases))
        for name, each in by_phase.items()
    )
    return Table(("latents", *phases), rows)
