"""Scenes written episode by episode: a killed collection loses at most the one it was in."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from b2m_drive.files.hdf5_writing import hdf5_in_memory, hdf5_in_room
from b2m_drive.files.provenance import resumed_versions
from b2m_drive.files.text_files import read_text
from b2m_drive.files.writing import write_text
from b2m_drive.students.scene_episode import SceneEpisode, SceneHeader
from b2m_drive.students.scene_file import (
    append_episode,
    open_file,
    read_episode,
    read_whole,
    start_file,
)

_PART = re.compile(r"episode-(\d{6,})\.h5")
_HEADER = "header.json"


def parts_of(path: Path) -> Path:
    """Folder of the episodes of a file that is not yet whole."""
    return path.with_name(f"{path.name}.parts")


class SceneWriter:
    """Collects episodes beside a file, and joins them into it at the end.

    ::

        writer = SceneWriter("highway.h5", header)
        for index in range(n_episodes):
            if index not in writer.done:
                writer.write(index, drive(seed=(header.seed, index)))
        writer.finish()

    Each episode is one file in ``highway.h5.parts/``, which appears there whole or not at all.
    Many processes may write at once, each with a writer of its own, as long as no two write the
    same episode. Opened on a finished file of the same header, the writer has nothing left to do.

    Raises:
        ValueError: If another collection is there; the message names what differs.
    """

    def __init__(self, path: str | Path, header: SceneHeader) -> None:
        self.path = Path(path)
        self.header = header
        self.parts = parts_of(self.path)
        self._frame_shape: tuple[int, ...] | None = None
        self._counts: dict[int, int] = {}  # of parts looked into before
        self.finished = self.path.exists()
        if self.finished:
            with open_file(self.path) as file:
                there = SceneHeader.from_json(file.attrs["header"], str(self.path))
            self.header = self._resumed(there, self.path)
        else:
            self._open_parts()

    @property
    def done(self) -> tuple[int, ...]:
        """Numbers of the episodes committed, in order."""
        return tuple(self.frame_counts() if self.finished else sorted(self._found_parts()))

    @property
    def n_frames(self) -> int:
        """Frames of all episodes committed."""
        return sum(self.frame_counts().values())

    def frame_counts(self) -> dict[int, int]:
        """Frames of each episode committed, by its number, in order."""
        if self.finished:
            with open_file(self.path) as file:
                return dict(enumerate(file["episode/n_frames"][:].tolist()))
        parts = self._found_parts()
        for index in parts.keys() - self._counts.keys():
            with open_file(parts[index]) as file:
                self._counts[index] = int(file["episode/n_frames"][0])
        return {index: self._counts[index] for index in sorted(parts)}

    def write(self, index: int, episode: SceneEpisode) -> None:
        """Commit an episode whole.

        Args:
            index: Its number in the collection, from 0.
            episode: To write.

        Raises:
            ValueError: If the episode is there already, or is not of the writer's header.
        """
        if index < 0:
            raise ValueError(f"episode: expected a number of at least 0, came {index}")
        if self.finished or self._part(index).exists():
            raise ValueError(f"{self.path}: episode {index}: expected a new one, it is written")
        episode.check_against(self.header, self._shape_so_far())
        with hdf5_in_memory(self._part(index)) as file:
            start_file(file, self.header, episode)
            append_episode(file, episode)
        self._frame_shape = episode.frames.shape[1:]

    def finish(self, n_episodes: int | None = None, *, progress: bool = False) -> Path:
        """Join the episodes into one file, in their order, and remove the parts.

        Args:
            n_episodes: The first so many; later ones are dropped. None: all.
            progress: Show a bar.

        Raises:
            ValueError: If an episode is missing, damaged, or has frames of another size.
        """
        if not self.finished:
            parts = self._found_parts()
            wanted = range(max(parts, default=-1) + 1 if n_episodes is None else n_episodes)
            missing = [index for index in wanted if index not in parts]
            if missing or not wanted:
                raise ValueError(
                    f"{self.parts}: expected at least one episode and none missing, "
                    f"missing {missing[:10]}"
                )
            self._join([parts[index] for index in wanted], progress)
            self.finished = True
        shutil.rmtree(self.parts, ignore_errors=True)
        return self.path

    def _join(self, parts: list[Path], progress: bool) -> None:
        n_bytes = sum(part.stat().st_size for part in parts)  # one header each, so never fewer
        with hdf5_in_room(self.path, n_bytes) as file:
            shape, has_mask = None, None
            for part in tqdm(parts, unit="episode", desc="joining", disable=not progress):
                with open_file(part) as source, read_whole(part):
                    there = SceneHeader.from_json(source.attrs["header"], str(part))
                    episode = read_episode(source)
                there.check_equal(self.header, str(part))
                try:
                    episode.check_against(self.header, shape)
                except ValueError as error:
                    raise ValueError(f"{part}: {error}") from error
                if shape is None:
                    start_file(file, self.header, episode)
                    shape, has_mask = episode.frames.shape[1:], episode.vehicle_mask is not None
                if (episode.vehicle_mask is not None) != has_mask:
                    raise ValueError(
                        f"{part}: vehicle_mask: expected one in every episode or in none"
                    )
                append_episode(file, episode)

    def _open_parts(self) -> None:
        """Start the folder of parts, or check that the parts there are of this collection."""
        self.parts.mkdir(parents=True, exist_ok=True)
        path = self.parts / _HEADER
        if path.exists() and self._found_parts():
            there = SceneHeader.from_json(read_text(path, "a header"), str(path))
            self.header = self._resumed(there, path)
            if self.header == there:
                return
        write_text(path, self.header.to_json())

    def _resumed(self, there: SceneHeader, where: Path) -> SceneHeader:
        """The header that is there, with the versions that go on."""
        there.check_equal(self.header, str(where))
        return replace(
            there, versions=resumed_versions(where, there.versions, self.header.versions)
        )

    def _part(self, index: int) -> Path:
        return self.parts / f"episode-{index:06d}.h5"

    def _found_parts(self) -> dict[int, Path]:
        matches = ((_PART.fullmatch(path.name), path) for path in self.parts.iterdir())
        return {int(match[1]): path for match, path in matches if match}

    def _shape_so_far(self) -> tuple[int, ...] | None:
        """Height, width and channels of the frames written before; None: nothing yet."""
        if self._frame_shape is None:
            part = next(iter(self._found_parts().values()), None)
            if part is not None:
                with open_file(part) as file:
                    self._frame_shape = file["frames"].shape[1:]
        return self._frame_shape
