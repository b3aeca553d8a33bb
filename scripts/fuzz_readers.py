"""Read damaged recordings of every format, and count what comes of them.

    python scripts/fuzz_readers.py --each 1000

Each is read in a process with limits of time and memory. Whatever is neither read nor refused by an
error that names the file is printed with the number that makes it again; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.shared.mutants import Format, outcomes
from tests.shared.recording_formats import RECORDING_FORMATS


def main() -> int:
    """Fuzz the formats asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=1000, help="damaged files of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of formats")
    asked = parser.parse_args()
    chosen = [one for one in RECORDING_FORMATS if not asked.only or one.name in asked.only]
    return int(any([fuzzed(one, asked.each, asked.seed) for one in chosen]))


def fuzzed(one: Format, each: int, seed: int) -> bool:
    """Print what came of one format's damaged files; whether something was wrong."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = outcomes([one], each, Path(folder), seed)[one.name]
    counts = Counter(outcome.kind for _, outcome in found)
    said = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    print(f"{one.name}: {said} ({time.monotonic() - started:.0f} s)", flush=True)
    wrong = [(n, o) for n, o in found if o.kind not in ("read", "refused")]
    for number, outcome in wrong[:20]:
        print(f"  {number}: {outcome.kind}: {outcome.text}", flush=True)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
