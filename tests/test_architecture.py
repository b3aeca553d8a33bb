"""The arrows between rooms: who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    "b2m_envs": ROOT / "envs" / "b2m_envs",
    "b2m_agents": ROOT / "agents" / "b2m_agents",
    "b2m_drive.files": ROOT / "b2m_drive" / "files",
    "b2m_drive.brain": ROOT / "b2m_drive" / "brain",
    "b2m_drive.students": ROOT / "b2m_drive" / "students",
    "b2m_drive.transfer": ROOT / "b2m_drive" / "transfer",
    "b2m_drive.evidence": ROOT / "b2m_drive" / "evidence",
}
FORBIDDEN = {
    "b2m_envs": ("b2m_drive", "b2m_agents", "torch", "stable_baselines3"),
    "b2m_agents": ("b2m_drive.cli",),
    "b2m_drive.files": (
        "b2m_drive.brain", "b2m_drive.students", "b2m_drive.transfer", "b2m_drive.evidence",
        "b2m_drive.cli", "b2m_envs", "b2m_agents", "gymnasium", "stable_baselines3",
    ),
    "b2m_drive.brain": (
        "b2m_drive.students", "b2m_drive.transfer", "b2m_drive.evidence", "b2m_drive.cli",
        "b2m_envs", "b2m_agents", "gymnasium", "stable_baselines3", "torch",
    ),
    "b2m_drive.students": (
        "b2m_drive.brain", "b2m_drive.transfer", "b2m_drive.evidence", "b2m_drive.cli",
        "b2m_envs", "b2m_agents", "gymnasium", "stable_baselines3",
    ),
    "b2m_drive.transfer": (
        "b2m_drive.students", "b2m_drive.evidence", "b2m_drive.cli",
        "b2m_envs", "b2m_agents", "gymnasium", "stable_baselines3",
    ),
    "b2m_drive.evidence": (
        "b2m_drive.cli", "b2m_envs", "b2m_agents", "gymnasium", "stable_baselines3",
    ),
}  # fmt: skip


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def crossings(source: set[str], forbidden: tuple[str, ...]) -> set[str]:
    return {name for name in source for room in forbidden if f"{name}.".startswith(f"{room}.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_along_the_arrows(room: str) -> None:
    files = sorted(ROOMS[room].rglob("*.py"))
    assert files, f"{room} has no code"
    found = {path.name: crossings(imports_of(path), FORBIDDEN[room]) for path in files}
    assert not {name: wrong for name, wrong in found.items() if wrong}


def test_a_planted_crossing_is_found(tmp_path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("from b2m_drive.students import fitting\nimport torch.nn\n")
    assert crossings(imports_of(planted), FORBIDDEN["b2m_drive.brain"]) == {
        "b2m_drive.students.fitting",
        "torch.nn",
    }
