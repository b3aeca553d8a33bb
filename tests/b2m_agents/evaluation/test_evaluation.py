from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.evaluation.evaluate import (
    DrivenEpisode,
    Evaluation,
    EvaluationSettings,
    evaluate_agent,
    evaluate_agents,
)
from b2m_agents.evaluation.figure import evaluation_figure, write_evaluation_figure
from b2m_agents.evaluation.scores import mean_interval_of, scores_of
from b2m_agents.evaluation.text import evaluation_text
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithm_settings import PPOSettings
from b2m_agents.learning.training import train_agent
from b2m_drive.evidence.statistics import binomial_interval
from tests.shared.tiny_agents import tiny_agent, tiny_encoder

REFERENCES = ("constant_speed", "highway_env")
FOUR = EvaluationSettings(n_episodes=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def agent(folder) -> Path:
    return tiny_agent(folder / "agent-0", tiny_encoder(folder / "encoder"))


@pytest.fixture(scope="module")
def other_seed(folder, agent) -> Path:
    return tiny_agent(folder / "agent-1", folder / "encoder", seed=1)


def episode(driver: str, index: int, return_: float, **changes: object) -> DrivenEpisode:
    made = DrivenEpisode(
        driver, 2 * index + 1, return_, False, 25.0, 30.0, 1, float("nan"), 0.0, "b2m"
    )
    return replace(made, **changes)


def made_up(**returns: list[float]) -> Evaluation:
    """Agents of one kind with these returns, beside a driver model of 20 and a lead of 10 on it."""
    n = len(next(iter(returns.values())))
    everyone = {**returns, "constant_speed": [10.0] * n, "highway_env": [20.0] * n}
    episodes = [
        episode(driver, index, value)
        for driver, values in everyone.items()
        for index, value in enumerate(values)
    ]
    return Evaluation(tuple(episodes), tuple(returns), REFERENCES, (tuple(returns),))


@pytest.mark.slow
def test_every_driver_is_evaluated_on_the_same_held_out_episodes(agent) -> None:
    evaluation = evaluate_agent(agent, FOUR, progress=False)
    expected = [episode_seed(0, index, held_out=True) for index in range(4)]
    for driver in ("agent", *REFERENCES):
        assert [each.seed for each in evaluation.of(driver)] == expected
    scores, constant, model = scores_of(evaluation)
    assert scores.lead_on_constant_speed is not None
    assert scores.lead_on_constant_speed.mean == pytest.approx(
        scores.return_.mean - constant.return_.mean
    )
    assert constant.lead_on_model is None
    assert constant.speed.mean == pytest.approx(25.0, abs=0.5)
    assert constant.lane_changes.mean == 0
    assert model.crash_rate.low <= model.crash_rate.mean <= model.crash_rate.high
    assert {each.engine for each in evaluation.episodes} == {"b2m"}
    text = evaluation_text(evaluation, scores_of(evaluation))
    assert "same 4 held-out episodes, simulated by b2m" in text
    assert "one training: the interval speaks of episodes, not of trainings" in " ".join(
        text.split()
    )


@pytest.mark.slow
def test_the_table_has_a_row_an_episode_and_nothing_where_there_is_no_time(agent) -> None:
    evaluation = evaluate_agent(agent, FOUR, progress=False)
    with (agent / "evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["driver"] for row in rows] == [each.driver for each in evaluation.episodes]
    for row, driven in zip(rows, evaluation.episodes, strict=True):
        assert float(row["return"]) == driven.return_
        time = row["smallest_time_to_collision"]
        assert float(time or "nan") == pytest.approx(driven.smallest_time_to_collision, nan_ok=True)
    assert not [path for path in agent.iterdir() if "draft" in path.name]


@pytest.mark.slow
def test_trainings_that_differ_in_their_seed_are_pooled(agent, other_seed, tmp_path) -> None:
    evaluation = evaluate_agents([agent, other_seed], tmp_path / "out", FOUR, progress=False)
    assert evaluation.kinds == (("agent-0", "agent-1"),)
    scores = scores_of(evaluation)
    assert [each.driver for each in scores] == [
        "agent-0", "agent-1", "all 2 trainings", *REFERENCES,
    ]  # fmt: skip
    assert scores[2].return_.mean == pytest.approx(
        (scores[0].return_.mean + scores[1].return_.mean) / 2
    )
    assert "pooled, speaks of both" in " ".join(evaluation_text(evaluation, scores).split())
    written = (tmp_path / "out" / "evaluation.csv").read_text()
    assert written.count("agent-0,") == written.count("agent-1,") == 4


@pytest.mark.slow
def test_one_training_twice_or_another_agent_of_it_is_no_further_training(
    agent, other_seed, tmp_path
) -> None:
    again = Path(shutil.copytree(agent, tmp_path / "again"))
    best = Path(shutil.copytree(other_seed, tmp_path / "run" / "best"))
    one = EvaluationSettings(1)
    evaluation = evaluate_agents([agent, again], tmp_path / "out", one, progress=False)
    assert evaluation.kinds == (("agent-0",), ("again",))
    evaluation = evaluate_agents([agent, best], tmp_path / "out", one, progress=False)
    assert [len(kind) for kind in evaluation.kinds] == [1, 1]


@pytest.mark.slow
def test_a_training_that_was_stopped_is_named_and_not_pooled(agent, other_seed, tmp_path) -> None:
    stopped = Path(shutil.copytree(other_seed, tmp_path / "stopped"))
    config = json.loads((stopped / "config.json").read_text())
    config["training"]["n_steps"] = 64
    (stopped / "config.json").write_text(json.dumps(config))
    one = EvaluationSettings(1)
    evaluation = evaluate_agents([agent, stopped], tmp_path / "out", one, progress=False)
    assert evaluation.unfinished == ("stopped (32 of 64 steps)",)
    assert [len(kind) for kind in evaluation.kinds] == [1, 1]
    text = " ".join(evaluation_text(evaluation, scores_of(evaluation)).split())
    assert "Stopped before the end of their training: stopped (32 of 64 steps)." in text


def test_intervals_over_two_trainings_hold_the_truth_as_often_as_they_say() -> None:
    generator, n_held = np.random.default_rng(0), 0
    for _ in range(300):
        trainings, episodes = generator.normal(size=(2, 1)), generator.normal(size=30)
        values = trainings + episodes + 3 * generator.normal(size=(2, 30))
        interval = mean_interval_of(values, generator)
        n_held += interval.low <= 0 <= interval.high
    assert binomial_interval(n_held, 300)[1] > 0.93  # a bootstrap's: about three times in four


def test_an_agent_that_is_hardly_worse_is_shown_to_be_so_and_another_not() -> None:
    good, middling, bad = scores_of(
        made_up(a=[19.5] * 9, b=[18.0, 21.0] * 4 + [20.0], c=[9.0] * 9)
    )[:3]
    assert (good.not_worse_than_model, good.beats_constant_speed) == (True, True)
    assert good.margin == 1.0
    assert middling.not_worse_than_model is False  # a lead of -0.4 whose interval reaches below -1
    assert (bad.not_worse_than_model, bad.beats_constant_speed) == (False, False)


def test_the_last_lines_say_whom_each_agent_leads() -> None:
    evaluation = made_up(a=[19.5] * 9, b=[9.0] * 9)
    a, b, pooled = evaluation_text(evaluation, scores_of(evaluation)).splitlines()[-3:]
    assert a.startswith(
        "a: not worse than the driver model by more than 5% of its return (-1.00): yes"
    )
    assert a.endswith("beats constant speed: yes")
    assert b.count("not shown") == 2
    assert pooled.startswith("all 2 trainings: ")


def test_no_crash_in_nine_episodes_does_not_promise_that_there_is_none() -> None:
    for each in scores_of(made_up(a=[1.0] * 9, b=[1.0] * 9)):
        assert each.crash_rate.low == 0
        assert each.crash_rate.high == pytest.approx(binomial_interval(0, 9)[1])


def test_an_agent_that_lives_off_the_road_is_not_called_safe() -> None:
    lost = {"off_road": 1.0, "not_measured": 1.0, "share_in_hazard": np.nan}
    partly = {"off_road": 0.42, "not_measured": 0.42, "share_in_hazard": 0.5}
    on_road = {"off_road": 0.0, "success": True}
    drives = {
        "agent": (19.0, lost),
        "constant_speed": (10.0, partly),
        "highway_env": (20.0, on_road),
    }
    episodes = [
        episode(name, index, value, **changes)
        for name, (value, changes) in drives.items()
        for index in range(5)
    ]
    evaluation = Evaluation(tuple(episodes), ("agent",), REFERENCES, (("agent",),))
    agent, constant, model = scores_of(evaluation)
    assert agent.share_in_hazard is agent.smallest_time_to_collision is None
    assert agent.off_road.mean == agent.ever_off_road.mean == agent.not_measured.mean == 1
    assert constant.share_in_hazard.mean == 0.5
    assert constant.smallest_time_to_collision.mean == 20
    assert (model.success_rate.mean, agent.success_rate) == (1, None)
    text = evaluation_text(evaluation, scores_of(evaluation))
    row = next(line for line in text.split("\n\n")[1].splitlines() if line.startswith("agent"))
    assert row.split()[-3:] == ["100.0%", "[100.0%,", "100.0%]"]
    assert " -  " in row
    verdict = text.splitlines()[-1]
    assert (
        "beats constant speed: yes, but is off the road in 100.0% (constant speed: 42.0%)"
        in verdict
    )
    assert "off the road in 100.0% (the driver model: 0.0%)" in verdict
    labels = [
        axes.get_xlabel() for axes in evaluation_figure(evaluation, scores_of(evaluation)).axes
    ]
    assert any("off the road" in label for label in labels)
    assert any("reach the goal" in label for label in labels)


def test_an_agent_whose_return_an_early_crash_improves_is_praised_with_its_crashes() -> None:
    evaluation = made_up(a=[19.5] * 9)
    crashed = [replace(each, crashed=each.driver == "a") for each in evaluation.episodes]
    evaluation = replace(evaluation, episodes=tuple(crashed))
    line = evaluation_text(evaluation, scores_of(evaluation)).splitlines()[-1]
    assert "yes, but crashes in 100.0% (the driver model: 0.0%)" in line
    assert line.endswith("yes, but crashes in 100.0% (constant speed: 0.0%)")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["exit", "merge", "parking"])
def test_success_and_the_road_are_in_the_table_of_episodes(scenario: str, tmp_path) -> None:
    environment = {"height": 36, "width": 40}
    short = TrainingSettings(
        algorithm=PPOSettings(rollout=8, batch_size=8, n_epochs=1, hidden_sizes=(8,)),
        observation="state", n_steps=8, n_environments=1, evaluate_every=0, tensorboard=False,
    )  # fmt: skip
    longest = {"duration": 2.0} if scenario == "parking" else {}
    few = {} if scenario == "merge" else {"vehicles_count": 2}
    agent = train_agent(
        scenario, None, tmp_path, short, environment | longest | few, in_processes=False
    )
    evaluate_agent(agent, EvaluationSettings(2), progress=False)
    with (agent / "evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["success"] for row in rows} <= {"0", "1"}
    off_road = {row["off_road"] for row in rows}
    assert off_road == {""} if scenario == "parking" else "" not in off_road
    if scenario == "merge":
        kept = [row for row in rows if row["driver"] == "highway_env" and row["crashed"] == "0"]
        assert all(row["success"] == "1" for row in kept if float(row["length"]) < 30)


def test_a_scenario_without_a_driver_model_is_compared_with_constant_speed() -> None:
    episodes = [
        episode(name, i, v)
        for name, v in (("agent", -5.0), ("constant_speed", -9.0))
        for i in (0, 1)
    ]
    evaluation = Evaluation(tuple(episodes), ("agent",), ("constant_speed",), (("agent",),))
    scores = scores_of(evaluation)
    text = evaluation_text(evaluation, scores)
    assert scores[0].lead_on_model is None
    assert text.splitlines()[-1] == "agent: beats constant speed: yes"
    assert len(evaluation_figure(evaluation, scores).axes) == 2


@pytest.mark.slow
def test_the_picture_names_every_driver_and_is_written_whole(tmp_path) -> None:
    evaluation = made_up(a=[19.5, 18.0, 20.0], b=[9.0, 8.0, 11.0])
    path = write_evaluation_figure(tmp_path / "deep" / "e.png", evaluation, scores_of(evaluation))
    assert [each.name for each in path.parent.iterdir()] == ["e.png"]
    panels = evaluation_figure(evaluation, scores_of(evaluation)).axes
    labels = [label.get_text() for label in panels[0].get_yticklabels()]
    assert labels == ["a", "b", "all 2 trainings", "constant speed", "highway-env's\ndriver model"]
    assert all(panel.get_xlabel() for panel in panels)
    with pytest.raises(ValueError, match=r"e\.pdf: expected a file ending in \.png"):
        write_evaluation_figure(tmp_path / "e.pdf", evaluation, scores_of(evaluation))


@pytest.mark.slow
def test_what_cannot_be_evaluated_is_named(agent, tmp_path) -> None:
    with pytest.raises(ValueError, match="folders: expected one of a trained agent or more"):
        evaluate_agents([], tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere: expected a file config\.json"):
        evaluate_agents([agent, tmp_path / "nowhere"], tmp_path)
    with pytest.raises(ValueError, match=r"expected each agent once, came .*agent-0 again"):
        evaluate_agents([agent, agent / ".." / "agent-0"], tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"out: expected a folder, came a file .*file"):
        evaluate_agents([agent], tmp_path / "file")
    other = shutil.copytree(agent, tmp_path / "other")
    (other / "agent.zip").unlink()
    with pytest.raises(FileNotFoundError, match=r"other: expected a file agent\.zip"):
        evaluate_agents([agent, other], tmp_path)
    config = json.loads((other / "config.json").read_text())
    for change, said in (
        (
            {"scenario": "merge", "environment": {}},
            "scenario: .*'highway_fast' of agent-0 and 'merge'",
        ),
        (
            {"environment": config["environment"] | {"vehicles_count": 9}},
            "vehicles_count: .*3.*9 of other",
        ),
    ):
        (other / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(ValueError, match=said):
            evaluate_agents([agent, other], tmp_path)
    (other / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"other.config\.json: expected JSON"):
        evaluate_agents([agent, other], tmp_path)


@pytest.mark.slow
def test_agents_of_one_name_are_told_apart_by_their_path(agent, tmp_path) -> None:
    twin = shutil.copytree(agent, tmp_path / "agent-0")
    evaluation = evaluate_agents([agent, twin], tmp_path, EvaluationSettings(1), progress=False)
    assert evaluation.agents == (str(agent.resolve()), str(twin.resolve()))
    returns = [
        np.array([each.return_ for each in evaluation.of(name)]) for name in evaluation.agents
    ]
    np.testing.assert_array_equal(*returns)
