"""Names that come out of files, made safe to be parts of paths."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

_UNSAFE = re.compile(r"[^A-Za-z0-9._+=@ -]+")
_LONGEST = 100  # characters; file systems end at 255 bytes, and suffixes follow
_NOTHING = "unnamed"


def safe_name(text: str) -> str:
    """A name reduced to one part of a path that stays where it is put.

    Letters, digits and ``. _ + = @ -`` stay, runs of anything else (separators above all) become
    one dash. No part begins with a dot, so that none is hidden, ``.`` or ``..``.

    ```python
    safe_name("sub-01 session/3")  # "sub-01 session-3"
    safe_name("/../../../x")  # "x"
    ```

    Args:
        text: From a file's content, such as a recording's session.
    """
    return _UNSAFE.sub("-", text)[:_LONGEST].strip(" .-") or _NOTHING


def inside(folder: Path, part: str) -> Path:
    """A folder or file inside another, where a file says it lies.

    Raises:
        ValueError: If it would lie outside.
    """
    path = PurePath(part)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{folder}: expected what lies inside it, came {part!r}")
    return folder / path
