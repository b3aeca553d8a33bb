from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.datasets.sternberg_maintenance import read_sternberg_maintenance
from b2m_drive.recordings.decision_trials import MAINTENANCE, item_period
from b2m_drive.recordings.pseudo_population import pseudo_population
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.decoding import item_decoding_accuracy, memory_decoding_auc
from b2m_drive.teachers.fitting_rows import teaching_folds
from b2m_drive.teachers.jackknife import jackknife_over_patients
from b2m_drive.teachers.permuted_chance import against_chance
from tests.shared.made_sternberg import write_sternberg


def a_session(name: str, n_trials: int = 120, n_units: int = 5, seed: int = 0) -> TrialResponses:
    trials = simulate_trials(n_trials, 3, 6, np.random.default_rng([seed, n_trials]))
    brain = replace(SimulatedBrain.preset("median_session"), n_units=n_units)
    recorded = replace(brain.record(trials, seed), session=name, subject=name)
    return in_trials(recorded)


def marked(session: TrialResponses) -> TrialResponses:
    """Every unit says which trial, and which window, its activity is from."""
    trial = np.arange(len(session))[:, None, None] * 1000
    values = trial + np.arange(len(session.windows))[None, :, None]
    return session.with_values(np.broadcast_to(values, session.values.shape).astype(np.float32))


@pytest.mark.slow
def test_each_window_comes_from_a_presentation_of_the_same_item() -> None:
    sessions = [marked(a_session("a")), marked(a_session("b", 140)), marked(a_session("c", 150))]
    population = pseudo_population(sessions)
    assert population.values.shape == (120, 3 * 9 + 24, 15)
    for place, session in enumerate(sessions):
        values = population.values[..., place * 5].astype(int)
        for k, window in enumerate(population.windows):
            trial, column = values[:, k] // 1000, values[:, k] % 1000
            source = [session.windows[each] for each in column]
            assert {round(each.start, 6) for each in source} == {round(window.start, 6)}
            if window.period == MAINTENANCE:
                assert {each.period for each in source} == {MAINTENANCE}
                continue
            wanted = population.trials.stimulus[:, int(window.period[-1]) - 1]
            position = np.array([int(each.period[-1]) - 1 for each in source])
            np.testing.assert_array_equal(session.trials.stimulus[trial, position], wanted)


@pytest.mark.slow
def test_no_trial_of_any_session_is_on_both_sides_of_a_split() -> None:
    sessions = [marked(a_session("a")), marked(a_session("b", 140)), marked(a_session("c", 90))]
    population = pseudo_population(sessions)
    trial = population.values.astype(int) // 1000
    assert population.part is not None
    for fit, held in teaching_folds(np.ones(len(population), bool), 0, population.part):
        assert not set(population.part[fit]) & set(population.part[held])
        for unit in (0, 5, 10):
            assert not set(trial[fit][..., unit].ravel()) & set(trial[held][..., unit].ravel())


@pytest.mark.slow
def test_delays_hold_more_of_the_same_items_than_by_chance() -> None:
    sessions = [marked(a_session("a")), marked(a_session("b", 140))]
    population = pseudo_population(sessions)
    delay = population.period == MAINTENANCE
    trial = population.values[:, delay, 5][:, 0].astype(int) // 1000
    held = [set(each) for each in sessions[1].trials.stimulus[trial]]
    wanted = [set(each) for each in population.trials.stimulus]
    alike = np.mean([len(a & b) / 3 for a, b in zip(held, wanted, strict=True)])
    assert alike > 0.7  # three of six: .5 by chance
    assert any(f"{alike:.0%} are the same" in note for note in population.notes)


@pytest.mark.slow
def test_sessions_of_the_same_trials_are_joined_by_exactly_the_same_items(tmp_path: Path) -> None:
    sessions = [
        marked(each) for each in read_sternberg_maintenance(write_sternberg(tmp_path / "x.mat"))
    ]
    population = pseudo_population(sessions, n_parts=5)
    trial = population.values[:, 0, :].astype(int) // 1000
    for unit in range(12):  # of the same items, perhaps of another trial that showed them
        np.testing.assert_array_equal(
            sessions[0].trials.stimulus[trial[:, unit]], population.trials.stimulus
        )
    assert any("100% are the same" in note for note in population.notes)


@pytest.mark.slow
def test_the_population_says_what_it_is() -> None:
    population = pseudo_population([a_session("a"), a_session("b", 140)], name="both")
    assert (population.session, population.subject) == ("both", "2 patients")
    assert population.simulated
    assert [unit.name.split("/")[0] for unit in population.units] == ["a"] * 5 + ["b"] * 5
    assert any("nothing is inferred about patients" in note for note in population.notes)
    assert set(population.period.tolist()) == {*map(item_period, range(3)), MAINTENANCE}
    assert "item_onset" in population.trials.nominal


@pytest.mark.slow
def test_sessions_of_unlike_layouts_are_joined_by_their_common_stimuli() -> None:
    trials = simulate_trials(150, 4, 8, np.random.default_rng(3))
    brain = replace(SimulatedBrain.preset("median_session"), n_units=4)
    four = in_trials(replace(brain.record(trials, 3), session="four", subject="four"))
    population = pseudo_population([a_session("a"), four, a_session("b", 130)], n_parts=5)
    assert (population.trials.n_stimuli, population.trials.n_items) == (6, 3)
    assert len(population.units) == 14


@pytest.mark.slow
@pytest.mark.thorough
def test_more_sessions_say_more() -> None:
    sessions = [a_session(f"s{k}", 120, 8, seed=k) for k in range(6)]
    alone = max(item_decoding_accuracy(each) for each in sessions)
    assert item_decoding_accuracy(pseudo_population(sessions)) > alone + 0.05


@pytest.mark.slow
@pytest.mark.thorough
def test_a_population_of_noise_says_nothing() -> None:
    sessions, found = [a_session(f"s{k}", 120, 30, seed=k) for k in range(5)], []
    for seed in range(3):
        generator = np.random.default_rng(seed)
        noise = [
            each.with_values(generator.poisson(1.0, each.values.shape).astype(np.float32))
            for each in sessions
        ]
        population = pseudo_population(noise, seed=seed)
        found.append((item_decoding_accuracy(population), memory_decoding_auc(population)))
    # One draw scatters by .026 and .036; over 12 draws the means were .169 and .503
    np.testing.assert_allclose(np.mean(found, axis=0), [1 / 6, 0.5], atol=0.06)


@pytest.mark.slow
def test_what_cannot_stand_side_by_side_is_named() -> None:
    one = a_session("a")
    with pytest.raises(ValueError, match="expected 2 or more"):
        pseudo_population([one])
    with pytest.raises(ValueError, match="came twice: a"):
        pseudo_population([one, one])
    with pytest.raises(ValueError, match="b: expected the task and measure of a"):
        pseudo_population([one, replace(one, session="b", measure="power")])
    with pytest.raises(ValueError, match="b: expected trials enough"):
        pseudo_population([one, replace(one.select(np.arange(12)), session="b")])
    both = pseudo_population([one, replace(one, session="b")])
    with pytest.raises(ValueError, match="came a pseudo-population"):
        pseudo_population([both, one])


@pytest.mark.thorough
@pytest.mark.slow
def test_jackknife_by_hand() -> None:
    sessions = [a_session(name, n, seed=n) for name, n in (("a", 110), ("b", 120), ("c", 130))]
    found = jackknife_over_patients(sessions, {"n": lambda each: len(each.units) ** 2.0})["n"]
    assert found.value == 225.0
    assert found.without == {"a": 100.0, "b": 100.0, "c": 100.0}
    assert found.standard_error == 0.0
    uneven = [sessions[0], sessions[1], a_session("c", 130, 8)]
    found = jackknife_over_patients(uneven, {"n": lambda each: float(len(each.units))})["n"]
    left = np.array([13.0, 13.0, 10.0])
    expected = np.sqrt(2 / 3 * ((left - 12) ** 2).sum())
    assert found.standard_error == pytest.approx(expected)
    with pytest.raises(ValueError, match="3 patients"):
        jackknife_over_patients(sessions[:2], {"memory": memory_decoding_auc})


@pytest.mark.slow
@pytest.mark.thorough
def test_chance_is_measured(tmp_path: Path) -> None:
    path = write_sternberg(tmp_path / "x.mat", n_patients=1, n_units=8, signal=1.0)
    (session,) = read_sternberg_maintenance(path)
    found = against_chance(session, memory_decoding_auc, 19)
    assert found.value > found.upper > found.chance
    assert found.p_value == pytest.approx(0.05)
    assert abs(found.chance - 0.5) < 0.06
    drawn = np.random.default_rng(0).gamma(1.0, size=session.values.shape)
    noise = session.with_values(drawn.astype(np.float32))
    assert against_chance(noise, memory_decoding_auc, 19).p_value > 0.05
