"""Print what observations of the traffic cost, beside highway-env's own.

    python scripts/benchmark_observations.py      # about 3 minutes; needs a core to itself

Whole environments first: ours with `Kinematics` in a batch against highway-env's as it comes, whose
observation is the same table; both drive at random and begin anew when an episode ends, which
counts, and take turns in one run. Then every observation alone: the time to make it of the same
worlds, ours in a batch and highway-env's one after another. Processor time, one thread.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmark_engine import WORLDS, Batch, Original, Rate, original
from highway_env.envs.common.observation import observation_factory

from b2m_envs import CrossingTraffic, Kinematics, LaneGaps, Lidar, OccupancyGrid, TimeToCollision
from b2m_envs.observations.lane_gaps import SCENARIOS as STRAIGHT

BARS = {"highway": 500, "highway_fast": 300}  # times highway-env's steps, with Kinematics
TURNS = 6
SCENARIOS = ("highway", "highway_fast", "roundabout", "intersection")  # of single observations
OBSERVATIONS: dict[str, tuple[Any, dict[str, Any]]] = {  # ours, and highway-env's configuration
    "Kinematics": (Kinematics(), {"type": "Kinematics"}),
    "TimeToCollision": (TimeToCollision(), {"type": "TimeToCollision"}),
    "OccupancyGrid": (OccupancyGrid(), {"type": "OccupancyGrid"}),
    "Lidar": (Lidar(), {"type": "LidarObservation"}),
    "Kinematics and OccupancyGrid": (
        (Kinematics(), OccupancyGrid()),
        {
            "type": "TupleObservation",
            "observation_configs": [{"type": "Kinematics"}, {"type": "OccupancyGrid"}],
        },
    ),
}


def whole_steps() -> None:
    """Environments with Kinematics as their observation, by the bars."""
    for scenario, bar in BARS.items():
        ours, theirs = Rate(), Rate()
        batch = Batch(scenario, observation=Kinematics())
        alone = Original(scenario, {"observation": {"type": "Kinematics"}})
        batch.step()  # compiles
        for _ in range(TURNS):
            ours.add(batch.step)
            theirs.add(alone.step)
        a, b = ours.a_processor_second, theirs.a_processor_second
        print(
            f"observations: {scenario}, Kinematics, {WORLDS} worlds: {a:,.0f} against {b:,.1f} "
            f"steps a processor second, ratio {a / b:,.0f} (bar: {bar})",
            flush=True,
        )


def single_observations() -> None:
    """The time of each observation alone, and of a step without one to compare with."""
    for scenario in SCENARIOS:
        step = seconds(Batch(scenario, observation="state").step)
        print(f"observations: {scenario}, a step with the state: {1e6 * step:,.1f} us a world")
        for name, (kind, config) in OBSERVATIONS.items():
            ours = own_seconds(scenario, kind)
            theirs = seconds(partial(look_singly, highway_envs(scenario, config)))
            print(
                f"observations: {scenario}, {name}: {1e6 * ours:,.1f} us a world against "
                f"{1e6 * theirs:,.0f}, ratio {theirs / ours:,.0f}; {ours / step:.2f} of a step",
                flush=True,
            )
        for kind in (CrossingTraffic(), *((LaneGaps(),) if scenario in STRAIGHT else ())):
            ours = own_seconds(scenario, kind)
            print(
                f"observations: {scenario}, {type(kind).__name__}: {1e6 * ours:,.1f} us a world "
                f"(highway-env has none); {ours / step:.2f} of a step",
                flush=True,
            )


def own_seconds(scenario: str, kind: Any) -> float:
    """Processor seconds of one of our observations of a world, a step after its start."""
    batch = Batch(scenario, observation=kind)
    batch.step()
    return seconds(partial(look, batch))


def seconds(run: Callable[[], int]) -> float:
    """Processor seconds of one of what `run` does some of."""
    run()  # compiles
    rate = Rate()
    rate.add(run)
    return 1 / rate.a_processor_second


def look(batch: Batch) -> int:
    """Observe all worlds as they are."""
    batch.envs._observation()
    return WORLDS


def look_singly(theirs: Any) -> int:
    """Observe one world as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.observe()
    return 1


def highway_envs(scenario: str, config: dict[str, Any]) -> Any:
    """highway-env's own observation of one of its worlds, a step after its start."""
    env = original(scenario).unwrapped
    env.reset(seed=0)
    env.step(1)
    return observation_factory(env, config)


def main() -> None:
    """Run all benchmarks."""
    whole_steps()
    single_observations()


if __name__ == "__main__":
    main()
