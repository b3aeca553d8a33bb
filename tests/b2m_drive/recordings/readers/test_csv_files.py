"""CSV and TSV files: a time column and channels, markers among them, and tables beside a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2m_drive.recordings.column_files import read_columns
from b2m_drive.recordings.readers.csv_files import open_csv
from b2m_drive.recordings.readers.table import read_recording

VALUES = np.random.default_rng(0).normal(size=(200, 2)).round(6)
TIMES = np.arange(200) / 50


def lines(header: str, extra: dict[int, str] | None = None, sep: str = ",", k: float = 1) -> str:
    rows = [
        sep.join(
            [f"{time * k:.6f}", f"{a}", f"{b}", *([(extra or {}).get(n, "")] if extra else [])]
        )
        for n, (time, (a, b)) in enumerate(zip(TIMES, VALUES, strict=True))
    ]
    return "\n".join([header, *rows]) + "\n"


def test_channels_with_units_and_markers_become_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    extra = {50: "cat", 51: "cat", 100: '"dog, big"', 150: "cat"}
    path.write_text("\ufeff" + lines("time [ms],Cz [uV],Pz [uV],label", extra, k=1000))
    recording = read_recording(path, ["events.table=markers", "events.stimulus=label"])
    np.testing.assert_array_equal(np.asarray(recording.signal), VALUES.astype(np.float32))
    np.testing.assert_allclose(recording.time, TIMES, atol=1e-9)
    assert [unit.name for unit in recording.units] == ["Cz", "Pz"]
    assert recording.measure == "potential [uV]"
    assert recording.events.onset.tolist() == [1, 2, 3]
    assert recording.events.columns["label"].tolist() == ["cat", "dog, big", "cat"]


@pytest.mark.parametrize(("name", "sep"), [("a.csv", ";"), ("a.TSV", "\t"), ("a.csv", "\t")])
def test_cells_may_be_parted_otherwise(tmp_path: Path, name: str, sep: str) -> None:
    path = tmp_path / name
    path.write_text(lines(sep.join(["t", "x", "y"]), sep=sep))
    np.testing.assert_allclose(open_csv(path).signals[0][:], VALUES.astype(np.float32))


def test_a_trigger_channel_of_numbers_is_a_marker_where_it_rises(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    rows = "".join(f"{k / 10},{k},{7 if 3 <= k < 6 else 0}\n" for k in range(10))
    path.write_text("time,x,trigger\n" + rows)
    table = open_csv(path).table("markers")
    assert table.onset == "onset"
    np.testing.assert_allclose(table.column("onset"), [0.3])
    assert table.column("trigger").tolist() == [7]


def test_events_may_lie_in_a_table_beside_the_recording(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "one.csv").write_text(lines("time,x,y"))
    (tmp_path / "logs" / "events.tsv").write_text(
        "onset\tduration\tpicture\n1.0\t.5\tcat\n2.0\tn/a\tdog\nn/a\t1\tcat\n"
    )
    recording = read_recording(
        tmp_path / "one.csv", ["events.file=logs/events.tsv", "events.stimulus=picture"]
    )
    assert recording.events.onset.tolist() == [1, 2]
    assert recording.events.duration.tolist() == [0.5, 0]
    assert recording.events.columns["label"].tolist() == ["cat", "dog"]
    assert "1 events left out: their onset is missing" in recording.notes


def test_trials_may_lie_in_a_table_beside_the_recording(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(lines("time,x,y"))
    (tmp_path / "trials.csv").write_text(
        "item,what,delay,probe,asked\n100,3,300,500,3\n1100,4,1300,1500,3\n"
    )
    entries = ["file=trials.csv", "seconds=.001", "items=item", "stimuli=what", "maintenance=delay",
               "probe=probe", "probe_left=asked"]  # fmt: skip
    trials = read_recording(tmp_path / "one.csv", [f"trials.{each}" for each in entries]).trials
    assert trials is not None
    np.testing.assert_allclose(trials.item_onset[:, 0], [0.1, 1.1])
    np.testing.assert_allclose(trials.probe_onset, [0.5, 1.5])


@pytest.mark.parametrize("file", ["../events.tsv", "/etc/passwd", "a/../../events.tsv"])
def test_a_table_elsewhere_is_refused(tmp_path: Path, file: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "events.tsv").write_text("onset\tx\n1\t2\n")
    (tmp_path / "in" / "one.csv").write_text(lines("time,x,y"))
    with pytest.raises(ValueError, match="expected what lies inside it"):
        read_recording(tmp_path / "in" / "one.csv", [f"events.file={file}"])


def test_a_missing_table_is_said_missing(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(lines("time,x,y"))
    with pytest.raises(FileNotFoundError, match=r"none.tsv: expected a table of events"):
        read_recording(tmp_path / "one.csv", ["events.file=none.tsv"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "came an empty file"),
        ("time,x\n", "expected rows"),
        ("time,x\n1,2\n1,3\n", "each later than the one before"),
        ("time,x\n2,2\n1,3\n", "each later than the one before"),
        ("time,x\n0,2\n.1,3\n.7,3\n.75,1\n.9,4\n", "expected samples at one rate"),
        ("time,x\nnan,2\n1,3\n", "finite seconds"),
        ("time,x\n0,1\n.1,2,3\n", "row 3: expected 2 cells, came 3"),
        ("time,x,x\n0,1,2\n", "'x' twice"),
        ("time,,x\n0,1,2\n", "a column without a name"),
        ("0,1\n.1,2\n", "expected names of columns, came numbers"),
        ("time [h],x\n0,1\n1,2\n", "expected seconds or ms, came 'h'"),
        ('time,x\n0,"1\n', "unexpected end of data"),
    ],
)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "one.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        read_recording(path, ["events.onset=time"])
    assert str(path) in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(b"time,x\n0,\xff\n")
    with pytest.raises(ValueError, match=r"one.csv: line 2: .*UTF-8"):
        open_csv(path)


def test_columns_of_numbers_text_and_missing_cells(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('a,b,c\n1,"x, y",\n2.5,n/a,1e3\n\n-3,z,NaN\n')
    columns = read_columns(path, "a table")
    np.testing.assert_array_equal(columns["a"], [1, 2.5, -3])
    assert columns["b"].tolist() == ["x, y", "n/a", "z"]
    np.testing.assert_array_equal(columns["c"], [np.nan, 1000, np.nan])
