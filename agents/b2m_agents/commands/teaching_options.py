"""Options of ``train-agent`` for a brain that teaches the agent's own encoder while it drives."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import (
    brain_option,
    brain_seed_option,
    delay_option,
    given,
    kind_option,
    refuse_beside_recording,
    refuse_options,
    refuse_without_recording,
    signal_option,
)

if TYPE_CHECKING:
    from b2m_agents.online.online_teacher import OnlineTeacher

_TEACHER = "A brain that teaches the encoder meanwhile"  # heading of options in help
_BESIDE_WATCHED = "an agent whose encoder is taught: its view is that of --watched"
_WITHOUT = "an agent without --watched, the scenes that a brain watched"

Watched = Annotated[
    Path | None,
    typer.Option(
        metavar="SCENES",
        help="Scenes of collect that a brain watched. The agent then sees pixels, such as these, "
        "through an encoder that learns with its policy and that the brain teaches meanwhile; "
        "--encoder is what it begins as (default: a new one).",
        rich_help_panel=_TEACHER,
    ),
]
Recording = Annotated[
    Path | None,
    typer.Option(
        help="Your own recording made beside --watched, in any format that inspect reads. Without "
        "it: --brain.",
        rich_help_panel=_TEACHER,
    ),
]
Brain = Annotated[choices.Brain | None, brain_option(_TEACHER)]
Kind = Annotated[choices.BrainKind | None, kind_option(_TEACHER)]
Signal = Annotated[float | None, signal_option(_TEACHER)]
BrainSeed = Annotated[int | None, brain_seed_option(_TEACHER)]
Delay = Annotated[float | None, delay_option(_TEACHER)]
Latents = Annotated[
    choices.SceneLatents | None,
    typer.Option(
        metavar=choices.shown(choices.SceneLatents),
        help="Of the brain: pca (default), or decoded, what decoders read of the scene's state.",
        rich_help_panel=_TEACHER,
    ),
]
Strategy = Annotated[
    choices.Strategy | None,
    typer.Option(
        metavar=choices.shown(choices.Strategy),
        help="contrastive (BCT; default) or regression (BLT).",
        rich_help_panel=_TEACHER,
    ),
]
Weight = Annotated[
    float | None,
    typer.Option(
        help="Of the transfer term, beside PPO's loss. Default: 0.1.",
        min=0,
        rich_help_panel=_TEACHER,
    ),
]
WeightEnds = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        min=0,
        max=1,
        help="Share of the training after which the weight has fallen to 0 in a straight "
        "line; such a training cannot be made longer. Default: it stays.",
        rich_help_panel=_TEACHER,
    ),
]
Control = Annotated[
    choices.OnlineControl | None,
    typer.Option(
        metavar=choices.shown(choices.OnlineControl),
        help="Teaches in the brain's place, as in compare driving: what an agent with that brain "
        "is to be compared with. alone: the same agent at weight 0.",
        rich_help_panel=_TEACHER,
    ),
]


@dataclass(frozen=True)
class TeachingOptions:
    """What was given of these options."""

    watched: Path | None
    recording: Path | None
    mapping: list[str] | None
    brain: str | None
    kind: str | None
    signal: float | None
    brain_seed: int | None
    delay: float | None
    latents: str | None
    strategy: str | None
    weight: float | None
    weight_ends: float | None
    control: str | None

    def refuse_beside(self, whom: str) -> None:
        """Refuse the first that was given.

        Raises:
            BadParameter: Names it.
        """
        refuse_options({item.name: getattr(self, item.name) for item in fields(self)}, whom)

    def check(self, view: dict[str, Any], chosen: dict[str, Any]) -> None:
        """Refuse options that do not go together, before anything is read.

        Args:
            view: Settings of the scene that were given.
            chosen: Settings of the training that were given.

        Raises:
            BadParameter: Names the first.
        """
        if self.watched is None:
            self.refuse_beside(_WITHOUT)
            return
        for name, only in (("observation", "pixels"), ("algorithm", "ppo")):
            if chosen.get(name, only) != only:
                raise typer.BadParameter(
                    f"--{name}: expected {only} beside --watched, came {chosen[name]}"
                )
        seen = {name: value for name, value in view.items() if name != "action"}
        refuse_options(seen, _BESIDE_WATCHED, {"n_frames": "stack"})
        refuse_without_recording(self.recording, self.mapping)
        if self.recording is not None:
            refuse_beside_recording(
                brain=self.brain, kind=self.kind, signal=self.signal, brain_seed=self.brain_seed
            )

    def teacher(self, seed: int) -> OnlineTeacher | None:
        """The teacher that the options describe; None: none is wanted.

        Args:
            seed: Of the training.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: As `teacher_from_recording`.
        """
        if self.watched is None:
            return None
        from b2m_agents.studies.driving.comparison import SimulatedViewer
        from b2m_agents.studies.driving.online_teaching import teacher_from_recording
        from b2m_drive.recordings.readers.table import read_recording
        from b2m_drive.transfer.schedule import WeightSchedule

        weight = 0.1 if self.weight is None else self.weight
        simulated = given(
            preset=self.brain, kind=self.kind, signal=self.signal, seed=self.brain_seed
        )
        return teacher_from_recording(
            self.watched,
            read_recording(self.recording, self.mapping).in_memory()
            if self.recording
            else SimulatedViewer(**simulated),
            seed=seed,
            weight=WeightSchedule(weight, self.weight_ends),
            **given(
                control=self.control,
                delay=self.delay,
                latents=self.latents,
                strategy=None if self.strategy is None else str(self.strategy),
            ),
        )
