"""The whole road on the smallest settings: a recording in, a verdict and a report out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from b2m_agents.studies.memory.comparison import MemoryComparison
from b2m_agents.studies.memory.plan import (
    MemoryPlan,
    MemoryStudySettings,
    split_trials,
    taught_conditions,
    varied_conditions,
)
from b2m_agents.studies.memory.student_group import GroupRun, decision_loss
from b2m_agents.studies.memory.taught_group import TaughtRun, run_job
from b2m_agents.studies.memory.teachers import Readout
from b2m_agents.studies.memory.trial_matching import match_trials
from b2m_drive.comparisons.jobs import Job
from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.verdict import verdicts_of
from b2m_drive.evidence.condition import Condition, TransferMethod
from b2m_drive.evidence.scores import read_scores
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.simulated.neurons import (
    SimulatedBrain,
    simulate_sternberg,
    simulate_trials,
)
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.reports.report import write_report
from b2m_drive.transfer.attachment import attach
from b2m_drive.transfer.targets import BrainTargets
from b2m_envs.memory_decision import SternbergSettings, task_of
from tests.extending.own_executor import OneAfterAnother

METHOD = TransferMethod("regression", "decoded", "recorded")
BRAIN_TAUGHT = METHOD.condition("brain")
SMALL = MemoryStudySettings(
    seeds=(0, 1), n_steps=4, evaluate_every=2, n_evaluation_trials=16, batch_size=4
)


@pytest.fixture(scope="module")
def recording() -> TrialResponses:
    torch.set_num_threads(1)
    trials = simulate_trials(60, 3, 8, np.random.default_rng(0))
    return in_trials(replace(SimulatedBrain.preset("ideal"), n_units=30).record(trials, 0))


@pytest.fixture(scope="module")
def sternberg() -> TrialResponses:
    trials = simulate_sternberg(60, 8, np.random.default_rng(0))
    return in_trials(replace(SimulatedBrain.preset("ideal"), n_units=30).record(trials, 0))


def no_progress() -> None:
    """Nobody watches."""


def plan_groups(
    recording: TrialResponses, settings: MemoryStudySettings, folder: Path
) -> list[Job[MemoryPlan]]:
    return MemoryComparison(recording, settings).jobs(folder)


def taught_run(plan: MemoryPlan) -> TaughtRun:
    assert plan.teaching_trials is not None
    return TaughtRun(plan, plan.teaching_trials)


@pytest.mark.slow
def test_a_comparison_ends_in_verdicts_and_resumes_to_equal_numbers(recording, tmp_path) -> None:
    run = MemoryComparison(recording, SMALL).run(tmp_path / "run", progress=False).folder
    scores = read_scores(run / "scores.csv")
    assert {score.condition for score in scores} >= set(taught_conditions(SMALL))
    assert len(verdicts_of(run)) == 2
    page = write_report(run).read_text()
    assert "SIMULATED" in page
    assert "http" not in page.split("<img")[0].split("</style>")[0]
    (run / "groups" / "seed-1.csv").unlink()  # as if it had been killed before this group
    (run / "scores.csv").unlink()
    MemoryComparison(recording, SMALL).run(run, progress=False, executor=OneAfterAnother())
    assert read_scores(run / "scores.csv") == scores
    other = replace(SMALL, n_steps=6)
    with pytest.raises(ValueError, match=r"another configuration.*n_steps: there 4, now 6"):
        MemoryComparison(recording, other).run(run, progress=False)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_score_altered_in_the_table_changes_the_report(recording, tmp_path) -> None:
    study, run = MemoryComparison(recording, SMALL), tmp_path / "run"
    study.run(run, progress=False, executor=OneAfterAnother())
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


@pytest.mark.slow
def test_a_head_at_weight_zero_changes_nothing(recording, tmp_path) -> None:
    """The head is there, and recorded trials pass through the student, yet it learns as alone."""
    few = replace(SMALL, seeds=(0,), n_steps=2, evaluate_every=1)
    isolated, *_, taught = plan_groups(recording, few, tmp_path / "run")
    alone, group = GroupRun(isolated.plan), taught_run(taught.plan)
    before = group.by_seed[0].heads.weight.detach().clone()
    alone.train(no_progress)
    GroupRun.train(group, no_progress)
    index = {name: k for k, name in enumerate(taught.plan.conditions)}
    head, brain = index[Condition("alone_head")], index[BRAIN_TAUGHT]
    for name, weights in alone.network.named_parameters():
        others = group.network.get_parameter(name)
        torch.testing.assert_close(others[head], weights[0], rtol=1e-3, atol=1e-4)
    moved = (group.network.weight_hidden[brain] - alone.network.weight_hidden[0]).abs().max()
    assert moved > 1e-3
    assert torch.equal(group.by_seed[0].heads.weight[head], before[head])
    assert not torch.equal(group.by_seed[0].heads.weight[brain], before[brain])


def test_isolated_students_are_shared_between_brains_and_taught_ones_are_not(
    recording, tmp_path
) -> None:
    other = recording.select(np.arange(50))
    first, second = (plan_groups(each, SMALL, tmp_path / "run") for each in (recording, other))
    assert first[0].folder == second[0].folder == tmp_path / "isolated" / first[0].folder.name
    assert first[-1].folder is None
    changed = plan_groups(recording, replace(SMALL, observation_noise=0.5), tmp_path / "run")
    assert changed[0].folder != first[0].folder


@pytest.mark.slow
def test_all_students_of_a_seed_start_equal_and_see_the_same_trials(recording, tmp_path) -> None:
    isolated, *_, taught = plan_groups(recording, replace(SMALL, seeds=(3,)), tmp_path / "run")
    alone, group = GroupRun(isolated.plan), taught_run(taught.plan)
    for name, weights in alone.network.named_parameters():
        others = group.network.get_parameter(name)
        assert torch.equal(others, weights[:1].expand_as(others))
    np.testing.assert_array_equal(
        alone.draw_batches()[0].observation, group.draw_batches()[0].observation
    )
    np.testing.assert_array_equal(alone.held_out[0].target, group.held_out[0].target)


@pytest.mark.slow
def test_held_out_recorded_trials_never_teach(recording, tmp_path) -> None:
    taught = plan_groups(recording, SMALL, tmp_path / "run")[-1].plan
    teaching = split_trials(recording)
    spoilt = recording.values.copy()
    spoilt[~teaching] += np.random.default_rng(0).poisson(99, spoilt[~teaching].shape)
    other = plan_groups(replace(recording, values=spoilt), SMALL, tmp_path / "run")[-1].plan
    runs = [taught_run(plan) for plan in (taught, other)]
    torch.testing.assert_close(runs[0].by_seed[0].heads.values, runs[1].by_seed[0].heads.values)
    assert 0 < (~teaching).sum() < teaching.sum()


def test_replayed_trials_are_those_that_were_recorded(recording) -> None:
    table = match_trials(recording.trials, "memory_decision")
    np.testing.assert_array_equal(table.target_side, recording.trials.target_side)
    np.testing.assert_array_equal(table.trial_id, recording.trials.trial_id)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
def test_a_users_attachment_gives_the_loss_that_the_study_judges(
    recording, tmp_path, strategy
) -> None:
    """Both ways on the same trials: what differs is how a matrix product rounds, stacked or not."""
    settings = replace(SMALL, readings=(Readout("pca", "recorded"),))  # whose shares differ
    plan = plan_groups(recording, settings, tmp_path / "run")[-1].plan
    group = taught_run(plan)
    index = plan.conditions.index(TransferMethod(strategy, "pca", "recorded").condition("brain"))
    (teaching,) = group.by_seed
    heads, rows = teaching.heads, np.arange(6)
    batch = teaching.task.unroll(teaching.trials.select(rows), np.random.default_rng(0))
    window = teaching.window_of_steps(batch)
    hidden = group.network(torch.from_numpy(batch.observation)[None]).hidden
    heads._generator.manual_seed(5)
    judged = heads(hidden, torch.from_numpy(rows), torch.from_numpy(window))[index]
    student, share = group.network.unstack()[index], heads.share[index]
    assert not torch.allclose(share, share[:, :1])
    targets = BrainTargets(
        heads.values[index].numpy()[rows[:, None], np.maximum(window, 0)],
        batch.trial_id,
        "test",
        window >= 0,
        share.numpy(),
        heads.phase.numpy()[window],
    )
    attachment = attach(
        student, "rnn", targets, strategy=strategy, generator=torch.Generator().manual_seed(1)
    )
    with torch.no_grad():
        attachment.head.weight.copy_(heads.weight[index].mT.flatten(0, 1))
        attachment.head.bias.copy_(heads.bias[index].flatten())
    student(torch.from_numpy(batch.observation))
    attachment.generator.manual_seed(5)
    loss = attachment.loss(batch.trial_id)
    torch.testing.assert_close(loss, judged, rtol=4 * torch.finfo(torch.float32).eps, atol=0)


def test_the_decision_loss_is_the_weighted_cross_entropy_by_hand() -> None:
    logits = torch.zeros(1, 1, 2, 3)
    logits[0, 0, 1, 2] = np.log(2.0)  # probabilities 1/4, 1/4, 1/2
    target = torch.tensor([[[0, 2]]])
    loss = decision_loss(logits, target, torch.tensor([[[1.0, 3.0]]]))
    assert loss.item() == pytest.approx((np.log(3) + 3 * np.log(2)) / 4, rel=1e-5)


@pytest.mark.slow
def test_an_untaught_network_has_seen_the_trials_but_a_shuffled_brain_has_not(
    recording, tmp_path
) -> None:
    plan = plan_groups(recording, SMALL, tmp_path / "run")[-1].plan
    group = taught_run(plan)
    held = group.by_seed[0].trials.stimulus[:, 0]

    def hit_rate(teacher: str) -> float:
        values = group.by_seed[0].heads.values[plan.conditions.index(METHOD.condition(teacher))]
        return float((values[:, 0].argmax(1).numpy() == held).mean())

    assert hit_rate("labels") == 1.0
    assert hit_rate("untrained_network") > 0.5
    assert hit_rate("shuffled") < 0.35


def test_the_task_of_the_study_is_the_registered_environment(recording, tmp_path) -> None:
    plan = plan_groups(recording, SMALL, tmp_path / "run")[0].plan
    batch = task_of(plan.task).sample(5, np.random.default_rng(0))
    assert batch.observation.shape[-1] == 1 + 3 * plan.task.code_size


def test_impossible_study_settings_are_named() -> None:
    with pytest.raises(ValueError, match="seeds"):
        MemoryStudySettings(seeds=(1, 1))
    with pytest.raises(ValueError, match="readings"):
        MemoryStudySettings(readings=())
    with pytest.raises(ValueError, match="batch_size: expected at least 1, came 0"):
        MemoryStudySettings(batch_size=0)
    assert Readout().pairing == "recorded"
    with pytest.raises(ValueError, match="student_trials_curve: expected different numbers"):
        MemoryStudySettings(student_trials_curve=(10, 10))
    with pytest.raises(ValueError, match=r"codes: expected one of .*, came 'pictures'"):
        MemoryStudySettings(codes="pictures")
    with pytest.raises(ValueError, match="probes: expected some of"):
        MemoryStudySettings(probes=("nothing",))


def test_more_teacher_trials_than_there_are_is_named(recording) -> None:
    with pytest.raises(ValueError, match=r"expected at most 48 \(four fifths of the 60"):
        split_trials(recording, 49)
    few, most = split_trials(recording, 10), split_trials(recording)
    assert few.sum() == 10
    assert (few <= most).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell", ["gru", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("lstm", "leaky"))]
)
def test_every_probe_teaches_every_kind_of_student(recording, tmp_path, cell) -> None:
    settings = replace(
        SMALL, seeds=(0,), n_steps=2, cell=cell, probes=MEMORY.probes, codes="category"
    )
    plan = plan_groups(recording, settings, tmp_path / "run")[-1].plan
    group = taught_run(plan)
    scores = group.train(no_progress)
    assert {score.condition for score in scores} == set(plan.conditions)
    weights = group.network.weight_hidden.detach().flatten(1)
    head = weights[plan.conditions.index(Condition("alone_head"))]
    moved = (weights - head).abs().amax(1)
    for condition, by in zip(plan.conditions, moved, strict=True):
        assert (by > 1e-4) == (condition.control != "alone_head"), (
            condition
        )  # each by its own teacher
    assert len(torch.unique(weights, dim=0)) == len(weights)


@pytest.mark.slow
def test_the_student_of_permuted_items_sees_other_items_and_the_same_brain(
    recording, tmp_path
) -> None:
    settings = replace(SMALL, seeds=(0,), probes=("items_permuted",))
    plan = plan_groups(recording, settings, tmp_path / "run")[-1].plan
    group = taught_run(plan)
    brain, permuted = (
        plan.conditions.index(METHOD.condition(name)) for name in ("brain", "items_permuted")
    )
    latents = group.by_seed[0].heads.values
    assert torch.equal(latents[brain], latents[permuted])
    generated = group.draw_batches()
    seen = group._observation(generated, [group.by_seed[0].sample(0, with_permuted=True)])
    n_generated = len(generated[0])
    assert torch.equal(seen[brain, :n_generated], seen[permuted, :n_generated])
    assert not torch.equal(seen[brain, n_generated:], seen[permuted, n_generated:])
    before, after = group.by_seed[0].trials.stimulus, group.by_seed[0].permuted_trials.stimulus
    assert (before != after).all()
    assert len({(int(b), int(a)) for b, a in zip(before.ravel(), after.ravel(), strict=True)}) == 8


def test_a_student_of_few_trials_sees_no_others(recording, tmp_path) -> None:
    settings = replace(SMALL, seeds=(0,), n_student_trials=3, batch_size=40)
    group = GroupRun(plan_groups(recording, settings, tmp_path / "run")[0].plan)
    shown = {tuple(map(int, row)) for row in group.draw_batches()[0].trials.stimulus}
    shown |= {tuple(map(int, row)) for row in group.draw_batches()[0].trials.stimulus}
    assert len(shown) == 3


@pytest.mark.slow
def test_curves_vary_one_thing_and_keep_their_students_apart(recording, tmp_path) -> None:
    settings = replace(
        SMALL,
        teacher_trials_curve=(10,),
        student_trials_curve=(5,),
        maintenance_curve=(1.0,),
        n_seeds_varied=1,
    )
    comparison = MemoryComparison(recording, settings, signal=1.0, by_signal={0.0: recording})
    plans = {group.name: group.plan for group in comparison.jobs(tmp_path / "run")}
    varied = {name: plan for name, plan in plans.items() if plan.variation}
    assert len(varied) == 6  # the students alone feel the delay and their own trials only
    teacher = varied["n_teacher_trials-10-seed-0"]
    assert teacher.teaching_trials is not None
    assert teacher.teaching_trials.teaching.sum() == 10
    assert teacher.conditions == varied_conditions(settings)
    assert varied["maintenance-1-alone-seeds-0"].task.maintenance == 1.0
    scores = run_job(replace(teacher, settings=replace(teacher.settings, n_steps=2)), no_progress)
    assert {score.condition.variation for score in scores} == {teacher.variation}
    assert {score.metric for score in scores} == {"accuracy"}


@pytest.mark.slow
def test_another_task_s_trial_keeps_items_positions_delay_and_answer(recording, sternberg) -> None:
    there = match_trials(recording.trials, "sternberg")
    np.testing.assert_array_equal(there.stimulus, recording.trials.stimulus)
    np.testing.assert_array_equal(there.target_side, recording.trials.target_side)
    back = match_trials(sternberg.trials, "memory_decision")
    np.testing.assert_array_equal(back.stimulus, sternberg.trials.stimulus)
    np.testing.assert_array_equal(back.target_side, sternberg.trials.target_side)
    np.testing.assert_array_equal(back.trial_id, sternberg.trials.trial_id)
    np.testing.assert_allclose(
        back.maintenance, sternberg.trials.probe_onset - sternberg.trials.maintenance_onset
    )
    assert set(back.item_count) == {1, 2, 3}


@pytest.mark.slow
@pytest.mark.parametrize(
    "task", [pytest.param("memory_decision", marks=pytest.mark.thorough), "sternberg"]
)
def test_a_brain_teaches_across_tasks_both_ways(recording, sternberg, tmp_path, task) -> None:
    brain = sternberg if task == "memory_decision" else recording
    settings = replace(SMALL, seeds=(0, 1), task=task)
    study, run = MemoryComparison(brain, settings), tmp_path / "run"
    study.run(run, progress=False, executor=OneAfterAnother())
    page = write_report(run).read_text()
    assert "another task" in page
    assert len(verdicts_of(run)) == 2


def test_the_user_s_own_pairing_of_trials_takes_the_place_of_ours(recording, tmp_path) -> None:
    def reversed_items(trials, task):
        table = match_trials(trials, task)
        return replace(table, stimulus=table.stimulus[:, ::-1].copy())

    settings = replace(SMALL, task="sternberg")
    comparison = MemoryComparison(recording, settings, matching=reversed_items)
    plan = comparison.jobs(tmp_path / "run")[-1].plan
    assert plan.teaching_trials is not None
    assert isinstance(plan.task, SternbergSettings)
    np.testing.assert_array_equal(
        plan.teaching_trials.trials.stimulus, recording.trials.stimulus[:, ::-1]
    )


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("probes", [(), ("items_permuted",)])
def test_seeds_trained_in_one_stack_learn_as_if_each_had_its_own(
    recording, tmp_path, probes
) -> None:
    settings = replace(SMALL, probes=probes)
    *_, first, second = (group.plan for group in plan_groups(recording, settings, tmp_path / "run"))
    apart = [score for plan in (first, second) for score in taught_run(plan).train(no_progress)]
    together = taught_run(replace(first, seeds=(0, 1))).train(no_progress)
    values = [
        {(s.condition, s.seed, s.metric, s.step): s.value for s in scores}
        for scores in (apart, together)
    ]
    assert values[0].keys() == values[1].keys()
    assert values[0] == pytest.approx(values[1], abs=0.01)
