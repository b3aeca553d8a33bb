"""The training loop, written once; what varies is passed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from b2m_drive.files.settings_types import take_as_declared


@dataclass(frozen=True)
class FittingSettings:
    """How a student, or a stack of them, is trained with Adam (Kingma & Ba 2015)."""

    n_steps: int
    learning_rate: float
    gradient_limit: float = 1.0  # norm of a student's gradient above which it is scaled down
    evaluate_every: int = 50  # [steps]
    evaluate_at: tuple[int, ...] | None = None  # [steps] instead, the last one among them

    def __post_init__(self) -> None:
        take_as_declared(self)
        for name in ("n_steps", "learning_rate", "gradient_limit", "evaluate_every"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected more than 0, came {getattr(self, name)!r}")
        if self.evaluate_at is None and self.n_steps % self.evaluate_every:
            raise ValueError(
                f"n_steps: expected a multiple of evaluate_every ({self.evaluate_every}), "
                f"came {self.n_steps}"
            )
        if self.evaluate_at is not None:
            self._check_evaluations(self.evaluate_at)

    @property
    def evaluations(self) -> tuple[int, ...]:
        """After how many steps a student is evaluated; before the first it always is."""
        if self.evaluate_at is not None:
            return self.evaluate_at
        return tuple(range(self.evaluate_every, self.n_steps + 1, self.evaluate_every))

    def _check_evaluations(self, at: tuple[int, ...]) -> None:
        rising = all(first < second for first, second in zip((0, *at), at, strict=False))
        if not (at and rising and at[-1] == self.n_steps):
            raise ValueError(
                "evaluate_at: expected rising numbers of steps above 0 that end in n_steps "
                f"({self.n_steps}), came {at}"
            )


def fit(
    parameters: Sequence[nn.Parameter],
    loss_of_step: Callable[[int], Float[Tensor, ""]],
    settings: FittingSettings,
    *,
    limit_gradient: Callable[[Sequence[nn.Parameter], float], None],
    evaluate: Callable[[int], None],
    after_step: Callable[[], None],
) -> None:
    """Minimise a loss, and evaluate before the first step and every so often.

    Args:
        parameters: To train.
        loss_of_step: Draws the step's batch and returns its loss.
        settings: Steps, learning rate and so on.
        limit_gradient: For one student `torch.nn.utils.clip_grad_norm_`; for a stack
            `limit_each_gradient`, which keeps the students independent.
        evaluate: Called with the number of steps done.
        after_step: Called after each step, for progress.
    """
    optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate)
    evaluations = set(settings.evaluations)
    evaluate(0)
    for step in range(settings.n_steps):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of_step(step)
        loss.backward()  # type: ignore[no-untyped-call]
        limit_gradient(parameters, settings.gradient_limit)
        optimizer.step()
        after_step()
        if step + 1 in evaluations:
            evaluate(step + 1)


def limit_each_gradient(parameters: Sequence[nn.Parameter], limit: float) -> None:
    """Scale each student's gradient to the norm allowed, the first axis being the student."""
    limit_each([parameter.grad for parameter in parameters if parameter.grad is not None], limit)


def limit_each(gradients: Sequence[Float[Tensor, "model ..."]], limit: float) -> None:
    """The same of gradients, scaled in place."""
    squares = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients])
    scale = (limit / squares.sum(0).sqrt().clamp_min(limit)).detach()
    for gradient in gradients:
        gradient *= scale.view(-1, *[1] * (gradient.dim() - 1))
