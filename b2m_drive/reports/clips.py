"""Clips that lie in a run's folder, such as of a driver on the taught encoder, for its report."""

from __future__ import annotations

from pathlib import Path

from b2m_drive.reports.report_parts import Clip, Section

CLIPS = "clips"  # folder inside a run's
MEDIA_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}  # that browsers play
MOST_BYTES = 2_000_000  # of all clips of a page, so that it stays below 6 MB


def clips_section(folder: Path) -> Section | None:
    """The clips in ``clips/`` of a run's folder, by name; None if there are none.

    Those that do not fit on the page any more are named in its place.
    """
    found = sorted(
        path for path in (folder / CLIPS).glob("*") if path.suffix.lower() in MEDIA_TYPES
    )
    clips: list[Clip] = []
    too_large: list[str] = []
    room = MOST_BYTES
    for path in found:
        size = path.stat().st_size
        if size > room:
            too_large.append(f"{CLIPS}/{path.name}")
            continue
        room -= size
        caption = path.stem.replace("-", " ").replace("_", " ")
        media_type = MEDIA_TYPES[path.suffix.lower()]
        clips.append(Clip(path.name, caption, media_type, path.read_bytes()))
    if not found:
        return None
    left = f"Too large for this page, beside it: {', '.join(too_large)}." if too_large else ""
    return Section("Clips", clips=tuple(clips), aside=left)
