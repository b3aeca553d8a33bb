from __future__ import annotations

import warnings

import numpy as np
import pytest

from b2m_drive.recordings.readers.stimulus_codes import code_table


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_codes_are_those_that_mne_finds(seed: int, block: int) -> None:
    mne = pytest.importorskip("mne", reason="the eeg extra is not installed")
    generator = np.random.default_rng(seed)
    values = np.repeat(generator.integers(-2, 5, 100), generator.integers(3, 8, 100)).astype(float)
    info = mne.create_info(["STI"], 100.0, "stim", verbose="error")
    raw = mne.io.RawArray(values[None], info, verbose="error")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = mne.find_events(raw, verbose="error")
    parts = [values[k : k + block] for k in range(0, len(values), block)]
    table, _ = code_table("STI", parts, 100.0)
    np.testing.assert_array_equal(np.round(table.column("onset") * 100), events[:, 0])
    np.testing.assert_array_equal(table.column("value"), events[:, 2])
    assert len(events) > 10


def test_what_is_no_event_is_said() -> None:
    table, notes = code_table("STI", [np.array([7.0, 7, 0, -5, 3, 0])], 10.0)
    assert (list(table.column("onset")), list(table.column("value"))) == ([0.3], [5])
    assert notes == (
        "STI: negative codes are taken without their sign",
        "STI: code 7 is there from the start, and is no event",
        "STI: 1 changes to a lower code without 0 between are no events",
    )


def test_bits_that_are_no_codes_are_left_out() -> None:
    values = np.array([0, 0, 4, 4, 0]) + np.array([0, 2**16, 2**16, 0, 2**16])
    table, notes = code_table("Status", [values], 1.0, 2**16 - 1)
    assert (list(table.column("onset")), list(table.column("value"))) == ([2.0], [4])
    assert notes == ()


def test_a_silent_channel_has_no_events() -> None:
    assert len(code_table("STI", [np.zeros(9)], 1.0)[0]) == 0
    assert len(code_table("STI", [], 1.0)[0]) == 0
