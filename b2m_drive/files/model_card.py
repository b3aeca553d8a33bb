"""A model card: what a saved network is, in the layout of the Hugging Face Hub.

The card is the folder's ``README.md``: a head in YAML that the Hub reads (licence, tags, library,
data sets), then sentences for people: what it learnt from, simulated or recorded, the licence of
the recording, scores with their spread, limits. It may be edited by hand; no fingerprint covers it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from b2m_drive.files.text_files import read_text
from b2m_drive.files.writing import write_text

CARD_FILE = "README.md"
LIBRARY = "b2m-drive"
UNKNOWN = "unknown"  # the Hub's word for a licence that nobody states
SIMULATED, RECORDED = "simulated", "recorded"  # tags
_MOST_BYTES = 1 << 20
_LICENCE = re.compile(r"^license: *\"?([\w.-]+)\"?\s*$", re.MULTILINE)
_HUB_LICENCES = (  # what a recording's licence says -> the Hub's word; the strictest first
    (r"NC-ND", "cc-by-nc-nd-4.0"),
    (r"ODbL", "odbl"),
    (r"CC BY-NC-SA", "cc-by-nc-sa-4.0"),
    (r"CC BY-NC", "cc-by-nc-4.0"),
    (r"CC BY-SA", "cc-by-sa-4.0"),
    (r"CC BY", "cc-by-4.0"),
    (r"CC0", "cc0-1.0"),
    (r"\bMIT\b", "mit"),
)


@dataclass(frozen=True)
class CardScore:
    """A score, how it scatters and on what it was measured: a row of the card's table."""

    name: str
    value: float
    unit: str
    spread: str  # such as "0.61 to 0.70, 95 % interval over 5 seeds", or why there is none
    measured_on: str  # such as "1,040 held-out frames"


@dataclass(frozen=True)
class ModelCard:
    """What a reader has to know of a saved network before it is used."""

    title: str
    summary: str  # what network it is, in sentences
    data: tuple[str, ...]  # what it learnt from, a sentence or more each; says if simulated
    use: str  # Python that reads it
    licence: str = UNKNOWN  # of the weights, in the Hub's words
    licence_reason: str = "Whoever saved it did not say under which licence."
    tags: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    scores: tuple[CardScore, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The file's content."""
        parts = [
            _head(self),
            f"# {_plain(self.title)}",
            _plain(self.summary),
            _heading("Data", _list(self.data)),
            _heading("Licence", f"`{self.licence}`. {_plain(self.licence_reason)}"),
            _heading("Scores", _table(self.scores)),
            _heading("Limits", _list(self.limits)),
            _heading("Use", f"```python\n{self.use.strip()}\n```"),
        ]
        return "\n\n".join(parts) + "\n"


def write_card(folder: str | Path, card: ModelCard) -> Path:
    """Write a card into a network's folder, whole or not at all."""
    path = Path(folder) / CARD_FILE
    write_text(path, card.text)
    return path


def hub_licence(licence: str) -> str:
    """The Hub's word for the licence of a recording; `UNKNOWN` where it has none.

    Several licences in one text count as the strictest.
    """
    for pattern, word in _HUB_LICENCES:
        if re.search(pattern, licence, re.IGNORECASE):
            return word
    return UNKNOWN


def licence_of(folder: str | Path) -> str:
    """The licence in the head of a folder's card; `UNKNOWN` where there is no card, or none in it.

    Raises:
        ValueError: If the card is too large, or no text; names it.
    """
    path = Path(folder) / CARD_FILE
    if not path.is_file():
        return UNKNOWN
    _, *parts = read_text(path, "a model card", _MOST_BYTES).split("---\n", 2)
    found = _LICENCE.search(parts[0]) if len(parts) == 2 else None
    return found[1] if found else UNKNOWN


def stricter(licences: Iterable[str]) -> str:
    """The strictest of several licences of the Hub's; `UNKNOWN` counts as stricter than all."""
    order = [UNKNOWN, *(word for _, word in _HUB_LICENCES)]
    known = [each if each in order else UNKNOWN for each in licences]
    return min(known, key=order.index, default=UNKNOWN)


def _head(card: ModelCard) -> str:
    named = ["datasets:", *(f"- {_quoted(each)}" for each in card.datasets)]
    lines = [
        "---",
        f"license: {card.licence}",
        f"library_name: {LIBRARY}",
        "tags:",
        *(f"- {_quoted(each)}" for each in (LIBRARY, "brain2model", *card.tags)),
        *(named if card.datasets else ()),
        "---",
    ]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """As YAML takes it for text, whatever is in it: every JSON string is one."""
    return json.dumps(text)


def _heading(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(each)}" for each in sentences) or "- None was told."


def _table(scores: Iterable[CardScore]) -> str:
    rows = [
        "| " + " | ".join(map(_plain, (each.name, _number(each), each.spread, each.measured_on)))
        + " |"
        for each in scores
    ]  # fmt: skip
    if not rows:
        return "None was measured."
    return "\n".join(["| score | value | spread | measured on |", "|---|---|---|---|", *rows])


def _number(score: CardScore) -> str:
    return f"{score.value:.4g} {'' if score.unit == '1' else score.unit}".strip()


def _plain(text: str) -> str:
    """Text of a recording's or a user's, in one line that is no table, tag or heading."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
