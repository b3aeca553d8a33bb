"""Equations as MathML, which browsers draw by themselves: no script, nothing fetched."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (_draw, None), (_draw, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _draw(translator: Any, node: nodes.math | nodes.math_block) -> None:
    translator.body.append(as_mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def as_mathml(tex: str, *, as_block: bool = False) -> str:
    """An equation as an element of a page.

    Raises:
        docutils.utils.math.MathError: If it is no TeX that is known.
    """
    return tex2mathml(tex, as_block=as_block)
