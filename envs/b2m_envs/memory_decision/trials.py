"""Which stimuli a trial shows and how long it lasts, as a table with one row a trial."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int64

LEFT, RIGHT = 0, 1
NO_STIMULUS = -1  # fills the rows of trials with fewer items than others


@dataclass(frozen=True, eq=False)
class TrialTable:
    """Trials of the memory decision task; stimuli are indices from 0.

    A trial with fewer items than the widest fills its row with ``NO_STIMULUS`` at the end.

    Raises:
        ValueError: for unequal lengths, negative or NaN durations, a row without items or with a
            gap in it, or a trial in which both probes or none were among the items.
    """

    trial_id: Int64[np.ndarray, " trial"]
    stimulus: Int64[np.ndarray, "trial item"]
    isi: Float64[np.ndarray, " trial"]  # [s] blank after every item
    maintenance: Float64[np.ndarray, " trial"]  # [s]
    probe_left: Int64[np.ndarray, " trial"]
    probe_right: Int64[np.ndarray, " trial"]

    def __post_init__(self) -> None:
        self._check_lengths()
        self._check_durations()
        self._check_stimuli()
        self._check_probes()

    def __len__(self) -> int:
        return len(self.trial_id)

    @cached_property
    def item_count(self) -> Int64[np.ndarray, " trial"]:
        """Items shown in each trial."""
        return np.asarray((self.stimulus != NO_STIMULUS).sum(axis=1), dtype=np.int64)

    @cached_property
    def target_side(self) -> Int64[np.ndarray, " trial"]:
        """``LEFT`` or ``RIGHT``: where the probe that was among the items is."""
        return np.where(self._was_shown(self.probe_left), LEFT, RIGHT)

    def select(self, rows: np.ndarray) -> TrialTable:
        """These trials only, by row number or mask."""
        return replace(
            self, **{field.name: getattr(self, field.name)[rows] for field in fields(self)}
        )

    def check_fits(self, item_counts: tuple[int, ...], n_stimuli: int) -> None:
        """Check that a task with these item counts and this many stimuli can show the trials.

        Raises:
            ValueError: naming the field, the trial, what was expected and what came.
        """
        permitted = np.isin(self.item_count, item_counts)
        self._require(
            permitted, "stimulus", f"{' or '.join(map(str, item_counts))} items", self.item_count
        )
        for name in ("stimulus", "probe_left", "probe_right"):
            values = getattr(self, name).reshape(len(self), -1)
            largest = values.max(axis=1, initial=NO_STIMULUS)
            self._require(
                largest < n_stimuli, name, f"stimulus indices from 0 to {n_stimuli - 1}", largest
            )

    def _check_lengths(self) -> None:
        if self.stimulus.ndim != 2:
            raise ValueError(
                f"trial table: stimulus: expected two axes (trial, item), "
                f"came shape {self.stimulus.shape}"
            )
        for field in fields(self):
            length = len(getattr(self, field.name))
            if length != len(self):
                raise ValueError(
                    f"trial table: {field.name}: expected {len(self)} trials as in trial_id, "
                    f"came {length}"
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
        for name in ("probe_left", "probe_right"):
            probe = getattr(self, name)
            self._require(probe >= 0, name, "a stimulus index from 0", probe)
        shown = self._was_shown(self.probe_left).astype(int) + self._was_shown(self.probe_right)
        self._require(
            shown == 1,
            "probe_left and probe_right",
            "exactly one of the two among the items",
            shown,
        )

    def _was_shown(self, probe: Int64[np.ndarray, " trial"]) -> Bool[np.ndarray, " trial"]:
        return np.asarray((self.stimulus == probe[:, None]).any(axis=1))

    def _require(self, permitted: np.ndarray, name: str, expected: str, came: np.ndarray) -> None:
        if permitted.all():
            return
        row = int(np.argmin(permitted))
        raise ValueError(
            f"trial table: {name} of trial {self.trial_id[row]} (row {row}): "
            f"expected {expected}, came {came[row]}"
        )
