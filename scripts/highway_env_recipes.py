"""Run the recipes of highway-env's own examples on its environments and on ours, side by side.

    python scripts/highway_env_recipes.py --steps 2000          # a look, in some minutes
    python scripts/highway_env_recipes.py dqn-highway-fast      # one, as long as its example has it
    python scripts/highway_env_recipes.py --sides b2m           # ours alone

Only the line that makes the environment differs. Both agents are then driven in highway-env's own
environment, on the same seeds: the mean return with its spread over episodes, the share of episodes
that ended in a crash, and the time of the training on one thread: of the wall, and of the
processor, which other work beside it changes less.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gymnasium
import highway_env  # noqa: F401 - registers its environments
import numpy as np
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv
from stable_baselines3.her import HerReplayBuffer

import b2m_envs

EPISODES = 20
FIRST_SEED = 1_000_001  # of the episodes that are scored
SIDES: dict[str, Callable[..., Any]] = {
    "highway-env": lambda env_id, config: gymnasium.make(env_id, config=config),
    "b2m": lambda env_id, config: b2m_envs.from_highway_env(env_id, config),
}
KINEMATICS = {"observation": {"type": "Kinematics"}}


@dataclass(frozen=True)
class Recipe:
    """One of highway-env's examples, or of rl-baselines3-zoo's hyperparameters."""

    env_id: str
    algorithm: type[BaseAlgorithm]
    keywords: dict[str, Any]
    n_steps: int
    policy: str = "MlpPolicy"
    n_envs: int = 1
    config: dict[str, Any] = field(default_factory=dict)


RECIPES = {
    "dqn-highway-fast": Recipe(  # scripts/sb3_highway_dqn.py
        "highway-fast-v0",
        DQN,
        {
            "policy_kwargs": {"net_arch": [256, 256]},
            "learning_rate": 5e-4,
            "buffer_size": 15_000,
            "learning_starts": 200,
            "batch_size": 32,
            "gamma": 0.8,
            "target_update_interval": 50,
        },
        20_000,
        config=KINEMATICS,
    ),
    "ppo-highway-fast": Recipe(  # scripts/sb3_highway_ppo.py
        "highway-fast-v0",
        PPO,
        {
            "policy_kwargs": {"net_arch": {"pi": [256, 256], "vf": [256, 256]}},
            "n_steps": 128,
            "batch_size": 64,
            "n_epochs": 10,
            "learning_rate": 5e-4,
            "gamma": 0.8,
        },
        20_000,
        n_envs=6,
        config=KINEMATICS,
    ),
    "ppo-racetrack": Recipe(  # scripts/sb3_racetracks_ppo.py: occupancy grid, steering only
        "racetrack-v0",
        PPO,
        {
            "policy_kwargs": {"net_arch": {"pi": [256, 256], "vf": [256, 256]}},
            "n_steps": 64,
            "batch_size": 64,
            "n_epochs": 10,
            "learning_rate": 5e-4,
            "gamma": 0.9,
        },
        100_000,
        n_envs=12,
    ),
    "her-parking": Recipe(  # scripts/parking_her.ipynb
        "parking-v0",
        SAC,
        {
            "replay_buffer_class": HerReplayBuffer,
            "replay_buffer_kwargs": {"n_sampled_goal": 4, "goal_selection_strategy": "future"},
            "policy_kwargs": {"net_arch": [256, 256, 256]},
            "buffer_size": 1_000_000,
            "learning_starts": 1_000,
            "learning_rate": 1e-3,
            "gamma": 0.95,
            "batch_size": 256,
            "tau": 0.05,
        },
        50_000,
        policy="MultiInputPolicy",
    ),
}


def main() -> None:
    """Train and score every recipe on every side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", help=f"some of {', '.join(RECIPES)}; default: all")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--steps", type=int, help="of each training; default: the example's")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in arguments.recipes:
        if name not in RECIPES:
            parser.error(f"expected some of {', '.join(RECIPES)}, came {name!r}")
    torch.set_num_threads(1)
    for name in arguments.recipes or RECIPES:
        recipe = RECIPES[name]
        n_steps = arguments.steps or recipe.n_steps
        for side in arguments.sides:
            print(f"{name}, {n_steps:,} steps, {side}: ", end="", flush=True)
            print(line_of(recipe, side, n_steps, arguments.seed), flush=True)


def line_of(recipe: Recipe, side: str, n_steps: int, seed: int) -> str:
    """Train on one side, score in highway-env, and say it."""
    worlds = worlds_of(recipe, side)
    worlds.reset()  # what is compiled once, or built, is no part of the training
    model = recipe.algorithm(
        policy=recipe.policy, env=worlds, seed=seed, device="cpu", **recipe.keywords
    )
    started, worked = time.perf_counter(), time.process_time()
    model.learn(n_steps)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    worlds.close()
    returns, crashed = scores(model, recipe)
    return (
        f"return {returns.mean():.2f} (sd {returns.std():.2f} over {len(returns)} episodes), "
        f"crashed {crashed:.0%}, {seconds:.0f} s, {worked:.0f} s of processor time, "
        f"{n_steps / worked:,.0f} steps a processor second"
    )


def worlds_of(recipe: Recipe, side: str) -> VecEnv:
    """So many environments as the recipe has; the side makes each."""
    made = partial(SIDES[side], recipe.env_id, recipe.config)
    return DummyVecEnv([lambda: Monitor(made())] * recipe.n_envs)


def scores(model: BaseAlgorithm, recipe: Recipe) -> tuple[np.ndarray, float]:
    """Returns [episode] and the share of crashes, in highway-env's own environment."""
    env = SIDES["highway-env"](recipe.env_id, recipe.config)
    returns, crashes = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + EPISODES):
        observation, info = env.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            action, _ = model.predict(observation, deterministic=True)
            observation, reward, terminated, truncated, info = env.step(action)
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
        crashes.append(info["crashed"])
    env.close()
    return np.array(returns), float(np.mean(crashes))


if __name__ == "__main__":
    main()
