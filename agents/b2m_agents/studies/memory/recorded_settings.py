"""The memory environment that shows the very trials that the person in a recording saw."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Int64

from b2m_agents.studies.memory.student_tasks import STUDENT_TASKS
from b2m_drive.files.missing_packages import needing
from b2m_drive.recordings.datasets.dandi_000004 import RecognitionTrials, recognition_trials
from b2m_drive.recordings.recording import Recording
from b2m_envs.memory_decision import (
    NO_STIMULUS,
    SEEN,
    ContextDecisionSettings,
    ContextTrials,
)
from b2m_envs.memory_decision.settings import TrialSettings

if TYPE_CHECKING:
    from b2m_envs.memory_decision.trial_environment import TrialEnv

_RECOGNITION_TIMES = {"isi": 0.2, "maintenance": 2.5}  # [s] nominal: minutes passed in between


def recorded_settings(recording: Recording, **settings: Any) -> TrialSettings:
    """Settings whose environment replays a recording's trials, in their order, again and again.

    Trials of a Sternberg task or memory decision are those of the recording: pictures, intervals,
    delay, probe. Of a recognition task (DANDI 000004) see `as_context_decision`. ``trial_id``, in
    the ``info`` of the environment, pairs a trial with the recording's.

    Args:
        recording: With trials, or of DANDI 000004.
        settings: Others of the task, such as ``time_step``.

    Raises:
        ValueError: If the recording has no trials, or they do not fit the task.
    """
    if recording.trials is None:
        judged = as_context_decision(recognition_trials(recording))
        return ContextDecisionSettings(
            n_items=2,
            n_categories=judged.n_categories,
            n_stimuli=_enough(judged),
            trial_list=judged,
            **settings,
        )
    trials, task = recording.trials, STUDENT_TASKS[recording.trials.task]
    return task.settings_class(
        n_items=tuple(int(count) for count in np.unique(trials.item_count)),
        n_stimuli=max(trials.n_stimuli, trials.n_items + 1),
        trial_list=task.trials_of(trials),
        **settings,
    )


def recorded_environment(recording: Recording, **settings: Any) -> TrialEnv:
    """The environment that shows the trials of a recording; see `recorded_settings`.

    Raises:
        MissingPackageError: If the environments are not installed.
        ValueError: As `recorded_settings`.
    """
    with needing("recorded_environment", "envs"):
        import gymnasium

        import b2m_envs  # noqa: F401 - registers the environments
    made = recorded_settings(recording, **settings)
    own = {each.name: getattr(made, each.name) for each in fields(made)}
    return cast("TrialEnv", gymnasium.make(f"{made.task_id}-v0", **own).unwrapped)


def as_context_decision(trials: RecognitionTrials) -> ContextTrials:
    """Recognised pictures as trials of the context decision by the rule ``SEEN``.

    The picture that was judged is the left probe: left is the answer where it was old. Everything
    around it is filled in, since a session learns a hundred pictures and judges one at a time: two
    items that were learnt (the old picture, or one in its stead, among them), and on the right one
    of them where the picture was new, an unused one where it was old. In every other trial the
    rule by category would lead to the other answer. ``trial_id`` is the number of the event.

    Stimulus *k* is of category ``k % n_categories``, as the environment has it.

    Raises:
        ValueError: If pictures are of one category, or a category has too few.
    """
    number, categories = _numbers(trials)
    learnt = np.array([number[each] for each in trials.learnt.tolist()], dtype=np.int64)
    pictures = _Pictures(learnt, np.array(sorted(number.values()), dtype=np.int64), categories)
    judged = zip(trials.picture.tolist(), trials.old.tolist(), strict=True)
    rows = [pictures.trial(number[each], old, row) for row, (each, old) in enumerate(judged)]
    stimulus, left, right = (np.array(each, dtype=np.int64) for each in zip(*rows, strict=True))
    return ContextTrials(
        trial_id=trials.event,
        stimulus=stimulus,
        isi=np.full(len(trials), _RECOGNITION_TIMES["isi"]),
        maintenance=np.full(len(trials), _RECOGNITION_TIMES["maintenance"]),
        probe_left=left,
        probe_right=right,
        rule=np.full(len(trials), SEEN, dtype=np.int64),
        n_categories=categories,
    )


def _numbers(trials: RecognitionTrials) -> tuple[dict[int, int], int]:
    """The stimulus of each picture, so that its category is the remainder; and how many there are.

    Pictures of a category are numbered as they come, those learnt first.
    """
    pictures = np.concatenate([trials.learnt, trials.picture])
    category = np.concatenate([trials.learnt_category, trials.category])
    n_categories = int(category.max()) + 1
    if n_categories < 2:
        raise ValueError("pictures: expected two categories or more, came one")
    number: dict[int, int] = {}
    used = [0] * n_categories
    for picture, own in zip(pictures.tolist(), category.tolist(), strict=True):
        if picture not in number:
            number[picture] = used[own] * n_categories + own
            used[own] += 1
    return number, n_categories


@dataclass(frozen=True)
class _Pictures:
    """Stimuli of a session, by number; the category is the remainder."""

    learnt: Int64[np.ndarray, " picture"]
    every: Int64[np.ndarray, " stimulus"]
    n_categories: int

    def trial(self, judged: int, old: bool, row: int) -> tuple[tuple[int, int], int, int]:
        """Items (the last one second), left and right probe of a trial."""
        elsewhere = _turned(
            self.learnt[self._category(self.learnt) != judged % self.n_categories], row
        )
        if len(elsewhere) < 2:
            raise ValueError("pictures: expected two learnt ones of other categories, came fewer")
        make = self._old if old else self._new
        return make(judged, elsewhere, row)

    def _old(self, judged: int, elsewhere: list[int], row: int) -> tuple[tuple[int, int], int, int]:
        other = elsewhere[0]
        if row % 2:  # the last item's category is the right probe's
            return (judged, other), judged, self._new_one(other, same=True, row=row)
        return (other, judged), judged, self._new_one(judged, same=False, row=row, besides=other)

    def _new(self, judged: int, elsewhere: list[int], row: int) -> tuple[tuple[int, int], int, int]:
        shown, first = elsewhere[:2]
        if row % 2 == 0:
            return (first, shown), judged, shown
        alike = (self._category(self.learnt) == judged % self.n_categories) & (
            self.learnt != judged
        )
        last = _turned(self.learnt[alike], row)
        if not last:
            raise ValueError("pictures: expected learnt ones of each category, came none of one")
        return (shown, last[0]), judged, shown

    def _new_one(self, beside: int, *, same: bool, row: int, besides: int = NO_STIMULUS) -> int:
        """A stimulus of the same category as another one, or of none of its, that is no item."""
        fits = (self._category(self.every) == beside % self.n_categories) == same
        free = _turned(self.every[fits & ~np.isin(self.every, (beside, besides))], row)
        if not free:
            raise ValueError("pictures: expected two or more of each category, came fewer")
        return free[0]

    def _category(self, stimuli: Int64[np.ndarray, " _"]) -> Int64[np.ndarray, " _"]:
        return np.asarray(stimuli % self.n_categories)


def _turned(values: Int64[np.ndarray, " _"], by: int) -> list[int]:
    if not len(values):
        return []
    return [int(each) for each in np.roll(values, -by % len(values))]


def _enough(trials: ContextTrials) -> int:
    """Stimuli that hold all of the trials': whole rounds of the categories, two or more."""
    largest = max(int(each.max()) for each in (trials.stimulus, *trials.probes.T))
    return max(largest // trials.n_categories + 1, 2) * trials.n_categories
