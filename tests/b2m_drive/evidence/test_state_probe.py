from __future__ import annotations

import numpy as np
import pytest

from b2m_drive.evidence.state_probe import hazard_auc, state_r2, varying_variables

N, N_EPISODES = 400, 20
EPISODE = np.repeat(np.arange(N_EPISODES), N // N_EPISODES)


def latents(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(N, 6)).astype(np.float32)


def test_a_linear_function_of_the_latents_is_read_and_noise_is_not() -> None:
    z = latents()
    state = np.stack([3 * z[:, 0] - z[:, 4] + 7, latents(1)[:, 0]], axis=1)
    found = state_r2(z, state, ("gap", "noise"), EPISODE)
    assert found["gap"] > 0.99
    assert abs(found["noise"]) < 0.1


def test_what_only_tells_episodes_apart_is_not_read() -> None:
    """A code for the episode predicts within it, but whole episodes are held out."""
    code = np.eye(N_EPISODES, dtype=np.float32)[EPISODE]
    level = np.random.default_rng(0).normal(size=N_EPISODES)[EPISODE][:, None]
    assert state_r2(code, level, ("level",), EPISODE)["level"] < 0.05


def test_frames_without_a_value_do_not_count() -> None:
    z = latents()
    state = z[:, :1].copy()
    state[::3] = np.nan
    spoilt = z.copy()
    spoilt[::3] = 0.0
    assert state_r2(spoilt, state, ("gap",), EPISODE)["gap"] > 0.99


def test_only_variables_that_vary_are_probed() -> None:
    state = np.zeros((N, 5))
    state[:, 1] = latents()[:, 0]
    state[:59, 2] = 1.0  # two values, the rarer in 15 %
    state[:5, 3] = 1.0  # in 1 %
    state[:, 4] = np.where(np.arange(N) < 59, latents()[:, 1], np.nan)  # too few values
    names = ("constant", "varies", "two_values", "rare", "seldom")
    assert varying_variables(state, names, EPISODE) == ["varies", "two_values"]


def test_a_variable_that_does_not_vary_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"came \['curvature'\]"):
        state_r2(latents(), np.zeros((N, 1)), ("curvature",), EPISODE)


def test_a_hazard_in_the_latents_is_found_and_a_random_one_is_not() -> None:
    z = latents()
    assert (hazard_auc(z, z[:, 2] > 1, EPISODE) or 0) > 0.95
    random = np.random.default_rng(3).random(N) < 0.2
    assert (hazard_auc(z, random, EPISODE) or 0) == pytest.approx(0.5, abs=0.12)


def test_hazards_of_one_episode_have_no_score() -> None:
    assert hazard_auc(latents(), EPISODE == 3, EPISODE) is None


def test_a_hazard_that_hardly_ever_comes_has_no_score() -> None:
    assert hazard_auc(latents(), np.arange(N) < 4, EPISODE) is None
