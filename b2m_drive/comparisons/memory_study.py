"""The controls of the memory study, and its words."""

from __future__ import annotations

from b2m_drive.comparisons.control import Control
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import BASELINES

_CONTROLS = (
    Control(
        "brain",
        "taught",
        "brain",
        "The student's hidden state is pulled towards the latents of the recorded neurons, trial "
        "by trial.",
        "#0072B2",
    ),
    Control(
        "alone",
        "null",
        "alone",
        "No teacher: the same network, seeds, generated trials and number of steps.",
        "#000000",
    ),
    Control(
        "alone_head",
        "null",
        "alone, head at weight 0",
        "No teacher, but the extra output that the taught students have, at weight 0: shows "
        "whether merely having it changes anything.",
        "#888888",
        (0, (4, 2)),
    ),
    Control(
        "alone_labelled",
        "null",
        "alone, same trials with decision labels",
        "No teacher, but the recorded trials themselves with their correct decisions: shows what "
        "the additional trials are worth without any brain.",
        "#888888",
        ":",
    ),
    Control(
        "shuffled",
        "null",
        "shuffled brain",
        "The brain's trials in random order before the latents are made: the same activity, no "
        "longer about the trial the student sees.",
        "#E69F00",
    ),
    Control(
        "untrained_network",
        "null",
        "untrained network",
        "The hidden state of a network that never learnt, on the very trials of the recording: "
        "any fixed nonlinear memory of the input.",
        "#009E73",
    ),
    Control(
        "random_projection",
        "null",
        "random projection of the input",
        "A random linear projection of what the student sees: the input again, without memory.",
        "#CC79A7",
    ),
    Control(
        "labels",
        "probe",
        "item labels",
        "Which item is shown, without noise: the most that a code for items could teach.",
        "#D55E00",
    ),
    Control(
        "labels_corrupted",
        "probe",
        "item labels, corrupted to the brain's rate",
        "The item labels, replaced at random until they say as much about the items as the brain "
        "does.",
        "#56B4E9",
    ),
    Control(
        "within_condition",
        "probe",
        "brain, shuffled within condition",
        "The brain's activity, exchanged among presentations of the same item and among trials "
        "that hold the same items: a brain that teaches more says more than the mean of each "
        "condition.",
        "#7B3294",
    ),
    Control(
        "time_shifted",
        "probe",
        "brain, shifted in time",
        "The brain's activity, moved in time within each phase of a trial: a brain that teaches "
        "more says when, not only what.",
        "#7B3294",
        (0, (4, 2)),
    ),
    Control(
        "phase_randomised",
        "probe",
        "brain, phases randomised",
        "The brain's activity with random phases over time, its spectrum and the covariance of "
        "its units kept: a brain that teaches more has dynamics beyond them.",
        "#A6761D",
    ),
    Control(
        "matched_covariance",
        "probe",
        "surrogate of matched covariance",
        "Gaussian noise with the brain's means and covariances over units and time, unrelated to "
        "the trial: what the statistics of activity alone teach.",
        "#A6761D",
        (0, (4, 2)),
    ),
    Control(
        "items_permuted",
        "probe",
        "brain, items permuted",
        "The student's items renamed, consistently, against the brain's: where stimuli have "
        "structure, a brain that teaches more has a geometry that fits it; with random codes it "
        "cannot.",
        "#E7298A",
        ":",
    ),
)

MEMORY = Study(
    name="memory",
    controls=_CONTROLS,
    curve="accuracy",
    curve_label="accuracy",
    curve_unit="share of trials",
    final_label="final accuracy",
    floor=0.5,
    floor_label="chance",
    sample_label="training trials (generated)",
    criteria=(0.8, 0.9, 0.95),
    samples="trials",
    criterion_words="{percent} accuracy",
)

NULL_TEACHERS = tuple(name for name in MEMORY.nulls if name not in BASELINES)
