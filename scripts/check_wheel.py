"""Build sdist and wheel, look into both, and use the wheel far from the repository.

    python scripts/check_wheel.py               # what `make wheel` does, with a small demo
    python scripts/check_wheel.py --no-demo     # what the continuous integration does
    python scripts/check_wheel.py --clean       # everything fetched anew, as a user would

The wheel is made of the sdist. It is installed in a fresh environment that sees the packages of
this one (but not this checkout), or with --clean its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

ROOT = Path(__file__).parents[1]
PACKAGES = {  # in the wheel: where it lies here
    "b2m_drive": ROOT / "b2m_drive",
    "b2m_envs": ROOT / "envs" / "b2m_envs",
    "b2m_agents": ROOT / "agents" / "b2m_agents",
}
BESIDE = {  # of the sdist, beside the packages
    "CHANGELOG.md", "CITATION.cff", "LICENSE", "PKG-INFO", "README.md", ".gitignore",
    "constraints.txt", "pyproject.toml",
}  # fmt: skip
COMPILED = {".pyc", ".nbi", ".nbc"}
WRITE = """
import numpy as np
random = np.random.default_rng(0)
np.savez("small.npz", signal=random.normal(size=(4000, 3)), time=np.arange(4000) / 100,
         onset=np.arange(38.0), ids=np.arange(38) % 4, simulated=True)
"""
MAKE = """
import gymnasium, b2m_envs, b2m_drive, sys
for each in (b2m_drive, b2m_envs):
    assert each.__file__.startswith(sys.prefix), each.__file__
env = gymnasium.make("B2M/MemoryDecision-v0")
env.reset(seed=0)
print(env.step(0)[0].shape)
"""
CHECK = """
from importlib.metadata import version
import b2m_drive
assert version("b2m-drive") == b2m_drive.__version__, version("b2m-drive")
"""


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist, and the wheel that is made of it."""
    environment = os.environ | {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", folder, ROOT],
        check=True, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def sources() -> set[str]:
    """All that the packages are made of, by name in the wheel."""
    return {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in COMPILED and "__pycache__" not in path.parts
    }


def check_wheel(wheel: Path) -> None:
    """Refuse a wheel that lacks a file of the packages, or has any other.

    Raises:
        ValueError: Names the files.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    _require_same("wheel", names - about, sources())
    if not any(name.endswith("/licenses/LICENSE") for name in about):
        raise ValueError(f"wheel: expected the licence, came {sorted(about)}")


def check_sdist(sdist: Path) -> None:
    """Refuse an sdist that has more or less than what the wheel is made of; see `check_wheel`."""
    with tarfile.open(sdist) as archive:
        names = {each.name.partition("/")[2] for each in archive.getmembers() if each.isfile()}
    packed = {name for name in names if name not in BESIDE}
    here = {
        name: path.relative_to(ROOT).as_posix() for name, path in PACKAGES.items()
    }  # b2m_envs: envs/b2m_envs
    expected = {f"{here[name.split('/')[0]]}/{name.partition('/')[2]}" for name in sources()}
    _require_same("sdist", packed, expected)
    _require_same("sdist", names - packed, BESIDE)


def _require_same(what: str, came: set[str], expected: set[str]) -> None:
    lacking, more = sorted(expected - came), sorted(came - expected)
    if lacking or more:
        raise ValueError(f"{what}: lacks {lacking[:9]}, and has {more[:9]} that it should not")


def installed(wheel: Path, folder: Path, clean: bool) -> Path:
    """The folder of commands of a fresh environment that has the wheel."""
    venv.create(folder, with_pip=clean)
    python = folder / "bin" / "python"
    if clean:
        pip: list[Any] = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt"]
        subprocess.run([*pip, f"{wheel}[agents]"], check=True)
        return python.parent
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", wheel], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "of_the_other.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


def use(commands: Path, here: Path, demo: bool) -> None:
    """Run what a user would run first, in an empty folder."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(name: str, *arguments: str) -> str:
        ended = subprocess.run(
            [commands / name, *arguments],
            cwd=here, env=environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return ended.stdout

    run("python", "-c", CHECK)
    _require_text(run("b2m-drive", "--help"), "train-agent")
    run("python", "-c", WRITE)
    _require_text(run("b2m-drive", "inspect", "small.npz"), "simulated")
    _require_text(run("python", "-c", MAKE), "(")
    if demo:
        _require_text(run("b2m-drive", "demo", "--half", "memory"), "report.html")


def _require_text(text: str, expected: str) -> None:
    if expected not in text:
        raise ValueError(f"expected {expected!r} among what was printed, came {text!r}")


def main(demo: bool = True, clean: bool = False) -> None:
    """Build, look, install, use; ends with an error at the first thing that is wrong."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        sdist, wheel = build(folder / "dist")
        check_sdist(sdist)
        check_wheel(wheel)
        print(f"{sdist.name} and {wheel.name} hold what they should")
        (folder / "here").mkdir()
        use(installed(wheel, folder / "env", clean), folder / "here", demo)
        print("the wheel works in a fresh environment")


if __name__ == "__main__":
    typer.run(main)
