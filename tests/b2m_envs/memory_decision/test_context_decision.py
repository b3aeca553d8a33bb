from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from b2m_envs.memory_decision import (
    CATEGORY,
    LEFT,
    RIGHT,
    SEEN,
    ContextDecisionSettings,
    ContextDecisionTask,
    ContextTrials,
    task_of,
)


def trials(**changes: object) -> ContextTrials:
    """Stimulus k is of category k % 4. An incongruent trial by either rule, then a congruent one.

    Items 0, 1; probes 0 (seen) and 5 (of the category of 1).
    """
    columns: dict[str, object] = {
        "trial_id": np.array([7, 3, 4]),
        "stimulus": np.array([[0, 1], [0, 1], [0, 1]]),
        "isi": np.full(3, 0.1),
        "maintenance": np.full(3, 0.3),
        "probe_left": np.array([0, 0, 3]),
        "probe_right": np.array([5, 5, 1]),
        "rule": np.array([SEEN, CATEGORY, SEEN]),
    }
    return ContextTrials(**(columns | changes))  # type: ignore[arg-type]


def of_two_categories() -> ContextTrials:
    return dataclasses.replace(trials().select(np.array([0])), n_categories=2)


def drawn(n: int = 8000, **settings: object) -> ContextTrials:
    task = ContextDecisionTask(ContextDecisionSettings(**settings))  # type: ignore[arg-type]
    return task.draw_trials(n, np.random.default_rng(1))  # type: ignore[return-value]


def last_item(table: ContextTrials) -> np.ndarray:
    return table.stimulus[np.arange(len(table)), table.item_count - 1]


def test_the_rule_decides_which_probe_is_right():
    table = trials()
    assert table.target_side.tolist() == [LEFT, RIGHT, RIGHT]
    assert table.congruent.tolist() == [False, False, True]


def test_one_trial_unrolls_as_worked_by_hand():
    settings = ContextDecisionSettings(
        n_items=2, codes=np.eye(8), fixation=0.2, post_item=0.1, response=0.2, observation_noise=0.0
    )
    batch = ContextDecisionTask(settings).unroll(trials(), np.random.default_rng(0))
    # fixation 2 steps; items 2 + blank 1 each; post-item 1; maintenance 3; probe 2
    assert batch.period[1, :14].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4]
    observation = np.zeros((14, 27))
    observation[:12, 0] = 1
    observation[:2, 2] = 1  # the rule is "category", during fixation only
    observation[2:4, 3 + 0] = 1
    observation[5:7, 3 + 1] = 1
    observation[12:, 11 + 0] = 1
    observation[12:, 19 + 5] = 1
    np.testing.assert_array_equal(batch.observation[1, :14], observation)
    assert batch.observation[0, :3, 1].tolist() == [1, 1, 0]  # "seen"
    assert set(batch.target[1][batch.decision[1]]) == {2}


@pytest.mark.parametrize(
    "settings",
    [{}, {"n_items": (2, 4), "n_stimuli": 13, "n_categories": 3}, {"n_items": 2, "n_stimuli": 4,
     "n_categories": 2}],
    ids=["default", "uneven categories", "as few as can be"],
)  # fmt: skip
def test_every_trial_has_one_probe_seen_and_one_of_the_last_items_category(settings):
    table = drawn(2000, **settings)
    n_categories = settings.get("n_categories", 4)
    probes = np.stack((table.probe_left, table.probe_right), axis=1)
    seen = (table.stimulus[:, None] == probes[:, :, None]).any(axis=2)
    alike = probes % n_categories == last_item(table)[:, None] % n_categories
    assert (seen.sum(axis=1) == 1).all()
    assert (alike.sum(axis=1) == 1).all()
    asked = np.where(table.rule[:, None] == SEEN, seen, alike)
    np.testing.assert_array_equal(asked.argmax(axis=1), table.target_side)
    for row, count in zip(table.stimulus, table.item_count, strict=True):
        assert len(set(row[:count].tolist())) == count


def test_rules_congruence_and_sides_are_equally_likely_and_independent():
    table = drawn()
    cells = table.rule + 2 * table.congruent + 4 * table.seen_side
    np.testing.assert_allclose(np.bincount(cells) / len(table), 1 / 8, atol=0.015)
    assert abs((table.target_side == LEFT).mean() - 0.5) < 0.02
    assert abs((table.item_count == 2).mean() - 0.5) < 0.02


def test_the_last_item_alone_tells_no_more_of_what_was_seen_than_its_share_of_the_items():
    table = drawn()
    probes = np.stack((table.probe_left, table.probe_right), axis=1)
    last = last_item(table)[:, None]
    alike = probes % 4 == last % 4
    # Choose the last item where it is shown again; else the probe that is not of its category.
    guess = np.where((probes == last).any(axis=1), (probes == last).argmax(axis=1),
                     (~alike).argmax(axis=1))  # fmt: skip
    for count in (2, 3):
        rows = table.item_count == count
        right = (guess == table.seen_side)[rows].mean()
        assert abs(right - (count + 1) / (2 * count)) < 0.02  # 1 / count, else by chance


def test_probed_items_are_at_every_position_and_stimuli_equally_often():
    table = drawn(n_items=3)
    seen = np.where(table.seen_side == LEFT, table.probe_left, table.probe_right)
    position = np.argmax(table.stimulus == seen[:, None], axis=1)
    for congruent, share in ((True, [1 / 3] * 3), (False, [1 / 2, 1 / 2, 0])):
        rows = table.congruent == congruent
        counts = np.bincount(position[rows], minlength=3)
        np.testing.assert_allclose(counts / rows.sum(), share, atol=0.03)
    for column in (last_item(table), table.probe_left, table.stimulus[:, 0]):
        np.testing.assert_allclose(np.bincount(column) / len(table), 1 / 8, atol=0.015)


def test_distractors_come_from_all_other_stimuli():
    table = drawn(3000, n_items=2, n_distractors=2)
    assert table.distractor is not None
    shown = np.concatenate((table.stimulus, table.probes[:, 1:], table.distractor), axis=1)
    distinct = [len(set(row)) for row in shown.tolist()]
    assert set(distinct) == {2 + 1 + 2}  # one probe is an item
    np.testing.assert_allclose(np.bincount(table.distractor.ravel()) / 6000, 1 / 8, atol=0.02)


def test_the_task_of_settings_is_the_context_decision():
    assert type(task_of(ContextDecisionSettings())) is ContextDecisionTask


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_items": 1}, "B2M/ContextDecision: n_items: expected 2 or more, .* came 1"),
        ({"n_categories": 1}, "n_categories: expected 2 or more, .* came 1"),
        ({"n_stimuli": 7}, "n_stimuli: expected 2 or more of each of the 4 categories, came 7"),
        (
            {"n_stimuli": 4, "n_categories": 2},
            r"n_stimuli: expected 3 or more outside any one .* came 4 \(2 outside the largest\)",
        ),
        ({"n_distractors": 5}, "n_stimuli: expected more than the 3 items and 5 distractors"),
        ({"trial_list": of_two_categories()}, "n_categories: expected 4 as in .* came 2"),
    ],
)
def test_settings_that_cannot_be_drawn_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ContextDecisionSettings(**changes)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": np.array([0, 2, 0])}, r"rule of trial 3 \(row 1\): expected 0 \(seen\) or 1"),
        ({"probe_right": np.array([1, 5, 1])}, "trial 7 .*exactly one .* items, came 2"),
        ({"probe_right": np.array([2, 5, 1])}, "trial 7 .*of the last item's category .* came 0"),
        ({"probe_left": np.array([0, 0, 5])}, "trial 4 .*of the last item's category .* came 2"),
        ({"n_categories": 1}, "n_categories: expected 2 or more, came 1"),
        ({"rule": np.array([0, 1])}, "rule: expected 3 trials as in trial_id, came 2"),
    ],
)
def test_an_impossible_trial_table_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        trials(**changes)
