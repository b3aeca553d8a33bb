"""Teaching any layer of any network: the brain's term to add to your own loss."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor, nn

from b2m_drive.transfer.attachment_folder import read_head, write_head
from b2m_drive.transfer.attachment_settings import (
    HIGHEST_LEARNED_TEMPERATURE,
    LOWEST_LEARNED_TEMPERATURE,
    AttachmentSettings,
)
from b2m_drive.transfer.full_precision import without_autocast
from b2m_drive.transfer.layer_activity import (
    LayerActivity,
    Pool,
    feature_size_of,
    features_of,
    find_layer,
    output_for,
    time_axis_of,
    without_compilation,
)
from b2m_drive.transfer.targets import BrainTargets, whole_ids
from b2m_drive.transfer.term import Strategy

_N_IDS_SHOWN = 4


class BrainAttachment(nn.Module):
    """A head on one layer of a network, and the brain it learns to agree with; see `attach`.

    Its parameters are the head and, if learned, the temperature: give them to the optimiser. The
    network knows nothing of them; it only carries forward hooks until `remove`, or until the end
    of a ``with`` block.

    In training mode, in which it begins, a loss needs activity with gradients. In evaluation mode
    (``attachment.eval()``) it does not, and so gives a validation loss under ``torch.no_grad``.

    A copy of the network or of the attachment (``copy.deepcopy``, ``torch.save``) listens to
    nothing; attach the copy anew.
    """

    values: Tensor
    phase: Tensor
    share: Tensor

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
        n_outputs = teacher.n_phases * teacher.values.shape[-1]
        self.head = nn.Linear(in_features, n_outputs, device="meta").to_empty(device="cpu")
        self._initialise_head()
        self.log_temperature = (
            nn.Parameter(torch.tensor(math.log(settings.temperature)))
            if settings.learn_temperature
            else None
        )
        self._hold_teacher(teacher)
        self._term = settings.term
        self._has_looked = False
        self._activity = LayerActivity(network, settings.layer, settings.output_index)

    @property
    def temperature(self) -> float | Tensor:
        """Of the contrastive loss, fixed or learned.

        A learned one that a step of the optimiser took out of its bounds is first put back, as
        CLIP does: past a bound it would have no gradient to come back by.
        """
        if self.log_temperature is None:
            return self.settings.temperature
        with torch.no_grad():
            self.log_temperature.clamp_(
                math.log(LOWEST_LEARNED_TEMPERATURE), math.log(HIGHEST_LEARNED_TEMPERATURE)
            )
        return self.log_temperature.exp()

    def forward(
        self, features: Float[Tensor, "*batch feature"], phase: int = 0
    ) -> Float[Tensor, "*batch latent"]:
        """The brain latents that the head of a phase reads from a layer's features."""
        n_latents = self.values.shape[-1]
        own = slice(phase * n_latents, (phase + 1) * n_latents)
        weight, bias = self.head.weight[own], self.head.bias[own]
        with without_autocast(features):
            return nn.functional.linear(features.to(weight.dtype), weight, bias)

    def train(self, mode: bool = True) -> BrainAttachment:
        """Training mode, or evaluation mode, in which a loss needs no gradients."""
        super().train(mode)
        self._activity.keeps_all = not mode
        return self

    def loss(
        self,
        ids: Int[Tensor, " batch"] | Int[np.ndarray, " batch"] | Sequence[int],
        *,
        weight: float = 1.0,
    ) -> Float[Tensor, ""]:
        """Disagreement of the layer with the brain, in the network's last forward call.

        Args:
            ids: The trial or stimulus in each row of the batch, whole numbers. Rows that the
                teacher never saw are left out. An id may come twice; its rows are then no
                negatives of each other.
            weight: Of this term, such as a `WeightSchedule` gives.

        Returns:
            The term to add to the task's loss, in float32; 0 if the teacher saw none of the rows
            (with a warning while it has seen none of any batch).

        Raises:
            RuntimeError: If the layer was not heard exactly once in the network's last forward
                call, or, in training mode, without gradients; or that call's loss was taken.
            ValueError: If an id is no whole number, or the batch, the time steps or the features
                are not as many as expected.
        """
        features = self._features()
        rows = self._rows(ids, len(features))
        known = (rows >= 0).nonzero().flatten()
        rows, on = rows[known], features.device
        loss = self._term.loss(
            features[known.to(on)],
            self,
            self.values[rows.to(on)],
            self.share,
            trial=rows,  # by the teacher's row: an id may come twice in a batch
            phase=self.phase[rows],
            temperature=self.temperature,
            generator=self.generator,
        )
        return weight * loss

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
        return write_head(folder, self, self._description())

    def load(self, folder: str | Path) -> None:
        """Take over a head that `save` wrote for the same layer, settings and sizes.

        Raises:
            FileNotFoundError: If one of the two files is missing.
            ValueError: If a file is damaged or belongs to another attachment.
        """
        read_head(folder, self, self._description())

    def _initialise_head(self) -> None:
        """The uniform start of `torch.nn.Linear`, drawn from the generator."""
        bound = self.head.in_features**-0.5
        draws_on = None if self.generator is None else self.generator.device
        with torch.no_grad():
            for parameter in self.head.parameters():
                draw = torch.rand(parameter.shape, generator=self.generator, device=draws_on)
                parameter.copy_((2 * draw - 1) * bound)

    def _hold_teacher(self, teacher: BrainTargets) -> None:
        """Buffers move with the attachment to another device, and are not saved with it.

        Phases stay on the cpu, where a step's samples are chosen.
        """
        self.phase = torch.tensor(teacher.phase_of_steps)
        values = torch.tensor(teacher.values, dtype=torch.float32)
        values = values if teacher.over_time else values[:, None]
        self.register_buffer("values", values, persistent=False)
        self.register_buffer("share", torch.tensor(teacher.share_by_phase), persistent=False)

    def _features(self) -> Float[Tensor, "batch time feature"]:
        """The layer's last output; one time step where the teacher has no time axis."""
        over_time = self.teacher.over_time
        activity = self._activity.take(to_train=self.training)
        if activity.is_inference() and not torch.is_inference_mode_enabled():
            activity = activity.clone()  # a tensor that the head's gradient may be taken of
        features = features_of(
            activity,
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
        self,
        ids: Int[Tensor, " batch"] | Int[np.ndarray, " batch"] | Sequence[int],
        n_rows: int,
    ) -> Int64[Tensor, " batch"]:
        """Row of the teacher for each row of the batch, on the cpu; -1 where it has none."""
        came = ids.detach().cpu().numpy() if isinstance(ids, Tensor) else ids
        batch_ids = whole_ids(came, "ids of the batch")
        if batch_ids.shape != (n_rows,):
            raise ValueError(
                f"ids: expected {n_rows}, one a row of the batch that went through layer "
                f"{self.settings.layer!r}, came shape {batch_ids.shape}"
            )
        rows = self.teacher.rows_of(batch_ids)
        self._warn_of_strangers(batch_ids, rows)
        return torch.as_tensor(rows)

    def _warn_of_strangers(
        self, ids: Int64[np.ndarray, " batch"], rows: Int64[np.ndarray, " batch"]
    ) -> None:
        """Say once that nothing teaches, if the first batch holds no id of the teacher."""
        if self._has_looked or not len(ids):
            return
        self._has_looked = True
        if (rows < 0).all():
            taught = self.teacher.ids
            warnings.warn(
                f"ids: none of the {len(ids)} of this first batch ({_some(ids)}) is among the "
                f"{len(taught)} of the teacher {self.teacher.origin} ({_some(taught)}), so its "
                "loss is 0; are they numbered alike?",
                stacklevel=4,
            )

    def _description(self) -> dict[str, Any]:
        return {
            "class": "BrainAttachment",
            "settings": asdict(self.settings),
            "in_features": self.head.in_features,
            "n_latents": self.values.shape[-1],
            "n_phases": self.teacher.n_phases,
            "teacher": self.teacher.origin,
        }


def _some(ids: Int64[np.ndarray, " id"]) -> str:
    return ", ".join(map(str, ids[:_N_IDS_SHOWN])) + (", ..." if len(ids) > _N_IDS_SHOWN else "")


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
    positions_per_trial: int = 2,
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
            (Brain Contrastive Transfer). Either way latents count by their share of variance, and
            each phase has a head of its own: the term that the comparisons judge, see
            `b2m_drive.transfer.term`.
        example: An input of the network, or a tuple of its arguments, to measure the layer's
            features. Only needed where the layer does not say them.
        output_index: Which output to teach if the layer returns several; an LSTM's sequence is 0.
        time_axis: Of the layer's output; None: PyTorch's own sequence layers tell, others have 1.
            The batch is axis 0, or 1 where time is 0.
        pool: What becomes of further axes: ``"flatten"``, ``"spatial_mean"`` (keeps a
            convolution's channels) or ``"token_mean"`` (keeps a transformer's features).
        temperature: Of the contrastive loss; where it starts if it is learned.
        learn_temperature: Whether to learn it, between `LOWEST_LEARNED_TEMPERATURE` and
            `HIGHEST_LEARNED_TEMPERATURE`.
        positions_per_trial: Time steps that the contrastive loss draws from each trial and phase.
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
