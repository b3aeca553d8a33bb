"""Print what the project costs, each part beside what it is to be compared with.

    python scripts/benchmark.py             # all
    python scripts/benchmark.py scenes      # drawing only; also: encoder, memory

Rates are medians of tasks that took turns in this run, on one thread.
"""

from __future__ import annotations

import sys

import benchmark_encoder
import benchmark_memory
import benchmark_scenes

PARTS = {
    "scenes": benchmark_scenes.main,
    "encoder": benchmark_encoder.main,
    "memory": benchmark_memory.main,
}


def main() -> None:
    """Run the parts named on the command line, or all."""
    chosen = sys.argv[1:] or list(PARTS)
    for name in chosen:
        if name not in PARTS:
            raise SystemExit(f"benchmark: expected some of {', '.join(PARTS)}, came {name!r}")
    for name in chosen:
        PARTS[name]()


if __name__ == "__main__":
    main()
