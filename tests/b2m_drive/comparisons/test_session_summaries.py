from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2m_drive.comparisons.session_summaries import (
    STATISTICS,
    SessionSummary,
    sessions_table,
    statistic_values,
    summarise_sessions,
)
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.teachers.decoding import RecordingSummary
from tests.shared.places import DATA

SUMMARY = RecordingSummary(
    n_units=20,
    n_trials=100,
    n_items=3,
    n_stimuli=8,
    units_per_region={"LA": 20},
    median_rate=0.5,
    fano_factor=1.2,
    selective_share=0.1,
    chance=1 / 8,
    item_decoding=0.2,
    item_decoding_resolved=0.25,
    memory_auc=0.5,
    probe_side_auc=0.5,
    reliability=0.4,
    explainable_variance=0.01,
    predictivity_ceiling=0.7,
)


def read_by_name(path: Path) -> Recording:
    """A brain whose number of units is the file's name, in place of a reader of recordings."""
    if path.stem == "broken":
        raise ValueError(f"{path}: expected a session, came an empty file")
    trials = simulate_trials(20, 2, 4, np.random.default_rng(0))
    recording = SimulatedBrain(n_units=int(path.stem)).record(trials, 0)
    return replace(recording, session=path.stem)


def session(name: str, **values: Any) -> SessionSummary:
    summary = replace(SUMMARY, **values)
    return SessionSummary(Path(f"{name}.h5"), name[:3], name, summary)


@pytest.mark.slow
def test_a_broken_file_is_named_and_the_others_are_done() -> None:
    paths = [Path(f"{name}.h5") for name in ("20", "broken", "16")]
    sessions = summarise_sessions(paths, n_workers=1, progress=False, read=read_by_name)
    assert [each.path for each in sessions] == paths
    assert [each.summary.n_units if each.summary else None for each in sessions] == [20, None, 16]
    last = sessions_table(sessions).splitlines()[-1]
    assert last == "left out: broken.h5: expected a session, came an empty file"


@pytest.mark.slow
def test_two_workers_find_what_one_finds(tmp_path: Path) -> None:
    folder = kornblith_folder()
    paths = [*sorted(folder.glob("404*.h5"))[:2], tmp_path / "missing.h5"]
    one, two = (summarise_sessions(paths, n_workers, progress=False) for n_workers in (1, 2))
    assert one == two
    assert one[0].summary is not None
    assert "missing.h5" in (one[2].error or "")


def test_the_table_pools_sessions_with_units_enough_only() -> None:
    sessions = [
        session("111a", item_decoding=0.2),
        session("222a", item_decoding=0.4),
        session("333a", item_decoding=0.9, n_units=14),
    ]
    lines = sessions_table(sessions).splitlines()
    row = {line.split()[0]: line.split() for line in lines if line.split()}
    column = row["session"].index("item")
    assert row["333a*"][column] == "0.90"
    assert row["median"][column - 1] == "0.30"  # no subject
    assert row["best"][column - 1] == "0.40"
    assert "2 of 3 sessions" in lines[-1]


def test_the_table_is_narrow_and_says_what_its_columns_mean() -> None:
    text = sessions_table([session("395e15sb-2006-10-4_12-8-52", n_units=4, chance=1 / 7)])
    assert max(map(len, text.splitlines())) <= 103
    assert "rate: median over units [spikes/s]" in text
    assert "chance: item and resolved .143" in text  # of all that are shown, pooled or not


def test_what_is_undefined_is_a_dash_and_no_number_is_made_of_it() -> None:
    sessions = [session("111a", memory_auc=float("nan")), session("222a", memory_auc=0.6)]
    text = sessions_table(sessions)
    assert "nan" not in text
    memory = next(each for each in STATISTICS if each.field == "memory_auc")
    values = statistic_values([each.summary for each in sessions if each.summary], memory)
    assert values.tolist() == [0.6]


def test_a_dash_comes_with_its_reason() -> None:
    values = {"reliability": float("nan"), "undefined": {"reliability": "each stimulus once"}}
    lines = sessions_table([session("111a", **values), session("222a")]).splitlines()
    assert "-: 111a: halves: each stimulus once" in lines
    assert not any("222a" in line for line in lines if line.startswith("-:"))


def test_a_table_of_broken_files_only_still_says_what_is_wrong() -> None:
    text = sessions_table([SessionSummary(Path("x.h5"), "x", "x", None, "expected HDF5")])
    assert "left out: x.h5: expected HDF5" in text
    assert "nan" not in text


def test_no_sessions_or_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="came 0 sessions and 1 workers"):
        summarise_sessions([], 1)
    with pytest.raises(ValueError, match="came 1 sessions and 0 workers"):
        summarise_sessions([Path("x.h5")], 0)


def kornblith_folder() -> Path:
    folder = DATA / "kornblith2017"
    if not list(folder.glob("*.h5")):
        pytest.skip(f"no recordings in {folder}: set B2M_DATA to where they lie")
    return folder


@pytest.mark.slow
def test_the_human_sessions_decode_as_they_were_measured_to() -> None:
    paths = sorted(kornblith_folder().glob("*.h5"))
    sessions = summarise_sessions(paths, n_workers=2, progress=False)
    decoded = [each.summary.item_decoding for each in sessions if each.summary and each.is_pooled]
    assert len(decoded) == 23
    assert float(np.median(decoded)) == pytest.approx(0.21, abs=0.02)
    assert max(decoded) == pytest.approx(0.62, abs=0.04)
