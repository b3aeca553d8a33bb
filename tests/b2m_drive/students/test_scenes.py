from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from b2m_drive.students.scenes import SceneDataset, SceneEpisode, SceneHeader, SceneWriter

HEADER = SceneHeader(
    scenario="highway",
    settings={"height": 9, "width": 7, "n_frames": 2},
    policy="random",
    seed=3,
    state_names=("speed", "gap"),
    state_units=("m/s", "m"),
    action_kind="discrete",
    step_seconds=0.5,
    versions={"numpy": np.__version__},
    note="simulated traffic",
)
KILLED_HALFWAY = """
import sys, time
sys.path.insert(0, {folder!r})
from test_scenes import HEADER, episode
from b2m_drive.students.scenes import SceneWriter
writer = SceneWriter({path!r}, HEADER)
for index in range(1000):
    writer.write(index, episode(index))
    time.sleep(0.005)
"""


def episode(
    index: int, n_steps: int | None = None, masks: bool = True, height: int = 9
) -> SceneEpisode:
    generator = np.random.default_rng((3, index))
    n_steps = 4 + index % 5 if n_steps is None else n_steps
    state = generator.normal(size=(n_steps + 1, 2)).astype(np.float32)
    state[0, 1] = np.nan
    return SceneEpisode(
        frames=generator.integers(0, 256, (n_steps + 1, height, 7, 2), dtype=np.uint8),
        state=state,
        action=generator.integers(0, 5, n_steps),
        reward=generator.normal(size=n_steps),
        terminated=index % 2 == 0,
        truncated=index % 2 == 1,
        seed=100 + index,
        vehicle_mask=generator.random((n_steps + 1, height, 7)) < 0.1 if masks else None,
    )


def written(path: Path, n_episodes: int = 6, **settings) -> SceneDataset:
    writer = SceneWriter(path, HEADER)
    for index in range(n_episodes):
        writer.write(index, episode(index, **settings))
    return SceneDataset(writer.finish())


def assert_equal_episodes(came: SceneEpisode, expected: SceneEpisode) -> None:
    for name in SceneEpisode.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(came, name), getattr(expected, name), name)


@pytest.mark.slow
def test_what_goes_in_comes_out(tmp_path) -> None:
    dataset = written(tmp_path / "scenes.h5")
    assert dataset.header == HEADER
    assert dataset.n_episodes == 6
    for index in range(6):
        assert_equal_episodes(dataset.episode(index), episode(index))
    assert dataset.episode_seed.tolist() == [100, 101, 102, 103, 104, 105]
    assert not (tmp_path / "scenes.h5.parts").exists()


def test_frames_come_in_the_order_asked_for_even_twice(tmp_path) -> None:
    dataset = written(tmp_path / "scenes.h5")
    everything = np.concatenate([episode(index).frames for index in range(6)])
    masks = np.concatenate([episode(index).vehicle_mask for index in range(6)])
    rows = np.array([11, 3, 3, 30, 0, dataset.n_frames - 1])
    np.testing.assert_array_equal(dataset.frames(rows), everything[rows])
    np.testing.assert_array_equal(dataset.masks(rows), masks[rows])
    np.testing.assert_array_equal(dataset.frames(), everything)
    assert dataset.frames(rows[:0]).shape == (0, 9, 7, 2)
    np.testing.assert_array_equal(dataset.frames(rows.astype(np.int32)), everything[rows])
    with pytest.raises(ValueError, match="rows: expected 0 to"):
        dataset.frames(np.array([dataset.n_frames]))


@pytest.mark.usefixtures("as_users_run_it")
def test_rows_that_are_no_numbers_of_rows_are_refused(tmp_path) -> None:
    dataset = written(tmp_path / "scenes.h5")
    with pytest.raises(ValueError, match=r"rows: expected whole numbers, came bool"):
        dataset.frames(dataset.episode_of_frame == 1)
    with pytest.raises(ValueError, match=r"rows: expected whole numbers, came float64 \(2,\)"):
        dataset.masks(np.array([0.0, 1.0]))


@pytest.mark.slow
def test_frames_far_apart_and_over_many_chunks_are_the_right_ones(tmp_path) -> None:
    writer = SceneWriter(tmp_path / "scenes.h5", replace(HEADER, settings={}))
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 256, (400, 64, 64, 2), dtype=np.uint8)
    one = episode(0, n_steps=399, masks=False)
    writer.write(0, replace(one, frames=frames))
    dataset = SceneDataset(writer.finish())
    assert 1 < dataset.chunk_frames < 32
    rows = generator.permutation(400)
    np.testing.assert_array_equal(dataset.frames(rows), frames[rows])


def test_the_clock_runs_over_the_file_and_pauses_between_episodes(tmp_path) -> None:
    dataset = written(tmp_path / "scenes.h5", n_episodes=2)  # of 5 and 6 frames
    np.testing.assert_allclose(
        dataset.time, [0, 0.5, 1, 1.5, 2, 3.5, 4, 4.5, 5, 5.5, 6]
    )  # the last frame stays half a second, then a second of nothing
    assert dataset.episode_of_frame.tolist() == [0] * 5 + [1] * 6
    assert dataset.frame_of_step.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert len(dataset.action) == len(dataset.reward) == 9


def test_a_split_holds_out_whole_episodes(tmp_path) -> None:
    dataset = written(tmp_path / "scenes.h5")
    split = dataset.split(0.3, seed=1)
    owner = dataset.episode_of_frame
    assert not set(owner[split.teaching]) & set(owner[split.held_out])
    assert len(set(owner[split.held_out])) == 2
    assert sorted([*split.teaching, *split.held_out]) == dataset.frame_id.tolist()
    np.testing.assert_array_equal(split.held_out, dataset.split(0.3, seed=1).held_out)
    assert {tuple(dataset.split(0.3, seed).held_out) for seed in range(8)} != {
        tuple(split.held_out)
    }


def test_a_dataset_travels_to_a_worker(tmp_path) -> None:
    dataset = written(tmp_path / "scenes.h5")
    back = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(back.frames(np.array([4])), dataset.frames(np.array([4])))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system cannot kill a process")
def test_a_collection_killed_and_resumed_equals_one_that_ran_through(tmp_path) -> None:
    path = tmp_path / "scenes.h5"
    code = KILLED_HALFWAY.format(folder=str(Path(__file__).parent), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("scenes.h5.parts/episode-*.h5"))) < 3:
        assert time.monotonic() < deadline, "the collection wrote nothing"
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    writer = SceneWriter(path, HEADER)
    done = writer.done
    assert len(done) >= 3
    n_episodes = len(done) + 2
    for index in range(n_episodes):
        if index not in done:
            writer.write(index, episode(index))
    assert writer.n_frames == sum(len(episode(index).frames) for index in range(n_episodes))
    resumed = SceneDataset(writer.finish())
    through = written(tmp_path / "through.h5", n_episodes)
    np.testing.assert_array_equal(resumed.frames(), through.frames())
    np.testing.assert_array_equal(resumed.state, through.state)
    assert [path.name for path in tmp_path.iterdir() if ".draft" in path.name] == []


def test_a_collection_that_wrote_nothing_does_not_block_its_path(tmp_path) -> None:
    path = tmp_path / "scenes.h5"
    SceneWriter(path, replace(HEADER, policy="idle"))
    writer = SceneWriter(path, HEADER)
    writer.write(0, episode(0))
    with pytest.raises(ValueError, match=r"policy: expected 'random', came 'idle'"):
        SceneWriter(path, replace(HEADER, policy="idle"))
    assert SceneDataset(writer.finish()).header == HEADER


def test_episodes_are_joined_in_their_order_whoever_wrote_first(tmp_path) -> None:
    path = tmp_path / "scenes.h5"
    SceneWriter(path, HEADER).write(1, episode(1))
    other = SceneWriter(path, HEADER)
    other.write(0, episode(0))
    other.write(2, episode(2))
    dataset = SceneDataset(other.finish(n_episodes=2))
    assert dataset.episode_seed.tolist() == [100, 101]
    again = SceneWriter(path, HEADER)
    assert again.finished
    assert again.done == (0, 1)
    assert again.finish() == path


def test_another_collection_in_the_same_place_is_refused_by_what_differs(tmp_path) -> None:
    path = tmp_path / "scenes.h5"
    SceneWriter(path, HEADER).write(0, episode(0))
    with pytest.raises(ValueError, match=r"policy: expected 'random', came 'idle'"):
        SceneWriter(path, replace(HEADER, policy="idle"))
    other_size = replace(HEADER, settings={"height": 10, "width": 7, "n_frames": 2})
    with pytest.raises(ValueError, match=r"json: settings\.height: expected 9, came 10$"):
        SceneWriter(path, other_size)
    with pytest.raises(ValueError, match=r"settings\.colour: expected none, came True$"):
        SceneWriter(path, replace(HEADER, settings={**HEADER.settings, "colour": True}))
    SceneWriter(path, HEADER).finish()
    with pytest.raises(ValueError, match=r"seed: expected 3, came 4"):
        SceneWriter(path, replace(HEADER, seed=4))


def test_an_episode_missing_written_twice_or_of_another_kind_is_refused(tmp_path) -> None:
    writer = SceneWriter(tmp_path / "scenes.h5", HEADER)
    with pytest.raises(ValueError, match="at least one episode"):
        writer.finish()
    writer.write(1, episode(1))
    with pytest.raises(ValueError, match=r"missing \[0\]"):
        writer.finish()
    with pytest.raises(ValueError, match="episode 1: expected a new one"):
        writer.write(1, episode(1))
    with pytest.raises(ValueError, match=r"frames: expected .*\(9, 7, 2\)"):
        SceneWriter(tmp_path / "scenes.h5", HEADER).write(0, episode(0, height=10))
    with pytest.raises(ValueError, match="state: expected 2 variables"):
        writer.write(0, replace(episode(0), state=np.zeros((5, 3), dtype=np.float32)))
    with pytest.raises(ValueError, match="action: expected discrete"):
        writer.write(0, replace(episode(0), action=np.zeros((4, 2), dtype=np.float32)))
    writer.write(0, episode(0, masks=False))
    with pytest.raises(ValueError, match="vehicle_mask: expected one in every episode"):
        writer.finish()


@pytest.mark.usefixtures("as_users_run_it")
def test_an_episode_whose_arrays_disagree_is_refused() -> None:
    whole = episode(0)
    with pytest.raises(ValueError, match=r"reward of an episode: expected 4 rows"):
        replace(whole, reward=np.zeros(5))
    with pytest.raises(ValueError, match="frames of an episode: expected uint8"):
        replace(whole, frames=whole.frames.astype(np.float32))
    with pytest.raises(ValueError, match="vehicle_mask of an episode"):
        replace(whole, vehicle_mask=np.zeros((5, 9, 8), dtype=bool))
    with pytest.raises(ValueError, match="state of an episode: expected float32, came float64"):
        replace(whole, state=whole.state.astype(np.float64))
    with pytest.raises(ValueError, match="action of an episode: expected int64, came float64"):
        replace(whole, action=np.zeros(4))
    with pytest.raises(ValueError, match="action of an episode: expected float32, came float64"):
        replace(whole, action=np.zeros((4, 2)))
    with pytest.raises(ValueError, match="reward of an episode: expected float64, came int64"):
        replace(whole, reward=np.zeros(4, dtype=np.int64))


def test_a_header_that_says_nothing_sensible_is_refused() -> None:
    with pytest.raises(ValueError, match="state_units: expected 2"):
        replace(HEADER, state_units=("m",))
    with pytest.raises(ValueError, match="step_seconds"):
        replace(HEADER, step_seconds=0.0)
    with pytest.raises(ValueError, match="JSON"):
        replace(HEADER, settings={"noise": float("nan")})


@pytest.mark.slow
def test_a_file_cut_short_or_of_another_scenario_or_format_is_refused_by_name(tmp_path) -> None:
    path = tmp_path / "scenes.h5"
    written(path).close()
    with pytest.raises(ValueError, match=r"scenes\.h5: expected scenes of 'merge', came 'highway'"):
        SceneDataset(path, scenario="merge")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"scenes\.h5: expected a file of scenes \(HDF5\)"):
        SceneDataset(path)
    path.write_text("not a file of scenes")
    with pytest.raises(ValueError, match=r"scenes\.h5: expected a file of scenes \(HDF5\)"):
        SceneDataset(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"scenes\.h5"):
        SceneDataset(path)
    with h5py.File(path, "w") as file:
        file["frames"] = np.zeros(3)
    with pytest.raises(ValueError, match="expected the format b2m-scenes 1"):
        SceneDataset(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["frames", "vehicle_mask", "state", "action", "episode/seed"])
def test_a_byte_that_changed_on_disk_is_found_when_it_is_read(tmp_path, name: str) -> None:
    path = tmp_path / "scenes.h5"
    written(path).close()
    with h5py.File(path, "r") as file:
        place = file[name].id.get_chunk_info(0).byte_offset + 9
    whole = bytearray(path.read_bytes())
    whole[place] ^= 0x20
    path.write_bytes(whole)
    dataset = SceneDataset(path)
    with pytest.raises(ValueError, match=r"scenes\.h5: expected a file of scenes.*whole"):
        dataset.episode(0)


def test_arrays_of_the_wrong_length_are_refused(tmp_path) -> None:
    path = tmp_path / "scenes.h5"
    n_frames = written(path).n_frames
    with h5py.File(path, "r+") as file:
        file["state"].resize(n_frames - 1, axis=0)
    with pytest.raises(ValueError, match=rf"state: expected {n_frames} rows"):
        SceneDataset(path)


def test_masks_that_were_never_collected_are_missed_by_name(tmp_path) -> None:
    dataset = written(tmp_path / "scenes.h5", n_episodes=1, masks=False)
    with pytest.raises(ValueError, match="masks of vehicles"):
        dataset.masks(np.array([0]))
    with pytest.raises(ValueError, match="at least 2 episodes"):
        dataset.split(0.5, seed=0)
