"""Logs of drives: which event answers which, and what is missing stays missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2m_drive.recordings.driving_log import BCIT, CAO2019, TX20, read_driving_log
from b2m_drive.recordings.reaction_times import read_reaction_times
from tests.shared.places import DATA

LOGS = sorted(DATA.glob("bcit_driving_events/*_events.tsv"))
LOGS_OF_TX20 = sorted(DATA.glob("tx20_autonomy_events/*_task-Drive_events.tsv"))


def write_log(path: Path, rows: list[tuple[float, int]]) -> Path:
    lines = ["onset\tduration\tsample\tvalue"]
    lines += [f"{onset}\tn/a\t{row}\t{value}" for row, (onset, value) in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_response_belongs_to_the_perturbation_before_it(tmp_path: Path) -> None:
    rows = [
        (59.3, 3111), (59.3, 1211), (60.0, 4311),  # a correction that nothing asked for
        (73.3, 1111), (73.4, 4311), (73.45, 1112), (74.3, 4312),
        (85.1, 1121), (88.8, 4311), (89.0, 4312), (89.5, 1122), (90.0, 4311), (91.0, 4312),
        (98.1, 1121), (99.0, 1122), (99.5, 4312),  # nobody answers; an offset without an onset
        (110.0, 1111), (112.0, 4311), (113.0, 1121),  # neither end nor offset; then none at all
        (120.0, 2621),
    ]  # fmt: skip
    log = read_driving_log(write_log(tmp_path / "sub-1_events.tsv", rows))
    assert log.codes is BCIT
    nan = np.nan
    np.testing.assert_array_equal(log.onset, [73.3, 85.1, 98.1, 110.0, 113.0])
    np.testing.assert_array_equal(log.side, [-1, 1, 1, -1, 1])
    np.testing.assert_array_equal(log.end, [73.45, 89.5, 99.0, nan, nan])
    np.testing.assert_array_equal(log.response_onset, [73.4, 88.8, nan, 112.0, nan])
    np.testing.assert_array_equal(log.response_offset, [74.3, 89.0, nan, nan, nan])
    np.testing.assert_allclose(log.reaction_time, [0.1, 3.7, nan, 2.0, nan], atol=1e-9)
    assert (log.first, log.last) == (59.3, 120.0)
    assert log.unread == {"3111": 1, "1211": 1, "4311": 2, "4312": 2, "2621": 1}


def test_the_codes_of_each_study_are_known(tmp_path: Path) -> None:
    rows = [(1.0, 251), (1.8, 253), (3.0, 254), (9.0, 252)]
    log = read_driving_log(write_log(tmp_path / "cao_events.tsv", rows))
    assert log.codes is CAO2019
    np.testing.assert_array_equal(log.side, [-1, 1])
    np.testing.assert_array_equal(log.response_offset, [3.0, np.nan])
    assert np.isnan(log.end).all()
    rows = [(1.0, 1310001), (2.0, 1310002), (3.0, 1340001), (5.0, 1320001), (6.0, 1320002)]
    log = read_driving_log(write_log(tmp_path / "tx20_events.tsv", rows))
    assert log.codes is TX20
    np.testing.assert_array_equal(log.side, [1, -1])  # a force from the left pushes to the right
    assert np.isnan(log.response_onset).all()
    assert log.unread == {"1340001": 1}


def test_perturbations_that_lost_their_times_are_left_out_and_counted(tmp_path: Path) -> None:
    lost = [(0.001, value) for value in (1121, 4311, 1122, 1111, 4311, 1112)]
    log = read_driving_log(
        write_log(tmp_path / "sub-82_events.tsv", [*lost, (526.6, 1111), (528.0, 4311)])
    )
    np.testing.assert_array_equal(log.onset, [526.6])
    np.testing.assert_allclose(log.reaction_time, [1.4])
    assert log.n_untimed == 2
    with pytest.raises(ValueError, match=r"lost\.tsv: expected one perturbation at a time, came 2"):
        read_driving_log(write_log(tmp_path / "lost.tsv", lost))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1.0, 4311)], r"expected perturbations of one study \(BCIT.*came values 4311"),
        ([(1.0, 1111), (2.0, 251)], "expected perturbations of one study .*came BCIT.* and Cao"),
        ([(np.nan, 1111)], "onset: expected finite seconds"),
    ],
)
def test_what_is_no_log_of_perturbations_is_named(tmp_path: Path, rows, message: str) -> None:
    with pytest.raises(ValueError, match=f"sub-1_events.tsv: {message}"):
        read_driving_log(write_log(tmp_path / "sub-1_events.tsv", rows))
    with pytest.raises(FileNotFoundError, match="none_events"):
        read_driving_log(tmp_path / "none_events.tsv")


@pytest.mark.slow
@pytest.mark.skipif(not LOGS, reason=f"no event logs of ds004120 in {DATA}")
def test_all_real_logs_are_read_and_agree_with_the_reaction_times_of_the_folder() -> None:
    logs = [read_driving_log(path) for path in LOGS]
    times = np.concatenate([log.reaction_time for log in logs])
    known = np.sort(times[~np.isnan(times)])
    whole = read_reaction_times(LOGS[0].parent)
    n_untimed = sum(log.n_untimed for log in logs)
    assert len(times) + n_untimed == whole.n_perturbations
    np.testing.assert_allclose(known, np.sort(whole.seconds))
    for log in logs:
        assert (np.diff(log.onset) > 0).all()
        assert not (log.end <= log.onset).any()
        assert not (log.response_offset < log.response_onset).any()


@pytest.mark.skipif(not LOGS_OF_TX20, reason=f"no event logs of ds004657 in {DATA}")
def test_real_logs_of_tx20_have_pushes_and_no_corrections() -> None:
    log = read_driving_log(LOGS_OF_TX20[0])
    assert log.codes is TX20
    assert len(log.onset) > 5
    assert not np.isnan(log.end).any()
    assert np.isnan(log.response_onset).all()
