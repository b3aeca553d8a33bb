from __future__ import annotations

import pytest
import torch

from b2m_drive.transfer import latent_regression_loss
from tests.shared.seeded import seeded


def test_a_weighted_error_has_the_value_worked_out_by_hand() -> None:
    prediction = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    target = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    # shares 3/4 and 1/4: sample 1 costs .75 * 1 + .25 * 4, sample 2 costs .25 * 4
    loss = latent_regression_loss(prediction, target, weight=torch.tensor([3.0, 1.0]))
    assert float(loss) == pytest.approx((1.75 + 1.0) / 2)
    assert float(latent_regression_loss(prediction, target)) == pytest.approx((2.5 + 2.0) / 2)


def test_the_scale_of_the_weights_does_not_matter() -> None:
    prediction, target = torch.randn(2, 5, 3, generator=seeded(0))
    weight = torch.tensor([0.5, 0.1, 0.0])
    torch.testing.assert_close(
        latent_regression_loss(prediction, target, weight=weight),
        latent_regression_loss(prediction, target, weight=weight * 70),
    )


def test_a_leading_model_axis_equals_a_loop_over_models() -> None:
    prediction = torch.randn(4, 6, 3, generator=seeded(0))
    target = torch.randn(6, 3, generator=seeded(1))
    weight = torch.rand(4, 3, generator=seeded(2))
    mask = torch.rand(4, 6, generator=seeded(3)) < 0.7
    together = latent_regression_loss(prediction, target, weight=weight, mask=mask)
    one_by_one = [
        latent_regression_loss(prediction[m], target, weight=weight[m], mask=mask[m])
        for m in range(4)
    ]
    torch.testing.assert_close(together, torch.stack(one_by_one))


def test_masked_samples_count_neither_in_the_error_nor_in_the_mean() -> None:
    prediction, target = torch.randn(2, 6, 3, generator=seeded(0))
    mask = torch.tensor([True, False, True, True, False, False])
    torch.testing.assert_close(
        latent_regression_loss(prediction, target, mask=mask),
        latent_regression_loss(prediction[mask], target[mask]),
    )
    weights = torch.tensor([2.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    twice_the_first = torch.tensor([0, 0, 2])
    torch.testing.assert_close(
        latent_regression_loss(prediction, target, mask=weights),
        latent_regression_loss(prediction[twice_the_first], target[twice_the_first]),
    )


def test_a_missing_target_reaches_neither_loss_nor_gradient_when_masked() -> None:
    prediction = torch.randn(3, 2, generator=seeded(0), requires_grad=True)
    target = torch.zeros(3, 2)
    target[1] = torch.nan
    mask = torch.tensor([True, False, True])
    loss = latent_regression_loss(prediction, target, weight=torch.tensor([1.0, 2.0]), mask=mask)
    loss.backward()
    assert loss.isfinite()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    assert (prediction.grad[1] == 0).all()


def test_a_mask_of_nothing_costs_nothing() -> None:
    prediction = torch.randn(2, 3, 2, generator=seeded(0), requires_grad=True)
    mask = torch.zeros(2, 3, dtype=torch.bool)
    loss = latent_regression_loss(prediction, torch.zeros(3, 2), mask=mask)
    loss.sum().backward()
    assert loss.tolist() == [0, 0]
    assert prediction.grad is not None
    assert not prediction.grad.any()
    assert float(latent_regression_loss(torch.zeros(0, 2), torch.zeros(0, 2))) == 0


@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16])
def test_large_targets_in_half_precision_give_a_finite_loss_in_float32(narrow: torch.dtype) -> None:
    target, weight = torch.full((5, 2), 300.0), torch.tensor([0.75, 0.25])
    prediction = torch.zeros(5, 2, dtype=narrow, requires_grad=True)
    narrowed = target.to(narrow), weight.to(narrow)
    losses = [latent_regression_loss(prediction, narrowed[0], weight=narrowed[1])]
    with torch.autocast("cpu", dtype=narrow):
        losses.append(latent_regression_loss(prediction, target, weight=weight))
        losses.append(latent_regression_loss(prediction, target))
    for loss in losses:
        assert loss.dtype is torch.float32
        assert loss.item() == pytest.approx(90_000, rel=0.01)
