"""The checks of shapes and types that tests run under, and the package without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

# A whole number is a float to whoever calls, as PEP 484 and mypy have it. One item of a container
# is looked at, which one is left to chance: without this, an int among floats fails now and then.
_AS_MYPY = BeartypeConf(is_pep484_tower=True)


def check_when_called(function: Callable[..., Any]) -> Callable[..., Any]:
    """As beartype, whose check of a function is made when that function is first called.

    A process imports thousands of functions and calls a part of them: made at import, the
    checks take a third of the time that it takes to collect the tests.
    """
    checked: Callable[..., Any] | None = None

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked
        if checked is None:
            checked = beartype(conf=_AS_MYPY)(function)
        return checked(*args, **kwargs)

    return call


@contextmanager
def without_type_checks() -> Iterator[None]:
    """Turn the tests' own checker off, which comes before our errors."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
