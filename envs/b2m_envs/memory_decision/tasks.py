"""From settings to the task they are of."""

from __future__ import annotations

from b2m_envs.memory_decision.context_decision import ContextDecisionSettings, ContextDecisionTask
from b2m_envs.memory_decision.settings import MemoryDecisionSettings
from b2m_envs.memory_decision.sternberg import SternbergSettings, SternbergTask
from b2m_envs.memory_decision.task import MemoryDecisionTask


def task_of(
    settings: MemoryDecisionSettings | SternbergSettings | ContextDecisionSettings,
) -> MemoryDecisionTask | SternbergTask | ContextDecisionTask:
    """The task with these settings.

    Raises:
        ValueError: if they are the settings of none.
    """
    match settings:
        case MemoryDecisionSettings():
            return MemoryDecisionTask(settings)
        case SternbergSettings():
            return SternbergTask(settings)
        case ContextDecisionSettings():
            return ContextDecisionTask(settings)
    raise ValueError(f"settings: expected those of a task, came {type(settings).__name__}")
