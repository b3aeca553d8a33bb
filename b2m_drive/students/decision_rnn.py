"""The recurrent student: a GRU that watches a trial and decides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from b2m_drive.students.student_folder import load_weights, read_settings, write_student


@dataclass(frozen=True)
class DecisionRNNSettings:
    """Size and start of a `DecisionRNN`."""

    observation_size: int
    hidden_size: int = 64
    n_actions: int = 3
    update_gate_bias: float = 2.0  # > 0 keeps memory at the start of training
    input_gain: float = 1.0  # multiplies the observation, for stimulus codes of small norm

    def __post_init__(self) -> None:
        for name in ("observation_size", "hidden_size", "n_actions"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}: expected a whole number of at least 1, came {value!r}")


@dataclass(frozen=True)
class DecisionOutput:
    """What a recurrent student answered, and the activity behind it."""

    logits: Float[Tensor, "batch time action"]
    hidden: Float[Tensor, "batch time hidden"]


class DecisionRNN(nn.Module):
    """A gated recurrent unit (Cho et al. 2014) with a linear readout at every step.

    The bias of the update gate starts at +2 so that the hidden state persists for tens of steps
    before any training, as the forget-gate bias does for an LSTM (Jozefowicz et al. 2015).
    Without it a student alone learns a delay so slowly that any teacher looks good.
    """

    def __init__(
        self, settings: DecisionRNNSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.settings = settings
        self.rnn = nn.GRU(settings.observation_size, settings.hidden_size, batch_first=True)
        self.readout = nn.Linear(settings.hidden_size, settings.n_actions)
        self._initialise(generator)

    def _initialise(self, generator: torch.Generator | None) -> None:
        """PyTorch's uniform start, drawn from the generator, and the bias of the update gate."""
        bound = self.settings.hidden_size**-0.5
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-bound, bound, generator=generator)
            size = self.settings.hidden_size  # gates in PyTorch's order: reset, update, new
            self.get_parameter("rnn.bias_ih_l0")[size : 2 * size] += self.settings.update_gate_bias

    def forward(self, observation: Float[Tensor, "batch time feature"]) -> DecisionOutput:
        """Answer every step of every trial, from a hidden state of zero."""
        hidden, _ = self.rnn(observation * self.settings.input_gain)
        return DecisionOutput(self.readout(hidden), hidden)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write weights (safetensors) and settings (JSON) into a folder, whole or not at all."""
        return write_student(folder, self, self.settings)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> DecisionRNN:
        """Read a student that `save_pretrained` wrote.

        Raises:
            FileNotFoundError: If the folder or one of its two files is missing.
            ValueError: If a file is damaged or belongs to another class or size.
        """
        student = cls(read_settings(folder, cls.__name__, DecisionRNNSettings))
        load_weights(folder, student)
        return student
