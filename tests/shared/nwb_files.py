"""Small NWB files as laboratories and the DANDI archive have them, written by pynwb."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.ecephys import LFP, ElectricalSeries
from pynwb.file import Subject
from pynwb.misc import AnnotationSeries

P = ParamSpec("P")
STARTED = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
REGIONS = ("hippocampus_left", "amygdala_right", "pre_supplementary_motor_area_left")
RATE = 500.0  # [Hz] of the LFP
CONVERSION, OFFSET = 2e-7, 1e-6
CHANNEL_CONVERSION = (1.0, 2.0, 0.5)


def quietly(made: Callable[P, Path]) -> Callable[P, Path]:
    """The same without pynwb's warnings of what newer schemas would rather have."""

    @wraps(made)
    def quiet(*given: P.args, **named: P.kwargs) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return made(*given, **named)

    return quiet


def nwb_file(identifier: str = "P1", **about: Any) -> NWBFile:
    """An empty file of one patient, with three electrodes."""
    nwb = NWBFile(
        session_description="a test",
        identifier=identifier,
        session_start_time=STARTED,
        session_id=f"{identifier}-1",
        experiment_description=about.pop("experiment_description", "made for tests"),
        subject=Subject(subject_id="7", species="Homo sapiens", sex="U", age="P40Y"),
        **about,
    )
    device = nwb.create_device("amplifier")
    for row, region in enumerate(REGIONS):
        group = nwb.create_electrode_group(f"wire{row}", "a wire", region, device)
        nwb.add_electrode(location=region, group=group)
    return nwb


def add_units(nwb: NWBFile, spikes: list[np.ndarray], *, quality: bool = False) -> None:
    """Units, the k-th on electrode k modulo 3."""
    if quality:
        nwb.add_unit_column("quality", "of the sorting")
    for k, times in enumerate(spikes):
        own = {"quality": ("good", "mua")[k % 2]} if quality else {}
        nwb.add_unit(spike_times=times, electrodes=[k % len(REGIONS)], **own)


def write(nwb: NWBFile, path: Path) -> Path:
    """The file as pynwb writes it."""
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    return path


def lfp_values(n_samples: int = 3000) -> np.ndarray:
    """Stored numbers of the LFP (sample, channel)."""
    values = np.random.default_rng(0).normal(scale=200, size=(n_samples, len(REGIONS)))
    return np.asarray(values, np.int16)


@quietly
def write_laboratory(path: Path) -> Path:
    """Units, LFP, trials, a series at moments, annotations, and what no reader can show."""
    generator = np.random.default_rng(1)
    nwb = nwb_file("lab", related_publications=["doi:10.1000/x"])
    add_units(nwb, [np.sort(generator.uniform(0, 6, n)) for n in (40, 0, 25)], quality=True)
    electrodes = nwb.create_electrode_table_region([0, 1, 2], "all")
    series = ElectricalSeries(
        name="wires",
        data=lfp_values(),
        electrodes=electrodes,
        rate=RATE,
        starting_time=0.5,
        conversion=CONVERSION,
        offset=OFFSET,
        channel_conversion=CHANNEL_CONVERSION,
    )
    module = nwb.create_processing_module("ecephys", "filtered")
    module.add(LFP(electrical_series=series))
    nwb.add_acquisition(_eye_positions())
    nwb.add_acquisition(
        AnnotationSeries(
            name="events", data=["55", "1", "2", "66"], timestamps=[0.2, 1.0, 2.0, 5.5]
        )
    )
    nwb.add_acquisition(
        TimeSeries(name="codes", data=[4, 9, 4], unit="code", timestamps=[0.25, 1.75, 5.0])
    )
    nwb.add_acquisition(TimeSeries(name="video", data=np.zeros((5, 4, 3)), unit="pixel", rate=1.0))
    _add_trials(nwb)
    return write(nwb, path)


def _eye_positions() -> TimeSeries:
    """Sampled at 100 Hz, with a second lost in the middle."""
    times = np.concatenate([np.arange(0, 2, 0.01), np.arange(3, 5, 0.01)])
    values = np.random.default_rng(2).normal(size=(len(times), 2))
    return TimeSeries(name="eye", data=values, unit="degrees", timestamps=times)


def _add_trials(nwb: NWBFile) -> None:
    nwb.add_trial_column("picture", "what was shown")
    nwb.add_trial_column("answer", "0 or 1")
    nwb.add_trial_column("licks", "at any times", index=True)
    for k in range(5):
        nwb.add_trial(
            start_time=0.5 + k, stop_time=0.75 + k, picture=f"p{k % 2}", answer=k % 2,
            licks=[0.1] * k,
        )  # fmt: skip


def sternberg_columns(n_trials: int = 24, seed: int = 3) -> dict[str, np.ndarray]:
    """Trials with the fields of DANDI 000469: pictures from 1, 0 where a load has none."""
    generator = np.random.default_rng(seed)
    load = generator.integers(1, 4, n_trials)
    start = 2.0 + 10.0 * np.arange(n_trials)
    items = np.zeros((n_trials, 3), int)
    probe = np.zeros(n_trials, int)
    inside = np.arange(n_trials) % 2
    for k in range(n_trials):
        shown = generator.permutation(5)[: load[k]] + 1
        items[k, : load[k]] = shown
        others = np.setdiff1d(np.arange(1, 6), shown)
        probe[k] = generator.choice(shown if inside[k] else others)
    onset = start[:, None] + 1.0 + np.arange(3) * 1.2
    maintenance = start + 1.0 + load * 1.2
    return {
        "start": start, "load": load, "items": items, "probe": probe, "inside": inside,
        "onset": np.where(items > 0, onset, 0.0), "maintenance": maintenance,
        "probe_onset": maintenance + 2.5, "response": maintenance + 3.4,
        "correct": (generator.random(n_trials) < 0.9).astype(int),
    }  # fmt: skip


@quietly
def write_sternberg(path: Path, columns: dict[str, np.ndarray], *, newer: bool = False) -> Path:
    """A session as DANDI 000469 has it, or (newer) 000673."""
    nwb = nwb_file("SB1", experiment_description="Sternberg task")
    end = columns["response"][-1] + 3
    generator = np.random.default_rng(4)
    nwb.add_unit_column("clusterID_orig", "of the sorting")
    for k in range(4):
        times = np.sort(generator.uniform(0, end, int(end * (k + 1))))
        nwb.add_unit(spike_times=times, electrodes=[k % len(REGIONS)], clusterID_orig=100 + k)
    encoding = "PicIDs_Encoding{}" if newer else "loadsEnc{}_PicIDs"
    own = {"PicIDs_Probe" if newer else "loadsProbe_PicIDs": columns["probe"]}
    own |= {encoding.format(k + 1): columns["items"][:, k] for k in range(3)}
    own |= {f"timestamps_Encoding{k + 1}": columns["onset"][:, k] for k in range(3)}
    own |= {
        "loads": columns["load"], "probe_in_out": columns["inside"],
        "response_accuracy": columns["correct"],
        "timestamps_FixationCross": columns["start"],
        "timestamps_Maintenance": columns["maintenance"],
        "timestamps_Probe": columns["probe_onset"], "timestamps_Response": columns["response"],
    }  # fmt: skip
    for name in own:
        nwb.add_trial_column(name, name)
    for k, start in enumerate(columns["start"]):
        row = {name: values[k] for name, values in own.items()}
        nwb.add_trial(start_time=start, stop_time=columns["response"][k], **row)
    return write(nwb, path)


def recognition_columns(n_pictures: int = 20) -> dict[str, Any]:
    """Trials with the fields of DANDI 000004: pictures learnt, then half of them and new ones."""
    generator = np.random.default_rng(5)
    categories = ["houses", "mobility", "phones", "smallAnimal", "landscapes"]
    learnt = np.arange(n_pictures)
    asked = np.concatenate([learnt[::2], n_pictures + learnt[: n_pictures // 2]])
    asked = generator.permutation(asked)
    shown = np.concatenate([learnt, asked])
    n_learnt, n_all = len(learnt), len(shown)
    on = 5.0 + 4.0 * np.arange(n_all) + np.where(np.arange(n_all) < n_learnt, 0.0, 60.0)
    new = np.where(asked >= n_pictures, "1", "0")
    said_new = generator.integers(31, 37, len(asked))
    return {
        "picture": shown, "on": on,
        "phase": ["learn"] * n_learnt + ["recog"] * len(asked),
        "category": shown % 5 + 1, "category_name": [categories[k % 5] for k in shown],
        "new": ["NA"] * n_learnt + list(new),
        "response": np.concatenate([20 + learnt % 2, said_new]),
    }  # fmt: skip


@quietly
def write_recognition(path: Path, columns: dict[str, Any]) -> Path:
    """A session as DANDI 000004 has it."""
    nwb = nwb_file("P9HMH", experiment_description="new/old recognition")
    on = columns["on"]
    generator = np.random.default_rng(6)
    add_units(nwb, [np.sort(generator.uniform(0, on[-1] + 9, 400 * (k + 1))) for k in range(3)])
    names = ("stim_on_time", "stim_off_time", "delay1_time", "delay2_time", "stim_phase",
             "stimCategory", "category_name", "external_image_file", "new_old_labels_recog",
             "response_value", "response_time")  # fmt: skip
    for name in names:
        nwb.add_trial_column(name, name)
    for k, start in enumerate(on):
        row = (
            start, start + 1.0, start + 1.5, start + 2.5, columns["phase"][k],
            columns["category"][k], columns["category_name"][k],
            f"C:\\pics\\{columns['category_name'][k]}\\{columns['picture'][k]}.jpg",
            columns["new"][k], columns["response"][k], start + 2.0,
        )  # fmt: skip
        own = dict(zip(names, row, strict=True))
        nwb.add_trial(start_time=start - 1.0, stop_time=start + 2.5, **own)
    events = [x for start in on for x in (start, start + 1.0)]
    nwb.add_acquisition(
        AnnotationSeries(name="events", data=["1", "2"] * len(on), timestamps=events)
    )
    return write(nwb, path)
