"""A network that somebody else wrote: found as ``module:factory``, made, and asked for pictures.

The contract: ``factory()``, or ``factory(shape)`` with the frames' (channels, height, width), gives
a `torch.nn.Module` whose forward takes float32 ``[batch channel height width]`` (0 to 1 where the
frames were uint8) and gives their reconstruction in the same shape, or (reconstruction, terms),
with further terms of the loss: a number, or a mapping from names to numbers. A network with a
method ``task_loss(frames)`` is trained by that instead.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from b2m_drive.files.refusals import said

Shape: TypeAlias = tuple[int, int, int]  # channels, height, width
Frames: TypeAlias = Float32[Tensor, "batch channel height width"]
_N_NAMES = 40  # in the message of an error


@dataclass(frozen=True)
class NetworkFactory:
    """A function or class that makes networks, by the name of its module.

    It is looked up where it is called, so that it reaches other processes by its name: among what
    is installed, and first in the folder that was worked in when it was named.

    Raises:
        ValueError: When made, if the name is not ``module:factory``; when called, if there is no
            such module or function, or it raises; names which.
    """

    name: str  # module:factory
    folder: str = field(default_factory=lambda: str(Path.cwd()))

    def __post_init__(self) -> None:
        module, _, factory = self.name.partition(":")
        parts = [*module.split("."), *factory.split(".")]
        if not all(part.isidentifier() for part in parts):
            raise ValueError(
                f"encoder: expected MODULE:FACTORY, such as mine:Autoencoder, came {self.name!r}"
            )

    def find(self) -> Callable[..., Any]:
        """The function or class itself."""
        module_name, _, path = self.name.partition(":")
        found: Any = self._module(module_name)
        for part in path.split("."):
            if not hasattr(found, part):
                raise ValueError(
                    f"encoder: expected {path!r} in the module {module_name}, found none; "
                    f"{_callables_of(found, part)}"
                )
            found = getattr(found, part)
        if not callable(found):
            raise ValueError(
                f"encoder: expected a function or class {self.name}, came {type(found).__name__}"
            )
        return found  # type: ignore[no-any-return]

    def _module(self, name: str) -> Any:
        if self.folder not in sys.path:
            sys.path.insert(0, self.folder)
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name and f"{name}.".startswith(f"{error.name}."):
                hint = f"; did you mean {name.removesuffix('.py')}?" if name.endswith(".py") else ""
                raise ValueError(
                    f"encoder: expected a module {name} in {self.folder} or installed, found none"
                    f"{hint}"
                ) from error
            raise ValueError(f"encoder: importing {name} raised {_raised(error)}") from error
        except Exception as error:  # whatever a user's module does
            raise ValueError(f"encoder: importing {name} raised {_raised(error)}") from error


def make_network(
    factory: Callable[..., Any], name: str, shape: Shape, generator: torch.Generator
) -> nn.Module:
    """A network before its first step, its start drawn from the generator.

    Args:
        factory: Called with the frames' shape if it has a parameter ``shape`` or one without a
            default, else with nothing.
        name: Of the factory, for errors.
        shape: Channels, height, width.
        generator: Seeds PyTorch's global one while the network is made.

    Raises:
        ValueError: If the factory raises, or what it gives is no module or has no parameter.
    """
    given = (shape,) if _takes_shape(factory) else ()
    with seeded_by(generator):
        try:
            network = factory(*given)
        except Exception as error:  # whatever a user's function does
            raise ValueError(f"encoder {name}: {_raised(error)}") from error
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"encoder {name}: expected a torch.nn.Module, came {type(network).__name__}"
        )
    if next(network.parameters(), None) is None:
        raise ValueError(f"encoder {name}: expected parameters to train, came none")
    return network


def reconstruct(network: nn.Module, name: str, frames: Frames) -> tuple[Frames, Tensor]:
    """What a network makes of some frames, and the sum of its further terms of the loss.

    Raises:
        ValueError: If the network raises, or its output is not of the frames' shape or is no
            reconstruction with terms.
    """
    try:
        output = network(frames)
    except Exception as error:  # whatever a user's network does
        raise ValueError(
            f"encoder {name}: on frames {list(frames.shape)}: {_raised(error)}"
        ) from error
    picture, terms = output if isinstance(output, tuple) and len(output) == 2 else (output, {})
    if not isinstance(picture, Tensor) or picture.shape != frames.shape:
        came = list(picture.shape) if isinstance(picture, Tensor) else type(picture).__name__
        raise ValueError(
            f"encoder {name}: expected its forward to give frames as they came, "
            f"{list(frames.shape)}, or these and terms of the loss, came {came}"
        )
    every: list[Any] = list(terms.values()) if isinstance(terms, Mapping) else [terms]
    if not all(isinstance(each, Tensor) and each.ndim == 0 for each in every):
        raise ValueError(
            f"encoder {name}: expected terms of the loss, each a tensor of one number, came "
            f"{', '.join(_kind(each) for each in every)}"
        )
    total = torch.stack([each.float() for each in every]).sum() if every else frames.new_zeros(())
    return picture.float(), total


def own_loss(network: nn.Module, name: str, frames: Frames) -> Tensor | None:
    """What the network's own ``task_loss`` says of some frames; None if it has none.

    Raises:
        ValueError: If it raises, or is not one number.
    """
    task_loss = getattr(network, "task_loss", None)
    if task_loss is None:
        return None
    try:
        loss = task_loss(frames)
    except Exception as error:  # whatever a user's function does
        raise ValueError(f"encoder {name}: task_loss: {_raised(error)}") from error
    if not isinstance(loss, Tensor) or loss.ndim:
        raise ValueError(
            f"encoder {name}: task_loss: expected a tensor of one number, came {_kind(loss)}"
        )
    return loss


def check_layer(network: nn.Module, name: str, layer: str) -> None:
    """Refuse a layer that the network has not; lists those that it has.

    Raises:
        ValueError: If there is none at this path of ``network.named_modules()``.
    """
    names = [each for each, _ in network.named_modules() if each]
    if layer in names:
        return
    near = difflib.get_close_matches(layer, names, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    more = f" and {len(names) - _N_NAMES} more" if len(names) > _N_NAMES else ""
    came = f"came {layer!r}" if layer else "came none"
    raise ValueError(
        f"layer: expected one of the {len(names)} modules of {name}, {came}{hint}; it has "
        f"{', '.join(names[:_N_NAMES])}{more}"
    )


def _uses_gpus() -> bool:
    """Whether this process has touched a GPU: elsewhere there is no generator to keep."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


@contextmanager
def seeded_by(generator: torch.Generator) -> Iterator[None]:
    """PyTorch's global generators, seeded by another one within and put back afterwards."""
    gpus = range(torch.cuda.device_count()) if _uses_gpus() else ()
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        yield


def _takes_shape(factory: Callable[..., Any]) -> bool:
    """Whether a factory asks for the frames' shape."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # one of C, which does not tell
        return False
    positional = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if not positional:
        return False
    return positional[0].name == "shape" or positional[0].default is inspect.Parameter.empty


def _callables_of(module: Any, name: str) -> str:
    """What a module offers in its place."""
    own = (
        [
            each
            for each, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", None) == module.__name__
        ]
        if inspect.ismodule(module)
        else []
    )
    near = difflib.get_close_matches(name, own, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}it has {', '.join(own[:_N_NAMES]) or 'no function or class of its own'}"


def _raised(error: BaseException) -> str:
    return f"{type(error).__name__}: {said(error)}"


def _kind(value: Any) -> str:
    return f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
