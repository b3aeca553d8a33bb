"""Does the brain's teaching of an encoder still show in the driving? The agents' comparison.

Of a finished driving comparison every condition's frozen encoders are taken, one a seed, and on
the latents of each an agent learns to drive: the same traffic, steps and settings for all. Beside
them agents without an encoder, drivers that do not learn, and behaviour cloning from few frames.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from b2m_agents.learning.settings_json import training_json
from b2m_agents.learning.trained_agent import encoder_fingerprint
from b2m_agents.studies.agents.compared_agent import ComparedAgent, run_job
from b2m_agents.studies.agents.demonstrations import N_TESTED
from b2m_agents.studies.agents.plan import (
    AgentPlan,
    AgentsStudySettings,
    encoder_folder,
    plans_of,
)
from b2m_agents.worlds.encoder_view import read_view
from b2m_agents.worlds.latent_observation import check_frame_size
from b2m_drive.comparisons.agents_run import AgentsResult, read_agents
from b2m_drive.comparisons.agents_study import AGENTS_STUDY, LATENTS, PIXELS, encoder_conditions
from b2m_drive.comparisons.configuration import DrivingConfiguration, study_named_in
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.jobs import Job, RunJob
from b2m_drive.comparisons.run_folder import Run, read_run
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.evidence.condition import Condition
from b2m_drive.evidence.learning_curves import final_value
from b2m_drive.files.fingerprints import require_as_made
from b2m_drive.files.provenance import installed_versions
from b2m_drive.students.devices import device_of
from b2m_drive.students.scene_vae import SceneVAE
from b2m_envs.scenes.settings import ENGINE, SceneSettings, settings_from_keywords
from b2m_envs.scenes.settings_json import settings_json

_PACKAGES = (
    "torch", "numpy", "scikit-learn", "stable-baselines3", "gymnasium", "highway-env", "b2m-drive",
)  # fmt: skip
_PROBE_UPDATES = 3


@dataclass(frozen=True)
class AgentsComparison(RunnableComparison[AgentPlan, AgentsResult]):
    """A comparison of agents that drive on the encoders of a driving study, ready to be run.

    Args:
        encoders: Folder of the finished driving comparison whose encoders are compared.
        settings: Of the comparison.
        scenario: Where the agents drive; None: that of the scenes the encoders learnt from.
        device: Of every agent and the encoder in front of it, see `device_of`.
    """

    encoders: Path
    settings: AgentsStudySettings
    scenario: str | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "device", str(device_of(self.device)))

    @property
    def run_job(self) -> RunJob:
        """Trains and scores one agent."""
        return run_job

    def describe(self) -> dict[str, Any]:
        """The configuration of the run: everything that decides its numbers."""
        return self._described[0]

    def read(self, folder: Path) -> AgentsResult:
        """The finished run: the agents' scores and curves."""
        return read_agents(folder)

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[AgentPlan]]]:
        """One job an agent."""
        return {folder: self._described[1]}

    def prepare(self, folder: Path, n_workers: int, progress: bool) -> None:
        """Compile what every worker needs, once."""
        _compile(self._described[1][0].plan)

    def time_job(self, job: Job[AgentPlan]) -> tuple[float, float]:
        """Seconds of an agent, from a few updates; a driver that does not learn takes none."""
        return (_expected_of(job.plan) if job.plan.trains else 0.0), 0.0

    @property
    def _described(self) -> tuple[dict[str, Any], list[Job[AgentPlan]]]:
        """As `_read_encoders`, read again whenever a file of the driving comparison changed."""
        state = _state_of(self.encoders)
        kept: tuple[Any, Any] | None = self.__dict__.get("_kept")
        if kept is None or kept[0] != state:
            kept = state, self._read_encoders()
            object.__setattr__(self, "_kept", kept)
        return kept[1]

    def _read_encoders(self) -> tuple[dict[str, Any], list[Job[AgentPlan]]]:
        """The configuration and the agents; writes nothing.

        Raises:
            FileNotFoundError: If a file of the driving comparison is missing.
            ValueError: If it is another study, has fewer seeds or strategies than are asked for,
                lacks an encoder, or one is of other frames than the scenario shows.
        """
        run = driving_run(self.encoders)
        _check_asked(run, self.settings)
        latents = run.methods[0].latents
        conditions = encoder_conditions(self.settings.methods(latents))
        folders = {
            f"{condition}, seed {seed}": encoder_folder(self.encoders, condition, seed)
            for condition in conditions
            for seed in self.settings.seeds
        }
        _check_kept(self.encoders, folders)
        recorded = _are_as_made(self.encoders, folders)
        scene = _scene(
            self.scenario or run.configuration(DrivingConfiguration).scenes.scenario, folders
        )
        fingerprints = _fingerprints(folders, scene)
        plans = plans_of(self.settings, scene, latents, self.encoders, _encoder_r2(run))
        plans = [replace(plan, device=self.device) for plan in plans]
        jobs = [
            Job(
                plan.name,
                plan,
                self.settings.n_updates if plan.trains else 0,
                n_students=int(plan.trains),
                size=plan.observation,
                reads=() if plan.encoder is None else (plan.encoder,),
            )
            for plan in plans
        ]
        config = _config(run, self.settings, scene, fingerprints, recorded)
        on = {} if self.device == "cpu" else {"device": self.device}
        return config | on, jobs


def _state_of(folder: Path) -> list[tuple[str, int, int]]:
    """Every file in a folder: its name, size and when it was written [ns]."""
    found = ((path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return [(str(path), about.st_size, about.st_mtime_ns) for path, about in found]


def driving_run(folder: Path) -> Run:
    """Read the driving comparison that the encoders are of.

    Raises:
        FileNotFoundError: If the folder, or a file of a finished comparison, is missing.
        ValueError: If it holds another study, or something is broken.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected the folder of a driving run, found none")
    study = study_named_in(folder / CONFIG)
    if study != DRIVING.name:
        raise ValueError(
            f"{folder / CONFIG}: study: expected {DRIVING.name!r}, a run of compare driving, "
            f"came {study!r}"
        )
    return read_run(folder)


def _check_asked(run: Run, settings: AgentsStudySettings) -> None:
    if len(settings.seeds) < 2:
        raise ValueError(
            f"seeds: expected two or more, for intervals over them, came {list(settings.seeds)}"
        )
    for name in ("seeds", "strategies"):
        there, asked = list(getattr(run.config, name)), getattr(settings, name)
        lacking = [each for each in asked if each not in there]
        if lacking:
            raise ValueError(
                f"{name}: expected some of those of {run.folder}, {there}, came {list(asked)}"
            )


def _check_kept(run: Path, folders: Mapping[str, Path]) -> None:
    missing = [name for name, folder in folders.items() if not folder.is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{run / 'encoders'}: expected the encoder of every condition and seed, found none of "
            f"{missing[0]} ({len(missing)} of {len(folders)} are missing); compare driving keeps "
            "them all, in a new folder"
        )


def _are_as_made(run: Path, folders: Mapping[str, Path]) -> bool:
    """Refuse encoders that the run did not make; tells whether it recorded all of them."""
    why = "the agents would be compared on encoders of another run; put its own back"
    names = [folder.relative_to(run).as_posix() for folder in folders.values()]
    return all([require_as_made(run, name, why) for name in names])


def _scene(scenario: str, folders: Mapping[str, Path]) -> SceneSettings:
    """The scenario, seen as the encoders learnt to see."""
    scene = settings_from_keywords(scenario, read_view(next(iter(folders.values()))))
    if scene.chosen_engine != ENGINE or scene.action != "discrete":
        raise ValueError(
            f"scenario: expected one that the fast engine has, with discrete actions, "
            f"came {scenario!r}"
        )
    return scene


def _fingerprints(folders: Mapping[str, Path], scene: SceneSettings) -> str:
    """One hash of every encoder, each looked at whether it fits the scene."""
    digest = hashlib.sha256()
    for name, folder in folders.items():
        encoder = SceneVAE.from_pretrained(folder)
        try:
            check_frame_size(encoder, (scene.height, scene.width, scene.n_channels))
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from error
        digest.update(f"{name}: {encoder_fingerprint(encoder)}".encode())
    return digest.hexdigest()[:16]


def _encoder_r2(run: Run) -> dict[tuple[Condition, int], float]:
    """What could be read from each encoder after its own training."""
    return {
        (condition, seed): float(value)
        for condition, curve in run.curves.items()
        for seed, value in zip(curve.seeds, final_value(curve), strict=True)
    }


def _config(
    run: Run,
    settings: AgentsStudySettings,
    scene: SceneSettings,
    fingerprints: str,
    recorded: bool,
) -> dict[str, Any]:
    training = settings.training(scene.scenario, LATENTS, 0)
    of_run = run.configuration(DrivingConfiguration)
    chosen = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(settings).items()
    }
    return {
        "study": AGENTS_STUDY,
        "brain": of_run.entries["brain"],
        "signal": of_run.signal,
        **chosen,
        "readings": of_run.entries["readings"],
        "primary_metric": "final",
        "scenario": scene.scenario,
        "scene": {name: value for name, value in settings_json(scene).items() if value is not None},
        "algorithm": training_json(training)["algorithm"],
        "encoders": {
            "fingerprint": fingerprints,
            "checked": "as their run recorded them" if recorded else "not recorded by their run",
            "n_frames": of_run.n_frames,
            "n_steps": of_run.n_steps,
            "scenes": of_run.scenes.scenario,
            "student": of_run.student,
        },
        "cloning_tested_on": N_TESTED,
        "versions": installed_versions(_PACKAGES),
        "limits": _limits(run, settings, scene),
    }


def _limits(run: Run, settings: AgentsStudySettings, scene: SceneSettings) -> list[str]:
    limits = [
        f"One scenario ({scene.scenario}), one algorithm (PPO), one budget "
        f"({settings.n_steps:,} steps): another one may tell conditions apart that this does not, "
        "or the other way round.",
        f"The unit is the seed: {len(settings.seeds)} encoders of each condition, each with one "
        "agent of the same seed. Intervals speak of these frames and this brain only.",
        "The traffic is simulated after highway-env; its drivers follow a few rules. The cloned "
        "driver is its driver model, whose manoeuvres are given as the nearest discrete action.",
        "The encoders are frozen: what an agent could make of a teaching that goes on while it "
        "drives is not asked here.",
    ]
    if run.simulated:
        limits.append(
            "The brain is simulated and tuned to variables of the scene: a gain would show that "
            "they were transferred and are of use to a driver, not that brains add what labels "
            "would not."
        )
    return limits


def _compile(plan: AgentPlan) -> None:
    """Compile what all workers need once, here, and not in each of them at the same time."""
    few = replace(
        plan.settings, n_steps=plan.settings.rollout_steps,
        evaluate_every=plan.settings.rollout_steps, n_validation=1,
    )  # fmt: skip
    for condition in (PIXELS, "highway_env"):
        agent = replace(plan, settings=few, condition=Condition(condition), encoder=None)
        if agent.trains:
            ComparedAgent(agent).senses.worlds(1).close()
        else:
            run_job(replace(agent, settings=replace(few, n_held_out=1)), lambda: None)


def _expected_of(plan: AgentPlan) -> float:
    """Seconds of one agent, from a few updates and what comes after the training."""
    settings = plan.settings
    few = replace(
        settings,
        n_steps=_PROBE_UPDATES * settings.rollout_steps,
        evaluate_every=_PROBE_UPDATES * settings.rollout_steps,
    )
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run_job(replace(plan, settings=few), lambda: None)  # compiles, reads and imports
        agent, ticks = ComparedAgent(replace(plan, settings=few)), [time.perf_counter()]
        for _ in agent.scores(lambda: None):
            ticks.append(time.perf_counter())
    finally:
        torch.set_num_threads(n_threads)
    begun, held_out, *rest = np.diff(ticks).tolist()
    validation = held_out * settings.n_validation / settings.n_held_out
    update = max(begun - validation, 0.0) / _PROBE_UPDATES
    n_points = settings.n_steps // settings.evaluate_every
    return float(settings.n_updates * update + n_points * validation + held_out + sum(rest))
