"""Codes on a stimulus channel, as amplifiers record what a parallel port says, as events."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Int64, Real

from b2m_drive.recordings.contents import EventTable


def code_table(
    name: str, blocks: Iterable[Real[np.ndarray, " _"]], rate: float, mask: int = -1
) -> tuple[EventTable, tuple[str, ...]]:
    """When a code began, and which, by the rule of `mne.find_events`; with notes.

    An event is where the channel rises: from 0, or from one code to a higher one. A code that is
    there when the recording begins is none. Negative codes are taken without their sign.

    Args:
        name: Of the channel, and of the table.
        blocks: The whole channel in parts, in the order of time.
        rate: Samples a second [Hz].
        mask: Bits of a code that are looked at; -1: all.
    """
    start, code, negative = _runs(blocks, mask)
    before, after = code[:-1], code[1:]
    rises = after > before
    falls = int(((after < before) & (after != 0)).sum())
    notes = [f"{name}: negative codes are taken without their sign"] if negative else []
    if len(code) and code[0] != 0:
        notes.append(f"{name}: code {code[0]} is there from the start, and is no event")
    if falls:
        notes.append(f"{name}: {falls} changes to a lower code without 0 between are no events")
    columns = {"onset": start[1:][rises] / rate, "value": after[rises]}
    return EventTable(name, columns, onset="onset"), tuple(notes)


def _runs(
    blocks: Iterable[Real[np.ndarray, " _"]], mask: int
) -> tuple[Int64[np.ndarray, " run"], Int64[np.ndarray, " run"], bool]:
    """First sample and code of each stretch of one code; and whether one was negative."""
    starts: list[np.ndarray] = []
    codes: list[np.ndarray] = []
    offset, last, negative = 0, None, False
    for block in blocks:
        values = np.asarray(block).astype(np.int64)
        negative |= bool((values < 0).any())
        values = np.abs(values) & mask
        changed = np.diff(values, prepend=values[0] - 1 if last is None else last) != 0
        where = np.flatnonzero(changed)
        starts.append(where + offset)
        codes.append(values[where])
        offset, last = offset + len(values), values[-1]
    if not starts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), False
    return np.concatenate(starts), np.concatenate(codes), negative
