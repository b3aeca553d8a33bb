"""Train one encoder of the driving study, with its teacher, and score it over training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from b2m_agents.studies.driving.plan import DrivingPlan, DrivingStudySettings, rows_of
from b2m_agents.studies.driving.teachers import (
    TeachingFrames,
    action_latents,
    teacher_frame_latents,
)
from b2m_agents.worlds.encoder_view import write_view
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.evidence.alignment import alignment_scores
from b2m_drive.evidence.condition import ALONE, BRAIN
from b2m_drive.evidence.image_quality import image_quality
from b2m_drive.evidence.scores import Score
from b2m_drive.evidence.state_probe import hazard_auc, state_r2, varying_variables
from b2m_drive.files.array_files import read_array
from b2m_drive.files.writing import write_arrays
from b2m_drive.reports.driving_report import (
    HAZARD,
    R2_PREFIX,
    RECONSTRUCTION,
    SSIM,
    VEHICLE_PIXELS,
    VEHICLES,
)
from b2m_drive.students.devices import device_of
from b2m_drive.students.frame_batches import FrameBatch, FramesFromMemory
from b2m_drive.students.pixel_weights import ChangedPixels, changed_pixels
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings, kl_of_latents
from b2m_drive.students.scene_vae_fitting import encode_frames, fit_scene_vae
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.students.seeded_streams import generator_for, torch_generator_for
from b2m_drive.teachers.scene_controls import state_labels
from b2m_drive.transfer.attachment import BrainAttachment, attach
from b2m_drive.transfer.targets import BrainTargets

INIT, ORDER, DRAWS, TEACHER, HEAD, UNTRAINED = range(6)  # purposes of random numbers
LAYER = "to_mean"  # the posterior's mean is what a policy will see, so it is what is taught
OVER_TRAINING = (DRIVING.curve, RECONSTRUCTION, VEHICLES, VEHICLE_PIXELS)  # metrics followed
TRAVERSED = np.linspace(-3, 3, 7)  # standard deviations of the prior
_N_PICTURES = 5
_FRAMES_OF_SSIM = 64
_DECODED_TOGETHER = 256  # frames
_SQUARED_GREY = "squared grey level"


@dataclass(frozen=True)
class StudyData:
    """The scenes of a run in memory: those that teach, and those that students are scored on."""

    watched: TeachingFrames
    held_out: UInt8[np.ndarray, "frame height width channel"]
    held_out_rows: Int64[np.ndarray, " frame"]
    vehicles: Bool[np.ndarray, "frame height width"]
    state: Float32[np.ndarray, "frame variable"]  # held out, only what varies
    variables: tuple[str, ...]
    hazard: Bool[np.ndarray, " frame"]
    episode: Int64[np.ndarray, " frame"]
    view: dict[str, Any]  # settings of the scenes

    @property
    def n_newest(self) -> int:
        """Channels of the newest frame of a stack."""
        return 3 if self.view.get("colour") else 1


def run_job(plan: DrivingPlan, after_step: Callable[[], None]) -> list[Score]:
    """Train the student of a plan; returns its scores."""
    return StudentRun(plan).train(after_step)


@lru_cache(maxsize=2)
def study_data_of(scenes: Path, settings: DrivingStudySettings) -> StudyData:
    """Read once what every student of a process sees: frames that teach, frames to score on."""
    dataset = SceneDataset(scenes)
    rows, names = rows_of(dataset, settings), dataset.header.state_names
    episode = dataset.episode_of_frame
    held_state = dataset.state[rows.held_out]
    variables = varying_variables(held_state, names, episode[rows.held_out])
    if not variables:
        raise ValueError(
            f"{scenes}: expected variables of the state that vary in {len(rows.held_out)} held-out "
            f"frames of {len(np.unique(episode[rows.held_out]))} episodes, came none; collect more"
        )
    columns = [names.index(name) for name in variables]
    return StudyData(
        watched=TeachingFrames(
            dataset.frames(rows.teaching),
            rows.teaching,
            state_labels(dataset.state[rows.teaching], names),
            episode[rows.teaching],
            actions_of(dataset)[rows.teaching],
        ),
        held_out=dataset.frames(rows.held_out),
        held_out_rows=rows.held_out,
        vehicles=dataset.masks(rows.held_out),
        state=held_state[:, columns],
        variables=tuple(variables),
        hazard=held_state[:, names.index("hazard")] > 0,
        episode=episode[rows.held_out],
        view=dataset.header.settings,
    )


def actions_of(dataset: SceneDataset) -> Float32[np.ndarray, "frame dimension"]:
    """What the driver did in each frame: one-hot if discrete; NaN in an episode's last frame."""
    action = dataset.action
    if action.ndim == 1:
        action = np.eye(int(action.max()) + 1, dtype=np.float32)[action]
    every = np.full((dataset.n_frames, action.shape[1]), np.nan, np.float32)
    every[dataset.frame_of_step] = action
    return every


class StudentRun:
    """One student: its network, what teaches it, and its scores so far."""

    def __init__(self, plan: DrivingPlan) -> None:
        self.plan, self.settings = plan, plan.settings
        self.data = study_data_of(plan.scenes, plan.settings)
        self.watched = _first(self.data.watched, plan.n_frames)
        self.responses: Float32[np.ndarray, "frame unit"] = read_array(plan.brain.responses)
        self.taught = _those_with(self.watched, self.responses)
        self.network = self._new_network(INIT)
        self.attachment = self._attach()
        self.scores: list[Score] = []

    def train(self, after_step: Callable[[], None]) -> list[Score]:
        """Train and score; keep encoder and pictures where the plan says so."""
        seed = self.plan.seed
        order = int(generator_for(seed, ORDER).integers(2**31))
        batches = FramesFromMemory(
            self.watched.frames, self.settings.batch_size, order, self.watched.frame_id
        )
        fit_scene_vae(
            self.network,
            batches,
            self.settings.fitting(self.plan.isolated.learning_rate),
            generator=torch_generator_for(seed, DRAWS),
            extra_loss=self._transfer if self.attachment else None,
            extra_parameters=list(self.attachment.parameters()) if self.attachment else (),
            weigh_pixels=self._pixel_weights(),
            evaluate=self.evaluate,
            after_step=after_step,
        )
        if self.attachment:
            self.attachment.remove()
        if self.plan.keep:
            self._keep(self.plan.keep)
        return self.scores

    def evaluate(self, step: int) -> None:
        """Score the state and the reconstructions on held-out frames; at the end, everything."""
        latents, pictures = self._latents_and_pictures()
        r2 = state_r2(latents, self.data.state, self.data.variables, self.data.episode)
        last = step == self.settings.n_steps
        quality = image_quality(
            self.data.held_out,
            pictures,
            self.data.vehicles,
            self.data.n_newest,
            _FRAMES_OF_SSIM if last else 0,
        )
        self._add(DRIVING.curve, step, float(np.mean(list(r2.values()))), "share of variance")
        self._add(RECONSTRUCTION, step, quality.error, _SQUARED_GREY)
        if quality.vehicle_error is not None:
            self._add(VEHICLES, step, quality.vehicle_error, _SQUARED_GREY)
        if quality.vehicle_pixels is not None:
            self._add(VEHICLE_PIXELS, step, quality.vehicle_pixels, "share of variance")
        if quality.ssim is not None:
            self._add(SSIM, step, quality.ssim, "1")
        if last:
            for name, value in r2.items():
                self._add(R2_PREFIX + name, step, value, "share of variance")
            self._score_at_end(step, latents)

    def _score_at_end(self, step: int, latents: Float32[np.ndarray, "frame latent"]) -> None:
        auc = hazard_auc(latents, self.data.hazard, self.data.episode)
        if auc is not None:
            self._add(HAZARD, step, auc, "area under ROC")
        brain = self.responses[self.data.held_out_rows]
        known = np.isfinite(brain).all(1)
        aligned = alignment_scores(latents[known], brain[known], self.data.episode[known])
        for metric, value in aligned.items():
            self._add(metric, step, value, "1")
        frames = torch.from_numpy(self.data.held_out[:256])
        with torch.no_grad():
            kl = kl_of_latents(self.network.encode(frames))
        self._add("kl", step, float(kl.sum()), "nats a frame")

    def _add(self, metric: str, step: int, value: float, unit: str) -> None:
        self.scores.append(Score(self.plan.varied, self.plan.seed, metric, step, value, unit))

    def _latents_and_pictures(
        self,
    ) -> tuple[
        Float32[np.ndarray, "frame latent"], UInt8[np.ndarray, "frame height width channel"]
    ]:
        latents = encode_frames(self.network, self.data.held_out)
        with torch.no_grad():
            decoded = [
                self.network.decode(part)
                for part in torch.split(torch.from_numpy(latents), _DECODED_TOGETHER)
            ]
        pictures = (torch.cat(decoded) * 255).round().byte().permute(0, 2, 3, 1)
        return latents, pictures.cpu().numpy()

    def _new_network(self, purpose: int) -> SceneVAE:
        height, width, channels = self.data.held_out.shape[1:]
        settings = SceneVAESettings(
            height,
            width,
            channels,
            latent_size=self.plan.isolated.latent_size,
            beta=self.plan.isolated.beta,
            widths=self.plan.isolated.widths,
        )
        network = SceneVAE(settings, torch_generator_for(self.plan.seed, purpose))
        return network.to(device_of(self.plan.device))

    def _attach(self) -> BrainAttachment | None:
        """The teacher's head on the posterior's mean; none for the student alone."""
        method, control = self.plan.condition.method, self.plan.condition.control
        if control == ALONE:
            return None
        contrastive = method is not None and method.strategy == "contrastive"
        if control == "alone_labelled":
            latents, ids = action_latents(self.taught)
        else:
            teacher = BRAIN if control == "alone_head" else control
            ids = self.taught.frame_id
            latents = teacher_frame_latents(
                teacher,
                self.taught,
                self.responses[ids],
                self.settings.latents,
                self.plan.brain.n_latents,
                self.plan.brain.label_r2,
                self._new_network(UNTRAINED),
                generator_for(self.plan.seed, TEACHER),
                self.plan.own_controls,
            )
        share = latents.share_of_variance.astype(np.float32)
        return attach(
            self.network,
            LAYER,
            BrainTargets(latents.values, ids, control, variance=share),
            strategy="contrastive" if contrastive else "regression",
            temperature=self.settings.temperature,
            generator=torch_generator_for(self.plan.seed, HEAD),
        )

    def _pixel_weights(self) -> ChangedPixels | None:
        weight = self.settings.changed_weight
        return None if weight is None else changed_pixels(self.watched.frames, weight)

    def _transfer(self, step: int, batch: FrameBatch) -> Tensor:
        assert self.attachment is not None
        weights = {
            "regression": self.settings.regression_weight,
            "contrastive": self.settings.contrastive_weight,
        }
        alone = self.plan.condition.control == "alone_head"
        weight = 0.0 if alone else weights[self.attachment.settings.strategy]
        return self.attachment.loss(batch.frame_id, weight=weight)

    def _keep(self, folder: Path) -> None:
        """The encoder, and of the first seed what it makes of a few held-out scenes."""
        slug = self.plan.varied.slug
        encoder = folder / kept_encoder(self.plan)
        self.network.save_pretrained(encoder)
        write_view(encoder, self.data.view)
        if self.plan.seed == self.settings.seeds[0]:
            self._keep_pictures(folder / "pictures" / f"{slug}.npz")

    def _keep_pictures(self, path: Path) -> None:
        rows = self._telling_rows()
        scenes = torch.from_numpy(self.data.held_out[rows])
        arrays = {
            "original": self._newest(scenes),
            f"{self.plan.varied}/reconstruction": self._newest(self.network.reconstruct(scenes)),
        }
        if self.plan.condition.control in (ALONE, BRAIN):
            moved = [
                self._newest(self.network.traverse(scenes[0], index, TRAVERSED.tolist()))
                for index in range(self.plan.isolated.latent_size)
            ]
            arrays[f"{self.plan.varied}/traversal"] = np.stack(moved)
        write_arrays(path, arrays)

    def _newest(self, scenes: Tensor) -> UInt8[np.ndarray, "..."]:
        """The newest frame of each stack: grey [scene height width], or with 3 colours behind."""
        newest = scenes[..., -self.data.n_newest :]
        return (newest if self.data.n_newest > 1 else newest[..., 0]).cpu().numpy()

    def _telling_rows(self) -> Int64[np.ndarray, " picture"]:
        """Held-out scenes with many pixels of other vehicles, spread over the drive."""
        pixels = self.data.vehicles.sum((1, 2))
        busy = np.flatnonzero(pixels >= np.quantile(pixels, 0.75))
        return busy[np.linspace(0, len(busy) - 1, _N_PICTURES).astype(np.int64)]


def kept_encoder(plan: DrivingPlan) -> str:
    """Where a run keeps a student's encoder, in its folder."""
    return f"encoders/seed-{plan.seed}/{plan.varied.slug}"


def _those_with(
    watched: TeachingFrames, responses: Float32[np.ndarray, "row unit"]
) -> TeachingFrames:
    """The frames that the brain's response to was recorded: they alone teach, by any teacher."""
    known = np.isfinite(responses[watched.frame_id]).all(1)
    return TeachingFrames(
        watched.frames[known],
        watched.frame_id[known],
        watched.labels[known],
        watched.episode[known],
        watched.action[known],
    )


def _first(watched: TeachingFrames, count: int) -> TeachingFrames:
    return TeachingFrames(
        watched.frames[:count],
        watched.frame_id[:count],
        watched.labels[:count],
        watched.episode[:count],
        watched.action[:count],
    )
