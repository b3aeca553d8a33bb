"""What of the site's pages is made from code; the site itself is built by `make docs`."""

from __future__ import annotations

import re
import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import typer

import b2m_agents
import b2m_drive
import b2m_envs
from b2m_envs.scenes.scenarios import SCENARIOS
from tests.shared.places import ROOT, SCRIPTS


def of_site(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "docs" / "site"))  # as Sphinx has it
    spec = spec_from_file_location(name, ROOT / "docs" / "site" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MARKDOWN = """\
Says it.

    ```python
    >>> 1 + 1
    2

    ```

## Rewards

| Num | Action |
|-----|--------|
| 0   | LEFT   |

Args:
    name: Of it."""
RESTRUCTURED = """\
Says it.


    .. code-block:: python

       >>> 1 + 1
       2



.. rubric:: Rewards



.. list-table::
   :header-rows: 1

   * - Num
     - Action
   * - 0
     - LEFT


Args:
    name: Of it."""


def test_markdown_of_a_docstring_becomes_what_sphinx_reads() -> None:
    made = of_site("markdown_docstrings").as_restructured(MARKDOWN.splitlines())
    assert "\n".join(made) == RESTRUCTURED


def test_a_docstring_without_markdown_stays() -> None:
    lines = ["It is `this | that`.", "", "Raises:", "    ValueError: |x| below 1."]
    assert of_site("markdown_docstrings").as_restructured(lines) == lines


@pytest.mark.parametrize("package", [b2m_drive, b2m_envs, b2m_agents], ids=lambda p: p.__name__)
def test_every_public_name_has_its_place_on_its_page(package: ModuleType) -> None:
    page = of_site("pages_of_code").api_page(package.__name__, "About.")
    assert sorted(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == sorted(package.__all__)


def test_every_page_stands_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"^[\w/-]+$", (ROOT / "docs" / "index.md").read_text(), re.MULTILINE))
    made = of_site("pages_of_code")
    generated = {*made.PACKAGES, *made.ENVIRONMENTS, *made.SCENES, *made.INCLUDED}
    written = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    written |= {f"notebooks/{path.stem}" for path in (ROOT / "docs" / "notebooks").glob("*.ipynb")}
    assert listed == written | {f"{made.MADE}/{name}" for name in generated}


def test_every_environment_that_is_registered_is_on_some_page() -> None:
    made = of_site("pages_of_code")
    text = "".join(made.environment_page(page, *of) for page, of in made.ENVIRONMENTS.items())
    from b2m_envs.registration import REGISTRATIONS

    assert [each.id for each in REGISTRATIONS if each.id not in text] == []


def test_every_driving_scene_has_its_page_with_a_clip_that_is_there() -> None:
    made = of_site("pages_of_code")
    assert set(made.SCENES.values()) == set(SCENARIOS)
    pages = {name: made.page_of(name) for name in made.SCENES.values()}
    clips = {path.stem for path in (ROOT / "docs" / "clips").glob("*.mp4")}
    assert clips == {*pages, *(each.replace("-", "_") for each in made.FILMED)}
    assert "Discrete(5)" in pages["highway"]
    assert "| `collision_reward` | -1 |" in pages["highway"]
    assert "never terminates" in pages["lane_keeping"]


def test_an_equation_becomes_mathml_that_a_browser_draws() -> None:
    as_mathml = of_site("native_equations").as_mathml
    drawn = as_mathml(r"\frac{1}{n} \sum_k w_k", "block")
    assert drawn.startswith("<math ")
    assert 'display="block"' in drawn
    assert "<mfrac>" in drawn
    with pytest.raises(ValueError, match="expected TeX"):
        as_mathml(r"\nonsense x")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A site of two pages, the links of which all lead somewhere."""
    (tmp_path / "of").mkdir()
    (tmp_path / "picture.png").touch()
    (tmp_path / "index.html").write_text(
        '<h1 id="top">It</h1><a href="of/page.html#here">there</a><a href="#top">up</a>'
        '<img src="picture.png"><a href="https://example.org/a#b">outside</a><a href="of/">it</a>'
        '<img src="data:image/png;base64,AAAA"><a href="mailto:someone@example.org">mail</a>'
    )
    page = '<p id="here"><a href="../index.html?from=here#top">back</a>'
    (tmp_path / "of" / "page.html").write_text(page)
    (tmp_path / "of" / "index.html").write_text("")
    return tmp_path


def said_of(site: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    check = runpy.run_path(str(SCRIPTS / "check_site.py"))["main"]
    with pytest.raises(typer.Exit) as ended:
        check(site)
    return ended.value.exit_code, capsys.readouterr().out


def test_a_site_without_a_broken_link_passes(built: Path, capsys) -> None:
    code, said = said_of(built, capsys)
    assert (code, said.count("\n")) == (0, 1)
    assert "3 pages, 8 links: 0 lead nowhere; 2 addresses outside" in said


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ('<a href="of/page.html#gone">', "no such anchor"),
        ('<a href="#gone">', "no such anchor"),
        ('<a href="gone.html">', "no such file"),
        ('<img src="gone.png">', "no such file"),
        ('<video poster="gone.png">', "no such file"),
        ('<a href="../outside.md">', "leads out of the site's folder"),
        ('<a href="https://example org/">', "no address that could be fetched"),
        ('<a href="http://localhost/">', "no address that could be fetched"),
        ('<a href="htps://example.org">', "no scheme of a link"),
        ('<script src="https://example.org/it.js">', "is loaded from outside"),
    ],
)
def test_a_planted_link_that_leads_nowhere_is_named(built: Path, capsys, planted, fault) -> None:
    page = built / "index.html"
    page.write_text(page.read_text() + planted)
    code, said = said_of(built, capsys)
    assert code == 1
    assert f"index.html: <{planted[1:].split()[0]}> " in said
    assert fault in said
    assert "1 lead nowhere" in said


def test_a_folder_without_pages_does_not_pass(tmp_path: Path, capsys) -> None:
    assert said_of(tmp_path, capsys)[0] == 1
