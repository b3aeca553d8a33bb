"""Whether a window could open here, so that nobody is offered one where none can."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

DISPLAY_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY")


def is_display_named(*drivers: str) -> bool:
    """Whether a display is named; only Linux names one, elsewhere a window can open.

    Args:
        drivers: Further environment variables that choose where windows open, such as
            ``QT_QPA_PLATFORM``.
    """
    if not sys.platform.startswith("linux"):
        return True
    return any(map(os.environ.get, DISPLAY_VARIABLES)) or any(map(os.environ.__contains__, drivers))


def offered_modes(modes: Sequence[str], *drivers: str) -> list[str]:
    """Render modes that can be had here: "human" is a window.

    Args:
        modes: All of an environment's class.
        drivers: See `is_display_named`.
    """
    return [mode for mode in modes if mode != "human" or is_display_named(*drivers)]
