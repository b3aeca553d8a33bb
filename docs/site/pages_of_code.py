"""Pages that are made: the public names of each package, environments, and files of the root."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

from scenario_pages import ABOUT, clip, page_of

PACKAGES = {
    "b2m_drive": "Recordings, students, transfer, comparisons and reports.",
    "b2m_envs": "Gymnasium environments: driving worlds and memory tasks.",
    "b2m_agents": "Studies, agents that drive and remember, and their evaluation.",
}
ENVIRONMENTS = {  # page -> class, whose docstring is Markdown as Gymnasium's are
    "driving-scenes": ("b2m_envs.DrivingSceneEnv", "Driving scenes"),
    "lane-departure": ("b2m_envs.LaneDepartureEnv", "Lane departure"),
    "emergency-braking": ("b2m_envs.EmergencyBrakingEnv", "Emergency braking"),
    "memory-decision": (
        "b2m_envs.memory_decision.environment.MemoryDecisionEnv",
        "Memory decision",
    ),
    "sternberg": ("b2m_envs.memory_decision.sternberg_environment.SternbergEnv", "Sternberg"),
    "context-decision": (
        "b2m_envs.memory_decision.context_environment.ContextDecisionEnv",
        "Context decision",
    ),
}
FILMED = ("lane-departure", "emergency-braking")  # of these; the scenes' clips are on their pages
SCENES = {name.replace("_", "-"): name for name in ABOUT}  # page -> scenario
INCLUDED = {"changes": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}  # of the root
MADE = "made"  # folder beside the pages that are written by hand


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", _write)
    app.connect("source-read", _link_included)
    return {"parallel_read_safe": True}


def _write(app: Any) -> None:
    folder = Path(app.srcdir) / MADE
    folder.mkdir(exist_ok=True)
    for package, about in PACKAGES.items():
        _write_changed(folder / f"{package}.md", api_page(package, about))
    for page, (path, title) in ENVIRONMENTS.items():
        _write_changed(folder / f"{page}.md", environment_page(page, path, title))
    for page, scenario in SCENES.items():
        _write_changed(folder / f"{page}.md", page_of(scenario))
    for page, source in INCLUDED.items():
        text = f"```{{include}} ../../{source}\n:relative-docs: docs\n:relative-images:\n```\n"
        _write_changed(folder / f"{page}.md", text)


def _link_included(app: Any, page: str, source: list[str]) -> None:
    """Let links to files of the root lead to their pages; on GitHub they lead to the files."""
    for made, file in INCLUDED.items():
        source[0] = source[0].replace(f"](../{file}", f"]({MADE}/{made}.md")


def _write_changed(path: Path, text: str) -> None:
    """Leave a page alone that is the same, so that Sphinx does not read it again."""
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def api_page(package: str, about: str) -> str:
    """The public names of a package: functions, then classes, then data."""
    module = import_module(package)
    kinds: dict[str, list[str]] = {"Functions": [], "Classes": [], "Data": []}
    for name in module.__all__:
        kinds[_kind_of(getattr(module, name))].append(name)
    parts = [f"# {package}\n\n{about}\n"]
    for kind, names in kinds.items():
        if names:
            parts.append(f"## {kind}\n")
            parts += [_entry(module, name) for name in sorted(names, key=str.lower)]
    return "\n".join(parts)


def _kind_of(found: Any) -> str:
    if inspect.isclass(found):
        return "Classes"
    return "Functions" if inspect.isroutine(found) else "Data"


def _entry(module: Any, name: str) -> str:
    found = getattr(module, name)
    if _kind_of(found) == "Data":
        return f"### {name}\n\n{_value(found)}\n"
    home = f"{found.__module__}.{found.__qualname__}"
    directive = "autoclass" if inspect.isclass(found) else "autofunction"
    options = "\n   :members:" if directive == "autoclass" else ""
    used = f"`from {module.__name__} import {name}`"
    return f"### {name}\n\n{used}\n\n```{{eval-rst}}\n.. {directive}:: {home}{options}\n```\n"


def _value(found: Any) -> str:
    if isinstance(found, int | str | float):
        return f"`{found!r}`"
    names = [str(getattr(each, "name", each)) for each in found] if _has_names(found) else []
    if names:
        return "Entries: " + ", ".join(f"`{each}`" for each in names) + "."
    return f"A value of type `{getattr(type(found), '__name__', found)}`."


def _has_names(found: Any) -> bool:
    return isinstance(found, dict | tuple | list) or hasattr(found, "keys")


def environment_page(page: str, path: str, title: str) -> str:
    """The docstring of an environment, under its title and its clip."""
    module, name = path.rsplit(".", 1)
    shown = [clip(page.replace("-", "_"), title)] if page in FILMED else []
    docstring = inspect.getdoc(getattr(import_module(module), name))
    return "\n\n".join([f"# {title}", *shown, f"{docstring}\n"])
