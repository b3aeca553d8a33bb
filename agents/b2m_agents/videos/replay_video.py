"""Write a video of a log's replay: the road, the steering, and the car's drift as a line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from b2m_agents.videos.video_frame import Moment, Picture, draw_moment
from b2m_agents.videos.video_writing import check_video_path, write_video
from b2m_agents.worlds.action_choices import taken
from b2m_envs.driving_events.replay import Replay, ReplayedEvent, ReplayedStep

PANEL = 384  # [px] height of the scene
_HEIGHT, _MARGIN = 140, 16  # [px] of the line below
_SECONDS = 12.0  # that the line reaches back
_WIDEST = 4.5  # [m] of offset that has a place in it
_LANE_EDGE = 2.0  # [m]
_BACKGROUND, _FAINT, _EDGE, _TEXT = (38, 41, 47), (92, 97, 106), (165, 170, 178), (235, 235, 235)
_PUSHED, _DRIVER = (230, 159, 0), (86, 180, 233)  # Okabe & Ito (2008)
_WORDS = {
    "perturbation_left": "pushed to the left",
    "perturbation_right": "pushed to the right",
    "perturbation_end": "push ends",
    "correction_onset": "driver corrects",
    "correction_offset": "driver is back",
}


def record_replay(replay: Replay, path: str | Path, speed: float = 1.0) -> list[ReplayedEvent]:
    """Write a video of a replay of lane departures, one picture a time step.

    Args:
        replay: Whose environment gives pictures.
        path: The video: `.mp4` (H.264), `.webm` (VP9), `.avi` (Motion JPEG) or `.gif`.
        speed: Times real time.

    Returns:
        The events of the replay. The video appears at the path whole.

    Raises:
        ValueError: If the ending is unknown, no file can be at the path, no codec of the ending
            works here, or the speed is not above 0.
    """
    path = Path(path)
    check_video_path(path)
    if not 0 < speed < np.inf:
        raise ValueError(f"speed: expected above 0 times real time, came {speed!r}")
    events: list[ReplayedEvent] = []
    rate = replay.env.settings.steps_per_second
    write_video(path, _pictures(replay, events), rate * speed)
    return events


def _pictures(replay: Replay, events: list[ReplayedEvent]) -> Iterator[Picture]:
    scene = replay.env.settings
    line: deque[tuple[float, float]] = deque()  # time [s] and offset [m]
    action = np.zeros(len(scene.of.controls), np.float32)
    for step in replay.steps():
        events.extend(step.events)
        line.append((step.time, step.info["lane_offset"]))
        while line[0][0] < step.time - _SECONDS:
            line.popleft()
        action = action if step.action is None else step.action
        newest = f"{_WORDS[events[-1].name]}: {events[-1].time:.2f} s" if events else ""
        moment = Moment(
            scene=step.observation,
            reconstruction=None,
            latents=None,
            choices=taken(action, scene),
            words=_words(step),
            ending=newest,
        )
        upper = draw_moment(moment, colour=scene.colour, panel=PANEL)
        yield np.vstack([upper, _line_of(line, events, upper.shape[1])])


def _words(step: ReplayedStep) -> str:
    push = {-1: "<- push", 0: "", 1: "push ->"}[step.info["perturbation"]]
    offset = step.info["lane_offset"]
    return f"{step.time:.1f} s of the log   offset {offset:+.2f} m   {push}"


def _line_of(line: deque[tuple[float, float]], events: list[ReplayedEvent], width: int) -> Picture:
    """The newest offsets as a line, right being down, with the lane's edges and the events."""
    picture = np.full((_HEIGHT, width, 3), _BACKGROUND, np.uint8)
    now = line[-1][0]

    def column(time: float) -> int:
        return round(width - _MARGIN - (now - time) / _SECONDS * (width - 2 * _MARGIN))

    def row(offset: float) -> int:
        return round(_HEIGHT / 2 * (1 + float(np.clip(offset / _WIDEST, -1, 1)) * 0.95))

    for offset, ink in ((0.0, _FAINT), (-_LANE_EDGE, _EDGE), (_LANE_EDGE, _EDGE)):
        cv2.line(picture, (0, row(offset)), (width, row(offset)), ink, 1)
    for event in events[-20:]:
        if event.time >= now - _SECONDS:
            ink = _DRIVER if event.name.startswith("correction") else _PUSHED
            cv2.line(picture, (column(event.time), 0), (column(event.time), _HEIGHT), ink, 1)
    words, place = "offset from the lane's centre: left is up", (_MARGIN, 20)
    cv2.putText(picture, words, place, cv2.FONT_HERSHEY_DUPLEX, 0.45, _EDGE, 1, cv2.LINE_AA)
    points = np.array([(column(time), row(offset)) for time, offset in line], np.int32)
    cv2.polylines(picture, [points], False, _TEXT, 2, cv2.LINE_AA)
    return picture
