"""How a layer of a network is read and taught."""

from __future__ import annotations

from dataclasses import dataclass

from b2m_drive.transfer.layer_activity import POOLS, Pool
from b2m_drive.transfer.term import Strategy, TransferTerm

LOWEST_LEARNED_TEMPERATURE = 0.01  # as in CLIP, whose scale is clipped at 100
HIGHEST_LEARNED_TEMPERATURE = 100.0  # there all similarities are alike


@dataclass(frozen=True)
class AttachmentSettings:
    """How a layer is read and how it is taught; see `attach`."""

    layer: str
    strategy: Strategy = "regression"
    output_index: int | str = 0
    time_axis: int = 1
    pool: Pool = "flatten"
    temperature: float = 0.2
    learn_temperature: bool = False
    positions_per_trial: int = 2
    exclude_within: int | None = None  # [time steps]

    @property
    def term(self) -> TransferTerm:
        """What is added to the network's own loss."""
        return TransferTerm(
            self.strategy, self.temperature, self.positions_per_trial, self.exclude_within
        )

    def __post_init__(self) -> None:
        if self.pool not in POOLS:
            raise ValueError(f"pool: expected one of {POOLS}, came {self.pool!r}")
        if self.positions_per_trial < 1:
            raise ValueError(
                f"positions_per_trial: expected at least 1, came {self.positions_per_trial}"
            )
        _ = self.term  # checks what is left
        lowest, highest = LOWEST_LEARNED_TEMPERATURE, HIGHEST_LEARNED_TEMPERATURE
        if self.learn_temperature and not lowest <= self.temperature <= highest:
            raise ValueError(
                f"temperature: expected {lowest} to {highest} to start learning it from, "
                f"came {self.temperature}"
            )
