"""The arrows between rooms: who may import whom, and no two files in a circle."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.shared.places import ROOT

PACKAGES = {
    "b2m_drive": ROOT / "b2m_drive",
    "b2m_envs": ROOT / "envs" / "b2m_envs",
    "b2m_agents": ROOT / "agents" / "b2m_agents",
}
# Every folder, the lowest first: a room imports from those before it, never from those after.
DRIVE = ("files", "executors", "recordings", "students", "teachers", "transfer", "evidence",
         "comparisons", "reports")  # fmt: skip
ENVS = ("rendering", "scenes", "highway_env", "engine", "observations", "driving", "driving_events",
        "migration", "memory_decision")  # fmt: skip
AGENTS = ("episodes", "worlds", "online", "learning", "memory", "drivers", "evaluation", "videos",
          "studies", "commands")  # fmt: skip
FORBIDDEN = {  # of a whole package or room
    "b2m_envs": ("b2m_drive", "b2m_agents", "torch", "stable_baselines3"),
    "b2m_drive": ("b2m_envs", "b2m_agents", "gymnasium", "stable_baselines3"),
    "b2m_drive.files": ("torch",),
    "b2m_drive.recordings": ("torch",),
    "b2m_drive.teachers": ("torch",),
}
# The one file of tensors, and the latents of a package that is PyTorch itself
EXCEPT = {"b2m_drive.files.weights", "b2m_drive.teachers.cebra_latents"}


def modules() -> dict[str, Path]:
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def seen_only_by_type_checkers(nodes: list[ast.AST]) -> set[int]:
    return {
        id(node)
        for each in nodes
        if isinstance(each, ast.If) and "TYPE_CHECKING" in ast.unparse(each.test)
        for node in ast.walk(each)
    }


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Everything that a file imports, also inside functions; not what only a type checker does."""
    text = path.read_text()
    nodes = list(ast.walk(ast.parse(text)))
    unseen = seen_only_by_type_checkers(nodes) if "TYPE_CHECKING" in text else set()
    names: set[str] = set()
    for node in nodes:
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return frozenset(names)


def crossings(source: frozenset[str], forbidden: tuple[str, ...]) -> set[str]:
    return {name for name in source for room in forbidden if f"{name}.".startswith(f"{room}.")}


def upward(package: str, rooms: tuple[str, ...], name: str, imports: frozenset[str]) -> set[str]:
    """What a module imports from rooms above its own."""
    room = name.split(".")[1] if name.count(".") else ""
    if room not in rooms:
        return set()
    above = tuple(f"{package}.{each}" for each in rooms[rooms.index(room) + 1 :])
    return crossings(imports, above)


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Groups of files that import each other, by Tarjan's algorithm."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in arrows[name]:
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in arrows:
        if name not in number:
            visit(name)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "rooms"), [("b2m_drive", DRIVE), ("b2m_envs", ENVS), ("b2m_agents", AGENTS)]
)
def test_every_folder_is_a_room_and_arrows_point_down(package: str, rooms: tuple[str, ...]) -> None:
    folders = {each.parent.name for each in PACKAGES[package].glob("*/*.py")}
    assert folders == set(rooms)
    found = {
        name: wrong
        for name, path in modules().items()
        if name.startswith(f"{package}.") and name not in EXCEPT
        if (wrong := upward(package, rooms, name, imports_of(path)))
    }
    assert not found


@pytest.mark.parametrize("place", FORBIDDEN)
@pytest.mark.slow
def test_a_package_does_not_import_what_it_must_not(place: str) -> None:
    found = {
        name: wrong
        for name, path in modules().items()
        if f"{name}.".startswith(f"{place}.") and name not in EXCEPT
        if (wrong := crossings(imports_of(path), FORBIDDEN[place]))
    }
    assert not found


def test_no_two_files_import_each_other() -> None:
    known = modules()
    arrows = {
        name: {each for each in imports_of(path) if each in known and each != name}
        for name, path in known.items()
        if path.name != "__init__.py"
    }
    arrows = {name: {each for each in found if each in arrows} for name, found in arrows.items()}
    assert circles(arrows) == []


def test_no_file_is_longer_than_a_reader_keeps_in_mind() -> None:
    long = {
        name: count
        for name, path in modules().items()
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert not long


def test_planted_faults_are_found(tmp_path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("from b2m_drive.reports import page\nimport torch.nn\n")
    imports = imports_of(planted)
    assert crossings(imports, FORBIDDEN["b2m_drive.files"]) == {"torch.nn"}
    assert "b2m_drive.reports.page" in upward("b2m_drive", DRIVE, "b2m_drive.files.x", imports)
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
