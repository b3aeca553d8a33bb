"""Where tests lie: in a folder named as the room that they test, or where the whole is tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.test_architecture import PACKAGES, imports_of
from tests.shared.places import ROOT

TESTS = ROOT / "tests"
OTHERS = {"extending", "old_runs", "project", "shared"}  # what concerns no single room


def rooms() -> set[str]:
    """Every folder with code, as ``b2m_drive/recordings``, and the packages themselves."""
    return {
        (package / path.parent.relative_to(folder)).as_posix()
        for package, folder in ((Path(name), folder) for name, folder in PACKAGES.items())
        for path in folder.rglob("*.py")
    }


def misplaced(tests: Path, known: set[str]) -> dict[str, str]:
    """Files of tests that lie in no room, or use nothing of theirs: path -> what is wrong."""
    found = {}
    for path in sorted(tests.rglob("*.py")):
        place = path.relative_to(tests).parent
        if place == Path() and path.name != "conftest.py":
            found[path.name] = "lies flat"
        elif place.parts and place.parts[0] not in OTHERS and place.as_posix() not in known:
            found[f"{place.as_posix()}/{path.name}"] = "no such room"
        elif place.as_posix() in known and path.name.startswith("test_"):
            room = ".".join(place.parts)
            if not any(f"{name}.".startswith(f"{room}.") for name in imports_of(path)):
                found[f"{place.as_posix()}/{path.name}"] = "imports nothing of its room"
    return found


@pytest.mark.slow
def test_every_test_lies_in_the_room_that_it_tests() -> None:
    assert misplaced(TESTS, rooms()) == {}
    assert {path.parent.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")} == {
        *PACKAGES, *OTHERS - {"shared"}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("test_x.py", "lies flat"),
        ("helper.py", "lies flat"),
        ("b2m_drive/recording/test_x.py", "no such room"),
        ("drive/test_x.py", "no such room"),
        ("b2m_drive/students/test_x.py", "imports nothing of its room"),
        ("b2m_drive/recordings/test_x.py", None),
        ("project/test_x.py", None),
    ],
)
def test_a_test_in_another_place_is_found(tmp_path: Path, place: str, told: str | None) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("from b2m_drive.recordings import binning\n")
    assert misplaced(tmp_path, rooms()) == ({place: told} if told else {})
