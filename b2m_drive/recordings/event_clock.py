"""What would make the times of trials fit those of a recording: another unit, or another clock."""

from __future__ import annotations

from collections.abc import Mapping

UNITS = {
    1e3: "{activity} in milliseconds",
    1e-3: "{events} in milliseconds",
    1e6: "{activity} in microseconds",
    1e-6: "{events} in microseconds",
}  # what events are to be multiplied by, and what that says
SAMPLING_RATES = (
    512, 1024, 2000, 2048, 4096, 5000, 10000, 16000, 20000, 24414.0625, 25000, 30000, 32000, 32768,
    40000, 44100, 48000, 50000,
)  # [Hz] of amplifiers, whose sample numbers are often taken for times # fmt: skip
LEAST_COVERED = 0.1  # of a recording, by trials that fit it
HARDLY_COVERED = 0.01  # of a recording: its unit of time may be a smaller one

Span = tuple[float, float]  # [s] first and last


def clock_hint(
    events: Span, recording: Span, what: str = "trials", activity: str = "spikes"
) -> str:
    """How trials from the first to the last event would fit into the recording; "": they do not.

    A factor fits if all events, multiplied by it, lie in the recording and take a tenth of it or
    more. Where none does, but the events are no longer than the recording, the two may be on
    clocks that differ by a constant.

    Args:
        events: First and last moment of them [s].
        recording: First and last moment of it [s].
        what: Word for the events.
        activity: Word for what was recorded.
    """
    fitting = _fitting(UNITS, events, recording)
    if fitting:
        factor = next(iter(fitting))
        said = fitting[factor].format(events=what, activity=activity)
        return f"times {factor:g} the {what} would fit ({said})"
    as_samples = _as_samples(events, recording, what, activity)
    return as_samples or _other_clock(events, recording, what)


def _fitting(factors: Mapping[float, str], events: Span, recording: Span) -> dict[float, str]:
    length = recording[1] - recording[0]
    return {
        factor: meaning
        for factor, meaning in factors.items()
        if recording[0] <= factor * events[0]
        and factor * events[1] <= recording[1]
        and factor * (events[1] - events[0]) >= LEAST_COVERED * length > 0
    }


def _as_samples(events: Span, recording: Span, named: str, activity: str) -> str:
    """Several rates fit alike as a rule: the lowest and the highest are named."""
    for what, power in ((activity, 1), (named, -1)):
        factors = {float(rate) ** power: f"{rate:g}" for rate in SAMPLING_RATES}
        rates = list(_fitting(factors, events, recording).values())
        if rates:
            some = rates[0] if len(rates) == 1 else f"{rates[0]} to {rates[-1]}"
            how = "times" if power == 1 else "divided by"
            return f"{how} {some} the {named} would fit ({what} counted in samples of so many Hz)"
    return ""


def _other_clock(events: Span, recording: Span, what: str) -> str:
    lowest, highest = recording[0] - events[0], recording[1] - events[1]
    long_enough = events[1] - events[0] >= LEAST_COVERED * (recording[1] - recording[0])
    if lowest > highest or not long_enough or lowest <= 0 <= highest:  # they fit as they are
        return ""
    return (
        f"another clock: the {what} would fit if {(lowest + highest) / 2:+.6g} s were added to "
        f"them ({lowest:+.6g} to {highest:+.6g} s)"
    )
