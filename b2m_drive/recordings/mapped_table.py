"""A table of bare arrays, as a mapping names its columns."""

from __future__ import annotations

from b2m_drive.recordings.contents import Contents, EventTable


def table_of_arrays(contents: Contents, names: list[str]) -> EventTable:
    """Arrays of one length as the columns of a table.

    Raises:
        ValueError: If one is not there, or is no column.
    """
    columns = {}
    for name in dict.fromkeys(names):
        values = contents.array(name).read()
        if values.ndim and values.size == max(values.shape, default=0):
            values = values.ravel()
        if values.ndim != 1:
            raise ValueError(
                f"{contents.path}: {name}: expected one value an event, came the shape "
                f"{values.shape}"
            )
        columns[name] = values
    lengths = {name: len(values) for name, values in columns.items()}
    if not columns:
        raise ValueError(f"{contents.path}: expected events.table or events.onset, came neither")
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{contents.path}: expected arrays of one length, came {lengths}")
    return EventTable("of arrays", columns)
