"""EEG and MEG files, opened by MNE and read by the part: EDF, BDF, GDF, BrainVision, EEGLAB, FIF.

MNE is imported when a file is opened; the extra ``eeg`` brings it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.files.matlab5_elements import check_matlab5
from b2m_drive.files.missing_packages import needing
from b2m_drive.recordings.contents import Contents
from b2m_drive.recordings.readers.brainvision_header import check_brainvision
from b2m_drive.recordings.readers.edf_header import EDFHeader, read_edf_header
from b2m_drive.recordings.readers.fif_tags import check_fif
from b2m_drive.recordings.readers.mne_contents import contents_of_raw, heard, refused

_BIOSEMI_CODES = 2**16 - 1  # bits; those above them are the amplifier's own state
_VOLTS_OF_MNE = ("V", "mV", "uV", "µV", "μV", "\x83\xcaV")  # units of EDF that it makes volts of
_EEGLAB = "an EEGLAB data set (MATLAB)"
_SAMPLE_BYTES = 4  # of a file .fdt
_MOST_PACKED = 1100  # times smaller than its content that a compressed file can be
_LARGEST_UNPACKED = 4_000_000_000  # [bytes] of a compressed FIF file, which is read whole


def open_edf(path: Path) -> Contents:
    """An EDF file; channels of each rate are a signal of their own, none is resampled.

    Raises:
        ValueError: If it is no EDF, or is cut short before its first record ends.
    """
    return _open_records(path, "EDF", "read_raw_edf", -1)


def open_bdf(path: Path) -> Contents:
    """A BDF file of a BioSemi amplifier, whose ``Status`` channel has codes of 16 bits.

    Raises:
        ValueError: As `open_edf`.
    """
    return _open_records(path, "BDF", "read_raw_bdf", _BIOSEMI_CODES)


def open_gdf(path: Path) -> Contents:
    """A GDF file whose channels are all of one rate.

    Raises:
        ValueError: If it is none.
    """
    _begins(path, (b"GDF",), "a GDF file")
    return _opened(path, "GDF", lambda mne: mne.io.read_raw_gdf(path, preload=False))


def open_brainvision(path: Path) -> Contents:
    """A BrainVision recording by its header; markers are annotations such as ``Stimulus/S  1``.

    Raises:
        FileNotFoundError: If the file of samples is missing.
        ValueError: If it is none, names files elsewhere, or is cut short.
    """
    check_brainvision(path)
    return _opened(path, "BrainVision", lambda mne: mne.io.read_raw_brainvision(path))


def open_eeglab(path: Path) -> Contents:
    """A continuous EEGLAB data set, with its samples inside or in an ``.fdt`` beside it.

    Raises:
        FileNotFoundError: If the ``.fdt`` is missing.
        ValueError: If it is none, has epochs, or is cut short.
    """
    with needing("EEGLAB files", "eeg"):
        import pymatreader as _pymatreader  # noqa: F401  # which MNE reads them with
    _begins(path, (b"MATLAB", b"\x89HDF"), _EEGLAB)
    if h5py.is_hdf5(path):
        with opened_hdf5(path, _EEGLAB):
            pass  # links and lengths are sound
    else:
        check_matlab5(path)

    def read(mne: Any) -> Any:
        try:
            raw = mne.io.read_raw_eeglab(path, preload=False)
        except TypeError as error:
            if "number of trials" in str(error):
                raise ValueError(_epochs(path, "read_epochs_eeglab")) from error
            raise
        _check_samples(path, raw)
        return raw

    return _opened(path, "EEGLAB", read)


def open_fif(path: Path) -> Contents:
    """A raw FIF file; one that was split goes on in its parts, a compressed one is read whole.

    Raises:
        ValueError: If it is none, has epochs, or is cut short.
    """
    packed = path.name.lower().endswith(".gz")
    if not packed:
        check_fif(path)

    def read(mne: Any) -> Any:
        try:
            raw = mne.io.read_raw_fif(path, preload=False)
        except ValueError as error:
            if "No raw data" in str(error) or "not contain raw" in str(error):
                raise ValueError(_epochs(path, "read_epochs")) from error
            raise
        if packed:
            size = raw.n_times * len(raw.ch_names) * 8
            if size > _LARGEST_UNPACKED:
                raise ValueError(
                    f"{path}: expected a compressed FIF file that fits into memory, came "
                    f"{size / 1e9:.3g} GB: unpack it first"
                )
            raw.load_data()
        return raw

    return _opened(path, "FIF", read, ("a compressed file, read whole",) if packed else ())


MNE_OPENERS: dict[str, Callable[[Path], Contents]] = {
    ".edf": open_edf,
    ".bdf": open_bdf,
    ".gdf": open_gdf,
    ".vhdr": open_brainvision,
    ".set": open_eeglab,
    ".fif": open_fif,
    ".fif.gz": open_fif,
}


def _opened(
    path: Path, file_format: str, read: Callable[[Any], Any], notes: tuple[str, ...] = ()
) -> Contents:
    with heard() as said:
        import mne

        with refused(path):
            raw = read(mne)
            raw.get_channel_types()  # fails on kinds that MNE does not know
        _require_beside(path, raw)
        with refused(path):
            contents = contents_of_raw([raw], path, file_format, notes)
    return _with_notes(contents, said)


def _open_records(path: Path, file_format: str, reader: str, bits: int) -> Contents:
    """Open a file of records once for each rate, so that MNE resamples no channel to another's."""
    header = read_edf_header(path)
    with heard() as said:
        import mne

        def read(exclude: list[str]) -> Any:
            with refused(path):
                return getattr(mne.io, reader)(
                    path, preload=False, exclude=exclude, exclude_after_unique=True
                )

        raws = [read([])]
        if len(raws[0].ch_names) != len(header.rates):
            raise ValueError(
                f"{path}: expected {len(header.rates)} channels, came {len(raws[0].ch_names)}"
            )
        rates = dict(zip(raws[0].ch_names, header.rates, strict=True))
        several = sorted(set(header.rates), reverse=True)
        if len(several) > 1:
            raws = [read([name for name in rates if rates[name] != rate]) for rate in several]
        units = {
            name: "V" if unit in _VOLTS_OF_MNE else unit
            for name, unit in zip(rates, header.units, strict=True)
        }
        contents = contents_of_raw(raws, path, file_format, _on_records(header), units, bits)
    return _with_notes(contents, said)


def _on_records(header: EDFHeader) -> tuple[str, ...]:
    notes = []
    if header.missing:
        notes.append(
            f"{header.missing} records of {header.record_seconds:g} s are missing of "
            f"{header.missing + header.n_records} that the header promises: cut short?"
        )
    if len(set(header.rates)) > 1:
        rates = ", ".join(f"{rate:g}" for rate in sorted(set(header.rates), reverse=True))
        notes.append(f"channels of several rates ({rates} Hz), none of them resampled")
    return tuple(notes)


def _with_notes(contents: Contents, said: list[str]) -> Contents:
    return replace(contents, notes=(*contents.notes, *dict.fromkeys(said)))


def _begins(path: Path, magic: tuple[bytes, ...], what: str) -> None:
    with path.open("rb") as file:
        start = file.read(8)
    if not start.startswith(magic):
        raise ValueError(f"{path}: expected {what}, came a file that begins with {start!r}")


def _require_beside(path: Path, raw: Any) -> None:
    """Refuse samples that the file's header has taken from another folder."""
    for name in raw.filenames:
        if name is not None and Path(name).absolute().parent != path.absolute().parent:
            raise ValueError(f"{path}: expected samples in files beside it, came {name}")


def _check_samples(path: Path, raw: Any) -> None:
    """Whether an EEGLAB data set's samples can be as many as it says."""
    data = Path(raw.filenames[0])
    if not data.is_file():
        raise FileNotFoundError(
            f"{path}: expected its samples in {data.name} beside it, found none"
        )
    size, expected = data.stat().st_size, raw.n_times * len(raw.ch_names) * _SAMPLE_BYTES
    separate = data.suffix.lower() == ".fdt"
    if size != expected if separate else expected > size * _MOST_PACKED:
        raise ValueError(
            f"{path}: expected {raw.n_times} samples of {len(raw.ch_names)} channels in "
            f"{data.name} ({expected} bytes), came {size} bytes: cut short?"
        )


def _epochs(path: Path, reader: str) -> str:
    return (
        f"{path}: expected a continuous recording, came epochs: "
        f"b2m_drive.responses_from_mne(mne.{reader}(...)) takes those"
    )
