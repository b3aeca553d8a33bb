"""A simulated brain of the user's own: arrays, and the word that it is simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import b2m_drive as b2m
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_students import N_KINDS, N_SHOWN, PictureStudent, kinds


def simulated_brain(n_units: int = 12) -> b2m.Recording:
    """Poisson neurons that fire for some kinds of pictures more than for others."""
    generator = np.random.default_rng(3)
    rates = generator.uniform(2, 40, (N_KINDS, n_units))  # [Hz]
    onset = 1.0 + np.arange(N_SHOWN)  # [s]
    spikes = [
        np.concatenate([
            start + generator.uniform(0, 0.9, generator.poisson(0.9 * rates[kind, unit]))
            for start, kind in zip(onset, kinds(), strict=True)
        ])
        for unit in range(n_units)
    ]  # fmt: skip
    return b2m.Recording.from_arrays(
        spike_times=spikes, onset=onset, ids=np.arange(N_SHOWN), duration=0.9,
        session="my simulation", simulated=True, notes="made up for a test",
    )  # fmt: skip


@pytest.mark.slow
def test_the_report_of_a_users_simulated_brain_says_that_it_is_simulated(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    blt = (b2m.TransferMethod("regression", "pca", "id"),)
    budget = b2m.Budget(n_steps=4, evaluate_every=2, n_latents=2)
    compared = b2m.Comparison(PictureStudent(), simulated_brain(), blt, b2m.NULLS, (0, 1), budget)
    run = compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    assert run.simulated
    page = b2m.write_report(run.folder).read_text()
    assert "SIMULATED" in page
    assert "my simulation" in page
