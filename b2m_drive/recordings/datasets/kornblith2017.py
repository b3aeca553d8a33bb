"""The data set ``kornblith2017``: human single units in a memory decision; read by a reader."""

from __future__ import annotations

from b2m_drive.recordings.datasets.data_set import DataSet

DATA_SET = DataSet(
    name="kornblith2017",
    title="Kornblith et al. 2017: human single units in a memory decision",
    task="3 or 4 pictures, a delay of 2.4 to 2.6 s, two probes of which one was shown; units in "
    "the medial temporal lobe",
    citation="Kornblith, Quian Quiroga, Koch, Fried & Mormann 2017, Current Biology 27:1026, doi "
    "10.1016/j.cub.2017.02.013",
    licence="ODbL 1.0: what you derive from the data and share, results included, goes under it",
    page="https://github.com/simonster/Kornblith-et-al-2017-Current-Biology",
    size="40 files",
    environment="B2M/MemoryDecision-v0",
)
