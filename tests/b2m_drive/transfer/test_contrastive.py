from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from b2m_drive.transfer import info_nce_loss, near_in_time, sample_positions
from tests.shared.seeded import seeded


def slow_info_nce(query: Tensor, key: Tensor, temperature: float, exclude: Tensor) -> Tensor:
    """Row by row, each against the candidates that are left to it."""
    terms = []
    n = len(query)
    for row in range(n):
        for seeker, sought, excluded in ((query, key, exclude[row]), (key, query, exclude[:, row])):
            candidates = [row] + [c for c in range(n) if c != row and not excluded[c]]
            logits = torch.stack(
                [functional.cosine_similarity(seeker[row], sought[c], dim=0) for c in candidates]
            )
            terms.append(functional.cross_entropy(logits[None] / temperature, torch.tensor([0])))
    return torch.stack(terms).mean()


def test_two_orthogonal_pairs_have_the_loss_worked_out_by_hand() -> None:
    pairs = torch.eye(2)
    expected = math.log(1 + math.exp(-1 / 0.5))  # own similarity 1, the other's 0
    assert float(info_nce_loss(pairs, pairs, temperature=0.5)) == pytest.approx(expected, rel=1e-6)


def test_the_two_directions_are_averaged() -> None:
    query, key = torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    # Similarities [[1, 1], [0, 0]]: a query cannot tell the keys apart, log 2; in a column
    # the own similarity is 1 of (1, 0), then 0 of (1, 0).
    by_key = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1))) / 2
    expected = (math.log(2) + by_key) / 2
    assert float(info_nce_loss(query, key, temperature=1.0)) == pytest.approx(expected, rel=1e-6)


def test_loss_and_gradient_equal_a_loop_over_rows_with_cross_entropy() -> None:
    query = torch.randn(7, 4, generator=seeded(0), dtype=torch.float64, requires_grad=True)
    key = torch.randn(7, 4, generator=seeded(1), dtype=torch.float64)
    exclude = torch.rand(7, 7, generator=seeded(2)) < 0.4
    fast = info_nce_loss(query, key, temperature=0.3, exclude=exclude)
    slow = slow_info_nce(query, key, 0.3, exclude)
    torch.testing.assert_close(fast, slow)
    (gradient,) = torch.autograd.grad(fast, query)
    (slow_gradient,) = torch.autograd.grad(slow, query)
    torch.testing.assert_close(gradient, slow_gradient)


def test_a_leading_model_axis_equals_a_loop_over_models() -> None:
    query = torch.randn(3, 6, 5, generator=seeded(0))
    keys = torch.randn(3, 6, 5, generator=seeded(1))
    exclude = torch.rand(3, 6, 6, generator=seeded(2)) < 0.3
    temperature = torch.tensor([0.1, 0.3, 1.0])
    together = info_nce_loss(query, keys, temperature=temperature, exclude=exclude)
    one_by_one = [
        info_nce_loss(query[m], keys[m], temperature=float(temperature[m]), exclude=exclude[m])
        for m in range(3)
    ]
    torch.testing.assert_close(together, torch.stack(one_by_one))
    shared = info_nce_loss(query, keys[0], temperature=0.2, exclude=exclude[0])
    repeated = info_nce_loss(
        query, keys[:1].expand(3, -1, -1), temperature=0.2, exclude=exclude[:1].expand(3, -1, -1)
    )
    torch.testing.assert_close(shared, repeated)


def test_aligned_pairs_cost_little_and_unrelated_ones_about_log_n() -> None:
    key = torch.randn(400, 64, generator=seeded(0))
    unrelated = torch.randn(400, 64, generator=seeded(1))
    assert float(info_nce_loss(key, key, temperature=0.05)) < 0.01
    assert float(info_nce_loss(unrelated, key, temperature=1.0)) == pytest.approx(
        math.log(400), abs=0.05
    )


def test_the_length_of_rows_does_not_matter() -> None:
    query, key = torch.randn(2, 6, 5, generator=seeded(0))
    lengths = torch.rand(6, 1, generator=seeded(1)) * 100 + 0.01
    torch.testing.assert_close(
        info_nce_loss(query * lengths, key * 3, temperature=0.2),
        info_nce_loss(query, key, temperature=0.2),
    )


def test_an_excluded_negative_has_no_influence_and_the_diagonal_cannot_be_excluded() -> None:
    query, key = torch.randn(2, 5, 3, generator=seeded(0))
    exclude = torch.zeros(5, 5, dtype=torch.bool)
    exclude[4, :] = exclude[:, 4] = True

    def loss_of_the_first_four(last_key: Tensor) -> Tensor:
        keys = torch.cat([key[:4], last_key[None]])
        return info_nce_loss(query, keys, temperature=0.2, exclude=exclude)

    torch.testing.assert_close(loss_of_the_first_four(key[4]), loss_of_the_first_four(query[0]))
    without_diagonal = exclude & ~torch.eye(5, dtype=torch.bool)
    assert exclude[4, 4]
    torch.testing.assert_close(
        info_nce_loss(query, key, temperature=0.2, exclude=without_diagonal),
        info_nce_loss(query, key, temperature=0.2, exclude=exclude),
    )
    everything = torch.ones(5, 5, dtype=torch.bool)
    assert float(info_nce_loss(query, key, temperature=0.2, exclude=everything)) == 0


def test_silent_rows_give_a_finite_loss_and_small_gradients() -> None:
    query = torch.randn(4, 3, generator=seeded(0))
    query[1] = 0
    query.requires_grad_()
    key = torch.randn(4, 3, generator=seeded(1))
    key[2] = 0
    loss = info_nce_loss(query, key, temperature=0.2)
    loss.backward()
    assert loss.isfinite()
    assert query.grad is not None
    assert float(query.grad.abs().max()) < 100


def test_no_pairs_cost_nothing() -> None:
    nothing = torch.zeros(2, 0, 3, requires_grad=True)
    loss = info_nce_loss(nothing, nothing, temperature=0.2)
    assert loss.tolist() == [0, 0]
    loss.sum().backward()


def test_a_learned_temperature_falls_while_the_pairs_are_aligned() -> None:
    temperature = torch.tensor(0.5, requires_grad=True)
    key = torch.randn(20, 8, generator=seeded(0))
    info_nce_loss(key, key, temperature=temperature).backward()
    assert temperature.grad is not None
    assert float(temperature.grad) > 0


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        info_nce_loss(torch.eye(2), torch.eye(2), temperature=temperature)


def test_near_rows_are_those_of_one_trial_a_few_steps_apart() -> None:
    trial, step = torch.tensor([7, 7, 7, 9]), torch.tensor([0, 2, 5, 2])
    near = near_in_time(trial, step, 2)
    assert near.tolist() == [
        [True, True, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, False, True],
    ]
    whole_trial = near_in_time(trial, step, None)
    assert torch.equal(whole_trial, trial[:, None] == trial[None])
    assert torch.equal(near_in_time(trial, step, 0), torch.eye(4, dtype=torch.bool))
    both = near_in_time(torch.stack([trial, trial]), torch.stack([step, step]), 2)
    assert torch.equal(both[1], near)


def test_a_negative_reach_in_time_is_refused() -> None:
    with pytest.raises(ValueError, match="within"):
        near_in_time(torch.tensor([0]), torch.tensor([0]), -1)


def test_positions_are_valid_and_distinct_while_there_are_enough() -> None:
    valid = torch.rand(50, 12, generator=seeded(0)) < 0.6
    valid[:, :4] = True
    row, step = sample_positions(valid, 4, seeded(1))
    assert valid[row, step].all()
    assert torch.equal(row, torch.arange(50).repeat_interleave(4))
    assert all(len(set(steps)) == 4 for steps in step.view(50, 4).tolist())


def test_every_valid_step_is_drawn_equally_often() -> None:
    valid = torch.tensor([[False, True, True, True, False, True]]).expand(8000, -1)
    _, step = sample_positions(valid, 2, seeded(0))
    share = torch.bincount(step, minlength=6) / len(step)
    torch.testing.assert_close(
        share, torch.tensor([0, 0.25, 0.25, 0.25, 0, 0.25]), atol=0.015, rtol=0
    )


def test_a_short_trial_repeats_its_steps() -> None:
    valid = torch.tensor([[True, False, True], [True, True, True]])
    row, step = sample_positions(valid, 5, seeded(0))
    assert row.tolist() == [0] * 5 + [1] * 5
    assert sorted(set(step[:5].tolist())) == [0, 2]
    assert sorted(set(step[5:].tolist())) == [0, 1, 2]


def test_equal_seeds_draw_equal_positions() -> None:
    valid = torch.ones(9, 30, dtype=torch.bool)
    first, again, other = (sample_positions(valid, 3, seeded(seed))[1] for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_trial_without_a_valid_step_is_refused_by_its_row() -> None:
    valid = torch.tensor([[True, False], [False, False]])
    with pytest.raises(ValueError, match=r"rows \[1\]"):
        sample_positions(valid, 1)
    with pytest.raises(ValueError, match="k: expected at least 1"):
        sample_positions(valid, 0)


@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16])
def test_silent_rows_in_half_precision_give_a_finite_loss_in_float32(narrow: torch.dtype) -> None:
    query, key = (torch.randn(4, 3, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    query[1] = 0
    given = query.to(narrow).requires_grad_()
    loss = info_nce_loss(given, key.to(narrow), temperature=0.01)
    loss.backward()
    assert loss.dtype is torch.float32
    assert given.grad is not None
    assert given.grad.isfinite().all()
    widened = info_nce_loss(given.detach().float(), key.to(narrow).float(), temperature=0.01)
    torch.testing.assert_close(loss.detach(), widened)
    with torch.autocast("cpu", dtype=narrow):
        under_autocast = info_nce_loss(given, key.to(narrow), temperature=0.01)
    torch.testing.assert_close(under_autocast, loss)
