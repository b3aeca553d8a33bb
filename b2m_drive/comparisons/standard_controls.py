"""The controls of a comparison of anyone's student: each a function of the brain's responses."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from b2m_drive.comparisons.control import Control, ControlInputs
from b2m_drive.evidence.condition import ALONE, ALONE_HEAD, BRAIN
from b2m_drive.teachers.derangement import shuffled_within
from b2m_drive.teachers.frame_decoding import decoding_r2
from b2m_drive.teachers.scene_controls import corrupt_labels

_SHORTEST_SHIFT = 0.1  # of all rows


def shuffled_rows(inputs: ControlInputs) -> Float32[np.ndarray, "row time unit"]:
    """Each row's responses given to another row that has the same times, before any fit."""
    _, pattern = np.unique(inputs.present, axis=0, return_inverse=True)
    group = pattern.ravel().astype(np.int64)
    order = shuffled_within(group, inputs.generator)
    return np.asarray(inputs.values[order])


def circularly_shifted(inputs: ControlInputs) -> Float32[np.ndarray, "row time unit"]:
    """The responses moved along the session by a long random lag, in the order of presentation."""
    n = len(inputs.values)
    least = max(1, round(_SHORTEST_SHIFT * n))
    lag = int(inputs.generator.integers(least, max(n - least, least) + 1))
    return np.roll(inputs.values, lag, axis=0)


def untrained_activity(inputs: ControlInputs) -> Float32[np.ndarray, "row time hidden"]:
    """The taught layer of a network that never learnt."""
    return inputs.untrained()


def projected_input(inputs: ControlInputs) -> Float32[np.ndarray, "row time unit"]:
    """A fixed random linear projection of what the student sees, as wide as the brain."""
    seen = inputs.seen()
    projection = inputs.generator.normal(size=(seen.shape[-1], inputs.values.shape[-1]))
    return (seen @ projection).astype(np.float32)


def clean_labels(inputs: ControlInputs) -> Float32[np.ndarray, "row time label"]:
    """The labels themselves."""
    return inputs.labels()


def corrupted_labels(inputs: ControlInputs) -> Float32[np.ndarray, "row time label"]:
    """The labels with noise, until they say as much of each as the brain's responses do."""
    labels = inputs.labels()[:, 0]
    brain = inputs.values.reshape(len(labels), -1)
    told = decoding_r2(brain, labels, inputs.ids)
    corrupted = corrupt_labels(labels, told, inputs.generator)
    return np.repeat(corrupted[:, None], inputs.values.shape[1], axis=1)  # at every time the same


BRAIN_CONTROL = Control(
    BRAIN,
    "taught",
    "brain",
    "The layer is pulled towards the latents of the brain's responses, row by row.",
    "#0072B2",
)
NULLS = (
    Control(
        ALONE,
        "null",
        "alone",
        "No teacher: the same network, seeds, samples and number of steps.",
        "#000000",
    ),
    Control(
        ALONE_HEAD,
        "null",
        "alone, head at weight 0",
        "No teacher, but the extra output that the taught students have, at weight 0: shows "
        "whether merely having it changes anything.",
        "#888888",
        (0, (4, 2)),
    ),
    Control(
        "shuffled",
        "null",
        "shuffled brain",
        "The brain's responses in random order before the latents are made: the same activity, no "
        "longer about what the student sees.",
        "#E69F00",
        make=shuffled_rows,
    ),
    Control(
        "circular_shift",
        "null",
        "circularly shifted brain",
        "The brain's responses, moved along the session by a long random lag: the same slow "
        "course of activity, no longer about what the student sees.",
        "#B8860B",
        (0, (5, 1.5)),
        circularly_shifted,
    ),
    Control(
        "untrained_network",
        "null",
        "untrained network",
        "The taught layer of a network that never learnt: any fixed nonlinear function of what "
        "was seen.",
        "#009E73",
        make=untrained_activity,
        needs="seen",
    ),
    Control(
        "random_projection",
        "null",
        "random projection of the input",
        "A random linear projection of what the student sees: the input again.",
        "#CC79A7",
        make=projected_input,
        needs="seen",
    ),
)
PROBES = (
    Control(
        "labels",
        "probe",
        "labels",
        "The student's own labels, without noise: the most that a code for them could teach.",
        "#D55E00",
        make=clean_labels,
        needs="labels",
    ),
    Control(
        "labels_corrupted",
        "probe",
        "labels, corrupted to the brain's rate",
        "The labels with noise, until they say as much as the brain's responses do.",
        "#56B4E9",
        make=corrupted_labels,
        needs="labels",
    ),
)
