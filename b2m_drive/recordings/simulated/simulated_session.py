"""A simulated brain in a simulated session: its preset, its task, its trials, its seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from b2m_drive.recordings.decision_trials import TaskName
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.simulated.neurons import (
    SimulatedBrain,
    simulate_sternberg,
    simulate_trials,
)

_N_ITEMS, _N_STIMULI = 3, 8


@dataclass(frozen=True)
class SimulatedSession:
    """A simulated brain and the session that it was recorded in.

    ```python
    recording = SimulatedSession("median_session", n_trials=120).record(signal=0.3)
    ```
    """

    preset: str = "ideal"
    task: TaskName = "memory_decision"
    category_share: float = 0.0  # of the tuning that an item's category explains
    n_trials: int = 240
    seed: int = 0

    def name(self, signal: float) -> str:
        """For the run's folder: the preset, the share of signal, and what is not the default."""
        categories = f"{self.category_share:g}"
        told = (
            ("did", self.task, "memory_decision"),
            ("categories", categories, "0"),
            ("trials", str(self.n_trials), "240"),
            ("seed", str(self.seed), "0"),
        )
        others = "".join(f"-{word}-{value}" for word, value, default in told if value != default)
        return f"{self.preset}-signal-{signal:g}{others}"

    def record(self, signal: float) -> Recording:
        """The same units in the same trials, with this share of their task signal.

        Args:
            signal: From 0 (nothing to teach) to 1.

        Raises:
            ValueError: If there is no such preset, or a number is out of its range.
        """
        generator = np.random.default_rng(self.seed)
        if self.task == "sternberg":
            trials = simulate_sternberg(self.n_trials, _N_STIMULI, generator)
        else:
            trials = simulate_trials(self.n_trials, _N_ITEMS, _N_STIMULI, generator)
        brain = SimulatedBrain.preset(self.preset, signal=signal)
        return replace(brain, category_share=self.category_share).record(trials, self.seed)
