"""README and docs: what they link to exists, what they tell to type works, their Python runs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import b2m_agents
import b2m_drive
import b2m_envs
from tests.project.documentation import (
    ROOT,
    PythonBlock,
    all_verbs,
    anchors_of,
    broken_links,
    command_error,
    markdown_of,
    missing_files,
    pages,
    pages_named_in,
    python_blocks,
    texts,
    unknown_imports,
    unknown_names,
    wrong_commands,
)
from tests.shared.other_process import ENVIRONMENT

MOST_LINES_OF_README = 150

every_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    assert broken_links(markdown_of(path), path) == []


def test_pages_that_the_code_names_are_there() -> None:
    code = "".join(
        path.read_text()
        for folder in ("b2m_drive", "envs", "agents", "scripts", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".js"}
    )
    named = pages_named_in(code)
    assert len(named) > 5
    assert broken_links("".join(f"[it]({each})" for each in named), ROOT / "README.md") == []


@every_page
def test_commands_are_known_with_their_options(page: Path) -> None:
    assert wrong_commands(page.read_text()) == {}


@every_page
def test_files_and_names_of_the_project_exist(page: Path) -> None:
    text = page.read_text()
    assert missing_files(text) == []
    assert unknown_names(text) == []


@every_page
def test_imports_of_python_blocks_exist(page: Path) -> None:
    for block in python_blocks(page.read_text()):
        assert unknown_imports(block.code) == [], f"{page.name}, line {block.line}"


def runnable() -> list[object]:
    """Pages with Python that runs, each in quick blocks alone and, if there are slow ones, in all.

    Blocks of a page follow each other as a reader would type them.
    """
    found: list[object] = []
    for page in pages():
        if page.name == "README.md":
            continue  # it has a test of its own
        blocks = [block for block in python_blocks(page.read_text()) if block.runs]
        quick = [block for block in blocks if block.mark is None]
        if quick:
            found.append(pytest.param(page, quick, id=page.name))
        if len(blocks) > len(quick):
            slow = pytest.mark.slow
            found.append(pytest.param(page, blocks, id=f"{page.name}, all", marks=slow))
    return found


@pytest.fixture
def _tables_stay() -> Iterator[None]:
    """What pages bring to the tables is gone for other tests."""
    tables: tuple[dict[str, Any], ...] = (
        b2m_drive.READERS,
        b2m_drive.LATENT_METHODS,
        b2m_envs.OBSERVATIONS,
        b2m_envs.TASKS,
        b2m_agents.STUDENT_TASKS,
    )
    before = [dict(table) for table in tables]
    yield
    for table, kept in zip(tables, before, strict=True):
        table.clear()
        table.update(kept)


@pytest.mark.slow
@pytest.mark.usefixtures("_tables_stay")
@pytest.mark.parametrize(("page", "blocks"), runnable())
def test_python_blocks_run(page: Path, blocks: list[PythonBlock], tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(page, blocks)


def run(page: Path, blocks: list[PythonBlock]) -> dict[str, object]:
    names: dict[str, object] = {"__name__": "documentation"}
    for block in blocks:
        code = "\n" * (block.line - 1) + block.code  # so that an error names the page's line
        exec(compile(code, str(page), "exec", dont_inherit=True), names)
    return names


@pytest.mark.thorough
@pytest.mark.slow
def test_the_readme_compares_a_network_as_a_script_of_its_own(tmp_path: Path) -> None:
    (block,) = python_blocks((ROOT / "README.md").read_text())
    (tmp_path / "mine.py").write_text(block.code)
    shown = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert shown.stdout.count("The brain is simulated") == 2  # a verdict each strategy
    assert "SIMULATED" in (tmp_path / "runs" / "mine" / "report.html").read_text()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < MOST_LINES_OF_README


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    names = {path.relative_to(ROOT).as_posix() for path in pages()} - {"README.md"}
    assert {name for name in names if f"({name})" not in readme} == set()


def test_every_hop_of_the_walks_is_a_function_that_exists() -> None:
    page = (ROOT / "docs" / "walks.md").read_text()
    hops = re.findall(r"`([\w/]+\.py)`: `([\w.]+)`", page)
    lacking = [
        (file, name)
        for file, name in hops
        for part in name.split(".")
        if not re.search(rf"^ *(def|class) {part}\b|^{part}\b", (ROOT / file).read_text(), re.M)
    ]
    assert len(hops) > 40
    assert lacking == []


def test_every_verb_is_on_the_page_of_commands() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    assert [verb for verb in all_verbs() if f"`b2m-drive {verb}`" not in page] == []


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {b2m_drive.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_workflow_runs_ci_with_every_python_of_the_package() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    versions = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert "run: .ci/run" in workflow
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert re.findall(r'"(3\.\d+)"', workflow) == versions


PLANTED = """\
# A page

See [it](nowhere.md), [this](#a-page), [that](#another), [all](README.md) and ![it](none.png).
`compare memory --seedz`, `--nothing`, `--seeds`, `compare memory --recording`, `make none`,
 `b2m_drive.brain.nothing`, `scripts/nothing.py`.

    b2m-drive compare memory --steps 400 --students 3
    b2m-drive compare agents --dry-run
    b2m-drive compare all
    b2m-drive compare memory --seeds many
    b2m-drive report runs/mine  # this one is right
    b2m-drive --resume-anyway report runs/mine  # and so is this one
    b2m-drive --resume report runs/mine
    make nothing
    python scripts/nothing.py

```python
from b2m_drive.transfer import attach, detach
import b2m_nothing
```
"""


def test_planted_mistakes_are_found() -> None:
    page = ROOT / "PLANTED.md"
    assert broken_links(PLANTED, page) == ["nowhere.md", "#another", "none.png"]
    assert set(wrong_commands(PLANTED)) == {
        "compare memory --seedz",
        "b2m-drive --resume report runs/mine",
        "--nothing",
        "make none",
        "b2m-drive compare memory --steps 400 --students 3",
        "b2m-drive compare agents --dry-run",
        "b2m-drive compare all",
        "b2m-drive compare memory --seeds many",
        "make nothing",
        "python scripts/nothing.py",
    }
    assert missing_files(PLANTED) == ["scripts/nothing.py"]
    assert unknown_names(PLANTED) == ["b2m_drive.brain.nothing"]
    (block,) = python_blocks(PLANTED)
    assert unknown_imports(block.code) == ["b2m_drive.transfer.detach", "b2m_nothing"]


def test_a_missing_argument_counts_only_in_a_line_that_is_typed() -> None:
    assert command_error(["evaluate-agent"], typed=False) is None
    assert command_error(["evaluate-agent"], typed=True) is not None


def test_a_block_is_left_out_with_a_reason_only() -> None:
    block = "```python\nx = 1\n```\n"
    assert [each.runs for each in python_blocks(f"<!-- not run: too long -->\n{block}")] == [False]
    with pytest.raises(ValueError, match="reason"):
        python_blocks(f"<!-- not run -->\n{block}")
    with pytest.raises(ValueError, match="expected one of"):
        python_blocks(f"<!-- later: why -->\n{block}")


def test_headings_are_linked_as_github_does() -> None:
    assert anchors_of("# Every session of Kornblith et al.\n\n## `a_b`, c-d\n") == {
        "every-session-of-kornblith-et-al",
        "a_b-c-d",
    }
