"""Time a large NWB file and a large FIF: opened, inspected and cut into responses, by the part.

    python scripts/benchmark.py recordings
    python scripts/benchmark_recordings.py FOLDER --gigabytes 5

Both are made first, in parts, and deleted at the end: 128 channels of noise at 2 kHz, with 200
events in two conditions. Every step runs in a process of its own and reports its seconds, imports
included, those of the processor (which matter on a machine that is busy with other work) and its
largest resident memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

N_CHANNELS, RATE = 128, 2000.0  # [Hz]
N_EVENTS = 200
CONVERSION = 2e-7  # [V] of a stored step of the NWB file
BLOCK_SECONDS = 20
NWB, FIF = "large.nwb", "large_raw.fif"
STEPS = ("open", "inspect", "cut", "cut filtered", "cut as proposed")
MOST = 1000  # [MB] that no step may take


def main(folder: Path, gigabytes: float) -> None:
    """Make both files, print a line a step, delete the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (NWB, FIF):
        try:
            run("make", folder / name, gigabytes)
            for step in STEPS:
                run(step, folder / name, gigabytes)
        finally:
            for path in folder.glob(f"{Path(name).stem}*"):
                path.unlink()


def run(step: str, path: Path, gigabytes: float) -> None:
    """A step in a process of its own, and the line on it."""
    command = [sys.executable, __file__, str(path), "--gigabytes", str(gigabytes), "--step", step]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"recordings: {path.name}, {step}: {done.stderr.strip().splitlines()[-1]}")
        return
    found = json.loads(done.stdout.splitlines()[-1])
    fits = "" if found["megabytes"] <= MOST or step == "make" else f", OVER {MOST} MB"
    print(
        f"recordings: {path.name}, {step}: {found['seconds']:.1f} s ({found['busy']:.1f} s of the "
        f"processor), {found['megabytes']:.0f} MB{fits}; {found['what']}",
        flush=True,
    )


def in_this_process(step: str, path: Path, gigabytes: float) -> None:
    """Do a step, and print what it took as JSON."""
    started = time.perf_counter()
    if step == "make":
        what = (make_nwb if path.suffix == ".nwb" else make_fif)(path, gigabytes)
    else:
        what = taken(step, path)
    found = {"seconds": time.perf_counter() - started, "busy": time.process_time()}
    print(json.dumps({**found, "megabytes": largest_memory(), "what": what}))


def taken(step: str, path: Path) -> str:
    """What was found or cut, in words."""
    from dataclasses import replace

    from b2m_drive.recordings.mapping import Preprocessing
    from b2m_drive.recordings.proposal import proposed_mapping
    from b2m_drive.recordings.readers.table import open_contents, read_recording
    from b2m_drive.recordings.responses import responses_of

    if step == "open":
        signal = open_contents(path).signals[0]
        return f"{signal.shape} at {signal.rate:g} Hz"
    contents = open_contents(path)
    mapping = proposed_mapping(contents).mapping
    if step == "inspect":
        tables = ", ".join(f"{table.name} of {len(table)}" for table in contents.tables)
        return f"tables: {tables}; proposes {mapping.preprocessing.low_pass:g} Hz low-pass"
    steps = {
        "cut": Preprocessing(),
        "cut filtered": Preprocessing(high_pass=1.0, low_pass=150.0, resample=500.0),
        "cut as proposed": mapping.preprocessing,
    }
    recording = read_recording(path, replace(mapping, preprocessing=steps[step]))
    responses = responses_of(recording, 0.1, 0.5, 4)
    return f"responses {responses.values.shape} [{responses.measure}]"


def make_nwb(path: Path, gigabytes: float) -> str:
    """Write the head by pynwb, then append blocks of stored numbers."""
    import warnings
    from datetime import UTC, datetime

    import h5py
    from hdmf.backends.hdf5 import H5DataIO
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.ecephys import LFP, ElectricalSeries

    n_samples = int(gigabytes * 1e9 / N_CHANNELS / 2)
    block = noise("int16")
    nwb = NWBFile(
        session_description="noise", identifier="large",
        session_start_time=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    group = nwb.create_electrode_group("grid", "a grid", "unknown", nwb.create_device("amplifier"))
    for _ in range(N_CHANNELS):
        nwb.add_electrode(location="hippocampus", group=group)
    stored = H5DataIO(block, maxshape=(None, N_CHANNELS), chunks=(4096, N_CHANNELS))
    region = nwb.create_electrode_table_region(list(range(N_CHANNELS)), "all")
    series = ElectricalSeries("lfp", stored, region, rate=RATE, conversion=CONVERSION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nwb.create_processing_module("ecephys", "LFP").add(LFP(electrical_series=series))
        nwb.add_trial_column("condition", "of two")
        for k, onset in enumerate(onsets(n_samples)):
            nwb.add_trial(start_time=onset, stop_time=onset + 0.5, condition="AB"[k % 2])
        with NWBHDF5IO(str(path), "w") as io:
            io.write(nwb)
    with h5py.File(path, "r+") as file:
        data = file["processing/ecephys/LFP/lfp/data"]
        while len(data) < n_samples:
            start = len(data)
            data.resize(min(start + len(block), n_samples), axis=0)
            data[start:] = block[: len(data) - start]
    return f"{path.stat().st_size / 1e9:.2f} GB, {n_samples / RATE:.0f} s"


def make_fif(path: Path, gigabytes: float) -> str:
    """Write a short recording by MNE, then that many times in a row; MNE splits at 2 GB."""
    import mne

    n_samples = int(gigabytes * 1e9 / N_CHANNELS / 4)
    info = mne.create_info([f"c{k}" for k in range(N_CHANNELS)], RATE, "seeg")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        short = Path(folder) / "short_raw.fif"
        mne.io.RawArray(noise("float64").T * CONVERSION, info, verbose="error").save(
            short, verbose="error"
        )
        raw = mne.io.read_raw_fif(short, verbose="error")
        times = max(round(n_samples / raw.n_times), 1)
        whole = mne.concatenate_raws([raw.copy() for _ in range(times)], verbose="error")
        labels = [f"condition/{'AB'[k % 2]}" for k in range(N_EVENTS)]
        whole.set_annotations(mne.Annotations(onsets(whole.n_times), 0.5, labels))
        whole.save(path, overwrite=True, verbose="error")
    parts = list(path.parent.glob(f"{path.stem}*"))
    size = sum(part.stat().st_size for part in parts) / 1e9
    return f"{size:.2f} GB in {len(parts)} files, {times * BLOCK_SECONDS} s"


def noise(dtype: str):  # type: ignore[no-untyped-def]
    """Numbers of a block (sample, channel), as an amplifier stores them."""
    import numpy as np

    values = np.random.default_rng(0).normal(
        scale=200, size=(int(BLOCK_SECONDS * RATE), N_CHANNELS)
    )
    return np.round(values).astype(dtype)


def onsets(n_samples: int):  # type: ignore[no-untyped-def]
    """When events begin [s], all over the recording."""
    import numpy as np

    return np.linspace(1.0, n_samples / RATE - 2.0, N_EVENTS)


def largest_memory() -> float:
    """Largest resident memory of this process so far [MB].

    Linux counts what the parent had into ``ru_maxrss``, so its own account is read where it is.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where both files are made")
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        in_this_process(given.step, given.folder, given.gigabytes)
    else:
        main(given.folder, given.gigabytes)
