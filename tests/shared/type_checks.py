"""The checks of shapes and types that tests run under, and the package without them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

# A whole number is a float to whoever calls, as PEP 484 and mypy have it. One item of a container
# is looked at, which one is left to chance: without this, an int among floats fails now and then.
_AS_MYPY = BeartypeConf(is_pep484_tower=True, violation_type=jaxtyping.TypeCheckError)
_jaxtyped = jaxtyping.jaxtyped


def check_types(function: Callable[..., Any]) -> Callable[..., Any]:
    """The checker of a function's arguments and of what it returns."""
    return beartype(conf=_AS_MYPY)(function)


def check_when_called() -> None:
    """From now on, let jaxtyping's import hook make a function's checks at its first call.

    A process imports thousands of functions and calls a part of them: made at import, the checks
    take a third of the time that it takes to collect the tests.
    """
    jaxtyping.jaxtyped = jaxtyped_when_called


def jaxtyped_when_called(function: Any = None, *, typechecker: Any = None) -> Any:
    """As `jaxtyping.jaxtyped`."""
    if function is None:
        return partial(jaxtyped_when_called, typechecker=typechecker)
    if not inspect.isfunction(function):
        return _jaxtyped(function, typechecker=typechecker)
    checked: Callable[..., Any] | None = None

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked
        if jaxtyping.config.jaxtyping_disable:
            return function(*args, **kwargs)
        if checked is None:
            checked = _checked(function, typechecker)
        return checked(*args, **kwargs)

    return call


def _checked(function: Callable[..., Any], typechecker: Any) -> Callable[..., Any]:
    """The function under checks; those of axes' names, which cost ten times more, where needed."""
    if _names_axes(function):
        checked: Callable[..., Any] = _jaxtyped(function, typechecker=typechecker)
        return checked
    return check_types(function)


def _names_axes(function: Callable[..., Any]) -> bool:
    """Whether an annotation is an array's of jaxtyping, or cannot be looked at."""
    try:
        hints = list(get_type_hints(function, include_extras=True).values())
    except NameError:  # a class of the enclosing function, or one that is imported for mypy alone
        return True
    return any(_is_of_axes(hint) for hint in hints)


def _is_of_axes(hint: Any) -> bool:
    if isinstance(hint, list):  # of a Callable's arguments
        return any(_is_of_axes(each) for each in hint)
    is_array = inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)
    return is_array or any(_is_of_axes(each) for each in get_args(hint))


@contextmanager
def without_type_checks() -> Iterator[None]:
    """Turn the tests' own checker off, which comes before our errors."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
