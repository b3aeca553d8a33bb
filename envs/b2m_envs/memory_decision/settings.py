"""The settings of the memory tasks: what all share, and those of the memory decision task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from b2m_envs.memory_decision.trials import Trials, TrialTable

Counts = int | np.integer | Sequence[int] | np.ndarray  # one whole number, or several
Durations = float | np.number | Sequence[float] | np.ndarray  # [s] one, or several


@dataclass(frozen=True, eq=False)
class TrialSettings:
    """Settings of a memory task: what all have; each task brings its own defaults.

    Where several numbers are meant, any sequence does: a tuple, a list, a range, an array. They are
    kept as a tuple.

    Raises:
        ValueError: naming the setting, what was expected and what came.
    """

    task_id: ClassVar[str]  # names the task in errors and window titles
    trials_class: ClassVar[type[Trials]]

    n_items: Counts = (3, 4)  # items of a trial, or the numbers to draw from
    n_stimuli: int = 8
    codes: Literal["random", "category"] | np.ndarray = "random"  # or (n_stimuli, feature)
    code_size: int = 8  # features of a drawn code
    n_categories: int = 4  # stimulus k is of category k % n_categories
    category_share: float = 0.5  # of a "category" code's variance that its category explains
    codes_seed: int | None = 0  # codes belong to the task: reset(seed) leaves them as they are

    fixation: float = 0.5  # [s]
    item: float = 0.2  # [s] each item is shown
    isi: Durations = (0.0, 0.2, 0.5, 0.8)  # [s] after each item, one a trial
    post_item: float = 0.2  # [s] further blank after the last item's interval
    maintenance: Durations = (2.4, 2.6)  # [s], or (low, high) to draw between
    n_distractors: int = 0  # stimuli shown during maintenance, to be ignored, `item` seconds each
    response: float = 0.6  # [s] probes are shown at most
    time_step: float = 0.1  # [s]
    observation_noise: float = 0.1  # standard deviation on every stimulus channel and step

    reward_correct: float = 1.0
    reward_error: float = 0.0  # the other answer chosen, or none in time
    reward_abort: float = -0.1  # an action other than fixate before the probes
    abort_on_break: bool = True  # such an action ends the trial
    trial_list: Trials | None = None  # replay these trials, in this order, again and again

    def __post_init__(self) -> None:
        for name in ("n_items", "isi", "maintenance"):
            object.__setattr__(self, name, _as_python(getattr(self, name)))
        self._check_numbers()
        self._check_counts()
        self._check_durations()
        self._check_codes()
        self._check_flags()
        self._check_distractors()
        if self.trial_list is not None:
            kind = self.trials_class
            valid = isinstance(self.trial_list, kind)
            self._require(valid, "trial_list", f"a {kind.__name__} or None", self.trial_list)
            self._require(len(self.trial_list) > 0, "trial_list", "one trial or more", 0)
            self.check_trials(self.trial_list)

    @property
    def item_counts(self) -> tuple[int, ...]:
        """Numbers of items that a trial may have."""
        return _several(self.n_items)

    @property
    def max_items(self) -> int:
        """Items of the longest trials."""
        return max(self.item_counts)

    @property
    def isi_choices(self) -> tuple[float, ...]:
        """Inter-stimulus intervals [s] that a trial may have."""
        return _several(self.isi)

    @property
    def maintenance_range(self) -> tuple[float, float]:
        """Shortest and longest maintenance [s]."""
        durations = _several(self.maintenance)
        return durations[0], durations[-1]

    def check_trials(self, trials: Trials) -> None:
        """Check that these trials are of this task, and that it can show them.

        Raises:
            ValueError: naming the field, the trial, what was expected and what came.
        """
        kind = self.trials_class
        self._require(
            isinstance(trials, kind), "trials", f"a {kind.__name__}", type(trials).__name__
        )
        trials.check_fits(self.item_counts, self.n_stimuli, self.item)

    def _check_numbers(self) -> None:
        for name in ("n_stimuli", "code_size", "n_categories"):
            value = getattr(self, name)
            self._require(_is_count(value), name, "a whole number of 1 or more", value)
        for name in ("fixation", "post_item", "observation_noise"):
            value = getattr(self, name)
            self._require(_is_number(value) and value >= 0, name, "a number of 0 or more", value)
        for name in ("reward_correct", "reward_error", "reward_abort"):
            value = getattr(self, name)
            self._require(_is_number(value), name, "a finite number", value)

    def _check_counts(self) -> None:
        valid = _is_count(self.n_items) or _is_choice(self.n_items, _is_count)
        self._require(valid, "n_items", "a whole number of 1 or more, or several", self.n_items)
        self._require(
            self.n_stimuli > self.max_items,
            "n_stimuli",
            f"more than the {self.max_items} items of a trial, so that a probe can be new",
            self.n_stimuli,
        )

    def _check_distractors(self) -> None:
        valid = self.n_distractors == 0 or _is_count(self.n_distractors)
        self._require(valid, "n_distractors", "a whole number of 0 or more", self.n_distractors)
        shown = self.max_items + self.n_distractors
        self._require(
            self.n_stimuli > shown,
            "n_stimuli",
            f"more than the {self.max_items} items and {self.n_distractors} distractors of a "
            "trial, so that a probe can be new",
            self.n_stimuli,
        )
        self._require(
            self.maintenance_range[0] >= self.n_distractors * self.item,
            "maintenance",
            f"time for {self.n_distractors} distractors of {self.item} s",
            self.maintenance,
        )

    def _check_durations(self) -> None:
        valid = _is_number(self.time_step) and self.time_step > 0
        self._require(valid, "time_step", "a duration above 0 s", self.time_step)
        for name in ("item", "response"):
            value = getattr(self, name)
            self._require(
                _is_number(value) and value >= self.time_step,
                name,
                f"a duration [s] of at least one time step ({self.time_step} s)",
                value,
            )
        self._require(
            _is_duration(self.isi) or _is_choice(self.isi, _is_duration),
            "isi",
            "a duration [s] of 0 or more, or several to choose from",
            self.isi,
        )
        self._require(
            _is_duration(self.maintenance) or _is_interval(self.maintenance),
            "maintenance",
            "a duration [s] of 0 or more, or (low, high) with low <= high",
            self.maintenance,
        )

    def _check_flags(self) -> None:
        valid = isinstance(self.abort_on_break, bool)
        self._require(valid, "abort_on_break", "True or False", self.abort_on_break)
        valid = self.codes_seed in (None, 0) or _is_count(self.codes_seed)
        self._require(valid, "codes_seed", "a whole number of 0 or more, or None", self.codes_seed)

    def _check_codes(self) -> None:
        if isinstance(self.codes, np.ndarray):
            expected = (
                f"an array of shape ({self.n_stimuli}, feature), one row a stimulus (n_stimuli)"
            )
            valid = self.codes.ndim == 2 and len(self.codes) == self.n_stimuli
            self._require(valid and self.codes.shape[1] > 0, "codes", expected, self.codes.shape)
            broken = int((~np.isfinite(self.codes)).sum())
            self._require(broken == 0, "codes", "finite numbers", f"{broken} NaN or infinite")
            return
        valid = isinstance(self.codes, str) and self.codes in ("random", "category")
        self._require(valid, "codes", '"random", "category" or an array', self.codes)
        self._require(
            _is_number(self.category_share) and 0 <= self.category_share <= 1,
            "category_share",
            "a number from 0 to 1",
            self.category_share,
        )

    def _require(self, valid: bool, name: str, expected: str, came: object) -> None:
        _require(valid, self.task_id, name, expected, came)


@dataclass(frozen=True, eq=False)
class MemoryDecisionSettings(TrialSettings):
    """Settings of the task of Kornblith et al. 2017 (Current Biology 27:1026).

    The defaults are the published durations; a fixation of 0.5 s and a response window of 0.6 s
    are ours (patients answered in their own time), and so are the distractors.

    Raises:
        ValueError: naming the setting, what was expected and what came.
    """

    task_id: ClassVar[str] = "B2M/MemoryDecision"
    trials_class: ClassVar[type[Trials]] = TrialTable


Settings = TypeVar("Settings", bound=TrialSettings)


def settings_from_keywords(keywords: Mapping[str, Any], kind: type[Settings]) -> Settings:
    """Settings of this kind from the keyword arguments of ``gymnasium.make``.

    Raises:
        ValueError: naming a keyword that is no setting, beside those that are.
    """
    known = [field.name for field in fields(kind)]
    expected = f"one of {', '.join(known)}"
    for name in keywords:
        _require(name in known, kind.task_id, "unknown setting", expected, repr(name))
    return kind(**keywords)


def _require(valid: bool, task_id: str, name: str, expected: str, came: object) -> None:
    if not valid:
        raise ValueError(f"{task_id}: {name}: expected {expected}, came {came}")


def _as_python(value: Any) -> Any:
    """Numbers of numpy as Python's own, sequences as tuples; anything else as it is."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, range | list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(map(_as_python, value))
    return value


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf


def _is_choice(values: object, is_valid: Any) -> bool:
    return isinstance(values, tuple | list) and len(values) > 0 and all(map(is_valid, values))


def _is_interval(values: object) -> bool:
    return (
        isinstance(values, tuple | list)
        and len(values) == 2
        and all(map(_is_duration, values))
        and values[0] <= values[1]
    )
