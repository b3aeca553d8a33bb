"""Quality of responses before a verdict: figures known from how the responses were made."""

import numpy as np
import pytest

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.responses import Responses
from b2m_drive.recordings.simulated.neurons import SimulatedBrain
from b2m_drive.recordings.simulated.trials import simulate_trials
from b2m_drive.teachers.event_quality import event_quality, quality_text
from b2m_drive.teachers.item_quality import item_quality, item_quality_text
from b2m_drive.teachers.response_quality import (
    decoding_of,
    drift_share,
    response_quality,
    rows_for,
    split_half,
)


def _responses(signal: float, seed: int = 0, n_ids: int = 6, shown: int = 40) -> Responses:
    generator = np.random.default_rng(seed)
    ids = generator.permutation(np.repeat(np.arange(n_ids), shown))
    tuning = generator.normal(size=(n_ids, 10))
    values = signal * tuning[ids] + generator.normal(size=(len(ids), 10))
    values[:, 9] = 1.0
    return Responses.from_arrays(values, ids)


@pytest.mark.slow
def test_tuned_responses_are_told_from_untuned_ones() -> None:
    tuned, noise = (
        response_quality(each, {"id": each.ids}) for each in (_responses(1.0), _responses(0.0))
    )
    assert tuned.reliability > 0.9
    assert abs(noise.reliability) < 0.3
    assert tuned.decoding[0].score > 0.8 > 0.3 > tuned.decoding[0].chance_high
    assert noise.decoding[0].score < noise.decoding[0].chance_high + 0.05
    assert tuned.decoding[0].chance == pytest.approx(1 / 6, abs=0.03)
    assert tuned.flat.tolist() == [False] * 9 + [True]
    assert np.nanmedian(tuned.explainable) == pytest.approx(0.5, abs=0.2)
    assert abs(np.nanmedian(noise.explainable)) < 0.03


def test_the_presentations_asked_for_give_the_reliability() -> None:
    few = _responses(0.5, shown=10)
    half = split_half(few.values.mean(1).astype(float), few.ids, 0)
    needed = rows_for(0.5, half, len(few.ids))
    assert 0 < needed < len(few.ids)
    # Spearman-Brown itself: so many presentations make the full length's reliability .5
    ratio = needed / (len(few.ids) / 2)
    assert ratio * half / (1 + (ratio - 1) * half) == pytest.approx(0.5)
    assert np.isnan(rows_for(0.5, -0.1, 10))
    assert np.isnan(rows_for(0.5, float("nan"), 10))


def test_drift_is_the_share_of_a_line() -> None:
    generator = np.random.default_rng(0)
    row = np.linspace(-1, 1, 400)
    values = np.stack([10 * row + generator.normal(size=400), generator.normal(size=400)], 1)
    drift = drift_share(np.column_stack([values, np.ones(400)]))
    assert drift[0] > 0.95
    assert drift[1] < 0.02
    assert np.isnan(drift[2])


@pytest.mark.slow
def test_a_slow_drift_is_no_decoding() -> None:
    row = np.linspace(-1, 1, 400)[:, None]
    labels = np.repeat(np.arange(20), 20)  # blocks in time
    found = decoding_of("block", row + np.zeros((400, 1)), labels, 0)
    assert found is not None
    assert found.score < 0.3


def test_what_cannot_be_told_is_undefined() -> None:
    once = Responses.from_arrays(np.random.default_rng(0).normal(size=(30, 4)), np.arange(30))
    quality = response_quality(once, {"id": once.ids})
    assert np.isnan(quality.reliability)
    assert np.isnan(quality.rows_for_aim)
    assert np.isnan(quality.explainable).all()
    assert quality.decoding == ()


@pytest.mark.slow
def test_a_recording_says_all_of_it() -> None:
    responses = _responses(1.0)
    onset = 1.0 + np.arange(len(responses.ids))
    spikes = np.random.default_rng(1).uniform(0, 250, size=(10, 4000))
    recording = Recording.from_arrays(
        spike_times=list(spikes), onset=onset, ids=responses.ids, recorded=(0.0, 300.0)
    )
    text = quality_text(event_quality(recording))
    for words in ("6 ids", "split-half reliability", "decoding of id", "never vary", "drift"):
        assert words in text


@pytest.mark.slow
def test_a_memory_session_says_it_of_its_items() -> None:
    trials = simulate_trials(60, 3, 8, np.random.default_rng(0))
    recording = in_trials(SimulatedBrain.preset("best_session").record(trials, seed=0))
    quality = item_quality(recording)
    assert quality is not None
    text = item_quality_text(recording, quality)
    assert "decoding of item shown" in text
    assert quality.decoding[0].score > quality.decoding[0].chance_high
    assert "would make the reliability" in text
