from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import b2m_drive as b2m
from b2m_drive.recordings.readers.mne_objects import from_mne, responses_from_mne
from tests.shared.made_eeg import IDS, NAMES, ONSETS, RATE, potentials, raw_of

mne = pytest.importorskip("mne", reason="the eeg extra is not installed")

MAPPING = ["events.table=annotations", "events.stimulus=description"]


def watched() -> Any:
    raw = raw_of(potentials())
    raw.set_annotations(mne.Annotations(ONSETS, 0.25, IDS.astype(str)))
    return raw


def of_arrays(channels: int = 4) -> b2m.Recording:
    return b2m.Recording.from_arrays(
        signal=potentials()[:, :channels], time=np.arange(2560) / RATE, onset=ONSETS, ids=IDS
    )


def test_a_raw_in_memory_has_the_responses_of_its_arrays() -> None:
    recording = from_mne(watched(), MAPPING, "mine")
    found, expected = (b2m.responses_of(each, 0.1, 0.4, 2) for each in (recording, of_arrays()))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-10)
    np.testing.assert_array_equal(found.ids, IDS)
    assert (recording.session, recording.measure) == ("mine", "potential [V]")


def test_the_samples_of_a_raw_are_not_copied() -> None:
    raw = watched()
    recording = from_mne(raw, MAPPING)
    raw._data[0, 100] = 0.125
    assert recording.signal is not None
    assert recording.signal[100:101][0, 0] == 0.125


def test_the_clock_of_a_cropped_raw_starts_with_its_first_sample() -> None:
    recording = from_mne(watched().crop(2.0), MAPPING)
    np.testing.assert_allclose(recording.events.onset, ONSETS[2:] - 2.0, atol=1e-9)
    expected = b2m.responses_of(of_arrays(), 0.1, 0.4).values[2:]
    np.testing.assert_allclose(b2m.responses_of(recording, 0.1, 0.4).values, expected, atol=1e-10)


def cut(raw: Any, **options: Any) -> Any:
    events = np.column_stack([np.round(ONSETS * RATE), np.zeros(16), IDS]).astype(int)
    return mne.Epochs(
        raw, events, tmin=-0.2, tmax=0.6, baseline=None, preload=True, verbose="error", **options
    )


def test_epochs_have_the_responses_of_the_arrays_that_they_were_cut_from() -> None:
    raw = watched()
    raw.info["bads"] = ["Oz"]
    found = responses_from_mne(cut(raw), 0.1, 0.4, 3, session="mine", subject="P7")
    expected = b2m.responses_of(of_arrays(3), 0.1, 0.4, 3)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-10)
    np.testing.assert_array_equal(found.ids, IDS)
    np.testing.assert_allclose(found.start, expected.start)
    assert (found.measure, found.subject, found.session) == ("potential [V]", "P7", "mine")


def test_what_was_seen_may_be_a_column_of_the_metadata() -> None:
    pandas = pytest.importorskip("pandas", reason="not installed")
    epochs = cut(watched(), metadata=pandas.DataFrame({"image": np.arange(16)}))
    np.testing.assert_array_equal(responses_from_mne(epochs, ids="image").ids, np.arange(16))
    with pytest.raises(ValueError, match="expected a column 'picture', came image"):
        responses_from_mne(epochs, ids="picture")


def test_dropped_epochs_are_no_rows() -> None:
    epochs = cut(watched())
    epochs.drop([0, 3], verbose="error")
    np.testing.assert_array_equal(responses_from_mne(epochs).ids, np.delete(IDS, [0, 3]))


def test_what_does_not_fit_is_refused_by_name() -> None:
    epochs = cut(watched())
    with pytest.raises(ValueError, match=r"from 0\.1 to 0\.9 s, came -0\.199\S* to 0\.60\S* s"):
        responses_from_mne(epochs, 0.1, 0.9)
    with pytest.raises(ValueError, match="a start before a stop"):
        responses_from_mne(epochs, 0.5, 0.1)
    with pytest.raises(ValueError, match=r"samples in 500 parts"):
        responses_from_mne(epochs, 0.1, 0.5, 500)
    with pytest.raises(ValueError, match="metadata with a column image, came none"):
        responses_from_mne(epochs, ids="image")
    with pytest.raises(TypeError, match=r"came EpochsFIF|came Epochs: responses_from_mne takes"):
        from_mne(epochs, MAPPING)
    with pytest.raises(TypeError, match=r"expected mne\.Epochs, came RawArray"):
        responses_from_mne(watched())
    with pytest.raises(ValueError, match="expected a mapping"):
        from_mne(watched(), [])
    mixed = raw_of(potentials(), ["eeg", "eeg", "mag", "mag"])
    with pytest.raises(ValueError, match="channels of one unit, came T, V"):
        responses_from_mne(cut(mixed))
    silent = raw_of(potentials(), ["misc"] * 4, NAMES)
    with pytest.raises(ValueError, match=r"expected channels of eeg.*came misc"):
        responses_from_mne(cut(silent))
