"""Print how fast scenes are drawn, beside highway-env's own pictures of the same traffic.

    python scripts/benchmark_scenes.py

One road and its vehicles are shown to all in turn, frame by frame, at 64 x 64 pixels of one metre;
what each needs from the vehicles to the pixels counts. Processor time, one thread.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import gymnasium as gym
import numpy as np

from b2m_envs.rendering import CameraSettings, make_camera
from b2m_envs.rendering.highway_env_scene import road_geometry, traffic

SIZE = 64  # [px]
LENGTH = 64.0  # [m]
EPISODES, FRAMES = 5, 40
FRAME_INTERVAL = 1.0  # [s] of driving between frames


def main() -> None:
    """Run all benchmarks."""
    cv2.setNumThreads(1)
    drawing()


def drawing() -> None:
    """Frames a second of both cameras, in grey and colour, and of highway-env."""
    os.environ["SDL_VIDEODRIVER"] = "offscreen"  # with "dummy" highway-env's frames are black
    pictures, observations = highway("rgb_array"), highway("grayscale")
    seconds: dict[str, list[float]] = {}
    for seed in range(EPISODES):
        pictures.reset(seed=seed)
        observations.reset(seed=seed)
        drawers = all_drawers(pictures, observations)
        for frame in range(FRAMES):
            turn = list(drawers.items())
            for name, draw in turn[frame % len(turn) :] + turn[: frame % len(turn)]:
                started = time.process_time()
                picture = draw()
                elapsed = time.process_time() - started
                assert np.ptp(picture) > 0, f"{name}: a blank frame"
                if frame:  # the first one prepares the road
                    seconds.setdefault(name, []).append(elapsed)
            for env in (pictures, observations):
                drive_on(env)
    report({name: 1 / statistics.median(each) for name, each in seconds.items()})


def report(rate: dict[str, float]) -> None:
    """Print the rates [frames/s] and the ratios of like to like."""
    for name, value in rate.items():
        print(f"drawing: {name} {value:,.0f} frames/s")
    for ours, theirs in (
        ("bird's-eye colour", "highway-env rgb_array"),
        ("bird's-eye grey", "highway-env Grayscale"),
        ("driver's-eye colour", "highway-env rgb_array"),
    ):
        print(f"drawing: {ours} / {theirs}, ratio {rate[ours] / rate[theirs]:.1f}")


def highway(kind: str) -> Any:
    """highway-v0 drawing what our camera sees: 64 x 64 pixels of one metre."""
    screen = {
        "screen_width": SIZE,
        "screen_height": SIZE,
        "scaling": SIZE / LENGTH,
        "centering_position": [0.5, 0.5],
        "offscreen_rendering": True,
    }
    grayscale = {
        "type": "GrayscaleObservation",
        "observation_shape": (SIZE, SIZE),
        "stack_size": 1,
        "weights": [0.2989, 0.5870, 0.1140],
        "scaling": SIZE / LENGTH,
        "centering_position": [0.5, 0.5],
    }
    if kind == "grayscale":
        screen["observation"] = grayscale
    import highway_env  # noqa: F401  registers its environments

    return gym.make("highway-v0", render_mode="rgb_array", config=screen).unwrapped


def all_drawers(pictures: Any, observations: Any) -> dict[str, Callable[[], np.ndarray]]:
    """Everything that draws, by name."""
    road = road_geometry(pictures.road.network)

    def camera(view: Any, colour: bool) -> Callable[[], np.ndarray]:
        ours = make_camera(
            CameraSettings(view=view, height=SIZE, width=SIZE, colour=colour, length=LENGTH)
        )
        return lambda: ours.draw(road, traffic(pictures.road, pictures.vehicle))

    return {
        "bird's-eye grey": camera("birds_eye", False),
        "bird's-eye colour": camera("birds_eye", True),
        "driver's-eye grey": camera("drivers_eye", False),
        "driver's-eye colour": camera("drivers_eye", True),
        "highway-env rgb_array": pictures.render,
        "highway-env Grayscale": observations.observation_type.observe,
    }


def drive_on(env: Any) -> None:
    """Let every vehicle drive on as it drives: what they decide does not matter to drawing."""
    for vehicle in env.road.vehicles:
        vehicle.position = vehicle.position + FRAME_INTERVAL * vehicle.velocity


if __name__ == "__main__":
    main()
