"""What a comparison compares, and the words that its reports use: kept in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from b2m_drive.comparisons.control import Control, without_repeats
from b2m_drive.evidence.condition import ALONE, BRAIN, SHORT_STRATEGIES, Condition

CONTROLS, WORDS = "controls", "words"  # entries of a run's configuration
LABEL_PROBES = ("labels", "labels_corrupted")  # probes that are no brain at all
_BESIDE = ("#888888", "-")  # colour and line of what a study does not know


@dataclass(frozen=True)
class Study:
    """The controls of a comparison, and what its reports call things.

    Raises:
        ValueError: If two controls have one name, or the brain is not among them.
    """

    name: str
    controls: tuple[Control, ...]  # the brain first, then the nulls and probes
    curve: str  # the metric whose rows over training are the learning curves
    curve_label: str
    curve_unit: str
    final_label: str
    floor: float  # of the curve: the score of one who knows nothing
    floor_label: str
    sample_label: str  # what the student learns from, for axes
    criteria: tuple[float, ...]  # scores whose first passing is timed
    samples: str  # what is counted until a criterion is passed
    criterion_words: str = ""  # with {value} or {percent} in it; empty: the curve's label
    learners: str = "students"  # who was taught, or learnt on what was

    def __post_init__(self) -> None:
        without_repeats(self.controls)
        if BRAIN not in self.labels:
            raise ValueError(f"controls: expected {BRAIN!r} among them, came {list(self.labels)}")

    @property
    def nulls(self) -> tuple[str, ...]:
        """Names of the controls that decide."""
        return tuple(each.name for each in self.controls if each.role == "null")

    @property
    def probes(self) -> tuple[str, ...]:
        """Names of the controls that only describe."""
        return tuple(each.name for each in self.controls if each.role == "probe")

    @property
    def labels(self) -> Mapping[str, str]:
        """What a reader calls each control, the brain included."""
        return {each.name: each.label for each in self.controls}

    @property
    def meanings(self) -> Mapping[str, str]:
        """What each control is and what it shows, the brain included."""
        return {each.name: each.meaning for each in self.controls}

    def style_of(self, control: str) -> tuple[str, Any]:
        """Colour and line style of a control in figures."""
        return next(
            ((each.colour, each.line) for each in self.controls if each.name == control), _BESIDE
        )

    def control(self, name: str) -> Control:
        """The control of this name.

        Raises:
            ValueError: If the study has none.
        """
        for each in self.controls:
            if each.name == name:
                return each
        raise ValueError(f"control: expected one of {', '.join(self.labels)}, came {name!r}")

    def of(self, chosen: Sequence[str]) -> Study:
        """The same study with some of its controls only, in their order: the brain and alone stay.

        Raises:
            ValueError: If it has none of a name.
        """
        kept = {BRAIN, ALONE, *(self.control(name).name for name in chosen)}
        return replace(self, controls=tuple(each for each in self.controls if each.name in kept))

    def beside(self, own: tuple[Control, ...]) -> Study:
        """The same study with further controls, such as a user's own."""
        return replace(self, controls=(*self.controls, *own)) if own else self

    def label_of(self, control: str, simulated: bool) -> str:
        """What a reader calls a control; a simulated brain is always called so."""
        label = self.labels.get(control, control)
        return f"{label} (simulated)" if simulated and control == BRAIN else label

    def long_label_of(self, condition: Condition, simulated: bool) -> str:
        """A condition in words, with its strategy."""
        label = self.label_of(condition.control, simulated)
        method = condition.method
        return f"{SHORT_STRATEGIES[method.strategy]}: {label}" if method else label

    def samples_to(self, criterion: float) -> str:
        """Words for the samples until a criterion is passed, as in *trials to 90 % accuracy*."""
        words = self.criterion_words or f"{self.curve_label} of {{value}}"
        passed = words.format(value=f"{criterion:g}", percent=f"{criterion * 100:.0f} %")
        return f"{self.samples} to {passed}"

    def describe(self) -> dict[str, Any]:
        """What a run keeps of its study: two entries of its configuration."""
        words = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name not in ("name", CONTROLS)
        }
        return {
            CONTROLS: [control.describe() for control in self.controls],
            WORDS: {name: list(v) if isinstance(v, tuple) else v for name, v in words.items()},
        }

    @classmethod
    def from_description(cls, name: str, config: Mapping[str, Any]) -> Study:
        """The study of a run, from those two entries.

        Raises:
            ValueError: If one is missing or is not what it should be.
        """
        controls, words = config.get(CONTROLS), config.get(WORDS)
        if not isinstance(controls, list) or not isinstance(words, dict):
            raise ValueError(f"expected the entries {CONTROLS} (a list) and {WORDS}, found others")
        own = tuple(Control.from_description(each) for each in controls)
        try:
            return cls(name, own, **{**words, "criteria": tuple(words["criteria"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"{WORDS}: expected the words of a study, came {error}") from error


def summary_label(summary: str, study: Study) -> str:
    """What a reader calls a summary of a study's learning curve."""
    return study.final_label if summary == "final" else "area under the learning curve"
