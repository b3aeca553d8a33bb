"""Run the driving comparison on frames that no student sees twice, and score it on the way.

    b2m-drive collect highway_fast --frames 405000 --vehicle-mask --height 48 --width 36 --view-length 48 --seed 7 --out scenes.h5
    python scripts/driving_fresh_frames.py scenes.h5 run --steps 20000
    python scripts/driving_convergence.py run

As many frames teach as steps of a batch take (20,000 steps of 16: 320,000), and each once. So long a
recording fills the memory at 25 samples a second; the simulated brain is recorded at 10 here, and its
responses are read from .1 s after a frame on, which is its median delay. Alone, brain, shuffled
brain and labels of the state; a run that was killed goes on.
"""  # noqa: E501 - commands to be copied

from __future__ import annotations

import argparse
from pathlib import Path

from b2m_agents.studies.driving.comparison import DrivingComparison, SimulatedViewer
from b2m_agents.studies.driving.plan import DrivingStudySettings
from b2m_drive.students.scenes import SceneDataset

BATCH = 16  # frames a step
SAMPLING_RATE, DELAY = 10.0, 0.1  # [Hz], [s]
SCORED_AT = (100, 200, 500, 1000, 2000, 3500, 5000, 7500, 10_000, 15_000)  # and at the end


def main() -> None:
    """Train and score every student."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes", type=Path, help="file of collect --vehicle-mask")
    parser.add_argument("out", type=Path, help="folder of the run")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    comparison(asked.scenes, asked.steps, asked.seeds).run(asked.out, n_workers=asked.workers)


def comparison(scenes: Path, steps: int, seeds: int) -> DrivingComparison:
    """Of an ideal brain that watched all the scenes."""
    dataset = SceneDataset(scenes)
    settings = DrivingStudySettings(
        seeds=tuple(range(seeds)),
        n_steps=steps,
        batch_size=BATCH,
        n_frames=steps * BATCH,
        frames_curve=(),
        signal_curve=(),
        delay=DELAY,
        evaluate_at=(*(each for each in SCORED_AT if each < steps), steps),
        chosen_controls=("shuffled", "labels"),
    )
    viewer = SimulatedViewer("ideal")
    recording = viewer.brain.record(
        dataset.state,
        dataset.header.state_names,
        dataset.time,
        dataset.episode_of_frame,
        viewer.seed,
        SAMPLING_RATE,
    )
    return DrivingComparison(scenes, settings, viewer, recording)


if __name__ == "__main__":
    main()
