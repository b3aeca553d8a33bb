"""Driving scenes as a user would write them into a file: with the public interface alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import b2m_agents
import b2m_drive as b2m
from b2m_envs import STATE_VARIABLES

N_EPISODES, N_FRAMES, SIZE = 30, 12, 36


def write_scenes(path: Path) -> Path:
    """A file of made-up scenes: one vehicle ahead, whose distance is drawn anew each frame."""
    header = b2m.SceneHeader(
        scenario="made_up",
        settings={"height": SIZE, "width": SIZE},
        policy="random",
        seed=0,
        state_names=tuple(each.name for each in STATE_VARIABLES),
        state_units=tuple(each.unit for each in STATE_VARIABLES),
        action_kind="discrete",
        step_seconds=1.0,
    )
    writer = b2m.SceneWriter(path, header)
    for index in range(N_EPISODES):
        writer.write(index, _episode(np.random.default_rng(index), index))
    return writer.finish()


def _episode(generator: np.random.Generator, seed: int) -> b2m.SceneEpisode:
    gap = generator.uniform(5, 50, N_FRAMES)
    frames = np.full((N_FRAMES, SIZE, SIZE, 2), 60, np.uint8)
    mask = np.zeros(frames.shape[:3], bool)
    for index, row in enumerate((33 - gap * 0.6).astype(int)):
        frames[index, row : row + 3, 16:20] = 230
        mask[index, row : row + 3, 16:20] = True
    state = np.full((N_FRAMES, len(STATE_VARIABLES)), np.nan, np.float32)
    place = {each.name: index for index, each in enumerate(STATE_VARIABLES)}
    for name in ("lateral_offset", "heading", "speed", "acceleration", "closing_speed"):
        state[:, place[name]] = generator.normal(0, 1, N_FRAMES)
    state[:, place["gap"]] = gap
    state[:, place["hazard"]] = gap < 15
    return b2m.SceneEpisode(
        frames=frames,
        state=state,
        action=generator.integers(0, 5, N_FRAMES - 1),
        reward=np.ones(N_FRAMES - 1),
        terminated=False,
        truncated=True,
        seed=seed,
        vehicle_mask=mask,
    )


def driving_study(scenes: Path, controls: tuple[b2m.Control, ...]) -> b2m_agents.DrivingComparison:
    """The smallest driving study of a simulated brain, with further controls."""
    settings = b2m_agents.DrivingStudySettings(
        strategies=("regression",), seeds=(0, 1), n_steps=4, evaluate_every=2, batch_size=8,
        n_frames=240, n_held_out=80, frames_curve=(), signal_curve=(), delay=0.2, n_latents=8,
    )  # fmt: skip
    viewer = b2m_agents.SimulatedViewer("ideal")
    watched = viewer.watch(b2m.SceneDataset(scenes))
    return b2m_agents.DrivingComparison(scenes, settings, viewer, watched, own_controls=controls)
