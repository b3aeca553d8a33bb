"""Whole episodes, driven many at a time on the engine; each is what it would be alone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np
from gymnasium.utils import seeding

from b2m_agents.episodes.episodes import Act, Episode
from b2m_envs.driving.checks import valid_action
from b2m_envs.driving.scene_batch import SceneBatch
from b2m_envs.scenes.observation import Kind, ObservationObject, action_space
from b2m_envs.scenes.seen import Seen
from b2m_envs.scenes.settings import SceneSettings

EPISODES_AT_ONCE = 32  # worlds of a batch; more make it little faster, and hold more frames
FRAME_MEMORY = 2**28  # [byte] of the frames of episodes that run

# The batch of the last call, if nobody uses it: the next block of episodes needs the same.
_idle: dict[tuple[SceneSettings, int], SceneBatch] = {}


def play_episodes(
    scene: SceneSettings,
    driver_of: Callable[[int], Act | None],
    seeds: Iterable[int],
    n_worlds: int | None = None,
    observes: ObservationObject | None = None,
) -> Generator[Episode, None, None]:
    """Drive one episode a seed, and yield them in the seeds' order.

    A driver sees one scene at a time, so that neither the number of worlds nor what the others
    do changes an episode: an agent's network would round differently in a batch.

    Args:
        scene: One that the engine has.
        driver_of: Gives the driver of the episode of a seed; None: highway-env's driver model is
            in the car.
        seeds: May be endless: only as many are drawn ahead as there are worlds.
        n_worlds: Episodes at a time; None: 32, or fewer if their frames are large.
        observes: What the drivers are given in place of the scene.
    """
    n_worlds = n_worlds or episodes_at_once(scene)
    batch = _idle.pop((scene, n_worlds), None) or SceneBatch(scene, n_worlds)
    waiting = enumerate(seeds)
    running: dict[int, _Recording] = {}
    ended: dict[int, Episode] = {}
    turn = 0
    kind = None if observes is None else observes.kind
    while _begin(batch, running, waiting if len(ended) < n_worlds else iter(()), driver_of, kind):
        _drive(batch, running, kind)
        over = batch.worlds.terminated | batch.truncated
        for world in [world for world in running if over[world]]:
            recording = running.pop(world)
            ended[recording.index] = recording.episode(batch, world)
        while turn in ended:
            yield ended.pop(turn)
            turn += 1
    _idle.clear()
    _idle[scene, n_worlds] = batch


def episodes_at_once(scene: SceneSettings) -> int:
    """How many episodes run at a time, so that their frames have room in memory."""
    episode = (scene.last_step + 1) * scene.height * scene.width * scene.n_channels  # [byte]
    return max(1, min(EPISODES_AT_ONCE, FRAME_MEMORY // episode))


class _Recording:
    """What was seen and done in an episode so far."""

    def __init__(self, index: int, seed: int, act: Act | None) -> None:
        self.index, self.seed, self.act = index, seed, act
        self.frames: list[np.ndarray] = []
        self.observed: list[np.ndarray] = []  # where the driver sees something else than frames
        self.states: list[np.ndarray] = []
        self.masks: list[np.ndarray] = []
        self.actions: list[Any] = []
        self.rewards: list[float] = []
        self.speeds: list[float] = []

    def choose(self) -> Any:
        """The driver's action at this moment."""
        assert self.act is not None
        seen = self.observed if self.observed else self.frames
        return self.act(seen[-1], self.states[-1])

    def look(self, batch: SceneBatch, scenes: np.ndarray, world: int, kind: Kind | None) -> None:
        """Keep what is seen of a world."""
        self.frames.append(scenes[world].copy())
        if kind is not None:
            traffic = batch.observed(np.array([world])) if kind.of_traffic else None
            seen = Seen(state=batch.state[world].copy(), scene=scenes[world], traffic=traffic)
            self.observed.append(kind.of(batch.settings, seen))
        self.states.append(batch.state[world].copy())
        if batch.settings.vehicle_mask:
            self.masks.append(batch.masks[world].copy())

    def episode(self, batch: SceneBatch, world: int) -> Episode:
        """The episode, which has just ended in this world."""
        return Episode(
            frames=np.stack(self.frames),
            state=np.stack(self.states),
            vehicle_mask=np.stack(self.masks) if self.masks else None,
            action=np.array(self.actions, dtype=action_space(batch.settings).dtype),
            reward=np.array(self.rewards),
            speed=np.array(self.speeds),
            terminated=bool(batch.worlds.terminated[world]),
            truncated=bool(batch.truncated[world]),
            crashed=bool(batch.crashed[world]),
            seed=self.seed,
            observed=np.stack(self.observed) if self.observed else None,
            is_success=bool(batch.worlds.success[world]) if batch.worlds.has_success else None,
        )


def _begin(
    batch: SceneBatch,
    running: dict[int, _Recording],
    waiting: Iterator[tuple[int, int]],
    driver_of: Callable[[int], Act | None],
    kind: Kind | None,
) -> bool:
    """Begin an episode in every free world, while there are seeds; whether any episode runs."""
    free = [world for world in range(batch.n_worlds) if world not in running]
    begun = {
        world: _Recording(index, seed, driver_of(seed))
        for world, (index, seed) in zip(free, waiting, strict=False)
    }
    generators = [seeding.np_random(recording.seed)[0] for recording in begun.values()]
    batch.begin(np.array(list(begun), np.int64), generators)
    scenes = batch.scenes
    for world, recording in begun.items():
        recording.look(batch, scenes, world, kind)
    running |= begun
    return bool(running)


def _drive(batch: SceneBatch, running: dict[int, _Recording], kind: Kind | None) -> None:
    """One policy step of the worlds that run."""
    space = action_space(batch.settings)
    actions = np.zeros((batch.n_worlds, *(space.shape or ())), space.dtype)
    for world, recording in running.items():
        if recording.act is not None:
            recording.actions.append(recording.choose())
            actions[world] = valid_action(batch.settings, recording.actions[-1])
    batch.drive(actions, np.array(list(running), np.int64))
    scenes, speed = batch.scenes, batch.speed
    for world, recording in running.items():
        if recording.act is None:
            recording.actions.append(batch.worlds.did[world].copy())
        recording.rewards.append(float(batch.worlds.reward[world]))
        recording.speeds.append(float(speed[world]))
        recording.look(batch, scenes, world, kind)
