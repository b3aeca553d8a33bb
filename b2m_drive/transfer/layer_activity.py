"""Listening to one layer of a network that somebody else wrote."""

from __future__ import annotations

import difflib
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

Pool = Literal["flatten", "spatial_mean", "token_mean"]
POOLS: tuple[Pool, ...] = ("flatten", "spatial_mean", "token_mean")

_N_LAYERS_SHOWN = 8


class LayerActivity:
    """Keeps what a layer put out in the network's last forward call, gradients included.

    It listens only while gradients are enabled, so evaluation under ``torch.no_grad`` costs
    nothing. If a layer runs several times in one forward call, the last time counts. The hook is
    plain enough for ``torch.compile`` to trace it without a graph break.
    """

    def __init__(self, network: nn.Module, layer: str, output_index: int | str = 0) -> None:
        self.path = layer
        self.layer = find_layer(network, layer)
        self._collector = _Collector(layer, output_index)
        _let_compiled_networks_notice_hooks()
        self._hook = self.layer.register_forward_hook(self._collector)

    def take(self) -> Tensor:
        """The output of the last forward call, once.

        Raises:
            RuntimeError: If no forward call has reached the layer since the last time.
        """
        output, self._collector.collected = self._collector.collected, None
        if output is None:
            raise RuntimeError(
                f"layer {self.path!r}: no forward call with gradients since the last loss; call "
                "the network on the batch first"
            )
        return output

    def remove(self) -> None:
        """Stop listening, and leave the network as it was."""
        self._hook.remove()
        self._collector.collected = None


class _Collector:
    """The forward hook: holds the layer's output until someone takes it."""

    def __init__(self, path: str, output_index: int | str, listening: bool = True) -> None:
        self.path = path
        self.output_index = output_index
        self.listening = listening
        self.collected: Tensor | None = None

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if self.listening and torch.is_grad_enabled():
            # A copy, as the next layer may write into its input (nn.ReLU(inplace=True)).
            self.collected = self._tensor_in(output).clone()

    def __reduce__(self) -> tuple[type[_Collector], tuple[str, int | str, bool]]:
        """A copied or pickled network carries a hook that listens to nothing."""
        return _Collector, (self.path, self.output_index, False)

    def _tensor_in(self, output: Any) -> Tensor:
        if isinstance(output, Tensor):
            return output
        try:
            chosen = output[self.output_index]
        except (TypeError, LookupError):
            chosen = None
        if isinstance(chosen, Tensor):
            return chosen
        raise ValueError(
            f"layer {self.path!r}: expected a tensor, or one at output_index="
            f"{self.output_index!r}, came {type(output).__name__} holding {type(chosen).__name__}"
        )


def _let_compiled_networks_notice_hooks() -> None:
    """Make ``torch.compile`` check for hooks, and compile anew what it compiled without looking.

    By default it does not look, so of two networks of one class, one with a hook and one without,
    both would run whichever was compiled last (``skip_nnmodule_hook_guards`` in PyTorch).
    """
    import torch._dynamo  # takes a second, and a training loop's optimiser imports it as well

    if torch._dynamo.config.skip_nnmodule_hook_guards:
        torch._dynamo.config.skip_nnmodule_hook_guards = False
        torch.compiler.reset()


def find_layer(network: nn.Module, path: str) -> nn.Module:
    """The layer at a path of ``network.named_modules()``, ``"encoder.2"`` for example.

    Raises:
        ValueError: If there is none; the message shows the nearest paths.
    """
    layers: dict[str, nn.Module] = dict(without_compilation(network).named_modules())
    if path in layers:
        return layers[path]
    paths = [known for known in layers if known]
    near = difflib.get_close_matches(path, paths, n=3)
    hint = f"did you mean {near}? " if near else ""
    more = ", ..." if len(paths) > _N_LAYERS_SHOWN else ""
    raise ValueError(
        f"layer: expected a path of {type(network).__name__}.named_modules(), came {path!r}; "
        f"{hint}There are: {', '.join(paths[:_N_LAYERS_SHOWN])}{more}"
    )


def without_compilation(network: nn.Module) -> nn.Module:
    """The network that ``torch.compile`` was given, or the network itself."""
    original: nn.Module = getattr(network, "_orig_mod", network)
    return original


def time_axis_of(layer: nn.Module) -> int:
    """Where PyTorch's own sequence layers keep time: 0, or 1 if ``batch_first``; else 1."""
    if isinstance(layer, nn.TransformerEncoder | nn.TransformerDecoder):
        layer = layer.layers[0]
    if isinstance(layer, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
        layer = layer.self_attn
    if isinstance(layer, nn.RNNBase | nn.MultiheadAttention):
        return 1 if layer.batch_first else 0
    return 1


def features_of(
    output: Float[Tensor, "*shape"], *, time_axis: int, over_time: bool, pool: Pool
) -> Float[Tensor, "batch time feature"] | Float[Tensor, "batch feature"]:
    """Bring a layer's output to one row of features a stimulus, or a time step.

    Args:
        output: Of the layer; batch is its first axis, or the second where time is the first.
        time_axis: Of the output.
        over_time: Whether to keep time apart from the features.
        pool: What becomes of the axes after batch (and time): ``"flatten"`` joins them,
            ``"spatial_mean"`` averages all but the first (channels of a convolution),
            ``"token_mean"`` all but the last (tokens of a transformer).

    Raises:
        ValueError: If the output has no axis left for features.
    """
    n_kept = 2 if over_time else 1
    if output.ndim <= n_kept or not -output.ndim <= time_axis < output.ndim:
        axes = "batch, time and features" if over_time else "batch and features"
        raise ValueError(
            f"output of the layer: expected axes for {axes}, time_axis={time_axis}, "
            f"came shape {tuple(output.shape)}"
        )
    batch_first = output.transpose(0, 1) if time_axis == 0 else output.movedim(time_axis, 1)
    rows = batch_first.flatten(0, 1) if over_time else batch_first
    if pool == "spatial_mean":
        rows = rows.flatten(2).mean(2) if rows.ndim > 2 else rows
    elif pool == "token_mean":
        rows = rows.flatten(1, -2).mean(1) if rows.ndim > 2 else rows
    return rows.reshape(*batch_first.shape[:n_kept], -1)


def feature_size_of(layer: nn.Module, pool: Pool) -> int | None:
    """Features that a layer of PyTorch's own puts out, where its attributes tell; else None."""
    if isinstance(layer, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
        layer = layer.self_attn
    if isinstance(layer, nn.RNNBase):
        directions = 2 if layer.bidirectional else 1
        return directions * int(layer.proj_size or layer.hidden_size)
    if isinstance(layer, nn.Linear):
        return layer.out_features
    if isinstance(layer, nn.MultiheadAttention):
        return int(layer.embed_dim)
    if isinstance(layer, _ConvNd) and pool == "spatial_mean":
        return layer.out_channels
    return None


def output_for(
    network: nn.Module, layer: str, output_index: int | str, example: Tensor | tuple[Any, ...]
) -> Tensor:
    """What a layer puts out for an example, leaving the network as it was.

    The network runs in evaluation mode: no statistics of a batch are updated, nothing drops out.
    """
    network = without_compilation(network)
    training = {module: module.training for module in network.modules()}
    activity = LayerActivity(network, layer, output_index)
    try:
        network.eval()
        with torch.enable_grad():
            network(*(example if isinstance(example, tuple) else (example,)))
        return activity.take().detach()
    finally:
        activity.remove()
        for module, was_training in training.items():
            module.training = was_training
