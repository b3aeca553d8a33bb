"""Many driving scenes of one kind, advanced, drawn and measured together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from highway_env.road.road import RoadNetwork
from jaxtyping import Bool, Float64, UInt8

from b2m_envs.driving.own_reward import BatchReward
from b2m_envs.engine.first_compile import announce_first_compile
from b2m_envs.engine.frame_memory import make_room, repeat_newest
from b2m_envs.engine.lane_keeping import SCENARIO as LANE_KEEPING
from b2m_envs.engine.lane_keeping import LaneKeepingWorlds
from b2m_envs.engine.observed_traffic import ObservedTraffic
from b2m_envs.engine.scene_state import SceneStates, write_states
from b2m_envs.engine.sharing import Chosen
from b2m_envs.engine.worlds import Worlds
from b2m_envs.rendering.batched import birds_eye, drivers_eye, make_batched_camera
from b2m_envs.rendering.geometry import Traffic
from b2m_envs.scenes.chosen_reward import reward_function
from b2m_envs.scenes.lane_paths import LanePaths
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import STATE_VARIABLES
from b2m_envs.scenes.view import camera_settings


class SceneBatch:
    """Scenes on the engine; each is what it would be alone, whatever the others do.

    The arrays have one row a world, belong to the batch, and change when their world goes on:
    `state` (float32 `[world variable]`, NaN where a variable has no meaning), `step` (policy steps
    since the start), `truncated`, `masks` (bool `[world height width]`, if the settings ask for
    them); and of `worlds`: `reward`, `terminated`, `terms`, `success`, `did`.

    Args:
        settings: Of the scenes.
        n_worlds: Number of worlds.
        n_threads: Threads that share the worlds; the results do not depend on it.
        draws: Whether frames are drawn.
        told: Settings that a reward function is told; None: those of the scenes.

    Raises:
        ValueError: If the engine does not have the scenario, or a number is below 1.
    """

    def __init__(
        self,
        settings: SceneSettings,
        n_worlds: int,
        n_threads: int = 1,
        *,
        draws: bool = True,
        told: SceneSettings | None = None,
    ) -> None:
        self.settings, self.n_worlds, self._draws = settings, n_worlds, draws
        kind = LaneKeepingWorlds if settings.scenario == LANE_KEEPING else Worlds
        self.worlds: Worlds = kind(settings, n_worlds, n_threads)
        eye = birds_eye if settings.camera == "birds_eye" else drivers_eye
        drawing = ((eye.draw_worlds, draws), (eye.mask_worlds, settings.vehicle_mask))
        needed = [kernel for kernel, is_needed in drawing if is_needed]
        announce_first_compile((*self.worlds.kernels, write_states, *needed))
        paths = known_paths(self.worlds.network)
        self._states = SceneStates(
            paths, self.worlds.table, self.worlds.slots, float(settings.perception)
        )
        self._camera = make_batched_camera(camera_settings(settings), self.worlds.geometry)
        self._frame_channels = 3 if settings.colour else 1
        size = (settings.height, settings.width)
        n_channels = settings.n_remembered * self._frame_channels
        self._frames = np.zeros((n_worlds if draws else 0, *size, n_channels), np.uint8)
        self._shown = shown_channels(settings)
        self.state = np.full((n_worlds, len(STATE_VARIABLES)), np.nan, np.float32)
        self.masks = np.zeros((n_worlds if settings.vehicle_mask else 0, *size), np.bool_)
        self.step = np.zeros(n_worlds, np.int64)
        self._lanes_at_start = np.zeros(n_worlds, np.int32)
        function = reward_function(settings)
        told = told or settings
        self._reward = None if function is None else BatchReward(function, self.worlds, told)

    def begin(self, which: Chosen, generators: Sequence[np.random.Generator]) -> None:
        """Begin new episodes.

        Args:
            which: Indices of worlds.
            generators: One for each of them.
        """
        if not len(which):
            return
        self.worlds.begin(which, generators)
        self.step[which] = 0
        network = self.worlds.table.network
        roads = network.lanes["road"][self.worlds.ego_vehicles["lane"][which]]
        self._lanes_at_start[which] = network.roads["n_lanes"][roads]
        self.worlds.sharing.run(self._look, which)
        if self._reward is not None:
            self._reward.begin(which)
        if self._draws:
            repeat_newest(self._frames, self._frame_channels, which)

    def drive(self, actions: Any, which: Chosen) -> None:
        """Drive on for one policy step.

        Args:
            actions: One of each world of the batch, valid ones; not looked at under
                `driver="highway_env"`.
            which: Indices of the worlds that go on.
        """
        if not len(which):
            return
        self.worlds.step(None if self.settings.driver == "highway_env" else actions, which)
        self.step[which] += 1
        self.worlds.sharing.run(self._look_on, which)
        if self._reward is not None:
            self._reward.give(which, self.state, self.step)

    @property
    def scenes(self) -> UInt8[np.ndarray, "world height width channel"]:
        """Every world's stack of frames; the batch's own array if the stack has no gaps."""
        return self._frames if self._shown is None else self._frames[..., self._shown]

    @property
    def speed(self) -> Float64[np.ndarray, " world"]:
        """[m/s] of the ego vehicles, a copy."""
        speed: np.ndarray = self.worlds.ego_vehicles["speed"].copy()
        return speed

    @property
    def crashed(self) -> Bool[np.ndarray, " world"]:
        """Whether the ego vehicles have crashed, a copy."""
        crashed: np.ndarray = self.worlds.ego_vehicles["crashed"].copy()
        return crashed

    @property
    def truncated(self) -> Bool[np.ndarray, " world"]:
        """Whether the time of the episode is over."""
        over: np.ndarray = self.step >= self.settings.last_step
        return over

    def close(self) -> None:
        """End the threads."""
        self.worlds.sharing.close()

    def observed(self, which: Chosen) -> ObservedTraffic:
        """What an observation of the traffic reads of some worlds."""
        worlds = self.worlds
        return ObservedTraffic(
            settings=self.settings,
            table=worlds.table,
            vehicles=worlds.vehicles,
            count=worlds.count,
            ego=worlds.ego,
            routes=worlds.routes,
            slots=worlds.slots,
            lanes_at_start=self._lanes_at_start,
            which=which,
            sharing=worlds.sharing,
        )

    def traffic(self, world: int) -> Traffic:
        """What cameras see of one world."""
        things, count = self.worlds.things(np.array([world]))
        rows = things[world, : count[world]]
        return Traffic(
            position=np.stack((rows["x"], rows["y"]), axis=1),
            heading=rows["heading"].copy(),
            length=rows["length"].copy(),
            width=rows["width"].copy(),
            braking=rows["braking"].astype(np.bool_),
            obstacle=rows["obstacle"].astype(np.bool_),
        )

    def _look_on(self, which: Chosen) -> None:
        if self._draws:
            make_room(self._frames, self._frame_channels, which)
        self._look(which)

    def _look(self, which: Chosen) -> None:
        worlds = self.worlds
        self._states.read(
            worlds.vehicles, worlds.count, worlds.ego, worlds.routes, which, self.state
        )
        if self._draws or self.settings.vehicle_mask:
            things, count = worlds.things(which)
        if self._draws:
            newest = self._frames.shape[3] - self._frame_channels
            self._camera.draw(things, count, self._frames, newest, which)
        if self.settings.vehicle_mask:
            self._camera.vehicle_mask(things, count, self.masks, which)


@cache
def known_paths(network: RoadNetwork) -> LanePaths:
    """The paths of a road that `Worlds` keeps."""
    return LanePaths(network)


def shown_channels(settings: SceneSettings) -> list[int] | None:
    """Channels of the remembered frames that an observation holds; None for all of them."""
    if settings.n_frames == settings.n_remembered:
        return None
    n_channels = 3 if settings.colour else 1
    frames = range(0, settings.n_remembered, settings.frame_interval_steps)
    return [frame * n_channels + channel for frame in frames for channel in range(n_channels)]
