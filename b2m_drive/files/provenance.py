"""Which versions made what is in a folder, and whether other ones may go on with it.

What decides the numbers is refused: another version of ours, and another minor release of a
package whose arithmetic or algorithms are in them. Everything else (patch releases, Python) is
told in one line. Whoever knows better goes on with ``b2m-drive --resume-anyway``, or in Python::

    with resuming_anyway():
        train_agent(...)

Either way the versions are written down: those that go on, and under ``before`` the earlier ones.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version

OURS = "b2m-drive"
BEFORE = "before"  # entry of the versions that an earlier part was made with
_BY_MINOR = (  # packages of which a patch release leaves the numbers alone
    "numpy", "scipy", "torch", "scikit-learn", "stable-baselines3", "sb3-contrib", "highway-env",
)  # fmt: skip
_anyway: ContextVar[bool] = ContextVar("resume_anyway", default=False)


@contextmanager
def resuming_anyway(anyway: bool = True) -> Iterator[None]:
    """Go on with whatever versions there are."""
    token = _anyway.set(anyway)
    try:
        yield
    finally:
        _anyway.reset(token)


def resume_anyway(anyway: bool) -> None:
    """The same from now on, for a command that ends with its process."""
    _anyway.set(anyway)


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Of Python, and of each of these packages that is installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def resumed_versions(
    where: object, there: Mapping[str, str], here: Mapping[str, str], *, tell: bool = True
) -> dict[str, str]:
    """The versions to write down where something is gone on with.

    Args:
        where: Folder or file, for messages.
        there: Versions that it was made with.
        here: Those that are installed.
        tell: Say in a line on the standard error what differs.

    Raises:
        ValueError: If they decide the numbers and differ, unless it is to go on anyway.
    """
    names = sorted({*there, *here} - {BEFORE})
    differing = [name for name in names if _of(there, name) != _of(here, name)]
    if not differing:
        return dict(there)
    decisive = [name for name in differing if _decides(name, _of(there, name), _of(here, name))]
    if decisive and not _anyway.get():
        raise ValueError(
            f"{where} was made with {_text(there, decisive)}, here is {_text(here, decisive)}, "
            f"whose numbers may differ: install those, give another place, or call b2m-drive "
            "--resume-anyway with the same command"
        )
    if tell:
        now, then = _text(here, differing), _text(there, differing)
        print(f"b2m-drive: {where}: goes on with {now}; made with {then}", file=sys.stderr)
    earlier = [there[BEFORE]] if BEFORE in there else []
    return {**here, BEFORE: "; ".join([*earlier, _text(there, differing)])}


def _of(versions: Mapping[str, str], name: str) -> str:
    return str(versions.get(name, "none"))


def _decides(name: str, there: str, here: str) -> bool:
    """Whether a package's versions may give other numbers."""
    if name == OURS:
        return True
    return name in _BY_MINOR and _minor(there) != _minor(here)


def _minor(number: str) -> list[str]:
    """Major and minor part, without what a build adds (``2.8.0+cpu``)."""
    return number.split("+")[0].split(".")[:2]


def _text(versions: Mapping[str, str], names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_of(versions, name)}" for name in names)
