"""The teachers of the memory study: the brain, its nulls and its probes, as latents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32

from b2m_agents.studies.memory.fitted_once import fitted_once
from b2m_drive.comparisons.control import Control, ControlInputs
from b2m_drive.comparisons.memory_study import MEMORY, NULL_TEACHERS
from b2m_drive.comparisons.study import LABEL_PROBES
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.students.decision_rnn import DecisionRNN
from b2m_drive.students.devices import device_of_network
from b2m_drive.teachers.controls import (
    information_rate,
    kept_for_accuracy,
    kept_for_auc,
    label_latents,
    project_randomly,
    shuffle_trials,
)
from b2m_drive.teachers.latent_methods import LATENT_METHODS, require_latents
from b2m_drive.teachers.latents import (
    PAIRINGS,
    TRIAL_LATENTS,
    BrainLatents,
    Pairing,
    decode_stimuli,
    latents_of,
)
from b2m_drive.teachers.response_counts import evened
from b2m_drive.teachers.shown_items import memory_set, shown_in
from b2m_drive.teachers.surrogates import (
    matched_covariance,
    randomise_phase,
    shift_in_time,
    shuffle_within_condition,
)
from b2m_drive.teachers.window_of_steps import average_in_windows
from b2m_drive.teachers.windows import WindowChoice, recorded_windows, window_activity
from b2m_envs.memory_decision import TrialBatch

ITEMS_PERMUTED = "items_permuted"  # the brain itself; the student's items are other ones
_SURROGATES: Mapping[str, Callable[[TrialResponses, np.random.Generator], TrialResponses]] = {
    "shuffled": shuffle_trials,
    "within_condition": shuffle_within_condition,
    "time_shifted": shift_in_time,
    "phase_randomised": randomise_phase,
    "matched_covariance": matched_covariance,
}


@dataclass(frozen=True)
class Readout:
    """How the memory study reads a recording: which latents teach, and how steps are paired."""

    latents: str = "decoded"  # one of `TRIAL_LATENTS`, or a method of `LATENT_METHODS`
    pairing: Pairing = "recorded"

    def __post_init__(self) -> None:
        require_latents(self.latents, TRIAL_LATENTS)
        if self.pairing not in PAIRINGS:
            raise ValueError(f"pairing: expected one of {PAIRINGS}, came {self.pairing!r}")


def brain_activity(
    recording: Recording | TrialResponses, which: WindowChoice = "all"
) -> TrialResponses:
    """Square roots of the spike counts in the teaching windows: the root evens out variance.

    Signals are summed over the bins of a window as they are. Of a recording that covers only a part
    of the trial, the windows of that part.
    """
    binned = in_trials(recording)
    windows = recorded_windows(binned, which)
    roots = evened(binned, window_activity(binned, windows))
    measure = binned.measure if binned.signed else f"square root of the number of {binned.measure}"
    return replace(binned, values=roots, windows=windows, measure=measure)


def teacher_trial_latents(
    teacher: str,
    readout: Readout,
    activity: TrialResponses,
    seen: TrialBatch,
    untrained: DecisionRNN,
    time_step: float,
    generator: np.random.Generator,
    n_latents: int | None,
    own_controls: Sequence[Control] = (),
) -> BrainLatents:
    """The latents of one control, made from its activity in the way that the brain's are.

    Args:
        teacher: A null or a probe.
        readout: Latents and pairing, the same for all.
        activity: The brain's, in the teaching trials.
        seen: The same trials as a student sees them, its noise included, row by row.
        untrained: A student of another seed that never learnt.
        time_step: Of ``seen`` [s].
        generator: Of shuffles, projections and corruptions.
        n_latents: As the brain's; ``"decoded"`` has its own.
        own_controls: A user's, each made by its own function.
    """
    if teacher in LABEL_PROBES:
        return _labels(teacher, readout, activity, generator)
    if teacher in _SURROGATES:
        activity = _SURROGATES[teacher](activity, generator)
    elif teacher == "untrained_network":
        activity = _network_activity(_hidden(untrained, seen), activity, seen, time_step)
    elif teacher == "random_projection":
        n_units = untrained.settings.hidden_size
        projected = project_randomly(seen.observation, n_units, generator)
        activity = _network_activity(projected, activity, seen, time_step)
    elif teacher in (own := {control.name: control for control in own_controls}):
        activity = _made(own[teacher], activity, seen, untrained, time_step, generator)
    else:
        known = (*NULL_TEACHERS, *MEMORY.probes)
        raise ValueError(f"teacher: expected one of {known}, came {teacher!r}")
    return latents_as_read(readout, activity, n_latents)


def latents_of_brain(
    readout: Readout, activity: TrialResponses, n_latents: int | None
) -> BrainLatents:
    """As `latents_as_read`, of the brain itself: the same for every seed, fitted once a process."""
    method = LATENT_METHODS.get(readout.latents)  # a user may have put another in its place
    what = ("latents", readout, n_latents, method)
    return fitted_once(activity, what, lambda: latents_as_read(readout, activity, n_latents))


def latents_as_read(
    readout: Readout, activity: TrialResponses, n_latents: int | None
) -> BrainLatents:
    """Latents of some activity, the brain's own or a control's; all trials are fitted on."""
    teaching = np.ones(len(activity.trials), dtype=bool)
    return latents_of(
        activity,
        teaching,
        method=readout.latents,
        pairing=readout.pairing,
        seed=0,
        n_latents=None if readout.latents == "decoded" else n_latents,
    )


def _made(
    control: Control,
    activity: TrialResponses,
    seen: TrialBatch,
    untrained: DecisionRNN,
    time_step: float,
    generator: np.random.Generator,
) -> TrialResponses:
    """The activity of a user's own control."""

    def hidden() -> np.ndarray:
        return _network_activity(_hidden(untrained, seen), activity, seen, time_step).values

    inputs = ControlInputs(
        activity.values,
        activity.present,
        activity.ids,
        lambda: _network_activity(seen.observation, activity, seen, time_step).values,
        hidden,
        lambda: shown_in(activity.windows, activity.trials),
        generator,
    )
    return activity.with_values(control.activity(inputs))


@torch.no_grad()
def _hidden(network: DecisionRNN, seen: TrialBatch) -> Float32[np.ndarray, "trial time hidden"]:
    """A network's activity in trials, wherever it is."""
    observation = torch.from_numpy(seen.observation).to(device_of_network(network))
    hidden: np.ndarray = network(observation).hidden.cpu().numpy()
    return hidden


def _network_activity(
    steps: np.ndarray, brain: TrialResponses, seen: TrialBatch, time_step: float
) -> TrialResponses:
    values = average_in_windows(steps, brain.windows, seen.period_names, seen.period, time_step)
    return brain.with_values(values)


def _labels(
    teacher: str, readout: Readout, activity: TrialResponses, generator: np.random.Generator
) -> BrainLatents:
    kept = (1.0, 1.0)
    if teacher == "labels_corrupted":
        accuracy, auc = fitted_once(activity, "information rate", lambda: _rate_of(activity))
        n_shown = int(memory_set(activity.trials).any(0).sum())
        kept = (kept_for_accuracy(accuracy, n_shown), kept_for_auc(auc))
    return label_latents(
        activity.trials,
        activity.windows,
        pairing=readout.pairing,
        kept=kept,
        generator=generator,
    )


def _rate_of(activity: TrialResponses) -> tuple[float, float]:
    """What the brain's activity tells of the items, see `information_rate`."""
    teaching = np.ones(len(activity.trials), dtype=bool)
    evidence = decode_stimuli(activity, teaching, seed=0, beyond_frequency=True)
    return information_rate(evidence, activity.trials, activity.windows)
