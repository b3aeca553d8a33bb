"""The data set ``dandi_000673``: human single units and field potentials in a Sternberg task."""

from __future__ import annotations

from functools import partial

from b2m_drive.recordings.datasets.dandi_000469 import (
    FIELDS,
    POSITIONS,
    compared_probes,
    sternberg_mapping,
)
from b2m_drive.recordings.datasets.data_set import UNKNOWN_LICENCE, DataSet

CITATION = (
    "Daume et al. 2024, Control of working memory maintenance by theta-gamma phase amplitude "
    "coupling of human hippocampal neurons"
)
_ENCODING, _PROBE = "PicIDs_Encoding{}", "PicIDs_Probe"

DATA_SET = DataSet(
    name="dandi_000673",
    title="DANDI 000673: human single units during a Sternberg working memory task",
    task="Sternberg task, pictures, delay 2.5 s; units in the medial temporal and frontal lobe",
    citation=CITATION,
    licence=UNKNOWN_LICENCE,
    page="https://dandiarchive.org/dandiset/000673",
    command=("pip install dandi", "dandi download DANDI:000673"),
    environment="B2M/Sternberg-v0",
    columns=(
        "response_accuracy", "timestamps_Maintenance", "timestamps_Probe",
        *(f"timestamps_Encoding{k}" for k in POSITIONS),
        *(_ENCODING.format(k) for k in POSITIONS),
        _PROBE,
    ),
    mapping=sternberg_mapping(_ENCODING, _PROBE, f"DANDI 000673, {CITATION}", ""),
    fields={**FIELDS, "PicIDs_Encoding1..3": "picture at each position", _PROBE: "the probe"},
    check=partial(compared_probes, encoding=_ENCODING, probe=_PROBE),
)  # fmt: skip
