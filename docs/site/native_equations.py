"""Equations as MathML, which browsers draw by themselves: no script, nothing fetched."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (_draw, None), (_draw_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _draw(translator: Any, node: nodes.math) -> None:
    translator.body.append(as_mathml(node.astext()))
    raise nodes.SkipNode


def _draw_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="equation">{as_mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def as_mathml(tex: str, display: str = "inline") -> str:
    r"""An equation as an element of a page.

    Raises:
        ValueError: If a command of it is not known, which would be shown as it is written.
    """
    made = convert(tex, display=display)
    if "\\" in made:
        raise ValueError(f"expected TeX that latex2mathml knows, came {tex!r}")
    return made
