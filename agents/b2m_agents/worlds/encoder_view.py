"""What the scenes of an encoder look like, kept beside its weights for agents to see the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from b2m_drive.files.json_files import read_json
from b2m_drive.files.writing import write_json
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import settings_from_keywords

VIEW_FILE = "view.json"
VIEW = (  # fields of `SceneSettings` that decide what a frame shows
    "camera", "height", "width", "colour", "n_frames", "frame_interval", "view_length",
    "heading_up",
)  # fmt: skip
_KINDS: dict[str, type | tuple[type, ...]] = {  # whole numbers where nothing is said
    "camera": str,
    "colour": bool,
    "heading_up": bool,
    "frame_interval": (int, float, type(None)),
    "view_length": (int, float, type(None)),
}
_CLOCK = ("n_frames", "frame_interval", "policy_frequency", "simulation_frequency")


def write_view(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the view of the scenes that an encoder learnt from, see `view_of_scenes`."""
    write_json(folder / VIEW_FILE, view_of_scenes(settings))


def view_of_scenes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The view out of the settings of scenes.

    The interval between frames is in seconds, so that it is the same for an agent that takes more
    steps a second. Settings that do not say their scenario are taken as they are.
    """
    view = {name: settings[name] for name in VIEW if name in settings}
    if settings.get("scenario") in SCENARIOS:
        clock = {name: settings[name] for name in _CLOCK if name in settings}
        scene = settings_from_keywords(settings["scenario"], clock)
        view["frame_interval"] = scene.seconds_between_frames
    return view


def read_view(folder: str | Path) -> dict[str, Any]:
    """Settings of the view, empty where an encoder's folder does not say.

    Raises:
        ValueError: If the file is damaged or holds something else; names it.
    """
    path = Path(folder) / VIEW_FILE
    if not path.is_file():
        return {}
    entries = read_json(path, "the view of an encoder")
    for name, value in entries.items():
        kind = _KINDS.get(name, int)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"{path}: {name}: expected another kind of value, came {value!r}")
    if not set(entries) <= set(VIEW):
        raise ValueError(f"{path}: expected some of {', '.join(VIEW)}, came {entries}")
    return entries
