"""One agent of the agents' comparison: trained in memory, evaluated on the way and at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from b2m_agents.drivers.drivers import CONSTANT_SPEED, HIGHWAY_ENV
from b2m_agents.episodes.episodes import episode_seed, neutral_action
from b2m_agents.learning.algorithms import new_policy
from b2m_agents.studies.agents.batched_evaluation import ActBatched, Driven, evaluate_batched
from b2m_agents.studies.agents.demonstrations import N_TESTED, ClonedDriver, demonstrations
from b2m_agents.studies.agents.plan import AgentPlan, AgentsStudySettings
from b2m_agents.studies.agents.senses import Senses
from b2m_agents.worlds.latent_observation import frozen
from b2m_drive.comparisons.agents_study import (
    CLONED_ACCURACY,
    CLONED_BALANCED,
    CLONED_OFF_ROAD,
    CLONED_RETURN,
    CLONED_SAFE,
    ENCODER_R2,
    OFF_ROAD,
    RETURN,
    SAFE,
    SPEED,
    SUCCESS,
    VALIDATION,
    cloned,
)
from b2m_drive.evidence.scores import Score
from b2m_drive.students.devices import device_of
from b2m_drive.students.scene_vae import SceneVAE
from b2m_envs.scenes.observation import action_space
from b2m_envs.scenes.settings import SceneSettings

# Seeds of the evaluations: the same episodes for every agent and driver.
_VALIDATION, _HELD_OUT, _TESTED = 5_000_000, 6_000_000, 6_500_000
_REWARDS, _SHARE, _STEPS = "sum of rewards", "share of episodes", "share of steps"


def run_job(plan: AgentPlan, after_update: Callable[[], None]) -> list[Score]:
    """Train the agent of a plan, or let its driver drive; returns the scores."""
    if not plan.trains:
        return driver_scores(plan)
    return list(ComparedAgent(plan).scores(after_update))


class ComparedAgent:
    """One agent: what it sees, its policy, and how it is scored."""

    def __init__(self, plan: AgentPlan) -> None:
        self.plan, self.settings, self.scene = plan, plan.settings, plan.scene
        self.device = device_of(plan.device)
        encoder = frozen(SceneVAE.from_pretrained(plan.encoder)) if plan.encoder else None
        encoder = None if encoder is None else encoder.to(self.device)
        self.senses = Senses(plan.scene, plan.observation, encoder)

    def scores(self, after_update: Callable[[], None]) -> Iterator[Score]:
        """Train, and score over training, after it, and by cloning."""
        with closing(self.senses.worlds(self.settings.n_environments)) as worlds:
            training = self.settings.training(
                self.scene.scenario, self.plan.observation, self.plan.seed
            )
            policy = new_policy(worlds, training, self.device)
            while policy.num_timesteps < self.settings.n_steps:
                self.learn(policy, self.settings.evaluate_every, after_update)
                yield self.validate(policy)
        yield from self.final(policy)
        for n_frames in self.settings.demonstrations:
            yield from self.clone(n_frames)
        if self.plan.encoder_r2 is not None:
            yield self._score(ENCODER_R2, self.plan.encoder_r2, "share of variance", 0)

    def learn(self, policy: BaseAlgorithm, n_steps: int, after_update: Callable[[], None]) -> None:
        """Go on learning for so many steps of all worlds."""
        begun = policy.num_timesteps
        policy.learn(n_steps, callback=_EachRollout(after_update), reset_num_timesteps=begun == 0)

    def validate(self, policy: BaseAlgorithm) -> Score:
        """Mean return over the validation episodes, of the likeliest actions."""
        driven = self._drive(validation_seeds(self.settings), self._acting(policy))
        return self._score(VALIDATION, driven.returned.mean(), _REWARDS, policy.num_timesteps)

    def final(self, policy: BaseAlgorithm) -> Iterator[Score]:
        """How the trained policy drives through the held-out episodes."""
        driven = self._drive(held_out_seeds(self.settings), self._acting(policy))
        yield self._score(RETURN, driven.returned.mean(), _REWARDS)
        yield self._score(SAFE, 1 - driven.crashed.mean(), _SHARE)
        yield self._score(SPEED, driven.speed.mean(), "m/s")
        yield self._score(OFF_ROAD, driven.off_road.mean(), _STEPS)
        if driven.succeeded is not None:
            yield self._score(SUCCESS, driven.succeeded.mean(), _SHARE)

    def clone(self, n_frames: int) -> Iterator[Score]:
        """Behaviour cloning from so many frames: open loop, then in closed loop."""
        most = max(self.settings.demonstrations)
        every = demonstrations(self.scene, most, self.plan.seed)
        driver = ClonedDriver(self.senses, every.first(n_frames))
        tested = demonstrations(self.scene, N_TESTED, _TESTED, held_out=True)
        accuracy, balanced = driver.accuracy(tested)
        yield self._score(cloned(CLONED_ACCURACY, n_frames), accuracy, "share of frames")
        yield self._score(cloned(CLONED_BALANCED, n_frames), balanced, "share of frames")
        driven = self._drive(held_out_seeds(self.settings), driver.act)
        yield self._score(cloned(CLONED_RETURN, n_frames), driven.returned.mean(), _REWARDS)
        yield self._score(cloned(CLONED_SAFE, n_frames), 1 - driven.crashed.mean(), _SHARE)
        yield self._score(cloned(CLONED_OFF_ROAD, n_frames), driven.off_road.mean(), _STEPS)

    def _acting(self, policy: BaseAlgorithm) -> ActBatched:
        def act(scenes: Any, state: Any) -> np.ndarray:
            return policy.predict(self.senses.observe(scenes, state), deterministic=True)[0]

        return act

    def _drive(self, seeds: list[int], act: ActBatched) -> Driven:
        return evaluate_batched(self.scene, seeds, act, draws=self.senses.needs_pictures)

    def _score(self, metric: str, value: Any, unit: str, step: int | None = None) -> Score:
        step = self.settings.n_steps if step is None else step
        return Score(self.plan.condition, self.plan.seed, metric, step, float(value), unit)


def driver_scores(plan: AgentPlan) -> list[Score]:
    """How a driver that does not learn goes through the same episodes; one row an episode."""
    scene, act = plan.scene, None
    if plan.condition.control == HIGHWAY_ENV:
        scene = replace(scene, driver="highway_env")
    else:
        assert plan.condition.control == CONSTANT_SPEED
        act = _keeping_speed(scene)
    validated = evaluate_batched(scene, validation_seeds(plan.settings), act, draws=False)
    driven = evaluate_batched(scene, held_out_seeds(plan.settings), act, draws=False)
    by_metric = (
        (VALIDATION, validated.returned, _REWARDS),
        (RETURN, driven.returned, _REWARDS),
        (SAFE, 1.0 - driven.crashed, _SHARE),
        (SPEED, driven.speed, "m/s"),
        (OFF_ROAD, driven.off_road, _STEPS),
        *(() if driven.succeeded is None else ((SUCCESS, 1.0 * driven.succeeded, _SHARE),)),
    )
    return [
        Score(plan.condition, index, metric, 0, float(value), unit)
        for metric, values, unit in by_metric
        for index, value in enumerate(values)
    ]


def validation_seeds(settings: AgentsStudySettings) -> list[int]:
    """Of the episodes of learning curves; even, as those of training."""
    return [episode_seed(_VALIDATION, index) for index in range(settings.n_validation)]


def held_out_seeds(settings: AgentsStudySettings) -> list[int]:
    """Of the episodes after training; odd, so that no training ever had them."""
    n_episodes = settings.n_held_out
    return [episode_seed(_HELD_OUT, index, held_out=True) for index in range(n_episodes)]


def _keeping_speed(scene: SceneSettings) -> ActBatched:
    neutral = neutral_action(action_space(scene))
    return lambda scenes, state: np.array([neutral] * len(state))


class _EachRollout(BaseCallback):
    """Tells after every rollout, and thus before the update that it is for."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self._tell()
