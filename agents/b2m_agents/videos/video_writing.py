"""Write pictures as a video that a browser plays, whole or not at all."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import cv2

from b2m_agents.videos.video_frame import Picture
from b2m_drive.files.writing import atomic_write

# Of OpenCV's wheels, which have no H.264.
_CODECS = {".webm": ("VP90", "VP80"), ".avi": ("MJPG",)}
_QUALITY = 8  # of 10, for text of a few pixels


def write_video(path: Path, pictures: Iterator[Picture], frames_per_second: float) -> None:
    """Write pictures as a video: `.mp4` (H.264), `.webm` (VP9), `.avi` (Motion JPEG) or `.gif`.

    Args:
        path: The video; it appears there whole.
        pictures: RGB, uint8 [height width 3], all of one size, with even sides.
        frames_per_second: Of the video.

    Raises:
        ValueError: If no codec of the ending works here.
        OSError: If the disk is full.
    """
    with atomic_write(path) as draft:
        _WRITERS[draft.suffix.lower()](draft, pictures, frames_per_second)


def check_video_path(path: Path) -> None:
    """Refuse where no video can be, before any is made.

    Raises:
        ValueError: If the ending is unknown, or no file can be at the path.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"{path}: expected a video ending in {', '.join(ENDINGS)}")
    if path.is_dir():
        raise ValueError(f"{path}: expected a file for the video, came a folder")
    for parent in path.parents:
        if parent.exists() and not parent.is_dir():
            raise ValueError(f"{path}: expected a folder {parent} to write to, came a file")


def _write_h264(path: Path, pictures: Iterator[Picture], frames_per_second: float) -> None:
    import imageio_ffmpeg

    first = next(pictures)
    writer = imageio_ffmpeg.write_frames(
        str(path),
        (first.shape[1], first.shape[0]),
        fps=frames_per_second,
        codec="libx264",
        quality=_QUALITY,
        macro_block_size=2,
        ffmpeg_log_level="error",
        output_params=["-movflags", "+faststart"],  # plays while it is still loaded
    )
    writer.send(None)
    n_written = 0
    try:
        for picture in chain([first], pictures):
            writer.send(picture.tobytes())
            n_written += 1
    finally:
        writer.close()
    _require_pictures(path, n_written)


def _write_with_opencv(path: Path, pictures: Iterator[Picture], frames_per_second: float) -> None:
    first = next(pictures)
    writer = _open_writer(path, first, frames_per_second)
    n_written = 0
    try:
        for picture in chain([first], pictures):
            writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            n_written += 1
    finally:
        writer.release()
    _require_pictures(path, n_written)


def _require_pictures(path: Path, n_written: int) -> None:
    """Count what came to the disk: neither writer says that it was full."""
    reader = cv2.VideoCapture(str(path))
    try:
        n_there = sum(1 for _ in iter(reader.grab, False))
    finally:
        reader.release()
    if n_there != n_written:
        raise OSError(errno.EIO, f"{n_there} of {n_written} pictures came to the disk; is it full?")


def _open_writer(path: Path, first: Picture, frames_per_second: float) -> Any:
    size = (first.shape[1], first.shape[0])
    for codec in _CODECS[path.suffix.lower()]:
        fourcc = cv2.VideoWriter.fourcc(*codec)
        writer = cv2.VideoWriter(str(path), fourcc, frames_per_second, size)
        if writer.isOpened():
            return writer
        writer.release()
    raise ValueError(
        f"{path.suffix}: expected one of the codecs {_CODECS[path.suffix]} in this OpenCV, found "
        "none; write an .mp4"
    )


def _write_gif(path: Path, pictures: Iterator[Picture], frames_per_second: float) -> None:
    from PIL import Image

    images = [Image.fromarray(picture) for picture in pictures]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / frames_per_second),  # [ms]
        loop=0,
    )


_WRITERS: dict[str, Callable[[Path, Iterator[Picture], float], None]] = {
    ".mp4": _write_h264,
    ".webm": _write_with_opencv,
    ".avi": _write_with_opencv,
    ".gif": _write_gif,
}
ENDINGS: Sequence[str] = tuple(_WRITERS)
