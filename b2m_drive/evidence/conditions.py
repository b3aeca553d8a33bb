"""The conditions of a comparison: which decide, which describe, and what a reader calls them."""

from __future__ import annotations

from dataclasses import dataclass

ALONE = "alone"
ISOLATED = (ALONE, "alone_head", "alone_labelled")
BRAIN = "brain"
NULL_TEACHERS = ("shuffled", "untrained_network", "random_projection")
PROBE_TEACHERS = ("labels", "labels_corrupted")

NULLS = (*ISOLATED, *NULL_TEACHERS)  # they decide: a gain must beat every one of them
PROBES = PROBE_TEACHERS  # they keep part of the code by design, so they only describe

STRATEGIES = {
    "regression": "Brain Latent Transfer (BLT)",
    "contrastive": "Brain Contrastive Transfer (BCT)",
}
LATENTS = {"decoded": "decoded latents", "pca": "principal components"}
PAIRINGS = {"recorded": "activity as recorded", "carried": "carried through the delay"}

LABELS = {
    BRAIN: "brain",
    ALONE: "alone",
    "alone_head": "alone, head at weight 0",
    "alone_labelled": "alone, same trials with decision labels",
    "shuffled": "shuffled brain",
    "untrained_network": "untrained network",
    "random_projection": "random projection of the input",
    "labels": "item labels",
    "labels_corrupted": "item labels, corrupted to the brain's rate",
}

MEANINGS = {
    BRAIN: "The student's hidden state is pulled towards the latents of the recorded neurons, "
    "trial by trial.",
    ALONE: "No teacher: the same network, seeds, generated trials and number of steps.",
    "alone_head": "No teacher, but the extra output that the taught students have, at weight 0: "
    "shows whether merely having it changes anything.",
    "alone_labelled": "No teacher, but the recorded trials themselves with their correct "
    "decisions: shows what the additional trials are worth without any brain.",
    "shuffled": "The brain's trials in random order before the latents are made: the same "
    "activity, no longer about the trial the student sees.",
    "untrained_network": "The hidden state of a network that never learnt, on the very trials of "
    "the recording: any fixed nonlinear memory of the input.",
    "random_projection": "A random linear projection of what the student sees: the input again, "
    "without memory.",
    "labels": "Which item is shown, without noise: the most that a code for items could teach.",
    "labels_corrupted": "The item labels, replaced at random until they say as much about the "
    "items as the brain does.",
}


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


def control_of(condition: str) -> str:
    """The last part of a condition's name: its teacher, or the kind of isolated student."""
    return condition.rsplit("/", 1)[-1]


def label_of(condition: str, simulated: bool) -> str:
    """What a reader calls a condition; a simulated brain is always called so."""
    control = control_of(condition)
    label = LABELS.get(control, control)
    return f"{label} (simulated)" if simulated and control == BRAIN else label
