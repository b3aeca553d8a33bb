"""The data set ``dandi_000004``: human single units while pictures are learnt, then recognised.

Every presentation is an event, in both phases. One picture is judged at a time and a session holds
hundreds of them, so there are no trials with items, delay and probe; ``stim_phase`` and
``new_old_labels_recog``, which are kept beside the events, say what each one was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_drive.recordings.datasets.data_set import UNKNOWN_LICENCE, DataSet
from b2m_drive.recordings.mapping import (
    SPIKES_OF_UNITS,
    AboutMapping,
    ActivityMapping,
    EventMapping,
    RecordingMapping,
)
from b2m_drive.recordings.recording import Recording

CITATION = (
    "Chandravadia et al. 2020, A NWB-based dataset and processing pipeline of human single-neuron "
    "activity during a declarative memory task, Scientific Data 7"
)
PHASE, CATEGORY, NEW_OLD, ANSWER = (
    "stim_phase", "stimCategory", "new_old_labels_recog", "response_value",
)  # fmt: skip
LEARN, RECOGNISE = "learn", "recog"
OLD, NEW = "0", "1"
OLD_ANSWERS = (34, 35, 36)  # guess, probably, confident; 31 to 33 say new
_SECONDS_SHOWN = "1.0"  # as the markers on and off say; `stim_off_time` is when, not how long

DATA_SET = DataSet(
    name="dandi_000004",
    title="DANDI 000004: human single units during learning and recognition of pictures",
    task="new/old recognition: pictures of 5 categories are learnt, then old and new ones judged; "
    "1,863 units of 59 patients in the medial temporal lobe",
    citation=CITATION,
    licence=UNKNOWN_LICENCE,
    page="https://dandiarchive.org/dandiset/000004",
    size="6.2 GB, 87 files (version 0.220126.1852)",
    command=("pip install dandi", "dandi download DANDI:000004"),
    environment="B2M/ContextDecision-v0",
    columns=("stim_on_time", "stim_off_time", PHASE, CATEGORY, "external_image_file", NEW_OLD,
             ANSWER, "response_time"),
    values={PHASE: RECOGNISE},
    mapping=RecordingMapping(
        activity=ActivityMapping(signal=SPIKES_OF_UNITS),
        events=EventMapping(
            table="trials",
            onset="stim_on_time",
            stimulus="external_image_file",
            duration=_SECONDS_SHOWN,
            keep=(PHASE, CATEGORY, "category_name", NEW_OLD, ANSWER, "response_time"),
        ),
        about=AboutMapping(source=f"DANDI 000004, {CITATION}"),
    ),
    fields={
        "stim_on_time, stim_off_time": "when the picture came and went [s]",
        "delay1_time, delay2_time": "ends of both delays [s]",
        PHASE: "learn or recog",
        CATEGORY: "category of the picture, category_name in words",
        "external_image_file": "the picture",
        NEW_OLD: "0: old, 1: new, NA while learning",
        ANSWER: "20/21 yes/no while learning; 31-33 new, 34-36 old, outermost: confident",
        "response_time": "when the answer was given [s]",
    },
)  # fmt: skip


@dataclass(frozen=True)
class RecognitionTrials:
    """What was judged in the recognition phase, a row a picture; pictures are the events' ids.

    Args:
        event: Which event of the recording each is.
        picture: Its id.
        category: Of the picture, from 0.
        old: Whether it was learnt.
        answered_old: Whether the person said so.
        learnt: Ids of all pictures of the learning phase, in the order that they were shown.
        learnt_category: Of each of these.
        onset: When it was shown [s].
    """

    event: Int64[np.ndarray, " trial"]
    picture: Int64[np.ndarray, " trial"]
    category: Int64[np.ndarray, " trial"]
    old: Bool[np.ndarray, " trial"]
    answered_old: Bool[np.ndarray, " trial"]
    learnt: Int64[np.ndarray, " picture"]
    learnt_category: Int64[np.ndarray, " picture"]
    onset: Float64[np.ndarray, " trial"]

    def __len__(self) -> int:
        return len(self.event)


def recognition_trials(recording: Recording) -> RecognitionTrials:
    """What was judged old or new in a recording of this data set.

    Raises:
        ValueError: If the recording is of something else, or has no learning or no recognition.
    """
    columns = recording.events.columns
    missing = [name for name in (PHASE, CATEGORY, NEW_OLD, ANSWER) if name not in columns]
    if missing:
        raise ValueError(
            f"{recording.session}: expected a recording of DANDI 000004, came one without "
            f"{', '.join(missing)}"
        )
    phase = np.asarray(columns[PHASE]).astype(str)
    judged, shown = np.flatnonzero(phase == RECOGNISE), np.flatnonzero(phase == LEARN)
    if not len(judged) or not len(shown):
        raise ValueError(
            f"{recording.session}: expected both phases, came {len(shown)} pictures learnt and "
            f"{len(judged)} judged"
        )
    label = np.asarray(columns[NEW_OLD]).astype(str)[judged]
    if not np.isin(label, (OLD, NEW)).all():
        raise ValueError(
            f"{recording.session}: {NEW_OLD}: expected {OLD} (old) or {NEW} (new) while "
            f"recognising, came {sorted(set(label))[:5]}"
        )
    category = np.unique(np.asarray(columns[CATEGORY]).astype(np.int64), return_inverse=True)[1]
    answer = np.asarray(columns[ANSWER], dtype=np.float64)[judged]
    return RecognitionTrials(
        judged.astype(np.int64),
        recording.events.ids[judged],
        category[judged].astype(np.int64),
        label == OLD,
        np.isin(answer, OLD_ANSWERS),
        recording.events.ids[shown],
        category[shown].astype(np.int64),
        recording.events.onset[judged],
    )
