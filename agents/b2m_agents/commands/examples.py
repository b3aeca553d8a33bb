"""What a person would type, for the help of each verb: lines that fit a terminal of 80 columns."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("b2m-drive demo --half memory",),
    "fetch": ("b2m-drive fetch kornblith2017 data/kornblith2017",),
    "inspect": (
        "b2m-drive inspect sub-01.edf --write-mapping sub-01.toml",
        "b2m-drive inspect sub-01.edf --mapping sub-01.toml",
    ),
    "search": ("b2m-drive search data/kornblith2017 --dry-run",),
    "calibrate": ("b2m-drive calibrate --null 20 --ideal 5",),
    "runs": ("b2m-drive runs",),
    "report": (
        "b2m-drive report runs/memory-NAME",
        "b2m-drive report runs --out every-run.html",
    ),
    "table": ("b2m-drive table runs --out scores.csv",),
    "collect": ("b2m-drive collect highway_fast --policy highway_env --vehicle-mask",),
    "export-minari": ("b2m-drive export-minari scenes/highway_fast-random.h5",),
    "train-agent": (
        "b2m-drive train-agent highway --observation state",
        "b2m-drive train-agent highway --encoder runs/NAME/encoders/seed-0/alone",
        "b2m-drive train-agent highway_fast --algorithm recurrent_ppo",
        "b2m-drive train-agent parking --observation goal_state --algorithm sac",
        "b2m-drive train-agent parking --algorithm her",
        "b2m-drive train-agent highway_fast --watched scenes.h5 --brain ideal",
        "b2m-drive train-agent sternberg --items 3",
    ),
    "train-agents": (
        "b2m-drive train-agents highway_fast merge parking --seeds 3",
        "b2m-drive train-agents highway --observation state --executor ray",
    ),
    "evaluate-agent": ("b2m-drive evaluate-agent runs/agent-highway/best",),
    "record": (
        "b2m-drive record runs/agent-highway/best",
        "b2m-drive record highway --driver highway_env",
    ),
    "replay": ("b2m-drive replay sub-01_events.tsv --out drive.mp4",),
    "compare memory": (
        "b2m-drive compare memory --brain ideal --dry-run",
        "b2m-drive compare memory --recording sub-01.nwb --mapping sub-01.toml",
    ),
    "compare driving": (
        "b2m-drive compare driving --brain median_session --dry-run",
        "b2m-drive compare driving --scenes scenes.h5 --recording sub-01.h5",
    ),
    "compare agents": ("b2m-drive compare agents runs/driving-NAME --dry-run",),
}


def with_examples(text: str, verb: str) -> str:
    """The help of a verb, and below it what a person would type."""
    return "\n\n".join([text, *(f"[bold]{line}[/bold]" for line in EXAMPLES[verb])])
