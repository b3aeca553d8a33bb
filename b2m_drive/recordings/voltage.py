"""Whether potentials can be in the unit that they are said to be in."""

from __future__ import annotations

import numpy as np

from b2m_drive.recordings.sampled_signal import SampledSignal

_VOLTS = {"V": 1.0, "mV": 1e-3, "µV": 1e-6, "uV": 1e-6, "nV": 1e-9}
_KINDS = ("EEG", "ECOG", "SEEG", "DBS", "LFP")
_LARGEST, _SMALLEST = 0.02, 1e-9  # [V] of a brain's potential, as it varies
_WIDEST = 1.0  # [V] that a signal may span
_LOOKED_AT, _MOST_VALUES = 20_000, 1_000_000  # samples, and of all channels together


def check_reject(signal: SampledSignal, most: float) -> None:
    """Refuse to reject what spans volts, which nothing does: microvolts were probably meant.

    Raises:
        ValueError: If the signal is in a unit of volts, and this is a volt or more.
    """
    volts = most * _VOLTS.get(signal.unit, 0.0)
    if volts >= _WIDEST:
        raise ValueError(
            f"mapping: preprocessing.reject: expected under {_WIDEST / _VOLTS[signal.unit]:g} "
            f"{signal.unit}, the unit of the signal, came {most:g}: {most * 1e-6:g} V is "
            f"{most:g} µV"
        )


def check_voltage(signal: SampledSignal, powers: bool = False) -> None:
    """Refuse potentials of a brain that vary by volts, or by less than any amplifier tells.

    Args:
        signal: With its unit and kinds.
        powers: It is the square of potentials, which is not looked at.

    Raises:
        ValueError: Says how much they vary, and by which factor they would fit.
    """
    kinds = [kind.upper() in _KINDS for kind in signal.kinds]
    if powers or signal.unit not in _VOLTS or not any(kinds):
        return
    looked_at = min(_LOOKED_AT, max(_MOST_VALUES // len(signal.channels), 1))
    start = max((len(signal) - looked_at) // 2, 0)
    part = signal.read(start, min(start + looked_at, len(signal)))[:, kinds]
    spread = np.std(part, axis=0, dtype=np.float64) * _VOLTS[signal.unit]
    usual = float(np.median(spread))
    if usual == 0 or _SMALLEST < usual < _LARGEST:
        return
    fitting = [
        name for name, size in _VOLTS.items()
        if 1e-7 < usual / _VOLTS[signal.unit] * size < 1e-3
    ]  # fmt: skip
    hint = (
        f"; in {fitting[0]} it would be likely: say so with activity.unit={fitting[0]}, or "
        f"multiply with activity.scale"
        if fitting
        else ""
    )
    raise ValueError(
        f"signal {signal.name}: expected a brain's potential to vary by {_SMALLEST:g} to "
        f"{_LARGEST:g} V, came {usual:.3g} V (standard deviation of the median channel, said to "
        f"be in {signal.unit}){hint}"
    )
