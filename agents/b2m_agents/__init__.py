"""Where environments and students meet: the studies that ship, and agents that drive and remember.

What a user may rely on stands in ``__all__``; everything else may move. Names are imported when
they are first used, so that ``import b2m_agents`` takes no time. The memory study needs no extra;
what drives, or plays in an environment, comes with ``b2m-drive[envs]`` or ``b2m-drive[agents]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from b2m_drive.files.missing_packages import needing

if TYPE_CHECKING:
    from b2m_agents.drivers.log_replay import replay_driving_log as replay_driving_log
    from b2m_agents.drivers.pretrained_agents import push_to_hub as push_to_hub
    from b2m_agents.drivers.rollouts import CollectSettings as CollectSettings
    from b2m_agents.drivers.rollouts import collect_scenes as collect_scenes
    from b2m_agents.episodes.episodes import Episode as Episode
    from b2m_agents.episodes.episodes import make_scene as make_scene
    from b2m_agents.episodes.episodes import play_episode as play_episode
    from b2m_agents.evaluation.evaluate import DrivenEpisode as DrivenEpisode
    from b2m_agents.evaluation.evaluate import Evaluation as Evaluation
    from b2m_agents.evaluation.evaluate import EvaluationSettings as EvaluationSettings
    from b2m_agents.evaluation.evaluate import evaluate_agent as evaluate_agent
    from b2m_agents.evaluation.evaluate import evaluate_agents as evaluate_agents
    from b2m_agents.learning.agent_settings import TrainingSettings as TrainingSettings
    from b2m_agents.learning.agent_settings import settings_for as settings_for
    from b2m_agents.learning.algorithm_settings import DQNSettings as DQNSettings
    from b2m_agents.learning.algorithm_settings import HERSettings as HERSettings
    from b2m_agents.learning.algorithm_settings import PPOSettings as PPOSettings
    from b2m_agents.learning.algorithm_settings import RecurrentPPOSettings as RecurrentPPOSettings
    from b2m_agents.learning.algorithm_settings import SACSettings as SACSettings
    from b2m_agents.learning.trained_agent import TrainedAgent as TrainedAgent
    from b2m_agents.learning.training import train_agent as train_agent
    from b2m_agents.memory.memory_agent import MemoryAgentPolicy as MemoryAgentPolicy
    from b2m_agents.memory.memory_agent import MemoryAgentSettings as MemoryAgentSettings
    from b2m_agents.memory.memory_agent import evaluate_memory_agent as evaluate_memory_agent
    from b2m_agents.memory.memory_training import train_memory_agent as train_memory_agent
    from b2m_agents.studies.agents.comparison import AgentsComparison as AgentsComparison
    from b2m_agents.studies.agents.plan import AgentsStudySettings as AgentsStudySettings
    from b2m_agents.studies.driving.comparison import DrivingComparison as DrivingComparison
    from b2m_agents.studies.driving.comparison import SimulatedViewer as SimulatedViewer
    from b2m_agents.studies.driving.plan import DrivingStudySettings as DrivingStudySettings
    from b2m_agents.studies.memory.calibration import CalibrationSettings as CalibrationSettings
    from b2m_agents.studies.memory.calibration import VerdictCalibration as VerdictCalibration
    from b2m_agents.studies.memory.comparison import MemoryComparison as MemoryComparison
    from b2m_agents.studies.memory.memory_student import MemoryStudent as MemoryStudent
    from b2m_agents.studies.memory.plan import MemoryStudySettings as MemoryStudySettings
    from b2m_agents.studies.memory.recorded_settings import (
        recorded_environment as recorded_environment,
    )
    from b2m_agents.studies.memory.recorded_settings import recorded_settings as recorded_settings
    from b2m_agents.studies.memory.search import Candidate as Candidate
    from b2m_agents.studies.memory.search import MemorySearch as MemorySearch
    from b2m_agents.studies.memory.search import SearchSettings as SearchSettings
    from b2m_agents.studies.memory.sessions import SessionsComparison as SessionsComparison
    from b2m_agents.studies.memory.student_tasks import STUDENT_TASKS as STUDENT_TASKS
    from b2m_agents.studies.memory.student_tasks import StudentTask as StudentTask
    from b2m_agents.studies.memory.student_tasks import shared_columns as shared_columns
    from b2m_agents.studies.memory.teachers import Readout as Readout
    from b2m_agents.videos.video import VideoSettings as VideoSettings
    from b2m_agents.videos.video import record_video as record_video
    from b2m_agents.worlds.channels_first import VecChannelsFirst as VecChannelsFirst
    from b2m_agents.worlds.latent_observation import VecLatentObservation as VecLatentObservation
    from b2m_agents.worlds.scene_vec_env import SceneVecEnv as SceneVecEnv
    from b2m_agents.worlds.scene_vec_env import make_scene_vec_env as make_scene_vec_env

_HOMES = {
    "AgentsComparison": "studies.agents.comparison",
    "AgentsStudySettings": "studies.agents.plan",
    "CalibrationSettings": "studies.memory.calibration",
    "Candidate": "studies.memory.search",
    "CollectSettings": "drivers.rollouts",
    "DQNSettings": "learning.algorithm_settings",
    "DrivenEpisode": "evaluation.evaluate",
    "DrivingComparison": "studies.driving.comparison",
    "DrivingStudySettings": "studies.driving.plan",
    "Episode": "episodes.episodes",
    "Evaluation": "evaluation.evaluate",
    "EvaluationSettings": "evaluation.evaluate",
    "HERSettings": "learning.algorithm_settings",
    "SessionsComparison": "studies.memory.sessions",
    "MemoryAgentPolicy": "memory.memory_agent",
    "MemoryAgentSettings": "memory.memory_agent",
    "MemoryComparison": "studies.memory.comparison",
    "MemoryStudent": "studies.memory.memory_student",
    "MemoryStudySettings": "studies.memory.plan",
    "PPOSettings": "learning.algorithm_settings",
    "RecurrentPPOSettings": "learning.algorithm_settings",
    "Readout": "studies.memory.teachers",
    "SACSettings": "learning.algorithm_settings",
    "STUDENT_TASKS": "studies.memory.student_tasks",
    "SceneVecEnv": "worlds.scene_vec_env",
    "MemorySearch": "studies.memory.search",
    "SearchSettings": "studies.memory.search",
    "SimulatedViewer": "studies.driving.comparison",
    "StudentTask": "studies.memory.student_tasks",
    "TrainedAgent": "learning.trained_agent",
    "TrainingSettings": "learning.agent_settings",
    "VerdictCalibration": "studies.memory.calibration",
    "VecChannelsFirst": "worlds.channels_first",
    "VecLatentObservation": "worlds.latent_observation",
    "VideoSettings": "videos.video",
    "collect_scenes": "drivers.rollouts",
    "evaluate_agent": "evaluation.evaluate",
    "evaluate_agents": "evaluation.evaluate",
    "evaluate_memory_agent": "memory.memory_agent",
    "make_scene": "episodes.episodes",
    "make_scene_vec_env": "worlds.scene_vec_env",
    "play_episode": "episodes.episodes",
    "push_to_hub": "drivers.pretrained_agents",
    "record_video": "videos.video",
    "recorded_environment": "studies.memory.recorded_settings",
    "recorded_settings": "studies.memory.recorded_settings",
    "replay_driving_log": "drivers.log_replay",
    "settings_for": "learning.agent_settings",
    "shared_columns": "studies.memory.student_tasks",
    "train_agent": "learning.training",
    "train_memory_agent": "memory.memory_training",
}
_OF_ENVS = ("drivers.", "episodes.", "studies.driving.")  # all others may need the extra agents
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    with needing(f"{__name__}.{name}", "envs" if home.startswith(_OF_ENVS) else "agents"):
        return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
