"""The model cards of the encoders that a driving study keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from b2m_agents.studies.driving.plan import DrivingPlan
from b2m_agents.studies.driving.student import kept_encoder
from b2m_drive.comparisons.configuration import read_object
from b2m_drive.comparisons.jobs import SCORES
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.evidence.statistics import mean_interval
from b2m_drive.files.fingerprints import is_recorded
from b2m_drive.files.model_card import CardScore, write_card
from b2m_drive.reports.driving_report import HAZARD, RECONSTRUCTION, VEHICLES
from b2m_drive.students.scene_vae import SceneVAE
from b2m_drive.students.student_card import TrainedOn, student_card

_ON_CARD = {  # metric -> name
    "state_r2": "R2 of the state, read linearly from the latents",
    RECONSTRUCTION: "error of reconstruction",
    VEHICLES: "error of reconstruction, of vehicles",
    HAZARD: "hazard, read from the latents",
}
_STRATEGIES = {"regression": "BLT", "contrastive": "BCT"}
_LIMIT = (
    "One encoder of a comparison: whether the brain taught it anything is what the comparison's "
    "verdict says, not this card."
)


def write_encoder_cards(folder: Path, plans: Sequence[DrivingPlan]) -> None:
    """Write a card into every encoder's folder that is kept for the first time.

    Args:
        folder: Of the run, whose scores are joined.
        plans: Of the students whose encoders it keeps.
    """
    fresh = [plan for plan in plans if not is_recorded(folder, kept_encoder(plan))]
    if not fresh:
        return
    entries, at_end = read_object(folder / CONFIG), _at_end(read_scores(folder / SCORES))
    for plan in fresh:
        if (folder / kept_encoder(plan)).is_dir():
            told = _trained_on(entries, plan, _scores_of(at_end, plan, entries))
            write_card(folder / kept_encoder(plan), student_card(SceneVAE, told))


def _trained_on(
    entries: Mapping[str, Any], plan: DrivingPlan, scores: tuple[CardScore, ...]
) -> TrainedOn:
    scenes, method = entries["scenes"], plan.condition.method
    teacher = f"none (the control {plan.condition.control})"
    if method is not None:
        teacher = f"{plan.condition.control}, by {_STRATEGIES[method.strategy]}"
    return TrainedOn(
        f"{plan.n_frames:,} SIMULATED frames of {scenes['scenario']}, driven by "
        f"{scenes['driver']}, after highway-env; seed {plan.seed}.",
        entries["brain"],
        teacher,
        (f"simulated-{scenes['scenario']}",),
        scores,
        (*entries["limits"], _LIMIT),
    )


def _at_end(scores: Sequence[Score]) -> dict[tuple[str, str], dict[int, Score]]:
    """By condition and metric, of each seed the score of the last step."""
    found: dict[tuple[str, str], dict[int, Score]] = {}
    for each in scores:
        by_seed = found.setdefault((str(each.condition), each.metric), {})
        if each.seed not in by_seed or each.step >= by_seed[each.seed].step:
            by_seed[each.seed] = each
    return found


def _scores_of(
    at_end: Mapping[tuple[str, str], Mapping[int, Score]],
    plan: DrivingPlan,
    entries: Mapping[str, Any],
) -> tuple[CardScore, ...]:
    where = f"{entries['brain']['n_held_out']} held-out frames"
    rows = []
    for metric, name in _ON_CARD.items():
        by_seed = at_end.get((str(plan.varied), metric), {})
        if plan.seed in by_seed:
            own = by_seed[plan.seed]
            spread = _spread(np.array([each.value for each in by_seed.values()]))
            rows.append(CardScore(name, own.value, own.unit, spread, where))
    return tuple(rows)


def _spread(values: np.ndarray) -> str:
    if len(values) < 2:
        return "not known: one seed"
    of_seeds = mean_interval(values)
    return (
        f"mean of {len(values)} seeds {of_seeds.mean:.4g}, 95 % interval {of_seeds.low:.4g} to "
        f"{of_seeds.high:.4g}"
    )
