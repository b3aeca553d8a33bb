"""The data set ``dandi_000469``: human single units in a Sternberg task, loads of 1 to 3."""

from __future__ import annotations

from functools import partial

import numpy as np

from b2m_drive.recordings.contents import Contents
from b2m_drive.recordings.datasets.data_set import DataSet
from b2m_drive.recordings.mapping import (
    SPIKES_OF_UNITS,
    AboutMapping,
    ActivityMapping,
    RecordingMapping,
    TrialMapping,
)

CITATION = "Kyzar et al. 2024, Scientific Data 11:89, doi 10.1038/s41597-024-02943-8"
LICENCE = "CC BY 4.0"
POSITIONS = (1, 2, 3)
NO_PICTURE = ("0", "", "n/a", "nan", "NA")  # of the positions that a load leaves empty
FIELDS = {
    "loads": "items of the trial, 1 to 3",
    "timestamps_FixationCross": "fixation [s]",
    "timestamps_Encoding1..3": "onset of each item [s]",
    "timestamps_Maintenance": "onset of the delay [s], which lasts 2.5 s",
    "timestamps_Probe": "onset of the probe [s]",
    "timestamps_Response": "when the answer was given [s]",
    "probe_in_out": "1: the probe was among the items",
    "response_accuracy": "1: answered correctly",
}


def sternberg_mapping(
    encoding: str, probe: str, source: str, licence: str, positions: tuple[int, ...] = POSITIONS
) -> RecordingMapping:
    """The trials of a file of this task: one row a trial, three positions for items.

    Args:
        encoding: Column of the picture at a position, with ``{}`` for it.
        probe: Column of the picture that was the probe.
        source: Whom to cite.
        licence: Of the data.
        positions: Of items.
    """
    return RecordingMapping(
        activity=ActivityMapping(signal=SPIKES_OF_UNITS),
        trials=TrialMapping(
            table="trials",
            task="sternberg",
            items=tuple(f"timestamps_Encoding{k}" for k in positions),
            stimuli=tuple(encoding.format(k) for k in positions),
            maintenance="timestamps_Maintenance",
            probe="timestamps_Probe",
            probe_left=probe,
            correct="response_accuracy",
            no_item=NO_PICTURE,
        ),
        about=AboutMapping(source=source, licence=licence),
    )


def compared_probes(
    contents: Contents, encoding: str, probe: str, positions: tuple[int, ...] = POSITIONS
) -> tuple[str, ...]:
    """A note where ``probe_in_out`` and the pictures themselves disagree on some trials.

    What students are taught follows from the pictures.

    Raises:
        ValueError: If they disagree on most: then the columns are not what they are taken for.
    """
    table = contents.table("trials")
    if "probe_in_out" not in table.columns or not len(table):
        return ()
    shown = np.stack([table.labels(encoding.format(k)) for k in positions], axis=1)
    inside = (shown == table.labels(probe)[:, None]).any(axis=1)
    differ = int((inside != (table.labels("probe_in_out") == "1")).sum())
    if differ > len(table) / 2:
        raise ValueError(
            f"{contents.path}: table trials: expected probe_in_out 1 where {probe} is one of the "
            f"items, came another value in {differ} of {len(table)} trials"
        )
    return (f"probe_in_out contradicts the pictures in {differ} trials",) if differ else ()


_ENCODING, _PROBE = "loadsEnc{}_PicIDs", "loadsProbe_PicIDs"
DATA_SET = DataSet(
    name="dandi_000469",
    title="DANDI 000469: human single units during a Sternberg working memory task",
    task="Sternberg task, loads of 1 to 3 pictures, delay 2.5 s; 902 units of 21 patients in the "
    "medial temporal and frontal lobe (its other sessions are a screening task)",
    citation=CITATION,
    licence=LICENCE,
    page="https://dandiarchive.org/dandiset/000469",
    size="9.8 GB, 41 files (version 0.240123.1806)",
    command=("pip install dandi", "dandi download DANDI:000469"),
    environment="B2M/Sternberg-v0",
    columns=(
        "loads", "probe_in_out", "response_accuracy", "timestamps_Maintenance", "timestamps_Probe",
        *(f"timestamps_Encoding{k}" for k in POSITIONS),
        *(_ENCODING.format(k) for k in POSITIONS),
        _PROBE,
    ),
    mapping=sternberg_mapping(_ENCODING, _PROBE, f"DANDI 000469, {CITATION}", LICENCE),
    fields={**FIELDS, "loadsEnc1..3_PicIDs": "picture at each position", _PROBE: "the probe"},
    check=partial(compared_probes, encoding=_ENCODING, probe=_PROBE),
)  # fmt: skip
