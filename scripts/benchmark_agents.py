"""Print how fast agents learn, from end to end, beside Stable-Baselines3 on highway-env.

    python scripts/benchmark_agents.py                # about 8 minutes; needs every core to itself
    python scripts/benchmark_agents.py --worlds 64 --scenarios highway_fast
    python scripts/benchmark_agents.py --memory       # ppo beside recurrent_ppo, two minutes

A step is all of it: the world, its picture, the encoder, the policy, the update. Both sides learn
by PPO in as many worlds, and look at every step in as many epochs, in batches of the same size. A
batch is all that highway-env's side takes between two updates, for more would take hours. Both
have learnt once before they are timed, and take turns in one run.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from benchmark_engine import ORIGINALS, SIDE, Rate, grayscale, original
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from b2m_agents.learning.agent_settings import TrainingSettings, settings_for
from b2m_agents.learning.algorithm_settings import PPOSettings
from b2m_agents.learning.algorithms import new_policy
from b2m_agents.learning.training_worlds import make_environments, observed, training_worlds
from b2m_agents.worlds.latent_observation import VecLatentObservation
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_envs.scenes.settings import SceneSettings

WORLDS = {"highway_fast": 256, "highway": 64}  # fewer where highway-env takes long
TURNS = 2
OUR_SECONDS = 6.0  # of each turn, and at least one update
THEIR_SECONDS = 0.01  # that is, one update
BATCHES = {"highway_fast": 4, "highway": 2}  # steps of each world in a batch
PIXEL_ROLLOUT = 8  # of ours that learn from pixels


class Ours:
    """PPO on our worlds."""

    def __init__(self, scenario: str, observation: str, n_worlds: int) -> None:
        rollout = PIXEL_ROLLOUT if observation == "pixels" else PPOSettings.rollout
        batch_size = BATCHES[scenario] * n_worlds
        self.settings = TrainingSettings(
            algorithm=PPOSettings(rollout=rollout, batch_size=batch_size),
            observation=observation,  # type: ignore[arg-type]
            n_environments=n_worlds,
        )
        scene = SceneSettings(scenario, height=SIDE, width=SIDE)
        worlds = make_environments(scene, self.settings, in_processes=False)
        encoder = SceneVAE(SceneVAESettings(SIDE, SIDE, scene.n_channels))
        self.venv = observed(worlds, encoder if observation == "latents" else None, self.settings)
        self.policy = new_policy(self.venv, self.settings)
        self.policy.set_logger(Logger(folder=None, output_formats=[]))
        self.spent: Counter[str] = Counter()  # [s] of wall time, by part
        watch(worlds, "step_wait", self.spent, "world")
        if isinstance(self.venv, VecLatentObservation):
            watch(self.venv, "step_wait", self.spent, "world and encoder")
        watch(self.policy, "train", self.spent, "update")
        watch(self, "learn", self.spent, "all")

    def learn(self) -> int:
        """One rollout and one update; returns the number of steps."""
        return an_update(self.policy, self.settings.update_steps)

    def shares(self) -> str:
        """What part of the time goes where."""
        spent = self.spent
        parts = {"world": spent["world"]}
        if "world and encoder" in spent:
            parts["encoder"] = spent["world and encoder"] - spent["world"]
        parts["policy"] = spent["all"] - spent["update"] - sum(parts.values())
        parts["update"] = spent["update"]
        return ", ".join(f"{name} {part / spent['all']:.0%}" for name, part in parts.items())


class Theirs:
    """PPO on highway-env's world."""

    def __init__(self, scenario: str, pictures: bool, n_worlds: int) -> None:
        config = grayscale() if pictures else None
        self.venv = DummyVecEnv([partial(original, scenario, config)] * n_worlds)
        self.n_steps = BATCHES[scenario] * n_worlds
        ours = PPOSettings()
        networks = {} if pictures else {"net_arch": list(ours.hidden_sizes)}
        self.policy = PPO(
            "CnnPolicy" if pictures else "MlpPolicy",  # NatureCNN, or the same MLP as ours
            self.venv,
            n_steps=BATCHES[scenario],
            batch_size=self.n_steps,
            n_epochs=ours.n_epochs,
            learning_rate=ours.learning_rate,
            gamma=ours.discount,
            gae_lambda=ours.gae_lambda,
            ent_coef=ours.entropy_weight,
            policy_kwargs=networks,
            device="cpu",
        )
        self.policy.set_logger(Logger(folder=None, output_formats=[]))

    def learn(self) -> int:
        """One rollout and one update; returns the number of steps."""
        return an_update(self.policy, self.n_steps)


def watch(owner: Any, name: str, spent: Counter[str], part: str) -> None:
    """Count the seconds of a method of one object."""
    method: Callable[..., Any] = getattr(owner, name)

    def watched(*arguments: Any, **keywords: Any) -> Any:
        started = time.perf_counter()
        result = method(*arguments, **keywords)
        spent[part] += time.perf_counter() - started  # type: ignore[assignment]
        return result

    setattr(owner, name, watched)


def side_by_side(scenario: str, observations: list[str], n_worlds: int) -> None:
    """Print the rates of our agents beside one of highway-env's."""
    pictures = "state" not in observations
    torch.set_num_threads(1)  # as in our trainings
    theirs, their_rate = Theirs(scenario, pictures, n_worlds), Rate()
    ours = {each: Ours(scenario, each, n_worlds) for each in observations}
    rates = {each: Rate() for each in observations}
    theirs.learn()  # begins all episodes
    for agent in ours.values():
        agent.learn()  # compiles, too
        agent.spent.clear()
    for _ in range(TURNS):
        their_rate.add(theirs.learn, THEIR_SECONDS)
        for name, agent in ours.items():
            rates[name].add(agent.learn, OUR_SECONDS)
    name_of_theirs = "Grayscale and NatureCNN" if pictures else "Kinematics"
    for name, rate in rates.items():
        print(
            f"agents: {scenario}, {name}, {n_worlds} worlds: {rate.a_second:,.0f} against "
            f"{their_rate.a_second:,.1f} steps/s ({ORIGINALS[scenario]}, {name_of_theirs}), ratio "
            f"{rate.a_second / their_rate.a_second:,.0f} (processor time: "
            f"{rate.a_processor_second / their_rate.a_processor_second:,.0f}); "
            f"ours goes into: {ours[name].shares()}",
            flush=True,
        )
    close([theirs.venv, *(agent.venv for agent in ours.values())])


def with_and_without_memory(observation: str) -> None:
    """Print the rates of agents that remember their episode and that do not, as by default."""
    torch.set_num_threads(1)
    scene, algorithms = SceneSettings("highway_fast"), ("ppo", "recurrent_ppo")
    rates = {name: Rate() for name in algorithms}
    with ExitStack() as opened:
        learning = {}
        for name in algorithms:
            settings = settings_for("highway_fast", observation=observation, algorithm=name)
            worlds = opened.enter_context(training_worlds(scene, None, settings, False))
            learning[name] = partial(an_update, new_policy(worlds, settings), settings.update_steps)
            learning[name]()  # compiles, too
        for _ in range(2 * TURNS):
            for name, learn in learning.items():
                rates[name].add(learn, OUR_SECONDS)
    said = ", ".join(
        f"{name} {rate.a_second:,.0f} (of processor time {rate.a_processor_second:,.0f})"
        for name, rate in rates.items()
    )
    print(f"agents: highway_fast, {observation}, steps/s: {said}", flush=True)


def an_update(policy: BaseAlgorithm, n_steps: int) -> int:
    """One rollout and one update; returns the number of steps."""
    policy.learn(n_steps, reset_num_timesteps=policy.num_timesteps == 0)
    return n_steps


def close(environments: list[VecEnv]) -> None:
    """Close them all."""
    for each in environments:
        each.close()


def main(arguments: list[str] | None = None) -> None:
    """Run all benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, help="side by side, on both sides")
    parser.add_argument("--scenarios", nargs="*", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--memory", action="store_true", help="ppo beside recurrent_ppo alone")
    chosen = parser.parse_args(arguments)
    if chosen.memory:
        for observation in ("pixels", "state"):
            with_and_without_memory(observation)
        return
    os.environ["SDL_VIDEODRIVER"] = "offscreen"  # with "dummy" highway-env's frames are black
    warnings.filterwarnings("ignore", message=".*CnnPolicy.*")
    for scenario in chosen.scenarios:
        n_worlds = chosen.worlds or WORLDS[scenario]
        side_by_side(scenario, ["state"], n_worlds)
        side_by_side(scenario, ["latents", "pixels"], n_worlds)


if __name__ == "__main__":
    main()
