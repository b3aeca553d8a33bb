"""How much of a signal is the hum of the mains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import welch

from b2m_drive.recordings.sampled_signal import SampledSignal

LINES = (50.0, 60.0)  # [Hz] of the world's mains
STRONG = 3.0  # times the power of the frequencies beside it
_SECONDS = 60.0  # of the signal that are looked at, from its middle
_RESOLUTION = 0.5  # [Hz]
_BESIDE = (2.0, 6.0)  # [Hz] from the line that it is compared with


@dataclass(frozen=True)
class LineNoise:
    """Power at the mains' frequency over that beside it, of the median channel."""

    frequency: float  # [Hz] of 50 and 60 Hz the stronger
    ratio: float  # 1: no hum

    @property
    def text(self) -> str:
        """In words."""
        strength = "strong: a notch is advised" if self.ratio >= STRONG else "weak"
        return f"{self.ratio:.2g} times the power beside {self.frequency:g} Hz ({strength})"


def line_noise(signal: SampledSignal) -> LineNoise | None:
    """The mains' hum in the middle minute of a signal (Welch); None: it is too slow or too short.

    The ratio is that of the power at the line to the median power 2 to 6 Hz beside it.
    """
    stop = min(len(signal), (len(signal) + round(_SECONDS * signal.rate)) // 2)
    start = max(stop - round(_SECONDS * signal.rate), 0)
    length = round(signal.rate / _RESOLUTION)
    possible = [line for line in LINES if line + _BESIDE[1] < signal.rate / 2]
    if not possible or stop - start < 2 * length:
        return None
    frequency, power = welch(signal[start:stop], signal.rate, nperseg=length, axis=0)
    found = []
    for line in possible:
        away = np.abs(frequency - line)
        beside = np.median(power[(away >= _BESIDE[0]) & (away <= _BESIDE[1])], axis=0)
        at = power[away <= _RESOLUTION].max(0)
        ratio = np.divide(at, beside, out=np.ones_like(at), where=beside > 0)
        found.append(LineNoise(line, float(np.median(ratio))))
    return max(found, key=lambda each: each.ratio)
