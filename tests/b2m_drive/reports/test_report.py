from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.run_folder import read_run
from b2m_drive.comparisons.verdict import Grade, verdicts_of
from b2m_drive.evidence.condition import Condition, TransferMethod, Variation
from b2m_drive.evidence.scores import Score, read_scores, write_scores
from b2m_drive.reports.report import write_report
from tests.shared.page_text import charts_of, outside_of, text_of

TEACHING = TransferMethod("regression", "decoded", "recorded")
SEEDS = [0, 1, 2, 3]
STEPS = (50, 100, 150)


def config(simulated: bool) -> dict[str, Any]:
    return {
        "study": "memory",
        "brain": {
            "name": "session <A&B>",
            "simulated": simulated,
            "preset": "ideal" if simulated else None,
            "subject": "S17",
            "session": "A&B",
            "source": "a source",
            "licence": "ODbL 1.0",
            "n_units": 5,
            "regions": {"LA": 2, "RH": 3},
            "n_teaching": 40,
            "n_held_out": 10,
            "notes": ["3 error trials left out"],
        },
        "student": {"hidden_size": 64},
        "strategies": ["regression"],
        "readings": [{"latents": "decoded", "pairing": "recorded"}],
        "seeds": SEEDS,
        "n_steps": 150,
        "batch_size": 32,
        "recorded_batch_size": 16,
        "evaluate_every": 50,
        "primary_metric": "area_under_curve",
        "versions": {"torch": "2.13.0"},
        "task": {"id": "B2M/MemoryDecision-v0"},
        "isolated_settings_file": "isolated.json",
        "limits": ["stimuli are random codes"],
    }


def scores(gain: float) -> list[Score]:
    generator = np.random.default_rng(0)
    rows = []
    for name in ("brain", *MEMORY.nulls, *MEMORY.probes):
        condition = TEACHING.condition(name)
        for seed in SEEDS:
            start = 0.6 + gain * (name == "brain") + 0.02 * seed + generator.normal(0, 0.002)
            rows += [
                Score(condition, seed, "accuracy", step, start + step / 1000, "share of trials")
                for step in STEPS
            ]
            if name not in ("alone", "alone_head"):
                rows.append(Score(condition, seed, "cka", 150, 0.1 + 0.01 * seed, "1"))
    return rows


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report for tests that only read it."""
    return write_report(make_run(tmp_path_factory.mktemp("shared") / "run"))


@pytest.fixture
def reported(page: Path, tmp_path: Path) -> Path:
    """A run with a report, for tests that change it."""
    return Path(shutil.copytree(page.parent, tmp_path / "run"))


def make_run(folder: Path, gain: float = 0.08, simulated: bool = True) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config(simulated)))
    (folder / "brain.json").write_text(
        json.dumps(
            {
                "item_decoding": 0.613,
                "memory_auc": None,
                "explainable_variance": {"decoded, recorded": {"encoding": 0.447, "delay": 0.113}},
            }
        )
    )
    write_scores(folder / "scores.csv", scores(gain))
    return folder


def alter_score(run: Path, condition: str | Condition, step: int, by: float) -> None:
    rows = read_scores(run / "scores.csv")
    named = Condition.parse(str(condition))
    index = next(i for i, r in enumerate(rows) if (r.condition, r.step) == (named, step))
    rows[index] = replace(rows[index], value=rows[index].value + by)
    write_scores(run / "scores.csv", rows)


def data_of(page: Path) -> list[str]:
    """The data of each figure, in order."""
    return [json.dumps(chart["data"]) for chart in charts_of(page)]


@pytest.mark.slow
def test_the_report_needs_nothing_outside_itself(page: Path) -> None:
    assert page.name == "report.html"
    assert outside_of(page) == []
    assert page.stat().st_size < 6_000_000
    charts = charts_of(page)
    files = sorted((page.parent / "figures").iterdir())
    assert len(files) == len(charts) == 7  # curves, two metrics, three levels, one measure
    assert all(each.name.endswith(".vl.json") for each in files)
    assert {json.dumps(json.loads(f.read_text())["data"]) for f in files} == set(data_of(page))


def test_every_figure_of_a_simulated_brain_says_so_and_is_described(page: Path) -> None:
    for chart in charts_of(page):
        assert chart["title"]["text"][0].startswith("SIMULATED BRAIN")
        assert len(chart["description"]) > 50


def test_altering_one_number_of_the_score_table_changes_the_report(reported: Path) -> None:
    run, page = reported, reported / "report.html"
    before_text, before = text_of(page), data_of(page)
    alter_score(run, "alone_labelled", 100, by=0.12)  # crosses 80 %
    after_text, after = text_of(write_report(run)), data_of(page)
    changed = [a != b for a, b in zip(before, after, strict=True)]
    # Curves, area, final score, trials to 80 %; none comes to 90 %; alignment has no part in it.
    assert changed == [True, True, True, True, False, False, False]
    # Area: 0.12 at the middle one of three evaluations is 0.12 / 2, over 4 seeds 0.015.
    brain_minus = r"brain minus .*? alone, same trials with decision labels \+(0\.\d{3})"
    values = [float(re.search(brain_minus, t).group(1)) for t in (before_text, after_text)]  # type: ignore[union-attr]
    assert values[0] - values[1] == pytest.approx(0.015, abs=0.0011)  # of three decimals


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gain", "grade"), [(0.08, Grade.SPECIFIC), (0.0, Grade.NO_GAIN), (-0.08, Grade.HARM)]
)
def test_gain_null_result_and_harm_stand_in_the_same_place(
    tmp_path: Path, gain: float, grade: Grade
) -> None:
    run = make_run(tmp_path / "run", gain)
    (verdict,) = verdicts_of(run)
    assert verdict.grade is grade
    page = write_report(run).read_text()
    box = re.search(r'<div class="verdict [a-z-]+">.*?<h3>(.*?)</h3>\s*<p>(.*?)</p>', page, re.S)
    assert box
    assert box.group(1) == grade.value
    assert verdict.finding in unescape(box.group(2))
    assert page.index("<h2>") > box.start()


@pytest.mark.slow
def test_a_simulated_brain_is_called_simulated_and_a_recorded_one_is_not(
    page: Path, tmp_path: Path
) -> None:
    simulated = text_of(page)
    recorded = text_of(write_report(make_run(tmp_path / "recorded", simulated=False)))
    assert "SIMULATED brain." in simulated
    assert "SIMULATED, preset ideal" in simulated
    assert "simulated" not in recorded.lower()


def test_the_report_shows_the_brain_its_licence_and_its_noise_ceiling(page: Path) -> None:
    text = text_of(page)
    for expected in ("S17", "5 (LA 2, RH 3)", "40 teach, 10 held out", "ODbL 1.0", "0.613",
                     "3 error trials left out", "0.447", "0.113", "stimuli are random codes",
                     "undefined for this recording", "arXiv 2506.20834"):  # fmt: skip
        assert expected in text, expected


def test_names_from_a_run_are_escaped(page: Path) -> None:
    content = page.read_text()
    assert "session &lt;A&amp;B&gt;" in content
    assert "<A&B>" not in content


def test_censored_seeds_are_counted(page: Path) -> None:
    # Levels end near .75 + .02 x seed: alone never reaches 95 %, nor does the brain.
    text = text_of(page)
    assert re.search(r"brain ÷ .*? alone 0\.\d\d \[.*?\] \d, \d of 4 .*? — 4, 4 of 4", text)


@pytest.mark.slow
def test_trajectories_are_drawn_when_the_run_has_them(reported: Path) -> None:
    run = reported
    assert not (run / "figures" / "trajectories.vl.json").exists()
    arrays = {"values": np.zeros((2, 5, 2)), "time": np.arange(5) / 10}
    np.savez(run / "trajectories.npz", **{f"brain/{name}": a for name, a in arrays.items()})
    write_report(run)
    assert (run / "figures" / "trajectories.vl.json").exists()


@pytest.mark.slow
def test_a_report_that_cannot_be_written_leaves_the_former_one(reported: Path) -> None:
    run, before = reported, (reported / "report.html").read_text()
    rows = [row for row in read_scores(run / "scores.csv") if row.condition.control != "alone_head"]
    write_scores(run / "scores.csv", rows)
    with pytest.raises(ValueError, match="found none of alone_head"):
        write_report(run)
    assert (run / "report.html").read_text() == before
    assert len(list((run / "figures").iterdir())) == 7
    assert not [path for path in run.iterdir() if "draft" in path.name or "old" in path.name]


@pytest.mark.parametrize("name", ["config.json", "scores.csv", "brain.json"])
def test_a_missing_file_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        write_report(run)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", r"config.json: expected JSON"),
        ("config.json", "{}", r"config.json: expected the entry study, found none"),
        ("brain.json", '{"memory_auc": NaN}', r"brain.json: .* the number NaN"),
        ("brain.json", "[1]", r"brain.json: expected a JSON object, .*came list"),
        ("scores.csv", "condition,seed\n", r"scores.csv: expected the columns"),
        (
            "scores.csv",
            "condition,seed,metric,step,value,unit\nalone,0,accuracy,1,nan,1\n",
            r"scores.csv, line 2: expected a finite value, came nan",
        ),
        (
            "scores.csv",
            "condition,seed,metric,step,value,unit\nalone,0,accuracy,1,0.5,1\n",
            r"scores.csv: expected the seeds of config.json, \[0, 1, 2, 3\], came \(0,\)",
        ),
        ("trajectories.npz", "no archive", r"trajectories.npz: expected arrays"),
    ],
)
def test_a_broken_file_is_named_with_what_was_expected(
    run: Path, name: str, content: str, message: str
) -> None:
    (run / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        write_report(run)
    assert not (run / "report.html").exists()


def test_unknown_choices_and_wrong_types_in_the_configuration_are_named(run: Path) -> None:
    for entry, value, message in (
        ("primary_metric", "loss", "primary_metric: expected one of .* came 'loss'"),
        ("strategies", ["osmosis"], "strategy: expected one of .* came 'osmosis'"),
        ("readings", [{"latents": "pca"}], r"expected the entry readings\.pairing, found none"),
        ("n_steps", "many", "n_steps: expected a whole number, came 'many'"),
    ):
        (run / "config.json").write_text(json.dumps({**config(True), entry: value}))
        with pytest.raises(ValueError, match=message):
            read_run(run)


def test_the_main_reading_comes_first_with_all_its_strategies(run: Path) -> None:
    both = {
        "strategies": ["regression", "contrastive"],
        "readings": [
            {"latents": "decoded", "pairing": "carried"},
            {"latents": "pca", "pairing": "recorded"},
        ],
    }
    (run / "config.json").write_text(json.dumps(config(True) | both))
    order = [(each.strategy, each.latents) for each in read_run(run).methods]
    assert order == [
        ("regression", "decoded"),
        ("contrastive", "decoded"),
        ("regression", "pca"),
        ("contrastive", "pca"),
    ]


@pytest.mark.slow
def test_probes_that_a_run_lacks_are_not_shown_and_others_get_a_line(reported: Path) -> None:
    run, text = reported, text_of(reported / "report.html")
    assert text.count("brain, shifted in time") >= 2  # of the differences, of the meanings
    rows = read_scores(run / "scores.csv")
    write_scores(
        run / "scores.csv", [row for row in rows if row.condition.control != "time_shifted"]
    )
    text = text_of(write_report(run))
    assert "brain, shifted in time" not in text
    assert "brain, phases randomised" in text


@pytest.mark.slow
def test_a_varied_number_gets_its_section_with_the_own_students(run: Path) -> None:
    entries = config(True) | {"own": {"n_student_trials": None, "maintenance": 2.5}}
    (run / "config.json").write_text(json.dumps(entries))
    rows = read_scores(run / "scores.csv")
    for base in (Condition("alone"), TEACHING.condition("brain")):
        name = base.varied(Variation("n_student_trials", 30.0))
        rows += [
            replace(row, condition=name)
            for row in rows
            if row.condition == base and row.seed < 2 and row.metric == "accuracy"
        ]
    write_scores(run / "scores.csv", rows)
    text = text_of(write_report(run))
    assert "By number of different trials the student learns from" in text
    assert "30 no limit" in text
    assert "By length of the delay" not in text
    assert (run / "figures" / "by-n-student-trials-0-final.vl.json").is_file()


def test_an_unknown_study_is_named_with_those_that_are_known(run: Path) -> None:
    (run / "config.json").write_text(json.dumps(config(True) | {"study": "sleeping"}))
    with pytest.raises(ValueError, match=r"one of memory, driving, .*memory_sessions.*'sleeping'"):
        write_report(run)
