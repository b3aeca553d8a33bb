"""What ``b2m-drive demo`` shows: the whole road on simulated brains, in small."""

from __future__ import annotations

import io
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from b2m_agents.drivers.drivers import compile_for_workers, rollout_spec_of
from b2m_agents.evaluation.evaluate import Evaluation, EvaluationSettings, evaluate_agent
from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.training import train_agent
from b2m_agents.studies.driving.comparison import SimulatedViewer
from b2m_agents.studies.driving.default_scenes import DefaultScenes
from b2m_agents.studies.driving.plan import DrivingStudySettings
from b2m_agents.studies.memory.comparison import MemoryComparison
from b2m_agents.studies.memory.plan import MemoryStudySettings
from b2m_agents.studies.memory.usual_comparisons import simulated_comparison
from b2m_agents.videos.video import VideoSettings, record_video
from b2m_drive.executors.orphans import end_with_parent
from b2m_drive.recordings.simulated.simulated_session import SimulatedSession
from b2m_drive.reports.clips import CLIPS
from b2m_drive.reports.report import write_report

NOTE = (
    "A small demonstration, on a simulated brain: one strategy (BLT), few seeds and short "
    "training, so that intervals are wide and a gain may be missed. Every null has its students, "
    "and all figures are on held-out data."
)
MEMORY = MemoryStudySettings(strategies=("regression",), seeds=tuple(range(5)), n_steps=300)
DRIVING = DrivingStudySettings(
    strategies=("regression",),
    seeds=tuple(range(4)),
    n_steps=300,
    evaluate_every=150,
    n_frames=1500,
    n_held_out=600,
    frames_curve=(),
    signal_curve=(),
)
SCENARIO = "highway_fast"
VIEWER = SimulatedViewer("ideal")
# Nearer than usual, so that a vehicle is seven pixels long. With the weight of what changes, the
# error on pixels of other vehicles is .30 of the mean frame's; at 80 m without it, 1.11.
SCENES = DefaultScenes(SCENARIO, n_teaching=DRIVING.n_frames, view_length=48.0)
N_STEPS = 40_960  # of the driver: half a minute
N_EPISODES = 10  # held out, that the driver is judged by
N_FILMED = 2
CLIP_NAME = "a driver (PPO) on what the taught encoder sees.mp4"


def demo_memory() -> MemoryComparison:
    """The memory half: an ideal simulated brain, and a small comparison."""
    return simulated_comparison(SimulatedSession(), MEMORY, note=NOTE)


def taught_encoder(run: Path) -> Path:
    """The encoder that the brain taught, of the driving half's first seed."""
    brain = DRIVING.methods[0].condition("brain").slug
    return run / "encoders" / f"seed-{DRIVING.seeds[0]}" / brain


@contextmanager
def engine_compiled_meanwhile(tell: Callable[[str], None]) -> Iterator[None]:
    """Compile the driving engine in another process; at the end of the block it is compiled.

    It is kept on disk, where the processes of the driving half find it.

    Args:
        tell: Called with what goes on, if the block ends before the other process.
    """
    process = multiprocessing.get_context("spawn").Process(target=compile_engine, daemon=True)
    process.start()
    try:
        yield
        if process.is_alive():
            tell("the driving engine is still being compiled, which is done once ...")
        process.join()
    finally:
        process.terminate()


def compile_engine() -> None:
    """Compile what the driving half needs of the engine, quietly."""
    end_with_parent()
    with redirect_stderr(io.StringIO()):  # it would say so amid another's bar of progress
        compile_for_workers(
            rollout_spec_of(SCENARIO, SCENES.policy, SCENES.environment), n_workers=2
        )


def demo_driver(encoder: Path, folder: Path) -> Path:
    """Train a driver (PPO) on what an encoder sees.

    Returns:
        The agent's folder.
    """
    return train_agent(SCENARIO, encoder, folder, settings_for(SCENARIO, n_steps=N_STEPS))


def demo_evaluation(agent: Path, n_workers: int) -> Evaluation:
    """The driver in a few held-out episodes, beside drivers that do not learn."""
    return evaluate_agent(agent, EvaluationSettings(n_episodes=N_EPISODES, n_workers=n_workers))


def demo_clip(agent: Path, run: Path) -> Path:
    """Film the driver, and show the clip in the report of the run whose encoder it drives on.

    Returns:
        The video, in the agent's folder.
    """
    video = record_video(agent, agent / "video.mp4", VideoSettings(n_episodes=N_FILMED))
    (run / CLIPS).mkdir(exist_ok=True)
    shutil.copyfile(video, run / CLIPS / CLIP_NAME)
    write_report(run)
    return video
