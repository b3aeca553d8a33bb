"""A report's page as a reader sees it."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any


def text_of(page: Path) -> str:
    """What a reader sees: no tags, no scripts, no images, entities resolved."""
    unseen = r"<(style|title|script)\b[^>]*>.*?</\1>|<[^>]*>"
    body = re.sub(unseen, " ", page.read_text(), flags=re.S)
    return " ".join(unescape(body).split())


def charts_of(page: Path) -> list[dict[str, Any]]:
    """The specifications of a page's figures, in order."""
    found = re.findall(r'<script type="application/json">(.*?)</script>', page.read_text(), re.S)
    return [json.loads(each) for each in found]


def outside_of(page: Path) -> list[str]:
    """What a page asks for outside itself, its scripts and their licences aside."""
    content = re.sub(r"<script\b[^>]*>.*?</script>", " ", page.read_text(), flags=re.S)
    return re.findall(r'src="(?!data:)[^"]*|<link|url\(|https?://', content)
