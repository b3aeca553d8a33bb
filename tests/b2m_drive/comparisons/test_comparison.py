from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from b2m_drive.comparisons.jobs import (
    FailedJobsError,
    Job,
    RunningOptions,
    join_scores,
    run_pending,
)
from b2m_drive.comparisons.run_opening import check_run, open_run
from b2m_drive.evidence.condition import Condition
from b2m_drive.evidence.scores import Score, read_scores, write_scores
from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_drive.students.fitting import FittingSettings, fit, limit_each_gradient
from b2m_drive.students.stacked_rnn import StackedDecisionRNN


@dataclass(frozen=True)
class Plan:
    name: str
    fails_if: str = ""


def score_once(plan: Plan, after_step: Callable[[], None]) -> list[Score]:
    """A study of one step; fails while a file exists, as a killed group does."""
    if plan.fails_if and os.path.exists(plan.fails_if):
        raise RuntimeError(f"{plan.name} was interrupted")
    after_step()
    return [Score(Condition(plan.name), 0, "accuracy", 1, float(os.getpid()), "1")]


@pytest.mark.thorough
@pytest.mark.slow
def test_a_killed_comparison_keeps_its_finished_groups(tmp_path) -> None:
    run = open_run(tmp_path / "run", {"a": 1})
    obstacle = tmp_path / "obstacle"
    obstacle.touch()
    groups = [
        Job("first", Plan("first"), 1, tmp_path / "shared"),
        Job("second", Plan("second", str(obstacle)), 1),
    ]
    quietly = RunningOptions(progress=False)
    with pytest.raises(FailedJobsError, match="second was interrupted"):
        run_pending(run, {run: groups}, score_once, quietly)
    first = read_scores(tmp_path / "shared" / "first.csv")
    assert not (run / "scores.csv").exists()
    obstacle.unlink()
    run_pending(run, {run: groups}, score_once, quietly)
    scores = join_scores(run, groups)
    assert [score.condition.control for score in scores] == ["first", "second"]
    assert scores[0] == first[0]  # of the process that was killed: it was not run again
    assert scores[1].value != first[0].value
    assert read_scores(run / "scores.csv") == scores
    assert not [path for path in run.rglob("*") if "draft" in path.name]


def test_a_run_of_another_configuration_is_not_touched(tmp_path) -> None:
    open_run(tmp_path / "run", {"n_steps": 10, "same": 1})
    open_run(tmp_path / "run", {"n_steps": 10, "same": 1})
    with pytest.raises(ValueError, match="n_steps: there 10, now 20") as caught:
        open_run(tmp_path / "run", {"n_steps": 20, "same": 1})
    assert "same" not in str(caught.value)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["n_steps"] == 10


def test_of_entries_within_entries_only_what_differs_is_named(tmp_path) -> None:
    brain = {"source": "a", "units": {"LA": 3}, "licence": "ODbL"}
    open_run(tmp_path / "run", {"brain": brain})
    other = {**brain, "source": "b", "units": {"LA": 3, "RA": 1}}
    with pytest.raises(ValueError, match=r"brain\.source: there 'a', now 'b'") as caught:
        open_run(tmp_path / "run", {"brain": other})
    assert "brain.units.RA: there None, now 1" in str(caught.value)
    assert "licence" not in str(caught.value)
    assert "LA" not in str(caught.value)


def test_a_check_refuses_what_opening_would_and_writes_nothing(tmp_path) -> None:
    check_run(tmp_path / "new", {"a": 1})
    assert not (tmp_path / "new").exists()
    open_run(tmp_path / "run", {"a": 1})
    check_run(tmp_path / "run", {"a": 1})
    with pytest.raises(ValueError, match="a: there 1, now 2"):
        check_run(tmp_path / "run", {"a": 2})


def test_a_folder_of_something_else_is_refused(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="other files"):
        open_run(tmp_path, {"a": 1})
    with pytest.raises(ValueError, match="came a file"):
        open_run(tmp_path / "notes.txt", {"a": 1})


def test_a_run_stopped_while_it_began_is_taken_up(tmp_path) -> None:
    run = tmp_path / "run"
    (run / "groups").mkdir(parents=True)  # as version 0.5.0 left it on a full disk
    (run / ".b2m-lock").write_text("")
    (run / ".b2m-draft-here-99999999-0123abcd.json").write_text("{")
    open_run(run, {"a": 1})
    assert json.loads((run / "config.json").read_text()) == {"a": 1}
    (run / "groups" / "first.csv").write_text("")
    (run / "config.json").unlink()
    with pytest.raises(ValueError, match="other files"):  # of which nobody knows what it is
        open_run(run, {"a": 1})


def test_a_run_that_has_groups_has_its_configuration(tmp_path, monkeypatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        open_run(tmp_path / "run", {"a": 1})
    assert list((tmp_path / "run").iterdir()) == []
    monkeypatch.undo()
    open_run(tmp_path / "run", {"a": 1})


def test_scores_come_back_as_written_and_broken_tables_name_the_line(tmp_path) -> None:
    path = tmp_path / "scores.csv"
    scores = [
        Score(Condition("alone"), 0, "accuracy", 50, 0.1 + 0.2, "1"),
        Score(Condition.parse("n=2.0|regression/pca/frame/brain"), 1, "cka", 2, -1.0, "1"),
    ]
    write_scores(path, scores)
    assert read_scores(path) == scores
    path.write_text(path.read_text().replace("-1.0", "nan"))
    with pytest.raises(ValueError, match="line 3: expected a finite value, came nan"):
        read_scores(path)
    path.write_text("condition,seed\nalone,0\n")
    with pytest.raises(ValueError, match="expected the columns"):
        read_scores(path)
    with pytest.raises(FileNotFoundError, match=r"scores\.csv"):
        read_scores(tmp_path / "none" / "scores.csv")


def test_stacked_students_are_trained_as_each_would_be_alone() -> None:
    settings = DecisionRNNSettings(4, 8)
    students = [DecisionRNN(settings, torch.Generator().manual_seed(k)) for k in range(3)]
    batches = torch.randn(4, 6, 5, 4, generator=torch.Generator().manual_seed(7))
    scale = torch.tensor([1.0, 30.0, 0.01])  # so that the limit binds for one of them

    def loss(stack: StackedDecisionRNN, step: int, scales: torch.Tensor) -> torch.Tensor:
        return (stack(batches[step][None]).logits.square().mean((1, 2, 3)) * scales).sum()

    def train(stack: StackedDecisionRNN, scales: torch.Tensor) -> StackedDecisionRNN:
        fit(
            list(stack.parameters()),
            lambda step: (
                stack(batches[step][None]).logits.square().mean((1, 2, 3)) * scales
            ).sum(),
            FittingSettings(4, 0.01, evaluate_every=2),
            limit_gradient=limit_each_gradient,
            evaluate=lambda step: None,
            after_step=lambda: None,
        )
        return stack

    together = train(StackedDecisionRNN(students), scale)
    for index, student in enumerate(students):
        alone = train(StackedDecisionRNN([student]), scale[index : index + 1])
        torch.testing.assert_close(
            together.weight_hidden[index], alone.weight_hidden[0], rtol=1e-4, atol=1e-5
        )
