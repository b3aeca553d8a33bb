"""A search for what is specific to brains: many readings on half of the patients, one test.

Each reading (which units, which windows, latents carried or not, which strategy) is compared on
the *selection* patients. The one best reading, chosen there, is tested once on the others; only
that test counts. Stimuli have structure (category codes), so that the geometry of a brain's code
could matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool
from tqdm.auto import tqdm

from b2m_agents.studies.memory.comparison import describe_settings
from b2m_agents.studies.memory.fitted_once import fingerprint_of
from b2m_agents.studies.memory.plan import MemoryStudySettings, split_trials
from b2m_agents.studies.memory.sessions import SessionsComparison
from b2m_agents.studies.memory.teachers import Readout
from b2m_drive.comparisons.pooling import SessionsRun
from b2m_drive.comparisons.run_opening import CONFIG, check_run, open_run
from b2m_drive.comparisons.runnable import ExpectedTime
from b2m_drive.comparisons.search import RankedCandidate, rank_candidates
from b2m_drive.comparisons.session_summaries import LEAST_UNITS
from b2m_drive.executors.running import TRIES
from b2m_drive.files.locks import claim
from b2m_drive.files.writing import write_json
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.decoding import selectivity_p_values
from b2m_drive.teachers.response_counts import item_counts
from b2m_drive.teachers.windows import WindowChoice
from b2m_drive.transfer.term import Strategy

LEAST_UNITS_SELECTED = 5  # of a session whose selected units are pooled
_SELECTIVE_BELOW = 0.01  # p-value, of a fifth of the trials
_SPLIT_SEED = 0
_OPENED = "search"  # folder, in the search's, of what was asked
_TEST_SEEDS = tuple(range(100, 104))

AnyRecording: TypeAlias = Recording | TrialResponses  # spike times, or counts in trials
Units = Bool[np.ndarray, " unit"]


@dataclass(frozen=True)
class Candidate:
    """One way to read recordings that a search tries: which units, in which windows.

    Latents, pairing and strategy come on top.
    """

    units: str
    windows: WindowChoice

    @property
    def name(self) -> str:
        """For folders and tables."""
        return f"{self.units}-{self.windows}"


@dataclass(frozen=True)
class SearchSettings:
    """What a search for the best reading of recordings tries, and with which budgets."""

    selection: MemoryStudySettings
    test: MemoryStudySettings  # strategies, readings and windows are those chosen
    candidates: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        common = sorted(set(self.selection.seeds) & set(self.test.seeds))
        if common:
            raise ValueError(
                f"seeds of the test: expected none of the selection's, came {common} in both"
            )


def in_regions(*names: str) -> Callable[[TrialResponses], Units]:
    """A choice of units by region, whichever the hemisphere (LAH and RAH are AH)."""

    def select(recording: TrialResponses) -> Units:
        return np.array([unit.region[1:] in names for unit in recording.units])

    return select


def selective_units(recording: TrialResponses) -> Units:
    """Units whose responses differ between items, p < .01 in trials that teach nobody.

    Chosen in the teaching trials, the labels of a trial would have chosen the units that speak for
    it.
    """
    counts, stimulus, _ = item_counts(recording.select(~split_trials(recording)))
    return np.asarray(selectivity_p_values(counts, stimulus) < _SELECTIVE_BELOW)


def every_unit(recording: TrialResponses) -> Units:
    """All of them."""
    return np.ones(len(recording.units), dtype=bool)


def unselective_units(recording: TrialResponses) -> Units:
    """All but the selective ones."""
    return ~selective_units(recording)


UNIT_CHOICES: Mapping[str, Callable[[TrialResponses], Units]] = {
    "all": every_unit,
    "hippocampus": in_regions("AH", "MH", "PH"),
    "amygdala": in_regions("A"),
    "parahippocampal": in_regions("EC", "PHG", "PG", "PGa", "PGp"),  # entorhinal cortex included
    "concept": selective_units,
    "rest": unselective_units,
}
CANDIDATES = (
    *(Candidate(units, "all") for units in UNIT_CHOICES),
    Candidate("all", "early"),
    Candidate("all", "encoding"),
)
SEARCH = SearchSettings(
    selection=MemoryStudySettings(
        readings=(Readout("decoded", "recorded"), Readout("decoded", "carried")),
        probes=(),
        seeds=(0, 1),
        codes="category",
        n_steps=200,
        batch_size=16,
        recorded_batch_size=8,
    ),
    test=MemoryStudySettings(codes="category", seeds=_TEST_SEEDS),
    candidates=CANDIDATES,
)


def search_settings(
    *,
    selection_seeds: int,
    selection_steps: int,
    test_seeds: int,
    test_steps: int,
    device: str = "cpu",
) -> SearchSettings:
    """The usual search with other budgets; the test's seeds are none of the selection's.

    Args:
        selection_seeds: Students of each condition of a candidate.
        selection_steps: Of such a student's training.
        test_seeds: Students of each condition of the test.
        test_steps: Of such a student's training.
        device: That all of them are trained on.
    """
    first = _TEST_SEEDS[0]
    return replace(
        SEARCH,
        selection=replace(
            SEARCH.selection,
            seeds=tuple(range(selection_seeds)),
            n_steps=selection_steps,
            device=device,
        ),
        test=replace(
            SEARCH.test,
            seeds=tuple(range(first, first + test_seeds)),
            n_steps=test_steps,
            device=device,
        ),
    )


@dataclass(frozen=True)
class MemorySearch:
    """A search for the best reading of memory recordings, whose patients are split in halves."""

    name: str
    selection: tuple[AnyRecording, ...]
    test: tuple[AnyRecording, ...]
    settings: SearchSettings

    def __post_init__(self) -> None:
        for half in ("selection", "test"):
            object.__setattr__(self, half, tuple(map(in_trials, getattr(self, half))))

    def selection_studies(self) -> dict[Candidate, SessionsComparison]:
        """A pooled comparison for each candidate that either half could be judged on."""
        found = {}
        for candidate in self.settings.candidates:
            readouts = self.settings.selection.readings
            if candidate.windows == "encoding":  # no delay that anything could be carried into
                readouts = tuple(readout for readout in readouts if readout.pairing == "recorded")
            settings = replace(
                self.settings.selection, windows=candidate.windows, readings=readouts
            )
            study = _study_of(candidate, self.selection, settings)
            if study is not None and len(_patients(candidate, self.test)) >= 2:
                found[candidate] = study
        return found

    def test_study(
        self, candidate: Candidate, strategy: Strategy, readout: Readout
    ) -> SessionsComparison:
        """The one pooled comparison on the test half.

        Raises:
            ValueError: If fewer than two test patients have units enough.
        """
        settings = replace(
            self.settings.test,
            strategies=(strategy,),
            readings=(readout,),
            windows=candidate.windows,
        )
        study = _study_of(candidate, self.test, settings)
        if study is None:
            raise ValueError(
                f"{candidate.name}: expected at least 2 test patients with "
                f"{LEAST_UNITS_SELECTED} such units or more"
            )
        return study

    def run(
        self,
        folder: str | Path,
        *,
        n_workers: int = 1,
        progress: bool = True,
        executor: Executor | None = None,
        tries: int = TRIES,
    ) -> SessionsRun:
        """Search the best readout on half of the patients, and test it on the others.

        Kill it and call it again: finished students are kept. Arguments are those of every
        comparison's `run`.

        Returns:
            The test, the one result; the folder also holds ``config.json`` and ``selection/``.

        Raises:
            ValueError: If the folder holds another search, or a student fails.
        """
        folder = Path(folder)
        how: dict[str, Any] = {
            "n_workers": n_workers, "progress": progress, "executor": executor, "tries": tries,
        }  # fmt: skip
        studies, config = self.selection_studies(), self.describe()
        with claim(folder, "a search"):
            open_run(folder / _OPENED, config)  # refuses another search in this folder
            runs = {}
            for candidate, study in studies.items():
                if progress:
                    tqdm.write(f"selection: {candidate.name}, {len(study.recordings)} sessions")
                shared = replace(study, isolated=folder / "isolated")
                runs[candidate.name] = shared.run(folder / "selection" / candidate.name, **how)
            best = rank_candidates(runs)[0]
            test = replace(self.test_of(best), isolated=folder / "isolated")
            if progress:
                found = f"{best.name}, {best.method.label}"
                tqdm.write(f"test: {found}, {len(test.recordings)} sessions")
            tested = test.run(folder / "test", **how)
            chosen = {"chosen": _chosen(best), "test_folder": "test"}
            write_json(folder / CONFIG, {**config, **chosen})
        return tested

    def describe(self) -> dict[str, Any]:
        """The configuration of the search: everything that decides its numbers."""
        return describe_search(self, tuple(self.selection_studies()))

    def check(self, folder: str | Path) -> None:
        """Refuse a folder that `run` would refuse, and write nothing.

        Raises:
            ValueError: If it holds another search, or files that are none.
        """
        check_run(Path(folder) / _OPENED, self.describe())

    def expected_time(self, folder: str | Path, n_workers: int = 1) -> ExpectedTime:
        """How many students `run` would train, and for how long (measured on a few).

        Which candidate will be tested is not known before: the first one stands for it, by its
        first strategy and readout.
        """
        folder, studies = Path(folder), self.selection_studies()
        selection = self.settings.selection
        first = self.test_study(next(iter(studies)), selection.strategies[0], selection.readings[0])
        times = [
            study.expected_time(folder / candidate.name, n_workers)
            for candidate, study in studies.items()
        ] + [first.expected_time(folder / "test", n_workers)]
        return ExpectedTime(sum(t.n_students for t in times), sum(t.seconds for t in times))

    def test_of(self, best: RankedCandidate) -> SessionsComparison:
        """The one pooled comparison on the test half, of the best of the ranked.

        Raises:
            ValueError: As `test_study`.
        """
        candidate = next(each for each in self.settings.candidates if each.name == best.name)
        readout = Readout(best.method.latents, best.method.pairing)  # type: ignore[arg-type]
        return self.test_study(candidate, best.method.strategy, readout)  # type: ignore[arg-type]


def split_patients(
    recordings: Sequence[AnyRecording], least_units: int = LEAST_UNITS
) -> tuple[tuple[AnyRecording, ...], tuple[AnyRecording, ...]]:
    """Selection and test half of the patients who have a session of units enough, by a fixed draw.

    A patient selects with the one session of most units, since a search trains many students, and
    tests with every session.

    Raises:
        ValueError: If there are fewer than 4 such patients.
    """
    large = [recording for recording in recordings if len(recording.units) >= least_units]
    patients = sorted({recording.subject for recording in large})
    if len(patients) < 4:
        raise ValueError(
            f"patients with a session of {least_units} units or more: expected at least 4, two for "
            f"each half, came {len(patients)}"
        )
    order = np.random.default_rng(_SPLIT_SEED).permutation(patients)
    chosen = set(order[: len(order) // 2])
    selection = (
        max((r for r in large if r.subject == patient), key=lambda r: len(r.units))
        for patient in sorted(chosen)
    )
    return tuple(selection), tuple(r for r in large if r.subject not in chosen)


def describe_search(search: MemorySearch, searched: Sequence[Candidate]) -> dict[str, Any]:
    """The configuration of a search: everything that decides its numbers."""
    return {
        "study": "memory_search",
        "name": search.name,
        "simulated": search.selection[0].simulated,
        "source": search.selection[0].source,
        "licence": search.selection[0].licence,
        "selection_patients": sorted({each.subject for each in search.selection}),
        "test_patients": sorted({each.subject for each in search.test}),
        "candidates": [
            {
                "name": candidate.name,
                "folder": f"selection/{candidate.name}",
                "units": candidate.units,
                "windows": candidate.windows,
            }
            for candidate in searched
        ],
        "not_searched": [
            candidate.name for candidate in search.settings.candidates if candidate not in searched
        ],
        "least_units_selected": LEAST_UNITS_SELECTED,
        "selection": describe_settings(search.settings.selection),
        "test": describe_settings(search.settings.test),
        "fingerprints": {
            each.session: fingerprint_of(in_trials(each))
            for each in (*search.selection, *search.test)
        },
    }


def _study_of(
    candidate: Candidate, recordings: Sequence[AnyRecording], settings: MemoryStudySettings
) -> SessionsComparison | None:
    """The sessions with units enough of this choice; None with fewer than two patients."""
    if len(_patients(candidate, recordings)) < 2:
        return None
    chosen = _with_units(candidate, recordings)
    return SessionsComparison(candidate.name, chosen, settings, least_units=LEAST_UNITS_SELECTED)


def _patients(candidate: Candidate, recordings: Sequence[AnyRecording]) -> set[str]:
    """Patients with a session of units enough of this choice."""
    return {recording.subject for recording in _with_units(candidate, recordings)}


def _with_units(
    candidate: Candidate, recordings: Sequence[AnyRecording]
) -> tuple[TrialResponses, ...]:
    """The chosen units of every session that has enough of them."""
    binned = map(in_trials, recordings)
    chosen = [(each, UNIT_CHOICES[candidate.units](each)) for each in binned]
    return tuple(r.select_units(u) for r, u in chosen if u.sum() >= LEAST_UNITS_SELECTED)


def _chosen(best: RankedCandidate) -> dict[str, str]:
    teaching = best.method
    return {
        "name": best.name,
        "strategy": teaching.strategy,
        "latents": teaching.latents,
        "pairing": teaching.pairing,
    }
