"""One sentence where a package of the extra is not installed, as `b2m_drive` has it for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

OF_ENVS = ("gymnasium", "highway_env", "numba", "cv2")  # as imported


@contextmanager
def needing_envs(what: str) -> Iterator[None]:
    """Let an import that fails within name the extra to install.

    Args:
        what: The name of the public interface that was used.

    Raises:
        ModuleNotFoundError: If a package of the extra is not installed; says how to get it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in OF_ENVS:
            raise
        raise ModuleNotFoundError(
            f'{what}: expected the package {error.name}, found none: pip install "b2m-drive[envs]"',
            name=error.name,
        ) from error
