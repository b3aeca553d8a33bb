"""The trials of a memory session: what was shown when, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_drive.recordings.events import Events

LEFT, RIGHT = 0, 1
NO_STIMULUS = -1  # fills the rows of trials with fewer items than others

TaskName = Literal["memory_decision", "sternberg"]

FIXATION = "fixation"
MAINTENANCE = "maintenance"
PROBE = "probe"


def item_period(position: int) -> str:
    """Name of the period that starts when the item at this position (from 0) appears."""
    return f"item{position + 1}"


@dataclass(frozen=True)
class DecisionTrials:
    """The trials of a memory session: what was shown when, and what was answered.

    Times are in seconds on the session's own clock. Stimuli are indices from 0. A trial with
    fewer items than the widest fills its row with `NO_STIMULUS` (onsets: NaN) at the end. In the
    Sternberg task the one probe is the left one, there is none on the right, and the target's
    side is ``LEFT`` where the answer is *in*: "was the left probe shown before?" is what both
    tasks ask.
    """

    trial_id: Int64[np.ndarray, " trial"]
    stimulus: Int64[np.ndarray, "trial item"]
    item_onset: Float64[np.ndarray, "trial item"]  # [s]
    maintenance_onset: Float64[np.ndarray, " trial"]  # [s]
    probe_onset: Float64[np.ndarray, " trial"]  # [s]
    inter_stimulus_interval: Float64[np.ndarray, " trial"]  # [s]
    probe_left: Int64[np.ndarray, " trial"]
    probe_right: Int64[np.ndarray, " trial"]
    target_side: Int64[np.ndarray, " trial"]  # LEFT or RIGHT: where the probe shown before is
    answered_correctly: Bool[np.ndarray, " trial"]
    n_stimuli: int  # stimuli of the session, shown in these trials or not
    task: TaskName = "memory_decision"
    # Columns that the recording does not hold: their values are made up, and only fill the table
    nominal: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = set(self.nominal) - set(_COLUMNS)
        if unknown:
            raise ValueError(
                f"nominal: expected columns of the trials, {', '.join(_COLUMNS)}, came "
                f"{sorted(unknown)}"
            )

    def __len__(self) -> int:
        return len(self.trial_id)

    @property
    def n_items(self) -> int:
        """Items of the longest trials."""
        return int(self.stimulus.shape[1])

    @property
    def item_count(self) -> Int64[np.ndarray, " trial"]:
        """Items shown in each trial."""
        return np.asarray((self.stimulus != NO_STIMULUS).sum(1), dtype=np.int64)

    @property
    def n_without_onset(self) -> int:
        """Items shown whose onset is unknown; `item_events` leaves them out."""
        return int((self._shown & ~np.isfinite(self.item_onset)).sum())

    def item_events(self, duration: Float64[np.ndarray, "trial item"] | float = 0.0) -> Events:
        """An event for each item that was shown, with its stimulus as id, trial after trial.

        The columns ``trial`` and ``position`` say which trial showed it, and as which item.

        Args:
            duration: How long an item was on the screen [s], one for all or one each.
        """
        trial, position = np.nonzero(self._shown & np.isfinite(self.item_onset))
        return Events.of(
            self.item_onset[trial, position],
            self.stimulus[trial, position],
            np.broadcast_to(duration, self.stimulus.shape)[trial, position],
            trial=self.trial_id[trial],
            position=position,
        )

    @property
    def _shown(self) -> Bool[np.ndarray, "trial item"]:
        return np.asarray(self.stimulus != NO_STIMULUS)

    def select(self, rows: np.ndarray) -> DecisionTrials:
        """These trials only, by row number or mask."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})


_COLUMNS = tuple(
    name
    for name in DecisionTrials.__dataclass_fields__
    if name not in ("n_stimuli", "task", "nominal")
)
