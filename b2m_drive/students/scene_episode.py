"""One episode of driving scenes, and what is said about all episodes of a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from b2m_drive.files.json_files import parse_json
from b2m_drive.files.refusals import naming

ActionKind = Literal["discrete", "continuous"]
_ENTRIES: dict[str, tuple[type | tuple[type, ...], str]] = {  # of a header as JSON
    "scenario": (str, "text"),
    "settings": (dict, "an object"),
    "policy": (str, "text"),
    "seed": (int, "a whole number"),
    "state_names": (list, "a list"),
    "state_units": (list, "a list"),
    "action_kind": (str, "text"),
    "step_seconds": ((int, float), "a number"),
    "versions": (dict, "an object"),
    "note": (str, "text"),
}
ACTION_KINDS: tuple[ActionKind, ...] = ("discrete", "continuous")


@dataclass(frozen=True)
class SceneHeader:
    """Where the scenes of a file come from, and what their numbers mean.

    Raises:
        ValueError: If names and units differ in number, the kind of action is unknown, the step
            is not positive, or the settings or versions cannot be written as JSON.
    """

    scenario: str
    settings: dict[str, Any]  # of the environment, as JSON can hold them
    policy: str  # who drove
    seed: int  # of the whole collection; each episode has its own
    state_names: tuple[str, ...]
    state_units: tuple[str, ...]
    action_kind: ActionKind
    step_seconds: float  # [s] between two frames
    versions: dict[str, str] = field(default_factory=dict)  # of the packages that made it
    note: str = ""  # such as that the scenes are simulated, and by what

    def __post_init__(self) -> None:
        if len(self.state_names) != len(self.state_units):
            raise ValueError(
                f"state_units: expected {len(self.state_names)}, one a name of {self.state_names}, "
                f"came {self.state_units}"
            )
        if self.action_kind not in ACTION_KINDS:
            raise ValueError(
                f"action_kind: expected one of {ACTION_KINDS}, came {self.action_kind!r}"
            )
        if not self.step_seconds > 0:
            raise ValueError(f"step_seconds: expected more than 0 s, came {self.step_seconds}")
        try:
            self.to_json()
        except (TypeError, ValueError) as error:
            raise ValueError(f"header: expected what JSON can hold, came {error}") from error

    def to_json(self) -> str:
        """The header as text; equal headers give equal text."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, origin: str) -> SceneHeader:
        """Read what `to_json` wrote.

        Args:
            text: JSON.
            origin: The file it comes from, for the message of an error.

        Raises:
            ValueError: If it is not the JSON of a header.
        """
        entries = parse_json(text, origin, "a header")
        known = {each.name for each in fields(cls)}
        if set(entries) != known:
            raise ValueError(
                f"{origin}: expected a header of {sorted(known)}, came {sorted(entries)}"
            )
        for name, (kind, word) in _ENTRIES.items():
            if not isinstance(entries[name], kind) or isinstance(entries[name], bool):
                raise ValueError(f"{origin}: {name}: expected {word}, came {entries[name]!r}")
        for name in ("state_names", "state_units"):
            if not all(isinstance(each, str) for each in entries[name]):
                raise ValueError(f"{origin}: {name}: expected texts, came {entries[name]!r}")
            entries[name] = tuple(entries[name])
        with naming(Path(origin), "a header"):
            return cls(**entries)

    def check_equal(self, other: SceneHeader, origin: str) -> None:
        """Raise ValueError naming the first field in which another file's header differs.

        The versions that made it, and with them the note that tells of them, are for
        `b2m_drive.files.provenance` to compare.
        """
        own = ("versions",) if self.versions == other.versions else ("versions", "note")
        mine, theirs = (
            _by_path({k: v for k, v in json.loads(each.to_json()).items() if k not in own})
            for each in (self, other)
        )
        for name in (*mine, *(each for each in theirs if each not in mine)):
            expected, came = (
                repr(each[name]) if name in each else "none" for each in (mine, theirs)
            )
            if expected != came:
                raise ValueError(f"{origin}: {name}: expected {expected}, came {came}")


@dataclass(frozen=True)
class SceneEpisode:
    """One episode: a frame and a state before every step and after the last one.

    Raises:
        ValueError: If the arrays disagree in length or size, or are of another type.
    """

    frames: UInt8[np.ndarray, "frame height width channel"]  # frame = step + 1
    state: Float32[np.ndarray, "frame variable"]  # NaN where a variable has no meaning
    action: Int64[np.ndarray, " step"] | Float32[np.ndarray, "step dimension"]
    reward: Float64[np.ndarray, " step"]
    terminated: bool
    truncated: bool
    seed: int  # that the environment was reset with
    vehicle_mask: Bool[np.ndarray, "frame height width"] | None = None  # pixels of other vehicles

    def __post_init__(self) -> None:
        if self.frames.dtype != np.uint8 or self.frames.ndim != 4 or 0 in self.frames.shape:
            raise ValueError(
                "frames of an episode: expected uint8 (frame, height, width, channel), none of "
                f"them 0, came {self.frames.dtype} {self.frames.shape}"
            )
        n_frames = len(self.frames)
        for name, n_rows in (
            ("state", n_frames),
            ("action", n_frames - 1),
            ("reward", n_frames - 1),
        ):
            came = getattr(self, name).shape
            if came[:1] != (n_rows,):
                raise ValueError(
                    f"{name} of an episode: expected {n_rows} rows beside {n_frames} frames, "
                    f"came shape {came}"
                )
        self._check_types()
        self._check_mask()

    @property
    def n_steps(self) -> int:
        """Steps driven: one less than there are frames."""
        return len(self.frames) - 1

    def check_against(self, header: SceneHeader, frame_shape: tuple[int, ...] | None) -> None:
        """Raise ValueError where the episode is not of this header, or of other frames."""
        if self.state.ndim != 2 or self.state.shape[1] != len(header.state_names):
            raise ValueError(
                f"state: expected {len(header.state_names)} variables, {header.state_names}, "
                f"came shape {self.state.shape}"
            )
        if (self.action.ndim == 1) != (header.action_kind == "discrete"):
            raise ValueError(
                f"action: expected {header.action_kind} ones, came shape {self.action.shape}"
            )
        if frame_shape is not None and self.frames.shape[1:] != frame_shape:
            raise ValueError(
                f"frames: expected (height, width, channel) {frame_shape} as in the other "
                f"episodes, came {self.frames.shape[1:]}"
            )

    def _check_types(self) -> None:
        discrete = self.action.ndim == 1
        for name, expected in (
            ("state", np.float32),
            ("action", np.int64 if discrete else np.float32),
            ("reward", np.float64),
        ):
            came = getattr(self, name).dtype
            if came != expected:
                raise ValueError(
                    f"{name} of an episode: expected {np.dtype(expected)}, came {came}"
                )

    def _check_mask(self) -> None:
        mask = self.vehicle_mask
        if mask is not None and (mask.dtype != np.bool_ or mask.shape != self.frames.shape[:3]):
            raise ValueError(
                f"vehicle_mask of an episode: expected bool {self.frames.shape[:3]}, "
                f"came {mask.dtype} {mask.shape}"
            )


def _by_path(entries: dict[str, Any], before: str = "") -> dict[str, Any]:
    """All values of nested entries, named as `settings.colour`."""
    found: dict[str, Any] = {}
    for name, value in entries.items():
        inside = isinstance(value, dict)
        found |= _by_path(value, f"{before}{name}.") if inside else {before + name: value}
    return found
