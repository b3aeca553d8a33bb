"""Axes that show what a task variable does to the activity, and little else.

Demixed principal components (Kobak et al. 2016, eLife 5:e10989): the activity's *marginalisation*
over a task variable is its mean in each condition of the variable, all else averaged out. Ridge
regression of reduced rank finds the few axes from which single trials predict that mean best.
Here the latents of single trials are cross-fitted: no trial is read by axes that it helped to fit.
(The frame that all folds are turned into comes from a fit on all trials; it says how the axes lie,
not what they read. A shuffled brain goes the same way, and its latents say nothing of the items.)

Everything follows from products of the columns, summed over trials; so a fit costs one
decomposition of a unit-by-unit matrix, however many ridge strengths and folds are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

Products: TypeAlias = Float64[np.ndarray, "column column"]  # group, condition, unit columns

_STRENGTHS = tuple(10.0 ** np.array([-2, -1.5, -1, -0.5, 0, 0.5, 1, 2]))  # of the units' variance
_NEGLIGIBLE = 1e-9  # eigenvalue, beside the largest, that counts as 0
_NOTHING = float(np.finfo(np.float64).tiny)  # where the largest is 0 itself


@dataclass(frozen=True)
class Marginalisation:
    """Single trials in some windows, and the condition of a task variable that each was in."""

    values: Float32[np.ndarray, "trial window unit"]
    condition: Float32[np.ndarray, "trial window condition"]  # one column a condition, or a part
    group: Int64[np.ndarray, " window"]  # conditions are averaged around the mean of their group
    present: Bool[np.ndarray, "trial window"]  # the others are left out


@dataclass(frozen=True)
class DemixedLatents:
    """Single trials seen along the axes of a marginalisation."""

    values: Float32[np.ndarray, "trial window latent"]  # 0 where the trial has no such window
    share_of_variance: Float64[np.ndarray, " latent"]  # of what the axes tell of the conditions


@dataclass(frozen=True)
class _Axes:
    mean: Float64[np.ndarray, " unit"]
    decoder: Float64[np.ndarray, "unit latent"]  # D: from activity to latents
    encoder: Float64[np.ndarray, "unit latent"]  # F: from latents to the marginalisation
    strength: Float64[np.ndarray, " latent"]  # of the marginalisation, as predicted by each


def demix(
    data: Marginalisation,
    folds: Sequence[Int64[np.ndarray, " trial_of_fold"]],
    n_latents: int,
) -> DemixedLatents:
    """Latents of all trials along the axes that demix the conditions.

    The trials of a fold are read by axes fitted on the other folds, ridge strength included, and
    turned into the frame of the axes fitted on all (orthogonal Procrustes and one scale, by the
    trials of the other folds). Trials in no fold are read by the axes fitted on all. Axes beyond
    what the conditions span are 0.

    Args:
        data: Activity centred as it should be compared, and its conditions.
        folds: Row numbers of the trials to fit on, in three or more parts.
        n_latents: Number of axes.
    """
    parts = [_products(data, rows) for rows in folds]
    full_axes = _best_axes(data, parts, n_latents)
    shown = np.zeros((*data.values.shape[:2], n_latents), np.float32)
    unfitted = np.setdiff1d(np.arange(len(data.values)), np.concatenate(folds))
    shown[unfitted] = _read(data.values[unfitted], full_axes, np.eye(n_latents))
    for held, rows in enumerate(folds):
        others = [part for k, part in enumerate(parts) if k != held]
        axes = _best_axes(data, others, n_latents)
        shown[rows] = _read(data.values[rows], axes, _turn(data, others, axes, full_axes))
    total = full_axes.strength.sum()
    share = full_axes.strength / total if total > 0 else np.full(n_latents, 1 / n_latents)
    return DemixedLatents(shown * data.present[..., None], share)


def shares_predicted(
    data: Marginalisation, folds: Sequence[Int64[np.ndarray, " trial_of_fold"]], most: int
) -> Float64[np.ndarray, " latent"]:
    """Share of the marginalisation that 1, 2, ... axes predict in held-out trials, at best."""
    parts = [_products(data, rows) for rows in folds]
    loss, total = _held_out_loss(data, parts, most)
    shares: Float64[np.ndarray, " latent"] = 1 - loss.min(0) / (total or 1.0)
    return shares


def _products(data: Marginalisation, rows: Int64[np.ndarray, " row"]) -> Products:
    """Products of all columns (groups, conditions, units), summed over the rows' windows."""
    present = data.present[rows]
    one_hot = np.eye(data.group.max() + 1)[data.group]
    group = np.broadcast_to(one_hot, (len(rows), *one_hot.shape))
    columns = np.concatenate(
        [each[present] for each in (group, data.condition[rows], data.values[rows])], axis=1
    ).astype(np.float64)
    return columns.T @ columns


@dataclass(frozen=True)
class _Centred:
    """The products of conditions and units around the means of a fit."""

    n_rows: float
    mean: Float64[np.ndarray, " unit"]
    group_mean: Float64[np.ndarray, "group condition"]
    conditions: Float64[np.ndarray, "condition condition"]
    crossed: Float64[np.ndarray, "condition unit"]
    units: Float64[np.ndarray, "unit unit"]


def _slices(data: Marginalisation) -> tuple[slice, slice, slice]:
    n_groups, n_conditions = int(data.group.max()) + 1, data.condition.shape[-1]
    edge = n_groups + n_conditions
    return slice(0, n_groups), slice(n_groups, edge), slice(edge, None)


def _centre(data: Marginalisation, products: Products, around: _Centred | None = None) -> _Centred:
    """Products around their own means, or around those of another fit."""
    g, c, u = _slices(data)
    count = np.diag(products[g, g])
    if around is None:
        mean = products[g, u].sum(0) / max(count.sum(), 1)
        group_mean = products[g, c] / count.clip(1)[:, None]
    else:
        mean, group_mean = around.mean, around.group_mean
    crossed = group_mean.T @ products[g, c]
    shift = np.outer(products[g, u].sum(0), mean)
    return _Centred(
        count.sum(),
        mean,
        group_mean,
        products[c, c] - crossed - crossed.T + group_mean.T @ (count[:, None] * group_mean),
        products[c, u]
        - group_mean.T @ products[g, u]
        - np.outer(products[c, g].sum(1) - group_mean.T @ count, mean),
        products[u, u] - shift - shift.T + count.sum() * np.outer(mean, mean),
    )


class _Fit:
    """A marginalisation's fit, ready to give the axes at any ridge strength."""

    def __init__(self, data: Marginalisation, products: Products) -> None:
        self.moments = _centre(data, products)
        root, self.inverse = _inverse_root(self.moments.conditions)
        self.pattern = root @ self.moments.crossed  # its square is the marginalisation's scatter
        self.values, self.vectors = np.linalg.eigh(self.moments.units)
        self.turned = self.vectors.T @ self.pattern.T
        self.n_varying = max(int((np.diag(self.moments.units) > 0).sum()), 1)

    def axes(self, strength: float, n_latents: int) -> _Axes:
        """The axes D and F of least error |marginalisation - F D activity|^2 + ridge |F D|^2."""
        ridge = strength * max(self.values.sum() / self.n_varying, _NOTHING)
        solved = self.vectors @ (self.turned / (self.values.clip(0) + ridge)[:, None])
        predicted = self.pattern @ solved  # of the marginalisation, around whitened conditions
        value, vector = np.linalg.eigh((predicted + predicted.T) / 2)
        encoder, singular, _ = np.linalg.svd(
            self.pattern.T @ (vector * np.sqrt(value.clip(0))), full_matrices=False
        )
        size = _padded(singular[None, :n_latents] ** 2, n_latents)
        tells = size > max(_NEGLIGIBLE * size.max(), _NOTHING)
        encoder = _padded(encoder[:, :n_latents], n_latents) * tells
        decoder = solved @ (self.pattern @ encoder)
        return _Axes(self.moments.mean, decoder, encoder, (size * tells)[0])


def _best_axes(data: Marginalisation, parts: Sequence[Products], n_latents: int) -> _Axes:
    """The axes of these parts, at the ridge strength that predicts each of them best."""
    loss, _ = _held_out_loss(data, parts, n_latents)
    strength = _STRENGTHS[int(loss[:, -1].argmin())]
    return _Fit(data, np.sum(parts, axis=0)).axes(strength, n_latents)


def _held_out_loss(
    data: Marginalisation, parts: Sequence[Products], most: int
) -> tuple[Float64[np.ndarray, "strength latent"], float]:
    """Squared error of 1, 2, ... axes in each part after a fit on the others; and with none.

    As in the paper the target in a held-out trial is the mean of its condition in the other parts.
    """
    everything = np.sum(parts, axis=0)
    loss, total = np.zeros((len(_STRENGTHS), most)), 0.0
    for part in parts:
        fit = _Fit(data, everything - part)
        held = _centre(data, part, fit.moments)
        means = fit.inverse @ fit.moments.crossed  # of each condition
        nothing = float(np.trace(means.T @ held.conditions @ means))
        target = held.crossed.T @ means  # activity times what it should predict
        total += nothing
        for row, strength in enumerate(_STRENGTHS):
            axes = fit.axes(strength, most)
            right = ((target.T @ axes.decoder) * axes.encoder).sum(0)
            size = ((held.units @ axes.decoder) * axes.decoder).sum(0)
            loss[row] += nothing + np.cumsum(size - 2 * right)
    return loss, total


def _turn(
    data: Marginalisation, parts: Sequence[Products], axes: _Axes, onto: _Axes
) -> Float64[np.ndarray, "latent latent"]:
    """The rotation and scale that bring one fit's latents closest to another's."""
    units = _centre(data, np.sum(parts, axis=0)).units
    left, singular, right = np.linalg.svd(axes.decoder.T @ units @ onto.decoder)
    size = float(np.trace(axes.decoder.T @ units @ axes.decoder))
    turn: Float64[np.ndarray, "latent latent"] = left @ right
    return turn * (singular.sum() / size if size > 0 else 1.0)


def _read(
    values: Float32[np.ndarray, "trial window unit"],
    axes: _Axes,
    turn: Float64[np.ndarray, "latent latent"],
) -> Float64[np.ndarray, "trial window latent"]:
    latents: Float64[np.ndarray, "trial window latent"] = (values - axes.mean) @ (
        axes.decoder @ turn
    )
    return latents


def _inverse_root(
    matrix: Float64[np.ndarray, "condition condition"],
) -> tuple[Float64[np.ndarray, "condition condition"], Float64[np.ndarray, "condition condition"]]:
    """Root of the pseudo-inverse of a positive matrix, and the pseudo-inverse."""
    value, vector = np.linalg.eigh(matrix)
    kept = value > max(_NEGLIGIBLE * value.max(), _NOTHING)
    root = vector[:, kept] / np.sqrt(value[kept]) @ vector[:, kept].T
    return root, root @ root


def _padded(columns: Float64[np.ndarray, "row fewer"], n: int) -> Float64[np.ndarray, "row latent"]:
    return np.pad(columns, ((0, 0), (0, n - columns.shape[1])))
