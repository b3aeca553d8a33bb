"""The recurrent student: a GRU that watches a trial and decides."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

_WEIGHTS = "model.safetensors"
_SETTINGS = "config.json"


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
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as draft:
            save_file(self.state_dict(), Path(draft, _WEIGHTS))
            Path(draft, _SETTINGS).write_text(
                json.dumps({"class": "DecisionRNN", **asdict(self.settings)}, indent=2) + "\n"
            )
            for name in (_WEIGHTS, _SETTINGS):
                os.replace(Path(draft, name), folder / name)
        return folder

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> DecisionRNN:
        """Read a student that `save_pretrained` wrote.

        Raises:
            FileNotFoundError: If the folder or one of its two files is missing.
            ValueError: If a file is damaged or belongs to another class or size.
        """
        folder = Path(folder)
        for name in (_SETTINGS, _WEIGHTS):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder}: expected a file {name} of a saved DecisionRNN")
        student = cls(_read_settings(folder / _SETTINGS))
        try:
            student.load_state_dict(load_file(folder / _WEIGHTS))
        except (SafetensorError, RuntimeError) as error:
            raise ValueError(
                f"{folder / _WEIGHTS}: expected the weights of {student.settings}, came {error}"
            ) from error
        return student


def _read_settings(path: Path) -> DecisionRNNSettings:
    try:
        entries = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected JSON, came {error}") from error
    if not isinstance(entries, dict) or entries.pop("class", None) != "DecisionRNN":
        raise ValueError(f"{path}: expected the settings of a DecisionRNN")
    known = {field.name for field in fields(DecisionRNNSettings)}
    if set(entries) != known:
        raise ValueError(f"{path}: expected the fields {sorted(known)}, came {sorted(entries)}")
    return DecisionRNNSettings(**entries)
