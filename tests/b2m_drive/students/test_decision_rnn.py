from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_drive.students.leaky_rnn import LeakyRNN

SETTINGS = DecisionRNNSettings(observation_size=7, hidden_size=12, n_actions=3, input_gain=1.5)
LEAKY = replace(SETTINGS, cell="leaky", tau=0.5, time_step=0.2)
CELLS = {"gru": SETTINGS, "lstm": replace(SETTINGS, cell="lstm"), "leaky": LEAKY}


def students(n: int) -> list[DecisionRNN]:
    return [DecisionRNN(SETTINGS, torch.Generator().manual_seed(seed)) for seed in range(n)]


def kept_after(settings: DecisionRNNSettings, n_steps: int) -> float:
    """How much of the trace of a first observation is left some steps later."""
    observation = torch.zeros(1, 30, 7)
    observation[:, 0] = 3.0
    student = DecisionRNN(settings, torch.Generator().manual_seed(0))
    with torch.no_grad():
        hidden = student(observation).hidden[0] - student(torch.zeros(1, 30, 7)).hidden[0]
    return float(hidden[n_steps].norm() / hidden[0].norm())


def test_the_gates_biases_make_the_hidden_state_persist() -> None:
    gru, lstm = DecisionRNNSettings(7, 64), DecisionRNNSettings(7, 64, cell="lstm")
    assert kept_after(replace(gru, update_gate_bias=3.0), 12) > 3 * kept_after(
        replace(gru, update_gate_bias=0.0), 12
    )
    assert kept_after(replace(lstm, forget_gate_bias=3.0), 12) > 3 * kept_after(
        replace(lstm, forget_gate_bias=0.0), 12
    )


def test_a_leaky_state_that_nothing_feeds_falls_by_its_time_constant() -> None:
    """Known answer: without recurrence, and with a bias of 0, exp(-t / tau) up to Euler's step."""
    layer = LeakyRNN(1, 1, alpha=0.01)  # a step of 1 ms beside a tau of 100 ms
    with torch.no_grad():
        for name, value in (("weight_ih_l0", 1.0), ("weight_hh_l0", 0.0), ("bias_ih_l0", 0.0)):
            layer.get_parameter(name).fill_(value)
        observation = torch.zeros(1, 201, 1)
        observation[:, 0] = 0.5
        states, last = layer(observation)
    first = 0.01 * torch.tanh(torch.tensor(0.5))
    torch.testing.assert_close(states[0, 0, 0], first)
    torch.testing.assert_close(states[0, 200, 0], first * 0.99**200, rtol=1e-3, atol=0.0)
    assert float(states[0, 100, 0] / first) == pytest.approx(0.3679, abs=0.005)
    assert torch.equal(states[:, -1], last)


def test_the_recurrent_noise_is_the_standard_deviation_of_an_undriven_state() -> None:
    settings = DecisionRNNSettings(
        1, 400, cell="leaky", tau=0.1, time_step=0.002, recurrent_noise=0.2, recurrent_gain=0.0
    )
    student = DecisionRNN(settings, torch.Generator().manual_seed(0))
    with torch.no_grad():
        student.get_parameter("rnn.bias_ih_l0").zero_()
        hidden = student(torch.zeros(4, 300, 1)).hidden[:, 200:]
        assert float(hidden.std()) == pytest.approx(0.2, rel=0.05)
        assert not student.eval()(torch.zeros(4, 300, 1)).hidden.any()


def test_noise_changes_no_weight_and_no_draw_elsewhere() -> None:
    quiet = DecisionRNN(LEAKY, torch.Generator().manual_seed(0))
    noisy = DecisionRNN(replace(LEAKY, recurrent_noise=0.1), torch.Generator().manual_seed(0))
    for name, value in quiet.state_dict().items():
        assert torch.equal(noisy.state_dict()[name], value)
    before = torch.get_rng_state()
    noisy(torch.zeros(1, 3, 7))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("start", ["random", "orthogonal", "diagonal"])
def test_the_recurrent_gain_is_the_spectral_radius(start) -> None:
    settings = DecisionRNNSettings(
        2, 200, cell="leaky", tau=0.5, time_step=0.2, recurrent_gain=0.7, recurrent_start=start
    )
    student = DecisionRNN(settings, torch.Generator().manual_seed(0))
    weight = student.get_parameter("rnn.weight_hh_l0").detach()
    radius = float(torch.linalg.eigvals(weight).abs().max())
    assert radius == pytest.approx(0.7, rel=0.1 if start == "random" else 1e-4)


def test_equal_seeds_give_equal_students() -> None:
    first, second = students(1)[0], students(1)[0]
    other = students(2)[1]
    assert torch.equal(first.rnn.weight_hh_l0, second.rnn.weight_hh_l0)
    assert not torch.equal(first.rnn.weight_hh_l0, other.rnn.weight_hh_l0)


@pytest.mark.parametrize("cell", CELLS)
def test_a_saved_student_comes_back_equal(cell, tmp_path) -> None:
    student = DecisionRNN(CELLS[cell], torch.Generator().manual_seed(0))
    student.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md", "config.json", "model.safetensors"
    ]  # fmt: skip
    back = DecisionRNN.from_pretrained(tmp_path)
    assert back.settings == student.settings
    observation = torch.randn(2, 5, 7)
    assert torch.equal(back(observation).logits, student(observation).logits)


def test_a_student_saved_before_there_were_cells_is_a_gru(tmp_path) -> None:
    student = students(1)[0]
    student.save_pretrained(tmp_path)
    entries = json.loads((tmp_path / "config.json").read_text())
    old = ("class", "observation_size", "hidden_size", "n_actions", "update_gate_bias")
    kept = {name: entries[name] for name in (*old, "input_gain")}
    (tmp_path / "config.json").write_text(json.dumps(kept))
    assert DecisionRNN.from_pretrained(tmp_path).settings == student.settings
    del kept["hidden_size"]
    (tmp_path / "config.json").write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="expected the fields"):
        DecisionRNN.from_pretrained(tmp_path)


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


@pytest.mark.parametrize(
    ("cell", "settings", "message"),
    [
        ("lstm", {"update_gate_bias": 3.0}, "update_gate_bias: expected 2.0 .* came 3.0"),
        ("gru", {"forget_gate_bias": 3.0}, "forget_gate_bias: .* only 'lstm' has it"),
        ("gru", {"tau": 0.1}, "tau: .* only 'leaky' has it, came 0.1"),
        ("leaky", {"tau": 0.1}, "time_step: expected more than 0 s .* came None"),
        ("leaky", {"time_step": 0.2}, "tau: expected more than 0 s .* came None"),
        ("leaky", {"tau": 0.1, "time_step": 0.2}, r"tau: expected at least the time step \(0.2 s"),
        ("leaky", {"tau": 0.5, "time_step": 0.2, "recurrent_noise": -0.1}, "recurrent_noise"),
        ("leaky", {"tau": 0.5, "time_step": 0.2, "recurrent_gain": float("nan")}, "recurrent_gain"),
    ],
)
def test_settings_that_do_not_fit_the_cell_are_refused(cell, settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        DecisionRNNSettings(3, cell=cell, **settings)


@pytest.mark.parametrize("cell", CELLS)
def test_steps_with_the_state_equal_one_pass_over_the_trial(cell) -> None:
    generator = torch.Generator().manual_seed(0)
    student = DecisionRNN(CELLS[cell], generator).eval()
    observation = torch.randn(3, 7, 7, generator=generator)
    whole, state = student(observation).logits, None
    for step in range(7):
        logits, state = student.step(observation[:, step], state)
        torch.testing.assert_close(logits, whole[:, step])
