"""What a run made is recorded beside it, and told from another run's where it is used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from b2m_drive.comparisons.run_folder import PICTURES, TRAJECTORIES, read_run
from b2m_drive.files import fingerprints
from b2m_drive.files.fingerprints import (
    Standing,
    fingerprint,
    is_recorded,
    record_made,
    recorded_write,
    require_as_made,
    standing_of,
)
from b2m_drive.files.locks import claim
from b2m_drive.files.writing import write_arrays
from b2m_drive.reports.report import write_report
from tests.shared.made_runs import scores_of, write_run


def test_the_fingerprint_of_a_file_is_the_one_that_sha256sum_prints(tmp_path) -> None:
    (tmp_path / "abc").write_text("abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fingerprint(tmp_path / "abc") == expected
    assert fingerprint(tmp_path / "none") is None


def test_a_folder_is_another_by_a_name_or_a_byte_and_not_by_a_claim(tmp_path) -> None:
    folder = tmp_path / "encoder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a").write_text("1")
    before = fingerprint(folder)
    with claim(folder, "a training"):
        assert fingerprint(folder) == before
    (folder / "deep" / "a").rename(folder / "deep" / "b")
    renamed = fingerprint(folder)
    (folder / "deep" / "b").write_text("2")
    assert len({before, renamed, fingerprint(folder)}) == 3


def test_what_was_made_is_known_from_another_a_missing_and_an_unrecorded_one(tmp_path) -> None:
    path = tmp_path / "pictures.npz"
    assert standing_of(tmp_path, path.name) is Standing.MISSING
    path.write_text("made")
    assert standing_of(tmp_path, path.name) is Standing.NOT_RECORDED
    assert not require_as_made(tmp_path, path.name, "put it back")
    record_made(tmp_path, [path.name])
    assert require_as_made(tmp_path, path.name, "put it back")
    path.write_text("another")
    with pytest.raises(ValueError, match=r"pictures\.npz: .* came another; put it back"):
        require_as_made(tmp_path, path.name, "put it back")
    with pytest.raises(ValueError, match="came another"):
        record_made(tmp_path, [path.name])
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"pictures\.npz: .*found none; put it back"):
        require_as_made(tmp_path, path.name, "put it back")


def test_at_any_moment_of_a_replacement_the_file_is_one_that_is_recorded(
    tmp_path, monkeypatch
) -> None:
    path, seen = tmp_path / "agent.zip", []

    def look_and_write(folder: Path, entries: dict[str, list[str | None]]) -> None:
        seen.append((path.read_text() if path.exists() else None, entries[path.name]))
        write(folder, entries)
        seen.append((standing_of(tmp_path, path.name), is_recorded(tmp_path, path.name)))

    write = fingerprints._write
    monkeypatch.setattr(fingerprints, "_write", look_and_write)
    for text in ("one", "two"):
        with recorded_write(path) as draft:
            draft.write_text(text)
    first, before_two = (seen[1], seen[5])
    assert first == (Standing.MISSING, False)  # nothing was made yet, so nothing is missed
    assert seen[4][0] == "one"
    assert before_two == (Standing.AS_MADE, True)
    assert seen[7] == (Standing.AS_MADE, True)
    assert json.loads((tmp_path / "fingerprints.json").read_text()) == {
        "agent.zip": [fingerprint(path)]
    }


@pytest.mark.parametrize("text", ["{", "[]", '{"a": "b"}', '{"a": [1]}', "[" * 100_000])
def test_a_damaged_record_is_named(tmp_path, text) -> None:
    (tmp_path / "fingerprints.json").write_text(text)
    with pytest.raises(ValueError, match=r"fingerprints\.json: expected"):
        standing_of(tmp_path, "a")


def paths(shift: float) -> dict[str, np.ndarray]:
    values = np.linspace(0, 1, 24).reshape(3, 4, 2) + shift
    return {"brain/values": values, "brain/time": np.arange(4.0)}


@pytest.mark.slow
def test_a_report_says_what_is_missing_or_another_runs_and_leaves_it_out(tmp_path) -> None:
    run = write_run(tmp_path / "run", scores_of({}, ("labels",)))
    write_arrays(run / TRAJECTORIES, paths(0))
    assert read_run(run).losses == (
        "trajectories.npz was not recorded by this run, so that it may be another run's.",
    )
    record_made(run, [TRAJECTORIES])
    assert read_run(run).losses == ()
    assert set(read_run(run).trajectories) == {"brain"}
    write_arrays(run / TRAJECTORIES, paths(1))
    assert "trajectories.npz is not the file that this run made" in write_report(run).read_text()
    assert read_run(run).trajectories == {}
    (run / TRAJECTORIES).unlink()
    assert "trajectories.npz is missing" in write_report(run).read_text()


def test_pictures_of_another_study_are_missed_by_the_driving_study_alone(tmp_path) -> None:
    run = write_run(tmp_path / "run", scores_of({}, ("labels",)))
    write_arrays(run / PICTURES, {"original": np.zeros((1, 2, 2), np.uint8)})
    record_made(run, [PICTURES])
    (run / PICTURES).unlink()
    assert [loss.split()[0] for loss in read_run(run).losses] == ["trajectories.npz"]
