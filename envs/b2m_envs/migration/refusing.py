"""How a configuration of highway-env's is refused."""

from __future__ import annotations

from typing import Any, Final, NoReturn

NO_DEFAULT: Final = "highway-env does not take None for its default here; leave it out"


def refuse(env_id: str, key: str, came: Any, instead: str) -> NoReturn:
    """Say which key cannot be mapped, and what to do instead.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{env_id}: {key}: cannot be mapped, came {came!r}; {instead}")
