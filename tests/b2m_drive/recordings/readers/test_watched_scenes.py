"""EEG of somebody who watches scenes, from a file of an amplifier to what teaches a student."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import b2m_drive as b2m
from b2m_drive.recordings.readers.table import read_recording
from b2m_drive.recordings.simulated.driver_attention import ATTENDED, ATTENDED_NAMES
from b2m_drive.recordings.simulated.driver_eeg import SENSORS, SimulatedDriverEEG
from b2m_drive.teachers.frame_pairing import responses

pytest.importorskip("mne", reason="the eeg extra is not installed")
pybv = pytest.importorskip("pybv", reason="the dev extra is not installed")

RATE = 128.0  # [Hz]
N_FRAMES = 120
MAPPING = """
[events]
table = "annotations"
stimulus = "description"
pattern = "frame/([0-9]+)"
"""


def simulated() -> b2m.Recording:
    generator = np.random.default_rng(0)
    low, high = (np.array([getattr(v, end) for v in ATTENDED]) for end in ("low", "high"))
    state = (low + (high - low) * generator.random((N_FRAMES, len(ATTENDED)))).astype(np.float32)
    episode = np.arange(N_FRAMES, dtype=np.int64) // 20
    time = np.arange(N_FRAMES) * 0.5 + episode + 1.0  # the recording then begins at 0
    driver = SimulatedDriverEEG.preset("best_session")
    return driver.record(state, ATTENDED_NAMES, time, episode, 0, RATE)


def written(recording: b2m.Recording, folder: Path) -> Path:
    """As BrainVision, each frame as a marker."""
    events = recording.events
    assert recording.signal is not None
    pybv.write_brainvision(
        data=np.asarray(recording.signal, np.float64).T,
        sfreq=RATE,
        ch_names=list(SENSORS),
        fname_base="driver",
        folder_out=str(folder),
        resolution=0.001,
        events=[
            {"onset": round(onset * RATE), "duration": max(round(lasts * RATE), 1),
             "type": "Comment", "description": f"frame/{frame}"}
            for onset, lasts, frame in zip(events.onset, events.duration, events.ids, strict=True)
        ],
    )  # fmt: skip
    return folder / "driver.vhdr"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[b2m.Recording, b2m.Recording]:
    """The recording in memory and the one of a file."""
    folder = tmp_path_factory.mktemp("driver")
    (folder / "x.toml").write_text(MAPPING)
    recording = simulated()
    return recording, read_recording(written(recording, folder), folder / "x.toml")


@pytest.mark.slow
def test_the_file_has_the_potentials_and_frames_of_the_arrays(
    both: tuple[b2m.Recording, b2m.Recording],
) -> None:
    arrays, file = both
    assert arrays.time is not None
    assert file.time is not None
    assert arrays.signal is not None
    assert file.signal is not None
    np.testing.assert_allclose(file.time, arrays.time, atol=1e-9)
    np.testing.assert_allclose(file.signal[:], arrays.signal, atol=1e-10)
    np.testing.assert_array_equal(file.events.ids, arrays.events.ids)
    np.testing.assert_allclose(file.events.onset, arrays.events.onset, atol=1e-9)
    np.testing.assert_allclose(file.events.duration, arrays.events.duration, atol=1e-9)
    assert [unit.name for unit in file.units] == list(SENSORS)
    assert {unit.kind for unit in file.units} == {"EEG"}


def test_what_teaches_a_student_is_the_same_from_the_file_as_from_the_arrays(
    both: tuple[b2m.Recording, b2m.Recording],
) -> None:
    """Potentials and band power of each frame, as `compare driving` reads them."""
    found, expected = (responses(each, np.arange(N_FRAMES), 0.1, 0.5) for each in both[::-1])
    assert found.shape == (N_FRAMES, 4 * len(SENSORS))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)


def test_the_last_frames_may_last_until_the_next(
    both: tuple[b2m.Recording, b2m.Recording], tmp_path: Path
) -> None:
    (tmp_path / "x.toml").write_text(MAPPING + 'duration = "next"\n')
    recording = read_recording(written(both[0], tmp_path), tmp_path / "x.toml")
    steps = np.diff(both[0].events.onset)
    np.testing.assert_allclose(recording.events.duration[:-1], steps, atol=1e-9)
    found, expected = (b2m.responses_of(each, 0.1, 0.5) for each in (recording, both[0]))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-10)
