"""The notebooks of the documentation run from top to bottom, at small sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from tests.shared.places import ROOT

NOTEBOOKS = ROOT / "docs" / "notebooks"
SMALL = {
    "memory": "seeds, n_steps = (0, 1), 6",
    "driving": "n_frames, n_steps = 300, 4",
}


def cells_of(path: Path) -> list[dict[str, Any]]:
    return [each for each in json.loads(path.read_text())["cells"] if each["cell_type"] == "code"]


def test_every_notebook_is_run_here_and_keeps_what_it_showed() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(SMALL)
    for name in SMALL:
        cells = cells_of(NOTEBOOKS / f"{name}.ipynb")
        shown = [output for cell in cells for output in cell["outputs"]]
        assert any("image/png" in each.get("data", {}) for each in shown)
        assert not any(each["output_type"] == "error" for each in shown)
        assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < 500_000


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # as notebooks have them
@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_runs_from_top_to_bottom(
    name: str, monkeypatch: pytest.MonkeyPatch, as_users_run_it: None
) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    before, names = set(plt.get_fignums()), {}
    replaced = 0
    for cell in cells_of(NOTEBOOKS / f"{name}.ipynb"):
        sizes = "sizes" in cell["metadata"].get("tags", [])
        replaced += sizes
        code = SMALL[name] if sizes else "".join(cell["source"])
        exec(compile(code, f"{name}.ipynb", "exec"), names)  # as users do
    assert replaced == 1
    drawn = set(plt.get_fignums()) - before
    assert len(drawn) >= 2
    for number in drawn:
        plt.close(number)
