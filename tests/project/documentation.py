"""Reads the pages of the documentation: their links, their commands, their Python."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer

from b2m_agents.commands.app import app
from tests.shared.places import ROOT

COMMAND = "b2m-drive"
PROGRAMS = (COMMAND, "make", "python")
PACKAGES = ("b2m_drive", "b2m_agents", "b2m_envs")
MARKS = ("slow", "not run")  # of a block of Python, in an HTML comment before it

_FENCE = re.compile(r"^(`{3,})(\w*)[^\n]*\n(.*?)^\1[ ]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_MARK = re.compile(r"<!-- ([a-z ]+?)(?:: (.+?))? -->\s*\Z")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_OPTION = re.compile(r"--[a-z][a-z-]*")
_PAGE = re.compile(r"\bdocs/[\w-]+\.md(?:#[\w-]+)?")
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # also of an unknown verb or option


@cache
def root_command() -> Any:
    """The real command, from which every verb is reached."""
    return typer.main.get_command(app)


@dataclass(frozen=True)
class PythonBlock:
    """A fenced block of Python, and whether it is to be run."""

    code: str
    line: int  # of the page, at which the code starts
    mark: str | None  # one of `MARKS`

    @property
    def runs(self) -> bool:
        """Whether a test runs it, sooner or later."""
        return self.mark != "not run"


def pages() -> list[Path]:
    """README and every page of the documentation; the site's table of contents is none."""
    docs = {*(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "index.md"}
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(docs)]


def texts() -> list[Path]:
    """Every file of the project that is written in Markdown, notebooks too.

    The site's first page is none: it links to pages that are made, and Sphinx follows its links.
    """
    folders = ("", "docs", "docs/notebooks", "tests/old_runs")
    kinds = (".md", ".ipynb")
    found = {path for each in folders for path in (ROOT / each).iterdir() if path.suffix in kinds}
    return sorted(found - {ROOT / "docs" / "index.md"})


def markdown_of(path: Path) -> str:
    """What is written in a file of `texts`: of a notebook its cells of text."""
    if path.suffix == ".md":
        return path.read_text()
    cells = json.loads(path.read_text())["cells"]
    return "\n\n".join("".join(each["source"]) for each in cells if each["cell_type"] == "markdown")


def pages_named_in(code: str) -> list[str]:
    """Pages, with a heading or without, that docstrings, help and messages send a reader to."""
    return _PAGE.findall(code)


def prose_of(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)


def python_blocks(text: str) -> list[PythonBlock]:
    """The Python of a page, in order.

    Raises:
        ValueError: If the comment before a block is none of `MARKS`, or gives no reason.
    """
    found = []
    for fence in _FENCE.finditer(text):
        if fence[2] == "python":
            mark = _mark_before(text[: fence.start()])
            found.append(PythonBlock(fence[3], text[: fence.start(3)].count("\n") + 1, mark))
    return found


def _mark_before(text: str) -> str | None:
    comment = _MARK.search(text)
    if comment is None:
        return None
    if comment[1] not in MARKS or (comment[1] == "not run" and not comment[2]):
        raise ValueError(f"expected one of {MARKS}, with a reason why not, came {comment[0]!r}")
    return comment[1]


def broken_links(text: str, page: Path) -> list[str]:
    """Links and pictures of a page that lead nowhere: to no file, or to no heading of one."""
    targets = _LINK.findall(_SPAN.sub("", prose_of(text)))
    return [each for each in targets if not _is_outside(each) and not _leads(each, text, page)]


def _is_outside(target: str) -> bool:
    return target.startswith(("https://", "http://", "mailto:"))


def _leads(target: str, text: str, page: Path) -> bool:
    name, _, anchor = target.partition("#")
    path = page.parent / name
    if name and not path.exists():
        return False
    return not anchor or anchor in anchors_of(markdown_of(path) if name else text)


def anchors_of(text: str) -> set[str]:
    """What a page's headings are called in a link, as GitHub makes it."""
    headings = (each.lower() for each in _HEADING.findall(prose_of(text)))
    return {re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in headings}


def command_lines(text: str) -> Iterator[str]:
    """Lines that a reader would type, of `PROGRAMS`: indented by four, or fenced but no Python."""
    fenced = [fence[3] for fence in _FENCE.finditer(text) if fence[2] != "python"]
    indented = re.findall(r"^    (\S.*)$", prose_of(text), re.MULTILINE)
    for line in [*indented, *(line for block in fenced for line in block.splitlines())]:
        typed = line.strip().removeprefix("$ ")
        if typed.startswith(tuple(f"{program} " for program in PROGRAMS)):
            yield typed


def spans(text: str) -> list[str]:
    """Code within the prose of a page."""
    return _SPAN.findall(prose_of(text))


def command_error(words: list[str], *, typed: bool) -> str | None:
    """Why the command would refuse these words; nothing is executed.

    Args:
        words: Behind ``b2m-drive``.
        typed: Whether a reader would type them, so that arguments and values must be there and be
            of their type; of a mention in prose only the names count.
    """
    command = root_command()
    rest = list(words)
    while rest and rest[0] in options_of(command) - {"--help"}:  # flags before the verb
        rest.pop(0)
    while commands := getattr(command, "commands", None):
        if not rest or rest == ["--help"]:
            return None
        if rest[0] not in commands:
            return f"no verb {rest[0]!r}, there are {', '.join(commands)}"
        command = commands[rest.pop(0)]
    if not typed:
        return _first_unknown([word for word in rest if word[:2] == "--"], options_of(command))
    if rest != ["--help"]:
        try:
            command.make_context(words[0], rest)
        except _UsageError as error:
            return str(error)
    return None


def wrong_commands(text: str) -> dict[str, str]:
    """Commands of a page that the real one refuses, and why."""
    found = {
        line: _error_of(shlex.split(line, comments=True), typed=True)
        for line in command_lines(text)
    }
    verbs = root_command().commands
    for span in spans(text):
        words = span.split()
        if words[0] in verbs:
            words = [COMMAND, *words]
        found[span] = _error_of(words, typed=False)
    return {line: error for line, error in found.items() if error is not None}


def _error_of(words: list[str], *, typed: bool) -> str | None:
    first, *rest = words
    if first == COMMAND:
        return command_error(rest, typed=typed)
    if first == "make":
        return _first_unknown(rest, _targets())
    if first == "python" and rest and not rest[0].startswith("-"):
        return None if (ROOT / rest[0]).is_file() else f"no file {rest[0]}"
    if _OPTION.fullmatch(first):
        return _first_unknown([first], all_options())
    return None


def options_of(command: Any) -> set[str]:
    """Names of a verb's options."""
    names = (each for one in command.params for each in (*one.opts, *one.secondary_opts))
    return {"--help", *names}


@cache
def all_verbs() -> tuple[str, ...]:
    """Every verb, those of a group with the group's name."""
    found: list[str] = []
    waiting = [("", root_command())]
    while waiting:
        name, command = waiting.pop()
        commands = getattr(command, "commands", {})
        waiting += [(f"{name} {verb}".strip(), each) for verb, each in commands.items()]
        found += [] if commands else [name]
    return tuple(sorted(found))


@cache
def all_options() -> frozenset[str]:
    """Options of every verb, those before the verb, and of the scripts."""
    found = options_of(root_command())
    for verb in all_verbs():
        command = root_command()
        for word in verb.split():
            command = command.commands[word]
        found |= options_of(command)
    for script in (ROOT / "scripts").glob("*.py"):
        found |= set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', script.read_text()))
    return frozenset(found)


def missing_files(text: str) -> list[str]:
    """Files of the project that a page names and that are not there."""
    folders = ("agents/", "b2m_drive/", "envs/", "scripts/", "tests/", "docs/", ".ci/")
    named = [span for span in spans(text) if span.startswith(folders)]
    return [span for span in named if not (ROOT / span).exists()]


def unknown_names(text: str) -> list[str]:
    """Modules, classes and functions of the project that a page names and that are not there."""
    return [span for span in spans(text) if _is_dotted(span) and not _exists(span)]


def unknown_imports(code: str) -> list[str]:
    """What Python code imports and is not there."""
    names = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if not _exists(name)]


def _is_dotted(span: str) -> bool:
    return re.fullmatch(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+", span) is not None


def _exists(dotted: str) -> bool:
    """Whether a name is a module, or lies in one."""
    parts = dotted.split(".")
    for n_modules in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:n_modules]))
        except ModuleNotFoundError:
            continue
        for name in parts[n_modules:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


def _targets() -> set[str]:
    return set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _first_unknown(words: list[str], known: Set[str]) -> str | None:
    return next((f"unknown: {word}" for word in words if word not in known), None)
