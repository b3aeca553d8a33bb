"""``b2m-drive search``: for a reading of brains that is specific."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands.options import Device, DryRun, Steps
from b2m_agents.commands.printing import report_sessions, say_left_out
from b2m_agents.commands.running import has_run
from b2m_agents.commands.where import HERE, runs_anywhere
from b2m_drive.executors.chosen import Execution


@runs_anywhere
def search(
    recordings: Annotated[
        Path, typer.Argument(help="Folder of sessions of Kornblith et al. 2017.")
    ],
    selection_seeds: Annotated[int, typer.Option(help="Of each candidate's students.", min=2)] = 2,
    selection_steps: Annotated[int, typer.Option(help="Of each candidate's training.", min=50)] = (
        200
    ),
    seeds: Annotated[int, typer.Option(help="Of the test's students.", min=2)] = 4,
    steps: Steps = 600,
    device: Device = "cpu",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the search; resumes one that is there.")
    ] = None,
    where: Execution = HERE,
    dry_run: DryRun = False,
) -> None:
    """Search for a reading of brains that is specific: half of the patients select, half test.

    Which units (regions, concept cells or the rest), which windows, latents carried or not, which
    strategy: all are compared on the selection patients with six nulls, with structured stimuli.
    The one best is then tested once on the other patients, with two probes besides, and only that
    test is a result. Kill it and call it again: it goes on where it stopped.
    """
    from b2m_agents.studies.memory.search import MemorySearch, search_settings, split_patients
    from b2m_agents.studies.memory.sessions import read_sessions_of

    started, name = time.perf_counter(), recordings.resolve().name
    settings = search_settings(
        selection_seeds=selection_seeds,
        selection_steps=selection_steps,
        test_seeds=seeds,
        test_steps=steps,
        device=device,
    )
    found = read_sessions_of(recordings)
    say_left_out(found.left_out)
    asked = MemorySearch(name, *split_patients(found.recordings), settings)
    folder = out or Path("runs") / f"search-{name}"
    if has_run(asked, folder, where, dry_run):
        report_sessions(folder, started, pooled_in=folder / "test", prefix="test half: ")
