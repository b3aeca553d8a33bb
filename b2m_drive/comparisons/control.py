"""A control, as data: what teaches in the brain's place, and what that would show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Bool, Float32, Int64

from b2m_drive.evidence.condition import check_name

Role = Literal["taught", "null", "probe"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class ControlInputs:
    """What a control may make its activity from: the rows that teach, and what was seen in them.

    The functions cost time, so they are called only by a control that needs them. Each raises
    ValueError where the student cannot say what is asked.
    """

    values: Float32[np.ndarray, "row time unit"]  # the brain's own responses
    present: Bool[np.ndarray, "row time"]  # whether a row has that time at all
    ids: Int64[np.ndarray, " row"]
    seen: Callable[[], Float32[np.ndarray, "row time feature"]]  # by the student, in those rows
    untrained: Callable[
        [], Float32[np.ndarray, "row time hidden"]
    ]  # of a student that never learnt
    labels: Callable[[], Float32[np.ndarray, "row time label"]]
    generator: np.random.Generator  # all randomness of the control


MakeActivity: TypeAlias = Callable[[ControlInputs], Float32[np.ndarray, "row time _"]]


@dataclass(frozen=True)
class Control:
    """The brain, a null or a probe: its name, what it would explain, and how it is made.

    Nulls decide: a gain is specific to the brain when it beats every one of them. Probes keep
    part of the brain's code by design, so they only describe.

    Args:
        name: In score tables and folders.
        role: ``"null"`` or ``"probe"``; ``"taught"`` is the brain itself.
        label: What a reader calls it.
        meaning: What it is, and what it would explain if it taught as well as the brain.
        colour: In every figure, as matplotlib reads it.
        line: Its line style in figures: a matplotlib name, or (offset, (on, off, ...)).
        make: From the brain's responses (and what the student saw) to the activity that teaches
            in their place; None: a control of the project's own, which its study knows how to
            make, or one without a teacher.
        needs: What it asks of a student besides: what it sees for given ids, or its labels. A
            student that cannot say is compared without the control, and the report says so.

    Raises:
        ValueError: If the role is unknown, or the name could not stand in a table.
    """

    name: str
    role: Role
    label: str
    meaning: str
    colour: str = "#888888"
    line: str | tuple[int, tuple[int | float, ...]] = "-"
    make: MakeActivity | None = None
    needs: Literal["", "seen", "labels"] = ""

    def __post_init__(self) -> None:
        check_name("name of a control", self.name)
        if self.role not in ROLES:
            raise ValueError(
                f"role of {self.name}: expected one of {', '.join(ROLES)}, came {self.role!r}"
            )

    def activity(self, inputs: ControlInputs) -> Float32[np.ndarray, "row time _"]:
        """The activity that teaches in the brain's place, checked.

        Raises:
            ValueError: If the function gives another number of rows or times, or values that are
                not finite.
        """
        assert self.make is not None
        made = np.asarray(self.make(inputs), dtype=np.float32)
        if made.ndim != 3 or made.shape[:2] != inputs.values.shape[:2] or not made.shape[2]:
            raise ValueError(
                f"control {self.name}: expected activity (row, time, unit) of "
                f"{inputs.values.shape[:2]} rows and times, came {made.shape}"
            )
        if not np.isfinite(made[inputs.present]).all():
            raise ValueError(f"control {self.name}: expected finite activity, came NaN or infinity")
        return made

    def describe(self) -> dict[str, Any]:
        """What a run keeps of it: everything but the function, which is named."""
        entries = {**asdict(self), "make": None}
        del entries["needs"]
        if self.make is not None:
            entries["make"] = getattr(self.make, "__qualname__", repr(self.make))
        return entries

    @classmethod
    def from_description(cls, entries: dict[str, Any]) -> Control:
        """A control as a finished run describes it: its words, not its function.

        Raises:
            ValueError: If an entry is missing or is not what it should be.
        """
        try:
            line = entries["line"]
            return cls(
                str(entries["name"]),
                entries["role"],
                str(entries["label"]),
                str(entries["meaning"]),
                str(entries["colour"]),
                line if isinstance(line, str) else (line[0], tuple(line[1])),
            )
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(
                f"controls: expected name, role, label, meaning, colour and line, came {entries!r}"
            ) from error


def without_repeats(controls: tuple[Control, ...]) -> tuple[Control, ...]:
    """The same controls.

    Raises:
        ValueError: If two have one name.
    """
    names = [control.name for control in controls]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"controls: expected each name once, came {', '.join(repeated)} twice")
    return controls


def require_functions(controls: tuple[Control, ...]) -> None:
    """Refuse a user's control that nobody can make.

    Raises:
        ValueError: If one has no function.
    """
    for control in controls:
        if control.make is None:
            raise ValueError(f"control {control.name}: expected a function to make it, came none")
