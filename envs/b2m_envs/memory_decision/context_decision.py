"""The context-dependent decision: a cue says by which rule the same two probes are judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_envs.memory_decision.randomness import pick
from b2m_envs.memory_decision.settings import Counts, TrialSettings
from b2m_envs.memory_decision.task import TrialTask
from b2m_envs.memory_decision.trials import LEFT, NO_STIMULUS, RIGHT, Trials, at_both_sides

SEEN, CATEGORY = 0, 1  # rules
# Chances of a trial: item count, interval, maintenance, rule, congruent or not, side of the probe
# that was seen, position at which it was.
N_CHANCES = 7


@dataclass(frozen=True, eq=False)
class ContextTrials(Trials):
    """Trials of the context-dependent decision; stimulus *k* is of category ``k % n_categories``.

    Raises:
        ValueError: as `Trials`, or for an unknown rule, or a trial in which not exactly one probe
            was among the items, or not exactly one is of the last item's category.
    """

    probe_left: Int64[np.ndarray, " trial"]
    probe_right: Int64[np.ndarray, " trial"]
    rule: Int64[np.ndarray, " trial"]  # SEEN or CATEGORY
    n_categories: int = 4

    @property
    def probes(self) -> Int64[np.ndarray, "trial place"]:
        """No probe at the centre, one on the left, one on the right."""
        return at_both_sides(self.probe_left, self.probe_right)

    @property
    def cue(self) -> Int64[np.ndarray, " trial"]:
        """The rule, which a cue names during fixation."""
        return self.rule

    @cached_property
    def seen_side(self) -> Int64[np.ndarray, " trial"]:
        """Side of the probe that was among the items: the answer by the rule ``SEEN``."""
        return np.where(self.was_shown(self.probe_left), LEFT, RIGHT)

    @cached_property
    def category_side(self) -> Int64[np.ndarray, " trial"]:
        """Side of the probe of the last item's category: the answer by the rule ``CATEGORY``."""
        return np.where(self._is_of_last_category(self.probe_left), LEFT, RIGHT)

    @property
    def congruent(self) -> Bool[np.ndarray, " trial"]:
        """Whether both rules lead to the same answer."""
        return np.asarray(self.seen_side == self.category_side)

    @cached_property
    def target_side(self) -> Int64[np.ndarray, " trial"]:
        """``LEFT`` or ``RIGHT``: where the probe is that is right by the trial's rule."""
        return np.where(self.rule == SEEN, self.seen_side, self.category_side)

    def _check_probes(self) -> None:
        super()._check_probes()
        if self.n_categories < 2:
            raise ValueError(
                f"trial table: n_categories: expected 2 or more, came {self.n_categories}"
            )
        self._require(
            (self.rule == SEEN) | (self.rule == CATEGORY),
            "rule",
            f"{SEEN} (seen) or {CATEGORY} (category)",
            self.rule,
        )
        self._check_one_seen()
        left, right = map(self._is_of_last_category, (self.probe_left, self.probe_right))
        self._require(
            left != right,
            "probe_left and probe_right",
            f"exactly one of the two of the last item's category (of {self.n_categories})",
            left.astype(int) + right,
        )

    def _is_of_last_category(
        self, probe: Int64[np.ndarray, " trial"]
    ) -> Bool[np.ndarray, " trial"]:
        last = self.stimulus[np.arange(len(self)), self.item_count - 1]
        return np.asarray(last % self.n_categories == probe % self.n_categories)


@dataclass(frozen=True, eq=False)
class ContextDecisionSettings(TrialSettings):
    """Settings of the context-dependent decision, a task of our own.

    A cue that sets the rule by which the same stimuli are judged follows Mante et al. 2013
    (Nature 503:78); items, maintenance and probes are those of `MemoryDecisionSettings`.

    Raises:
        ValueError: naming the setting, what was expected and what came.
    """

    task_id: ClassVar[str] = "B2M/ContextDecision"
    trials_class: ClassVar[type[Trials]] = ContextTrials

    n_items: Counts = (2, 3)
    codes: Literal["random", "category"] | np.ndarray = "category"

    def check_trials(self, trials: Trials) -> None:
        """Check that these trials are of this task, and that it can show them.

        Raises:
            ValueError: naming the field, the trial, what was expected and what came.
        """
        super().check_trials(trials)
        assert isinstance(trials, ContextTrials)
        self._require(
            trials.n_categories == self.n_categories,
            "trials: n_categories",
            f"{self.n_categories} as in the settings",
            trials.n_categories,
        )

    def _check_counts(self) -> None:
        super()._check_counts()
        least = min(self.item_counts)
        self._require(
            least >= 2, "n_items", "2 or more, so that one can be of another category", self.n_items
        )
        self._require(
            self.n_categories >= 2, "n_categories", "2 or more, to tell apart", self.n_categories
        )
        self._require(
            self.n_stimuli >= 2 * self.n_categories,
            "n_stimuli",
            f"2 or more of each of the {self.n_categories} categories",
            self.n_stimuli,
        )
        outside = self.n_stimuli - -(-self.n_stimuli // self.n_categories)
        self._require(
            outside >= self.max_items,
            "n_stimuli",
            f"{self.max_items} or more outside any one of the {self.n_categories} categories, for "
            "earlier items and a new probe",
            f"{self.n_stimuli} ({outside} outside the largest)",
        )


class ContextDecisionTask(TrialTask):
    """Two probes, of which one was seen and one is of the last item's category.

    The number of items, the interval, the maintenance, the rule, whether the trial is congruent
    and the side of the probe that was seen are uniform and independent. In a congruent trial the
    probe seen is also the one of the last item's category: it is any of the items, each equally
    likely. In an incongruent one it is an earlier item, and the other probe a new stimulus of the
    last item's category. All other items and the other probe of congruent trials come from other
    categories. So who remembers the last item alone is right under ``SEEN`` as often as in
    `MemoryDecisionTask`. Who also remembers the categories of the others can be right more often:
    two items of one category are shown in congruent trials only.
    """

    settings_class: ClassVar[type[TrialSettings]] = ContextDecisionSettings
    rule_names: ClassVar[tuple[str, ...]] = ("seen", "category")

    @property
    def n_chances(self) -> int:
        """Random numbers that a trial's parameters take: also for the items and the new probe."""
        return N_CHANCES + self.settings.max_items + 1  # the items and the new probe

    def trials_from_chances(
        self, chance: Float64[np.ndarray, "trial chance"], trial_number: Int64[np.ndarray, " trial"]
    ) -> ContextTrials:
        """Trials of the context decision that follow from these chances."""
        item_count = self.draw_item_count(chance)
        congruent = chance[:, 4] < 0.5
        position = (chance[:, 6] * (item_count - ~congruent)).astype(np.int64)
        items, new = self._items_and_new(chance[:, N_CHANCES:], item_count, position, congruent)
        seen = items[np.arange(len(items)), position]
        is_left = chance[:, 5] < 0.5
        return ContextTrials(
            **self.common_columns(chance, trial_number),
            stimulus=items,
            probe_left=np.where(is_left, seen, new),
            probe_right=np.where(is_left, new, seen),
            rule=np.where(chance[:, 3] < 0.5, SEEN, CATEGORY),
            n_categories=self.settings.n_categories,
        )

    def _items_and_new(
        self,
        chance: Float64[np.ndarray, "trial pick"],
        item_count: Int64[np.ndarray, " trial"],
        position: Int64[np.ndarray, " trial"],
        congruent: Bool[np.ndarray, " trial"],
    ) -> tuple[Int64[np.ndarray, "trial item"], Int64[np.ndarray, " trial"]]:
        """Items, the last one first of all, and a stimulus that is none of them.

        Args:
            chance: of the last item, of those before it, of the new stimulus.
            item_count: of each trial.
            position: of the item that is probed.
            congruent: whether both rules lead to the same answer.
        """
        row, last = np.arange(len(chance)), item_count - 1
        free = np.ones((len(chance), self.settings.n_stimuli), dtype=bool)
        category = np.arange(self.settings.n_stimuli) % self.settings.n_categories
        items = np.full((len(chance), self.settings.max_items), NO_STIMULUS)
        items[row, last] = pick(chance[:, 0], free)
        free[row, items[row, last]] = False
        of_last = category == category[items[row, last], None]
        for before in range(self.settings.max_items - 1):
            alike = congruent & (before == position)
            picked = pick(chance[:, 1 + before], free & (of_last == alike[:, None]))
            used = before < last
            items[used, before] = picked[used]
            free[row[used], picked[used]] = False
        return items, pick(chance[:, -1], free & (of_last != congruent[:, None]))
