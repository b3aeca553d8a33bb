"""Many recurrent students advanced together, along a leading model axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from b2m_drive.students.decision_rnn import DecisionRNN
from b2m_drive.students.gru_over_time import GRUOverTime
from b2m_drive.students.leaky_over_time import LeakyOverTime
from b2m_drive.students.lstm_over_time import LSTMOverTime

_NAMES = {  # of a stack's parameters -> of a student's; a leaky student has one bias
    "weight_input": "rnn.weight_ih_l0",
    "weight_hidden": "rnn.weight_hh_l0",
    "bias_input": "rnn.bias_ih_l0",
    "bias_hidden": "rnn.bias_hh_l0",
    "weight_readout": "readout.weight",
    "bias_readout": "readout.bias",
}


@dataclass(frozen=True)
class StackedOutput:
    """What many students answered, and the activity behind it."""

    logits: Float[Tensor, "model batch time action"]
    hidden: Float[Tensor, "model batch time hidden"]


class StackedDecisionRNN(nn.Module):
    """Students of one architecture whose weights share tensors, one slice a student.

    Each slice computes what its `DecisionRNN` computes, and its gradient is its own; only the
    arithmetic is shared. A test compares both with the students one by one.
    """

    weight_input: nn.Parameter  # [model gates*hidden feature]; gates: GRU 3, LSTM 4, leaky 1
    weight_hidden: nn.Parameter  # [model gates*hidden hidden]
    bias_input: nn.Parameter
    bias_hidden: nn.Parameter  # not of leaky students
    weight_readout: nn.Parameter
    bias_readout: nn.Parameter

    def __init__(self, students: Sequence[DecisionRNN]) -> None:
        super().__init__()
        if len({student.settings for student in students}) != 1:
            raise ValueError(
                "students: expected one or more of equal settings, came "
                f"{[student.settings for student in students]}"
            )
        self.settings = students[0].settings
        self.noise = [student.noise.copy() for student in students]
        for name, theirs in self._names().items():
            tensors = [student.get_parameter(theirs).detach() for student in students]
            self.register_parameter(name, nn.Parameter(torch.stack(tensors).clone()))

    def __len__(self) -> int:
        return len(self.weight_input)

    def forward(
        self, observation: Float[Tensor, "model_or_one batch time feature"]
    ) -> StackedOutput:
        """Answer every step of every trial; a model axis of one shows all students the same."""
        seen = observation.permute(2, 0, 1, 3).contiguous() * self.settings.input_gain
        hidden = self._over_time(seen).permute(1, 2, 0, 3)
        logits = torch.einsum("mbth,mah->mbta", hidden, self.weight_readout)
        return StackedOutput(logits + self.bias_readout[:, None, None], hidden)

    def unstack(self) -> list[DecisionRNN]:
        """The students one by one, with copies of their weights and their noise."""
        students = []
        for index in range(len(self)):
            student = DecisionRNN(self.settings)
            weights = {
                theirs: self.get_parameter(name)[index].detach().clone()
                for name, theirs in self._names().items()
            }
            student.load_state_dict(weights)
            student.noise = self.noise[index].copy()
            students.append(student.train(self.training))
        return students

    def _names(self) -> dict[str, str]:
        leaky = self.settings.cell == "leaky"
        return {k: v for k, v in _NAMES.items() if not (leaky and k == "bias_hidden")}

    def _over_time(self, seen: Tensor) -> Tensor:
        """The hidden states [time model trial hidden] for observations [time model trial ...]."""
        weights = (self.weight_input, self.weight_hidden, self.bias_input)
        if self.settings.cell == "leaky":
            noise = self._draw_noise(seen) if self.training else None
            return _applied(LeakyOverTime, seen, *weights, self.settings.alpha, noise)
        recurrence = GRUOverTime if self.settings.cell == "gru" else LSTMOverTime
        return _applied(recurrence, seen, *weights, self.bias_hidden)

    def _draw_noise(self, seen: Tensor) -> Tensor | None:
        """Each student's own noise, as it would draw it alone: [time model trial hidden]."""
        shape = (seen.shape[0], seen.shape[2], self.settings.hidden_size)
        drawn = [noise.sample(shape, seen) for noise in self.noise]
        present = [each for each in drawn if each is not None]
        return torch.stack(present, dim=1) if present else None


def _applied(recurrence: type[torch.autograd.Function], *arguments: object) -> Tensor:
    hidden: Tensor = recurrence.apply(*arguments)  # type: ignore[no-untyped-call]
    return hidden
