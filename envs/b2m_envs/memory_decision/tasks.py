"""The memory tasks: a table from a task's name to its class.

A task of the user's own joins by one line: ``TASKS["mine"] = MyTask``.
"""

from __future__ import annotations

from b2m_envs.memory_decision.context_decision import ContextDecisionTask
from b2m_envs.memory_decision.settings import TrialSettings
from b2m_envs.memory_decision.sternberg import SternbergTask
from b2m_envs.memory_decision.task import MemoryDecisionTask, TrialTask

TASKS: dict[str, type[TrialTask]] = {
    "memory_decision": MemoryDecisionTask,
    "sternberg": SternbergTask,
    "context_decision": ContextDecisionTask,
}


def task_of(settings: TrialSettings) -> TrialTask:
    """The task of `TASKS` whose settings these are.

    Settings of a class derived from a task's are of that task, unless a task names their own class.

    Raises:
        ValueError: If they are the settings of none.
    """
    by_settings = {task.settings_class: task for task in TASKS.values()}
    for kind in type(settings).__mro__:
        if kind in by_settings:
            return by_settings[kind](settings)
    raise ValueError(
        f"settings: expected those of a task of TASKS ({', '.join(TASKS)}), "
        f"came {type(settings).__name__}"
    )
