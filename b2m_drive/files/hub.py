"""The Hugging Face Hub: folders of networks brought there, and fetched from there.

Only files that are named travel, either way, and none of them is run: readers take weights from
safetensors, settings from JSON, and an agent without unpickling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from b2m_drive.files.missing_packages import needing
from b2m_drive.files.model_card import CARD_FILE, licence_of
from b2m_drive.files.refusals import said

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_NOT_PASSED_ON = "-nd-4.0"  # end of licences under which nothing derived may be passed on


def pretrained_folder(folder: str | Path, files: Sequence[str]) -> Path:
    """The folder of a saved network: a local one, or fetched if the text is ``"user/name"``.

    A `Path` is local, whatever it looks like; so is a text whose folder, or the folder around it,
    exists: a mistyped ``"runs/agent"`` beside other runs asks nobody.

    Args:
        folder: Path, or ``"user/name"`` on the Hub.
        files: Names, or patterns of names, of what is fetched; all else stays there.

    Raises:
        FileNotFoundError: If the Hub has none of this name, or shows it to others only.
        ConnectionError: If the Hub cannot be reached.
        MissingPackageError: If ``huggingface_hub`` is not installed (extra ``hub``).
    """
    path = Path(folder)
    if not is_on_the_hub(folder):
        return path
    name = str(folder)
    with needing(f"from_pretrained({name!r})", "hub"):
        from huggingface_hub import snapshot_download
    with _told(name):
        return Path(snapshot_download(name, allow_patterns=list(files)))


def is_on_the_hub(folder: str | Path) -> bool:
    """Whether a text is taken for a name on the Hub and not for a path."""
    path = Path(folder)
    if isinstance(folder, Path) or not _NAME.fullmatch(folder):
        return False
    return not (path.exists() or path.parent.is_dir())


def push_folder(
    folder: str | Path, name: str, files: Sequence[str], *, private: bool = True
) -> str:
    """Bring a network's folder to the Hub; returns its address there.

    Args:
        folder: Of the network, with its card.
        name: ``"user/name"`` there; made if it is new.
        files: Names, or patterns of names, of what is brought.
        private: Whether a new one is shown to its owner alone, until that is changed on the Hub.

    Raises:
        ValueError: If the name is none, or the card's licence lets nothing be passed on.
        FileNotFoundError: If the folder has no card.
        ConnectionError: If the Hub cannot be reached, or refuses.
        MissingPackageError: If ``huggingface_hub`` is not installed (extra ``hub``).
    """
    folder = Path(folder)
    if not _NAME.fullmatch(name):
        raise ValueError(f'name: expected "user/name" on the Hub, came {name!r}')
    if not (folder / CARD_FILE).is_file():
        raise FileNotFoundError(f"{folder}: expected a model card {CARD_FILE}, found none")
    licence = licence_of(folder)
    if licence.endswith(_NOT_PASSED_ON):
        raise ValueError(
            f"{folder / CARD_FILE}: expected a licence under which what was derived may be passed "
            f"on, came {licence} of the recording"
        )
    with needing("push_to_hub", "hub"):
        from huggingface_hub import HfApi
    api = HfApi()
    with _told(name):
        api.create_repo(name, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=name,
            folder_path=folder,
            allow_patterns=list(files),
            commit_message="Saved by b2m-drive",
        )
    return f"{api.endpoint}/{name}"


@contextmanager
def _told(name: str) -> Iterator[None]:
    """One sentence for whatever the Hub, its client or the network raise."""
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        yield
    except LocalEntryNotFoundError as error:  # neither reached nor fetched before
        raise ConnectionError(f"{name}: the Hugging Face Hub cannot be reached") from error
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"{name}: expected a folder here or a name on the Hugging Face Hub, found neither; a "
            "private one needs `hf auth login`"
        ) from error
    except Exception as error:  # its client raises those of three libraries
        raise ConnectionError(f"{name}: the Hugging Face Hub: {said(error)}") from error
