"""Tables beside images: rows by the names of their columns."""

from pathlib import Path

from unetlite.tables import read_delimited


class TableRow(dict[str, str]):
    """The cells of a row by the columns' names, in small letters; `place` is for messages."""

    place: str


def read_table(path: Path) -> list[TableRow]:
    """The rows of a CSV file, one or more. Raises UsageError if it cannot be read."""
    table = read_delimited(path)
    columns = [name.casefold() for name in table.header]
    result = []
    for cells, place in zip(table.rows, table.places, strict=True):
        row = TableRow(zip(columns, cells, strict=True))
        row.place = place
        result.append(row)
    return result
