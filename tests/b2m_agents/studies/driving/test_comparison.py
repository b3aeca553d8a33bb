"""The driving road on the smallest settings: scenes and a brain in, a verdict and a report out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from b2m_agents.studies.driving.comparison import (
    DrivingComparison,
    SimulatedViewer,
)
from b2m_agents.studies.driving.plan import DrivingPlan, DrivingStudySettings, rows_of
from b2m_agents.studies.driving.student import StudentRun, study_data_of
from b2m_agents.studies.driving.teachers import standardised, teacher_frame_latents
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.run_opening import open_run
from b2m_drive.comparisons.verdict import verdicts_of
from b2m_drive.evidence.condition import BRAIN, Condition
from b2m_drive.evidence.learning_curves import learning_curves
from b2m_drive.evidence.scores import read_scores
from b2m_drive.recordings.scene_recording import (
    frame_of_samples,
    read_scene_recording,
    write_scene_recording,
)
from b2m_drive.reports.driving_report import VEHICLE_PIXELS
from b2m_drive.reports.report import write_report
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.scenes import SceneDataset, SceneEpisode, SceneHeader, SceneWriter
from b2m_drive.students.seeded_streams import generator_for
from b2m_drive.teachers.frame_decoding import decoding_r2
from b2m_drive.transfer.targets import BrainTargets
from tests.extending.own_executor import OneAfterAnother
from tests.shared.other_process import held

NAMES = (
    "lane", "lateral_offset", "heading", "speed", "acceleration", "gap", "closing_speed",
    "time_to_collision", "left_ahead", "left_behind", "right_ahead", "right_behind", "curvature",
    "hazard",
)  # fmt: skip
SMALL = DrivingStudySettings(
    strategies=("regression",),
    seeds=(0, 1),
    n_steps=4,
    evaluate_every=2,
    batch_size=8,
    n_frames=240,
    n_held_out=80,
    frames_curve=(60,),
    signal_curve=(0.0,),
    n_seeds_varied=1,
    delay=0.2,
    n_latents=8,
)


def road_episode(generator: np.random.Generator, n_frames: int, seed: int) -> SceneEpisode:
    """A vehicle ahead whose gap is drawn anew in each frame: bright pixels, and the state."""
    gap = generator.uniform(5, 55, n_frames)
    lane = generator.integers(0, 3, n_frames)
    closing = generator.normal(3, 3, n_frames)
    frames = np.full((n_frames, 40, 36, 2), 60, np.uint8)
    mask = np.zeros((n_frames, 40, 36), bool)
    for index in range(n_frames):
        row, column = int(38 - gap[index] * 0.65), 6 + 12 * int(lane[index])
        frames[index, max(row - 3, 0) : row, column : column + 4] = 230
        mask[index, max(row - 3, 0) : row, column : column + 4] = True
    state = np.full((n_frames, len(NAMES)), np.nan, np.float32)
    state[:, [1, 2, 3, 4, 12]] = generator.normal(0, 1, (n_frames, 5)) * [0.1, 0.1, 3, 1, 0]
    state[:, 0], state[:, 5], state[:, 6] = lane, gap, closing
    state[:, 7] = np.where(closing > 0.5, np.minimum(gap / np.maximum(closing, 0.5), 19), np.nan)
    state[:, 13] = state[:, 7] < 4
    return SceneEpisode(
        frames=frames,
        state=state,
        action=generator.integers(0, 5, n_frames - 1),
        reward=np.ones(n_frames - 1),
        terminated=False,
        truncated=True,
        seed=seed,
        vehicle_mask=mask,
    )


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    header = SceneHeader(
        scenario="made_up",
        settings={"height": 40, "width": 36},
        policy="random",
        seed=0,
        state_names=NAMES,
        state_units=("1",) * len(NAMES),
        action_kind="discrete",
        step_seconds=1.0,
    )
    writer = SceneWriter(tmp_path_factory.mktemp("scenes") / "made_up.h5", header)
    for index in range(30):
        writer.write(index, road_episode(np.random.default_rng(index), 12, index))
    return writer.finish()


def comparison_of(scenes: Path, settings: DrivingStudySettings = SMALL) -> DrivingComparison:
    viewer = SimulatedViewer("ideal")
    return DrivingComparison(scenes, settings, viewer, viewer.watch(SceneDataset(scenes)))


def prepared(comparison: DrivingComparison, folder: Path) -> list[DrivingPlan]:
    """The plans of a run that is open and has its brain's responses."""
    jobs = comparison.jobs(folder)
    open_run(folder, comparison.describe())
    comparison.prepare(folder, 1, False)
    return [job.plan for job in jobs]


@pytest.mark.slow
def test_a_comparison_ends_in_a_verdict_and_resumes_to_equal_numbers(scenes, tmp_path) -> None:
    comparison = comparison_of(scenes)
    run = comparison.run(tmp_path / "run", progress=False)
    scores = read_scores(run.folder / "scores.csv")
    assert {each.condition for each in scores} >= set(SMALL.conditions)
    axes = {v.axis for each in scores if (v := each.condition.variation)}
    assert axes == {"n_frames", "signal"}
    (verdict,) = verdicts_of(run.folder)
    assert set(verdict.over_nulls) == set(DRIVING.nulls)
    page = write_report(run.folder).read_text()
    for words in (
        "SIMULATED", "Latent traversals", "By training frames", "circularly shifted",
        "vehicle pixels explained",
    ):  # fmt: skip
        assert words in page
    for seed in SMALL.seeds:
        kept = run.folder / "encoders" / f"seed-{seed}"
        assert len(list(kept.iterdir())) == len(SMALL.conditions)
        assert SceneVAE.from_pretrained(kept / "alone").settings.width == 36
        card = (kept / "regression-pca-frame-brain" / "README.md").read_text()
        assert "240 SIMULATED frames of made_up" in card
        assert "Teacher: brain, by BLT." in card
        assert "| mean of 2 seeds " in card
    for name in ("alone", "regression-pca-frame-brain"):  # as if killed before these students
        (run.folder / "groups" / f"{name}-seed-1.csv").unlink()
    (run.folder / "scores.csv").unlink()
    comparison.run(run.folder, progress=False, executor=OneAfterAnother())
    assert read_scores(run.folder / "scores.csv") == scores
    other = comparison_of(scenes, replace(SMALL, n_steps=6))
    with pytest.raises(ValueError, match=r"another configuration.*n_steps: there 4, now 6"):
        other.run(run.folder, progress=False)


@pytest.mark.slow
def test_chosen_controls_are_asked_at_chosen_steps_and_the_verdict_says_what_was_left_out(
    scenes, tmp_path
) -> None:
    settings = replace(
        SMALL, evaluate_at=(1, 4), chosen_controls=("shuffled",), frames_curve=(), signal_curve=()
    )
    run = comparison_of(scenes, settings).run(tmp_path / "run", progress=False)
    assert {each.condition.control for each in run.scores} == {"alone", "brain", "shuffled"}
    for curve in learning_curves(run.scores, VEHICLE_PIXELS).values():
        assert curve.step.tolist() == [0, 1, 4]
        assert (curve.value < 1).all()
    (verdict,) = verdicts_of(run.folder)
    assert set(verdict.over_nulls) == {"alone", "shuffled"}
    assert "Not held against" in verdict.finding
    assert "untrained network" in verdict.finding


@pytest.mark.slow
def test_a_head_at_weight_zero_changes_nothing_and_a_brain_does(scenes, tmp_path) -> None:
    settings = replace(SMALL, seeds=(0,), frames_curve=(), signal_curve=())
    found = prepared(comparison_of(scenes, settings), tmp_path / "run")
    plans = {plan.condition: plan for plan in found}
    plans = {name: replace(plan, keep=None) for name, plan in plans.items()}
    runs = {
        text: StudentRun(plans[Condition.parse(text)])
        for text in ("alone", "alone_head", "regression/pca/frame/brain")
    }
    for each in runs.values():
        each.train(lambda: None)
    alone, head, taught = (each.network.to_mean.weight for each in runs.values())
    assert torch.equal(alone, head)
    assert (alone - taught).abs().max() > 1e-3


@pytest.mark.slow
def test_held_out_episodes_never_teach(scenes) -> None:
    dataset = SceneDataset(scenes)
    rows = rows_of(dataset, SMALL)
    episode = dataset.episode_of_frame
    assert not set(episode[rows.teaching]) & set(episode[rows.held_out])
    assert len(rows.teaching) == SMALL.n_frames
    with pytest.raises(ValueError, match=r"expected at least 4000 frames .* came 288 of 360"):
        rows_of(dataset, replace(SMALL, n_frames=4000))


@pytest.mark.slow
def test_scenes_with_too_little_to_score_are_refused(scenes) -> None:
    with pytest.raises(ValueError, match=r"expected variables of the state that vary in 10"):
        study_data_of(scenes, replace(SMALL, n_held_out=10))


@pytest.mark.slow
def test_every_teacher_tells_what_it_should_about_the_scene(scenes, tmp_path) -> None:
    """The brain, the labels and functions of the pixels tell of the gap; nulls of time do not."""
    plan = prepared(comparison_of(scenes), tmp_path / "run")[0]
    watched = study_data_of(plan.scenes, SMALL).watched
    gap = watched.labels[:, [NAMES.index("gap")]]

    def told(teacher: str) -> float:
        latents = teacher_frame_latents(
            teacher,
            watched,
            np.load(plan.brain.responses)[watched.frame_id],
            "pca",
            plan.brain.n_latents,
            plan.brain.label_r2,
            SceneVAE(SceneVAESettings(40, 36, 2), torch.Generator().manual_seed(1)),
            generator_for(0, 0),
        )
        return float(decoding_r2(latents.values, gap, watched.episode)[0])

    r2 = {name: told(name) for name in (BRAIN, *DRIVING.nulls[3:], *DRIVING.probes)}
    assert r2["labels"] > 0.95
    assert r2["labels"] > r2["labels_corrupted"] > 0.4
    assert r2[BRAIN] > 0.5
    assert r2["untrained_network"] > 0.3
    assert max(r2["shuffled"], r2["circular_shift"]) < 0.1


@pytest.mark.slow
def test_targets_are_paired_by_frame_id(scenes, tmp_path) -> None:
    plans = prepared(comparison_of(scenes), tmp_path / "run")
    plan = next(each for each in plans if each.condition.control == "labels")
    student = StudentRun(plan)
    assert student.attachment is not None
    targets: BrainTargets = student.attachment.teacher
    np.testing.assert_array_equal(targets.ids, rows_of(SceneDataset(scenes), SMALL).teaching)
    gap = SceneDataset(scenes).state[targets.ids, NAMES.index("gap")]
    correlations = [abs(np.corrcoef(gap, column)[0, 1]) for column in targets.values.T]
    assert max(correlations) > 0.99


@pytest.mark.slow
def test_the_drivers_actions_leave_out_frames_without_one(scenes, tmp_path) -> None:
    plans = prepared(comparison_of(scenes), tmp_path / "run")
    plan = next(each for each in plans if each.condition.control == "alone_labelled")
    student = StudentRun(plan)
    assert student.attachment is not None
    last = SceneDataset(scenes).frame_counts.cumsum() - 1
    assert not set(student.attachment.teacher.ids) & set(last)


@pytest.mark.slow
def test_frames_without_a_response_teach_nobody_but_are_still_learnt_from(scenes, tmp_path) -> None:
    run = comparison_of(scenes)
    lost = 40
    recording = run.recording
    until = int(np.argmax(frame_of_samples(recording) == 360 - lost))
    assert recording.signal is not None
    assert recording.time is not None
    shown = recording.events.onset < recording.time[until]
    cut = replace(
        recording,
        signal=recording.signal[:until],
        time=recording.time[:until],
        events=recording.events.select(shown),
    )
    student = StudentRun(prepared(replace(run, recording=cut), tmp_path / "run")[1])
    assert student.attachment is not None
    rows = rows_of(SceneDataset(scenes), SMALL)
    assert len(student.watched.frame_id) == SMALL.n_frames
    assert set(rows.teaching) - set(student.attachment.teacher.ids) == {
        row for row in rows.teaching if row >= 360 - lost
    }


@pytest.mark.slow
def test_a_recording_of_other_scenes_or_of_too_few_is_refused(scenes, tmp_path) -> None:
    comparison, folder = comparison_of(scenes), tmp_path / "run"
    shown = comparison.recording.events
    other = replace(comparison.recording, events=replace(shown, ids=shown.ids + 7))
    with pytest.raises(ValueError, match=r"0 to 359, came 366: a recording of other scenes"):
        replace(comparison, recording=other).run(folder, progress=False)
    few = replace(comparison.recording, events=shown.select(shown.ids < 100))
    with pytest.raises(ValueError, match=r"frame_id: expected frames that .* was shown"):
        replace(comparison, recording=few).run(folder, progress=False)
    late = replace(comparison, settings=replace(SMALL, delay=9999.0))
    with pytest.raises(ValueError, match="delay: expected one within"):
        late.run(folder, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_corrected_pairing_is_another_run(scenes, tmp_path) -> None:
    comparison = comparison_of(scenes)
    prepared(comparison, tmp_path / "run")
    shown = comparison.recording.events
    ids = np.maximum(shown.ids - 1, 0)
    shifted = replace(comparison.recording, events=replace(shown, ids=ids))
    with pytest.raises(ValueError, match=r"another configuration.*brain"):
        replace(comparison, recording=shifted).check(tmp_path / "run")


@pytest.mark.slow
def test_a_second_comparison_in_the_folder_is_refused(scenes, tmp_path) -> None:
    with held(tmp_path / "run"), pytest.raises(ValueError, match="no other process works in"):
        comparison_of(scenes).run(tmp_path / "run", progress=False)


@pytest.mark.slow
def test_a_dry_run_leaves_nothing_behind(scenes, tmp_path) -> None:
    settings = replace(SMALL, n_steps=20, evaluate_every=10)
    expected = comparison_of(scenes, settings).expected_time(tmp_path / "run", 2)
    n_own = len(SMALL.conditions) * 2
    assert expected.n_students == n_own + 2 + 1  # two by frames, one by signal
    assert expected.seconds > 0
    assert not list(tmp_path.iterdir())


def test_a_driver_who_always_does_the_same_cannot_stand_as_a_control() -> None:
    with pytest.raises(ValueError, match="actions or labels: expected some that vary"):
        standardised(np.ones((5, 2), np.float32))


@pytest.mark.thorough
@pytest.mark.slow
def test_a_persons_own_recording_teaches_too(scenes, tmp_path) -> None:
    watched = SimulatedViewer("ideal").watch(SceneDataset(scenes))
    own = replace(watched, simulated=False, session="S01", subject="S01", licence="mine")
    write_scene_recording(tmp_path / "own.h5", own)
    recording = read_scene_recording(tmp_path / "own.h5")
    settings = replace(SMALL, frames_curve=(), signal_curve=())
    comparison = DrivingComparison(scenes, settings, None, recording)
    run = comparison.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    page = write_report(run.folder).read_text()
    assert "SIMULATED" not in page
    assert "What a recorded brain (S01) taught a network" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": (1, 1)}, "seeds"),
        ({"strategies": ()}, "strategies"),
        ({"frames_curve": (5000,)}, r"frames_curve: expected 8 \(a batch\) to 239"),
        ({"signal_curve": (1.5,)}, "signal_curve"),
        ({"n_steps": 5}, "n_steps: expected a multiple"),
        ({"evaluate_at": (1, 3)}, r"evaluate_at: expected rising .* end in n_steps \(4\)"),
        ({"evaluate_at": (2, 2, 4)}, "evaluate_at: expected rising"),
        ({"chosen_controls": ("sleeping",)}, "control: expected one of brain, alone, .*'sleeping'"),
    ],
)
def test_impossible_settings_are_named(changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)
