"""Fetch public recordings: hash-checked, file by file, so that a broken fetch goes on."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

KORNBLITH_URL = (
    "https://raw.githubusercontent.com/simonster/Kornblith-et-al-2017-Current-Biology/"
    "4b46fef287b3d849695ec93d69c1f82075bf7ed8/raw/"
)
KORNBLITH_LICENCE = """\
Kornblith, Quian Quiroga, Koch, Fried & Mormann (2017), Current Biology 27:1026,
doi 10.1016/j.cub.2017.02.013. Licence: Open Database License (ODbL) 1.0: name the source; what
you derive from the data and share, results included, goes under the same licence."""

_RETRIES = 3


def kornblith_hashes() -> dict[str, str]:
    """SHA-256 of each session file as published."""
    lines = files(__package__).joinpath("kornblith2017.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines if line.strip())}


def fetch_kornblith2017(
    folder: Path, sessions: Sequence[str] | None = None, base_url: str = KORNBLITH_URL
) -> list[Path]:
    """Download session files; those already there with the right hash are left as they are.

    Args:
        folder: Where to put them.
        sessions: Names of files, with or without ``.h5``; None: all.
        base_url: Where they are.

    Raises:
        ValueError: If a session is unknown, or what came is not what was published.
        ConnectionError: If the files cannot be reached.
    """
    import pooch
    import requests

    hashes = kornblith_hashes()
    wanted = sorted(hashes) if sessions is None else sessions
    names = [_file_of(session, hashes) for session in wanted]
    store = pooch.create(folder, base_url, registry=hashes, retry_if_failed=_RETRIES)
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=True)
    paths = []
    for name in names:
        try:
            paths.append(Path(store.fetch(name, downloader=downloader)))
        except requests.exceptions.RequestException as error:
            raise ConnectionError(
                f"{base_url}{name} cannot be reached ({type(error).__name__}); download it by "
                f"other means into {folder} and call this again to check it"
            ) from error
        except ValueError as error:
            raise ValueError(f"{base_url}{name}: expected the published file: {error}") from error
    return paths


def _file_of(session: str, hashes: dict[str, str]) -> str:
    name = session if session.endswith(".h5") else f"{session}.h5"
    if name not in hashes:
        near = difflib.get_close_matches(name, hashes, n=3, cutoff=0.0)
        raise ValueError(f"session: expected one such as {near}, came {session!r}")
    return name
