"""highway-env as an oracle: its worlds and the engine's, read alike and compared."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from b2m_envs.engine.layout import DRIVER, META, OBSTACLE, STEERED, VEHICLE
from b2m_envs.engine.worlds import Worlds

TOLERANCE = 1e-9  # [m, rad, m/s, s, ...] on every number of a state, and on rewards
ACTION_TOLERANCE = 1e-6  # what the ego vehicle did is a float32
SHOWN = 3  # vehicles named for each variable that differs

MOVING = ("meta", "steered", "driver")
PLANNING = ("meta", "driver")
HAVING = {  # variables that not all kinds of things have
    **dict.fromkeys(("steering", "acceleration", "lane", "crashed", "hit"), MOVING),
    **dict.fromkeys(("target_speed", "target_lane", "route"), PLANNING),
    **dict.fromkeys(("timer", "exponent", "changes_lane", "yields"), ("driver",)),
    "speed_index": ("meta",),
}
NUMBERS = (
    *("x", "y", "heading", "speed", "steering", "acceleration", "length", "width"),
    *("target_speed", "timer", "exponent", "impact_x", "impact_y"),
)
NAMES = ("kind", "lane", "target_lane", "speed_index", "route")
FLAGS = ("ego", "crashed", "hit", "checks_collisions", "changes_lane", "yields")
STATE = np.dtype(
    [(name, "f8") for name in NUMBERS]
    + [(name, "U240" if name == "route" else "U16") for name in NAMES]
    + [(name, "i1") for name in FLAGS]
)
KINDS = {OBSTACLE: "obstacle", META: "meta", STEERED: "steered", DRIVER: "driver"}


def absent(name: str) -> Any:
    """What stands for a variable that a thing does not have."""
    return np.nan if name in NUMBERS else "" if name in NAMES else -1


@dataclass(frozen=True)
class StepResult:
    """What a policy step of one world gave."""

    reward: float
    terminated: bool
    terms: dict[str, float]
    did: Any  # what the ego vehicle did, as an action
    success: bool | None  # None: the scenario knows none


def drive(world: Any, action: Any) -> StepResult:
    """A policy step of a highway-env world, see `b2m_envs.highway_env.bridge`."""
    _, reward, terminated, _, info = world.step(action)
    success = info.get("is_success")
    return StepResult(
        float(reward),
        bool(terminated),
        world._rewards(action),
        world.last_action,
        None if success is None else bool(success),
    )


def read_oracle(world: Any) -> np.ndarray:
    """STATE `[thing]` of a highway-env world: its vehicles, then its obstacles."""
    things = [*world.road.vehicles, *world.road.objects]
    state = np.zeros(len(things), STATE)
    for name in (*HAVING, "impact_x", "impact_y"):
        state[name] = absent(name)
    for record, thing in zip(state, things, strict=True):
        record["x"], record["y"] = thing.position
        record["heading"], record["speed"] = thing.heading, thing.speed
        record["length"], record["width"] = thing.LENGTH, thing.WIDTH
        record["checks_collisions"] = thing.check_collisions
        record["ego"], record["kind"] = thing is world.vehicle, "obstacle"
        if hasattr(thing, "action"):
            write_driving(record, thing)
    return state


def write_driving(record: Any, vehicle: Any) -> None:
    """Write what a vehicle of highway-env has and an obstacle has not."""
    own = vars(vehicle)
    record["crashed"], record["kind"] = vehicle.crashed, "steered"
    record["steering"] = vehicle.action["steering"]
    record["acceleration"] = vehicle.action["acceleration"]
    record["lane"] = lane_name(vehicle.lane_index)
    record["hit"] = vehicle.impact is not None
    if vehicle.impact is not None:
        record["impact_x"], record["impact_y"] = vehicle.impact
    if "target_lane_index" in own:
        record["target_lane"] = lane_name(vehicle.target_lane_index)
        record["target_speed"] = vehicle.target_speed
        record["route"] = ", ".join(lane_name(step) for step in vehicle.route or [])
    if "speed_index" in own:
        record["kind"], record["speed_index"] = "meta", str(vehicle.speed_index)
    if "timer" in own:
        record["timer"], record["exponent"] = vehicle.timer, vehicle.DELTA
        record["kind"], record["changes_lane"] = "driver", vehicle.enable_lane_change
        record["yields"] = own.get("is_yielding", False)


def load(worlds: Worlds, number: int, world: Any) -> None:
    """Put the state of a highway-env world into one world of the engine."""
    worlds.copy(int(number), world)
    worlds._generators[number] = copy.deepcopy(world.np_random)  # both go on drawing


def lane_name(index: Any) -> str:
    """How we write a lane of highway-env: from, to, number ("any" on a route)."""
    start, end, number = index
    return f"{start} {end} {'any' if number is None else int(number)}"


def read_engine(worlds: Worlds, world: int) -> np.ndarray:
    """STATE `[thing]` of one world of the engine: its vehicles, then its obstacles."""
    count = int(worlds.count[world])
    rows = np.r_[:count, worlds.slots : worlds.vehicles.shape[1]]
    vehicles = worlds.vehicles[world, rows]
    state = np.zeros(len(rows), STATE)
    for name in set(NUMBERS + FLAGS) & set(VEHICLE.names or ()):
        state[name] = vehicles[name]
    state["kind"] = [KINDS[int(kind)] for kind in vehicles["kind"]]
    state["ego"][worlds.ego[world]] = True
    names = np.array([lane_name(index) for index in worlds.table.names])
    for name in ("lane", "target_lane"):
        state[name] = names[vehicles[name]]
    state["speed_index"] = vehicles["speed_index"].astype(str)
    for row in np.flatnonzero(vehicles["route_end"][:count]):
        state["route"][row] = route_name(worlds, world, row)
    for name, having in HAVING.items():
        state[name][~np.isin(state["kind"], having)] = absent(name)
    for name in ("impact_x", "impact_y"):
        state[name][state["hit"] != 1] = np.nan
    return state


def route_name(worlds: Worlds, world: int, row: int) -> str:
    """A route of the engine, written as highway-env's."""
    roads = list(worlds.table.road_number)
    first, last = (worlds.vehicles[world, row][f"route_{end}"] for end in ("start", "end"))
    steps = worlds.routes[world, row, first:last]
    return ", ".join(lane_name((*roads[road], None if n < 0 else n)) for road, n in steps)


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How far the values of one variable are apart; infinite where one is no number.

    Names and flags are 0 apart if they are equal, else infinitely far.
    """
    if first.dtype.kind != "f":
        return np.where(first == second, 0.0, np.inf)
    apart = np.abs(first - second)
    return np.where(np.isnan(apart), np.where(np.isnan(first) & np.isnan(second), 0, np.inf), apart)


def compare(expected: np.ndarray, came: np.ndarray) -> list[str]:
    """Where two STATE arrays differ, in words."""
    if len(expected) != len(came):
        return [f"things: expected {len(expected)}, came {len(came)}"]
    found = []
    for name in STATE.names or ():
        rows = np.flatnonzero(distance(expected[name], came[name]) > TOLERANCE)
        for row in rows[:SHOWN]:
            wanted, got = expected[name][row], came[name][row]
            found.append(f"vehicle {row}: {name}: expected {wanted}, came {got}")
        if len(rows) > SHOWN:
            found.append(f"... {name}: {len(rows)} vehicles in all")
    return found


def differences(worlds: Worlds, number: int, world: Any) -> list[str]:
    """Where the state of one world of the engine differs from that of a highway-env world."""
    return compare(read_oracle(world), read_engine(worlds, number))


def result_differences(worlds: Worlds, number: int, outcome: StepResult) -> list[str]:
    """Where the results of one world's newest step differ from highway-env's."""
    return list(_result_differences(worlds, number, outcome))


def _result_differences(worlds: Worlds, number: int, outcome: StepResult) -> Iterator[str]:
    reward = worlds.reward[number]
    terms = dict(zip(worlds.term_names, worlds.terms[number], strict=True))
    if not abs(reward - outcome.reward) <= TOLERANCE:
        yield f"reward: expected {outcome.reward!r}, came {reward!r}"
    if bool(worlds.terminated[number]) != outcome.terminated:
        yield f"terminated: expected {outcome.terminated}, came {worlds.terminated[number]}"
    if list(terms) != list(outcome.terms):
        yield f"terms: expected {list(outcome.terms)}, came {list(terms)}"
    for name, value in outcome.terms.items():
        if name in terms and not abs(terms[name] - value) <= TOLERANCE:
            yield f"term {name}: expected {value!r}, came {terms[name]!r}"
    if np.shape(worlds.did[number]) != np.shape(outcome.did) or not np.allclose(
        worlds.did[number], outcome.did, rtol=0, atol=ACTION_TOLERANCE
    ):
        yield f"did: expected {outcome.did!r}, came {worlds.did[number]!r}"
    if worlds.has_success != (outcome.success is not None):
        yield f"has_success: expected {outcome.success is not None}, came {worlds.has_success}"
    elif outcome.success is not None and bool(worlds.success[number]) != outcome.success:
        yield f"success: expected {outcome.success}, came {worlds.success[number]}"
