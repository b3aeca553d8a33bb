"""The agents' comparison on the smallest settings: encoders in, agents, a verdict, a report out."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from b2m_agents.commands.app import app
from b2m_agents.episodes.episodes import make_scene, neutral_action, play_episode
from b2m_agents.evaluation.driving_measures import share_off_road
from b2m_agents.studies.agents.batched_evaluation import evaluate_batched
from b2m_agents.studies.agents.compared_agent import driver_scores, held_out_seeds, validation_seeds
from b2m_agents.studies.agents.comparison import AgentsComparison
from b2m_agents.studies.agents.demonstrations import ClonedDriver, demonstrations
from b2m_agents.studies.agents.plan import AgentPlan, AgentsStudySettings, encoder_folder
from b2m_agents.studies.agents.senses import Senses
from b2m_agents.studies.agents.usual_comparisons import settings_of_run
from b2m_agents.worlds.encoder_view import write_view
from b2m_drive.comparisons.agents_run import AgentsConfiguration, AgentsResult, read_agents
from b2m_drive.comparisons.agents_study import (
    AGENTS,
    BESIDE,
    BLIND,
    DRIVERS,
    STATE,
    STUDIED,
    encoder_conditions,
)
from b2m_drive.comparisons.configuration import configuration_as
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.run_folder import BRAIN_FILE
from b2m_drive.evidence.condition import ALONE, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import learning_curves
from b2m_drive.evidence.scores import Score, read_scores, write_scores
from b2m_drive.files.fingerprints import record_made
from b2m_drive.files.writing import write_json
from b2m_drive.reports.agents_report import agents_summary, agents_verdicts
from b2m_drive.reports.report import write_report
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_envs.scenes.settings import SceneSettings
from tests.extending.own_executor import OneAfterAnother
from tests.shared.other_process import held

TEACHING = TransferMethod("regression", "pca", "frame")
VIEW = {"height": 40, "width": 36, "n_frames": 2, "view_length": 64.0}
SCENE = SceneSettings("highway_fast", **VIEW)
SMALL = AgentsStudySettings(
    strategies=("regression",),
    seeds=(0, 1),
    n_steps=32,
    n_environments=2,
    rollout=8,
    batch_size=16,
    evaluate_every=16,
    n_validation=2,
    n_held_out=3,
    demonstrations=(20,),
)


@pytest.fixture(scope="module")
def driving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A driving comparison's folder as `compare driving` leaves it, its encoders untrained."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("driving")
    conditions = (
        *encoder_conditions([TEACHING]),
        Condition("alone_head"),
        TEACHING.condition("labels_corrupted"),
    )
    write_json(folder / "config.json", driving_config())
    write_json(folder / BRAIN_FILE, {"decoding": {}})
    scores = []
    for number, condition in enumerate(conditions):
        for seed in SMALL.seeds:
            scores += [
                Score(condition, seed, DRIVING.curve, step, 0.1 + 0.01 * number + seed / 100, "1")
                for step in (0, 2)
            ]
            encoder = encoder_folder(folder, condition, seed)
            settings = SceneVAESettings(40, 36, 2, latent_size=4, widths=(4, 8))
            generator = torch.Generator().manual_seed(10 * number + seed)
            SceneVAE(settings, generator).save_pretrained(encoder)
            write_view(encoder, VIEW)
    write_scores(folder / "scores.csv", scores)
    return folder


def driving_config() -> dict[str, object]:
    brain = dict.fromkeys(("name", "subject", "session", "source", "licence"), "made up")
    return {
        "study": "driving",
        "brain": brain
        | {"simulated": True, "n_units": 3, "regions": {}, "n_teaching": 9, "n_held_out": 9}
        | {"notes": []},
        "student": {"class": "SceneVAE"},
        "strategies": ["regression"],
        "readings": [{"latents": "pca", "pairing": "frame"}],
        "seeds": list(SMALL.seeds),
        "n_steps": 2,
        "n_frames": 100,
        "window": 0.4,
        "latents": "pca",
        "batch_size": 8,
        "evaluate_every": 2,
        "primary_metric": "final",
        "versions": {},
        "task": {},
        "scenes": {"scenario": "highway_fast"},
        "isolated_settings_file": "isolated.json",
        "limits": [],
    }


@pytest.mark.slow
def test_a_comparison_ends_in_a_report_and_resumes_to_equal_numbers(driving, tmp_path) -> None:
    comparison, folder = AgentsComparison(driving, SMALL), tmp_path / "run"
    expected = comparison.expected_time(folder, 2)
    assert expected.n_students == 2 * (len(encoder_conditions([TEACHING])) + len(BESIDE))
    assert expected.seconds > 0
    assert not folder.exists()
    run = comparison.run(folder, progress=False)
    scores = read_scores(run.folder / "scores.csv")
    shown = {each.condition for each in scores}
    assert shown == {*encoder_conditions([TEACHING]), *map(Condition, (*BESIDE, *DRIVERS))}
    (verdict,) = agents_verdicts(run.folder)
    assert set(verdict.over_nulls) == set(AGENTS.nulls)
    page = write_report(run.folder).read_text()
    for words in (
        "off the road (share of steps)",
        "SIMULATED",
        "Learning to drive",
        "Behaviour cloning",
        "agents did",
        "blind",
    ):
        assert words in page
    assert "the interval of brain minus null includes zero" in agents_summary(run.folder)
    for name in ("regression-pca-frame-brain-seed-1", "blind-seed-0", "highway_env-seed-0"):
        (run.folder / "groups" / f"{name}.csv").unlink()  # as if killed before these
    (run.folder / "scores.csv").unlink()
    comparison.run(folder, progress=False, executor=OneAfterAnother())
    assert read_scores(run.folder / "scores.csv") == scores
    with pytest.raises(ValueError, match=r"another configuration.*n_held_out: there 3, now 4"):
        replace(comparison, settings=replace(SMALL, n_held_out=4)).run(folder, progress=False)
    one = read_agents(run.folder)
    blind = one.curves["return"][Condition(BLIND)]
    assert blind.seeds == SMALL.seeds


@pytest.mark.slow
def test_episodes_driven_together_are_those_driven_alone() -> None:
    scene = replace(SCENE, duration=6.0)
    driven = evaluate_batched(scene, [3, 4, 5], lambda scenes, state: np.ones(len(state), np.int64))
    env = make_scene(scene)
    for row, seed in enumerate((3, 4, 5)):
        alone = play_episode(env, lambda scene, state: neutral_action(env.action_space), seed)
        assert driven.returned[row] == pytest.approx(alone.reward.sum())
        assert driven.crashed[row] == alone.crashed
        assert driven.speed[row] == pytest.approx(alone.speed.mean())
        assert driven.off_road[row] == share_off_road(alone.state, "highway_fast")
    assert driven.succeeded is None


@pytest.mark.slow
def test_who_steers_off_the_road_is_seen_to_be_off_it() -> None:
    scene = SceneSettings("highway_fast", action="continuous", vehicles_count=0, duration=9.0)
    driven = evaluate_batched(
        scene, [3, 4], lambda scenes, state: np.full((len(state), 2), (0.0, 0.3), np.float32)
    )
    assert (driven.off_road > 0.5).all()
    assert not driven.crashed.any()


@pytest.mark.slow
def test_the_exit_that_is_taken_counts_as_success() -> None:
    scene = SceneSettings("exit", vehicles_count=1)
    kept = evaluate_batched(scene, [3, 4, 5], lambda scenes, state: np.ones(len(state), np.int64))
    right = evaluate_batched(
        scene, [3, 4, 5], lambda scenes, state: np.full(len(state), 2), draws=False
    )
    assert kept.succeeded is not None
    assert right.succeeded is not None
    assert right.succeeded.sum() > kept.succeeded.sum()
    env = make_scene(scene)
    alone = play_episode(env, lambda scene, state: 2, 3)
    assert right.succeeded[0] == (alone.is_success and not alone.crashed)


def failing(brain: dict[str, float], alone: dict[str, float]) -> AgentsResult:
    """A comparison of one strategy in which brain and alone have these scores."""
    given = {TEACHING.condition("brain"): brain, Condition(ALONE): alone}
    scores = [
        Score(
            condition,
            seed,
            metric,
            32,
            given.get(condition, {}).get(metric, level) + seed / 10,
            "1",
        )
        for number, condition in enumerate(encoder_conditions([TEACHING]))
        for seed in (0, 1)
        for metric, level in dict.fromkeys(
            ("return", "validation_return", "without_crash", *brain), 0.1 * number
        ).items()
    ]
    curves = {judged: learning_curves(scores, judged) for judged in STUDIED}
    entries = driving_config() | {
        "study": "agents", "beside": [], "demonstrations": [], "n_validation": 1, "n_held_out": 2,
        "scenario": "highway_fast", "encoders": {},
    }  # fmt: skip
    config = configuration_as(AgentsConfiguration, Path("config.json"), entries)
    return AgentsResult(Path(), config, tuple(scores), (), curves)


def test_a_verdict_on_the_return_says_what_the_taught_fail_in_more_often() -> None:
    result = failing(
        {"without_crash": 0.2, "off_road": 0.9, "success": 0.4},
        {"without_crash": 0.5, "off_road": 0.1, "success": 0.4},
    )
    (verdict,) = agents_verdicts(result)
    assert verdict.finding.endswith(
        "Yet these agents end without a crash in 25.0% of the episodes (alone 55.0%) and are "
        "off the road in 95.0% of the steps (alone 15.0%)."
    )
    assert verdict.failures in verdict.sentence
    better = failing(
        {"without_crash": 0.5, "off_road": 0.1}, {"without_crash": 0.2, "off_road": 0.1}
    )
    assert agents_verdicts(better)[0].failures == ""


def beside_blind(result: AgentsResult, level: float) -> AgentsResult:
    """The same comparison, with blind agents that reach about this return."""
    blind = [
        Score(Condition("blind"), seed, "return", 32, level + seed / 10, "1") for seed in (0, 1)
    ]
    curves = {**result.curves, "return": learning_curves((*result.scores, *blind), "return")}
    return replace(result, curves=curves)


def test_a_verdict_on_agents_says_where_those_alone_do_no_better_than_blind_ones() -> None:
    result = failing({"return": 0.9}, {"return": 0.5})
    assert agents_verdicts(result)[0].weak == ""  # nobody was blind: nothing to hold it against
    assert agents_verdicts(beside_blind(result, 0.2))[0].weak == ""
    (verdict,) = agents_verdicts(beside_blind(result, 0.6))
    assert verdict.weak.startswith(
        "Yet the agents alone did not learn for sure more than those that see nothing (return on "
        "held-out episodes 0.55 ["
    )
    assert (
        "against 0.65): what is found of such agents says little; train longer." in verdict.sentence
    )


def test_a_run_of_before_has_no_measure_of_the_road_and_is_still_read() -> None:
    result = failing({"without_crash": 0.2}, {"without_crash": 0.5})
    (verdict,) = agents_verdicts(result)
    assert "off the road" not in verdict.sentence
    assert "without a crash in" in verdict.failures


@pytest.mark.slow
def test_what_is_seen_in_evaluation_is_what_was_seen_in_training() -> None:
    encoder = SceneVAE(SceneVAESettings(40, 36, 2, latent_size=4, widths=(4, 8)))
    for kind, made in (("latents", encoder), ("pixels", None), (STATE, None), (BLIND, None)):
        senses = Senses(SCENE, kind, made)
        worlds = senses.worlds(2)
        seen = worlds.reset()
        batch = worlds.unwrapped.scenes._batch
        scenes = batch.scenes if senses.needs_pictures else None
        np.testing.assert_array_equal(seen, senses.observe(scenes, batch.state))
        assert len(senses.features(scenes, batch.state)) == 2
        worlds.close()
        assert (kind == BLIND) == (not np.any(seen))


def test_seeds_of_validation_training_and_evaluation_never_meet() -> None:
    settings = replace(SMALL, n_validation=50, n_held_out=50)
    validation, held_out = validation_seeds(settings), held_out_seeds(settings)
    assert all(seed % 2 == 0 for seed in validation)
    assert all(seed % 2 == 1 for seed in held_out)
    assert len({*validation, *held_out}) == 100


@pytest.mark.slow
def test_a_clone_of_the_state_does_what_the_driver_does_and_the_blind_one_its_commonest() -> None:
    taught = demonstrations(SCENE, 150, 0)
    assert len(taught.first(40).action) == 40
    tested = demonstrations(SCENE, 100, 0, held_out=True)
    commonest = np.bincount(taught.action).argmax()
    blind = ClonedDriver(Senses(SCENE, BLIND), taught)
    assert blind.accuracy(tested)[0] == pytest.approx((tested.action == commonest).mean())
    assert blind.accuracy(tested)[1] == pytest.approx(1 / len(np.unique(tested.action)))
    told = ClonedDriver(Senses(SCENE, STATE), taught)
    assert told.accuracy(taught)[1] > blind.accuracy(taught)[1] + 0.2
    always = replace(taught, action=np.ones_like(taught.action))
    assert set(ClonedDriver(Senses(SCENE, STATE), always).act(None, tested.state)) == {1}


def test_drivers_have_a_row_an_episode() -> None:
    rows = driver_scores(AgentPlan(SMALL, SCENE, Condition("constant_speed"), 0))
    for metric in ("return", "without_crash", "off_road"):
        assert [row.seed for row in rows if row.metric == metric] == [0, 1, 2]


def test_a_run_that_has_not_what_is_needed_is_refused(driving, tmp_path) -> None:
    def refused(encoders: Path, message: str, **changes: object) -> None:
        comparison = AgentsComparison(encoders, replace(SMALL, **changes))
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            comparison.run(tmp_path / "run", progress=False)
        assert not (tmp_path / "run").exists()

    refused(tmp_path / "nowhere", "expected the folder of a driving run, found none")
    refused(driving, r"seeds: expected some of .*\[0, 1\], came \[0, 1, 2\]", seeds=(0, 1, 2))
    refused(driving, "strategies: expected some of", strategies=("regression", "contrastive"))
    copy = shutil.copytree(driving, tmp_path / "copy")
    shutil.rmtree(encoder_folder(copy, TEACHING.condition("shuffled"), 1))
    refused(copy, r"found none of regression/pca/frame/shuffled, seed 1 \(1 of 16 are missing\)")
    other = encoder_folder(copy, TEACHING.condition("shuffled"), 1)
    SceneVAE(SceneVAESettings(36, 36, 2, latent_size=4, widths=(4, 8))).save_pretrained(other)
    refused(copy, r"seed-1.*shuffled: encoder: expected one of frames .*\(40, 36, 2\)")
    entries = json.loads((copy / "config.json").read_text())
    write_json(copy / "config.json", entries | {"study": "memory"})
    refused(copy, "study: expected 'driving', a run of compare driving, came 'memory'")
    (copy / "config.json").unlink()
    refused(copy, "expected this file of a finished run")


@pytest.mark.slow
def test_encoders_of_another_run_are_told_from_the_runs_own(driving, tmp_path) -> None:
    copy = shutil.copytree(driving, tmp_path / "copy")
    comparison = AgentsComparison(copy, SMALL)
    assert comparison.describe()["encoders"]["checked"] == "not recorded by their run"
    names = [str(each.parent.relative_to(copy)) for each in copy.rglob("model.safetensors")]
    record_made(copy, names)
    comparison = AgentsComparison(copy, SMALL)
    assert comparison.describe()["encoders"]["checked"] == "as their run recorded them"
    own, other = (encoder_folder(copy, TEACHING.condition("shuffled"), seed) for seed in (0, 1))
    (own / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"seed-0.*shuffled: expected what .* recorded .* another"):
        AgentsComparison(copy, SMALL).run(tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_second_comparison_in_the_folder_is_refused(driving, tmp_path) -> None:
    with held(tmp_path / "run"), pytest.raises(ValueError, match="no other process works in"):
        AgentsComparison(driving, SMALL).run(tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beside": ("pixel",)}, "beside: expected some of"),
        ({"strategies": ()}, "strategies"),
        ({"seeds": (1, 1)}, "seeds"),
        ({"evaluate_every": 20}, r"evaluate_every: expected a multiple of .* \(16 steps\)"),
        ({"n_steps": 40}, r"n_steps: expected a multiple of evaluate_every \(16\)"),
        ({"batch_size": 5}, "batch_size: expected a divisor"),
        ({"demonstrations": (5,)}, "demonstrations"),
        ({"n_held_out": 0}, "n_held_out"),
    ],
)
def test_impossible_settings_are_named(changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--observation", "sonar"],
            "'sonar' is not one of 'pixels', 'state', 'blind'",
        ),
        (["--strategy", "telepathy"], "'telepathy' is not one of 'regression', 'contrastive'"),
        (["--sedes", "2"], "No such option"),
    ],
)
def test_options_that_are_not_there_are_named(driving, options, message: str) -> None:
    result = CliRunner().invoke(app, ["compare", "agents", str(driving), *options])
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_more_seeds_than_the_run_has_are_refused(driving) -> None:
    with pytest.raises(ValueError, match="seeds: expected at most the run's 2, came 7"):
        settings_of_run(driving, n_seeds=7)
    assert settings_of_run(driving).seeds == (0, 1)


@pytest.mark.slow
def test_encoders_are_read_again_only_when_a_file_of_theirs_changed(
    driving: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(driving, tmp_path / "driving"))
    comparison = AgentsComparison(folder, SMALL)
    before = comparison.describe()
    assert comparison.describe() is before
    other = SceneVAE(SceneVAESettings(40, 36, 2, latent_size=4, widths=(4, 8)))
    encoder = encoder_folder(folder, Condition(ALONE), 0)
    shutil.rmtree(encoder)
    other.save_pretrained(encoder)
    write_view(encoder, VIEW)
    after = comparison.describe()
    assert after["encoders"]["fingerprint"] != before["encoders"]["fingerprint"]
