"""Print how fast real drivers answer a lane perturbation, from BIDS event logs.

    python scripts/reaction_times.py FOLDER

FOLDER holds the ``*_events.tsv`` of OpenNeuro ds004120 (BCIT Baseline Driving, CC0). The quantiles
printed are the table of `b2m_drive.recordings.reaction_times`, by which the simulated EEG answers.
"""

from __future__ import annotations

import argparse

from b2m_drive.recordings.reaction_times import PROBABILITIES, read_reaction_times


def main() -> None:
    """Read the folder named on the command line and print its quantiles."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="FOLDER", help="of BIDS event files, *_events.tsv")
    folder = parser.parse_args().folder
    try:
        times = read_reaction_times(folder)
    except ValueError as error:
        parser.error(str(error))
    print(
        f"{times.n_runs} runs, {times.n_perturbations:,} perturbations, "
        f"{len(times.seconds):,} corrected"
    )
    for probability, quantile in zip(PROBABILITIES, times.quantiles(), strict=True):
        print(f"{probability:5.0%}  {quantile:.2f} s")


if __name__ == "__main__":
    main()
