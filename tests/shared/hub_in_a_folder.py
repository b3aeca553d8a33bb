"""The Hugging Face Hub as a folder: what its client would send and fetch, without a network."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.utils import filter_repo_objects


class HubInAFolder:
    """Keeps what is pushed, by name; ``private`` says how each was made."""

    endpoint = "https://hub.example"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.private: dict[str, bool] = {}

    def create_repo(self, name: str, *, private: bool, exist_ok: bool) -> None:
        assert exist_ok
        self.private.setdefault(name, private)

    def upload_folder(
        self, *, repo_id: str, folder_path: Path, allow_patterns: list[str], **_: Any
    ) -> None:
        _copy(folder_path, self.folder / repo_id, allow_patterns)

    def snapshot_download(self, name: str, *, allow_patterns: list[str]) -> str:
        if not (self.folder / name).is_dir():
            raise LocalEntryNotFoundError("no such name")
        _copy(self.folder / name, self.folder / "fetched" / name, allow_patterns)
        return str(self.folder / "fetched" / name)

    def files(self, name: str) -> set[str]:
        """Names of what was pushed."""
        return _names(self.folder / name)


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> HubInAFolder:
    """Let the client's three calls of ours go to a folder."""
    hub = HubInAFolder(folder)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    return hub


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _copy(source: Path, goal: Path, patterns: list[str]) -> None:
    for name in filter_repo_objects(sorted(_names(source)), allow_patterns=patterns):
        (goal / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, goal / name)
