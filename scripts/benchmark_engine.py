"""Print how fast the driving engine is, beside highway-env.

    python scripts/benchmark_engine.py            # about 5 minutes; needs every core to itself

Both drive at random and begin anew when an episode ends, which counts. They take turns, batch by
step, in one run. Processor time and wall time; one thread unless the line says otherwise.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import gymnasium as gym
import numpy as np

from b2m_envs.engine.rewards import SCORING
from b2m_envs.engine.worlds import Worlds
from b2m_envs.rendering import CameraSettings, Traffic, make_camera
from b2m_envs.rendering.batched import make_batched_camera
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings

WORLDS = 256
SIDE = 64  # [px]
ORIGINALS = {  # highway-env's environment of each scenario
    "highway": "highway-v0",
    "highway_fast": "highway-fast-v0",
    "merge": "merge-v1",
    "exit": "exit-v1",
    "two_way": "two-way-v0",
    "u_turn": "u-turn-v1",
    "roundabout": "roundabout-v1",
    "intersection": "intersection-v2",
    "racetrack": "racetrack-v1",
    "racetrack_large": "racetrack-large-v1",
    "racetrack_oval": "racetrack-oval-v1",
    "lane_keeping": "lane-keeping-v0",
}
TURNS = 6
TURN_SECONDS = 1.0  # of each in a turn
BATCHES = (1, 4, 16, 64, 256, 1024, 4096)


@dataclass
class Rate:
    """Environment steps, and the seconds they took."""

    steps: int = 0
    processor: float = 0.0
    wall: float = 0.0

    def add(self, run: Callable[[], int], seconds: float = TURN_SECONDS) -> None:
        """Run something that returns its number of steps, for so many seconds of wall time."""
        wall, processor = time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < seconds:
            self.steps += run()
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor

    @property
    def a_second(self) -> float:
        """Steps a second of wall time."""
        return self.steps / self.wall

    @property
    def a_processor_second(self) -> float:
        """Steps a second of processor time."""
        return self.steps / self.processor


class Batch:
    """Our worlds, driven at random."""

    def __init__(self, scenario: str, n_worlds: int = WORLDS, **keywords: Any) -> None:
        self.envs: Any = gym.make_vec(
            f"b2m_envs:{SCENARIOS[scenario].id}", num_envs=n_worlds, **keywords
        )
        self.envs.action_space.seed(0)
        self.envs.reset(seed=0)
        self.observation: Any = None

    def step(self) -> int:
        """One step of all worlds."""
        self.observation = self.envs.step(self.envs.action_space.sample())[0]
        return int(self.envs.num_envs)


class Original:
    """highway-env's environment as it comes, driven at random."""

    def __init__(self, scenario: str, config: dict[str, Any] | None = None) -> None:
        self.env = original(scenario, config)
        self.env.action_space.seed(0)
        self.env.reset(seed=0)
        self.observation: Any = None

    def step(self) -> int:
        """One step."""
        self.observation, _, terminated, truncated, _ = self.env.step(
            self.env.action_space.sample()
        )
        if terminated or truncated:
            self.env.reset()
        return 1


class Parallel:
    """A vectorised environment of highway-env's, driven at random."""

    def __init__(self, envs: Any, sample: Callable[[], Any]) -> None:
        self.envs, self.sample = envs, sample
        envs.reset()

    def step(self) -> int:
        """One step of all."""
        self.envs.step(self.sample())
        return int(self.envs.num_envs)


def original(scenario: str, config: dict[str, Any] | None = None) -> Any:
    """highway-env's environment of a scenario."""
    import highway_env  # noqa: F401  registers its environments

    name = ORIGINALS[scenario]
    return gym.make(name, config=config, disable_env_checker=True)


def grayscale() -> dict[str, Any]:
    """highway-env's configuration for one grey picture of SIDE pixels as the observation."""
    return {
        "observation": {
            "type": "GrayscaleObservation",
            "observation_shape": (SIDE, SIDE),
            "stack_size": 1,
            "weights": [0.2989, 0.5870, 0.1140],
            "scaling": 1.0,
            "centering_position": [0.5, 0.5],
        },
        "offscreen_rendering": True,
    }


def side_by_side(title: str, ours: Any, theirs: Any) -> None:
    """Print the rates of two, which take turns, and their ratio."""
    rates = {"ours": Rate(), "theirs": Rate()}
    ours.step()
    theirs.step()
    for _ in range(TURNS):
        rates["ours"].add(ours.step)
        rates["theirs"].add(theirs.step)
    a, b = rates["ours"], rates["theirs"]
    print(
        f"engine: {title}: {a.a_processor_second:,.0f} against {b.a_processor_second:,.1f} steps "
        f"a processor second, ratio {a.a_processor_second / b.a_processor_second:,.0f} "
        f"(wall time: {a.a_second / b.a_second:,.0f})",
        flush=True,
    )


def traffic() -> None:
    """Every scenario with the state as its observation, beside highway-env's default one."""
    for scenario in ORIGINALS:
        ours = Batch(scenario, observation="state")
        side_by_side(f"{scenario}, state", ours, Original(scenario))


def pictures() -> None:
    """highway_fast with a picture as its observation."""
    os.environ["SDL_VIDEODRIVER"] = "offscreen"  # with "dummy" highway-env's frames are black
    for camera in ("birds_eye", "drivers_eye"):
        ours = Batch("highway_fast", camera=camera, n_frames=1, height=SIDE, width=SIDE)
        theirs = Original("highway_fast", grayscale())
        side_by_side(f"highway_fast, {SIDE} px {camera} against Grayscale", ours, theirs)
        assert all(np.ptp(scene) > 0 for scene in ours.observation), "ours: a blank frame"
        assert np.ptp(theirs.observation) > 0, "theirs: a blank frame"


def drawing() -> None:
    """Frames of the same moments, drawn in a batch and one by one by OpenCV."""
    for scenario in SCORING:
        worlds = Worlds(SceneSettings(scenario), WORLDS)
        everyone = np.arange(WORLDS)
        worlds.begin(everyone, [np.random.default_rng(seed) for seed in everyone])
        for _ in range(3):
            worlds.step(np.ones(WORLDS, dtype=np.int64), everyone)
        things, count = worlds.things(everyone)
        moments = [as_traffic(rows[:n]) for rows, n in zip(things, count, strict=True)]
        for view in ("birds_eye", "drivers_eye"):
            settings = CameraSettings(view=view, height=SIDE, width=SIDE)
            one, many = make_camera(settings), make_batched_camera(settings, worlds.geometry)
            scenes = np.zeros((WORLDS, SIDE, SIDE, 1), np.uint8)
            ours = Rate()
            theirs = Rate()
            draw = partial(draw_batch, many, things, count, scenes)
            draw_singly = partial(draw_one_by_one, one, worlds.geometry, moments)
            draw()
            for _ in range(3):
                ours.add(draw, 0.2)
                theirs.add(draw_singly, 0.2)
            assert all(np.ptp(scene) > 0 for scene in scenes), f"{scenario}: a blank frame"
            a, b = ours.a_processor_second, theirs.a_processor_second
            print(
                f"engine: {view}, {scenario}: {a:,.0f} against {b:,.0f} frames a processor "
                f"second by OpenCV, ratio {a / b:.1f}",
                flush=True,
            )


def draw_batch(camera: Any, things: np.ndarray, count: np.ndarray, scenes: np.ndarray) -> int:
    """Draw all worlds; returns the number of frames."""
    camera.draw(things, count, scenes, 0, np.arange(len(things)))
    return len(things)


def draw_one_by_one(camera: Any, road: Any, moments: list[Traffic]) -> int:
    """Draw some of the moments; returns the number of frames."""
    for moment in moments[:32]:
        camera.draw(road, moment)
    return 32


def as_traffic(rows: np.ndarray) -> Traffic:
    """What OpenCV's camera takes."""
    return Traffic(
        position=np.stack((rows["x"], rows["y"]), axis=1),
        heading=rows["heading"].copy(),
        length=rows["length"].copy(),
        width=rows["width"].copy(),
        braking=rows["braking"].copy(),
        obstacle=rows["obstacle"].copy(),
    )


def all_cores(n_theirs: int = 8) -> None:
    """Ours on all cores against highway-env's world in the usual vector environments."""
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import SubprocVecEnv

    cores = os.cpu_count() or 1
    make = partial(original, "highway_fast")
    sync = gym.vector.SyncVectorEnv([make] * n_theirs)
    parallel = gym.vector.AsyncVectorEnv([make] * cores)
    workers = make_vec_env(make, n_envs=cores, vec_env_cls=SubprocVecEnv)
    rates: dict[str, Batch | Parallel] = {
        f"ours, {WORLDS} worlds, {cores} threads": Batch(
            "highway_fast", observation="state", n_threads=cores
        ),
        f"SyncVectorEnv of {n_theirs}": Parallel(sync, sync.action_space.sample),
        f"AsyncVectorEnv of {cores}": Parallel(parallel, parallel.action_space.sample),
        f"SubprocVecEnv of {cores}": Parallel(
            workers, lambda: np.array([workers.action_space.sample() for _ in range(cores)])
        ),
    }
    measured = {name: Rate() for name in rates}
    for _ in range(TURNS):
        for name, each in rates.items():
            measured[name].add(each.step)
    for name, rate in measured.items():
        print(f"engine: highway_fast on {cores} cores: {name}: {rate.a_second:,.0f} steps/s")
    sync.close()
    parallel.close()
    workers.close()


def growth() -> None:
    """Steps a second and memory by the number of worlds and threads."""
    threads = sorted({1, os.cpu_count() or 1})
    for observation in ("state", "scene"):
        for n_worlds in BATCHES:
            tracemalloc.start()
            batches = [
                Batch("highway_fast", n_worlds, observation=observation, n_threads=each)
                for each in threads
            ]
            size = tracemalloc.get_traced_memory()[0] / len(batches) / n_worlds
            tracemalloc.stop()
            rates = [Rate() for _ in threads]
            for _ in range(2):
                for rate, batch in zip(rates, batches, strict=True):
                    rate.add(batch.step, TURN_SECONDS / 2)
            found = ", ".join(
                f"{rate.a_second:,.0f} with {each}"
                for rate, each in zip(rates, threads, strict=True)
            )
            print(
                f"engine: {observation}, {n_worlds} worlds: steps/s {found} threads; "
                f"{size / 1024:,.0f} KiB a world",
                flush=True,
            )


FIRST_STEP = """
import time
started = time.perf_counter()
import gymnasium, numpy
envs = gymnasium.make_vec("b2m_envs:B2M/HighwayFastScene-v0", num_envs=256)
made = time.perf_counter()
envs.reset(seed=0)
envs.step(numpy.ones(256, dtype=int))
print(made - started, time.perf_counter() - made)
"""


def first_step() -> None:
    """The first reset and step of a process, compiled before and not."""
    first_step_seconds(None)  # compiles, if nobody has
    warm = first_step_seconds(None)[0]
    with TemporaryDirectory() as folder:
        cold, said = first_step_seconds(Path(folder))
    print(
        f"engine: first reset and step of 256 worlds in a process: {warm[1]:.2f} s, compiled "
        f"before; importing and making them: {warm[0]:.2f} s"
    )
    print(f"engine: on a new machine: {cold[0] + cold[1]:.1f} s; it says: {said!r}")


def first_step_seconds(cache: Path | None) -> tuple[tuple[float, float], str]:
    """Seconds to make and to begin, in a new process; and what it writes to the standard error."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_STEP],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    making, beginning = map(float, ran.stdout.split())
    return (making, beginning), ran.stderr.strip()


def collecting(n_frames: int = 20_000) -> None:
    """Scenes written to disk, with the engine and without."""
    cores = os.cpu_count() or 1
    for engine, share in (("b2m", 1), ("highway-env", 10)):
        fewer = n_frames // share // 10
        seconds = [collect_seconds(engine, each, cores) for each in (fewer, n_frames // share)]
        a_frame = (seconds[1] - seconds[0]) / (n_frames // share - fewer)
        total = seconds[0] + (n_frames - fewer) * a_frame
        note = "" if share == 1 else f", from {fewer:,} and {n_frames // share:,} of them"
        print(
            f"engine: collecting {n_frames:,} frames of {SIDE} px on {cores} cores: "
            f'{total:,.0f} s with engine="{engine}" ({1 / a_frame:,.0f} frames/s{note})',
            flush=True,
        )


def collect_seconds(engine: str, n_frames: int, n_workers: int) -> float:
    """Seconds that collecting takes, start of the workers included."""
    from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes

    settings = CollectSettings(
        n_frames=n_frames, environment={"engine": engine}, n_workers=n_workers
    )
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        collect_scenes("highway_fast", Path(folder) / "scenes.h5", settings, progress=False)
        return time.perf_counter() - started


def main() -> None:
    """Run all benchmarks."""
    cv2.setNumThreads(1)
    SceneSettings("highway")  # a fault of the installation shows here, not after minutes
    first_step()
    traffic()
    pictures()
    drawing()
    growth()
    all_cores()
    collecting()


if __name__ == "__main__":
    main()
