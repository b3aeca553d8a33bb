"""Which columns vary: by each one's own size, whatever its unit and whatever stands beside it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, Shaped

SIMULATORS_ROUNDING = (
    1e-9  # [SI units] a state that moves by less is a simulator's rounding about 0
)

_ROUNDING = 4  # units in the last place: what arithmetic leaves of a column that is constant
_OF_STRONGEST = 1e-6  # of a component's spread: single precision's rounding in a decomposition
_FAR = 1e3  # spreads from zero beyond which an offset spoils means in single precision


def varies(values: Shaped[np.ndarray, "row *column"]) -> Bool[np.ndarray, "*column"]:
    """Whether each column spreads by more than the rounding of its own largest value.

    The rule is per column and free of scale: volts of 1e-6, counts and a status channel of
    8388608 are each judged by themselves, in the precision that they came in. A column with NaN
    counts as varying, so that it is not left out in silence.
    """
    spread, size = _relative_spread(values)
    precise = values.dtype if np.issubdtype(values.dtype, np.floating) else np.dtype(np.float64)
    flat = (spread <= _ROUNDING * np.finfo(precise).eps) | (size == 0)
    return np.asarray(~flat)


def moves(state: Shaped[np.ndarray, "row *column"]) -> Bool[np.ndarray, "*column"]:
    """Whether each variable of a simulated world, in SI units, varies beyond that world's rounding.

    A car that keeps to a straight lane has an offset of some 1e-15 m, which is all rounding.
    """
    spread, size = _relative_spread(state)
    return np.asarray(varies(state) & ~(spread * size <= SIMULATORS_ROUNDING))


def at_ease(values: Float[np.ndarray, "row *column"]) -> Float[np.ndarray, "row *column"]:
    """The same columns in numbers that arithmetic is precise with: to be z-scored.

    A column that stands far from zero beside its spread is brought near it (in single precision
    the mean of 8388608 and a few is wrong by more than those few), and all are divided by a power
    of two, which rounds nothing, lest squares of 1e-20 vanish.
    """
    spread, _ = _relative_spread(values)
    far = spread * _FAR < 1
    near = values - np.where(far, values[:1], values.dtype.type(0))
    _, exponent = np.frexp(np.abs(near).max(0, initial=0.0))
    scaled: np.ndarray = np.ldexp(near, -exponent)
    return scaled


def z_scored(
    values: Float[np.ndarray, "row column"], fitted: Bool[np.ndarray, " row"]
) -> Float[np.ndarray, "row column"]:
    """Each column with mean 0 and variance 1 over the rows fitted on; one that never varies is 0.

    Args:
        values: In rows; those not fitted on are transformed alike.
        fitted: Rows that mean and variance are those of.
    """
    eased = at_ease(values)
    known = eased[fitted]
    scale = np.where(varies(values[fitted]), known.std(0), np.inf)
    scores: np.ndarray = ((eased - known.mean(0)) / scale).astype(values.dtype)
    return scores


def without_rounding(
    components: Float[np.ndarray, "*row component"], fitted: Bool[np.ndarray, " row"]
) -> Float[np.ndarray, "*row component"]:
    """Components of one scale, those set to 0 that are only the rounding of the strongest.

    Units that repeat each other span fewer components than there are units: what is left over is
    not small by its own size, and would be standardised to noise that teaches.
    """
    spread = components[fitted].reshape(-1, components.shape[-1]).std(0)
    kept: np.ndarray = components * (spread > _OF_STRONGEST * spread.max(initial=0.0))
    return kept


def _relative_spread(
    values: Shaped[np.ndarray, "row *column"],
) -> tuple[Float64[np.ndarray, "*column"], Float64[np.ndarray, "*column"]]:
    """Each column's standard deviation as a share of its largest absolute value, and that value."""
    exact = values.astype(np.float64)
    size = np.asarray(np.abs(exact).max(0, initial=0.0))
    if not len(exact):
        return np.zeros_like(size), size
    with np.errstate(invalid="ignore"):
        share = exact / np.where(size > 0, size, 1.0)
        return np.asarray((share - share[0]).std(0)), size
