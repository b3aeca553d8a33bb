"""One simulated EEG of somebody who watches scenes, in three files: does each give one verdict?

The same recording is written as HDF5 (ours), as BrainVision (by pybv) and as XDF (by the writer of
our tests: no library writes XDF), with a marker ``frame/N`` at the onset of each frame; each file
then goes through ``b2m-drive compare driving``, and the tables of scores are compared.

    python scripts/eeg_formats.py --out runs/eeg-formats
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import b2m_drive as b2m
from b2m_agents.studies.driving.comparison import SimulatedViewer
from tests.shared.xdf_writing import Stream, write_xdf

RATE = 128.0  # [Hz] of the simulated amplifier
ABOUT = ("about.simulated=yes", "about.session=simulated-driver-eeg-ideal",
         "about.subject=simulated")  # fmt: skip
FRAMES = ("events.pattern=frame/([0-9]+)", "events.duration=next")
MAPPINGS = {
    "eeg.h5": (),
    "eeg.vhdr": (*ABOUT, *FRAMES, "events.table=annotations", "events.stimulus=description"),
    "eeg.xdf": (*ABOUT, *FRAMES, "events.table=frames", "events.stimulus=value",
                "activity.signal=amplifier", "activity.unit=V", "activity.scale=1e-6"),
}  # fmt: skip


def main() -> None:
    """Make scenes and files, compare each, and print the verdicts beside each other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/eeg-formats"))
    parser.add_argument("--frames", type=int, default=1200, help="of the scenes")
    parser.add_argument("--steps", type=int, default=100, help="of each student")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    scenes = given.out / "scenes.h5"
    if not scenes.is_file():
        run("collect", "highway_fast", "--frames", given.frames, "--vehicle-mask", "--out", scenes)
    write_all(given.out, scenes)
    tables = {}
    for name, mapping in MAPPINGS.items():
        folder = given.out / name.replace(".", "-")
        options = [part for entry in mapping for part in ("--mapping", entry)]
        run("compare", "driving", "--scenes", scenes, "--recording", given.out / name, *options,
            "--frames", given.frames // 2, "--no-curves", "--seeds", given.seeds,
            "--steps", given.steps, "--out", folder)  # fmt: skip
        tables[name] = (folder / "scores.csv").read_text().splitlines()
        print(f"== {name}", *(v.sentence for v in b2m.verdicts_of(b2m.read_run(folder))), sep="\n")
    for name, lines in tables.items():
        print(
            f"{name}: largest difference of a score to eeg.h5 {difference(lines, tables['eeg.h5'])}"
        )


def run(*arguments: object) -> None:
    """``b2m-drive`` with these arguments, its output shown."""
    command = [sys.executable, "-m", "b2m_agents", *map(str, arguments)]
    subprocess.run(command, check=True)


def write_all(folder: Path, scenes: Path) -> None:
    """The three files, from one simulated EEG."""
    import pybv

    watched = SimulatedViewer(preset="ideal", kind="eeg", seed=0)
    recording = watched.watch(b2m.SceneDataset(scenes))
    assert recording.time is not None
    b2m.write_scene_recording(folder / "eeg.h5", recording)
    potential = np.asarray(recording.signal, np.float64)
    names = [unit.name for unit in recording.units]
    onset, ids = recording.events.onset - recording.time[0], recording.events.ids
    markers = [
        {"onset": round(at * RATE), "duration": 1, "type": "Comment", "description": f"frame/{k}"}
        for at, k in zip(onset, ids, strict=True)
    ]
    pybv.write_brainvision(
        data=potential.T, sfreq=RATE, ch_names=names, fname_base="eeg", folder_out=str(folder),
        overwrite=True, fmt="binary_float32", resolution=1.0, events=markers,
    )  # fmt: skip
    clock = 1000.0 - recording.time[0]  # of the recorder [s]
    n = len(names)
    write_xdf(
        folder / "eeg.xdf",
        [
            Stream("amplifier", "EEG", RATE, recording.time + clock, potential * 1e6,
                   labels=names, units=["microvolts"] * n, kinds=["EEG"] * n),
            Stream("frames", "Markers", 0.0, recording.events.onset + clock,
                   np.array([[f"frame/{k}"] for k in ids], dtype=object)),
        ],
    )  # fmt: skip


def difference(lines: list[str], others: list[str]) -> float:
    """Largest difference of two tables of scores whose rows agree but for the value."""
    rows = [[line.split(",") for line in each[1:]] for each in (lines, others)]
    value = lines[0].split(",").index("value")
    assert [r[:value] for r in rows[0]] == [r[:value] for r in rows[1]]
    pairs = [(float(a[value]), float(b[value])) for a, b in zip(*rows, strict=True)]
    return max(abs(a - b) for a, b in pairs if np.isfinite([a, b]).all())


if __name__ == "__main__":
    main()
