"""One sentence where a package of an extra is not installed: what needs it, and how to get it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

Extra: TypeAlias = Literal[
    "envs", "agents", "eeg", "nwb", "xdf", "minari", "gpfa", "cebra", "ray", "slurm", "table", "hub"
]
_BROUGHT_BY: dict[str, Extra] = {  # by name as imported; agents and minari bring envs too
    "gymnasium": "envs",
    "highway_env": "envs",
    "numba": "envs",
    "cv2": "envs",
    "stable_baselines3": "agents",
    "sb3_contrib": "agents",
    "tensorboard": "agents",
    "imageio_ffmpeg": "agents",
    "mne": "eeg",
    "pymatreader": "eeg",
    "pyxdf": "xdf",
    "minari": "minari",
    "elephant": "gpfa",
    "cebra": "cebra",
    "pynwb": "nwb",
    "hdmf": "nwb",
    "ray": "ray",
    "submitit": "slurm",
    "cloudpickle": "ray",
    "grpc": "ray",
    "pyarrow": "table",
    "huggingface_hub": "hub",
}


class MissingPackageError(ModuleNotFoundError):
    """A package is not installed that an extra of b2m-drive brings; says how to get it."""


@contextmanager
def needing(what: str, extra: Extra) -> Iterator[None]:
    """Let an import that fails within name the extra to install; also a decorator.

    Args:
        what: What was called, such as a verb or a name of the public interface.
        extra: The one that brings all that is needed.

    Raises:
        MissingPackageError: If a package of an extra is not installed. One that `extra` does not
            bring, such as the library of a saved agent that is to drive, names its own extra.
    """
    try:
        yield
    except MissingPackageError:
        raise  # by what was called within, which knows better
    except ModuleNotFoundError as error:
        if error.name not in _BROUGHT_BY:
            raise
        own = _BROUGHT_BY[error.name]
        raise MissingPackageError(
            f"{what}: expected the package {error.name}, found none: "
            f'pip install "b2m-drive[{extra if own == "envs" else own}]"',
            name=error.name,
        ) from error
