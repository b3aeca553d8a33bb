"""What one student of a comparison was taught: the condition that its scores stand under.

A condition is a control (the brain itself among them), the way in which that control taught, and
perhaps one number in which the student differs from the others. Its text form, as score tables
hold it, is written by `Condition.__str__` and read by `Condition.parse`, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from b2m_drive.files.names import safe_name

BRAIN = "brain"
ALONE = "alone"
ALONE_HEAD = "alone_head"
ALONE_LABELLED = "alone_labelled"
BASELINES = (ALONE, ALONE_HEAD, ALONE_LABELLED)  # controls that have no teacher

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
    "id": "paired by id",
}
_VARIED, _PART = "|", "/"  # between a variation and what it varies; between the parts of a method


@dataclass(frozen=True)
class TransferMethod:
    """How activity becomes a target: by which strategy, from which latents, paired how.

    Raises:
        ValueError: If the strategy is unknown, or a name holds a character that separates the
            parts of a condition's text form.
    """

    strategy: str  # of `STRATEGIES`
    latents: str  # a latent method's name; `LATENTS` says what a reader calls ours
    pairing: str  # how rows of activity and of the student's batch find each other

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(
                f"strategy: expected one of {', '.join(STRATEGIES)}, came {self.strategy!r}"
            )
        for name in ("latents", "pairing"):
            check_name(name, getattr(self, name))

    def condition(self, control: str) -> Condition:
        """The brain, or a control beside it; a baseline has no method."""
        return Condition(control, None if control in BASELINES else self)

    @property
    def label(self) -> str:
        """What a reader calls the method."""
        return f"{STRATEGIES[self.strategy]}: {self.readout_label}"

    @property
    def readout_label(self) -> str:
        """Latents and pairing, in words."""
        latents = LATENTS.get(self.latents, self.latents.replace("_", " "))
        return f"{latents}, {PAIRINGS.get(self.pairing, self.pairing.replace('_', ' '))}"

    @property
    def slug(self) -> str:
        """Name for files."""
        return f"{self.strategy}-{self.latents}-{self.pairing}"


@dataclass(frozen=True)
class Variation:
    """Students that differ from the comparison's own in one number, such as their frames."""

    axis: str
    value: float

    def __str__(self) -> str:
        return f"{self.axis}={self.value!r}"


@dataclass(frozen=True)
class Condition:
    """One row of a comparison: a control, the method by which it teaches, and a variation."""

    control: str
    method: TransferMethod | None = None  # None: nothing teaches
    variation: Variation | None = None

    def __post_init__(self) -> None:
        check_name("control", self.control)

    def __str__(self) -> str:
        """The text form: ``axis=value|strategy/latents/pairing/control``."""
        method = self.method
        parts = (method.strategy, method.latents, method.pairing) if method else ()
        text = _PART.join((*parts, self.control))
        return f"{self.variation}{_VARIED}{text}" if self.variation else text

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read the text form.

        Raises:
            ValueError: If it is none.
        """
        return _parse(text)

    @property
    def unvaried(self) -> Condition:
        """The condition among the comparison's own students."""
        return Condition(self.control, self.method)

    def varied(self, variation: Variation | None) -> Condition:
        """The same condition under a variation."""
        return Condition(self.control, self.method, variation)

    @property
    def slug(self) -> str:
        """Name for files and folders."""
        return safe_name(str(self))


def check_name(what: str, name: str) -> None:
    """Refuse a name that a condition's text form could not hold.

    Raises:
        ValueError: If the name is empty or holds a separator.
    """
    if not name or set(name) & {_VARIED, _PART, ",", "\n"}:
        raise ValueError(
            f"{what}: expected a name without {_VARIED!r}, {_PART!r}, commas or line breaks, "
            f"came {name!r}"
        )


@lru_cache(maxsize=4096)
def _parse(text: str) -> Condition:
    prefix, _, rest = text.rpartition(_VARIED)
    parts = rest.split(_PART)
    if len(parts) not in (1, 4):
        raise ValueError(
            "condition: expected a control or strategy/latents/pairing/control, perhaps after "
            f"axis=value|, came {text!r}"
        )
    method = TransferMethod(*parts[:3]) if len(parts) == 4 else None
    return Condition(parts[-1], method, _variation(text, prefix) if _VARIED in text else None)


def _variation(text: str, prefix: str) -> Variation:
    axis, _, value = prefix.partition("=")
    try:
        return Variation(axis, float(value))
    except ValueError as error:
        raise ValueError(f"condition: expected axis=value before '|', came {text!r}") from error
