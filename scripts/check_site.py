"""Follow every link of the built site: each leads to a file, and to an anchor that is there.

    python scripts/check_site.py [build/site]            # what `make docs` does when it has built
    python scripts/check_site.py build/site --external   # also lists the addresses outside

Nothing is fetched: of an address outside only its form is looked at. `make links` fetches them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

LINKING = {"href", "src", "poster"}  # attributes that hold an address
ANCHORS = {"id", "name"}
FETCHED = {"script", "link", "img", "video", "source", "iframe"}  # elements that a page loads
INLINE = {"data", "javascript"}


@dataclass(frozen=True)
class Link:
    """What an element of a page refers to."""

    page: Path
    element: str
    address: str

    def __str__(self) -> str:
        return f"{self.page}: <{self.element}> {self.address}"


class _Reader(HTMLParser):
    """Collects what a page refers to, and what can be referred to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.page, self.links, self.anchors = page, list[Link](), set[str]()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in LINKING:
                self.links.append(Link(self.page, tag, value or ""))
            elif name in ANCHORS and value:
                self.anchors.add(value)


@cache
def _read(page: Path) -> _Reader:
    return _Reader(page)


def is_outside(link: Link) -> bool:
    """Whether it leads out of the site."""
    return bool(urlsplit(link.address).scheme or urlsplit(link.address).netloc)


def fault_of(link: Link, site: Path) -> str | None:
    """What is wrong with a link, or nothing."""
    parts = urlsplit(link.address)
    if parts.scheme in INLINE:
        return None
    if is_outside(link):
        return _fault_outside(link)
    target = (link.page.parent / unquote(parts.path)).resolve() if parts.path else link.page
    if not target.is_relative_to(site.resolve()):
        return "leads out of the site's folder"
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "no such file"
    if (
        parts.fragment
        and target.suffix == ".html"
        and unquote(parts.fragment) not in _read(target).anchors
    ):
        return "no such anchor"
    return None


def _fault_outside(link: Link) -> str | None:
    parts = urlsplit(link.address)
    if link.element in FETCHED:
        return "is loaded from outside: the site is to need nothing else"
    if parts.scheme == "mailto":
        return None if "@" in parts.path else "no address of mail"
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}: is no scheme of a link"
    if "." not in (parts.hostname or "") or any(each.isspace() for each in link.address):
        return "no address that could be fetched"
    return None


def main(
    site: Annotated[Path, typer.Argument(help="Folder of the built site.")] = Path("build/site"),
    external: Annotated[bool, typer.Option(help="List the addresses outside.")] = False,
) -> None:
    """Follow every link of the built site; end with an error if one leads nowhere."""
    pages = sorted(site.resolve().rglob("*.html"))
    links = [link for page in pages for link in _read(page).links]
    faults = [f"{link}: {fault}" for link in links if (fault := fault_of(link, site))]
    outside = sorted({link.address for link in links if is_outside(link)} - {""})
    outside = [each for each in outside if urlsplit(each).scheme not in INLINE]
    if external:
        print(*outside, sep="\n")
    print(*faults, sep="\n", end="\n" if faults else "")
    print(
        f"{len(pages)} pages, {len(links)} links: {len(faults)} lead nowhere; "
        f"{len(outside)} addresses outside, of good form and not fetched"
    )
    raise typer.Exit(bool(faults) or not pages)


if __name__ == "__main__":
    typer.run(main)
