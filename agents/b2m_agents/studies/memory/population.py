"""One brain of many sessions: a pseudo-population of all that can teach."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from b2m_agents.studies.memory.sessions import SessionLeftOut, read_sessions_of
from b2m_drive.recordings.pseudo_population import pseudo_population
from b2m_drive.recordings.trial_responses import TrialResponses


@dataclass(frozen=True)
class Population:
    """A pseudo-population, the sessions that it is made of, and those left out."""

    recording: TrialResponses
    sessions: tuple[TrialResponses, ...]
    left_out: tuple[SessionLeftOut, ...]


def population_of(path: Path, progress: bool = True) -> Population:
    """The sessions of a folder, or of a file that holds many, side by side.

    Raises:
        FileNotFoundError: If there is no such folder or file.
        ValueError: As `read_sessions_of` and `pseudo_population`.
    """
    found = read_sessions_of(path, progress)
    name = f"{path.resolve().stem} pseudo-population"
    recording = pseudo_population(found.recordings, name=name)
    return Population(recording, found.recordings, found.left_out)
