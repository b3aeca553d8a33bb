"""The memory task as a student of the public comparison, with our network and with others."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import b2m_drive as b2m
from b2m_agents.studies.memory.memory_student import MemoryStudent
from b2m_agents.studies.memory.network_in_windows import NetworkInWindows
from b2m_agents.studies.memory.plan import split_trials
from b2m_drive.comparisons.student_activity import activity_of, seen_by
from b2m_drive.students.student import Described, HoldsOut, LabelsById, SaysWhatItCannot, SeesById
from b2m_drive.teachers.window_of_steps import average_in_windows
from tests.extending.own_executor import OneAfterAnother

N_UNITS = 12


class OverTime(nn.Module):
    """A transformer over the steps of a trial, each of which sees itself and those before it."""

    def __init__(self, n_features: int, n_actions: int) -> None:
        super().__init__()
        self.embed = nn.Linear(n_features, 16)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.decide = nn.Linear(16, n_actions)

    def forward(self, observation: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(observation.shape[1])
        return self.decide(self.encoder(self.embed(observation), src_mask=mask))


class Undecided(nn.Module):
    """Gives one answer for a whole trial, where one for each step is asked."""

    def __init__(self, n_features: int, n_actions: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(n_features, n_actions, batch_first=True)

    def forward(self, observation: Tensor) -> Tensor:
        return self.rnn(observation)[0][:, -1]


def four_actions(n_features: int, n_actions: int) -> nn.Module:
    return OverTime(n_features, n_actions + 1)


def nothing(n_features: int, n_actions: int) -> Any:
    return None


@pytest.fixture(scope="module")
def recording() -> b2m.Recording:
    torch.set_num_threads(1)
    trials = b2m.simulate_trials(40, n_items=3, n_stimuli=8, generator=np.random.default_rng(0))
    return replace(b2m.SimulatedBrain.preset("ideal"), n_units=N_UNITS).record(trials, 0)


@pytest.fixture(scope="module")
def student(recording: b2m.Recording) -> MemoryStudent:
    return MemoryStudent(recording, batch_size=4, recorded_batch_size=3)


def started(student: MemoryStudent) -> nn.Module:
    return student.new_network(torch.Generator().manual_seed(0))


def test_it_does_all_that_a_student_may_do(student: MemoryStudent) -> None:
    for part in (b2m.Student, SeesById, LabelsById, HoldsOut, SaysWhatItCannot, Described):
        assert isinstance(student, part)
    other = pickle.loads(pickle.dumps(student))
    assert other.describe() == student.describe()


def test_a_batch_holds_generated_trials_of_nobody_and_recorded_ones_that_teach(
    student: MemoryStudent,
) -> None:
    batch = next(iter(student.batches(np.random.default_rng(0))))
    assert len(batch.ids) == 7
    assert not np.isin(batch.ids[:4], student.brain.ids).any()
    assert not student.held_out(batch.ids[4:]).any()
    _, shares, _, _ = batch.inputs
    assert not shares[:4].any()
    np.testing.assert_allclose(shares[4:].sum(2), 1, rtol=1e-6)


def test_as_many_trials_are_held_out_as_in_the_memory_study(
    student: MemoryStudent, recording: b2m.Recording
) -> None:
    expected = ~split_trials(b2m.in_trials(recording))
    np.testing.assert_array_equal(student.held_out(student.brain.ids), expected)
    with pytest.raises(ValueError, match=r"expected those of the recorded trials .* 999"):
        student.held_out(np.array([999]))


def test_the_taught_activity_is_the_average_in_the_windows_of_the_brain(
    student: MemoryStudent,
) -> None:
    network, ids = started(student), student.brain.ids[[5, 2]]
    found = activity_of(student, network, ids)
    steps = network.network(student.seen(ids)[0]).hidden.detach().numpy()
    seen = student.replay.unroll(student.trials.select(np.array([5, 2])), np.random.default_rng(0))
    expected = average_in_windows(
        steps, student.brain.windows, seen.period_names, seen.period, student.settings.time_step
    )
    assert found.shape == (2, len(student.brain.windows), steps.shape[2])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_is_seen_hides_the_probes_and_is_the_same_each_time(student: MemoryStudent) -> None:
    rows = np.arange(len(student.trials))
    every = student.replay.unroll(student.trials, np.random.default_rng(0))
    observation, _ = student.seen(student.brain.ids)
    assert not observation.numpy()[every.decision].any()
    assert observation.numpy()[every.period == 1].any()
    alone = np.concatenate([student.seen(student.brain.ids[[row]])[0].numpy() for row in rows])
    np.testing.assert_array_equal(observation.numpy(), alone)
    assert seen_by(student, student.brain.ids[:3]).shape == (3, 1, observation[0].numel())


def test_labels_are_the_items_of_each_trial(student: MemoryStudent) -> None:
    labels = student.labels(student.brain.ids[[3]])
    np.testing.assert_array_equal(np.flatnonzero(labels[0]), np.sort(student.trials.stimulus[3]))


def test_a_network_that_always_answers_right_scores_one(student: MemoryStudent) -> None:
    class Oracle(nn.Module):
        def forward(self, observation: Tensor) -> Tensor:
            target = torch.from_numpy(student._held_out_trials.target)
            return nn.functional.one_hot(target, 3).float()

    assert student.score(Oracle()) == {"accuracy": 1.0}
    assert student.score(started(student))["accuracy"] == pytest.approx(0.5, abs=0.1)


def test_networks_over_time_of_any_kind_decide_and_are_heard(recording: b2m.Recording) -> None:
    own = MemoryStudent(recording, OverTime, "encoder", task="sternberg", batch_size=4)
    assert own.name == "OverTime on sternberg"
    network = started(own)
    assert isinstance(network, NetworkInWindows)
    batch = next(iter(own.batches(np.random.default_rng(0))))
    loss = own.task_loss(network, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert activity_of(own, network, own.brain.ids[:2]).shape[-1] == 16
    with torch.no_grad():  # windows are averaged without gradients, too
        assert network(*own.seen(own.brain.ids[:2])).shape[-1] == 3


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "transformer"}, "network: expected a function .* came 'transformer'"),
        ({"network": Undecided}, r"network Undecided: expected logits \[batch time action\]"),
        ({"network": four_actions, "layer": "encoder"}, "expected logits of 3 actions, came 4"),
        ({"network": OverTime}, "layer: expected a path of OverTime"),
        ({"network": nothing}, "network nothing: expected a torch.nn.Module, came NoneType"),
        ({"task": "chess"}, "task: expected one of"),
    ],
)
def test_what_cannot_be_a_student_is_refused_by_name(
    recording: b2m.Recording, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MemoryStudent(recording, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["gru", pytest.param(OverTime, marks=pytest.mark.thorough)])
def test_a_comparison_ends_in_verdicts_and_a_report(
    network: Any, recording: b2m.Recording, tmp_path: Path
) -> None:
    layer = "encoder" if callable(network) else "rnn"
    student = MemoryStudent(
        recording, network, layer, batch_size=4, recorded_batch_size=4, windows="delay"
    )
    compared = b2m.Comparison(
        student,
        student.brain,
        (b2m.TransferMethod("regression", "pca", "id"),),
        controls=(*b2m.NULLS, *b2m.PROBES),
        seeds=(0, 1),
        budget=b2m.Budget(4, 2, student.learning_rate, n_latents=3),
    )
    assert not {each.name for each in compared.controls} & set(compared.left_out)
    run = compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    (verdict,) = b2m.verdicts_of(run)
    assert set(verdict.over_nulls) == {each.name for each in b2m.NULLS}
    assert set(verdict.over_probes) == {"labels", "labels_corrupted"}
    curves = {str(name): curve.value for name, curve in run.curves.items()}
    assert curves["alone"].shape == (2, 3)  # evaluated before, within and after the training
    np.testing.assert_array_equal(curves["alone"], curves["alone_head"])
    page = b2m.write_report(run.folder).read_text()
    for words in ("SIMULATED", "accuracy of the choice", "CKA", "asked by compare memory only"):
        assert words in page
