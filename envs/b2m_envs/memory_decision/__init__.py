"""Memory tasks with items, maintenance and probes: their trials, their steps, environments."""

from b2m_envs.memory_decision.context_decision import (
    CATEGORY,
    SEEN,
    ContextDecisionSettings,
    ContextDecisionTask,
    ContextTrials,
)
from b2m_envs.memory_decision.settings import MemoryDecisionSettings
from b2m_envs.memory_decision.steps import PADDING, TrialBatch, period_names
from b2m_envs.memory_decision.sternberg import SternbergSettings, SternbergTask, SternbergTrials
from b2m_envs.memory_decision.task import CHOOSE_LEFT, CHOOSE_RIGHT, FIXATE, MemoryDecisionTask
from b2m_envs.memory_decision.tasks import TASKS, task_of
from b2m_envs.memory_decision.trials import LEFT, NO_STIMULUS, RIGHT, Trials, TrialTable

__all__ = [
    "CATEGORY",
    "CHOOSE_LEFT",
    "CHOOSE_RIGHT",
    "FIXATE",
    "LEFT",
    "NO_STIMULUS",
    "PADDING",
    "RIGHT",
    "SEEN",
    "TASKS",
    "ContextDecisionSettings",
    "ContextDecisionTask",
    "ContextTrials",
    "MemoryDecisionSettings",
    "MemoryDecisionTask",
    "SternbergSettings",
    "SternbergTask",
    "SternbergTrials",
    "TrialBatch",
    "TrialTable",
    "Trials",
    "period_names",
    "task_of",
]
