"""Docstrings with Markdown (fences, tables, headings) as the reStructuredText that Sphinx reads."""

from __future__ import annotations

import re
from typing import Any

_FENCE = re.compile(r"^(\s*)```(\w*)\s*$")
_HEADING = re.compile(r"^(\s*)#{2,}\s+(.*)$")
_RULE = re.compile(r"^\s*\|[\s:|-]+\|\s*$")


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _process, priority=100)  # before napoleon
    return {"parallel_read_safe": True}


def _process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = as_restructured(lines)


def as_restructured(lines: list[str]) -> list[str]:
    """Lines with fences as code blocks, tables as list tables, and headings as rubrics."""
    made: list[str] = []
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        if fence := _FENCE.match(line):
            made += _code_block(fence[1], fence[2] or "text", _taken_until_fence(rest))
        elif heading := _HEADING.match(line):
            made += ["", f"{heading[1]}.. rubric:: {heading[2]}", ""]
        elif line.lstrip().startswith("|") and rest and _RULE.match(rest[0]):
            rows = [line]
            while rest and rest[0].lstrip().startswith("|"):
                rows.append(rest.pop(0))
            made += _list_table(rows)
        else:
            made.append(line)
    return made


def _taken_until_fence(rest: list[str]) -> list[str]:
    taken: list[str] = []
    while rest:
        line = rest.pop(0)
        if line.strip() == "```":
            break
        taken.append(line)
    return taken


def _code_block(indent: str, language: str, lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines.pop()
    body = [f"{indent}   {line[len(indent) :]}" if line.strip() else "" for line in lines]
    return ["", f"{indent}.. code-block:: {language}", "", *body, ""]


def _list_table(rows: list[str]) -> list[str]:
    indent = rows[0][: len(rows[0]) - len(rows[0].lstrip())]
    cells = [[each.strip() for each in row.strip().strip("|").split("|")] for row in rows]
    made = ["", f"{indent}.. list-table::", f"{indent}   :header-rows: 1", ""]
    for row in (cells[0], *cells[2:]):
        made += [f"{indent}   {'*' if not n else ' '} - {cell}" for n, cell in enumerate(row)]
    return [*made, ""]
