from __future__ import annotations

import numpy as np
import pytest

from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.verdict import Grade, Verdict, judge
from b2m_drive.evidence.condition import Condition, TransferMethod
from b2m_drive.evidence.learning_curves import (
    area_under_curve,
    final_value,
    learning_curves,
    trials_to_criterion,
)
from b2m_drive.evidence.scores import Score

TEACHING = TransferMethod("regression", "decoded", "recorded")
STEPS = (0, 50, 100)


def planted_scores(levels: dict[str, float], n_seeds: int = 6) -> list[Score]:
    """A table where each control's students differ from a base by a level, and seeds a little."""
    scores = []
    for index, name in enumerate(("brain", *MEMORY.nulls, *MEMORY.probes)):
        noise = np.random.default_rng(index).normal(0, 0.003, n_seeds)
        noise -= noise.mean()  # so that the mean difference of two controls is the planted one
        for seed in range(n_seeds):
            value = 0.7 + levels.get(name, 0.0) + 0.01 * seed + noise[seed]
            scores += [
                Score(TEACHING.condition(name), seed, "accuracy", step, value, "share of trials")
                for step in STEPS
            ]
    return scores


ALONE_STUDENT = Condition("alone")


def verdict_on(scores: list[Score], simulated: bool = False) -> Verdict:
    return judge(scores, "regression", "decoded", "recorded", simulated=simulated)


def test_a_gain_over_every_null_is_specific_to_the_brain() -> None:
    verdict = verdict_on(planted_scores({"brain": 0.08}))
    assert verdict.grade is Grade.SPECIFIC
    assert set(verdict.over_nulls) == set(MEMORY.nulls)
    assert verdict.finding.startswith("A gain specific to the brain")


@pytest.mark.parametrize("null", [name for name in MEMORY.nulls if name != "alone"])
def test_one_null_that_gives_the_gain_as_well_is_enough_and_is_named(null: str) -> None:
    verdict = verdict_on(planted_scores({"brain": 0.08, null: 0.079}))  # below, not measurably
    assert verdict.over_nulls[null].mean > 0
    assert verdict.grade is Grade.SHARED
    named = {
        "alone_head": "alone, head at weight 0",
        "alone_labelled": "alone, same trials with decision labels",
        "shuffled": "shuffled brain",
        "untrained_network": "untrained network",
        "random_projection": "random projection of the input",
    }
    assert {other for other, label in named.items() if label in verdict.finding} == {null}


def test_a_brain_no_better_than_alone_is_no_gain_even_above_the_shuffled_one() -> None:
    verdict = verdict_on(planted_scores({"shuffled": -0.1}))
    assert verdict.grade is Grade.NO_GAIN
    assert verdict.over_nulls["shuffled"].low > 0


def test_a_brain_worse_than_alone_is_harm() -> None:
    assert verdict_on(planted_scores({"brain": -0.05})).grade is Grade.HARM


def test_probes_never_decide() -> None:
    verdict = verdict_on(planted_scores({"brain": 0.08, "labels": 0.15, "labels_corrupted": 0.08}))
    assert verdict.grade is Grade.SPECIFIC
    assert "Item labels teach more" in verdict.about_labels
    assert "Item labels corrupted to the brain's rate teach as much" in verdict.about_labels


def test_labels_that_teach_less_are_said_to() -> None:
    verdict = verdict_on(planted_scores({"brain": 0.08}))
    assert verdict.about_labels.count("teach less") == 2


def test_only_labels_are_compared_in_the_sentence_though_every_probe_is_kept() -> None:
    verdict = verdict_on(planted_scores({"brain": 0.08, "items_permuted": 0.2}))
    assert set(verdict.over_probes) == set(MEMORY.probes)
    assert "permuted" not in verdict.sentence
    assert verdict.over_probes["items_permuted"].high < 0


def test_the_sentence_holds_the_interval_that_decided() -> None:
    verdict = verdict_on(planted_scores({"brain": -0.05}))
    gain = verdict.over_nulls["alone"]
    numbers = f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]".replace("-", "−")
    assert numbers in verdict.sentence


def test_only_a_simulated_brain_is_called_simulated() -> None:
    scores = planted_scores({"brain": 0.08})
    assert "simulated" not in verdict_on(scores).sentence
    assert "simulated" in verdict_on(scores, simulated=True).finding
    assert "not that brains add what labels would not" in verdict_on(scores, True).sentence


@pytest.mark.parametrize("name", ["brain", *MEMORY.nulls])
def test_a_verdict_without_all_its_nulls_may_not_be_given(name: str) -> None:
    lacking = TEACHING.condition(name)
    scores = [score for score in planted_scores({}) if score.condition != lacking]
    with pytest.raises(ValueError, match=f"found none of {lacking}$"):
        verdict_on(scores)


def test_nulls_of_another_reading_do_not_stand_in() -> None:
    with pytest.raises(ValueError, match="found none of regression/decoded/carried/brain"):
        judge(planted_scores({}), "regression", "decoded", "carried", simulated=False)


def test_one_seed_is_never_a_gain() -> None:
    assert verdict_on(planted_scores({"brain": 0.2}, n_seeds=1)).grade is Grade.NO_GAIN


def test_an_unknown_strategy_or_metric_is_named() -> None:
    with pytest.raises(ValueError, match=r"strategy: expected one of .* came 'regresion'"):
        judge(planted_scores({}), "regresion", "decoded", "recorded", simulated=False)
    with pytest.raises(ValueError, match=r"metric: expected one of .* came 'cka'"):
        judge(planted_scores({}), "regression", "decoded", "recorded", "cka", simulated=False)


def accuracy(condition: str, seed: int, *values: float, steps: tuple[int, ...]) -> list[Score]:
    return [
        Score(condition, seed, "accuracy", step, value, "share of trials")
        for step, value in zip(steps, values, strict=True)
    ]


def test_summaries_of_a_curve_by_hand() -> None:
    steps = (10, 20, 40)
    rows = accuracy(ALONE_STUDENT, 0, 0.5, 0.7, 0.9, steps=steps)
    rows += accuracy(ALONE_STUDENT, 1, 0.5, 0.5, 0.6, steps=steps)
    curve = learning_curves(rows)[ALONE_STUDENT]
    assert area_under_curve(curve) == pytest.approx([(6 + 16) / 30, (5 + 11) / 30])
    assert final_value(curve) == pytest.approx([0.8, 0.55])
    times = trials_to_criterion(curve, 0.7, batch_size=32)
    assert times.trials.tolist() == [640, 1280]  # the second never: counted at the budget
    assert times.reached.tolist() == [True, False]


def test_a_curve_of_one_evaluation_has_that_value_as_its_area() -> None:
    curve = learning_curves(accuracy(ALONE_STUDENT, 0, 0.6, steps=(10,)))[ALONE_STUDENT]
    assert area_under_curve(curve).tolist() == [0.6]


def test_conditions_that_cannot_be_paired_are_refused() -> None:
    first = accuracy(ALONE_STUDENT, 0, 0.5, steps=(10,))
    with pytest.raises(ValueError, match="seeds of alone_head: expected those of alone"):
        learning_curves(first + accuracy(Condition("alone_head"), 1, 0.5, steps=(10,)))
    with pytest.raises(ValueError, match="evaluation steps of alone_head"):
        learning_curves(first + accuracy(Condition("alone_head"), 0, 0.5, steps=(20,)))
    with pytest.raises(ValueError, match="one accuracy of alone, seed 0, step 10, came two"):
        learning_curves(first + first)
    with pytest.raises(ValueError, match="found none of seed 1 at step 10"):
        learning_curves(
            accuracy(ALONE_STUDENT, 0, 0.5, 0.6, steps=(10, 20))
            + accuracy(ALONE_STUDENT, 1, 0.5, steps=(20,))
        )
