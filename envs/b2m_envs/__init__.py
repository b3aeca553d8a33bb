"""Gymnasium environments of Brain2Model transfer; importing the package registers them.

What a user may rely on stands in ``__all__``; everything else may move. Names are imported when
they are first used; nothing here needs PyTorch. Trials and settings do not need Gymnasium either;
environments come with the extra ``b2m-drive[envs]``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from b2m_envs.missing_packages import needing_envs
from b2m_envs.registration import register_environments

if TYPE_CHECKING:
    from b2m_envs.driving.environment import DrivingSceneEnv as DrivingSceneEnv
    from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv as DrivingSceneVectorEnv
    from b2m_envs.driving_events.emergency_braking import EmergencyBrakingEnv as EmergencyBrakingEnv
    from b2m_envs.driving_events.lane_departure import LaneDepartureEnv as LaneDepartureEnv
    from b2m_envs.driving_events.replay import DrivingReplay as DrivingReplay
    from b2m_envs.driving_events.replay import Replay as Replay
    from b2m_envs.driving_events.replay import ReplayedAnswer as ReplayedAnswer
    from b2m_envs.driving_events.replay import ReplayedEvent as ReplayedEvent
    from b2m_envs.driving_events.replay import ReplayedStep as ReplayedStep
    from b2m_envs.driving_events.replay import (
        replay_emergency_brakings as replay_emergency_brakings,
    )
    from b2m_envs.driving_events.replay import replay_lane_departures as replay_lane_departures
    from b2m_envs.driving_events.replay import replayed_answers as replayed_answers
    from b2m_envs.driving_events.schedules import LanePerturbations as LanePerturbations
    from b2m_envs.driving_events.schedules import LeadBrakings as LeadBrakings
    from b2m_envs.memory_decision.context_decision import (
        ContextDecisionSettings as ContextDecisionSettings,
    )
    from b2m_envs.memory_decision.context_decision import ContextDecisionTask as ContextDecisionTask
    from b2m_envs.memory_decision.context_decision import ContextTrials as ContextTrials
    from b2m_envs.memory_decision.settings import MemoryDecisionSettings as MemoryDecisionSettings
    from b2m_envs.memory_decision.settings import TrialSettings as TrialSettings
    from b2m_envs.memory_decision.steps import TrialBatch as TrialBatch
    from b2m_envs.memory_decision.steps import period_names as period_names
    from b2m_envs.memory_decision.sternberg import SternbergSettings as SternbergSettings
    from b2m_envs.memory_decision.sternberg import SternbergTask as SternbergTask
    from b2m_envs.memory_decision.sternberg import SternbergTrials as SternbergTrials
    from b2m_envs.memory_decision.task import CHOOSE_LEFT as CHOOSE_LEFT
    from b2m_envs.memory_decision.task import CHOOSE_RIGHT as CHOOSE_RIGHT
    from b2m_envs.memory_decision.task import FIXATE as FIXATE
    from b2m_envs.memory_decision.task import MemoryDecisionTask as MemoryDecisionTask
    from b2m_envs.memory_decision.task import TrialTask as TrialTask
    from b2m_envs.memory_decision.task import items_and_probes as items_and_probes
    from b2m_envs.memory_decision.task import n_item_chances as n_item_chances
    from b2m_envs.memory_decision.tasks import TASKS as TASKS
    from b2m_envs.memory_decision.tasks import task_of as task_of
    from b2m_envs.memory_decision.trial_environment import TrialEnv as TrialEnv
    from b2m_envs.memory_decision.trials import LEFT as LEFT
    from b2m_envs.memory_decision.trials import NO_STIMULUS as NO_STIMULUS
    from b2m_envs.memory_decision.trials import RIGHT as RIGHT
    from b2m_envs.memory_decision.trials import Trials as Trials
    from b2m_envs.memory_decision.trials import TrialTable as TrialTable
    from b2m_envs.memory_decision.vector_environment import TrialVectorEnv as TrialVectorEnv
    from b2m_envs.migration.from_highway_env import HighwayEnvSettings as HighwayEnvSettings
    from b2m_envs.migration.from_highway_env import from_highway_env as from_highway_env
    from b2m_envs.migration.from_highway_env import (
        settings_from_highway_env as settings_from_highway_env,
    )
    from b2m_envs.observations.attributes import Attributes as Attributes
    from b2m_envs.observations.crossing_traffic import CrossingTraffic as CrossingTraffic
    from b2m_envs.observations.exit_kinematics import ExitKinematics as ExitKinematics
    from b2m_envs.observations.exit_place import ExitPlace as ExitPlace
    from b2m_envs.observations.flat_observation import FlatObservation as FlatObservation
    from b2m_envs.observations.goal_state import GoalState as GoalState
    from b2m_envs.observations.kinematics import Kinematics as Kinematics
    from b2m_envs.observations.kinematics_goal import KinematicsGoal as KinematicsGoal
    from b2m_envs.observations.lane_gaps import LaneGaps as LaneGaps
    from b2m_envs.observations.lidar import Lidar as Lidar
    from b2m_envs.observations.occupancy_grid import OccupancyGrid as OccupancyGrid
    from b2m_envs.observations.time_to_collision import TimeToCollision as TimeToCollision
    from b2m_envs.scenes.driven_step import DrivenStep as DrivenStep
    from b2m_envs.scenes.goal_state import GOAL_VARIABLES as GOAL_VARIABLES
    from b2m_envs.scenes.named_rewards import REWARDS as REWARDS
    from b2m_envs.scenes.observation import OBSERVATIONS as OBSERVATIONS
    from b2m_envs.scenes.observation import ObservationKind as ObservationKind
    from b2m_envs.scenes.observation import finite_state as finite_state
    from b2m_envs.scenes.observation import state_bounds as state_bounds
    from b2m_envs.scenes.observation import state_scales as state_scales
    from b2m_envs.scenes.reward import Reward as Reward
    from b2m_envs.scenes.scenarios import SCENARIOS as SCENARIOS
    from b2m_envs.scenes.scenarios import Scenario as Scenario
    from b2m_envs.scenes.settings import SceneSettings as SceneSettings
    from b2m_envs.scenes.state import STATE_VARIABLES as STATE_VARIABLES
    from b2m_envs.scenes.state import StateVariable as StateVariable

_HOMES = {
    "Attributes": "observations.attributes",
    "CHOOSE_LEFT": "memory_decision.task",
    "CHOOSE_RIGHT": "memory_decision.task",
    "ContextDecisionSettings": "memory_decision.context_decision",
    "ContextDecisionTask": "memory_decision.context_decision",
    "ContextTrials": "memory_decision.context_decision",
    "CrossingTraffic": "observations.crossing_traffic",
    "DrivenStep": "scenes.driven_step",
    "DrivingReplay": "driving_events.replay",
    "DrivingSceneEnv": "driving.environment",
    "DrivingSceneVectorEnv": "driving.vector_environment",
    "EmergencyBrakingEnv": "driving_events.emergency_braking",
    "ExitKinematics": "observations.exit_kinematics",
    "ExitPlace": "observations.exit_place",
    "FIXATE": "memory_decision.task",
    "FlatObservation": "observations.flat_observation",
    "GOAL_VARIABLES": "scenes.goal_state",
    "GoalState": "observations.goal_state",
    "HighwayEnvSettings": "migration.from_highway_env",
    "Kinematics": "observations.kinematics",
    "KinematicsGoal": "observations.kinematics_goal",
    "LEFT": "memory_decision.trials",
    "LaneDepartureEnv": "driving_events.lane_departure",
    "LanePerturbations": "driving_events.schedules",
    "LeadBrakings": "driving_events.schedules",
    "LaneGaps": "observations.lane_gaps",
    "Lidar": "observations.lidar",
    "MemoryDecisionSettings": "memory_decision.settings",
    "MemoryDecisionTask": "memory_decision.task",
    "NO_STIMULUS": "memory_decision.trials",
    "OBSERVATIONS": "scenes.observation",
    "ObservationKind": "scenes.observation",
    "OccupancyGrid": "observations.occupancy_grid",
    "REWARDS": "scenes.named_rewards",
    "RIGHT": "memory_decision.trials",
    "Replay": "driving_events.replay",
    "ReplayedAnswer": "driving_events.replay",
    "ReplayedEvent": "driving_events.replay",
    "ReplayedStep": "driving_events.replay",
    "Reward": "scenes.reward",
    "SCENARIOS": "scenes.scenarios",
    "STATE_VARIABLES": "scenes.state",
    "Scenario": "scenes.scenarios",
    "SceneSettings": "scenes.settings",
    "StateVariable": "scenes.state",
    "SternbergSettings": "memory_decision.sternberg",
    "SternbergTask": "memory_decision.sternberg",
    "SternbergTrials": "memory_decision.sternberg",
    "TASKS": "memory_decision.tasks",
    "TimeToCollision": "observations.time_to_collision",
    "TrialBatch": "memory_decision.steps",
    "TrialEnv": "memory_decision.trial_environment",
    "TrialSettings": "memory_decision.settings",
    "TrialTable": "memory_decision.trials",
    "TrialTask": "memory_decision.task",
    "TrialVectorEnv": "memory_decision.vector_environment",
    "Trials": "memory_decision.trials",
    "finite_state": "scenes.observation",
    "from_highway_env": "migration.from_highway_env",
    "items_and_probes": "memory_decision.task",
    "n_item_chances": "memory_decision.task",
    "period_names": "memory_decision.steps",
    "register_environments": "registration",
    "replay_emergency_brakings": "driving_events.replay",
    "replay_lane_departures": "driving_events.replay",
    "replayed_answers": "driving_events.replay",
    "settings_from_highway_env": "migration.from_highway_env",
    "state_bounds": "scenes.observation",
    "state_scales": "scenes.observation",
    "task_of": "memory_decision.tasks",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needing_envs(f"{__name__}.{name}"):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if find_spec("gymnasium") is not None:
    register_environments()
