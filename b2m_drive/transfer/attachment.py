"""Teaching any layer of any network: the brain's term to add to your own loss."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from safetensors.torch import save_file
from torch import Tensor, nn

from b2m_drive.files.json_files import read_json
from b2m_drive.files.refusals import naming
from b2m_drive.files.weights import read_weights
from b2m_drive.transfer.contrastive import info_nce_loss, near_in_time, sample_positions
from b2m_drive.transfer.latent_regression import latent_regression_loss
from b2m_drive.transfer.layer_activity import (
    POOLS,
    LayerActivity,
    Pool,
    feature_size_of,
    features_of,
    find_layer,
    output_for,
    time_axis_of,
    without_compilation,
)
from b2m_drive.transfer.targets import BrainTargets

Strategy = Literal["regression", "contrastive"]
STRATEGIES: tuple[Strategy, ...] = ("regression", "contrastive")
LOWEST_LEARNED_TEMPERATURE = 0.01  # as in CLIP, whose scale is clipped at 100

_WEIGHTS = "attachment.safetensors"
_SETTINGS = "attachment.json"


@dataclass(frozen=True)
class AttachmentSettings:
    """How a layer is read and how it is taught; see `attach`."""

    layer: str
    strategy: Strategy = "regression"
    output_index: int | str = 0
    time_axis: int = 1
    pool: Pool = "flatten"
    temperature: float = 0.2
    learn_temperature: bool = False
    positions_per_trial: int = 4
    exclude_within: int | None = None  # [time steps]

    def __post_init__(self) -> None:
        for name, known in (("strategy", STRATEGIES), ("pool", POOLS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: expected one of {known}, came {getattr(self, name)!r}")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"temperature: expected a positive number, came {self.temperature}")
        if self.positions_per_trial < 1:
            raise ValueError(
                f"positions_per_trial: expected at least 1, came {self.positions_per_trial}"
            )
        if self.exclude_within is not None and self.exclude_within < 0:
            raise ValueError(
                "exclude_within: expected a number of steps of at least 0 or None, "
                f"came {self.exclude_within}"
            )


class BrainAttachment(nn.Module):
    """A head on one layer of a network, and the brain it learns to agree with; see `attach`.

    Its parameters are the head and, if learned, the temperature: give them to the optimiser. The
    network knows nothing of them; it only carries a forward hook until `remove`, or until the end
    of a ``with`` block.
    """

    values: Tensor
    valid: Tensor
    variance: Tensor

    def __init__(
        self,
        network: nn.Module,
        teacher: BrainTargets,
        settings: AttachmentSettings,
        in_features: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.teacher = teacher
        self.generator = generator
        n_latents = teacher.values.shape[-1]
        self.head = nn.Linear(in_features, n_latents, device="meta").to_empty(device="cpu")
        self._initialise_head()
        self.log_temperature = (
            nn.Parameter(torch.tensor(math.log(settings.temperature)))
            if settings.learn_temperature
            else None
        )
        self._hold_teacher(teacher)
        self._activity = LayerActivity(network, settings.layer, settings.output_index)

    @property
    def temperature(self) -> float | Tensor:
        """Of the contrastive loss, fixed or learned."""
        if self.log_temperature is None:
            return self.settings.temperature
        return self.log_temperature.exp().clamp_min(LOWEST_LEARNED_TEMPERATURE)

    def forward(self, features: Float[Tensor, "*batch feature"]) -> Float[Tensor, "*batch latent"]:
        """The brain latents that the head reads from a layer's features."""
        prediction: Tensor = self.head(features.to(self.head.weight.dtype))
        return prediction

    def loss(
        self, ids: Int[Tensor, " batch"] | Int[np.ndarray, " batch"], *, weight: float = 1.0
    ) -> Float[Tensor, ""]:
        """Disagreement of the layer with the brain, in the network's last forward call.

        Args:
            ids: The trial or stimulus in each row of the batch. Rows that the teacher never saw
                are left out. An id may come twice; its rows are then no negatives of each other.
            weight: Of this term, such as a `WeightSchedule` gives.

        Returns:
            The term to add to the task's loss; 0 if the teacher saw none of the rows.

        Raises:
            RuntimeError: If the network was not called since the last loss.
            ValueError: If the batch, the time steps or the features are not as many as expected.
        """
        features = self._features()
        rows = self._rows(ids, len(features))
        known = rows >= 0
        prediction, rows = self(features[known]), rows[known]
        if self.settings.strategy == "regression":
            return weight * self._regression_loss(prediction, rows)
        return weight * self._contrastive_loss(prediction, rows)

    def remove(self) -> None:
        """Take the hook off the network; the head stays usable on features."""
        self._activity.remove()

    def __enter__(self) -> BrainAttachment:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def save(self, folder: str | Path) -> Path:
        """Write the head (safetensors) and the settings (JSON), each file whole or not at all.

        The teacher's values are not written: recordings have licences of their own.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as draft:
            weights = {name: value.contiguous() for name, value in self.state_dict().items()}
            save_file(weights, Path(draft, _WEIGHTS))
            Path(draft, _SETTINGS).write_text(json.dumps(self._description(), indent=2) + "\n")
            for name in (_WEIGHTS, _SETTINGS):
                os.replace(Path(draft, name), folder / name)
        return folder

    def load(self, folder: str | Path) -> None:
        """Take over a head that `save` wrote for the same layer, settings and sizes.

        Raises:
            FileNotFoundError: If one of the two files is missing.
            ValueError: If a file is damaged or belongs to another attachment.
        """
        folder = Path(folder)
        for name in (_SETTINGS, _WEIGHTS):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder}: expected a file {name} of a saved attachment")
        self._check_description(folder / _SETTINGS)
        weights = read_weights(folder / _WEIGHTS)
        with naming(folder / _WEIGHTS, f"the head of {self._description()}"):
            self.load_state_dict(weights)

    def _initialise_head(self) -> None:
        """The uniform start of `torch.nn.Linear`, drawn from the generator."""
        bound = self.head.in_features**-0.5
        draws_on = None if self.generator is None else self.generator.device
        with torch.no_grad():
            for parameter in self.head.parameters():
                draw = torch.rand(parameter.shape, generator=self.generator, device=draws_on)
                parameter.copy_((2 * draw - 1) * bound)

    def _hold_teacher(self, teacher: BrainTargets) -> None:
        """Buffers move with the attachment to another device, and are not saved with it."""
        values = torch.tensor(teacher.values, dtype=torch.float32)
        valid = torch.ones(values.shape[:2], dtype=torch.bool)
        if not teacher.over_time:
            valid = torch.ones(len(values), 1, dtype=torch.bool)
            values = values[:, None]
        elif teacher.valid is not None:
            valid = torch.tensor(teacher.valid)
        variance = torch.ones(values.shape[-1])
        if teacher.variance is not None:
            variance = torch.tensor(teacher.variance, dtype=torch.float32)
        self.register_buffer("values", values, persistent=False)
        self.register_buffer("valid", valid, persistent=False)
        self.register_buffer("variance", variance, persistent=False)

    def _features(self) -> Float[Tensor, "batch time feature"]:
        """The layer's last output; one time step where the teacher has no time axis."""
        over_time = self.teacher.over_time
        features = features_of(
            self._activity.take(),
            time_axis=self.settings.time_axis,
            over_time=over_time,
            pool=self.settings.pool,
        )
        features = features if over_time else features[:, None]
        name = f"layer {self.settings.layer!r}"
        if features.device != self.values.device:
            raise ValueError(
                f"{name}: expected its output on the attachment's device {self.values.device}, "
                f"came {features.device}; move the attachment with .to({str(features.device)!r})"
            )
        if features.shape[-1] != self.head.in_features:
            raise ValueError(
                f"{name}: expected {self.head.in_features} features, came {features.shape[-1]}; "
                "give attach an example= input, or another pool= or time_axis="
            )
        if features.shape[1] != self.values.shape[1]:
            raise ValueError(
                f"{name}: expected {self.values.shape[1]} time steps, as many as the teacher "
                f"{self.teacher.origin} has, came {features.shape[1]}; see time_axis="
            )
        return features

    def _rows(
        self, ids: Int[Tensor, " batch"] | Int[np.ndarray, " batch"], n_rows: int
    ) -> Int64[Tensor, " batch"]:
        """Row of the teacher for each row of the batch; -1 where it has none."""
        batch_ids = ids.detach().cpu().numpy() if isinstance(ids, Tensor) else ids
        if batch_ids.shape != (n_rows,):
            raise ValueError(
                f"ids: expected {n_rows}, one a row of the batch that went through layer "
                f"{self.settings.layer!r}, came shape {batch_ids.shape}"
            )
        rows = self.teacher.rows_of(batch_ids.astype(np.int64))
        return torch.as_tensor(rows, device=self.values.device)

    def _regression_loss(
        self, prediction: Float[Tensor, "row time latent"], rows: Int64[Tensor, " row"]
    ) -> Float[Tensor, ""]:
        return latent_regression_loss(
            prediction.flatten(0, 1),
            self.values[rows].flatten(0, 1),
            weight=self.variance,
            mask=self.valid[rows].flatten(),
        )

    def _contrastive_loss(
        self, prediction: Float[Tensor, "row time latent"], rows: Int64[Tensor, " row"]
    ) -> Float[Tensor, ""]:
        per_trial = self.settings.positions_per_trial if self.teacher.over_time else 1
        row, step = sample_positions(self.valid[rows], per_trial, self.generator)
        trial = rows[row]  # by the teacher's row: an id may come twice in a batch
        return info_nce_loss(
            prediction[row, step],
            self.values[trial, step],
            temperature=self.temperature,
            exclude=near_in_time(trial, step, self.settings.exclude_within),
        )

    def _description(self) -> dict[str, Any]:
        return {
            "class": "BrainAttachment",
            "settings": asdict(self.settings),
            "in_features": self.head.in_features,
            "n_latents": self.head.out_features,
            "teacher": self.teacher.origin,
        }

    def _check_description(self, path: Path) -> None:
        """The same attachment, though perhaps of another teacher."""
        came = read_json(path, "the settings of a BrainAttachment")
        for field, expected in self._description().items():
            if field != "teacher" and came.get(field) != expected:
                raise ValueError(f"{path}: {field}: expected {expected}, came {came.get(field)}")


def attach(
    network: nn.Module,
    layer: str,
    teacher: BrainTargets,
    *,
    strategy: Strategy = "regression",
    example: Tensor | tuple[Any, ...] | None = None,
    output_index: int | str = 0,
    time_axis: int | None = None,
    pool: Pool = "flatten",
    temperature: float = 0.2,
    learn_temperature: bool = False,
    positions_per_trial: int = 4,
    exclude_within: int | None = None,
    generator: torch.Generator | None = None,
) -> BrainAttachment:
    """Let a brain teach a layer of a network.

    ::

        attachment = attach(network, "encoder.2", BrainTargets(values, ids, "my session"))
        optimiser = torch.optim.Adam([*network.parameters(), *attachment.parameters()])
        loss = task_loss(network(batch)) + attachment.loss(ids)

    Args:
        network: Any module, compiled or not. Its parameters and its ``state_dict`` stay its own.
            (PyTorch's ``skip_nnmodule_hook_guards`` is switched off for the whole process, so
            that compiled networks notice hooks that come and go.)
        layer: Path of the layer, as in ``network.named_modules()``.
        teacher: Activity or latents of the brain; paired with the batch by id.
        strategy: ``"regression"``, a linear head predicts the latents (Brain Latent Transfer);
            ``"contrastive"``, its output and the latents attract each other at equal moments
            (Brain Contrastive Transfer; the latents' variance is not used).
        example: An input of the network, or a tuple of its arguments, to measure the layer's
            features. Only needed where the layer does not say them.
        output_index: Which output to teach if the layer returns several; an LSTM's sequence is 0.
        time_axis: Of the layer's output; None: PyTorch's own sequence layers tell, others have 1.
            The batch is axis 0, or 1 where time is 0.
        pool: What becomes of further axes: ``"flatten"``, ``"spatial_mean"`` (keeps a
            convolution's channels) or ``"token_mean"`` (keeps a transformer's features).
        temperature: Of the contrastive loss; where it starts if it is learned.
        learn_temperature: Whether to learn it, not below `LOWEST_LEARNED_TEMPERATURE`.
        positions_per_trial: Time steps that the contrastive loss draws from each trial.
        exclude_within: Steps of one trial at most so many steps apart are no negatives of each
            other; None: no steps of one trial are.
        generator: Of the head's start and of the steps drawn; None: PyTorch's global one.

    Raises:
        ValueError: If there is no such layer, its output cannot be taught, its number of features
            is unknown without an example, or a setting is impossible.
    """
    module = find_layer(network, layer)
    settings = AttachmentSettings(
        layer,
        strategy,
        output_index,
        time_axis_of(module) if time_axis is None else time_axis,
        pool,
        temperature,
        learn_temperature,
        positions_per_trial,
        exclude_within,
    )
    in_features = _feature_size(network, module, teacher, settings, example)
    attachment = BrainAttachment(network, teacher, settings, in_features, generator)
    parameter = next(without_compilation(network).parameters(), None)
    return attachment if parameter is None else attachment.to(parameter.device)


def _feature_size(
    network: nn.Module,
    layer: nn.Module,
    teacher: BrainTargets,
    settings: AttachmentSettings,
    example: Tensor | tuple[Any, ...] | None,
) -> int:
    if example is not None:
        output = output_for(network, settings.layer, settings.output_index, example)
        features = features_of(
            output,
            time_axis=settings.time_axis,
            over_time=teacher.over_time,
            pool=settings.pool,
        )
        return int(features.shape[-1])
    size = feature_size_of(layer, settings.pool)
    if size is None:
        raise ValueError(
            f"example: expected an input of the network, to measure the features of layer "
            f"{settings.layer!r} ({type(layer).__name__}, pool={settings.pool!r}), came None"
        )
    return size
