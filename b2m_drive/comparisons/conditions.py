"""The conditions of a comparison: which decide, which describe, and what a reader calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ALONE = "alone"
ISOLATED = (ALONE, "alone_head", "alone_labelled")
BRAIN = "brain"
NULL_TEACHERS = ("shuffled", "untrained_network", "random_projection")
LABEL_PROBES = ("labels", "labels_corrupted")
ACTIVITY_PROBES = (  # the brain's own activity, part of what it says taken away
    "within_condition",
    "time_shifted",
    "phase_randomised",
    "matched_covariance",
    "items_permuted",
)
PROBE_TEACHERS = (*LABEL_PROBES, *ACTIVITY_PROBES)
CIRCULAR_SHIFT = "circular_shift"
_VARIED = "|"  # between a variation and the condition that it varies

NULLS = (*ISOLATED, *NULL_TEACHERS)  # they decide: a gain must beat every one of them
PROBES = PROBE_TEACHERS  # they keep part of the code by design, so they only describe

STRATEGIES = {
    "regression": "Brain Latent Transfer (BLT)",
    "contrastive": "Brain Contrastive Transfer (BCT)",
}
SHORT_STRATEGIES = {"regression": "BLT", "contrastive": "BCT"}
LATENTS = {
    "decoded": "decoded latents",
    "pca": "principal components",
    "factor_analysis": "factor analysis",
    "demixed": "demixed components",
}
PAIRINGS = {
    "recorded": "activity as recorded",
    "carried": "carried through the delay",
    "frame": "paired by frame",
}


@dataclass(frozen=True)
class Study:
    """What a study compares, and the words its reports use."""

    name: str
    nulls: tuple[str, ...]
    probes: tuple[str, ...]
    labels: Mapping[str, str]  # control -> what a reader calls it
    meanings: Mapping[str, str]  # control -> what it is and what it shows
    curve: str  # the metric whose rows over training are the learning curves
    curve_label: str
    curve_unit: str
    final_label: str
    floor: float  # of the curve: the score of one who knows nothing
    floor_label: str
    sample_label: str  # what the student learns from, for axes
    criteria: tuple[float, ...]  # scores whose first passing is timed
    samples: str  # what is counted until a criterion is passed
    learners: str = "students"  # who was taught, or learnt on what was

    def samples_to(self, criterion: float) -> str:
        """Words for the samples until a criterion is passed, as in *trials to 90 % accuracy*."""
        if self.curve == "accuracy":
            return f"{self.samples} to {criterion * 100:.0f} % accuracy"
        return f"{self.samples} to R² of {criterion:g}"


MEMORY = Study(
    name="memory",
    nulls=NULLS,
    probes=PROBES,
    labels={
        BRAIN: "brain",
        ALONE: "alone",
        "alone_head": "alone, head at weight 0",
        "alone_labelled": "alone, same trials with decision labels",
        "shuffled": "shuffled brain",
        "untrained_network": "untrained network",
        "random_projection": "random projection of the input",
        "labels": "item labels",
        "labels_corrupted": "item labels, corrupted to the brain's rate",
        "within_condition": "brain, shuffled within condition",
        "time_shifted": "brain, shifted in time",
        "phase_randomised": "brain, phases randomised",
        "matched_covariance": "surrogate of matched covariance",
        "items_permuted": "brain, items permuted",
    },
    meanings={
        BRAIN: "The student's hidden state is pulled towards the latents of the recorded neurons, "
        "trial by trial.",
        ALONE: "No teacher: the same network, seeds, generated trials and number of steps.",
        "alone_head": "No teacher, but the extra output that the taught students have, at weight "
        "0: shows whether merely having it changes anything.",
        "alone_labelled": "No teacher, but the recorded trials themselves with their correct "
        "decisions: shows what the additional trials are worth without any brain.",
        "shuffled": "The brain's trials in random order before the latents are made: the same "
        "activity, no longer about the trial the student sees.",
        "untrained_network": "The hidden state of a network that never learnt, on the very trials "
        "of the recording: any fixed nonlinear memory of the input.",
        "random_projection": "A random linear projection of what the student sees: the input "
        "again, without memory.",
        "labels": "Which item is shown, without noise: the most that a code for items could teach.",
        "labels_corrupted": "The item labels, replaced at random until they say as much about the "
        "items as the brain does.",
        "within_condition": "The brain's activity, exchanged among presentations of the same item "
        "and among trials that hold the same items: a brain that teaches more says more than the "
        "mean of each condition.",
        "time_shifted": "The brain's activity, moved in time within each phase of a trial: a brain "
        "that teaches more says when, not only what.",
        "phase_randomised": "The brain's activity with random phases over time, its spectrum and "
        "the covariance of its units kept: a brain that teaches more has dynamics beyond them.",
        "matched_covariance": "Gaussian noise with the brain's means and covariances over units "
        "and time, unrelated to the trial: what the statistics of activity alone teach.",
        "items_permuted": "The student's items renamed, consistently, against the brain's: where "
        "stimuli have structure, a brain that teaches more has a geometry that fits it; with "
        "random codes it cannot.",
    },
    curve="accuracy",
    curve_label="accuracy",
    curve_unit="share of trials",
    final_label="final accuracy",
    floor=0.5,
    floor_label="chance",
    sample_label="training trials (generated)",
    criteria=(0.80, 0.90, 0.95),
    samples="trials",
)

DRIVING = Study(
    name="driving",
    nulls=(*ISOLATED, "shuffled", CIRCULAR_SHIFT, "untrained_network", "random_projection"),
    probes=LABEL_PROBES,
    labels={
        BRAIN: "brain",
        ALONE: "alone",
        "alone_head": "alone, head at weight 0",
        "alone_labelled": "alone, same frames with the driver's actions",
        "shuffled": "shuffled brain",
        CIRCULAR_SHIFT: "circularly shifted brain",
        "untrained_network": "untrained network",
        "random_projection": "random projection of the pixels",
        "labels": "state labels",
        "labels_corrupted": "state labels, corrupted to the brain's rate",
    },
    meanings={
        BRAIN: "The encoder's latents are pulled towards the latents of the brain that watched "
        "the same frames, frame by frame.",
        ALONE: "No teacher: the same network, seeds, frames and number of steps.",
        "alone_head": "No teacher, but the extra output that the taught students have, at weight "
        "0: shows whether merely having it changes anything.",
        "alone_labelled": "No brain, but the extra output learns what the driver did in each "
        "frame: shows what the recorded behaviour is worth without any brain. A driver who acts "
        "at random can teach nothing here.",
        "shuffled": "The brain's responses given to other frames at random before the latents "
        "are made: the same activity, no longer about the frame.",
        CIRCULAR_SHIFT: "The brain's responses, moved along the drive by a long random lag: the "
        "same slow course of activity, no longer about the frame.",
        "untrained_network": "The latents of an encoder that never learnt: any fixed nonlinear "
        "function of the scene.",
        "random_projection": "A random linear projection of the frame's pixels: the input again.",
        "labels": "The state of the scene itself, without noise: the most that a code for it "
        "could teach.",
        "labels_corrupted": "The state of the scene with noise, until it says as much about each "
        "variable as the brain's latents do.",
    },
    curve="state_r2",
    curve_label="R² of the scene's state",
    curve_unit="share of variance",
    final_label="R² of the scene's state after training",
    floor=0.0,
    floor_label="nothing known",
    sample_label="training frames (with repetition)",
    criteria=(0.3, 0.4, 0.5),
    samples="frames",
)

STUDIES = {study.name: study for study in (MEMORY, DRIVING)}


@dataclass(frozen=True)
class Teaching:
    """How a recording teaches: by which strategy, from which latents, paired how."""

    strategy: str
    latents: str
    pairing: str

    def __post_init__(self) -> None:
        for name, value, known in (
            ("strategy", self.strategy, STRATEGIES),
            ("latents", self.latents, LATENTS),
            ("pairing", self.pairing, PAIRINGS),
        ):
            if value not in known:
                raise ValueError(f"{name}: expected one of {', '.join(known)}, came {value!r}")

    def condition(self, control: str) -> str:
        """Name in the score table of the brain or of a control beside it."""
        if control in ISOLATED:
            return control
        return f"{self.strategy}/{self.latents}/{self.pairing}/{control}"

    @property
    def label(self) -> str:
        """What a reader calls it."""
        return f"{STRATEGIES[self.strategy]}: {self.reading_label}"

    @property
    def reading_label(self) -> str:
        """Latents and pairing, in words."""
        return f"{LATENTS[self.latents]}, {PAIRINGS[self.pairing]}"

    @property
    def slug(self) -> str:
        """Name for files."""
        return f"{self.strategy}-{self.latents}-{self.pairing}"


@dataclass(frozen=True)
class Variation:
    """Students that differ from the comparison's own in one number, such as their frames."""

    axis: str
    value: float

    def condition(self, base: str) -> str:
        """Name in the score table of a condition under this variation."""
        return f"{self.axis}={self.value!r}{_VARIED}{base}"


def variation_of(condition: str) -> tuple[Variation | None, str]:
    """The variation in a condition's name, if any, and the condition without it."""
    if _VARIED not in condition:
        return None, condition
    prefix, base = condition.split(_VARIED, 1)
    axis, value = prefix.split("=", 1)
    return Variation(axis, float(value)), base


def control_of(condition: str) -> str:
    """The last part of a condition's name: its teacher, or the kind of isolated student."""
    return condition.rsplit("/", 1)[-1]


def label_of(condition: str, simulated: bool, study: Study = MEMORY) -> str:
    """What a reader calls a condition; a simulated brain is always called so."""
    control = control_of(condition)
    label = study.labels.get(control, control)
    return f"{label} (simulated)" if simulated and control == BRAIN else label


def condition_label(condition: str, study: Study, simulated: bool) -> str:
    """A condition in words, with its strategy."""
    label = label_of(condition, simulated, study)
    short = SHORT_STRATEGIES.get(condition.split("/")[0])
    return f"{short}: {label}" if short else label


def teaching_of(condition: str) -> Teaching | None:
    """The teaching in a condition's name; None for an isolated student."""
    parts = condition.split("/")
    return Teaching(*parts[:3]) if len(parts) == 4 else None
