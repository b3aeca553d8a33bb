"""Run the notebooks of the documentation from top to bottom, and keep what they print and draw.

python scripts/run_notebooks.py [NAME ...]    # docs/notebooks/NAME.ipynb; all, about four minutes
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from tqdm import tqdm

from b2m_drive.files.writing import atomic_write

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"


def main() -> None:
    """Run them; a cell that fails ends it, and leaves the notebook as it was."""
    known = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all")
    names = parser.parse_args().names or known
    for unknown in set(names) - set(known):
        parser.error(f"expected names among {', '.join(known)}, came {unknown!r}")
    for name in tqdm(names, unit="notebook"):
        run(FOLDER / f"{name}.ipynb")


def run(path: Path) -> None:
    """Run one notebook in a kernel of its own; progress and warnings are not kept."""
    notebook = nbformat.read(path, nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=1200, kernel_name="python3").execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    with atomic_write(path) as draft:
        nbformat.write(notebook, draft)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
