from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.session_alignment import AlignmentMethod, align_sessions
from b2m_drive.teachers.windows import recorded_windows, window_activity


def an_activity(seed: int = 0, n_trials: int = 100) -> TrialResponses:
    trials = simulate_trials(n_trials, 3, 6, np.random.default_rng(seed))
    recording = replace(SimulatedBrain.preset("ideal"), n_units=12).record(trials, seed)
    binned = in_trials(replace(recording, session=f"s{seed}"))
    windows = recorded_windows(binned)
    return replace(binned, values=np.sqrt(window_activity(binned, windows)), windows=windows)


def teaching(activity: TrialResponses) -> np.ndarray:
    return np.arange(len(activity)) % 5 > 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["procrustes", "cca"])
def test_a_rotated_copy_comes_to_lie_upon_the_session(method: AlignmentMethod) -> None:
    first = an_activity()
    order = np.random.default_rng(1).permutation(12)
    # Units in another order with signs turned: their z-scores are an orthogonal turn of the first's
    copy = replace(first.with_values(-first.values[..., order] + 9), session="copy")
    both = [teaching(first), teaching(copy)]
    one, other = align_sessions([first, copy], both, method=method, n_latents=4)
    np.testing.assert_allclose(one.latents.values, other.latents.values, atol=2e-3)
    assert other.teaching_match > 0.999
    assert other.held_out_match == pytest.approx(one.held_out_match, abs=1e-4)
    assert other.held_out_match > 0.5


@pytest.mark.slow
def test_a_session_in_another_space_is_laid_nearer_than_at_random() -> None:
    first, second = an_activity(0), an_activity(1, 120)
    masks = [teaching(first), teaching(second)]
    _, aligned = align_sessions([first, second], masks, n_latents=5)
    # Neurons of another brain: what they share is which items were shown, and when
    assert aligned.held_out_match > 0.2
    generator = np.random.default_rng(0)
    shuffled = second.with_values(second.values[generator.permutation(len(second))])
    _, at_random = align_sessions([first, shuffled], masks, n_latents=5)
    assert at_random.held_out_match < aligned.held_out_match - 0.1


@pytest.mark.slow
def test_held_out_trials_have_no_say() -> None:
    first, second = an_activity(0), an_activity(1, 120)
    masks = [teaching(first), teaching(second)]
    changed = second.values.copy()
    changed[~masks[1]] = np.random.default_rng(0).gamma(1.0, size=changed[~masks[1]].shape)
    before = align_sessions([first, second], masks)[1]
    after = align_sessions([first, second.with_values(changed)], masks)[1]
    np.testing.assert_array_equal(before.latents.values[masks[1]], after.latents.values[masks[1]])
    assert before.teaching_match == after.teaching_match
    assert before.held_out_match != after.held_out_match


@pytest.mark.slow
def test_procrustes_keeps_the_geometry_of_a_session() -> None:
    first, second = an_activity(0), an_activity(1, 120)
    masks = [teaching(first), teaching(second)]
    turned = align_sessions([first, second], masks)[1].latents.values[:, 0]
    alone = align_sessions([second, first], masks[::-1])[0].latents.values[:, 0]
    apart = [np.linalg.norm(each[:, None] - each[None], axis=-1) for each in (turned, alone)]
    np.testing.assert_allclose(*apart, atol=1e-3)


def test_what_cannot_be_aligned_is_named() -> None:
    first = an_activity()
    mask = teaching(first)
    with pytest.raises(ValueError, match="two or more"):
        align_sessions([first], [mask])
    with pytest.raises(ValueError, match="n_latents: expected 1 to 12"):
        align_sessions([first, first], [mask, mask], n_latents=13)
    with pytest.raises(ValueError, match="some that teach"):
        align_sessions([first, first], [mask, np.zeros(len(first), bool)])
    other = replace(first, trials=replace(first.trials, n_stimuli=9), session="other")
    with pytest.raises(ValueError, match="other: expected the windows and number of stimuli"):
        align_sessions([first, other], [mask, mask])
