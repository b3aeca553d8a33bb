"""Units of several sessions side by side, as if they had been recorded together.

Sessions of different people, or days, share no trial. A *pseudo-population* joins a trial of each
session by what was shown in it (Meyers et al. 2008, "Dynamic population coding of category
information in inferior temporal and prefrontal cortex"). What it says is said of these units; it
says nothing of another patient, and what units of different sessions share from trial to trial
(noise correlations) is not in it.

Matching may use a trial more than once. So the trials of each session are first dealt into parts,
and only trials of one part are ever joined: whoever keeps a part on one side of every split, as all
of this package does (`TrialResponses.part`), holds out trials that no fit has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.decision_trials import MAINTENANCE, NO_STIMULUS, item_period
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import Window

N_PARTS = 10  # so that two whole parts are a fifth, which the memory study holds out
_DIGITS = 6  # of a window's edges in seconds, to compare them by
_MOST_DEALS = 200  # of a session's trials into parts, until each part shows each item
_TIMES = ("item_onset", "maintenance_onset", "probe_onset", "inter_stimulus_interval")


def pseudo_population(
    sessions: Sequence[Recording | TrialResponses],
    *,
    n_parts: int = N_PARTS,
    seed: int = 0,
    name: str = "pseudo-population",
) -> TrialResponses:
    """All units of these sessions in trials that are matched by what was shown.

    The trials are those of a session of the most frequent numbers of items and stimuli: of the one
    with the fewest, so that few sessions are asked for more than they have. In each of them, each
    other session gives from a trial of the same part

    - in the delay, the activity of the trial that held the most of the same items;
    - while an item is shown, that trial's activity if it showed the item there, else that of
      another presentation of the same item;

    those used least come first. Stimuli have numbers in each session: number 3 of one session
    stands beside number 3 of the others, whichever pictures they were. Stimuli that some session
    does not have are left out with their trials; so are windows that are not common to all, and
    all windows of fixation and probe, since probes are not matched.

    Args:
        sessions: Of one task; recordings are counted in the usual bins of their trials.
        n_parts: Into which the trials of each session are dealt.
        seed: Of the dealing and of ties.
        name: Of the result.

    Returns:
        Responses with `TrialResponses.part`; times of the trials are nominal.

    Raises:
        ValueError: If there are fewer than two sessions, they differ in task or measure or have
            no window in common, two have the same name, or a session has too few trials for so
            many parts; names the session.
    """
    given = [in_trials(each) for each in sessions]
    _check(given, n_parts)
    n_stimuli = min(each.trials.n_stimuli for each in given)
    dealt = [_dealt(each, n_stimuli, n_parts, seed) for each in given]
    template = _template(dealt)
    windows = _common_windows(given, template.recording.trials.n_items)
    generator = np.random.default_rng([seed, 1])
    filled = [_filled(each, template, windows, generator) for each in dealt]
    others = [each.alike for each in filled if each.recording is not template.recording]
    return TrialResponses(
        values=np.concatenate([each.values for each in filled], axis=-1),
        session=name,
        measure=given[0].measure,
        subject=f"{len({each.subject for each in given})} patients",
        source=_joined(each.source for each in given),
        licence=_joined(each.licence for each in given),
        simulated=any(each.simulated for each in given),
        notes=_notes(given, template, n_parts, float(np.mean(others))),
        trials=replace(
            template.recording.trials,
            n_stimuli=n_stimuli,
            nominal=tuple(dict.fromkeys((*_TIMES, *template.recording.trials.nominal))),
        ),
        windows=windows,
        units=tuple(
            replace(unit, name=f"{each.session}/{unit.name}")
            for each in given
            for unit in each.units
        ),
        smoothing=max(each.smoothing for each in given),
        part=template.part,
    )


@dataclass(frozen=True)
class _Dealt:
    """A session's trials that all sessions could have shown, and the part of each."""

    recording: TrialResponses
    part: Int64[np.ndarray, " trial"]

    @property
    def n_stimuli(self) -> int:
        """Of the session, those that others lack included."""
        return self.recording.trials.n_stimuli


@dataclass(frozen=True)
class _Filled:
    """What one session gives to the trials of the population."""

    recording: TrialResponses
    values: Float32[np.ndarray, "row window unit"]
    alike: Float64[np.ndarray, " row"]  # share of the items held that are the same


def _check(sessions: Sequence[TrialResponses], n_parts: int) -> None:
    if len(sessions) < 2:
        raise ValueError(f"sessions: expected 2 or more to put side by side, came {len(sessions)}")
    if n_parts < 2:
        raise ValueError(f"n_parts: expected 2 or more, came {n_parts}")
    names = [each.session for each in sessions]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"sessions: expected each once, came twice: {', '.join(twice)}")
    first = sessions[0]
    for each in sessions:
        if each.part is not None:
            raise ValueError(f"{each.session}: expected a session, came a pseudo-population")
        mine, theirs = ((one.trials.task, one.measure) for one in (first, each))
        if mine != theirs:
            raise ValueError(
                f"{each.session}: expected the task and measure of {first.session}, {mine[0]} and "
                f"{mine[1]}, came {theirs[0]} and {theirs[1]}"
            )


def _dealt(recording: TrialResponses, n_stimuli: int, n_parts: int, seed: int) -> _Dealt:
    """Trials of the common stimuli, dealt by their ids: the same table is dealt in the same way."""
    usable = recording.select(np.flatnonzero((recording.trials.stimulus < n_stimuli).all(1)))
    ids, reads_items = usable.trials.trial_id, item_period(0) in recording.period
    for deal in range(_MOST_DEALS):
        order = np.random.default_rng([seed, deal]).permutation(int(ids.max(initial=0)) + 1)
        part = order[ids] % n_parts
        if _fills_parts(usable, part, n_stimuli, n_parts, reads_items):
            return _Dealt(usable, part.astype(np.int64))
    raise ValueError(
        f"{recording.session}: expected trials enough to show each of {n_stimuli} items in each of "
        f"{n_parts} parts, came {len(usable)}: ask for fewer parts, or leave the session out"
    )


def _template(dealt: Sequence[_Dealt]) -> _Dealt:
    """The session whose trials are followed."""
    layouts = [(each.recording.trials.n_items, each.n_stimuli) for each in dealt]
    usual = max(layouts, key=layouts.count)
    fitting = [each for each, layout in zip(dealt, layouts, strict=True) if layout == usual]
    return min(fitting, key=lambda each: len(each.recording))


def _fills_parts(
    recording: TrialResponses,
    part: Int64[np.ndarray, " trial"],
    n_stimuli: int,
    n_parts: int,
    reads_items: bool,
) -> bool:
    """Whether each part has a trial and, where items are read, shows each of them."""
    for each in range(n_parts):
        shown = np.unique(recording.trials.stimulus[part == each])
        n_shown = int((shown != NO_STIMULUS).sum())
        if not n_shown or (reads_items and n_shown < n_stimuli):
            return False
    return True


def _common_windows(sessions: Sequence[TrialResponses], n_items: int) -> tuple[Window, ...]:
    """Windows of the items, the same at each position, and of the delay that all sessions have."""
    common = [_edges(each, MAINTENANCE) for each in sessions]
    delay = [edge for edge in common[0] if all(edge in each for each in common)]
    by_item = [
        _edges(each, item_period(position))
        for each in sessions
        for position in range(each.trials.n_items)
    ]
    shown = [edge for edge in by_item[0] if all(edge in each for each in by_item)]
    windows = [Window(item_period(p), *edge) for p in range(n_items) for edge in shown]
    windows += [Window(MAINTENANCE, *edge) for edge in delay]
    if not windows:
        raise ValueError(
            "sessions: expected windows of items or of the maintenance period that all of them "
            "have, came none"
        )
    return tuple(windows)


def _edges(recording: TrialResponses, period: str) -> list[tuple[float, float]]:
    return [
        (round(window.start, _DIGITS), round(window.stop, _DIGITS))
        for window in recording.windows
        if window.period == period
    ]


def _filled(
    session: _Dealt, template: _Dealt, windows: tuple[Window, ...], generator: np.random.Generator
) -> _Filled:
    """One session's activity in the trials of the template."""
    recording, wanted = session.recording, template.recording.trials
    column, search = _columns(recording), _Search(session, generator)
    values = np.zeros((len(wanted), len(windows), recording.values.shape[-1]), np.float32)
    alike = np.zeros(len(wanted))
    for row in generator.permutation(len(wanted)):
        source, alike[row] = search.sources(wanted.stimulus[row], int(template.part[row]))
        for k, window in enumerate(windows):
            if window.period in source:
                trial, period = source[window.period]
                values[row, k] = recording.values[trial, column[period, _edge(window)]]
    return _Filled(recording, values, alike)


class _Search:
    """Finds trials of a session that showed what is wanted, those used least first."""

    def __init__(self, session: _Dealt, generator: np.random.Generator) -> None:
        self.stimulus, self.part = session.recording.trials.stimulus, session.part
        self.generator = generator
        self.n_uses = np.zeros(self.stimulus.shape)  # of each presentation
        self.n_delays = np.zeros(len(self.stimulus))  # uses of each trial's delay

    def sources(
        self, items: Int64[np.ndarray, " wanted"], part: int
    ) -> tuple[dict[str, tuple[int, str]], float]:
        """Trial and period to take each period's activity from; share of the items held alike."""
        candidates = np.flatnonzero(self.part == part)
        trial, alike = self._most_alike(candidates, items)
        self.n_delays[trial] += 1
        found = {MAINTENANCE: (trial, MAINTENANCE)}
        for position in np.flatnonzero(items != NO_STIMULUS).tolist():
            place = self._presentation(candidates, trial, position, int(items[position]))
            if place is not None:
                self.n_uses[place] += 1
                found[item_period(position)] = (place[0], item_period(place[1]))
        return found, alike

    def _most_alike(
        self, candidates: Int64[np.ndarray, " candidate"], items: Int64[np.ndarray, " wanted"]
    ) -> tuple[int, float]:
        """The trial that held the most of these items, preferably in this order."""
        share = _share_in_common(self.stimulus[candidates], items)
        same = _same_order(self.stimulus[candidates], items)
        tie = self.generator.random(len(candidates))
        best = np.lexsort((tie, self.n_delays[candidates], ~same, -share))[0]
        return int(candidates[best]), float(share[best])

    def _presentation(
        self, candidates: Int64[np.ndarray, " candidate"], trial: int, position: int, item: int
    ) -> tuple[int, int] | None:
        """Where the item was shown: at its place in this trial, else where it was used least."""
        if position < self.stimulus.shape[1] and self.stimulus[trial, position] == item:
            return trial, position
        row, place = np.nonzero(self.stimulus[candidates] == item)
        if not len(row):  # only where items are not read: parts show each of them otherwise
            return None
        uses = self.n_uses[candidates[row], place] + self.generator.random(len(row)) / 2
        best = int(uses.argmin())
        return int(candidates[row[best]]), int(place[best])


def _share_in_common(
    stimulus: Int64[np.ndarray, "trial item"], items: Int64[np.ndarray, " wanted"]
) -> Float64[np.ndarray, " trial"]:
    """Of the items of each trial and these, whichever are more: how many are in both."""
    shown, wanted = stimulus != NO_STIMULUS, items[items != NO_STIMULUS]
    both = (np.isin(stimulus, wanted) & shown).sum(1)
    return np.asarray(both / np.maximum(shown.sum(1), len(wanted)), dtype=np.float64)


def _same_order(
    stimulus: Int64[np.ndarray, "trial item"], items: Int64[np.ndarray, " wanted"]
) -> np.ndarray:
    """Whether each trial showed exactly these items in this order."""
    if stimulus.shape[1] != len(items):
        return np.zeros(len(stimulus), dtype=bool)
    return np.asarray((stimulus == items).all(1))


def _columns(recording: TrialResponses) -> dict[tuple[str, tuple[float, float]], int]:
    return {(window.period, _edge(window)): k for k, window in enumerate(recording.windows)}


def _edge(window: Window) -> tuple[float, float]:
    return round(window.start, _DIGITS), round(window.stop, _DIGITS)


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _notes(
    sessions: Sequence[TrialResponses], template: _Dealt, n_parts: int, alike: float
) -> tuple[str, ...]:
    n_units = sum(len(each.units) for each in sessions)
    n_patients = len({each.subject for each in sessions})
    shared = [
        note for note in sessions[0].notes if all(note in each.notes for each in sessions[1:])
    ]
    return (
        f"pseudo-population: {n_units} units of {len(sessions)} sessions of {n_patients} patients "
        "side by side, which were never recorded together; nothing is inferred about patients",
        "items are matched by their number in each session, whichever pictures they were",
        f"trials, times and probes are those of {template.recording.session}; others were matched "
        f"by the items shown, within {n_parts} parts of each session's trials; of the items held "
        f"in the delay {alike:.0%} are the same on average",
        *shared,
    )
