"""The steps at which a training pauses, for a checkpoint or an evaluation: whole updates."""

from __future__ import annotations

from b2m_agents.learning.agent_settings import TrainingSettings


def total_steps(settings: TrainingSettings) -> int:
    """Of the whole training."""
    return rounded_up(settings.n_steps, settings.update_steps)


def first_stop(settings: TrainingSettings) -> int:
    """The step of the first checkpoint."""
    return next_stop(0, total_steps(settings), settings)


def next_stop(now: int, total: int, settings: TrainingSettings) -> int:
    """The step of the next checkpoint or evaluation."""
    stops = [total]
    for every in (settings.checkpoint_every, settings.evaluate_every):
        if every:
            leg = rounded_up(every, settings.update_steps)
            stops.append((now // leg + 1) * leg)
    return min(stops)


def rounded_up(n: int, multiple: int) -> int:
    """The least multiple that is not below a number."""
    return -(-n // multiple) * multiple
