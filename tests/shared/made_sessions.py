"""Session files as those of Kornblith et al. 2017, of a simulated brain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from b2m_drive.recordings.decision_trials import LEFT, DecisionTrials
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials


def simulated_spikes(n_trials: int = 40, n_units: int = 6) -> Recording:
    trials = simulate_trials(n_trials, 3, 8, np.random.default_rng(0))
    return replace(SimulatedBrain.preset("ideal"), n_units=n_units).record(trials, 0)


def write_session(
    path: Path, session: Recording, change: Callable[[np.ndarray], np.ndarray] | None = None
) -> Path:
    """One unit a channel; ``change`` is done to each unit's spike times."""
    trials, text = trials_of(session), h5py.string_dtype()
    assert session.spike_times is not None
    with h5py.File(path, "w") as file:
        for number, times in enumerate(session.spike_times, 1):
            data = file.create_dataset(
                f"channels/ch{number}_spike_times", (1,), h5py.vlen_dtype(np.float64)
            )
            data[0] = times if change is None else change(times)
            file.create_dataset(f"channels/ch{number}_unit_types", data=["SU"], dtype=text)
        file.create_dataset("sites", data=["LA"] * len(session.units), dtype=text)
        group = file.create_group("trials")
        group["stimuli"] = trials.stimulus + 1
        group["probe1"], group["probe2"] = trials.probe_left + 1, trials.probe_right + 1
        group["correct"] = np.ones(len(trials), np.int8)
        group["isi"] = trials.inter_stimulus_interval
        group["onsets"], group["offsets"] = trials.item_onset, trials.item_onset + 0.2
        group["maint"], group["probes"] = trials.maintenance_onset, trials.probe_onset
    return path


def trials_of(session: Recording) -> DecisionTrials:
    assert session.trials is not None
    return session.trials


def of_one_item(session: Recording) -> Recording:
    """The same trials, in all of which item 1 is shown, and item 2 only asked for."""
    trials = trials_of(session)
    side = trials.target_side
    shown, other = np.zeros_like(side), np.ones_like(side)
    return replace(
        session,
        trials=replace(
            trials,
            stimulus=np.zeros_like(trials.stimulus),
            probe_left=np.where(side == LEFT, shown, other),
            probe_right=np.where(side == LEFT, other, shown),
        ),
    )
