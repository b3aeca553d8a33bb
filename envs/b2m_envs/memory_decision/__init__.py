"""The memory decision task of Kornblith et al. 2017: its trials, their steps, its environments."""

from b2m_envs.memory_decision.settings import MemoryDecisionSettings
from b2m_envs.memory_decision.steps import PADDING, TrialBatch, period_names
from b2m_envs.memory_decision.task import CHOOSE_LEFT, CHOOSE_RIGHT, FIXATE, MemoryDecisionTask
from b2m_envs.memory_decision.trials import LEFT, NO_STIMULUS, RIGHT, TrialTable

__all__ = [
    "CHOOSE_LEFT",
    "CHOOSE_RIGHT",
    "FIXATE",
    "LEFT",
    "NO_STIMULUS",
    "PADDING",
    "RIGHT",
    "MemoryDecisionSettings",
    "MemoryDecisionTask",
    "TrialBatch",
    "TrialTable",
    "period_names",
]
