"""What a driver attends to: variables of the scene, tuning to them, and attention between places.

Shared by the simulated population and the simulated EEG. Distances and times are coded by their
logarithm, as magnitudes are in cortex (Nieder & Miller 2003); a variable that is NaN (no such
vehicle) drives nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

AHEAD = "ahead"
NEAR = 20.0  # [m] within which a vehicle draws attention
_SLOPE = 0.08  # of a sigmoid, as a share of its variable's range
_WIDTH = 0.14  # standard deviation of a bump, as a share of its variable's range
_LEAST_SHARE = 0.05  # of ``low``: closer is not told apart on the logarithmic scale


@dataclass(frozen=True)
class AttendedVariable:
    """A variable that units may be tuned to, and the range in which they tell it apart."""

    name: str
    low: float
    high: float
    logarithmic: bool = False
    place: str | None = None  # where attention must be for its units to gain
    binary: bool = False

    def coordinate(self, value: Float[np.ndarray, " frame"]) -> Float64[np.ndarray, " frame"]:
        """0 at ``low``, 1 at ``high``, no further; NaN stays NaN."""
        low, high, value = self.low, self.high, value.astype(np.float64)
        if self.logarithmic:
            value = np.log(np.maximum(value, _LEAST_SHARE * low))
            low, high = np.log(low), np.log(high)
        return np.clip((value - low) / (high - low), 0.0, 1.0)


ATTENDED = (
    AttendedVariable("gap", 3.0, 60.0, logarithmic=True, place=AHEAD),  # [m]
    AttendedVariable("closing_speed", -10.0, 10.0, place=AHEAD),  # [m/s]
    AttendedVariable("time_to_collision", 0.7, 20.0, logarithmic=True, place=AHEAD),  # [s]
    AttendedVariable("left_ahead", 3.0, 60.0, logarithmic=True, place="left_ahead"),  # [m]
    AttendedVariable("left_behind", 3.0, 60.0, logarithmic=True, place="left_behind"),  # [m]
    AttendedVariable("right_ahead", 3.0, 60.0, logarithmic=True, place="right_ahead"),  # [m]
    AttendedVariable("right_behind", 3.0, 60.0, logarithmic=True, place="right_behind"),  # [m]
    AttendedVariable("lane", 0.0, 3.0),
    AttendedVariable("hazard", 0.0, 1.0, place=AHEAD, binary=True),
)
ATTENDED_NAMES = tuple(variable.name for variable in ATTENDED)
PLACES = {
    AHEAD: "gap",
    "left_ahead": "left_ahead",
    "left_behind": "left_behind",
    "right_ahead": "right_ahead",
    "right_behind": "right_behind",
}  # place: the variable that tells how far the vehicle there is


@dataclass(frozen=True)
class DriverTuning:
    """One entry a cell: the variable it is tuned to and the shape of its tuning."""

    variable: Int64[np.ndarray, " cell"]  # index into ATTENDED
    preferred: Float64[np.ndarray, " cell"]  # coordinate of a bump's peak or a sigmoid's middle
    direction: Int64[np.ndarray, " cell"]  # 0: bump; 1: rising sigmoid, -1: falling

    def drive(
        self, state: Float32[np.ndarray, "frame variable"], state_names: tuple[str, ...]
    ) -> Float64[np.ndarray, "frame cell"]:
        """0 to 1 in each frame, without attention; 0 where the variable is NaN."""
        response = np.zeros((len(state), len(self.variable)))
        for index, variable in enumerate(ATTENDED):
            cells = np.flatnonzero(self.variable == index)
            value = variable.coordinate(state[:, state_names.index(variable.name)])
            distance = value[:, None] - self.preferred[cells]
            bump = np.exp(-((distance / _WIDTH) ** 2) / 2)
            sigmoid = 1 / (1 + np.exp(-self.direction[cells] * distance / _SLOPE))
            shape = np.where(self.direction[cells] == 0, bump, sigmoid)
            response[:, cells] = np.nan_to_num(shape, nan=0.0)
        return response


def draw_tuning(n_cells: int, generator: np.random.Generator) -> DriverTuning:
    """Cells dealt over the attended variables in turn, so that many cover each variable's range.

    Half are tuned to a value, half to more or to less of it, as in parietal and prefrontal cortex
    (Nieder & Miller 2003; Roitman, Brannon & Platt 2007). Cells for a hazard answer to one only.
    """
    n_variables = len(ATTENDED)
    variable = generator.permutation(n_cells) % n_variables
    preferred = np.zeros(n_cells)
    for index in range(n_variables):
        cells = np.flatnonzero(variable == index)
        even = (np.arange(len(cells)) + generator.random()) / max(len(cells), 1)
        preferred[cells] = even
    direction = generator.choice([0, 0, 1, -1], size=n_cells)
    binary = np.array([ATTENDED[index].binary for index in variable], dtype=bool)
    preferred[binary], direction[binary] = 1.0, 0
    return DriverTuning(variable.astype(np.int64), preferred, direction.astype(np.int64))


def attention(
    state: Float32[np.ndarray, "frame variable"],
    state_names: tuple[str, ...],
    tuning: DriverTuning,
    strength: float,
) -> Float64[np.ndarray, "frame cell"]:
    """Gain of each cell: near vehicles and hazards raise their own place's, lower the others'.

    The log gain is ``strength`` times how far a place's salience exceeds the mean of all places;
    salience falls off with distance (`NEAR`), and a hazard adds 1 to what is ahead. Cells of no
    place (the lane) lose to all.
    """
    distance = np.stack([state[:, state_names.index(name)] for name in PLACES.values()], axis=1)
    salience = np.exp(-np.maximum(np.nan_to_num(distance, nan=np.inf), 0.0) / NEAR)
    hazard = np.nan_to_num(state[:, state_names.index("hazard")], nan=0.0)
    salience[:, list(PLACES).index(AHEAD)] += hazard
    places = [*PLACES, None]
    every = np.concatenate([salience, np.zeros((len(state), 1))], axis=1)
    of_cell = [places.index(ATTENDED[index].place) for index in tuning.variable]
    gain: Float64[np.ndarray, "frame cell"] = np.exp(
        strength * (every[:, of_cell] - salience.mean(1, keepdims=True))
    )
    return gain


def scaled_signal(
    drive: Float64[np.ndarray, "frame cell"], signal: float
) -> Float64[np.ndarray, "frame cell"]:
    """The drive with this share of what varies from frame to frame, and the same mean."""
    mean = drive.mean(0)
    scaled: Float64[np.ndarray, "frame cell"] = mean + signal * (drive - mean)
    return scaled
