"""What a memory run says of its brain: figures, ceilings, and what to hold against it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Bool

from b2m_agents.studies.memory.askable import limits_of_part
from b2m_agents.studies.memory.plan import MemoryStudySettings, split_trials
from b2m_agents.studies.memory.teachers import Readout, brain_activity
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.decoding import summarise
from b2m_drive.teachers.latent_ceiling import explainable_latent_variance
from b2m_drive.teachers.latents import TRIAL_LATENTS, latents_of

LEAKY_STEPS = 2400  # with which its settings were tuned (`scripts/tune_isolated.py`)


def limits_of(recording: TrialResponses, settings: MemoryStudySettings) -> list[str]:
    """What a reader should hold against a comparison with this brain."""
    limits = []
    if settings.codes == "random":
        limits.append(
            "Stimuli reach the student as random codes, so the geometry of the brain's code "
            "cannot help."
        )
    elif not recording.simulated:
        limits.append(
            "The recordings contain no images: which stimulus belongs to which category of codes "
            "is arbitrary, so the geometry of the brain's code can help by chance only."
        )
    if settings.cell == "leaky" and settings.n_steps < LEAKY_STEPS:
        limits.append(
            "A leaky student alone is at chance for its first 600 steps of three items, and its "
            f"settings were tuned with {LEAKY_STEPS:,}; after {settings.n_steps:,} its gains and "
            "nulls say little."
        )
    if recording.trials.task != settings.task:
        limits.append(
            f"The brain did another task ({recording.trials.task}) than the student learns "
            f"({settings.task}); trials are paired by item position, period and matching answer."
        )
    return limits + limits_of_part(recording)


def describe_brain(recording: TrialResponses, settings: MemoryStudySettings) -> dict[str, Any]:
    """Decoding figures of the recording and the noise ceiling of each reading."""
    teaching = split_trials(recording, settings.n_teacher_trials)
    activity = brain_activity(recording, settings.windows)
    ceilings = {
        f"{readout.latents}, {readout.pairing}": _ceiling(readout, activity, teaching, settings)
        for readout in settings.readings
    }
    summary = asdict(summarise(recording))
    by_unit = summary.pop("explainable_variance")
    entries = {
        **summary,
        "explainable_variance_of_units": by_unit,
        "explainable_variance": ceilings,
    }
    return _without_nan(plain_entries(entries))  # type: ignore[no-any-return]


def _ceiling(
    readout: Readout,
    activity: TrialResponses,
    teaching: Bool[np.ndarray, " trial"],
    settings: MemoryStudySettings,
) -> dict[str, float]:
    """Of all trials; a method that does not transform others is asked of those that teach."""
    if readout.latents not in TRIAL_LATENTS:
        activity = activity.select(teaching)
        teaching = np.ones(len(activity), dtype=bool)
    latents = latents_of(
        activity,
        teaching,
        method=readout.latents,
        pairing=readout.pairing,
        seed=0,
        n_latents=None if readout.latents == "decoded" else settings.n_latents,
    )
    return explainable_latent_variance(latents, activity.trials, seed=0, part=activity.part)


def _without_nan(entries: Any) -> Any:
    """The same with null in place of what is undefined."""
    if isinstance(entries, dict):
        return {name: _without_nan(value) for name, value in entries.items()}
    return None if isinstance(entries, float) and np.isnan(entries) else entries


def plain_entries(entries: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON holds it."""
    return json.loads(json.dumps(entries, default=str))  # type: ignore[no-any-return]
