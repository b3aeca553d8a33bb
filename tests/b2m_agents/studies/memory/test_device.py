"""The memory study on another device: nothing of a training step stays on the cpu by mistake.

The meta device computes shapes alone, on every machine, and refuses a tensor of another device.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from b2m_agents.studies.memory.calibration import SMALL_STUDY, CalibrationSettings
from b2m_agents.studies.memory.calibration import describe_calibration as describe
from b2m_agents.studies.memory.comparison import MemoryComparison, describe_settings
from b2m_agents.studies.memory.memory_student import MemoryStudent
from b2m_agents.studies.memory.plan import MemoryPlan, MemoryStudySettings
from b2m_agents.studies.memory.search import search_settings
from b2m_agents.studies.memory.student_group import GroupRun
from b2m_agents.studies.memory.taught_group import TaughtRun
from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.students.devices import brought

SMALL = MemoryStudySettings(
    seeds=(0, 1), n_steps=4, evaluate_every=2, n_evaluation_trials=16, batch_size=4
)
MISSING = "cuda:99"


@pytest.fixture(scope="module")
def recording() -> TrialResponses:
    torch.set_num_threads(1)
    trials = simulate_trials(40, 3, 8, np.random.default_rng(0))
    return in_trials(replace(SimulatedBrain.preset("ideal"), n_units=20).record(trials, 0))


def plans(recording: TrialResponses, **settings: Any) -> list[MemoryPlan]:
    comparison = MemoryComparison(recording, replace(SMALL, **settings))
    return [job.plan for job in comparison.jobs(Path("unused"))]


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lstm", "leaky"])
def test_students_alone_take_a_step_on_another_device(recording, cell) -> None:
    run = GroupRun(plans(recording, cell=cell, device="meta")[0])
    loss = run.loss_of_step(0)
    loss.backward()
    found = [loss, *run.parameters(), *(each.grad for each in run.parameters())]
    assert {each.device.type for each in found} == {"meta"}


@pytest.mark.slow
@pytest.mark.parametrize("probes", [(), MEMORY.probes])
def test_taught_students_take_a_step_on_another_device(recording, probes) -> None:
    """With all probes some students see other items than the rest."""
    taught = next(p for p in plans(recording, probes=probes, device="meta") if p.teaching_trials)
    run = TaughtRun(taught, taught.teaching_trials)
    loss = run.loss_of_step(0)
    loss.backward()
    run.limit_gradients(run.parameters(), 1.0)
    found = [loss, *run.parameters(), *(each.grad for each in run.parameters())]
    assert {each.device.type for each in found} == {"meta"}
    assert run.any_permuted == bool(probes)


@pytest.mark.slow
def test_two_devices_start_from_the_same_numbers_and_draw_the_same_batches(recording) -> None:
    here, there = (GroupRun(plans(recording, device=on)[0]) for on in ("cpu", "meta"))
    for mine, other in zip(here.generators, there.generators, strict=True):
        assert mine.bit_generator.state == other.bit_generator.state
    here.loss_of_step(0)
    there.loss_of_step(0)
    for mine, other in zip(here.generators, there.generators, strict=True):
        assert mine.bit_generator.state == other.bit_generator.state


def test_a_configuration_names_a_device_that_is_not_the_cpu(recording) -> None:
    assert "device" not in MemoryComparison(recording, SMALL).describe()
    elsewhere = MemoryComparison(recording, replace(SMALL, device="meta"))
    assert elsewhere.describe()["device"] == "meta"
    assert "device" not in describe_settings(SMALL)
    assert "device" not in describe(CalibrationSettings())
    on_meta = CalibrationSettings(study=replace(SMALL_STUDY, device="meta"))
    assert describe(on_meta)["device"] == "meta"


def test_students_alone_of_two_devices_are_kept_apart(recording) -> None:
    folders = {
        MemoryComparison(recording, replace(SMALL, device=on)).jobs(Path("run"))[0].folder
        for on in ("cpu", "meta")
    }
    assert len(folders) == 2


def test_every_half_of_a_search_is_trained_on_the_device() -> None:
    found = search_settings(
        selection_seeds=2, selection_steps=50, test_seeds=2, test_steps=50, device="meta"
    )
    assert found.selection.device == found.test.device == "meta"


def test_a_missing_device_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^device: expected auto, cpu or .* came 'cuda:99'"):
        replace(SMALL, device=MISSING)


def test_the_memory_student_takes_a_step_on_another_device(recording) -> None:
    student = MemoryStudent(recording, batch_size=4, recorded_batch_size=4)
    network = student.new_network(torch.Generator().manual_seed(0)).to("meta")
    batch = next(student.batches(np.random.default_rng(0)))
    loss = student.task_loss(network, brought(batch, torch.device("meta")))
    assert loss.device.type == "meta"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
def test_a_comparison_on_a_gpu_scores_as_on_the_cpu(recording, tmp_path) -> None:
    scores = {}
    for on in ("cpu", "cuda"):
        comparison = MemoryComparison(recording, replace(SMALL, device=on))
        run = comparison.run(tmp_path / on / "run", progress=False)
        scores[on] = [(s.condition, s.seed, s.metric, s.step) for s in run.scores]
        first = [s.value for s in run.scores if s.metric == "accuracy" and s.step == 0]
        scores[on, 0] = np.array(first)
    assert scores["cpu"] == scores["cuda"]
    np.testing.assert_allclose(scores["cpu", 0], scores["cuda", 0], atol=0.13)  # 2 of 16 trials
