"""Whether responses can teach, before any verdict: ceilings, decoding beside chance, drift.

Everything is measured on responses to what was seen, whatever was recorded. Decoders are shrinkage
linear discriminants (Ledoit & Wolf 2004), scored on held-out events in blocks of time, so that a
slow drift is no help; chance is the same decoder's score with the labels shuffled. A figure that
responses cannot give is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from b2m_drive.recordings.responses import Responses
from b2m_drive.teachers.noise_ceiling import explainable_variance
from b2m_drive.teachers.spread import varies

N_FOLDS = 5
N_SHUFFLES = 20
N_SPLITS = 20
AIM = 0.5  # reliability of the mean responses that is asked for
DRIFTS_ABOVE = 0.1  # share of a unit's variance that a straight line over the session explains
_FEWEST = 4  # presentations of a label that decoding takes


@dataclass(frozen=True)
class Decoding:
    """How well one variable is read from held-out responses."""

    variable: str
    n_labels: int
    score: float  # balanced accuracy
    chance: float  # mean of the same with shuffled labels
    chance_high: float  # 95 % of the shuffled ones are lower

    @property
    def text(self) -> str:
        """In words."""
        return (
            f"decoding of {self.variable} ({self.n_labels} labels, blocks of time held out): "
            f"{self.score:.2f}, chance as measured {self.chance:.2f} (95 % below "
            f"{self.chance_high:.2f})"
        )


@dataclass(frozen=True)
class ResponseQuality:
    """What can be said of responses before they teach. NaN: undefined for them."""

    n_rows: int
    n_ids: int
    n_repeated: int  # ids that were seen more than once
    reliability: float  # split-half correlation of the id-by-unit pattern of mean responses
    rows_for_aim: float  # presentations in all that would make it `AIM` at the full length
    explainable: Float64[np.ndarray, " unit"]  # share of each unit's variance that ids explain
    drift: Float64[np.ndarray, " unit"]  # share that a straight line over the rows explains
    flat: Bool[np.ndarray, " unit"]  # never varies
    decoding: tuple[Decoding, ...]


def response_quality(
    responses: Responses,
    variables: Mapping[str, Shaped[np.ndarray, " row"]],
    seed: int = 0,
) -> ResponseQuality:
    """Every figure of this module.

    Args:
        responses: In the order of time; their mean over times is taken.
        variables: Labels of each row that may be decoded, by name.
        seed: Of halves, folds and shuffles.
    """
    values = _mean_over_times(responses)
    half = split_half(values, responses.ids, seed)
    ids, counts = np.unique(responses.ids, return_counts=True)
    return ResponseQuality(
        n_rows=len(values),
        n_ids=len(ids),
        n_repeated=int((counts > 1).sum()),
        reliability=half,
        rows_for_aim=rows_for(AIM, half, len(values)),
        explainable=explainable_variance(values, responses.ids),
        drift=drift_share(values),
        flat=~varies(values),
        decoding=tuple(
            found
            for name, labels in variables.items()
            if (found := decoding_of(name, values, np.asarray(labels), seed)) is not None
        ),
    )


def split_half(
    values: Float64[np.ndarray, "row unit"], ids: Int64[np.ndarray, " row"], seed: int
) -> float:
    """Correlation of mean patterns across random halves of the presentations; NaN: none repeats."""
    again = np.isin(ids, [each for each, n in zip(*np.unique(ids, return_counts=True), strict=True)
                          if n > 1])  # fmt: skip
    shown = np.unique(ids[again])
    if len(shown) < 2:
        return float("nan")
    generator = np.random.default_rng(seed)
    correlations = []
    for _ in range(N_SPLITS):
        halves = np.stack([_half_means(values, ids, shown, generator)]).reshape(2, -1)
        if not varies(halves.T).all():
            return float("nan")
        correlations.append(float(np.corrcoef(halves)[0, 1]))
    return float(np.mean(correlations))


def rows_for(aim: float, half: float, n_rows: int) -> float:
    """Presentations that would give mean responses this reliability (Spearman-Brown).

    Args:
        aim: Reliability at the full length.
        half: Correlation of two halves of `n_rows` presentations.
        n_rows: How many there are.

    Returns:
        NaN where the halves do not correlate positively: no number of trials is known to do.
    """
    if not half > 0:
        return float("nan")
    of_half = aim * (1 - half) / (half * (1 - aim))
    return float(n_rows / 2 * of_half)


def drift_share(values: Float64[np.ndarray, "row unit"]) -> Float64[np.ndarray, " unit"]:
    """Share of each unit's variance that a straight line over the rows explains."""
    row = np.arange(len(values), dtype=np.float64)
    row -= row.mean()
    centred = values - values.mean(0)
    total = (centred**2).sum(0)
    slope = row @ centred
    share = np.full(values.shape[1], np.nan)
    np.divide(slope**2 / max((row**2).sum(), 1e-300), total, out=share, where=varies(values))
    return share


def decoding_of(
    name: str,
    values: Float64[np.ndarray, "row unit"],
    labels: Shaped[np.ndarray, " row"],
    seed: int,
) -> Decoding | None:
    """Balanced accuracy of reading a label, beside the same with shuffled labels.

    Returns:
        None where fewer than two labels were seen four times, or no unit varies.
    """
    kept, index = _often(labels)
    values = values[kept][:, varies(values[kept])] if kept.any() else values[:0]
    if len(set(index)) < 2 or not values.size:
        return None
    fold = _folds(len(index))
    score = _accuracy(values, index, fold)
    generator = np.random.default_rng(seed)
    shuffled = [_accuracy(values, generator.permutation(index), fold) for _ in range(N_SHUFFLES)]
    return Decoding(
        name,
        len(set(index)),
        score,
        float(np.mean(shuffled)),
        float(np.quantile(shuffled, 0.95)),
    )


def _often(
    labels: Shaped[np.ndarray, " row"],
) -> tuple[Bool[np.ndarray, " row"], Int64[np.ndarray, " kept"]]:
    """Rows whose label was seen often enough to be decoded, and its number."""
    _, index, counts = np.unique(labels.astype(str), return_inverse=True, return_counts=True)
    kept = np.asarray((counts >= _FEWEST)[index] & (labels.astype(str) != "n/a"))
    return kept, np.unique(index[kept], return_inverse=True)[1].astype(np.int64)


def _folds(n_rows: int) -> Int64[np.ndarray, " row"]:
    """Blocks of time, twice as many as folds, dealt out in turn."""
    return (np.arange(n_rows) * 2 * N_FOLDS // n_rows % N_FOLDS).astype(np.int64)


def _accuracy(
    values: Float64[np.ndarray, "row unit"],
    index: Int64[np.ndarray, " row"],
    fold: Int64[np.ndarray, " row"],
) -> float:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    predicted = np.full(len(index), -1)
    for held_out in np.unique(fold):
        train, test = fold != held_out, fold == held_out
        known = np.unique(index[train])
        mean, spread = values[train].mean(0), values[train].std(0)
        scaled = (values - mean) / np.where(spread > 0, spread, 1)
        if len(known) < 2:
            continue
        model = LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage="auto", priors=np.full(len(known), 1 / len(known))
        )
        predicted[test] = model.fit(scaled[train], index[train]).predict(scaled[test])
    right = predicted == index
    return float(np.mean([right[index == label].mean() for label in np.unique(index)]))


def _half_means(
    values: Float64[np.ndarray, "row unit"],
    ids: Int64[np.ndarray, " row"],
    shown: Int64[np.ndarray, " id"],
    generator: np.random.Generator,
) -> Float64[np.ndarray, "half id unit"]:
    """Means over two halves of each id's presentations, less each unit's mean over ids."""
    means = np.empty((2, len(shown), values.shape[1]))
    for k, each in enumerate(shown):
        rows = generator.permutation(np.flatnonzero(ids == each))
        means[0, k] = values[rows[: len(rows) // 2]].mean(0)
        means[1, k] = values[rows[len(rows) // 2 :]].mean(0)
    return np.asarray(means - means.mean(1, keepdims=True))


def _mean_over_times(responses: Responses) -> Float64[np.ndarray, "row unit"]:
    present = responses.present[..., None]
    total = (responses.values * present).sum(1, dtype=np.float64)
    return np.asarray(total / np.maximum(present.sum(1), 1))
