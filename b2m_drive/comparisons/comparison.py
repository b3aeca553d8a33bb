"""A brain, a student, methods and controls: the comparison of anyone's network."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.comparisons.control import Control, require_functions
from b2m_drive.comparisons.jobs import Job, RunJob
from b2m_drive.comparisons.run_folder import BRAIN_FILE, Run, read_run
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.comparisons.standard_controls import BRAIN_CONTROL, NULLS, PROBES
from b2m_drive.comparisons.student_job import Budget, StudentPlan, follows, run_job
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import ALONE, BASELINES, Condition, TransferMethod
from b2m_drive.files.provenance import installed_versions
from b2m_drive.files.writing import write_json
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.responses import Responses, responses_of
from b2m_drive.students.devices import device_of
from b2m_drive.students.student import (
    Described,
    HoldsOut,
    LabelsById,
    SaysWhatItCannot,
    ScoreWords,
    SeesById,
    Student,
)
from b2m_drive.teachers.latent_methods import at_most, latent_method

STUDY = "comparison"
_PAIRING = "id"
SHARE_TEACHING = 0.8  # of the ids; the others are held out
BLT = TransferMethod("regression", "pca", _PAIRING)
BCT = TransferMethod("contrastive", "pca", _PAIRING)
_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "b2m-drive")
DEFAULT_BUDGET = Budget()
_FEWEST_IDS = 10
_METRIC = "area_under_curve"


@dataclass(frozen=True)
class Comparison(RunnableComparison[StudentPlan, Run]):
    """Does this brain teach this student anything that no null teaches?

    ::

        run = Comparison(MyStudent(), recording).run("runs/mine")

    Args:
        student: A network, its data, task loss and held-out score.
        brain: A recording (its `responses_of` from 0.1 to 0.5 s after each event are taken), or
            responses cut out in another way.
        methods: Strategies and latents, each judged on its own.
        controls: Nulls and probes, the user's own among them. Those that the student cannot
            serve are left out, and the run says why.
        seeds: One student of each condition a seed; the seed is the unit of inference.
        budget: How every student is trained.
        device: That every student is trained on, see `device_of`. The comparison brings the network
            there, and the tensors of each batch and of what is seen; the student's own `score` (and
            whatever its `task_loss` makes beside the batch) follows the network it is given, see
            `device_of_network`. Whatever is drawn from the generators is drawn on the cpu.

    Raises:
        ValueError: If there are fewer than two seeds, no method, or too few ids to teach and hold
            out; or a control has no function or a name that stands twice.
    """

    student: Student
    brain: Recording | Responses
    methods: tuple[TransferMethod, ...] = (BLT, BCT)
    controls: tuple[Control, ...] = NULLS + PROBES
    seeds: tuple[int, ...] = tuple(range(5))
    budget: Budget = DEFAULT_BUDGET
    device: str = "cpu"

    def __post_init__(self) -> None:
        self._check_types()
        object.__setattr__(self, "device", str(device_of(self.device)))
        if len(set(self.seeds)) != len(self.seeds) or len(self.seeds) < 2:
            raise ValueError(f"seeds: expected two or more different ones, came {self.seeds}")
        if not self.methods:
            raise ValueError("methods: expected one or more, came none")
        for method in self.methods:
            latent_method(method.latents)  # refuses one that nobody knows
            if method.pairing != _PAIRING:
                raise ValueError(
                    f"methods: expected the pairing {_PAIRING!r} (rows find batches by id), came "
                    f"{method.pairing!r}"
                )
        require_functions(tuple(c for c in self.controls if c.name not in BASELINES))
        if ALONE not in {control.name for control in self.controls}:
            raise ValueError(
                f"controls: expected {ALONE!r} among the nulls, since it always decides"
            )
        _ = self.study, self.rows  # checks names and ids

    def _check_types(self) -> None:
        expected: tuple[tuple[str, type | tuple[type, ...], str], ...] = (
            ("brain", (Recording, Responses), "a Recording or Responses"),
            ("seeds", tuple, "a tuple of whole numbers"),
            ("methods", tuple, "a tuple of TransferMethod"),
            ("controls", tuple, "a tuple of Control"),
            ("budget", Budget, "a Budget"),
        )
        for name, kind, words in expected:
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name}: expected {words}, came {getattr(self, name)!r:.80}")
        for name, each in (("methods", TransferMethod), ("controls", Control), ("seeds", int)):
            for one in getattr(self, name):
                if not isinstance(one, each):
                    raise ValueError(f"{name}: expected each a {each.__name__}, came {one!r:.80}")
        told = self.student.words
        if not isinstance(told, ScoreWords):
            raise ValueError(f"words of the student: expected ScoreWords, came {told!r:.80}")

    @cached_property
    def responses(self) -> Responses:
        """The brain's, to everything that it saw."""
        return responses_of(self.brain) if isinstance(self.brain, Recording) else self.brain

    @cached_property
    def rows(self) -> tuple[Responses, Responses]:
        """Responses that teach and those held out; no id is in both.

        The student says which, if it holds ids out itself; else it is a fixed draw.
        """
        ids = np.unique(self.responses.ids)
        if len(ids) < _FEWEST_IDS:
            raise ValueError(
                f"{self.responses.session}: expected responses to {_FEWEST_IDS} ids or more, came "
                f"{len(ids)}"
            )
        order = np.random.default_rng(0).permutation(len(ids))
        teaching = ids[order[: round(SHARE_TEACHING * len(ids))]]
        if isinstance(self.student, HoldsOut):
            teaching = ids[~self.student.held_out(ids)]
        if len(teaching) < SHARE_TEACHING * _FEWEST_IDS:
            raise ValueError(
                f"{self.responses.session}: expected responses to 8 or more of the ids that "
                f"{self.student.name} learns from, came {len(teaching)}"
            )
        if len(teaching) == len(ids):
            raise ValueError(
                f"{self.responses.session}: expected responses to some ids that are held out by "
                f"{self.student.name}, came none among {len(ids)}"
            )
        chosen = np.isin(self.responses.ids, teaching)
        return self.responses.select(chosen), self.responses.select(~chosen)

    @property
    def left_out(self) -> dict[str, str]:
        """What this student cannot serve: a control, or a part of its own -> the reason."""
        able = {
            "seen": isinstance(self.student, SeesById),
            "labels": isinstance(self.student, LabelsById),
        }
        why = {
            need: f"the student has no method {need}(ids)" for need, can in able.items() if not can
        }
        if isinstance(self.student, SaysWhatItCannot):
            why |= self.student.cannot
        controls = {each.name: why[each.needs] for each in self.controls if each.needs in why}
        return controls | {part: reason for part, reason in why.items() if part not in able}

    @property
    def study(self) -> Study:
        """The controls that are run, and the student's words."""
        words = self.student.words
        return Study(
            STUDY,
            (BRAIN_CONTROL, *(c for c in self.controls if c.name not in self.left_out)),
            curve=self._curve,
            curve_label=words.label,
            curve_unit=words.unit,
            final_label=f"final {words.label}",
            floor=words.floor,
            floor_label=words.floor_label,
            sample_label=f"training {words.samples}",
            criteria=words.criteria,
            samples=words.samples,
        )

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that is trained, baselines once and the others by every method."""
        names = list(self.study.labels)
        baselines = [Condition(name) for name in names if name in BASELINES]
        taught = [
            method.condition(name)
            for method in self.methods
            for name in names
            if name not in BASELINES
        ]
        return (*baselines, *taught)

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[StudentPlan]]]:
        """One job a condition and seed."""
        teaching, held_out = self.rows
        budget = replace(self.budget, n_latents=self._n_latents)
        study = self.study
        jobs = [
            Job(
                f"{condition.slug}-seed-{seed}",
                StudentPlan(
                    self.student, teaching, held_out, study.control(condition.control), condition,
                    seed, budget, latent_method((condition.method or self.methods[0]).latents),
                    self.device,
                ),
                budget.n_steps,
            )
            for seed in self.seeds
            for condition in self.conditions
        ]  # fmt: skip
        return {folder: jobs}

    @property
    def run_job(self) -> RunJob:
        """Trains and scores one student."""
        return run_job

    def read(self, folder: Path) -> Run:
        """The finished run: scores, curves, and what it was run with."""
        return read_run(folder)

    def prepare(self, folder: Path, n_workers: int, progress: bool) -> None:
        """Describe the brain."""
        write_json(folder / BRAIN_FILE, self._about_brain())

    @cached_property
    def _n_latents(self) -> int | None:
        """As many for every control as the brain has, by the first method."""
        if self.budget.n_latents is not None:
            return self.budget.n_latents
        latents = at_most(latent_method(self.methods[0].latents), self.rows[0], None)
        return int(latents.values.shape[-1])

    @cached_property
    def _curve(self) -> str:
        """The first of the student's scores, found by scoring an untrained network."""
        import torch

        network = self.student.new_network(torch.Generator().manual_seed(0)).eval()
        network = network.to(self.device)
        with torch.no_grad(), follows(self.student, "score", torch.device(self.device)):
            found = list(self.student.score(network))
        if not found:
            raise ValueError(f"student {self.student.name}: expected a score, came none")
        return str(found[0])

    def describe(self) -> dict[str, Any]:
        """The configuration of the run: everything that decides its numbers."""
        batch = next(iter(self.student.batches(np.random.default_rng(0))))
        return {
            "study": STUDY,
            "brain": self._brain_described(),
            "student": self._student_described(),
            "strategies": list(dict.fromkeys(each.strategy for each in self.methods)),
            "readings": [
                {"latents": latents, "pairing": pairing}
                for latents, pairing in dict.fromkeys((m.latents, m.pairing) for m in self.methods)
            ],
            "seeds": list(self.seeds),
            **asdict(self.budget),
            "batch_size": len(batch.ids),
            "primary_metric": _METRIC,
            "task": {"id": self.student.name},
            "isolated_settings_file": "none: the student's own settings, as they came",
            "versions": installed_versions(_PACKAGES),
            "left_out": self.left_out,
            "nulls_left_out": [
                each.label
                for each in self.controls
                if each.role == "null" and each.name in self.left_out
            ],
            **self.study.describe(),
            **({} if self.device == "cpu" else {"device": self.device}),
            "limits": [
                "One session: the seed of the student is the unit, so intervals speak of this "
                "brain only.",
                "The isolated student is as its author gave it: a weak one makes every teacher "
                "look good.",
                *(f"Not asked: {name}; {reason}." for name, reason in self.left_out.items()),
            ],
        }

    def _brain_described(self) -> dict[str, Any]:
        responses, (teaching, held_out) = self.responses, self.rows
        return {
            "name": responses.session,
            "simulated": responses.simulated,
            "subject": responses.subject,
            "session": responses.session,
            "source": responses.source,
            "licence": responses.licence,
            "n_units": int(responses.values.shape[-1]),
            "regions": {},
            "n_teaching": len(teaching),
            "n_held_out": len(held_out),
            "notes": list(responses.notes),
            "measure": responses.measure,
            "fingerprint": _fingerprint(responses),
        }

    def _student_described(self) -> dict[str, Any]:
        student = self.student
        return {
            "class": type(student).__qualname__,
            "name": student.name,
            "layer": student.layer,
            **(student.describe() if isinstance(student, Described) else {}),
        }

    def _about_brain(self) -> dict[str, Any]:
        teaching, _ = self.rows
        return {
            "n_latents": self._n_latents,
            "n_rows": len(teaching),
            "n_ids": len(set(teaching.ids)),
            **self._latent_scores(),
        }

    def _latent_scores(self) -> dict[str, float]:
        """What the models of the latents say of themselves, held-out scores included."""
        found: dict[str, float] = {}
        for name in dict.fromkeys(method.latents for method in self.methods):
            latents = at_most(latent_method(name), self.rows[0], self._n_latents)
            found |= {f"{name}: {score}": value for score, value in latents.scores.items()}
        return found


def _fingerprint(responses: Responses) -> str:
    import hashlib

    digest = hashlib.sha256(responses.values.tobytes())
    digest.update(responses.ids.tobytes())
    return digest.hexdigest()[:16]
