"""A function of the user's own, found by the name ``module:function``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def is_function_name(name: object) -> bool:
    """Whether it is written as ``module:function``."""
    if not isinstance(name, str):
        return False
    module, colon, path = name.partition(":")
    return bool(colon) and all(
        part.isidentifier() for part in (*module.split("."), *path.split("."))
    )


def find_function(name: str) -> Callable[..., Any]:
    """The function itself, of what is installed or lies in the folder that is worked in.

    Raises:
        ValueError: If there is no such module or function, or importing the module raises.
    """
    module_name, _, path = name.partition(":")
    found: Any = _module(module_name)
    for part in path.split("."):
        if not hasattr(found, part):
            raise ValueError(f"expected {path!r} in the module {module_name}, found none")
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"expected a function {name}, came {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def name_of_function(function: Callable[..., Any]) -> str | None:
    """``module:function`` of a function that another process finds by it; None if none does."""
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str) or module == "__main__":
        return None
    name = f"{module}:{path}"
    if not is_function_name(name):  # <lambda>, <locals>
        return None
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return name if found is function else None


def _module(name: str) -> Any:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise ValueError(
                f"expected a module {name} in {folder} or installed, found none"
            ) from error
        raise ValueError(f"importing {name} raised {_raised(error)}") from error
    except Exception as error:  # whatever a user's module does
        raise ValueError(f"importing {name} raised {_raised(error)}") from error


def _raised(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
