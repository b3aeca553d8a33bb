from __future__ import annotations

import pytest
import torch

from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_drive.students.fitting import limit_each_gradient
from b2m_drive.students.gru_over_time import GRUOverTime
from b2m_drive.students.leaky_over_time import LeakyOverTime
from b2m_drive.students.lstm_over_time import LSTMOverTime
from b2m_drive.students.stacked_rnn import StackedDecisionRNN

SETTINGS = {
    "gru": DecisionRNNSettings(7, 12, input_gain=1.5),
    "lstm": DecisionRNNSettings(7, 12, input_gain=1.5, cell="lstm"),
    "leaky": DecisionRNNSettings(7, 12, input_gain=1.5, cell="leaky", tau=0.5, time_step=0.2),
    "noisy": DecisionRNNSettings(
        7, 12, cell="leaky", tau=0.5, time_step=0.2, recurrent_noise=0.3, recurrent_start="random"
    ),
}
WEIGHTS = {
    "weight_input": "rnn.weight_ih_l0",
    "weight_hidden": "rnn.weight_hh_l0",
    "bias_input": "rnn.bias_ih_l0",
    "bias_hidden": "rnn.bias_hh_l0",
    "weight_readout": "readout.weight",
    "bias_readout": "readout.bias",
}


def students(kind: str, n: int) -> list[DecisionRNN]:
    return [DecisionRNN(SETTINGS[kind], torch.Generator().manual_seed(seed)) for seed in range(n)]


@pytest.mark.parametrize("kind", SETTINGS)
def test_stacked_students_answer_and_learn_as_each_does_alone(kind: str) -> None:
    single = students(kind, 3)
    stacked = StackedDecisionRNN(single)
    observation = torch.randn(3, 5, 9, 7, generator=torch.Generator().manual_seed(9))
    output = stacked(observation)
    (output.logits.square().sum() + output.hidden.sin().sum()).backward()
    for index, student in enumerate(single):
        alone = student(observation[index])
        torch.testing.assert_close(output.logits[index], alone.logits)
        torch.testing.assert_close(output.hidden[index], alone.hidden)
        (alone.logits.square().sum() + alone.hidden.sin().sum()).backward()
        theirs = dict(student.named_parameters())
        assert {WEIGHTS[name] for name, _ in stacked.named_parameters()} == set(theirs)
        for name, mine in stacked.named_parameters():
            expected = theirs[WEIGHTS[name]].grad
            assert mine.grad is not None
            assert expected is not None
            torch.testing.assert_close(mine.grad[index], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("recurrence", [GRUOverTime, LSTMOverTime, LeakyOverTime])
def test_written_out_gradients_are_those_of_finite_differences(recurrence) -> None:
    gates = {GRUOverTime: 3, LSTMOverTime: 4, LeakyOverTime: 1}[recurrence]
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    observation = drawn(4, 1, 3, 2)  # one for both models
    weights = [drawn(2, gates * 3, 2), drawn(2, gates * 3, 3), drawn(2, gates * 3)]
    others: tuple[object, ...] = (0.4, 0.1 * drawn(4, 2, 3, 3))
    if gates > 1:
        weights.append(drawn(2, gates * 3))
        others = ()
    for weight in weights:
        weight.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda *inputs: recurrence.apply(observation, *inputs, *others), weights
    )


@pytest.mark.parametrize("kind", SETTINGS)
def test_one_observation_is_shown_to_all_stacked_students(kind: str) -> None:
    observation = torch.randn(1, 4, 6, 7)
    shared = StackedDecisionRNN(students(kind, 2))(observation).logits
    repeated = StackedDecisionRNN(students(kind, 2))(observation.expand(2, -1, -1, -1)).logits
    torch.testing.assert_close(shared, repeated)


@pytest.mark.parametrize("kind", SETTINGS)
def test_unstacked_students_are_the_ones_that_went_in(kind: str) -> None:
    single = students(kind, 2)
    observation = torch.randn(4, 6, 7)
    for before, after in zip(single, StackedDecisionRNN(single).unstack(), strict=True):
        for name, value in before.state_dict().items():
            torch.testing.assert_close(after.state_dict()[name], value)
        torch.testing.assert_close(after(observation).logits, before(observation).logits)


@pytest.mark.parametrize("kind", SETTINGS)
def test_scaling_gradients_in_place_scales_each_bias_once(kind: str) -> None:
    """The two biases of a gated cell have one gradient; they may not share its memory."""
    stacked = StackedDecisionRNN(students(kind, 2))
    (100 * stacked(torch.randn(1, 4, 6, 7)).logits.square().sum()).backward()
    parameters = list(stacked.parameters())
    before = [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]
    norm = torch.stack([each[0].square().sum() for each in before]).sum().sqrt()
    limit_each_gradient(parameters, 1.0)
    for parameter, each in zip(parameters, before, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad[0], each[0] / norm)


def test_noise_comes_in_training_only_and_is_each_students_own() -> None:
    stacked = StackedDecisionRNN([*students("noisy", 2), students("noisy", 1)[0]])
    observation = torch.randn(1, 4, 6, 7)
    first, second = stacked(observation).hidden, stacked(observation).hidden
    assert not torch.allclose(first, second)
    torch.testing.assert_close(first[0], first[2])  # equal students have equal noise
    stacked.eval()
    assert torch.equal(stacked(observation).hidden, stacked(observation).hidden)


def test_students_of_different_cells_are_not_stacked() -> None:
    with pytest.raises(ValueError, match="students: expected one or more of equal settings"):
        StackedDecisionRNN([*students("gru", 1), *students("lstm", 1)])
