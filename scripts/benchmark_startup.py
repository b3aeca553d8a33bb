"""How long a bare import of each package takes, and of what a user calls first.

    python scripts/benchmark_startup.py

Prints processor seconds, the least of seven fresh interpreters that take turns: for importing each
of the three packages (bar: 0.3 s each), and for the help of the command line.
"""

from __future__ import annotations

import subprocess
import sys

REPEATS = 7
BAR = 0.3  # [s]
STATEMENTS = {
    "import b2m_drive": "import b2m_drive",
    "import b2m_envs": "import b2m_envs",
    "import b2m_agents": "import b2m_agents",
    "import gymnasium (for comparison)": "import gymnasium",
    "b2m-drive's verbs (--help)": "from b2m_agents.commands.app import app",
}
TIMED = "import time; started = time.process_time(); {}; print(time.process_time() - started)"


def processor_time(statement: str) -> float:
    """Processor seconds of ``statement`` in an interpreter of its own."""
    command = [sys.executable, "-c", TIMED.format(statement)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Print a line for each statement."""
    taken: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(REPEATS):
        for name, statement in STATEMENTS.items():
            taken[name].append(processor_time(statement))
    for name, seconds in taken.items():
        bar = f"  (bar: {BAR} s)" if name.startswith("import b2m") else ""
        print(f"{name:34s} {min(seconds):5.2f} s{bar}")


if __name__ == "__main__":
    main()
