"""When each frame of a table of scenes was on the screen, and which one at any time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from b2m_drive.recordings.scene_recording import NO_FRAME

BEFORE, AFTER = 1.0, 4.0  # [s] recorded before the first frame and after the last one
_DEFAULT_STEP = 1.0  # [s] a frame lasts when no episode has two
_TIME_TOLERANCE = 1e-6  # [s]


@dataclass(frozen=True)
class SceneTimeline:
    """Onset and offset of every frame; between episodes the screen is blank.

    A frame stays until the next one of its episode, an episode's last for a usual step (or until
    the next episode's first).
    """

    onset: Float64[np.ndarray, " frame"]  # [s]
    offset: Float64[np.ndarray, " frame"]  # [s]
    step: float  # [s] the usual time between two frames of an episode

    def frame_at(self, time: Float64[np.ndarray, " sample"]) -> Int64[np.ndarray, " sample"]:
        """Row of the frame on screen at these times, NO_FRAME where there is none."""
        later = time + _TIME_TOLERANCE
        row = np.searchsorted(self.onset, later, side="right") - 1
        shown = (row >= 0) & (later < self.offset[np.maximum(row, 0)])
        return np.where(shown, row, NO_FRAME).astype(np.int64)

    def sample_times(self, sampling_rate: float) -> Float64[np.ndarray, " sample"]:
        """Times [s] from a little before the first frame to a little after the last.

        Raises:
            ValueError: If a frame would come and go between two samples.
        """
        slowest = 1 / float((self.offset - self.onset).min())
        if not (np.isfinite(sampling_rate) and sampling_rate > slowest - _TIME_TOLERANCE):
            raise ValueError(
                f"sampling_rate: expected at least {slowest:g} Hz, so that each frame has a "
                f"sample, came {sampling_rate}"
            )
        duration = BEFORE + self.offset[-1] - self.onset[0] + AFTER
        n_samples = int(np.ceil(duration * sampling_rate))
        times: Float64[np.ndarray, " sample"] = (
            self.onset[0] - BEFORE + np.arange(n_samples) / sampling_rate
        )
        return times


def scene_timeline(
    frame_time: Float64[np.ndarray, " frame"], episode: Int64[np.ndarray, " frame"]
) -> SceneTimeline:
    """The timeline of frames that appeared at these times [s], in these episodes.

    Raises:
        ValueError: If there is no frame, a time is not finite or not later than the one before,
            or the two differ in length.
    """
    if len(frame_time) != len(episode) or not len(episode):
        raise ValueError(
            "frame_time and episode: expected one of each a frame, came "
            f"{len(frame_time)} and {len(episode)}"
        )
    if not np.isfinite(frame_time).all() or (np.diff(frame_time) <= 0).any():
        raise ValueError("frame_time: expected finite seconds, each later than the one before")
    interval = np.diff(frame_time)
    follows = np.diff(episode) == 0
    step = float(np.median(interval[follows])) if follows.any() else _DEFAULT_STEP
    stays = np.append(np.where(follows, interval, np.minimum(step, interval)), step)
    return SceneTimeline(frame_time, frame_time + stays, step)


def check_state(
    state: Float32[np.ndarray, "frame variable"],
    state_names: tuple[str, ...],
    needed: tuple[str, ...],
    n_frames: int,
) -> None:
    """Refuse a table of states that does not fit its names, the frames or a brain.

    Raises:
        ValueError: If a shape does not fit, a value is infinite or a needed variable is missing.
    """
    if state.shape != (n_frames, len(state_names)):
        raise ValueError(
            f"state: expected {(n_frames, len(state_names))} (frame, variable), came {state.shape}"
        )
    if np.isinf(state).any():
        raise ValueError("state: expected finite numbers or NaN (no such vehicle), came infinite")
    missing = [name for name in needed if name not in state_names]
    if missing:
        raise ValueError(f"state_names: expected {missing} among them, came {list(state_names)}")
