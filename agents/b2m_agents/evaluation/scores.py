"""What an evaluation's episodes say of each driver: scores, intervals, and who leads whom.

A score that could not be measured in an episode is that of the other episodes; None: in none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from b2m_agents.drivers.drivers import CONSTANT_SPEED, HIGHWAY_ENV
from b2m_agents.evaluation.evaluate import DrivenEpisode, Evaluation
from b2m_drive.evidence.bootstrap import bootstrap_interval, interquartile_mean
from b2m_drive.evidence.statistics import Interval, binomial_interval, crossed_difference
from b2m_envs.scenes.state import LONGEST_TIME

MARGIN = 0.05  # of the driver model's mean return: by so much an agent may be worse


@dataclass(frozen=True)
class DriverScores:
    """A driver's scores on the held-out episodes, each with its 95 % interval."""

    driver: str
    n_trainings: int  # agents that are pooled; 0: of a driver that was not trained
    return_: Interval
    return_middle: Interval  # interquartile mean
    crash_rate: Interval
    speed: Interval  # [m/s]
    length: Interval  # [s]
    lane_changes: Interval  # an episode
    smallest_time_to_collision: Interval | None  # [s] mean; none on the road counts as 20 s
    share_in_hazard: Interval | None  # of the time on the road, with less than 2 s to a collision
    off_road: Interval | None  # share of the steps
    ever_off_road: Interval | None  # share of the episodes with a step off the road
    not_measured: Interval  # share of the steps without lane, gap and time to collision
    success_rate: Interval | None  # None: the scenario has no goal
    lead_on_constant_speed: Interval | None  # return minus that one's, paired by episode
    lead_on_model: Interval | None  # None: of a driver that is no agent, or there is no model
    margin: float  # of return, by which an agent may be worse: of the model's mean, as it was

    @property
    def beats_constant_speed(self) -> bool | None:
        """Whether the whole interval of the lead is above 0; None: nobody to lead."""
        lead = self.lead_on_constant_speed
        return None if lead is None else lead.low > 0

    @property
    def not_worse_than_model(self) -> bool | None:
        """Whether the interval's lower bound is above minus the margin; None: no model."""
        lead = self.lead_on_model
        return None if lead is None else lead.low > -self.margin


def scores_of(evaluation: Evaluation, seed: int = 0) -> tuple[DriverScores, ...]:
    """Scores of each agent, of the trainings of a kind pooled, and of the other drivers.

    Args:
        evaluation: Of one agent or more.
        seed: Of the bootstrap.
    """
    pooled = [kind for kind in evaluation.kinds if len(kind) > 1]
    groups = [
        *((name, (name,), 1) for name in evaluation.agents),
        *((_kind_name(kind, evaluation), kind, len(kind)) for kind in pooled),
        *((name, (name,), 0) for name in evaluation.references),
    ]
    generator = np.random.default_rng(seed)
    return tuple(_scores_of(evaluation, *group, generator) for group in groups)


def _kind_name(kind: tuple[str, ...], evaluation: Evaluation) -> str:
    if len(kind) == len(evaluation.agents):
        return f"all {len(kind)} trainings"
    return f"{kind[0]} and {len(kind) - 1} more"


def _scores_of(
    evaluation: Evaluation,
    name: str,
    drivers: Sequence[str],
    n_trainings: int,
    generator: np.random.Generator,
) -> DriverScores:
    def values(
        score: Callable[[DrivenEpisode], float], of: Sequence[str] = drivers
    ) -> Float64[np.ndarray, "training episode"]:
        return np.array([[float(score(each)) for each in evaluation.of(name)] for name in of])

    def interval(score: Callable[[DrivenEpisode], float]) -> Interval:
        return mean_interval_of(values(score), generator)

    def interval_of_known(score: Callable[[DrivenEpisode], float]) -> Interval | None:
        known = _known(values(score))
        return mean_interval_of(known, generator) if known.size else None

    def rate_of_known(score: Callable[[DrivenEpisode], float]) -> Interval | None:
        known = _known(values(score))
        return _rate_interval(known, generator) if known.size else None

    def lead_on(reference: str) -> Interval | None:
        if not n_trainings or reference not in evaluation.references:
            return None
        returns = values(_return_of) - values(_return_of, [reference])
        return mean_interval_of(returns, generator)

    model = HIGHWAY_ENV in evaluation.references
    return DriverScores(
        driver=name,
        n_trainings=n_trainings,
        return_=interval(_return_of),
        return_middle=bootstrap_interval(values(_return_of), generator, interquartile_mean),
        crash_rate=_rate_interval(values(lambda each: each.crashed), generator),
        speed=interval(lambda each: each.speed),
        length=interval(lambda each: each.length),
        lane_changes=interval(lambda each: each.lane_changes),
        smallest_time_to_collision=interval_of_known(_time_or_longest),
        share_in_hazard=interval_of_known(lambda each: each.share_in_hazard),
        off_road=interval_of_known(lambda each: each.off_road),
        ever_off_road=rate_of_known(_ever_off_road),
        not_measured=interval(lambda each: each.not_measured),
        success_rate=rate_of_known(lambda each: np.nan if each.success is None else each.success),
        lead_on_constant_speed=lead_on(CONSTANT_SPEED),
        lead_on_model=lead_on(HIGHWAY_ENV),
        margin=MARGIN * abs(float(values(_return_of, [HIGHWAY_ENV]).mean())) if model else 0.0,
    )


def mean_interval_of(
    values: Float64[np.ndarray, "training episode"], generator: np.random.Generator
) -> Interval:
    """The mean and its interval: over one training's episodes, or over trainings and episodes.

    Of episodes alone it is a bootstrap's. Trainings are few, and of few a bootstrap's interval is
    far too narrow (of two it holds the truth three times in four); so with several trainings it is
    that of a two-way layout, see `crossed_difference`.
    """
    if len(values) == 1:
        return bootstrap_interval(values, generator)
    crossed = crossed_difference(values)
    return Interval(crossed.mean, crossed.low, crossed.high, values.size)


def _return_of(episode: DrivenEpisode) -> float:
    return episode.return_


def _known(
    values: Float64[np.ndarray, "training episode"],
) -> Float64[np.ndarray, "training known"]:
    """The episodes that every training has a value of."""
    return values[:, ~np.isnan(values).any(axis=0)]


def _time_or_longest(episode: DrivenEpisode) -> float:
    """Of an episode without a time below 20 s, 20 s; of one that was never on the road, NaN."""
    time = episode.smallest_time_to_collision
    if episode.not_measured == 1:
        return np.nan
    return LONGEST_TIME if np.isnan(time) else time


def _ever_off_road(episode: DrivenEpisode) -> float:
    return np.nan if np.isnan(episode.off_road) else float(episode.off_road > 0)


def _rate_interval(
    values: Float64[np.ndarray, "training episode"], generator: np.random.Generator
) -> Interval:
    """The exact interval, since a bootstrap of no crash in 30 would promise that there is none.

    Several trainings drove the same episodes, so the exact one is of as many episodes as one of
    them drove; and it knows nothing of how they differ, so the wider bound of it and of
    `mean_interval_of` counts, at either end.
    """
    rate, n_episodes = float(values.mean()), values.shape[1]
    low, high = binomial_interval(round(rate * n_episodes), n_episodes)
    if len(values) > 1:
        both = mean_interval_of(values, generator)
        low, high = min(low, max(both.low, 0.0)), max(high, min(both.high, 1.0))
    return Interval(rate, low, high, values.size)
