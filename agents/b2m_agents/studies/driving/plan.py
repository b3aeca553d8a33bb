"""What the driving study compares: its settings, its conditions and its students."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from b2m_agents.studies.isolated import IsolatedEncoder
from b2m_drive.comparisons.control import Control
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import (
    ALONE,
    BASELINES,
    BRAIN,
    Condition,
    TransferMethod,
    Variation,
)
from b2m_drive.files.settings_types import take_as_declared
from b2m_drive.students.fitting import FittingSettings
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.teachers.frame_pairing import SCENE_LATENTS
from b2m_drive.teachers.latent_methods import require_latents
from b2m_drive.transfer.term import STRATEGIES, Strategy

HELD_OUT_SHARE = 0.2  # of the episodes
SPLIT_SEED = 0  # the same episodes are held out in every run


@dataclass(frozen=True)
class DrivingStudySettings:
    """What the driving study compares, and with which budget; the command has the same defaults."""

    strategies: tuple[Strategy, ...] = ("regression", "contrastive")
    seeds: tuple[int, ...] = tuple(range(5))
    n_steps: int = 500
    batch_size: int = 32  # frames a step
    evaluate_every: int = 100  # [steps]
    n_frames: int = 4000  # that teach
    n_held_out: int = 800  # frames of other episodes, at most, on which all are scored
    frames_curve: tuple[int, ...] = (500, 1000)  # further numbers of frames, for the data curve
    signal_curve: tuple[float, ...] = (0.0, 0.3)  # further shares of a simulated brain's signal
    n_seeds_varied: int = 3  # of the data curve and of the curve by signal
    regression_weight: float = 0.1  # of the transfer term, beside the VAE's loss a pixel
    contrastive_weight: float = 0.1
    latents: str = "pca"  # one of `SCENE_LATENTS`, or a method of `LATENT_METHODS`
    n_latents: int | None = None  # of all but "decoded"; None: by held-out likelihood
    temperature: float = 0.2  # of the contrastive loss
    delay: float | None = None  # [s] from a frame to the response; None: by cross-validation
    window: float = 0.4  # [s] over which a response is averaged; at most a frame's duration
    changed_weight: float | None = 6.0  # of pixels unlike the mean frame, see `ChangedPixels`
    evaluate_at: tuple[int, ...] | None = None  # [steps] instead of every so many; rising
    chosen_controls: tuple[str, ...] | None = None  # beside brain and alone; None: all

    def __post_init__(self) -> None:
        take_as_declared(self)
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: expected one or more different seeds, came {self.seeds}")
        if not self.strategies or not set(self.strategies) <= set(STRATEGIES):
            raise ValueError(
                f"strategies: expected at least one of {STRATEGIES}, came {self.strategies}"
            )
        require_latents(self.latents, SCENE_LATENTS)
        _ = self.fitting(1.0), self.study  # checks numbers of steps, and names of controls
        for name in ("batch_size", "n_held_out", "n_seeds_varied"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, came {getattr(self, name)}")
        for name in ("regression_weight", "contrastive_weight", "temperature", "window"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: expected more than 0, came {getattr(self, name)}")
        if self.changed_weight is not None and not 0 < self.changed_weight < math.inf:
            raise ValueError(
                f"changed_weight: expected more than 0 or none, came {self.changed_weight}"
            )
        if self.n_frames < self.batch_size:
            raise ValueError(
                f"n_frames: expected at least a batch ({self.batch_size}), came {self.n_frames}"
            )
        for name in ("strategies", "frames_curve", "signal_curve"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                raise ValueError(f"{name}: expected each once, came {getattr(self, name)}")
        if not all(0 <= share <= 1 for share in self.signal_curve):
            raise ValueError(f"signal_curve: expected shares 0 to 1, came {self.signal_curve}")
        if not all(self.batch_size <= count < self.n_frames for count in self.frames_curve):
            raise ValueError(
                f"frames_curve: expected {self.batch_size} (a batch) to {self.n_frames - 1} "
                f"(below n_frames), came {self.frames_curve}"
            )

    def fitting(self, learning_rate: float) -> FittingSettings:
        """How long a student learns, and after which steps it is scored."""
        return FittingSettings(
            self.n_steps,
            learning_rate,
            evaluate_every=self.evaluate_every,
            evaluate_at=self.evaluate_at,
        )

    @property
    def study(self) -> Study:
        """The controls that are asked, and the words.

        Raises:
            ValueError: If one that was chosen is no control of the study.
        """
        chosen = self.chosen_controls
        return DRIVING if chosen is None else DRIVING.of(chosen)

    @property
    def methods(self) -> tuple[TransferMethod, ...]:
        """Every strategy, paired by frame."""
        return tuple(
            TransferMethod(strategy, self.latents, "frame") for strategy in self.strategies
        )

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions of the comparison, without a user's own controls."""
        return self.conditions_beside(())

    def conditions_beside(self, own_controls: tuple[Control, ...]) -> tuple[Condition, ...]:
        """All conditions of the comparison, those of further controls last."""
        controls = self.study.beside(own_controls).labels
        baselines = [name for name in BASELINES if name in controls]
        taught = [
            teaching.condition(control)
            for teaching in self.methods
            for control in controls
            if control not in BASELINES
        ]
        return (*map(Condition, baselines), *taught)

    @property
    def varied_by_frames(self) -> tuple[Condition, ...]:
        """Conditions that the data curve shows."""
        return (Condition(ALONE), *(teaching.condition(BRAIN) for teaching in self.methods))


@dataclass(frozen=True)
class BrainSource:
    """What the teachers of a run are made from: one row a frame of the scenes' file."""

    responses: Path  # .npy, float32 [frame unit]; NaN where the brain was not recorded
    n_latents: int
    label_r2: Float64[np.ndarray, " label"]  # R2 of each label of the state; may be NaN


@dataclass(frozen=True)
class DrivingPlan:
    """One student: all that a worker needs to train it."""

    settings: DrivingStudySettings
    isolated: IsolatedEncoder
    condition: Condition  # without its variation
    seed: int
    scenes: Path
    brain: BrainSource
    variation: Variation | None = None
    own_controls: tuple[Control, ...] = ()  # a user's, beside the study's
    keep: Path | None = None  # folder for its encoder, and the first seed's pictures; None: neither
    device: str = "cpu"  # see `b2m_drive.students.devices.device_of`

    @property
    def varied(self) -> Condition:
        """The condition as its scores stand in the table."""
        return self.condition.varied(self.variation)

    @property
    def n_frames(self) -> int:
        """That teach this student."""
        if self.variation and self.variation.axis == "n_frames":
            return int(self.variation.value)
        return self.settings.n_frames


@dataclass(frozen=True)
class SceneRows:
    """Rows of a scenes' file: which teach, in order, and which are scored."""

    teaching: Int64[np.ndarray, " teaching"]
    held_out: Int64[np.ndarray, " held_out"]


def rows_of(dataset: SceneDataset, settings: DrivingStudySettings) -> SceneRows:
    """Split by whole episodes; teaching rows are in the file's order, so fewer are its start.

    Raises:
        ValueError: If the file has too few frames or episodes.
    """
    split = dataset.split(HELD_OUT_SHARE, SPLIT_SEED)
    if len(split.teaching) < settings.n_frames:
        raise ValueError(
            f"{dataset.path}: expected at least {settings.n_frames} frames in the episodes that "
            f"teach (four fifths of all), came {len(split.teaching)} of {dataset.n_frames}"
        )
    count = min(settings.n_held_out, len(split.held_out))
    spread = np.linspace(0, len(split.held_out) - 1, count).round().astype(np.int64)
    return SceneRows(split.teaching[: settings.n_frames], split.held_out[spread])


def plans_of(
    settings: DrivingStudySettings,
    isolated: IsolatedEncoder,
    scenes: Path,
    brain: BrainSource,
    by_signal: dict[float, BrainSource],
    keep: Path,
    device: str = "cpu",
    own_controls: tuple[Control, ...] = (),
) -> list[DrivingPlan]:
    """Every student of a comparison: first the conditions, then what is varied."""
    plans = [
        DrivingPlan(
            settings,
            isolated,
            condition,
            seed,
            scenes,
            brain,
            own_controls=own_controls,
            keep=keep,
            device=device,
        )
        for seed in settings.seeds
        for condition in settings.conditions_beside(own_controls)
    ]
    few = settings.seeds[: settings.n_seeds_varied]
    base = [replace(plan, keep=None) for plan in plans if plan.seed in few]
    for count in settings.frames_curve:
        plans += [
            replace(plan, variation=Variation("n_frames", float(count)))
            for plan in base
            if plan.condition in settings.varied_by_frames
        ]
    taught = {teaching.condition(BRAIN) for teaching in settings.methods}
    for share, source in by_signal.items():
        plans += [
            replace(plan, variation=Variation("signal", share), brain=source)
            for plan in base
            if plan.condition in taught
        ]
    return plans
