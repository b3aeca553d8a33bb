"""Which stimuli a trial shows and how long it lasts, as a table with one row a trial."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float64, Int64

LEFT, RIGHT = 0, 1
NO_STIMULUS = -1  # fills the rows of trials with fewer items than others
NO_RULE = -1  # of trials that are answered by one rule throughout

SomeTrials = TypeVar("SomeTrials", bound="Trials")


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials of a memory task, a row each: what those of every task have; stimuli count from 0.

    A trial with fewer items than the widest fills its row with ``NO_STIMULUS`` at the end.

    Raises:
        ValueError: for unequal lengths, negative or NaN durations, a row without items or with a
            gap in it, or a distractor that is an item, a probe or shown twice.
    """

    trial_id: Int64[np.ndarray, " trial"]
    stimulus: Int64[np.ndarray, "trial item"]
    isi: Float64[np.ndarray, " trial"]  # [s] blank after every item
    maintenance: Float64[np.ndarray, " trial"]  # [s]
    # Shown during maintenance, to be ignored; None: the trials have no distractors.
    distractor: Int64[np.ndarray, "trial distractor"] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._check_lengths()
        self._check_durations()
        self._check_stimuli()
        self._check_probes()
        self._check_distractors()

    def __len__(self) -> int:
        return len(self.trial_id)

    @cached_property
    def item_count(self) -> Int64[np.ndarray, " trial"]:
        """Items shown in each trial."""
        return np.asarray((self.stimulus != NO_STIMULUS).sum(axis=1), dtype=np.int64)

    @property
    def probes(self) -> Int64[np.ndarray, "trial place"]:
        """Probes at the centre, on the left and on the right, or ``NO_STIMULUS``."""
        raise NotImplementedError

    @property
    def target_side(self) -> Int64[np.ndarray, " trial"]:
        """``LEFT`` or ``RIGHT``: which of the two answers is the right one."""
        raise NotImplementedError

    @property
    def cue(self) -> Int64[np.ndarray, " trial"]:
        """The rule that a cue names during fixation, or ``NO_RULE``."""
        return np.full(len(self), NO_RULE)

    @property
    def n_distractors(self) -> int:
        """Distractors shown in each trial."""
        return 0 if self.distractor is None else self.distractor.shape[1]

    def select(self: SomeTrials, rows: np.ndarray) -> SomeTrials:
        """These trials only, by row number or mask."""
        columns = {each.name: getattr(self, each.name) for each in fields(self)}
        chosen = {
            name: column[rows] for name, column in columns.items() if isinstance(column, np.ndarray)
        }
        return replace(self, **chosen)

    def check_fits(self, item_counts: tuple[int, ...], n_stimuli: int, item: float) -> None:
        """Check that a task can show the trials.

        Args:
            item_counts: numbers of items that its trials may have.
            n_stimuli: its stimuli.
            item: [s] for which it shows a stimulus.

        Raises:
            ValueError: naming the field, the trial, what was expected and what came.
        """
        permitted = np.isin(self.item_count, item_counts)
        self._require(
            permitted, "stimulus", f"{' or '.join(map(str, item_counts))} items", self.item_count
        )
        for name in self._stimulus_columns:
            values = getattr(self, name).reshape(len(self), -1)
            largest = values.max(axis=1, initial=NO_STIMULUS)
            self._require(
                largest < n_stimuli, name, f"stimulus indices from 0 to {n_stimuli - 1}", largest
            )
        self._require(
            self.maintenance >= self.n_distractors * item,
            "maintenance",
            f"time for {self.n_distractors} distractors of {item} s",
            self.maintenance,
        )

    @property
    def _probe_columns(self) -> tuple[str, ...]:
        return tuple(each.name for each in fields(self) if each.name.startswith("probe"))

    @property
    def _stimulus_columns(self) -> tuple[str, ...]:
        without = ("stimulus", *self._probe_columns)
        return without if self.distractor is None else (*without, "distractor")

    def _check_lengths(self) -> None:
        if self.stimulus.ndim != 2:
            raise ValueError(
                f"trial table: stimulus: expected two axes (trial, item), "
                f"came shape {self.stimulus.shape}"
            )
        for each in fields(self):
            column = getattr(self, each.name)
            if isinstance(column, np.ndarray) and len(column) != len(self):
                raise ValueError(
                    f"trial table: {each.name}: expected {len(self)} trials as in trial_id, "
                    f"came {len(column)}"
                )

    def _check_durations(self) -> None:
        for name in ("isi", "maintenance"):
            duration = getattr(self, name)
            permitted = (duration >= 0) & (duration < np.inf)  # NaN fails both
            self._require(permitted, name, "a finite duration of 0 s or more", duration)

    def _check_stimuli(self) -> None:
        smallest = self.stimulus.min(axis=1, initial=0)
        self._require(
            smallest >= NO_STIMULUS,
            "stimulus",
            f"indices from 0, or {NO_STIMULUS} to fill the row",
            smallest,
        )
        filled = self.stimulus == NO_STIMULUS
        ends_filled = ~(filled[:, :-1] & ~filled[:, 1:]).any(axis=1)
        self._require(
            ends_filled & (self.item_count > 0),
            "stimulus",
            f"one item or more, and {NO_STIMULUS} only after the last",
            self.stimulus,
        )

    def _check_probes(self) -> None:
        for name in self._probe_columns:
            probe = getattr(self, name)
            self._require(probe >= 0, name, "a stimulus index from 0", probe)

    def _check_distractors(self) -> None:
        if self.distractor is None:
            return
        if self.distractor.ndim != 2:
            raise ValueError(
                f"trial table: distractor: expected two axes (trial, distractor), "
                f"came shape {self.distractor.shape}"
            )
        before = np.concatenate((self.stimulus, self.probes), axis=1)
        for position, shown in enumerate(self.distractor.T):
            others = np.concatenate((before, self.distractor[:, :position]), axis=1)
            self._require(
                (shown >= 0) & ~(others == shown[:, None]).any(axis=1),
                "distractor",
                "different stimuli from 0 that are neither items nor probes",
                self.distractor,
            )

    def _check_one_seen(self) -> None:
        """Check that exactly one of the probes on the left and on the right was an item."""
        shown = sum(self.was_shown(probe).astype(int) for probe in self.probes[:, 1:].T)
        self._require(
            np.asarray(shown == 1),
            "probe_left and probe_right",
            "exactly one of the two among the items",
            np.asarray(shown),
        )

    def was_shown(self, probe: Int64[np.ndarray, " trial"]) -> Bool[np.ndarray, " trial"]:
        """Whether these stimuli, one a trial, were among its items."""
        return np.asarray((self.stimulus == probe[:, None]).any(axis=1))

    def _require(self, permitted: np.ndarray, name: str, expected: str, came: np.ndarray) -> None:
        if permitted.all():
            return
        row = int(np.argmin(permitted))
        raise ValueError(
            f"trial table: {name} of trial {self.trial_id[row]} (row {row}): "
            f"expected {expected}, came {came[row]}"
        )


@dataclass(frozen=True, eq=False)
class TrialTable(Trials):
    """Trials of the memory decision task.

    Raises:
        ValueError: as `Trials`, or for a trial in which both probes or none were among the items.
    """

    probe_left: Int64[np.ndarray, " trial"]
    probe_right: Int64[np.ndarray, " trial"]

    @property
    def probes(self) -> Int64[np.ndarray, "trial place"]:
        """No probe at the centre, one on the left, one on the right."""
        return at_both_sides(self.probe_left, self.probe_right)

    @cached_property
    def target_side(self) -> Int64[np.ndarray, " trial"]:
        """``LEFT`` or ``RIGHT``: where the probe that was among the items is."""
        return np.where(self.was_shown(self.probe_left), LEFT, RIGHT)

    def _check_probes(self) -> None:
        super()._check_probes()
        self._check_one_seen()


def at_both_sides(
    left: Int64[np.ndarray, " trial"], right: Int64[np.ndarray, " trial"]
) -> Int64[np.ndarray, "trial place"]:
    """Stimuli on the left and on the right of an empty centre."""
    return np.stack((np.full_like(left, NO_STIMULUS), left, right), axis=1)
