"""The demonstration is small, says so, and leaves out no null."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2m_agents.studies import demo
from b2m_agents.studies.driving.default_scenes import DefaultScenes
from b2m_agents.studies.driving.plan import DrivingStudySettings
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.reports.report import write_report
from tests.shared.made_runs import scores_of, write_run


@pytest.mark.slow
def test_every_null_has_students_in_both_halves_and_several_seeds(tmp_path: Path) -> None:
    groups = demo.demo_memory().jobs(tmp_path)
    memory = {(c.control, seed) for group in groups for c, seed in group.plan.students}
    assert {(null, seed) for null in MEMORY.nulls for seed in range(5)} <= memory
    driving = {condition.control for condition in demo.DRIVING.conditions}
    assert set(DRIVING.nulls) <= driving
    assert len(demo.DRIVING.seeds) >= 4


@pytest.mark.slow
def test_the_run_says_that_it_is_a_small_demonstration_with_its_settings() -> None:
    config = demo.demo_memory().describe()
    assert config["note"] == demo.NOTE
    assert config["brain"]["simulated"] is True
    assert (config["n_steps"], config["seeds"]) == (300, [0, 1, 2, 3, 4])


@pytest.mark.slow
def test_a_note_stands_beneath_the_verdicts_and_a_run_without_has_none(tmp_path: Path) -> None:
    plain = write_report(write_run(tmp_path / "plain", scores_of({}))).read_text()
    folder = write_run(tmp_path / "noted", scores_of({}), note="small & quick")
    page = write_report(folder).read_text()
    assert page.index("small &amp; quick") < page.index("What was asked")
    assert page.count("small &amp; quick") == 1
    assert "small &amp; quick" not in plain


def test_what_the_demonstration_chose_is_no_default_of_the_study() -> None:
    assert DefaultScenes().path.stem.startswith("highway_fast-random-birds_eye-4000-seed-0-")
    assert "-48-m" in demo.SCENES.path.stem


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf")])
def test_a_weight_of_what_changes_must_be_a_number_above_zero(weight: float) -> None:
    with pytest.raises(ValueError, match="changed_weight: expected more than 0 or none"):
        DrivingStudySettings(changed_weight=weight)


def test_the_engine_is_compiled_when_the_memory_half_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[str] = []

    class Process:
        def __init__(self, **_: object) -> None: ...

        def start(self) -> None:
            waited.append("started")

        def is_alive(self) -> bool:
            return True

        def join(self) -> None:
            waited.append("joined")

        def terminate(self) -> None:
            waited.append("ended")

    context = type("Context", (), {"Process": Process})
    monkeypatch.setattr(demo.multiprocessing, "get_context", lambda _: context)
    told: list[str] = []
    with demo.engine_compiled_meanwhile(told.append):
        waited.append("memory")
    assert waited == ["started", "memory", "joined", "ended"]
    assert "still being compiled" in told.pop()
    waited.clear()
    with pytest.raises(KeyError), demo.engine_compiled_meanwhile(told.append):
        raise KeyError
    assert (waited, told) == (["started", "ended"], [])  # who gives up is not kept waiting
