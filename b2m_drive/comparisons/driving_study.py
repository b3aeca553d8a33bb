"""The controls of the driving study, and its words."""

from __future__ import annotations

from b2m_drive.comparisons.control import Control
from b2m_drive.comparisons.study import Study

CIRCULAR_SHIFT = "circular_shift"

_CONTROLS = (
    Control(
        "brain",
        "taught",
        "brain",
        "The encoder's latents are pulled towards the latents of the brain that watched the same "
        "frames, frame by frame.",
        "#0072B2",
    ),
    Control(
        "alone",
        "null",
        "alone",
        "No teacher: the same network, seeds, frames and number of steps.",
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
        "alone, same frames with the driver's actions",
        "No brain, but the extra output learns what the driver did in each frame: shows what the "
        "recorded behaviour is worth without any brain. A driver who acts at random can teach "
        "nothing here.",
        "#888888",
        ":",
    ),
    Control(
        "shuffled",
        "null",
        "shuffled brain",
        "The brain's responses given to other frames at random before the latents are made: the "
        "same activity, no longer about the frame.",
        "#E69F00",
    ),
    Control(
        "circular_shift",
        "null",
        "circularly shifted brain",
        "The brain's responses, moved along the drive by a long random lag: the same slow course "
        "of activity, no longer about the frame.",
        "#B8860B",
        (0, (5, 1.5)),
    ),
    Control(
        "untrained_network",
        "null",
        "untrained network",
        "The latents of an encoder that never learnt: any fixed nonlinear function of the scene.",
        "#009E73",
    ),
    Control(
        "random_projection",
        "null",
        "random projection of the pixels",
        "A random linear projection of the frame's pixels: the input again.",
        "#CC79A7",
    ),
    Control(
        "labels",
        "probe",
        "state labels",
        "The state of the scene itself, without noise: the most that a code for it could teach.",
        "#D55E00",
    ),
    Control(
        "labels_corrupted",
        "probe",
        "state labels, corrupted to the brain's rate",
        "The state of the scene with noise, until it says as much about each variable as the "
        "brain's latents do.",
        "#56B4E9",
    ),
)

DRIVING = Study(
    name="driving",
    controls=_CONTROLS,
    curve="state_r2",
    curve_label="R² of the scene's state",
    curve_unit="share of variance",
    final_label="R² of the scene's state after training",
    floor=0.0,
    floor_label="nothing known",
    sample_label="training frames (with repetition)",
    criteria=(0.3, 0.4, 0.5),
    samples="frames",
    criterion_words="R² of {value}",
)
