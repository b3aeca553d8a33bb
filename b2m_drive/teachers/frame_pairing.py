"""Which stretch of a brain's recording belongs to a frame, and the latents that frames get of it.

A frame is paired by its id with the brain's activity some delay after it appeared. The delay is a
parameter; `estimate_delay` finds one by how well held-out episodes can be read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from b2m_drive.recordings.events import Events
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.sampling import sampling_of
from b2m_drive.recordings.scene_recording import EEG, signal_of, times_of
from b2m_drive.teachers.factors import likeliest_n_factors
from b2m_drive.teachers.frame_decoding import cross_fitted, decoding_r2
from b2m_drive.teachers.scene_controls import state_labels
from b2m_drive.teachers.sensor_responses import means_of, sensor_means, window_edges
from b2m_drive.teachers.spread import varies, without_rounding, z_scored

SCENE_LATENTS = ("pca", "decoded")  # besides `LATENT_METHODS`
CANDIDATE_DELAYS = tuple(np.round(np.arange(0.0, 1.01, 0.1), 2).tolist())  # [s]

_TIME_TOLERANCE = 1e-6  # [s]
_MOST_FRAMES = 1500  # to choose the number of latents by
_N_FOLDS = 5
_LEAST_SHARE_LEFT = 0.5  # of the frames, when those whose window is not recorded are left out


@dataclass(frozen=True)
class DelayEstimate:
    """A delay found by cross-validation, and how the other candidates did."""

    delay: float  # [s]
    candidates: Float64[np.ndarray, " candidate"]  # [s]
    score: Float64[np.ndarray, " candidate"]  # mean R2 of the features over held-out episodes


@dataclass(frozen=True)
class SceneLatents:
    """Latents frame by frame, standardised over the teaching frames."""

    values: Float32[np.ndarray, "frame latent"]
    share_of_variance: Float64[np.ndarray, " latent"]  # sums to 1


def responses(
    recording: Recording, frame_id: Int64[np.ndarray, " frame"], delay: float, window: float
) -> Float32[np.ndarray, "frame response"]:
    """The brain's mean activity from ``delay`` to ``delay + window`` after each frame appeared.

    A unit gives one number, its mean activity. An EEG sensor (a unit of kind ``EEG``) gives four:
    the mean potential, with changes slower than 0.5 Hz taken off, and the log of the mean power in
    each of `EEG_BANDS`. Filters are causal, so that no later frame's activity enters.
    Units come first, then the sensors' potentials, then their powers band by band. A window that
    the recording's end or a pause cuts short is averaged over what there is. A frame shown several
    times has the mean over its presentations; `responses_to` keeps them apart.

    Args:
        recording: Made beside the scenes: a signal, and an event for each presentation of a frame.
        frame_id: Whose responses, in the order wanted.
        delay: From a frame's first sample to the start of its window [s].
        window: Its length [s]; the frames' own step is the natural choice.

    Raises:
        ValueError: If the recording has fewer samples than frames, a frame was never on the
            screen, the window is not positive, or no sample falls into a frame's window (a delay
            beyond the recording, a window shorter than a sample).
    """
    shown = _shown(recording, frame_id, delay, window)
    _check_windows(recording, shown, delay, window)
    means = _window_means(recording, shown.start[shown.recorded], window)
    total = np.zeros((len(shown.frames), means.shape[1]))
    which = shown.frame[shown.recorded]
    np.add.at(total, which, means)
    mean = total / np.bincount(which, minlength=len(total))[:, None]
    return np.asarray(mean[shown.asked], dtype=np.float32)


def has_response(
    recording: Recording, frame_id: Int64[np.ndarray, " frame"], delay: float, window: float
) -> Bool[np.ndarray, " frame"]:
    """Whether each frame was on the screen and its window was recorded, at least in part."""
    known = np.isin(frame_id, recording.events.ids)
    if known.any():
        shown = _shown(recording, frame_id[known], delay, window)
        known[known] = shown.count[shown.asked] > 0
    return known


def responses_to(
    shown: Events, recording: Recording, delay: float, window: float
) -> Float32[np.ndarray, "presentation response"]:
    """As `responses`, but a row for each presentation, such as the recording's own events.

    Raises:
        ValueError: If no sample falls into a presentation's window.
    """
    start = shown.onset + delay
    first, last = window_edges(times_of(recording), start, window)
    if (first >= last).any():
        raise ValueError(
            f"{recording.session}: expected a sample in each window, came none for "
            f"{int((first >= last).sum())} of {len(start)} presentations"
        )
    return _window_means(recording, start, window)


def estimate_delay(
    recording: Recording,
    frame_id: Int64[np.ndarray, " frame"],
    features: Float32[np.ndarray, "frame feature"],
    episode: Int64[np.ndarray, " frame"],
    candidates: tuple[float, ...] = CANDIDATE_DELAYS,
    window: float = 0.5,
) -> DelayEstimate:
    """The delay at which the frames' features are best read from the brain.

    For each candidate a ridge decoder reads the features from the responses; whole episodes are
    held out. Give it teaching frames only: what the held-out frames say must not choose.

    Args:
        recording: Made beside the scenes.
        frame_id: Of the frames to judge by.
        features: Of these frames, such as `b2m_drive`'s scene states; NaN is taken as the mean,
            and whether a value is there is read as well.
        episode: Of these frames; at least 3.
        candidates: Delays to compare [s].
        window: As for `responses` [s].

    Raises:
        ValueError: As `responses`; also if there is no candidate, no feature varies, there are
            fewer than 3 episodes, or the latest candidate's window is recorded for less than half
            of the frames (others are left out, for every candidate alike).
    """
    if not candidates:
        raise ValueError("candidates: expected delays to compare, came none")
    recorded = np.all([_recorded(recording, frame_id, each, window) for each in candidates], axis=0)
    if recorded.mean() < _LEAST_SHARE_LEFT:
        raise ValueError(
            f"candidates: expected delays within the recording, came up to {max(candidates)} s, "
            f"whose window is over by the recording's end, {times_of(recording)[-1]:g} s, for only "
            f"{int(recorded.sum())} of {len(recorded)} frames"
        )
    labels = state_labels(features[recorded])
    score = np.array(
        [
            _mean_r2(recording, frame_id[recorded], labels, episode[recorded], each, window)
            for each in candidates
        ]
    )
    if np.isnan(score).all():
        raise ValueError("features: expected some that vary in most episodes, came none")
    best = int(np.nanargmax(score))
    return DelayEstimate(float(candidates[best]), np.array(candidates, dtype=np.float64), score)


def principal_latents(
    responses: Float32[np.ndarray, "frame response"],
    teaching: Bool[np.ndarray, " frame"],
    n_latents: int | None = None,
) -> SceneLatents:
    """Principal components of the z-scored responses, fitted on the teaching frames alone.

    Args:
        responses: Of all frames, those held out included (they are transformed, never fitted).
        teaching: The frames to fit on.
        n_latents: None: as many as make held-out stretches of the teaching frames likeliest under
            factor analysis.

    Raises:
        ValueError: If a response is not finite, too few frames teach, none varies, or there
            cannot be that many latents.
    """
    from sklearn.decomposition import PCA

    standard = _standardise(responses, teaching)
    fitted = standard[teaching]
    most = min(int(varies(fitted).sum()), len(fitted) - 1)
    if most < 1:
        raise ValueError("responses: expected some that vary over the teaching frames, came none")
    if n_latents is None:
        n_latents = min(_likeliest(fitted), most)
    elif not 1 <= n_latents <= most:
        raise ValueError(f"n_latents: expected 1 to {most} (responses that vary), came {n_latents}")
    model = PCA(n_latents, svd_solver="full").fit(fitted)
    values = without_rounding(model.transform(standard).astype(np.float32), teaching)
    variance = values[teaching].var(0).astype(np.float64)
    return SceneLatents(_standardise(values, teaching), variance / variance.sum())


def decoded_latents(
    responses: Float32[np.ndarray, "frame response"],
    labels: Float32[np.ndarray, "frame label"],
    episode: Int64[np.ndarray, " frame"],
    teaching: Bool[np.ndarray, " frame"],
) -> SceneLatents:
    """What the brain says of each label of the scene, by decoders that never saw the episode.

    Principal components follow the loudest units; where few units are tuned these latents keep
    what the brain tells. Labels enter the fit, so a brain shuffled *before* it is the null that
    counts. A latent's share of variance is that of its label which the brain explains.

    Args:
        responses: From `responses`, or a control.
        labels: From `state_labels`, of the same frames.
        episode: Of each frame.
        teaching: The frames to fit on: whole episodes, at least 3.

    Raises:
        ValueError: As `cross_fitted`; also if the brain says nothing of any label.
    """
    predicted = cross_fitted(responses, labels, episode, teaching)
    variance = predicted[teaching].var(0)
    if not variance.sum() > 0:
        raise ValueError("responses: expected some that tell of a label, came none")
    values = _standardise(predicted.astype(np.float32), teaching)
    return SceneLatents(values, variance / variance.sum())


def _likeliest(fitted: Float32[np.ndarray, "frame response"]) -> int:
    """By stretches of neighbouring frames, thinned: neighbours say nearly the same."""
    thinned = fitted[:: -(-len(fitted) // _MOST_FRAMES)]
    thinned = thinned[:, varies(thinned)]
    if len(thinned) < 2 * _N_FOLDS or thinned.shape[1] < 2:
        return 1
    stretches = np.array_split(np.arange(len(thinned)), _N_FOLDS)
    folds = [(np.setdiff1d(np.arange(len(thinned)), held), held) for held in stretches]
    return likeliest_n_factors(thinned, folds)


def _standardise(
    values: Float32[np.ndarray, "frame response"], teaching: Bool[np.ndarray, " frame"]
) -> Float32[np.ndarray, "frame response"]:
    if len(teaching) != len(values) or teaching.sum() < 2:
        raise ValueError(
            f"teaching: expected 2 or more of {len(values)} frames, came "
            f"{int(teaching.sum())} of {len(teaching)}"
        )
    if not np.isfinite(values).all():
        raise ValueError("responses: expected finite numbers, came NaN or infinite ones")
    return z_scored(values, teaching)


def _mean_r2(
    recording: Recording,
    frame_id: Int64[np.ndarray, " frame"],
    labels: Float32[np.ndarray, "frame label"],
    episode: Int64[np.ndarray, " frame"],
    delay: float,
    window: float,
) -> float:
    """Mean over the labels that vary; NaN if none does."""
    score = decoding_r2(responses(recording, frame_id, delay, window), labels, episode)
    return float(np.nanmean(score)) if not np.isnan(score).all() else float("nan")


@dataclass(frozen=True)
class _Shown:
    """The presentations of some frames, and the windows after them."""

    frames: Int64[np.ndarray, " different"]  # ids asked for, each once
    asked: Int64[np.ndarray, " frame"]  # for each frame asked for, its row in those
    frame: Int64[np.ndarray, " presentation"]  # row in those of what was shown
    start: Float64[np.ndarray, " presentation"]  # of the window [s]
    recorded: Bool[np.ndarray, " presentation"]  # whether a sample falls into the window

    @property
    def count(self) -> Int64[np.ndarray, " different"]:
        """Windows recorded of each frame."""
        return np.bincount(self.frame[self.recorded], minlength=len(self.frames)).astype(np.int64)


def _shown(
    recording: Recording, frame_id: Int64[np.ndarray, " frame"], delay: float, window: float
) -> _Shown:
    if not (np.isfinite(delay) and np.isfinite(window) and window > 0):
        raise ValueError(
            f"delay and window: expected seconds, the window over 0, came {delay} and {window}"
        )
    every, time = recording.events, times_of(recording)
    known = np.unique(every.ids)
    lost = np.setdiff1d(frame_id, known)
    if not len(frame_id) or len(lost):
        raise ValueError(
            f"frame_id: expected frames that {recording.session} was shown ({len(known)} frames in "
            f"{len(time)} samples), came {len(frame_id)}, {len(lost)} of them never on "
            f"the screen, such as {lost[:3].tolist()}"
        )
    frames, asked = np.unique(frame_id, return_inverse=True)
    wanted = np.isin(every.ids, frames)
    start = every.onset[wanted] + delay
    first, last = window_edges(time, start, window)
    frame = np.searchsorted(frames, every.ids[wanted])
    return _Shown(frames, asked, frame.astype(np.int64), start, last > first)


def _recorded(
    recording: Recording, frame_id: Int64[np.ndarray, " frame"], delay: float, window: float
) -> Bool[np.ndarray, " frame"]:
    """Whether a window of each frame was recorded, and none was cut short by the end."""
    shown = _shown(recording, frame_id, delay, window)
    over = shown.start + window > times_of(recording)[-1] + _TIME_TOLERANCE
    cut_short = np.bincount(shown.frame[over], minlength=len(shown.frames)) > 0
    return np.asarray(((shown.count > 0) & ~cut_short)[shown.asked])


def _check_windows(recording: Recording, shown: _Shown, delay: float, window: float) -> None:
    empty = shown.count == 0
    if not empty.any():
        return
    n_empty = int(empty[shown.asked].sum())
    begin, end = times_of(recording)[0], times_of(recording)[-1]
    outside = empty[shown.frame] & ((shown.start > end) | (shown.start + window < begin))
    if outside.any():
        raise ValueError(
            f"delay: expected one within {recording.session} ({begin:g} to {end:g} s), came "
            f"{delay} s, which leaves {n_empty} of {len(shown.asked)} frames without a sample"
        )
    raise ValueError(
        f"window: expected one with samples in it, came {window} s at "
        f"{sampling_of(times_of(recording)).text}: none for {n_empty} frames"
    )


def _window_means(
    recording: Recording, start: Float64[np.ndarray, " presentation"], window: float
) -> Float32[np.ndarray, "presentation response"]:
    sensors, units = _sensors_and_units(recording)
    signal, time = signal_of(recording), times_of(recording)
    edges = window_edges(time, start, window)
    means = [means_of(signal, units, *edges)]
    if len(sensors):
        means += sensor_means(recording.session, time, signal[:, sensors], start, window)
    return np.concatenate(means, axis=1).astype(np.float32)


def _sensors_and_units(
    recording: Recording,
) -> tuple[Int64[np.ndarray, " sensor"], Int64[np.ndarray, " unit"]]:
    is_sensor = np.array([unit.kind == EEG for unit in recording.units])
    return np.flatnonzero(is_sensor), np.flatnonzero(~is_sensor)
