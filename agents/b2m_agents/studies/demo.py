"""What ``b2m-drive demo`` shows: the whole road on simulated brains, in small."""

from __future__ import annotations

from pathlib import Path

from b2m_agents.evaluation.evaluate import Evaluation, EvaluationSettings, evaluate_agent
from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.training import train_agent
from b2m_agents.studies.driving.comparison import SimulatedViewer
from b2m_agents.studies.driving.default_scenes import DefaultScenes
from b2m_agents.studies.driving.plan import DEMO
from b2m_agents.studies.memory.comparison import MemoryComparison
from b2m_agents.studies.memory.usual_comparisons import simulated_comparison
from b2m_agents.videos.video import VideoSettings, record_video
from b2m_drive.recordings.simulated.simulated_session import SimulatedSession

SCENARIO = "highway_fast"
VIEWER = SimulatedViewer("ideal")
SCENES = DefaultScenes(SCENARIO, n_teaching=DEMO.n_frames)
N_STEPS = 40_960  # of the driver: half a minute
N_EPISODES = 10  # held out, that the driver is judged by
N_FILMED = 2


def demo_memory() -> MemoryComparison:
    """The memory half: an ideal simulated brain, with the command's settings."""
    return simulated_comparison(SimulatedSession())


def taught_encoder(run: Path) -> Path:
    """The encoder that the brain taught, of the driving half's first seed."""
    brain = DEMO.methods[0].condition("brain").slug
    return run / "encoders" / f"seed-{DEMO.seeds[0]}" / brain


def demo_driver(encoder: Path, folder: Path) -> Path:
    """Train a driver (PPO) on what an encoder sees.

    Returns:
        The agent's folder.
    """
    return train_agent(SCENARIO, encoder, folder, settings_for(SCENARIO, n_steps=N_STEPS))


def demo_evaluation(agent: Path, n_workers: int) -> Evaluation:
    """The driver in a few held-out episodes, beside drivers that do not learn."""
    return evaluate_agent(agent, EvaluationSettings(n_episodes=N_EPISODES, n_workers=n_workers))


def demo_clip(agent: Path) -> Path:
    """Film the driver.

    Returns:
        The video, in the agent's folder.
    """
    return record_video(agent, agent / "video.mp4", VideoSettings(n_episodes=N_FILMED))
