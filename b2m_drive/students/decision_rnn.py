"""The recurrent student: a network that watches a trial and decides."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from b2m_drive.students.leaky_rnn import LeakyRNN, RecurrentStart, start_recurrence
from b2m_drive.students.recurrent_noise import RecurrentNoise
from b2m_drive.students.student_card import TrainedOn
from b2m_drive.students.student_folder import read_student, write_student

Cell = Literal["gru", "lstm", "leaky"]
State: TypeAlias = Tensor | tuple[Tensor, Tensor]  # of a GRU or leaky layer, of an LSTM

_ONLY_OF = {  # settings that one cell has and the others leave alone
    "update_gate_bias": "gru",
    "forget_gate_bias": "lstm",
    "tau": "leaky",
    "time_step": "leaky",
    "recurrent_noise": "leaky",
    "recurrent_gain": "leaky",
    "recurrent_start": "leaky",
}
_ADDED_LATER = ("cell", *(name for name in _ONLY_OF if name != "update_gate_bias"))


@dataclass(frozen=True)
class DecisionRNNSettings:
    """Size, cell and start of a `DecisionRNN`.

    Gated cells have no clock; a leaky one needs the time step of what it watches and its own time
    constant, both in seconds. What belongs to another cell must be left at its default.
    """

    observation_size: int
    hidden_size: int = 64
    n_actions: int = 3
    update_gate_bias: float = 2.0  # GRU; > 0 keeps memory at the start of training
    input_gain: float = 1.0  # multiplies the observation, for stimulus codes of small norm
    cell: Cell = "gru"
    forget_gate_bias: float = 2.0  # LSTM; > 0 keeps memory at the start of training
    tau: float | None = None  # leaky [s]; how slowly the state follows what drives it
    time_step: float | None = None  # leaky [s]; at most tau
    recurrent_noise: float = 0.0  # leaky; of the state, in training mode only
    recurrent_gain: float = 1.5  # leaky; spectral radius of the recurrent weights at the start
    recurrent_start: RecurrentStart = "random"  # leaky

    def __post_init__(self) -> None:
        for name in ("observation_size", "hidden_size", "n_actions"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}: expected a whole number of at least 1, came {value!r}")
        if self.cell not in ("gru", "lstm", "leaky"):
            raise ValueError(f"cell: expected 'gru', 'lstm' or 'leaky', came {self.cell!r}")
        default = {field.name: field.default for field in fields(self)}
        for name, owner in _ONLY_OF.items():
            if owner != self.cell and getattr(self, name) != default[name]:
                raise ValueError(
                    f"{name}: expected {default[name]!r} of a student of cell {self.cell!r}, "
                    f"since only {owner!r} has it, came {getattr(self, name)!r}"
                )
        if self.cell == "leaky":
            self._check_leaky()

    @property
    def alpha(self) -> float:
        """Share of the state that a leaky student replaces in a step: time_step / tau.

        Raises:
            ValueError: If the student is not leaky.
        """
        if self.tau is None or self.time_step is None:
            raise ValueError(f"alpha: expected a student of cell 'leaky', came {self.cell!r}")
        return self.time_step / self.tau

    def _check_leaky(self) -> None:
        for name in ("tau", "time_step"):
            value = getattr(self, name)
            if value is None or not 0 < value < float("inf"):
                raise ValueError(
                    f"{name}: expected more than 0 s of a leaky student, came {value!r}"
                )
        if self.alpha > 1:
            raise ValueError(
                f"tau: expected at least the time step ({self.time_step} s), came {self.tau} s"
            )
        for name in ("recurrent_noise", "recurrent_gain"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}: expected at least 0, came {getattr(self, name)!r}")
        if self.recurrent_start not in ("random", "orthogonal", "diagonal"):
            raise ValueError(
                "recurrent_start: expected 'random', 'orthogonal' or 'diagonal', "
                f"came {self.recurrent_start!r}"
            )


@dataclass(frozen=True)
class DecisionOutput:
    """What a recurrent student answered, and the activity behind it."""

    logits: Float[Tensor, "batch time action"]
    hidden: Float[Tensor, "batch time hidden"]


class DecisionRNN(nn.Module):
    """A recurrent layer with a linear readout at every step.

    The layer is a gated recurrent unit (Cho et al. 2014), a long short-term memory (Hochreiter &
    Schmidhuber 1997; Gers et al. 2000; taught and read out is its output h, not its cell), or a
    `LeakyRNN`. Each starts so that it holds a state before any training: by the bias of the update
    gate, the bias of the forget gate (Jozefowicz et al. 2015), or a time constant and recurrent
    weights that work against the leak. Without it a student alone learns a delay so slowly that
    any teacher looks good. Holding several items over a delay of seconds, a leaky student learns
    much more slowly than a gated one all the same.

    The generator draws the weights, then the seed of the recurrent noise, if there is any.
    """

    def __init__(
        self, settings: DecisionRNNSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.settings = settings
        self.rnn = _layer(settings)
        self.readout = nn.Linear(settings.hidden_size, settings.n_actions)
        self._initialise(generator)
        scale = 0.0
        if settings.cell == "leaky":
            scale = (2 * settings.alpha) ** 0.5 * settings.recurrent_noise
        self.noise = RecurrentNoise(scale, generator)

    def _initialise(self, generator: torch.Generator | None) -> None:
        """PyTorch's uniform start, drawn from the generator, and what makes the cell persist."""
        settings, size = self.settings, self.settings.hidden_size
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-(size**-0.5), size**-0.5, generator=generator)
            # the second gate of each, in PyTorch's order: reset, update, new; input, forget, ...
            bias = self.get_parameter("rnn.bias_ih_l0")[size : 2 * size]
            if settings.cell == "gru":
                bias += settings.update_gate_bias
            elif settings.cell == "lstm":
                bias += settings.forget_gate_bias
            else:
                start_recurrence(
                    self.get_parameter("rnn.weight_hh_l0"),
                    settings.recurrent_start,
                    settings.recurrent_gain,
                    generator,
                )

    def forward(self, observation: Float[Tensor, "batch time feature"]) -> DecisionOutput:
        """Answer every step of every trial, from a hidden state of zero."""
        seen = observation * self.settings.input_gain
        if self.settings.cell == "leaky" and self.training:
            shape = (seen.shape[1], seen.shape[0], self.settings.hidden_size)
            hidden, _ = self.rnn(seen, self.noise.sample(shape, seen))
        else:
            hidden, _ = self.rnn(seen)
        return DecisionOutput(self.readout(hidden), hidden)

    def step(
        self, observation: Float[Tensor, "batch feature"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch action"], State]:
        """Answer one step of every trial, without recurrent noise.

        Args:
            observation: What is seen now.
            state: What the step before returned; `None`: zero, the start of a trial.
        """
        seen = (observation * self.settings.input_gain)[:, None]
        arguments = (seen, None, state) if self.settings.cell == "leaky" else (seen, state)
        hidden, state = self.rnn(*arguments)
        return self.readout(hidden[:, 0]), state

    def save_pretrained(self, folder: str | Path, trained_on: TrainedOn | None = None) -> Path:
        """Write weights (safetensors), settings (JSON) and a model card, whole or not at all.

        Args:
            folder: Where to.
            trained_on: What it learnt from, for the card; None: the card says that it is not told.
        """
        return write_student(folder, self, self.settings, trained_on)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> DecisionRNN:
        """Read a student that `save_pretrained` wrote; a folder that names no cell holds a GRU.

        Args:
            folder: Of the student, or ``"user/name"`` on the Hugging Face Hub (extra ``hub``).

        Raises:
            FileNotFoundError: If the folder or one of its two files is missing.
            ValueError: If a file is damaged or belongs to another class or size.
        """
        return read_student(folder, cls, DecisionRNNSettings, _ADDED_LATER)


def _layer(settings: DecisionRNNSettings) -> nn.Module:
    sizes = settings.observation_size, settings.hidden_size
    if settings.cell == "gru":
        return nn.GRU(*sizes, batch_first=True)
    if settings.cell == "lstm":
        return nn.LSTM(*sizes, batch_first=True)
    return LeakyRNN(*sizes, settings.alpha)
