"""Behaviour cloning: what the driver model did, learnt from few frames by a small head."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from b2m_agents.episodes.batched_episodes import play_episodes
from b2m_agents.episodes.episodes import Episode, episode_seed
from b2m_agents.studies.agents.senses import Senses
from b2m_envs.scenes.settings import SceneSettings

N_TESTED = 1000  # frames of held-out drives, on which the cloned actions are compared
_DRIVES = 7_000_000  # first seed of the drives, beside those of agents and evaluations
_LARGEST_STEPS = 1000  # of the fit


@dataclass(frozen=True)
class Demonstrations:
    """Frames of a drive, and what the driver did in each."""

    scenes: UInt8[np.ndarray, "frame height width channel"]
    state: Float32[np.ndarray, "frame variable"]
    action: Int64[np.ndarray, " frame"]

    def first(self, n_frames: int) -> Demonstrations:
        """The first so many of them."""
        return Demonstrations(self.scenes[:n_frames], self.state[:n_frames], self.action[:n_frames])


def demonstrations(
    scene: SceneSettings, n_frames: int, seed: int, *, held_out: bool = False
) -> Demonstrations:
    """The first frames of drives of highway-env's driver model.

    Args:
        scene: With discrete actions; the driver's are the nearest ones.
        n_frames: As many exactly; the last drive is cut.
        seed: Of the drives.
        held_out: Whether the drives' seeds are those of evaluation (odd), or of training (even).
    """
    return _demonstrations(scene, n_frames, seed, held_out)


@lru_cache(maxsize=4)
def _demonstrations(
    scene: SceneSettings, n_frames: int, seed: int, held_out: bool
) -> Demonstrations:
    episodes = []
    for episode in _drives(scene, seed, held_out):
        episodes.append(episode)
        if sum(len(each.action) for each in episodes) >= n_frames:
            break
    action = np.concatenate([each.action for each in episodes])[:n_frames].astype(np.int64)
    scenes = np.concatenate([each.frames[:-1] for each in episodes])[:n_frames]
    state = np.concatenate([each.state[:-1] for each in episodes])[:n_frames]
    return Demonstrations(scenes, state, action)


def _drives(scene: SceneSettings, seed: int, held_out: bool) -> Iterator[Episode]:
    driven = replace(scene, driver="highway_env")
    index = 0
    while True:
        seeds = [episode_seed(_DRIVES + seed, index + k, held_out=held_out) for k in range(16)]
        yield from play_episodes(driven, lambda seed: None, seeds)
        index += len(seeds)


class ClonedDriver:
    """A multinomial logistic regression of actions on what an agent sees of a scene.

    Features are z-scored by the demonstrations; the penalty is scikit-learn's usual one, the same
    for every condition. Where the demonstrations hold a single action, it takes that one.

    Args:
        senses: What is seen.
        taught: The demonstrations.
    """

    def __init__(self, senses: Senses, taught: Demonstrations) -> None:
        self.senses = senses
        self._head = _fitted(senses.features(taught.scenes, taught.state), taught.action)

    def act(self, scenes: Any, state: Any) -> Int64[np.ndarray, " row"]:
        """The likeliest action in each scene."""
        action: np.ndarray = self._head.predict(self.senses.features(scenes, state))
        return action.astype(np.int64)

    def accuracy(self, tested: Demonstrations) -> tuple[float, float]:
        """Share of frames in which it does what the driver did, and the mean share over actions.

        The driver keeps its lane and speed most of the time, which the former can live on; in
        the latter every action that the driver took counts alike.
        """
        same = self.act(tested.scenes, tested.state) == tested.action
        by_action = [same[tested.action == action].mean() for action in np.unique(tested.action)]
        return float(same.mean()), float(np.mean(by_action))


def _fitted(features: Float32[np.ndarray, "frame feature"], action: np.ndarray) -> Any:
    from sklearn.dummy import DummyClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(action)) == 1:
        return DummyClassifier(strategy="most_frequent").fit(features, action)
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_LARGEST_STEPS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # many pixels, few frames
        return head.fit(features, action)
