"""A reader of the user's own: one function, one line to join."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import b2m_agents
import b2m_drive as b2m
from tests.extending.own_scenes import driving_study, write_scenes


def read_toy(path: Path) -> b2m.Recording:
    """A toy format: a line an event (onset, id), then a line a unit with its spike times."""
    lines = path.read_text().splitlines()
    events = np.array([line[1:].split() for line in lines if line[0] == "e"], dtype=float)
    spikes = [np.fromstring(line[1:], sep=" ") for line in lines if line[0] == "u"]
    return b2m.Recording.from_arrays(
        spike_times=spikes, onset=events[:, 0], ids=events[:, 1], session=path.stem,
        recorded=(0.0, 10.0),
    )  # fmt: skip


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "one.toy"
    path.write_text("e 1.0 7\ne 2.0 9\nu 1.2 1.25 2.4\nu\n")
    return path


def test_a_file_in_a_users_format_becomes_responses(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.READERS, ".toy", read_toy)
    responses = b2m.responses_of(b2m.read_recording(toy), 0.1, 0.5)
    assert responses.ids.tolist() == [7, 9]
    np.testing.assert_allclose(responses.values[:, 0], [[2**0.5, 0], [1, 0]])


def read_memory_arrays(path: Path) -> b2m.Recording:
    """Arrays of a memory session: the columns of its trials, and spike times by unit."""
    with np.load(path) as arrays:
        trials = b2m.DecisionTrials(
            **{name[7:]: arrays[name] for name in arrays if name.startswith("trials/")}, n_stimuli=8
        )
        spikes = [arrays[name] for name in sorted(arrays) if name.startswith("unit")]
    return b2m.Recording.from_arrays(spike_times=spikes, trials=trials, session=path.stem)


@pytest.mark.slow
def test_a_session_in_a_users_format_teaches_in_the_memory_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.READERS, ".npz", read_memory_arrays)
    trials = b2m.simulate_trials(40, 3, 8, np.random.default_rng(0))
    made = b2m.SimulatedBrain.preset("ideal").record(trials, 0)
    columns = {
        f"trials/{name}": value
        for name, value in vars(trials).items()
        if isinstance(value, np.ndarray)
    }
    units = {f"unit{k:03}": times for k, times in enumerate(made.spike_times or ())}
    np.savez(tmp_path / "mine.npz", **columns, **units)
    recording = b2m.read_recording(tmp_path / "mine.npz")
    assert b2m.responses_of(recording).ids.tolist() == trials.stimulus.ravel().tolist()
    comparison = b2m_agents.MemoryComparison(recording)
    np.testing.assert_array_equal(comparison.brain.values, b2m.in_trials(made).values)
    assert len(comparison.jobs(tmp_path / "run")) > 1


def read_pairs(path: Path) -> b2m.Recording:
    """A line a sample: its time, the frame on the screen, two potentials."""
    time, frame, *potentials = np.loadtxt(path).T
    shown = np.flatnonzero(np.diff(frame, prepend=-1) != 0)
    return b2m.Recording.from_arrays(
        signal=np.transpose(potentials), time=time, onset=time[shown], ids=frame[shown],
        duration=1.0, session=path.stem,
    )  # fmt: skip


@pytest.mark.slow
def test_a_recording_in_a_users_format_teaches_in_the_driving_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.READERS, ".txt", read_pairs)
    scenes = write_scenes(tmp_path / "made_up.h5")
    frame = np.repeat(np.arange(b2m.SceneDataset(scenes).n_frames), 10)
    potentials = np.random.default_rng(0).normal(size=(len(frame), 2))
    table = np.column_stack([np.arange(len(frame)) / 10, frame, potentials])
    np.savetxt(tmp_path / "mine.txt", table)
    recording = b2m.read_recording(tmp_path / "mine.txt")
    study = driving_study(scenes, ())
    settings = replace(study.settings, n_latents=None)
    study = replace(study, recording=recording, viewer=None, settings=settings)
    plan = study.jobs(tmp_path / "run")[0].plan
    study.prepare(tmp_path / "run", 1, False)
    expected = potentials.reshape(-1, 10, 2)[:, 2:6].mean(1)  # 0.2 to 0.6 s after each onset
    np.testing.assert_allclose(np.load(plan.brain.responses), expected, rtol=1e-4, atol=1e-6)


def test_an_unknown_suffix_is_refused_with_those_that_are_known(toy: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in one of .*\.h5.*came \.toy; READERS"):
        b2m.read_recording(toy)
    with pytest.raises(ValueError, match="came no suffix"):
        b2m.read_recording(toy.with_suffix(""))


@pytest.mark.parametrize("suffix", ["toy", ".TOY", ".toy.gz"])
def test_a_suffix_is_found_however_it_was_written(
    suffix: str, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.READERS, suffix, read_toy)
    monkeypatch.setitem(b2m.READERS, ".gz", lambda path: pytest.fail("the longest decides"))
    name = "One.Toy.gz" if suffix.endswith("gz") else "One.Toy"
    path = toy.rename(toy.with_name(name))
    assert len(b2m.read_recording(path).events) == 2


def test_a_reader_that_returns_no_recording_is_named(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.READERS, ".toy", lambda path: None)
    with pytest.raises(ValueError, match="expected a Recording of the reader <lambda>, came None"):
        b2m.read_recording(toy)
    monkeypatch.setitem(b2m.READERS, ".toy", read_toy)
    with pytest.raises(FileNotFoundError, match="found none"):
        b2m.read_recording(toy.with_name("two.toy"))
