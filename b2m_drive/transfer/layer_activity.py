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
_A_COPY = (
    "this is a copy (deepcopy, pickle or torch.save), which listens to no network; attach the "
    "copied network anew, and give the new attachment this one's state_dict"
)
_WITHOUT_GRADIENTS = (
    "the last forward call was without gradients (torch.no_grad, torch.inference_mode, or "
    "torch.utils.checkpoint with use_reentrant=True, where use_reentrant=False works); for a "
    "validation loss put the attachment itself into evaluation mode first, attachment.eval()"
)
_FROZEN = (
    "its output carries no gradient, so the brain would teach the network nothing; unfreeze what "
    "comes before it, or train the head alone with the attachment in evaluation mode, "
    "attachment.eval()"
)


class LayerActivity:
    """Keeps what a layer put out in the network's last forward call, gradients included.

    A forward call begins with the network's own `forward`, or, for one that is used through other
    methods, with the layer. Each call forgets the one before, whether it reached the layer or not.
    Without gradients nothing is kept (evaluation under ``torch.no_grad`` costs nothing) unless
    `keeps_all` is set. The hooks are plain enough for ``torch.compile`` to trace them without a
    graph break.

    Activation checkpointing runs a layer again during the backward pass; that is not heard.
    """

    def __init__(self, network: nn.Module, layer: str, output_index: int | str = 0) -> None:
        self.path = layer
        found, root = find_layer(network, layer), without_compilation(network)
        self._ear = ear = _Ear(layer, output_index)
        _let_compiled_networks_notice_hooks()
        self._hooks = [
            found.register_forward_hook(ear),
            root.register_forward_pre_hook(_Start(ear)),
            root.register_forward_hook(_End(ear)),  # after the layer's, if they are one
        ]

    @property
    def keeps_all(self) -> bool:
        """Whether activity without gradients is kept too."""
        return self._ear.keeps_all

    @keeps_all.setter
    def keeps_all(self, value: bool) -> None:
        self._ear.keeps_all = value

    def take(self, *, to_train: bool = True) -> Tensor:
        """The output of the last forward call, once.

        Args:
            to_train: Whether a gradient must be able to flow back into the network.

        Raises:
            RuntimeError: If the layer was not heard in the last forward call, more than once, or
                without the gradients needed; names the reason.
        """
        ear = self._ear
        reason = ear.why_not(to_train)
        if reason:
            raise RuntimeError(f"layer {self.path!r}: {reason}")
        output = ear.collected
        assert output is not None
        ear.forget()
        return output

    def remove(self) -> None:
        """Stop listening, and leave the network as it was."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._ear.forget()
        self._ear.deaf = self._ear.deaf or "the attachment was removed; attach the network anew"

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what comes back from a file, listens to nothing."""
        return _deaf_activity, (self.path, self._ear.output_index)


def _deaf_activity(path: str, output_index: int | str) -> LayerActivity:
    activity = LayerActivity.__new__(LayerActivity)
    activity.path, activity._ear, activity._hooks = path, _Ear(path, output_index, _A_COPY), []
    return activity


class _Ear:
    """The layer's forward hook: holds its output until someone takes it."""

    def __init__(self, path: str, output_index: int | str, deaf: str = "") -> None:
        self.path = path
        self.output_index = output_index
        self.deaf = deaf  # why it hears nothing
        self.keeps_all = False
        self.collected: Tensor | None = None
        self.is_called = False  # the network, since the last time its activity was taken
        self.is_running = False  # the network's own forward call
        self.n_heard = 0  # times in the last forward call
        self.had_gradients = False  # enabled when it was heard

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if self.deaf or _in_backward():
            return
        self.n_heard = self.n_heard + 1 if self.is_running else 1
        self.is_called, self.had_gradients = True, torch.is_grad_enabled()
        if self.had_gradients or self.keeps_all:
            # A copy, as the next layer may write into its input (nn.ReLU(inplace=True)).
            self.collected = self._tensor_in(output).clone()
        else:
            self.collected = None

    def why_not(self, to_train: bool) -> str:
        """Why there is no activity to take; empty if there is."""
        if self.deaf:
            return self.deaf
        if not self.is_called:
            return "no forward call since the last loss; call the network on the batch first"
        if not self.n_heard:
            return "the network's last forward call did not reach it"
        if self.n_heard > 1:
            return (
                f"expected it once in a forward call, came {self.n_heard} times; to say which one "
                "is taught, pass that one through an nn.Identity of its own and attach there"
            )
        if self.collected is None:
            return _WITHOUT_GRADIENTS
        if to_train and torch.is_grad_enabled() and not self.collected.requires_grad:
            return _FROZEN if self.had_gradients else _WITHOUT_GRADIENTS
        return ""

    def forget(self) -> None:
        self.collected, self.is_called, self.n_heard = None, False, 0

    def __reduce__(self) -> tuple[type[_Ear], tuple[str, int | str, str]]:
        """A copied or pickled network carries a hook that listens to nothing."""
        return _Ear, (self.path, self.output_index, self.deaf or _A_COPY)

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


class _Start:
    """The network's hook before its forward call: what was heard before is over."""

    def __init__(self, ear: _Ear) -> None:
        self.ear = ear

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        ear = self.ear
        if not ear.deaf and not _in_backward():
            ear.collected, ear.n_heard, ear.is_called, ear.is_running = None, 0, True, True


class _End:
    """The network's hook after its forward call."""

    def __init__(self, ear: _Ear) -> None:
        self.ear = ear

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not self.ear.deaf and not _in_backward():
            self.ear.is_running = False


def _in_backward() -> bool:
    """Whether a backward pass is under way, in which checkpointed layers run again."""
    if torch.compiler.is_compiling():
        return False
    return bool(torch._C._current_graph_task_id() != -1)  # as torch.utils.checkpoint asks


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
        return activity.take(to_train=False).detach()
    finally:
        activity.remove()
        for module, was_training in training.items():
            module.training = was_training
