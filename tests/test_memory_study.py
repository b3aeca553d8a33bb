"""The whole road on the smallest settings: a recording in, a verdict and a report out."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from b2m_agents.studies.memory import compare_memory, plan_groups
from b2m_agents.studies.memory_group import GroupRun, TaughtRun, decision_loss
from b2m_agents.studies.memory_plan import (
    MemoryStudySettings,
    replayed,
    split_trials,
    taught_conditions,
)
from b2m_agents.studies.teachers import Reading
from b2m_drive.brain.recording import BrainRecording
from b2m_drive.brain.simulated import SimulatedBrain, simulate_trials
from b2m_drive.evidence.report import write_report
from b2m_drive.evidence.scores import read_scores
from b2m_drive.evidence.verdict import verdicts_of
from b2m_drive.transfer.attachment import attach
from b2m_drive.transfer.targets import BrainTargets
from b2m_envs.memory_decision import MemoryDecisionTask

SMALL = MemoryStudySettings(
    seeds=(0, 1), n_steps=4, evaluate_every=2, n_evaluation_trials=16, batch_size=4
)


@pytest.fixture(scope="module")
def recording() -> BrainRecording:
    torch.set_num_threads(1)
    trials = simulate_trials(60, 3, 8, np.random.default_rng(0))
    return replace(SimulatedBrain.preset("ideal"), n_units=30).record(trials, 0)


def no_progress() -> None:
    """Nobody watches."""


@pytest.mark.slow
def test_a_comparison_ends_in_verdicts_and_resumes_to_equal_numbers(recording, tmp_path) -> None:
    run = compare_memory(recording, tmp_path / "run", SMALL, n_workers=1, progress=False)
    scores = read_scores(run / "scores.csv")
    assert {score.condition for score in scores} >= set(taught_conditions(SMALL))
    assert len(verdicts_of(run)) == 2
    page = write_report(run).read_text()
    assert "SIMULATED" in page
    assert "http" not in page.split("<img")[0].split("</style>")[0]
    (run / "groups" / "seed-1.csv").unlink()  # as if it had been killed before this group
    (run / "scores.csv").unlink()
    compare_memory(recording, run, SMALL, n_workers=1, progress=False)
    assert read_scores(run / "scores.csv") == scores
    other = replace(SMALL, n_steps=6)
    with pytest.raises(ValueError, match=r"another configuration.*n_steps: there 4, now 6"):
        compare_memory(recording, run, other, n_workers=1, progress=False)


@pytest.mark.slow
def test_a_score_altered_in_the_table_changes_the_report(recording, tmp_path) -> None:
    run = compare_memory(recording, tmp_path / "run", SMALL, n_workers=1, progress=False)
    before = write_report(run).read_text()
    table = (run / "scores.csv").read_text().splitlines()
    place = next(k for k, row in enumerate(table) if row.startswith("regression/") and ",4," in row)
    cells = table[place].split(",")
    cells[4] = str(float(cells[4]) / 2 + 0.1)
    table[place] = ",".join(cells)
    (run / "scores.csv").write_text("\n".join(table) + "\n")
    assert write_report(run).read_text() != before
    shutil.copy(run / "config.json", tmp_path / "config.json")
    (run / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json"):
        write_report(run)
    assert (run / "report.html").is_file()


def test_a_head_at_weight_zero_changes_nothing(recording, tmp_path) -> None:
    """The head is there, and recorded trials pass through the student, yet it learns as alone."""
    few = replace(SMALL, seeds=(0,), n_steps=2, evaluate_every=1)
    isolated, *_, taught = plan_groups(recording, few, tmp_path / "run")
    alone, group = GroupRun(isolated.plan), TaughtRun(taught.plan, recording)
    before = group.lessons.weight.detach().clone()
    alone.train(no_progress)
    GroupRun.train(group, no_progress)
    index = {name: k for k, name in enumerate(taught.plan.conditions)}
    head, brain = index["alone_head"], index["regression/decoded/recorded/brain"]
    for name, weights in alone.network.named_parameters():
        others = group.network.get_parameter(name)
        torch.testing.assert_close(others[head], weights[0], rtol=1e-3, atol=1e-4)
    moved = (group.network.weight_hidden[brain] - alone.network.weight_hidden[0]).abs().max()
    assert moved > 1e-3
    assert torch.equal(group.lessons.weight[head], before[head])
    assert not torch.equal(group.lessons.weight[brain], before[brain])


def test_isolated_students_are_shared_between_brains_and_taught_ones_are_not(
    recording, tmp_path
) -> None:
    other = recording.select_trials(np.arange(50))
    first, second = (plan_groups(each, SMALL, tmp_path / "run") for each in (recording, other))
    assert first[0].folder == second[0].folder == tmp_path / "isolated" / first[0].folder.name
    assert first[-1].folder is None
    changed = plan_groups(recording, replace(SMALL, observation_noise=0.5), tmp_path / "run")
    assert changed[0].folder != first[0].folder


def test_all_students_of_a_seed_start_equal_and_see_the_same_trials(recording, tmp_path) -> None:
    isolated, *_, taught = plan_groups(recording, replace(SMALL, seeds=(3,)), tmp_path / "run")
    alone, group = GroupRun(isolated.plan), TaughtRun(taught.plan, recording)
    for name, weights in alone.network.named_parameters():
        others = group.network.get_parameter(name)
        assert torch.equal(others, weights[:1].expand_as(others))
    np.testing.assert_array_equal(
        alone.draw_batches()[0].observation, group.draw_batches()[0].observation
    )
    np.testing.assert_array_equal(alone.held_out[0].target, group.held_out[0].target)


def test_held_out_recorded_trials_never_teach(recording, tmp_path) -> None:
    taught = plan_groups(recording, SMALL, tmp_path / "run")[-1].plan
    teaching = split_trials(recording)
    spoilt = recording.activity.copy()
    spoilt[~teaching] = 99.0
    runs = [TaughtRun(taught, each) for each in (recording, replace(recording, activity=spoilt))]
    torch.testing.assert_close(runs[0].lessons.values, runs[1].lessons.values)
    assert 0 < (~teaching).sum() < teaching.sum()


def test_replayed_trials_are_those_that_were_recorded(recording) -> None:
    table = replayed(recording)
    np.testing.assert_array_equal(table.target_side, recording.trials.target_side)
    np.testing.assert_array_equal(table.trial_id, recording.trials.trial_id)


def test_the_stacked_lesson_equals_the_attachment_to_one_student(recording, tmp_path) -> None:
    """Second path: what the study adds to the loss is what a user's attachment would add."""
    plan = plan_groups(recording, SMALL, tmp_path / "run")[-1].plan
    group = TaughtRun(plan, recording)
    index = plan.conditions.index("regression/decoded/recorded/brain")
    rows = np.arange(6)
    batch = group.task.unroll(group.teaching_trials.select(rows), np.random.default_rng(0))
    window = group._window_of_steps(batch)
    hidden = group.network(torch.from_numpy(batch.observation)[None]).hidden
    loss = group.lessons(hidden, torch.from_numpy(rows), torch.from_numpy(window))[index]
    student = group.network.unstack()[index]
    phase = group.lessons.phase.numpy()
    latents = group.lessons.values[index].numpy()
    terms = []
    for each in (0, 1):
        valid = (window >= 0) & (phase[window] == each)
        targets = BrainTargets(
            latents[rows[:, None], np.maximum(window, 0)], batch.trial_id, "test", valid=valid
        )
        attachment = attach(student, "rnn", targets)
        with torch.no_grad():
            attachment.head.weight.copy_(group.lessons.weight[index, each].T)
            attachment.head.bias.copy_(group.lessons.bias[index, each])
        student(torch.from_numpy(batch.observation))
        terms.append(attachment.loss(batch.trial_id))
        attachment.remove()
    torch.testing.assert_close(loss, torch.stack(terms).mean(), rtol=1e-4, atol=1e-5)


def test_the_decision_loss_is_the_weighted_cross_entropy_by_hand() -> None:
    logits = torch.zeros(1, 1, 2, 3)
    logits[0, 0, 1, 2] = np.log(2.0)  # probabilities 1/4, 1/4, 1/2
    target = torch.tensor([[[0, 2]]])
    loss = decision_loss(logits, target, torch.tensor([[[1.0, 3.0]]]))
    assert loss.item() == pytest.approx((np.log(3) + 3 * np.log(2)) / 4, rel=1e-5)


def test_an_untaught_network_has_seen_the_trials_but_a_shuffled_brain_has_not(
    recording, tmp_path
) -> None:
    plan = plan_groups(recording, SMALL, tmp_path / "run")[-1].plan
    group = TaughtRun(plan, recording)
    stem = "regression/decoded/recorded"
    held = group.teaching_trials.stimulus[:, 0]

    def hit_rate(teacher: str) -> float:
        values = group.lessons.values[plan.conditions.index(f"{stem}/{teacher}")]
        return float((values[:, 0].argmax(1).numpy() == held).mean())

    assert hit_rate("labels") == 1.0
    assert hit_rate("untrained_network") > 0.5
    assert hit_rate("shuffled") < 0.35


def test_the_task_of_the_study_is_the_registered_environment(recording, tmp_path) -> None:
    plan = plan_groups(recording, SMALL, tmp_path / "run")[0].plan
    batch = MemoryDecisionTask(plan.task).sample(5, np.random.default_rng(0))
    assert batch.observation.shape[-1] == 1 + 3 * plan.task.code_size


def test_impossible_study_settings_are_named() -> None:
    with pytest.raises(ValueError, match="seeds"):
        MemoryStudySettings(seeds=(1, 1))
    with pytest.raises(ValueError, match="readings"):
        MemoryStudySettings(readings=())
    with pytest.raises(ValueError, match="batch_size: expected at least 1, came 0"):
        MemoryStudySettings(batch_size=0)
    assert Reading().pairing == "recorded"
