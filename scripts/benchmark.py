"""Print what the project costs, each part beside what it is to be compared with.

    python scripts/benchmark.py             # all
    python scripts/benchmark.py scenes      # drawing only; also: engine, observations,
                                            # encoder, agents, memory, brain, startup
    python scripts/benchmark.py brain --recordings FOLDER   # simulated beside real brains

Rates are medians of tasks that took turns in this run, on one thread; those of engine and agents
are as they say.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import benchmark_agents
import benchmark_brain
import benchmark_encoder
import benchmark_engine
import benchmark_memory
import benchmark_observations
import benchmark_scenes
import benchmark_startup


def main() -> None:
    """Run the parts named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts",
        nargs="*",
        help="some of scenes, engine, observations, encoder, agents, memory, brain, startup",
    )
    parser.add_argument("--recordings", type=Path, help="sessions of Kornblith et al. 2017")
    arguments = parser.parse_args()
    parts: dict[str, Callable[[], object]] = {
        "scenes": benchmark_scenes.main,
        "engine": benchmark_engine.main,
        "observations": benchmark_observations.main,
        "encoder": benchmark_encoder.main,
        "agents": partial(benchmark_agents.main, []),
        "memory": benchmark_memory.main,
        "brain": partial(benchmark_brain.main, arguments.recordings),
        "startup": benchmark_startup.main,
    }
    chosen = arguments.parts or list(parts)
    for name in chosen:
        if name not in parts:
            parser.error(f"expected some of {', '.join(parts)}, came {name!r}")
    for name in chosen:
        parts[name]()


if __name__ == "__main__":
    main()
