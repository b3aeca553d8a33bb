"""What is known of a public data set: where it is, its licence, whom to cite, what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.mapping import RecordingMapping

UNKNOWN_LICENCE = "see its page; not known here"


@dataclass(frozen=True)
class DataSet:
    """A public data set of recordings.

    Args:
        name: As ``b2m-drive fetch NAME`` takes it.
        title: In a line.
        task: What was done in it, and by whom.
        citation: Whom to cite.
        licence: Under which its data are.
        page: Where it stands.
        size: Of it all, in words; empty where that is not known.
        command: How it is downloaded, line by line, by the archive's own client; empty where there
            is none, or where ``b2m-drive fetch`` does it itself.
        environment: The id of the environment that shows the same trials; empty: none.
        columns: Of one table of its files, which tell them from others.
        values: What must be among the values of some of these columns, too.
        mapping: What in its files was seen, and when; None: they say so themselves, or you do.
        fields: What each column is, for a reader.
        check: What a file says twice, compared: notes on it, or a ValueError.
    """

    name: str
    title: str
    task: str
    citation: str
    licence: str
    page: str
    size: str = ""
    command: tuple[str, ...] = ()
    environment: str = ""
    columns: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    mapping: RecordingMapping | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Contents], tuple[str, ...]] | None = None

    def recognises(self, contents: Contents) -> bool:
        """Whether a file is one of this data set's, by the columns and values of a table."""
        if self.mapping is None or not self.columns:
            return False
        return any(self._fits(table) for table in contents.tables)

    def _fits(self, table: EventTable) -> bool:
        return set(self.columns) <= set(table.columns) and all(
            value in np.asarray(table.labels(name)) for name, value in self.values.items()
        )
