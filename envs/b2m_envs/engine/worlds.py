"""Batches of driving worlds: highway-env's traffic without its objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from highway_env.road.road import Road, RoadNetwork
from jaxtyping import Bool, Float32, Float64, Int64

from b2m_envs.engine.action_masks import available_actions
from b2m_envs.engine.copying import copy_road, obstacle_records
from b2m_envs.engine.driving_model import driver_model
from b2m_envs.engine.ego_places import write_coordinates
from b2m_envs.engine.intersection import Crossing
from b2m_envs.engine.lanes import LaneTable, lane_table
from b2m_envs.engine.layout import DRIVER, META, NOBODY, ROUTE_LENGTH, STEERED, VEHICLE
from b2m_envs.engine.neighbour_search import NeighbourSearch, empty_search
from b2m_envs.engine.rewards import SCORING, Scoring, SteppedWorlds
from b2m_envs.engine.sharing import Chosen, Sharing
from b2m_envs.engine.sight import write_things
from b2m_envs.engine.starter import STARTED, Starter
from b2m_envs.engine.traffic import FASTER, IDLE, LANE_LEFT, LANE_RIGHT, SLOWER, advance
from b2m_envs.highway_env.bridge import build_world, half_a_speed_level
from b2m_envs.rendering.batched.things import THING
from b2m_envs.rendering.geometry import RoadGeometry
from b2m_envs.rendering.highway_env_scene import BRAKING, road_geometry
from b2m_envs.scenes.actions import META_ACTIONS, control_table, nearest_action
from b2m_envs.scenes.chosen_reward import reward_weights
from b2m_envs.scenes.road_options import ROAD_OPTIONS, merge_end
from b2m_envs.scenes.settings import SceneSettings

Actions = Int64[np.ndarray, " world"] | Float32[np.ndarray, "world control"] | None
COLUMNS = {"acceleration": 0, "steering": 1}  # of the controls


class Worlds:
    """Worlds of one scenario, advanced together; each is what it would be alone.

    `vehicles` (VEHICLE `[world row]`), `count`, `ego` (int32 `[world]`) and `routes` are the state,
    see `b2m_envs.engine.layout`; who changes them changes the worlds. What came out of the newest
    step of each world is in `reward` (by highway-env's weights), `terminated`, `terms`
    (`[world term]`, named by `term_names`), `success`, `progress` ([m] along the lanes) and `did`
    (what the ego vehicle did, as an action).

    Args:
        settings: Of the scene.
        n_worlds: Number of worlds.
        n_threads: Threads that share the worlds; the results do not depend on it.

    Raises:
        ValueError: If the engine does not have the scenario, or there are fewer than one world
            or thread.
    """

    scoring: ClassVar[Mapping[str, Scoring]] = SCORING  # of the scenarios of these worlds

    def __init__(self, settings: SceneSettings, n_worlds: int, n_threads: int = 1) -> None:
        if settings.scenario not in self.scoring:
            raise ValueError(
                f"{settings.of.id}: engine: expected one of {', '.join(self.scoring)}, came "
                f'{settings.scenario}; use engine="highway-env"'
            )
        for name, value in (("n_worlds", n_worlds), ("n_threads", n_threads)):
            if value < 1:
                raise ValueError(f"{settings.of.id}: {name}: expected 1 or more, came {value}")
        self.settings, self.n_worlds = settings, n_worlds
        self.sharing = Sharing(n_threads)
        self._source = build_world(settings)
        self._source.begin(np.random.default_rng(0))
        self._meta_actions = np.array([META_ACTIONS.index(each) for each in settings.meta_actions])
        self._table = control_table(len(settings.controls), settings.n_per_axis)
        self._weights = reward_weights(settings)
        road = self._source.road
        self.network, self.table, self.geometry = known_road(settings, road)
        self.slots = n_slots(self._source, settings)
        self.n_obstacles = len(obstacle_records(road))
        rows = self.slots + self.n_obstacles
        self.vehicles = np.zeros((n_worlds, rows), VEHICLE)
        self.routes = np.full((n_worlds, rows, ROUTE_LENGTH, 2), NOBODY, np.int32)
        self.count = np.zeros(n_worlds, np.int32)
        self.ego = np.zeros(n_worlds, np.int32)
        self.vehicles[:, self.slots :] = obstacle_records(road)
        self.model = driver_model(settings.scenario)
        self._levels = np.array(settings.aimed_speeds, np.float64)
        self._starter = self._make_starter()
        self._crossing = self._make_crossing()
        self._scoring = self.scoring[settings.scenario]
        continuous = settings.action == "continuous"
        self.did: np.ndarray = (
            np.zeros((n_worlds, len(settings.controls)), np.float32)
            if continuous
            else np.full(n_worlds, IDLE)
        )
        self._actions = np.full(n_worlds, IDLE)
        self._controls = np.zeros((n_worlds, 2))
        self._mean_controls = np.zeros((n_worlds, 2))
        self._turns = np.zeros(n_worlds, np.int64)
        self.progress = np.zeros(n_worlds)
        self._times = np.zeros(n_worlds, np.int64)
        self._generators: dict[int, np.random.Generator] = {}  # of worlds whose traffic is renewed
        self._things = np.zeros((n_worlds, rows), THING)
        self._things_count = np.zeros(n_worlds, np.int32)
        self.term_names = tuple(self._scoring.terms(self.stepped(np.zeros(0, np.int64))))
        self.has_success = self._scoring.succeeds is not None
        self.reward = np.zeros(n_worlds)
        self.terminated = np.zeros(n_worlds, np.bool_)
        self.success = np.zeros(n_worlds, np.bool_)
        self.terms = np.zeros((n_worlds, len(self.term_names)))

    def begin(self, which: Chosen, generators: Sequence[np.random.Generator]) -> None:
        """Begin new episodes, with the draws that highway-env makes from the same generators.

        Args:
            which: Indices of worlds.
            generators: One for each of them.
        """
        if self._crossing is not None:
            self._begin_at_crossing(self._crossing, which, generators)
            return
        search = self._new_search()
        for world, generator in zip(which, generators, strict=True):
            if self._starter is not None:
                self.count[world] = self._starter.begin(
                    generator, self.vehicles[world], self.routes[world], search
                )
                continue
            self._source.begin(generator)
            self.copy(int(world), self._source)

    def copy(self, world: int, source: Any) -> None:
        """Bring a world to where a highway-env environment is, which lends it its generator.

        Args:
            world: Index of the world.
            source: Of the same scenario and options, made by `build_world`.

        Raises:
            ValueError: If it has more vehicles than there is room for.
        """
        vehicles, routes = self.vehicles[world], self.routes[world]
        road = source.road
        self.count[world], self.ego[world] = copy_road(
            road, source.vehicle, self.table, vehicles, routes, self.slots
        )
        if self._crossing is not None:
            self._times[world] = road.steps
            self._generators[world] = source.np_random

    def step(self, actions: Actions, which: Chosen) -> None:
        """Drive on for one policy step.

        Args:
            actions: One of each world of the batch: numbers of meta-actions, or acceleration and
                steering from -1 to 1; None if highway-env's driver model drives.
            which: Indices of the worlds that go on.
        """
        self._command(actions)
        self.sharing.run(partial(self._advance, self.settings.substeps), which)
        self._note(actions, which)
        stepped = self.stepped(which)
        terms = self._scoring.terms(stepped)
        for column, values in enumerate(terms.values()):
            self.terms[which, column] = values
        self.reward[which] = self._scoring.reward(self.settings.scenario, terms, stepped)
        self.terminated[which] = self._scoring.terminates(stepped)
        if self._scoring.succeeds is not None:
            self.success[which] = self._scoring.succeeds(stepped)
        if self._crossing is not None:
            self._renew(self._crossing, which)

    def things(self, which: Chosen) -> tuple[np.ndarray, np.ndarray]:
        """What cameras see: THING `[world row]`, the ego vehicle first, and rows in use `[world]`.

        The arrays are kept, and written again by the next call.
        """
        write_things(
            self.vehicles,
            self.count,
            self.ego,
            self.slots,
            BRAKING,
            which,
            self._things,
            self._things_count,
        )
        return self._things, self._things_count

    def action_masks(self) -> Bool[np.ndarray, "world action"]:
        """Whether each meta-action is possible."""
        egos = self.ego_vehicles
        return available_actions(self.table.network, egos, self._levels, self._meta_actions)

    @property
    def kernels(self) -> tuple[Any, ...]:
        """The compiled functions that begin and advance these worlds."""
        if self._crossing is not None:
            return (advance, *self._crossing.kernels)
        return (advance,) if self._starter is None else (advance, self._starter.kernel)

    @property
    def ego_vehicles(self) -> np.ndarray:
        """VEHICLE `[world]` of the ego vehicles, a copy."""
        egos: np.ndarray = self.vehicles[np.arange(self.n_worlds), self.ego]
        return egos

    def _command(self, actions: Actions) -> None:
        """Meta-actions by highway-env's numbers; controls in their units."""
        if actions is None:
            return
        if self.settings.action == "discrete":
            self._actions[:] = self._meta_actions[actions]
            return
        controls = self._table[actions] if self.settings.action == "discrete_controls" else actions
        for name, column in zip(self.settings.controls, controls.T, strict=True):
            low, high = self.settings.control_ranges[name]  # in float32, as highway-env does
            self._controls[:, COLUMNS[name]] = low + (column - -1) * (high - low) / 2

    def _advance(self, n_substeps: int, which: Chosen) -> None:
        advance(
            self.table.network,
            self.model[0],
            self._levels,
            self.vehicles,
            self.count,
            self.ego,
            self.routes,
            self.slots,
            which,
            self._actions,
            self._controls,
            1 / self.settings.simulated_per_second,
            n_substeps,
            self._mean_controls,
            self._turns,
            self.progress,
            self._times,
            0 if self._crossing is None else self._crossing.period,
            self._new_search(),
        )

    @property
    def _ego_kind(self) -> int:
        if self.settings.driver == "highway_env":
            return DRIVER
        return META if self.settings.action == "discrete" else STEERED

    def _make_starter(self) -> Starter | None:
        """What begins episodes; None where highway-env itself does, and is copied."""
        scenario = self.settings.scenario
        if scenario not in STARTED:
            return None
        return Starter(scenario, self._source, self.table, self._levels, self._ego_kind)

    def _make_crossing(self) -> Crossing | None:
        """What begins the episodes of an intersection, and its traffic."""
        if self.settings.scenario != "intersection":
            return None
        frequency = self.settings.simulated_per_second
        return Crossing(self._source, self.table, self._levels, self._ego_kind, frequency)

    def _new_search(self) -> NeighbourSearch:
        """Room to work in, for one thread."""
        return empty_search(len(self.table.network.lanes), self.vehicles.shape[1])

    def _begin_at_crossing(
        self, crossing: Crossing, which: Chosen, generators: Sequence[np.random.Generator]
    ) -> None:
        """Begin episodes at the intersection, whose traffic runs for a while before."""
        search = self._new_search()
        for world, generator in zip(which, generators, strict=True):
            self._generators[world] = generator
            self.vehicles[world, 0] = np.zeros((), VEHICLE)  # nobody to command
            self.count[world] = crossing.fill(
                generator, self.vehicles[world], self.routes[world], search
            )
        self._times[which], self.ego[which] = 0, 0
        self.sharing.run(partial(self._advance, crossing.warm_up), which)
        for world in which:
            self.count[world], self.ego[world] = crossing.arrive(
                self._generators[world],
                self.vehicles[world],
                self.routes[world],
                search,
                int(self.count[world]),
            )

    def _renew(self, crossing: Crossing, which: Chosen) -> None:
        """Let vehicles come and go at the intersection."""
        search = self._new_search()
        for world in which:
            self.count[world], self.ego[world] = crossing.renew(
                self._generators[world],
                self.vehicles[world],
                self.routes[world],
                search,
                int(self.count[world]),
                int(self.ego[world]),
            )

    def _note(self, actions: Actions, which: Chosen) -> None:
        """Write what the ego vehicles did; of the driver's model, the nearest action."""
        if actions is not None:
            self.did[which] = actions[which]
            return
        controls, turns = self._mean_controls[which], self._turns[which]
        if self.settings.action == "continuous":
            done = controls[:, [COLUMNS[name] for name in self.settings.controls]]
            self.did[which] = nearest_action(self.settings, done)
            return
        did = np.full(len(which), IDLE)
        if self.settings.accelerates:
            threshold = half_a_speed_level(self.settings)
            faster, slower = controls[:, 0] > threshold, controls[:, 0] < -threshold
            did = np.select([faster, slower], [FASTER, SLOWER], IDLE)
        if self.settings.steers:
            did = np.select([turns > 0, turns < 0], [LANE_RIGHT, LANE_LEFT], did)
        number = np.zeros(SLOWER + 1, np.int64)
        number[self._meta_actions] = np.arange(len(self._meta_actions))
        self.did[which] = number[did]

    def stepped(self, which: Chosen) -> SteppedWorlds:
        """The worlds as rewards see them."""
        ego = self.vehicles[which, self.ego[which]]
        along, across, on_road = (np.empty(len(which)) for _ in range(3))
        write_coordinates(self.table.network.lanes, ego, along, across, on_road)
        did = self.did[which]
        discrete = did.ndim == 1
        return SteppedWorlds(
            table=self.table,
            every=self.vehicles,
            which=which,
            ego=ego,
            along=along,
            across=across,
            on_road=on_road,
            levels=self._levels,
            changes_lane=np.isin(did, (LANE_LEFT, LANE_RIGHT))
            if discrete
            else np.zeros(len(which), np.bool_),
            effort=self._effort(did, which),
            weights=self._weights,
            merge_end=merge_end(self.settings),
        )

    def _effort(self, did: np.ndarray, which: Chosen) -> Float64[np.ndarray, " chosen"]:
        """Size of the actions; of meta-actions, that of the mean steering angle."""
        if not self.settings.of.penalises_action:
            return np.zeros(len(which))
        if self.settings.action == "discrete":
            largest = self.settings.of.largest_steering
            return np.asarray(np.abs(self._mean_controls[which, 1] / largest))
        controls = did if did.ndim == 2 else self._table[did]
        return np.array([float(np.linalg.norm(each)) for each in controls])


class KnownRoad(NamedTuple):
    """A scenario's road, as all its worlds read it."""

    network: RoadNetwork  # highway-env's
    table: LaneTable
    geometry: RoadGeometry


# Scenarios where who finds no place is left out -> vehicles that are always there.
TRYING = {"merge_generic": 2, "roundabout_generic": 1}
_known_roads: dict[tuple[Any, ...], KnownRoad] = {}


def known_road(settings: SceneSettings, road: Road) -> KnownRoad:
    """Read a road once in a process: it is the same in every environment of these options."""
    shape = tuple(getattr(settings, name) for name in ROAD_OPTIONS)
    key = (settings.scenario, *shape, settings.connects_lanes)
    if key not in _known_roads:
        table = lane_table(road.network, road.neighbour_vehicles_connected_lanes)
        _known_roads[key] = KnownRoad(road.network, table, road_geometry(road.network))
    return _known_roads[key]


def n_slots(source: Any, settings: SceneSettings) -> int:
    """The largest number of vehicles that highway-env can put on the road of an environment."""
    if settings.scenario == "intersection":  # one may come in every step
        return int(source.config["initial_vehicle_count"]) + settings.last_step + 2
    if settings.scenario in TRYING:
        return int(source.config["vehicles_count"]) + TRYING[settings.scenario]
    most_others = source.config.get("other_vehicles")
    return len(source.road.vehicles) if most_others is None else 1 + int(most_others)
