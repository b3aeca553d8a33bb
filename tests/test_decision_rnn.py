from __future__ import annotations

import json

import pytest
import torch

from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_drive.students.stacked_rnn import StackedDecisionRNN

SETTINGS = DecisionRNNSettings(observation_size=7, hidden_size=12, n_actions=3, input_gain=1.5)


def students(n: int) -> list[DecisionRNN]:
    return [DecisionRNN(SETTINGS, torch.Generator().manual_seed(seed)) for seed in range(n)]


def test_stacked_students_answer_and_learn_as_each_does_alone() -> None:
    single = students(3)
    stacked = StackedDecisionRNN(single)
    observation = torch.randn(3, 5, 9, 7, generator=torch.Generator().manual_seed(9))
    output = stacked(observation)
    (output.logits.square().sum() + output.hidden.sin().sum()).backward()
    for index, student in enumerate(single):
        alone = student(observation[index])
        torch.testing.assert_close(output.logits[index], alone.logits)
        torch.testing.assert_close(output.hidden[index], alone.hidden)
        (alone.logits.square().sum() + alone.hidden.sin().sum()).backward()
        for mine, theirs in (
            (stacked.weight_input, student.rnn.weight_ih_l0),
            (stacked.weight_hidden, student.rnn.weight_hh_l0),
            (stacked.bias_input, student.rnn.bias_ih_l0),
            (stacked.bias_hidden, student.rnn.bias_hh_l0),
            (stacked.weight_readout, student.readout.weight),
        ):
            assert mine.grad is not None
            assert theirs.grad is not None
            torch.testing.assert_close(mine.grad[index], theirs.grad, rtol=1e-4, atol=1e-5)


def test_one_observation_is_shown_to_all_stacked_students() -> None:
    stacked = StackedDecisionRNN(students(2))
    observation = torch.randn(1, 4, 6, 7)
    shared = stacked(observation).logits
    repeated = stacked(observation.expand(2, -1, -1, -1)).logits
    torch.testing.assert_close(shared, repeated)


def test_unstacked_students_are_the_ones_that_went_in() -> None:
    single = students(2)
    for before, after in zip(single, StackedDecisionRNN(single).unstack(), strict=True):
        for name, value in before.state_dict().items():
            torch.testing.assert_close(after.state_dict()[name], value)


def test_the_update_gate_bias_makes_the_hidden_state_persist() -> None:
    observation = torch.zeros(1, 30, 7)
    observation[:, 0] = 3.0

    def kept(bias: float) -> float:
        settings = DecisionRNNSettings(7, 64, update_gate_bias=bias)
        student = DecisionRNN(settings, torch.Generator().manual_seed(0))
        with torch.no_grad():
            hidden = student(observation).hidden[0] - student(torch.zeros(1, 30, 7)).hidden[0]
        return float(hidden[12].norm() / hidden[0].norm())

    assert kept(3.0) > 3 * kept(0.0)


def test_equal_seeds_give_equal_students() -> None:
    first, second = students(1)[0], students(1)[0]
    other = students(2)[1]
    assert torch.equal(first.rnn.weight_hh_l0, second.rnn.weight_hh_l0)
    assert not torch.equal(first.rnn.weight_hh_l0, other.rnn.weight_hh_l0)


def test_a_saved_student_comes_back_equal(tmp_path) -> None:
    student = students(1)[0]
    student.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    back = DecisionRNN.from_pretrained(tmp_path)
    observation = torch.randn(2, 5, 7)
    assert torch.equal(back(observation).logits, student(observation).logits)


def test_a_damaged_or_foreign_student_is_refused_by_name(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        DecisionRNN.from_pretrained(tmp_path)
    students(1)[0].save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        DecisionRNN.from_pretrained(tmp_path)
    weights.write_bytes(whole)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**settings, "hidden_size": 13}))
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        DecisionRNN.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**settings, "hiden_size": 12}))
    with pytest.raises(ValueError, match="hiden_size"):
        DecisionRNN.from_pretrained(tmp_path)


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="hidden_size"):
        DecisionRNNSettings(observation_size=3, hidden_size=0)
