"""A report's page as a reader sees it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path


def text_of(page: Path) -> str:
    """What a reader sees: no tags, no images, entities resolved."""
    body = re.sub(r"<(style|title)>.*?</\1>|<[^>]*>", " ", page.read_text(), flags=re.S)
    return " ".join(unescape(body).split())
