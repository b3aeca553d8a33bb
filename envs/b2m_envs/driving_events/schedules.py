"""When something happens to the driver: drawn at random, or taken from a log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Numbers: TypeAlias = Sequence[float | int] | np.ndarray  # of one axis
LEFT_SIDE, RIGHT_SIDE = -1, 1  # as offsets have it: positive to the right


@dataclass(frozen=True)
class LanePerturbations:
    """When a car is pushed from its lane, to which side, and until when.

    Any sequences or arrays of one length are taken, and kept as tuples.

    Raises:
        ValueError: For other lengths, onsets that are not finite, negative or not increasing, a
            side that is neither -1 nor 1, or an end that is not after its onset.
    """

    onset: Numbers  # [s]
    side: Numbers  # -1: to the left, 1: to the right
    end: Numbers = ()  # [s]; NaN, or none at all: until the driver corrects

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", tuple(self.end) or (math.nan,) * len(self.onset))
        for name in ("onset", "side", "end"):
            _keep_numbers(self, name)
        _check_onsets("LanePerturbations", self.onset)
        for name in ("side", "end"):
            _check_length("LanePerturbations", name, getattr(self, name), self.onset)
        if not set(self.side) <= {LEFT_SIDE, RIGHT_SIDE}:
            raise ValueError(
                f"LanePerturbations: side: expected -1 (left) or 1 (right), came {set(self.side)}"
            )
        object.__setattr__(self, "side", tuple(int(side) for side in self.side))
        for onset, end in zip(self.onset, self.end, strict=True):
            if end <= onset:  # false for NaN
                raise ValueError(
                    f"LanePerturbations: end: expected one after its onset at {onset:g} s, "
                    f"came {end:g} s"
                )

    @classmethod
    def drawn(
        cls,
        interval: tuple[float | int, float | int],
        duration: float,
        np_random: np.random.Generator,
    ) -> LanePerturbations:
        """Perturbations to either side alike, as far apart as `drawn_onsets` has them."""
        onsets = drawn_onsets(interval, duration, np_random)
        return cls(onsets, np_random.choice((LEFT_SIDE, RIGHT_SIDE), size=len(onsets)).tolist())


@dataclass(frozen=True)
class LeadBrakings:
    """When the car ahead brakes.

    Raises:
        ValueError: For onsets that are not finite, negative or not increasing.
    """

    onset: Numbers  # [s]

    def __post_init__(self) -> None:
        _keep_numbers(self, "onset")
        _check_onsets("LeadBrakings", self.onset)

    @classmethod
    def drawn(
        cls,
        interval: tuple[float | int, float | int],
        duration: float,
        np_random: np.random.Generator,
    ) -> LeadBrakings:
        """As far apart as `drawn_onsets` has them."""
        return cls(drawn_onsets(interval, duration, np_random))


def drawn_onsets(
    interval: tuple[float | int, float | int], duration: float, np_random: np.random.Generator
) -> tuple[float, ...]:
    """Onsets [s] up to a duration; the first, and the time between two, is uniform in an interval.

    Args:
        interval: Shortest and longest time [s].
        duration: Of the episode [s].
        np_random: Of the environment.
    """
    n_most = math.ceil(duration / interval[0])
    onsets = np.cumsum(np_random.uniform(*interval, size=n_most))
    return tuple(onsets[onsets < duration].tolist())


def nearest_steps(seconds: Numbers, steps_per_second: float) -> list[int | None]:
    """The time step nearest to each moment; None for NaN."""
    return [None if math.isnan(each) else round(each * steps_per_second) for each in seconds]


def _keep_numbers(owner: object, name: str) -> None:
    object.__setattr__(owner, name, tuple(float(each) for each in getattr(owner, name)))


def _check_length(owner: str, name: str, values: Numbers, onset: Numbers) -> None:
    if len(values) != len(onset):
        raise ValueError(
            f"{owner}: {name}: expected {len(onset)}, one an onset, came {len(values)}"
        )


def _check_onsets(owner: str, onset: Numbers) -> None:
    steps = np.diff((0.0, *onset))
    if not np.isfinite(onset).all() or (steps < 0).any() or (steps[1:] == 0).any():
        raise ValueError(
            f"{owner}: onset: expected finite, increasing seconds from 0 on, came {list(onset)[:9]}"
        )
