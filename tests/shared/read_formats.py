"""Every format that is read, as small valid files and the function that reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

from b2m_agents.learning.checkpoints import read_episodes, read_replay, write_replay
from b2m_agents.learning.online_agent_file import load_online_agent, save_online_agent
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.learning.training import train_agent
from b2m_agents.learning.training_record import EndedEpisode, Selection, TrainingRecord
from b2m_agents.memory.memory_agent import MemoryAgentSettings, read_memory_policy
from b2m_agents.memory.memory_training import train_memory_agent
from b2m_agents.online.online_transfer import new_online_policy
from b2m_agents.worlds.encoder_view import read_view
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_drive.comparisons.pooling import read_sessions
from b2m_drive.comparisons.run_folder import read_run
from b2m_drive.files.array_files import read_array
from b2m_drive.files.text_files import read_text
from b2m_drive.files.writing import write_arrays
from b2m_drive.recordings.reaction_times import read_reaction_times
from b2m_drive.recordings.readers.kornblith import read_kornblith
from b2m_drive.recordings.readers.table import open_contents
from b2m_drive.recordings.readers.table import read_recording as read_any
from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.sampled_signal import of_file
from b2m_drive.recordings.scene_recording import (
    presentations,
    read_scene_recording,
    write_scene_recording,
)
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.scenes import SceneDataset, SceneEpisode, SceneHeader, SceneWriter
from b2m_drive.transfer.attachment import BrainAttachment, attach
from b2m_drive.transfer.targets import BrainTargets
from b2m_envs.scenes.settings import SceneSettings
from tests.shared.made_runs import scores_of, write_run, write_sessions
from tests.shared.mutants import Format, damage_archive, damage_hdf5, damage_json, damage_table
from tests.shared.tiny_agents import SMALL, tiny_agent, tiny_encoder

TINY = SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8))
HEADER = SceneHeader(
    "highway", {"height": 9, "colour": False}, "random", 3, ("speed", "gap"), ("m/s", "m"),
    "discrete", 0.5, {"numpy": "2"}, "simulated",
)  # fmt: skip
EPISODES = {
    "episodes": [
        {"stream": 5, "index": 2, "actions": [1, 0, 3]},
        {"stream": 6, "index": 1, "actions": []},
    ]
}  # fmt: skip


def make_session(folder: Path) -> None:
    generator = np.random.default_rng(0)
    onset = 10.0 * np.arange(1, 21)[:, None] + 0.7 * np.arange(3)
    stimuli = np.array([generator.permutation(8)[:4] for _ in onset])
    with h5py.File(folder / "012x.h5", "w") as file:
        for channel in (1, 2):
            data = file.create_dataset(
                f"channels/ch{channel}_spike_times", (3,), h5py.vlen_dtype(np.float64)
            )
            for unit in range(3):
                data[unit] = np.sort(generator.uniform(0, 240, 300))
            kinds = np.array(["SU", "MU", "A"], dtype=object)
            file.create_dataset(
                f"channels/ch{channel}_unit_types", data=kinds, dtype=h5py.string_dtype()
            )
        file.create_dataset("sites", data=["LA", "RAH"], dtype=h5py.string_dtype())
        trials = file.create_group("trials")
        trials["stimuli"] = stimuli[:, :3] + 1
        trials["probe1"], trials["probe2"] = stimuli[:, 0] + 1, stimuli[:, 3] + 1
        trials["correct"], trials["isi"] = np.ones(20, np.int8), np.full(20, 0.5)
        trials["onsets"], trials["offsets"] = onset, onset + 0.2
        trials["maint"], trials["probes"] = onset[:, -1] + 0.9, onset[:, -1] + 3.4


def read_session(folder: Path) -> Any:
    return read_kornblith(folder / "012x.h5", include_errors=True)


def make_recording(folder: Path) -> None:
    generator = np.random.default_rng(1)
    units = tuple(Unit(f"u{k}", "MTL", "EEG") for k in range(3))
    time = np.arange(200) / 100.0
    recording = Recording(
        units, presentations(time, np.arange(200) // 10), "one", "potential [V]",
        signal=generator.normal(size=(200, 3)).astype(np.float32), time=time, subject="S1",
        source="somewhere", licence="CC0", notes=("a note",),
    )  # fmt: skip
    write_scene_recording(folder / "brain.h5", recording)


def read_recording(folder: Path) -> Any:
    return read_scene_recording(folder / "brain.h5")


def make_nwb(folder: Path) -> None:
    from tests.shared.nwb_files import write_laboratory

    write_laboratory(folder / "lab.nwb")


def read_nwb(folder: Path) -> Any:
    """Everything that lies in the file, and what two mappings make of it."""
    contents = open_contents(folder / "lab.nwb")
    samples = [of_file(signal, contents.path)[:] for signal in contents.signals]
    spikes = [contents.spikes.read(k) for k in range(3)] if contents.spikes else []
    mapped = [
        read_any(folder / "lab.nwb", ["events.table=trials", f"activity.signal={name}"])
        for name in ("units", "wires")
    ]
    tables = [dict(table.columns) for table in contents.tables]
    return samples, [each[np.isfinite(each)] for each in spikes], tables, mapped


def make_scenes(folder: Path) -> None:
    writer = SceneWriter(folder / "scenes.h5", HEADER)
    for index in range(4):
        generator = np.random.default_rng(index)
        episode = SceneEpisode(
            generator.integers(0, 256, (6, 9, 7, 2), dtype=np.uint8),
            generator.normal(size=(6, 2)).astype(np.float32), generator.integers(0, 5, 5),
            generator.normal(size=5), True, False, index,
            generator.random((6, 9, 7)) < 0.1,
        )  # fmt: skip
        writer.write(index, episode)
    writer.finish(4)


def read_scenes(folder: Path) -> Any:
    scenes = SceneDataset(folder / "scenes.h5")
    try:
        episodes = [scenes.episode(k) for k in range(scenes.n_episodes)]
        masks = scenes.masks() if scenes.has_masks else None
        return scenes.header, episodes, masks, scenes.frames(np.arange(3)), scenes.action
    finally:
        scenes.close()


def make_header(folder: Path) -> None:
    (folder / "header.json").write_text(HEADER.to_json())


def read_header(folder: Path) -> Any:
    path = folder / "header.json"
    return SceneHeader.from_json(read_text(path, "a header"), str(path))


def make_run(folder: Path) -> None:
    write_run(folder / "run", scores_of({"brain": 0.1}))
    time = np.arange(5) / 10
    trajectories = {"student/values": np.zeros((2, 5, 2)), "student/time": time}
    write_arrays(folder / "run" / "trajectories.npz", trajectories)
    write_arrays(folder / "run" / "pictures.npz", {"original": np.zeros((2, 9, 7), np.uint8)})


def read_whole_run(folder: Path) -> Any:
    run = read_run(folder / "run")
    return run.config, run.scores, run.brain, run.trajectories, run.pictures


def make_sessions(folder: Path) -> None:
    gains = {"P1": {"a": {"x": 0.1}["x"]}, "P2": {"b": 0.1}}
    write_sessions(folder / "run", gains)


def read_whole_sessions(folder: Path) -> Any:
    return read_sessions(folder / "run").config


def make_record(folder: Path) -> None:
    episodes = [EndedEpisode(step, 1.5, 12, False, 0.25) for step in (10, 20, 30)]
    TrainingRecord(1.0, episodes, [Selection(20, 0.5, 0.25)]).write(folder)


def read_record(folder: Path) -> Any:
    return TrainingRecord.read(folder, 30)


def make_events(folder: Path) -> None:
    lines = ["onset\tduration\tvalue", *(f"{k}.5\t0\t{1111 if k % 2 else 4311}" for k in range(20))]
    (folder / "run_events.tsv").write_text("\n".join(lines) + "\n")


def read_events(folder: Path) -> Any:
    try:
        return read_reaction_times(folder)
    except ValueError as error:
        if "expected corrections" in str(error):  # of all files of the folder
            raise ValueError(f"{folder / 'run_events.tsv'}: {error}") from error
        raise


def make_encoder(folder: Path) -> None:
    SceneVAE(TINY, torch.Generator().manual_seed(0)).save_pretrained(folder)


def read_encoder(folder: Path) -> Any:
    encoder = SceneVAE.from_pretrained(folder)
    return encoder.settings, dict(encoder.state_dict())


def make_view(folder: Path) -> None:
    (folder / "view.json").write_text(json.dumps({"height": 36, "camera": "birds_eye"}))


def view(folder: Path) -> Any:
    return read_view(folder)


def attached() -> BrainAttachment:
    values = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)
    network = torch.nn.Sequential(torch.nn.Linear(4, 5))
    return attach(
        network, "0", BrainTargets(values, np.arange(6), "made"), example=torch.zeros(1, 4)
    )


def make_attachment(folder: Path) -> None:
    attached().save(folder)


def read_attachment(folder: Path) -> Any:
    attachment = attached()
    attachment.load(folder)
    return dict(attachment.state_dict())


def make_array(folder: Path) -> None:
    np.save(folder / "responses.npy", np.arange(60.0, dtype=np.float32).reshape(20, 3))


def array(folder: Path) -> Any:
    values = read_array(folder / "responses.npy")
    return np.nan_to_num(values) if values.dtype.kind == "f" else values.dtype.str


def buffer() -> ReplayBuffer:
    space = spaces.Box(-1, 1, (3,), np.float32)
    return ReplayBuffer(8, space, spaces.Discrete(4), device="cpu", n_envs=2)


def make_replay(folder: Path) -> None:
    filled = buffer()
    for _ in range(3):
        filled.add(
            np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32), np.array([1, 2]),
            np.array([0.5, 1.0]), np.array([False, True]), [{}, {}],
        )  # fmt: skip
    write_replay(folder / "replay-3.npz", filled)


def replay(folder: Path) -> Any:
    filled = buffer()
    read_replay(folder / "replay-3.npz", filled)
    return filled.pos, filled.full, filled.observations, filled.rewards


def make_episodes(folder: Path) -> None:
    (folder / "episodes.json").write_text(json.dumps(EPISODES))


def episodes(folder: Path) -> Any:
    return read_episodes(folder / "episodes.json", 2)


def make_agent(folder: Path) -> None:
    tiny_agent(folder / "agent", tiny_encoder(folder / "encoder"))


def make_learner(folder: Path) -> None:
    tiny_agent(folder / "agent", None, "dqn", observation="state")


def agent(folder: Path) -> Any:
    read = TrainedAgent.read(folder / "agent")
    return dict(read.policy.policy.state_dict()), read.policy.num_timesteps


def learn_on(folder: Path) -> Any:
    """Take up a training as `train_agent` does, a few steps further."""
    from b2m_agents.learning.trained_agent import read_agent_config

    config = read_agent_config(folder / "agent")
    settings = replace(config.settings, n_steps=48)
    train_agent(
        config.scenario, None, folder / "agent", settings, SMALL, in_processes=False,
        progress=False,
    )  # fmt: skip
    return None


def make_memory_agent(folder: Path) -> None:
    settings = MemoryAgentSettings(
        n_steps=40, n_environments=2, rollout=20, batch_size=40, n_epochs=1, hidden_size=8,
        time_step=0.2, checkpoint_every=40,
    )  # fmt: skip
    train_memory_agent(settings, folder / "agent", progress=False)


def memory_agent(folder: Path) -> Any:
    return dict(read_memory_policy(folder / "agent").algorithm.policy.state_dict())


def make_online_agent(folder: Path) -> None:
    worlds = make_scene_vec_env(SceneSettings("highway_fast", **SMALL), 1, seed=0)
    save_online_agent(new_online_policy(worlds, TINY, n_steps=16, batch_size=16), folder)


def online_agent(folder: Path) -> Any:
    return dict(load_online_agent(folder).policy.state_dict())


FORMATS = (
    Format(
        "session",
        "012x.h5",
        make_session,
        read_session,
        damage_hdf5,
        unknown=("item", "onset", "interval"),
    ),
    Format(
        "nwb",
        "lab.nwb",
        make_nwb,
        read_nwb,
        damage_hdf5,
        unknown=("time", "duration", "data", "answer"),
    ),
    Format("recording", "brain.h5", make_recording, read_recording, damage_hdf5),
    Format(
        "scenes", "scenes.h5", make_scenes, read_scenes, damage_hdf5, unknown=("state", "reward")
    ),
    Format("header", "header.json", make_header, read_header, damage_json),
    Format("run", "run/config.json", make_run, read_whole_run, damage_json),
    Format("brain", "run/brain.json", make_run, read_whole_run, damage_json),
    Format("scores", "run/scores.csv", make_run, read_whole_run, damage_table),
    Format("trajectories", "run/trajectories.npz", make_run, read_whole_run, damage_archive, True),
    Format("pictures", "run/pictures.npz", make_run, read_whole_run, damage_archive, True),
    Format("sessions", "run/config.json", make_sessions, read_whole_sessions, damage_json),
    Format("curve", "learning_curve.csv", make_record, read_record, damage_table),
    Format("monitor", "monitor.csv", make_record, read_record, damage_table),
    Format("selection", "selection.csv", make_record, read_record, damage_table),
    Format("events", "run_events.tsv", make_events, read_events, damage_table),
    Format("encoder", "model.safetensors", make_encoder, read_encoder),
    Format("encoder-settings", "config.json", make_encoder, read_encoder, damage_json),
    Format("view", "view.json", make_view, view, damage_json),
    Format("attachment", "attachment.safetensors", make_attachment, read_attachment),
    Format("attachment-settings", "attachment.json", make_attachment, read_attachment, damage_json),
    Format("array", "responses.npy", make_array, array),
    Format("replay", "replay-3.npz", make_replay, replay, damage_archive, True),
    Format("episodes", "episodes.json", make_episodes, episodes, damage_json),
    Format("agent", "agent/agent.zip", make_agent, agent, damage_archive, True),
    Format("agent-settings", "agent/config.json", make_agent, agent, damage_json),
    Format("learner", "agent/agent.zip", make_learner, learn_on, damage_archive),
    Format(
        "memory-agent", "agent/agent.zip", make_memory_agent, memory_agent, damage_archive, True
    ),
    Format("memory-settings", "agent/config.json", make_memory_agent, memory_agent, damage_json),
    Format("online-agent", "agent.zip", make_online_agent, online_agent, damage_archive, True),
)
