"""Surrogate teachers for scenes: what carries no brain, or no more than the scene's labels.

Nulls decide whether a gain is the brain's own; probes only describe it (see DESIGN, evidence).
All are pure functions on one row a frame, as `responses` gives them.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8

from b2m_drive.teachers.derangement import derangement
from b2m_drive.teachers.spread import moves, varies, z_scored

INVERTED = "time_to_collision"  # read as its inverse, since it has no upper end

_LEAST_TIME = 0.1  # [s] a shorter time to collision counts as this
_SHORTEST_SHARE = 0.1  # of the frames: the least lag of a circular shift
_FRAME_BLOCK, _PIXEL_BLOCK = 512, 8192
_N_ITERATIONS = 300
_STEP = 0.5
_HIGHEST_R2 = 0.999
_MOST_LOG_NOISE = 14.0


def shuffle_frames(
    responses: Float32[np.ndarray, "frame unit"], generator: np.random.Generator
) -> Float32[np.ndarray, "frame unit"]:
    """Null: the same brain, each frame's response given to another frame.

    Raises:
        ValueError: If there are fewer than 2 frames.
    """
    if len(responses) < 2:
        raise ValueError(f"responses: expected 2 frames or more, came {len(responses)}")
    shuffled: Float32[np.ndarray, "frame unit"] = responses[derangement(len(responses), generator)]
    return shuffled


def circular_shift(
    responses: Float32[np.ndarray, "frame unit"],
    generator: np.random.Generator,
    shortest: int | None = None,
) -> Float32[np.ndarray, "frame unit"]:
    """Null: the whole series rolled by a random lag, its own course in time kept.

    Args:
        responses: In the order in which the frames were shown.
        generator: Of the lag.
        shortest: Least lag in frames, either way round; None: a tenth of the frames.

    Raises:
        ValueError: If the series is too short for such a lag.
    """
    n_frames = len(responses)
    least = max(round(_SHORTEST_SHARE * n_frames), 1) if shortest is None else shortest
    if least < 1 or n_frames < 2 * least:
        raise ValueError(
            f"shortest: expected 1 to {n_frames // 2} (half of the frames), came {least}"
        )
    return np.roll(responses, int(generator.integers(least, n_frames - least + 1)), axis=0)


def pixel_projection(
    frames: UInt8[np.ndarray, "frame height width channel"],
    n_units: int,
    generator: np.random.Generator,
) -> Float32[np.ndarray, "frame unit"]:
    """Null: a fixed random linear projection of the pixels that the student itself sees.

    Frames of one size, projected part by part with generators of one seed, get one projection.

    Raises:
        ValueError: If there is no frame or no unit.
    """
    if n_units < 1 or not frames.size:
        raise ValueError(
            f"frames and n_units: expected some of both, came {frames.shape} and {n_units}"
        )
    pixels = frames.reshape(len(frames), -1)
    projected = np.zeros((len(frames), n_units), np.float32)
    for start in range(0, pixels.shape[1], _PIXEL_BLOCK):
        part = pixels[:, start : start + _PIXEL_BLOCK]
        weight = generator.standard_normal((part.shape[1], n_units), dtype=np.float32)
        for row in range(0, len(part), _FRAME_BLOCK):
            block = slice(row, row + _FRAME_BLOCK)
            projected[block] += (part[block].astype(np.float32) / 255 - 0.5) @ weight
    return projected / np.float32(np.sqrt(pixels.shape[1]))


def state_labels(
    state: Float32[np.ndarray, "frame variable"], state_names: tuple[str, ...] | None = None
) -> Float32[np.ndarray, "frame label"]:
    """Probe: the state itself in place of a brain, standardised and without NaN.

    First every variable in its order, NaN set to the mean of the rest; then, for each variable
    that is NaN in some frames but not in all, whether it is there. What never varies is 0.

    Args:
        state: Of each frame.
        state_names: If given, `INVERTED` (time to collision) is read as its inverse [1/s], 0 where
            nothing closes in: the time itself grows without end as the closing speed falls to 0.

    Raises:
        ValueError: If there is no frame, a value is infinite, or names do not fit.
    """
    if state_names is not None and len(state_names) != state.shape[1]:
        raise ValueError(
            f"state_names: expected {state.shape[1]} (variables), came {len(state_names)}"
        )
    if not state.size or np.isinf(state).any():
        raise ValueError(f"state: expected finite numbers or NaN, came {state.shape} or infinite")
    values = state.astype(np.float64)
    if state_names is not None and INVERTED in state_names:
        column = state_names.index(INVERTED)
        inverse = 1 / np.maximum(values[:, column], _LEAST_TIME)
        values[:, column] = np.nan_to_num(inverse, nan=0.0)
    there = np.isfinite(values)
    count = np.maximum(there.sum(0), 1)
    mean = np.where(there, values, 0.0).sum(0) / count
    filled = np.where(there, values, mean)
    partly = there.any(0) & ~there.all(0)
    filled[:, ~moves(filled)] = 0.0
    return _standardise(np.concatenate([filled, there[:, partly]], axis=1))


def corrupt_labels(
    labels: Float32[np.ndarray, "frame label"],
    r2_target: Float64[np.ndarray, " label"],
    generator: np.random.Generator,
) -> Float32[np.ndarray, "frame label"]:
    """Probe: labels with so much noise that they say as much of each label as the brain does.

    A ridge decoder of all noisy columns together then reads each clean label with its target R2.
    Where another label already tells more of it (the gap, of its inverse), it comes out higher.

    Args:
        labels: From `state_labels`.
        r2_target: What is read from the brain, `decoding_r2(responses, labels, episode)`; NaN and
            negative values count as 0.
        generator: Of the noise.

    Returns:
        Noisy labels, standardised.

    Raises:
        ValueError: If there is not one target a label, or a label is not finite.
    """
    if r2_target.shape != (labels.shape[1],) or not np.isfinite(labels).all():
        raise ValueError(
            f"r2_target: expected one for each of {labels.shape[1]} finite labels, "
            f"came {r2_target.shape}"
        )
    spread = _noise_spread(labels.astype(np.float64), r2_target)
    return _standardise(labels + spread * generator.normal(size=labels.shape))


def _noise_spread(
    labels: Float64[np.ndarray, "frame label"], r2_target: Float64[np.ndarray, " label"]
) -> Float64[np.ndarray, " label"]:
    """Standard deviation of each label's noise, for the R2 of the best linear reading.

    With covariance S of the labels and N of the noise that is diag(S (S + N)^-1 S) / diag(S);
    the log variances of the noise move until each R2 is at its target.
    """
    covariance = np.atleast_2d(np.cov(labels, rowvar=False))
    variance = np.diag(covariance)
    varying = varies(labels)
    covariance = covariance[np.ix_(varying, varying)]
    target = np.clip(np.nan_to_num(r2_target[varying], nan=0.0), 1e-4, _HIGHEST_R2)
    log_noise = np.log((1 - target) / target)
    for _ in range(_N_ITERATIONS):
        noise = np.diag(np.exp(log_noise) * np.diag(covariance))
        read = np.diag(covariance @ np.linalg.solve(covariance + noise, covariance))
        reached = np.clip(read / np.diag(covariance), 1e-9, 1 - 1e-9)
        excess = np.log(reached / (1 - reached)) - np.log(target / (1 - target))
        log_noise = np.clip(log_noise + _STEP * excess, -_MOST_LOG_NOISE, _MOST_LOG_NOISE)
    spread = np.zeros(len(variance))
    spread[varying] = np.exp(log_noise / 2) * np.sqrt(variance[varying])
    return spread


def _standardise(values: Float[np.ndarray, "frame label"]) -> Float32[np.ndarray, "frame label"]:
    return z_scored(values, np.ones(len(values), dtype=bool)).astype(np.float32)
