"""A user's own network, data and loss, from the public interface to verdict and report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import b2m_drive as b2m
from b2m_drive.comparisons import student_job
from b2m_drive.students.devices import brought, device_of_network
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_students import (
    PictureStudent,
    SequenceStudent,
    brain,
    in_time,
    kinds,
)

SHORT = b2m.Budget(n_steps=4, evaluate_every=2, n_latents=3)


def as_loud_as_the_brain(inputs: b2m.ControlInputs) -> np.ndarray:
    """Noise of the brain's own size: a null that a user might think of."""
    return inputs.generator.normal(inputs.values.mean(), inputs.values.std(), inputs.values.shape)


NOISE = b2m.Control(
    "noise", "null", "noise", "Noise of the brain's size.", "#123456", make=as_loud_as_the_brain
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> b2m.Run:
    torch.set_num_threads(1)
    compared = b2m.Comparison(
        PictureStudent(), brain(), controls=(*b2m.NULLS, *b2m.PROBES, NOISE), seeds=(0, 1),
        budget=SHORT,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("own") / "run"
    return compared.run(folder, progress=False, executor=OneAfterAnother())


@pytest.mark.slow
def test_a_users_network_and_null_end_in_verdicts_and_a_report(run: b2m.Run) -> None:
    verdicts = b2m.verdicts_of(run)
    assert [each.method.strategy for each in verdicts] == ["regression", "contrastive"]
    for verdict in verdicts:
        assert set(verdict.over_nulls) == {*(each.name for each in b2m.NULLS), "noise"}
        assert set(verdict.over_probes) == {"labels", "labels_corrupted"}
    page = b2m.write_report(run.folder).read_text()
    for words in ("SIMULATED", "pictures", "noise", "share of pictures", "CKA"):
        assert words in page


@pytest.mark.slow
def test_a_head_at_weight_zero_changes_nothing_and_every_teacher_something(run: b2m.Run) -> None:
    curves = {str(name): curve.value for name, curve in run.curves.items()}
    losses = {name: values for name, values in curves.items()}
    np.testing.assert_array_equal(losses["alone"], losses["alone_head"])


@pytest.mark.slow
def test_a_run_is_gone_on_with_and_another_brain_refused(run: b2m.Run) -> None:
    before = (run.folder / "scores.csv").read_bytes()
    (run.folder / "scores.csv").unlink()
    next(iter(sorted((run.folder / "groups").glob("regression*brain*.csv")))).unlink()
    compared = b2m.Comparison(
        PictureStudent(), brain(), controls=(*b2m.NULLS, *b2m.PROBES, NOISE), seeds=(0, 1),
        budget=SHORT,
    )  # fmt: skip
    compared.run(run.folder, progress=False, executor=OneAfterAnother())
    assert (run.folder / "scores.csv").read_bytes() == before
    other = b2m.Comparison(PictureStudent(), brain(seed=1), seeds=(0, 1), budget=SHORT)
    with pytest.raises(ValueError, match="another configuration"):
        other.run(run.folder, progress=False)


@pytest.mark.slow
def test_a_student_over_time_that_cannot_say_what_it_sees_is_told_what_was_left_out(
    tmp_path: Path,
) -> None:
    compared = b2m.Comparison(SequenceStudent(), brain(n_times=4), seeds=(0, 1), budget=SHORT)
    assert set(compared.left_out) == {
        "untrained_network", "random_projection", "labels", "labels_corrupted",
    }  # fmt: skip
    run = compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    for verdict in b2m.verdicts_of(run):
        assert "Not held against untrained network and random projection" in verdict.finding
    page = b2m.write_report(run.folder).read_text()
    assert "Not held against untrained network" in page
    assert "What could not be asked" in page
    assert "the student has no method seen(ids)" in page


class TimedByNoCriterion(SequenceStudent):
    """Says what it sees and has labels, and gives no score whose first passing is timed."""

    name = "no criterion"
    words = b2m.ScoreWords("accuracy", "share of pictures")

    def seen(self, ids: np.ndarray) -> torch.Tensor:  # type: ignore[override]
        return in_time(ids)

    def labels(self, ids: np.ndarray) -> np.ndarray:  # type: ignore[override]
        return PictureStudent().labels(ids)


@pytest.mark.slow
@pytest.mark.thorough
def test_labels_teach_a_student_over_time_and_a_report_needs_no_criterion(tmp_path: Path) -> None:
    compared = b2m.Comparison(TimedByNoCriterion(), brain(n_times=4), seeds=(0, 1), budget=SHORT)
    run = compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    (verdict, _) = b2m.verdicts_of(run)
    assert set(verdict.over_probes) == {"labels", "labels_corrupted"}
    assert "divided by control" not in b2m.write_report(run.folder).read_text()


@pytest.mark.slow
def test_a_section_of_the_users_own_stands_in_the_report(run: b2m.Run) -> None:
    def mine(run: b2m.Run) -> b2m.Section:
        return b2m.Section("My own section", intro=f"{len(run.scores)} numbers")

    page = b2m.write_report(run.folder, sections=(mine,)).read_text()
    assert "My own section" in page
    assert f"{len(run.scores)} numbers" in page


@pytest.mark.slow
@pytest.mark.thorough
def test_a_brain_that_tells_the_kinds_teaches_more_than_its_shuffled_self(tmp_path: Path) -> None:
    budget = b2m.Budget(n_steps=60, evaluate_every=10, n_latents=2, weight=3.0, learning_rate=3e-3)
    blt = (b2m.TransferMethod("regression", "pca", "id"),)
    found = b2m.Comparison(PictureStudent(), brain(), blt, b2m.NULLS, tuple(range(6)), budget).run(
        tmp_path / "run", n_workers=2, progress=False
    )
    (verdict,) = b2m.verdicts_of(found)
    assert verdict.over_nulls["shuffled"].mean > 0
    assert verdict.over_nulls["alone_head"].mean == verdict.over_nulls["alone"].mean


def test_bad_controls_are_refused_by_name() -> None:
    unmade = b2m.Control("mine", "null", "mine", "nothing", "#000000")
    with pytest.raises(ValueError, match="control mine: expected a function"):
        b2m.Comparison(PictureStudent(), brain(), controls=(*b2m.NULLS, unmade))
    with pytest.raises(ValueError, match="shuffled twice"):
        b2m.Comparison(PictureStudent(), brain(), controls=(*b2m.NULLS, b2m.NULLS[2]))
    words = {**NOISE.describe(), "role": "nul"}
    with pytest.raises((ValueError, TypeError), match="role"):
        b2m.Control.from_description(words)
    with pytest.raises(ValueError, match=r"without '\|'"):
        b2m.Control("a/b", "null", "mine", "nothing")


class Elsewhere(PictureStudent):
    """Numbers its pictures otherwise than the brain."""

    def batches(self, generator: np.random.Generator) -> Iterator[b2m.Batch]:
        for batch in super().batches(generator):
            yield b2m.Batch(batch.ids + 1000, batch.inputs)

    def task_loss(self, network: nn.Module, batch: b2m.Batch) -> torch.Tensor:
        return super().task_loss(network, b2m.Batch(batch.ids - 1000, batch.inputs))


class Exploding(PictureStudent):
    """Its loss is no number."""

    def task_loss(self, network: nn.Module, batch: b2m.Batch) -> torch.Tensor:
        return super().task_loss(network, batch) * float("nan")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ids")  # the attachment says it at the first batch
@pytest.mark.parametrize(
    ("student", "message"),
    [
        (Elsewhere(), r"ids of .*: expected some of those .* came none in 4 batches .*numbered"),
        (Exploding(), r"task_loss of .*: expected a finite number, came nan at step \d+ of seed"),
    ],
)
def test_a_student_that_nothing_can_teach_is_refused(
    student: PictureStudent, message: str, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    budget = b2m.Budget(n_steps=4, evaluate_every=2)
    compared = b2m.Comparison(student, brain(), controls=b2m.NULLS[:3], seeds=(0, 1), budget=budget)
    with pytest.raises(ValueError, match=message):
        compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 3}, "seeds: expected a tuple of whole numbers, came 3"),
        ({"brain": "mine.h5"}, "brain: expected a Recording or Responses, came 'mine.h5'"),
        (
            {"methods": ("regression",)},
            "methods: expected each a TransferMethod, came 'regression'",
        ),
        (
            {"methods": (b2m.TransferMethod("regression", "pca", "recorded"),)},
            "expected the pairing 'id' .* came 'recorded'",
        ),
        ({"methods": (b2m.TransferMethod("regression", "pcaa", "id"),)}, "latents: .*pcaa"),
        ({"budget": 500}, "budget: expected a Budget, came 500"),
    ],
)
def test_settings_of_another_type_are_refused_by_name(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        b2m.Comparison(**{"student": PictureStudent(), "brain": brain(), **changes})


def no_section(run: b2m.Run) -> str:
    return "text"


def broken_section(run: b2m.Run) -> b2m.Section:
    raise KeyError("nothing")


@pytest.mark.slow
@pytest.mark.usefixtures("as_users_run_it")
def test_a_section_of_ones_own_that_fails_is_named(run: b2m.Run) -> None:
    with pytest.raises(ValueError, match="section no_section: expected a Section, came str"):
        b2m.write_report(run.folder, sections=(no_section,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="section broken_section: KeyError: 'nothing'"):
        b2m.write_report(run.folder, sections=(broken_section,))


class Following(PictureStudent):
    """The same, with everything beside the batch on the network's device."""

    def task_loss(self, network: nn.Module, batch: b2m.Batch) -> torch.Tensor:
        target = torch.from_numpy(kinds()[batch.ids]).to(device_of_network(network))
        return nn.functional.cross_entropy(network(batch.inputs), target)

    def score(self, network: nn.Module) -> dict[str, float]:
        shape = network(self.seen(np.arange(4)).to(device_of_network(network))).shape
        return {"accuracy": float(shape[0] == 4)}  # the meta device has no values to compare


def test_a_student_that_stays_on_the_cpu_is_told_what_to_bring_to_the_device() -> None:
    with pytest.raises(ValueError, match=r"^score of pictures: expected every tensor .* meta"):
        b2m.Comparison(PictureStudent(), brain(), seeds=(0, 1), device="meta")


@pytest.mark.parametrize("name", ["alone", "brain", "untrained_network"])
def test_a_student_that_follows_its_network_learns_on_another_device(name: str) -> None:
    compared = b2m.Comparison(Following(), brain(), seeds=(0, 1), budget=SHORT, device="meta")
    assert compared.describe()["device"] == "meta"
    jobs = compared.jobs_of_runs(Path("unused"))[Path("unused")]
    plan = next(job.plan for job in jobs if job.plan.condition.control == name)
    if name == "untrained_network":  # its activity is read, and the meta device has none
        with pytest.raises(NotImplementedError, match="meta"):
            student_job.run_job(plan, lambda: None)
        return
    training = student_job._Training(plan)
    batch = brought(next(training.batches), training.device)
    loss = training.student.task_loss(training.network, batch)
    if training.attachment is not None:
        loss = loss + training.attachment.loss(batch.ids)
    loss.backward()
    grads = [each.grad for each in training.network.parameters()]
    assert {each.device.type for each in grads if each is not None} == {"meta"}
    assert "device" not in b2m.Comparison(Following(), brain(), seeds=(0, 1)).describe()
