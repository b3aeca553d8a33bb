"""A student out of anyone's encoder and decoder, and frames from anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor, nn

from b2m_drive.evidence.state_probe import state_r2, varying_variables
from b2m_drive.students.devices import device_of_network
from b2m_drive.students.frames.opening import frames_in_memory, open_frames
from b2m_drive.students.frames.scenes import SceneFrames
from b2m_drive.students.frames.source import FrameSource, Pixels, held_out_frames, rows_of_ids
from b2m_drive.students.own_network import (
    Frames,
    NetworkFactory,
    check_layer,
    make_network,
    own_loss,
    reconstruct,
    seeded_by,
)
from b2m_drive.students.student import Batch, ScoreWords
from b2m_drive.teachers.scene_controls import state_labels
from b2m_drive.teachers.spread import varies
from b2m_drive.transfer.layer_activity import LayerActivity, features_of, time_axis_of

RECONSTRUCTION, STATE = "reconstruction_r2", "state_r2"
_MOST_TO_SCORE = 512  # held-out frames, evenly spaced
_MOST_FOR_MEAN = 2048  # teaching frames, evenly spaced
_MOST_PROBED = 256  # features that the state is read from; of more, their principal components
_TOGETHER = 128  # frames through a network at once
_SCORING = 0  # seed of what a network draws while it is scored

_OF_RECONSTRUCTION = ScoreWords(
    "R² of held-out frames' reconstruction",
    "share of variance",
    0.0,
    "the mean frame",
    "frames",
    (0.3, 0.5, 0.7),
)
_OF_STATE = ScoreWords(
    "R² of the scene's state", "share of variance", 0.0, "nothing known", "frames", (0.3, 0.4, 0.5)
)
_NO_STATE = "its frames come without the state of a scene"
_FIXED_STUDY = "asked of b2m-drive's own encoder only, by compare driving without --encoder"


class FrameStudent:
    """Learns to reconstruct frames; a layer of its encoder is what a brain teaches.

    ::

        student = FrameStudent("mine:Autoencoder", "encoder.3", "pictures/")
        run = Comparison(student, recording).run("runs/mine")

    What a network has to do stands in `b2m_drive.students.own_network`. Unless it has a
    ``task_loss`` of its own, its loss is the squared error of the reconstruction, as a share of the
    frames' variance (1: no better than the mean frame), and whatever terms it adds.

    Whole episodes, or blocks of neighbouring frames, teach nobody: neither the network nor the
    teacher's latents. On them it is scored. What is judged is how much of the scene's state can be
    read from the layer, as in the driving study, where frames have a state; else how much of their
    variance the reconstruction has. `cannot` says what is left out and why.

    Args:
        network: ``module:factory``, or the factory itself; it travels to worker processes by name.
        layer: That is taught: a path of ``network.named_modules()``.
        frames: See `open_frames`, or a source of them.
        batch_size: Frames a step.
        name: Of the run; None: the factory's.

    Raises:
        FileNotFoundError: If there are no frames.
        ValueError: If there are too few frames or they do not vary; if the network cannot be made,
            does not give what it should, or has no such layer, or one that cannot be taught.
    """

    def __init__(
        self,
        network: str | Callable[..., nn.Module],
        layer: str,
        frames: FrameSource | str | Path,
        batch_size: int = 32,
        name: str | None = None,
    ) -> None:
        self.factory = NetworkFactory(network) if isinstance(network, str) else network
        self.layer, self.batch_size = layer, batch_size
        self.frames: FrameSource = open_frames(frames) if isinstance(frames, str | Path) else frames
        self.name = name or _name_of(self.factory)
        self.is_held_out = held_out_frames(self.frames)
        if not 1 <= batch_size <= len(self.teaching):
            raise ValueError(
                f"{self.frames.name}: expected a batch of frames or more that teach "
                f"({batch_size}), came {len(self.teaching)} of {len(self.is_held_out)}; batch_size "
                f"may be 1 to {len(self.teaching)}"
            )
        if not self._spread > 0:
            raise ValueError(f"{self.frames.name}: expected frames that vary, came none")
        self._check_network()
        self.words = _OF_STATE if self.variables else _OF_RECONSTRUCTION

    @property
    def teaching(self) -> Int64[np.ndarray, " frame"]:
        """Rows of the frames that the network learns from."""
        return np.flatnonzero(~self.is_held_out)

    @cached_property
    def scored(self) -> Int64[np.ndarray, " frame"]:
        """Rows of the held-out frames that it is scored on."""
        return _evenly(np.flatnonzero(self.is_held_out), _MOST_TO_SCORE)

    @property
    def cannot(self) -> Mapping[str, str]:
        """What this student leaves out of a comparison, and why."""
        found = {"curves over frames and signal": _FIXED_STUDY}
        if not isinstance(self.frames, SceneFrames):
            return {
                "labels": _NO_STATE,
                "R² of the scene's state, hazard": _NO_STATE,
                "error on other vehicles": "its frames come without masks of vehicles",
                **found,
            }
        if not self.variables:
            found["R² of the scene's state"] = "too few held-out frames or episodes to read it from"
        return {"hazard, error on other vehicles": _FIXED_STUDY, **found}

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Variables of the scene's state that the layer is read for; none without a state."""
        if not isinstance(self.frames, SceneFrames):
            return ()
        dataset = self.frames.dataset
        state = dataset.state[self.scored]
        names = dataset.header.state_names
        return tuple(varying_variables(state, names, self.frames.group[self.scored]))

    def new_network(self, generator: torch.Generator) -> nn.Module:
        """A network of the factory, its start drawn from the generator."""
        found = self.factory.find() if isinstance(self.factory, NetworkFactory) else self.factory
        height, width, channels = self.frames.shape
        return make_network(found, self.name, (channels, height, width), generator)

    def batches(self, generator: np.random.Generator) -> Iterator[Batch]:
        """Frames that teach, drawn at random, and a seed for what the network draws itself."""
        rows = self.teaching
        while True:
            chosen = np.sort(generator.choice(rows, self.batch_size, replace=False))
            seed = int(generator.integers(2**31))
            yield Batch(self.frames.ids[chosen], (self._tensor(chosen), seed))

    def task_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """The network's own loss, or the reconstruction's error and the network's terms."""
        frames, seed = batch.inputs
        with seeded_by(torch.Generator().manual_seed(seed)):
            own = own_loss(network, self.name, frames)
            if own is not None:
                return own
            picture, terms = reconstruct(network, self.name, frames)
        error: Tensor = (picture - frames).square().mean() / self._spread
        return error + terms

    @torch.no_grad()
    def score(self, network: nn.Module) -> dict[str, float]:
        """On held-out frames: what is judged comes first."""
        residual, parts, device = 0.0, [], device_of_network(network)
        ear = LayerActivity(network, self.layer)
        ear.keeps_all = True
        try:
            for rows in _parts(self.scored):
                frames = self._tensor(rows).to(device)
                with seeded_by(torch.Generator().manual_seed(_SCORING)):
                    picture, _ = reconstruct(network, self.name, frames)
                residual += float((picture - frames).double().square().sum())
                parts.append(self._features(network, ear.take(to_train=False)))
        finally:
            ear.remove()
        found = {RECONSTRUCTION: 1 - residual / self._total}
        if not self.variables:
            return found
        return {STATE: self._state_r2(np.concatenate(parts)), **found}

    def seen(self, ids: Int64[np.ndarray, " row"]) -> Tensor:
        """The frames of these ids, as the network sees them."""
        return self._tensor(rows_of_ids(self.frames, ids))

    def labels(self, ids: Int64[np.ndarray, " row"]) -> Float32[np.ndarray, "row label"]:
        """The state of the scene in the frames of these ids.

        Raises:
            TypeError: If the frames have none.
        """
        if not isinstance(self.frames, SceneFrames):
            raise TypeError(f"{self.frames.name}: {_NO_STATE}")
        dataset = self.frames.dataset
        rows = rows_of_ids(self.frames, ids)
        return state_labels(dataset.state[rows], dataset.header.state_names)

    def held_out(self, ids: Int64[np.ndarray, " id"]) -> Bool[np.ndarray, " id"]:
        """Which of these ids' frames teach nobody."""
        return np.asarray(self.is_held_out[rows_of_ids(self.frames, ids)])

    def describe(self) -> dict[str, Any]:
        """What decides its numbers, for the configuration of a run."""
        network = self.new_network(torch.Generator().manual_seed(0))
        path, colon, dataset = self.frames.name.partition(":/")
        shapes = [(name, list(each.shape)) for name, each in network.state_dict().items()]
        return {
            "n_parameters": sum(each.numel() for each in network.parameters()),
            "architecture": _digest(f"{network}{shapes}".encode()),
            "frames": f"{Path(path).name}{colon}{dataset}",  # wherever they were moved to
            "n_frames": len(self.frames.ids),
            "frame_shape": list(self.frames.shape),
            "frame_id": self.frames.numbered_by,
            "held_out_by": self.frames.grouped_by,
            "n_teaching_frames": len(self.teaching),
            "n_held_out_frames": int(self.is_held_out.sum()),
            "n_scored_frames": len(self.scored),
            "fingerprint": self._fingerprint,
        }

    @cached_property
    def _fingerprint(self) -> str:
        """Of ids and of some frames."""
        some = self.frames.read(_evenly(np.arange(len(self.frames.ids)), 64))
        return _digest(self.frames.ids.tobytes() + some.tobytes())

    @cached_property
    def _mean(self) -> Float64[np.ndarray, "channel height width"]:
        """The mean of frames that teach."""
        rows = _evenly(self.teaching, _MOST_FOR_MEAN)
        sums = [self._tensor(part).double().sum(0).numpy() for part in _parts(rows)]
        return np.asarray(np.sum(sums, axis=0) / len(rows))

    @cached_property
    def _spread(self) -> float:
        """Mean squared distance from the mean frame, of frames that teach."""
        rows = _evenly(self.teaching, _MOST_FOR_MEAN)
        return self._distance(rows) / (len(rows) * self._mean.size)

    @cached_property
    def _total(self) -> float:
        """Summed squared distance of the held-out frames from the mean frame."""
        total = self._distance(self.scored)
        if not total > 0:
            raise ValueError(f"{self.frames.name}: expected held-out frames that vary, came none")
        return total

    def _distance(self, rows: Int64[np.ndarray, " frame"]) -> float:
        return float(
            sum(((self._tensor(part).numpy() - self._mean) ** 2).sum() for part in _parts(rows))
        )

    def _pixels(self, rows: Int64[np.ndarray, " frame"]) -> Pixels:
        kept = frames_in_memory(self.frames)
        return self.frames.read(rows) if kept is None else kept[rows]

    def _tensor(self, rows: Int64[np.ndarray, " frame"]) -> Frames:
        """Frames as a network sees them; uint8 becomes 0 to 1."""
        pixels = np.ascontiguousarray(self._pixels(rows).transpose(0, 3, 1, 2))
        frames = torch.from_numpy(pixels)
        return frames.float() / 255 if frames.dtype == torch.uint8 else frames

    def _features(self, network: nn.Module, output: Tensor) -> Float32[np.ndarray, "row feature"]:
        axis = time_axis_of(network.get_submodule(self.layer))
        rows = features_of(output, time_axis=axis, over_time=False, pool="flatten")
        found: np.ndarray = rows.float().cpu().numpy()
        return found

    def _state_r2(self, activity: Float32[np.ndarray, "row feature"]) -> float:
        assert isinstance(self.frames, SceneFrames)
        dataset = self.frames.dataset
        names = dataset.header.state_names
        columns = [names.index(name) for name in self.variables]
        state = dataset.state[self.scored][:, columns]
        group = self.frames.group[self.scored]
        found = state_r2(_at_most(activity, _MOST_PROBED), state, self.variables, group)
        return float(np.mean(list(found.values())))

    def _check_network(self) -> None:
        """Take one step's loss of a few frames, and hear the layer, as a comparison will."""
        network = self.new_network(torch.Generator().manual_seed(0))
        check_layer(network, self.name, self.layer)
        rows = self.teaching[:3]
        frames = self._tensor(rows)
        batch = Batch(self.frames.ids[rows], (frames, 0))
        ear = LayerActivity(network, self.layer)
        try:
            loss = self.task_loss(network, batch)
            output = ear.take()
            with torch.no_grad():
                reconstruct(network.eval(), self.name, frames)
        except RuntimeError as error:
            raise ValueError(f"encoder {self.name}: {error}") from error
        finally:
            ear.remove()
        if not torch.isfinite(loss):
            raise ValueError(f"encoder {self.name}: expected a finite loss, came {float(loss)}")
        self._check_output(network, output, len(rows))

    def _check_output(self, network: nn.Module, output: Tensor, count: int) -> None:
        try:
            n_rows = len(self._features(network, output.detach()))
        except ValueError:
            n_rows = 0
        if n_rows != count:
            raise ValueError(
                f"layer {self.layer}: expected its output to be [batch ...], {count} rows for "
                f"{count} frames, came the shape {list(output.shape)}"
            )


def _name_of(factory: NetworkFactory | Callable[..., nn.Module]) -> str:
    if isinstance(factory, NetworkFactory):
        return factory.name
    return f"{factory.__module__}:{factory.__qualname__}"


def _evenly(rows: Int64[np.ndarray, " frame"], most: int) -> Int64[np.ndarray, " chosen"]:
    """So many rows at most, evenly spaced."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def _parts(rows: Int64[np.ndarray, " frame"]) -> list[Int64[np.ndarray, " part"]]:
    return [rows[start : start + _TOGETHER] for start in range(0, len(rows), _TOGETHER)]


def _at_most(
    activity: Float32[np.ndarray, "row feature"], most: int
) -> Float32[np.ndarray, "row kept"]:
    """Wide activity by its leading principal components, which a ridge regression can afford."""
    if activity.shape[1] <= most:
        return activity
    centred = (activity - activity.mean(0))[:, varies(activity)]
    if not centred.shape[1]:
        return activity[:, :1]
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(left[:, :most] * size[:most], dtype=np.float32)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
