from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.readers.kornblith import read_kornblith
from tests.shared.places import DATA

SESSION = DATA / "kornblith2017" / "399e11sb-2007-7-21_16-34-42.h5"
needs_data = pytest.mark.skipif(
    not SESSION.is_file(), reason=f"no recordings in {DATA}: b2m-drive fetch, then set B2M_DATA"
)

TRIAL_FIELDS = (
    "correct", "isi", "probe1", "probe2", "stimuli", "onsets", "offsets", "maint", "probes",
)  # fmt: skip
Change = Callable[[h5py.File], None]


def write_session(path: Path, change: Change | None = None) -> Path:
    """Three trials of three items; channel 1 has a single unit and an artefact, 2 a multi-unit."""
    vlen = h5py.vlen_dtype(np.float64)
    text = h5py.string_dtype()
    onset = np.array([[10.0, 10.7, 11.4], [20.0, 20.7, 21.4], [30.0, 30.7, 31.4]])
    with h5py.File(path, "w") as file:
        spikes = {1: [[9.95, 10.0, 10.05, 10.75, 20.3], [1.0, 2.0]], 2: [[12.35, 14.85, 31.0]]}
        kinds = {1: ["SU", "A"], 2: ["MU"]}
        for channel, times in spikes.items():
            data = file.create_dataset(f"channels/ch{channel}_spike_times", (len(times),), vlen)
            for index, each in enumerate(times):
                data[index] = np.array(each)
            file.create_dataset(f"channels/ch{channel}_unit_types", data=kinds[channel], dtype=text)
        file.create_dataset("sites", data=["LA", "RAH"], dtype=text)
        trials = file.create_group("trials")
        trials["stimuli"] = np.array([[1, 2, 3], [2, 3, 4], [4, 5, 1]])
        trials["probe1"] = np.array([1, 5, 5])
        trials["probe2"] = np.array([4, 3, 2])
        trials["correct"] = np.array([1, 1, 0], np.int8)
        trials["isi"] = np.full(3, 0.5)
        trials["onsets"], trials["offsets"] = onset, onset + 0.2
        trials["maint"], trials["probes"] = onset[:, -1] + 0.9, onset[:, -1] + 3.4
        if change is not None:
            change(file)
    return path


def replacing(name: str, value: object) -> Change:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


def removing(name: str) -> Change:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


def putting(name: str, value: object) -> Change:
    def change(file: h5py.File) -> None:
        file[name][0] = value

    return change


def without_trials(file: h5py.File) -> None:
    for name in list(file["trials"]):
        replacing(f"trials/{name}", file["trials"][name][:0])(file)


def test_spikes_are_counted_in_the_bins_of_their_own_events(tmp_path) -> None:
    recording = in_trials(read_kornblith(write_session(tmp_path / "123x.h5")))
    assert recording.values.shape == (2, 8 + 3 * 9 + 24 + 10, 2)
    first = recording.values[0, :, 0]
    counted = [
        (recording.windows[k].period, round(float(recording.start[k]), 1), first[k])
        for k in np.flatnonzero(first)
    ]
    # 9.95 s: before the first item at 10 s. 10.00 and 10.05 share a bin. 10.75 s follows item 1
    # by .75 s and item 2 by .05 s: it counts for both.
    assert counted == [("fixation", -0.1, 1), ("item1", 0.0, 2), ("item1", 0.7, 1), ("item2", 0, 1)]
    second_unit = recording.values[0, :, 1]
    periods = [recording.windows[k].period for k in np.flatnonzero(second_unit)]
    assert periods == ["maintenance", "probe"]  # 12.35 and 14.85 s


def test_what_is_left_out_is_counted_and_trial_ids_stay(tmp_path) -> None:
    path = write_session(tmp_path / "123x.h5")
    recording = read_kornblith(path)
    assert recording.subject == "123"
    assert [unit.name for unit in recording.units] == ["ch1_1", "ch2_1"]
    assert [unit.region for unit in recording.units] == ["LA", "RAH"]
    assert "1 artefact units left out" in recording.notes
    assert "1 error trials left out of 3" in recording.notes
    assert recording.trials.trial_id.tolist() == [0, 1]
    assert recording.trials.stimulus.tolist() == [[0, 1, 2], [1, 2, 3]]
    assert recording.trials.target_side.tolist() == [0, 1]
    assert recording.trials.n_stimuli == 5
    with_errors = read_kornblith(path, include_errors=True)
    assert with_errors.trials is not None
    assert len(with_errors.trials) == 3
    assert recording.events.ids.tolist() == [0, 1, 2, 1, 2, 3]
    assert recording.events.columns["trial"].tolist() == [0, 0, 0, 1, 1, 1]
    assert recording.events.columns["position"].tolist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_allclose(recording.events.onset[:3], [10.0, 10.7, 11.4])
    np.testing.assert_allclose(recording.events.duration, 0.2)


def test_a_spike_or_two_do_not_tell_how_long_was_recorded(tmp_path) -> None:
    def one_spike(file: h5py.File) -> None:
        file["channels/ch1_spike_times"][0] = np.array([20.3])
        file["channels/ch1_spike_times"][1] = np.zeros(0)
        file["channels/ch2_spike_times"][0] = np.zeros(0)

    found = read_kornblith(write_session(tmp_path / "123x.h5", one_spike))
    assert found.recorded is None
    assert in_trials(found).values.sum() == 1  # 20.3 s: in item 1


def test_units_are_chosen_by_kind_region_and_rate(tmp_path) -> None:
    path = write_session(tmp_path / "123x.h5")
    assert [u.kind for u in read_kornblith(path, unit_kinds=["MU"]).units] == ["MU"]
    assert [u.region for u in read_kornblith(path, regions=["AH"]).units] == ["RAH"]
    assert [u.region for u in read_kornblith(path, regions=["LA"]).units] == ["LA"]
    # The file's spikes span 1 to 31 s: 5 spikes in 30 s are 0.167 Hz, 3 are 0.1 Hz.
    assert [u.name for u in read_kornblith(path, min_rate=0.11).units] == ["ch1_1"]
    assert "1 further units left out by kind, region or rate" in (
        read_kornblith(path, min_rate=0.11).notes
    )


def test_a_short_burst_does_not_make_a_high_mean_rate(tmp_path) -> None:
    def burst(file: h5py.File) -> None:
        file["channels/ch2_spike_times"][0] = np.array([20.0, 20.002])

    path = write_session(tmp_path / "123x.h5", burst)
    assert [u.name for u in read_kornblith(path, min_rate=0.15).units] == ["ch1_1"]


def test_a_nan_in_an_error_trial_matters_only_where_error_trials_are_kept(tmp_path) -> None:
    broken = replacing("trials/probes", np.array([14.8, 24.8, np.nan]))
    path = write_session(tmp_path / "123x.h5", broken)
    assert len(read_kornblith(path).trials) == 2
    with_errors = read_kornblith(path, include_errors=True)
    assert with_errors.trials.trial_id.tolist() == [0, 1]
    assert any(
        "trials/probes" in note and "in 1 of 3 trials (2) (left out)" in note
        for note in with_errors.notes
    )


def test_trials_beyond_the_recorded_spikes_are_counted(tmp_path) -> None:
    path = write_session(tmp_path / "123x.h5")  # the third, an error, ends after the last spike
    note = "1 trials kept that reach outside the recorded spikes"
    assert note not in read_kornblith(path).notes
    assert note in read_kornblith(path, include_errors=True).notes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (removing("sites"), "expected a field sites, found none"),
        *[
            (removing(f"trials/{name}"), f"a field trials/{name}, found none")
            for name in TRIAL_FIELDS
        ],
        (removing("channels"), "a group 'channels'"),
        (removing("trials"), "a group 'trials'"),
        (removing("channels/ch1_unit_types"), "channels/ch1_unit_types, found none"),
        (replacing("channels", np.zeros(3)), "a group 'channels'"),
        (replacing("sites", 3), "sites: expected an array"),
        (replacing("sites", np.array([b"LA"])), "ch2: expected one unit type a unit and a site"),
        (replacing("trials/isi", np.full(2, 0.5)), "equal length"),
        (
            replacing("trials/maint", np.array([12.0, np.nan, 30.0])),
            r"maint: .* NaN or infinity in 1 of 2 trials \(1\)",
        ),
        (replacing("trials/stimuli", np.zeros((3, 3), int)), "indices from 1, came 0"),
        (replacing("trials/probe1", np.array([1, 9, 5])), "up to 5, the highest .* came 9"),
        (replacing("trials/probe1", np.array([1, 2, 5])), r"both or none in 1 of 2 trials \(1\)"),
        (replacing("trials/offsets", np.zeros((3, 3))), "each item to end after .* in 2 of 2"),
        (replacing("trials/onsets", np.zeros((3, 2))), r"trials/onsets: expected \(trial, item\)"),
        (replacing("trials/probe2", np.ones((3, 1), int)), r"trials/probe2: expected \(trial,\)"),
        (replacing("trials/isi", np.array([b"a", b"b", b"c"])), "isi: expected numbers"),
        (replacing("trials/correct", np.array([1, np.nan, 0])), "correct: expected 0 or 1"),
        (replacing("trials/stimuli", np.ones((3, 3))), r"indices from 1, came 1\.0 \(float64\)"),
        (putting("channels/ch2_spike_times", np.array([1.0, np.nan])), "ch2_1: .* came NaN"),
        (putting("channels/ch2_spike_times", np.array([2.0, 1.0])), "ch2_1: expected ascending"),
        (putting("channels/ch2_unit_types", "Q"), "unit type of ch2_1: .* came b'Q'"),
        (without_trials, "expected at least 2 trials, came 0"),
        (replacing("trials/correct", np.zeros(3, np.int8)), "answered correctly, came none of 3"),
    ],
)
def test_a_broken_session_is_refused_by_field(tmp_path, change: Change, message: str) -> None:
    path = write_session(tmp_path / "123x.h5", change)
    with pytest.raises(ValueError, match=message) as caught:
        read_kornblith(path)
    assert "123x.h5" in str(caught.value)


def test_files_that_are_no_sessions_are_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.h5"):
        read_kornblith(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not a recording")
    with pytest.raises(ValueError, match=r"not HDF5|not cut short"):
        read_kornblith(tmp_path / "text.h5")
    with pytest.raises(ValueError, match="came a folder"):
        read_kornblith(tmp_path)
    whole = write_session(tmp_path / "123x.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"not HDF5|not cut short"):
        read_kornblith(tmp_path / "cut.h5")


def test_a_selection_that_leaves_nothing_says_what_there_is(tmp_path) -> None:
    path = write_session(tmp_path / "123x.h5")
    with pytest.raises(ValueError, match=r"at least 50.0 Hz, came none .*'SU': 1"):
        read_kornblith(path, min_rate=50.0)
    with pytest.raises(ValueError, match=r"has \['LA', 'RAH'\].*came \['EC'\]"):
        read_kornblith(path, regions=["EC"])
    with pytest.raises(ValueError, match=r"unit_kinds: expected .* came \['A'\]"):
        read_kornblith(path, unit_kinds=["A"])
    with pytest.raises(ValueError, match=r"unit_kinds: expected .* came \[\]"):
        read_kornblith(path, unit_kinds=[])
    with pytest.raises(ValueError, match=r"min_rate: expected 0 Hz or more, came -1"):
        read_kornblith(path, min_rate=-1.0)


@needs_data
def test_the_best_real_session_reads_as_published() -> None:
    recording = read_kornblith(SESSION)
    kinds = [unit.kind for unit in recording.units]
    assert (kinds.count("SU"), kinds.count("MU")) == (36, 32)
    assert "2 artefact units left out" in recording.notes
    assert "33 error trials left out of 216" in recording.notes
    assert (recording.trials.n_items, recording.trials.n_stimuli) == (3, 9)
    delay = recording.trials.probe_onset - recording.trials.maintenance_onset
    assert delay.min() > 2.3
    assert delay.max() < 2.7


@needs_data
@pytest.mark.slow
def test_every_real_session_reads() -> None:
    paths = sorted(SESSION.parent.glob("*.h5"))
    assert len(paths) >= 28
    for path in paths:
        recording = read_kornblith(path, include_errors=True)
        assert recording.subject == path.name[:3]
        assert (recording.trials.n_items, recording.trials.n_stimuli) in {(3, 9), (4, 8)}
        assert "" not in {unit.region for unit in recording.units}
        assert not [note for note in recording.notes if "outside" in note]
