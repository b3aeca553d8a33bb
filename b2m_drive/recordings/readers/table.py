"""Readers of recordings: tables from a file's suffix to the function that reads it.

A reader of the user's own joins by one line: ``READERS[".abc"] = function`` for a file that says
all by itself, ``OPENERS[".abc"] = function`` for one that needs a mapping of what was seen, and
when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from b2m_drive.files.refusals import prefixed
from b2m_drive.recordings.contents import Contents
from b2m_drive.recordings.datasets.table import noted, recognised
from b2m_drive.recordings.mapped import recording_of
from b2m_drive.recordings.mapping import RecordingMapping, read_mapping, toml_of
from b2m_drive.recordings.proposal import proposed_mapping
from b2m_drive.recordings.readers.bids import the_recording, with_sidecars
from b2m_drive.recordings.readers.csv_files import open_csv
from b2m_drive.recordings.readers.matlab_files import open_mat
from b2m_drive.recordings.readers.mne_files import MNE_OPENERS
from b2m_drive.recordings.readers.npz_files import open_npz
from b2m_drive.recordings.readers.nwb import open_nwb
from b2m_drive.recordings.readers.session_file import read_session_file
from b2m_drive.recordings.readers.xdf_files import open_xdf
from b2m_drive.recordings.recording import Recording

Reader: TypeAlias = Callable[[Path], Recording]
Opener: TypeAlias = Callable[[Path], Contents]

READERS: dict[str, Reader] = {".h5": read_session_file, ".hdf5": read_session_file}
OPENERS: dict[str, Opener] = {
    **MNE_OPENERS,
    ".csv": open_csv,
    ".mat": open_mat,
    ".npz": open_npz,
    ".nwb": open_nwb,
    ".tsv": open_csv,
    ".xdf": open_xdf,
}


def read_recording(
    path: str | Path, mapping: RecordingMapping | str | Path | Sequence[str] | None = None
) -> Recording:
    """Read a recording, in a format told by how the file's name ends.

    Where several suffixes fit, as ``.gz`` and ``.abc.gz`` do, the longest decides; capitals do not
    matter. A signal stays in its file and is read by the part.

    Args:
        path: The file, or the folder where that is the format; a BIDS data set of one recording.
        mapping: What was seen, and when, for the formats of `OPENERS`: a `RecordingMapping`, a
            TOML file, or entries such as ``["events.table=trials"]``. ``b2m-drive inspect`` and
            the error where there is none propose one; files of the named data sets need none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no reader has the suffix, the file is not what its reader expects, or a
            mapping is missing, not needed, or does not fit.
    """
    path = recording_file(Path(path))
    suffix = suffix_of(path)
    known = mapping if isinstance(mapping, RecordingMapping) else read_mapping(mapping)
    if suffix in _dotted_keys(OPENERS) and (
        known is not None or suffix not in _dotted_keys(READERS)
    ):
        return mapped(open_contents(path), known)
    if known is not None:
        raise ValueError(f"{path}: expected no mapping: a file of this kind says all by itself")
    reader = _dotted_keys(READERS)[suffix]
    found = reader(path)
    if not isinstance(found, Recording):
        raise ValueError(
            f"{path}: expected a Recording of the reader {getattr(reader, '__name__', reader)!s}, "
            f"came {type(found).__name__}"
        )
    return found


def needs_mapping(path: str | Path) -> bool:
    """Whether a file says by itself neither what was seen nor when.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no reader has the suffix.
    """
    return suffix_of(recording_file(Path(path))) not in _dotted_keys(READERS)


def open_contents(path: str | Path) -> Contents:
    """What lies in a file, opened but hardly read.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no opener has the suffix, or the file is not what its opener expects.
    """
    path = recording_file(Path(path))
    suffix = suffix_of(path)
    if suffix not in _dotted_keys(OPENERS):
        raise ValueError(f"{path}: expected a file that needs a mapping, came {suffix}")
    with prefixed(path):
        contents: Contents = _dotted_keys(OPENERS)[suffix](path)
        return with_sidecars(contents)


def recording_file(path: Path) -> Path:
    """The file of a recording: itself, or the only one of a BIDS data set's folder.

    Raises:
        ValueError: If a folder is no recording and no BIDS data set, or one with several; lists
            them.
    """
    known = tuple(_dotted_keys(OPENERS))
    if not path.is_dir() or path.name.lower().endswith(known):
        return path
    return the_recording(path, known)


def suffix_of(path: Path) -> str:
    """The longest known suffix that a file's name ends in.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If none is known.
    """
    known = sorted({*_dotted_keys(READERS), *_dotted_keys(OPENERS)})
    fitting = [suffix for suffix in known if path.name.lower().endswith(suffix)]
    if not fitting:
        raise ValueError(
            f"{path}: expected a recording that ends in one of {', '.join(known)}, came "
            f"{path.suffix or 'no suffix'}; READERS takes a reader of your own"
        )
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected a recording, found none")
    return max(fitting, key=len)


def mapped(
    contents: Contents, mapping: RecordingMapping | str | Path | Sequence[str] | None
) -> Recording:
    """The recording that a mapping makes of what lies in a file, or that the file itself says.

    Raises:
        ValueError: If there is no mapping, which then proposes one; or it does not fit.
    """
    given = mapping if isinstance(mapping, RecordingMapping) else read_mapping(mapping)
    if given is not None:
        return recording_of(contents, given)
    known = recognised(contents)
    if known is not None and known.mapping is not None:
        return recording_of(noted(contents, known), known.mapping)
    if contents.mapping is not None:
        return recording_of(contents, contents.mapping)
    proposal = toml_of(proposed_mapping(contents).mapping).strip().replace("\n", "\n    ")
    raise ValueError(
        f"{contents.path}: expected a mapping that says what was seen, and when (--mapping FILE"
        f".toml); from what lies in the file it may be\n    {proposal}"
    )


def _dotted_keys(table: Mapping[str, Any]) -> dict[str, Any]:
    return {f".{suffix.lstrip('.')}".lower(): value for suffix, value in table.items()}
