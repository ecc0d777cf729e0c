"""Tables that people write: CSV as every program saves it."""

import csv
import io
from pathlib import Path

from unetlite.data.image_files import nfc
from unetlite.errors import UsageError

DELIMITERS = (",", ";", "\t")


class TableRow(dict[str, str]):
    """The cells of a row by the columns' names, in small letters; `place` is for messages."""

    place: str


def read_table(table: Path) -> list[TableRow]:
    """The rows of a CSV file, one or more, without spaces around cells, in Unicode NFC.

    Cells are separated by the comma, semicolon or tab that the header has most of. Empty rows do
    not count. Raises UsageError if the file cannot be read, or for a row of another length.
    """
    try:
        text = decode(table.read_bytes())
        first, _, _ = text.partition("\n")
        delimiter = max(DELIMITERS, key=first.count)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [(lines.line_num, [nfc(cell.strip()) for cell in cells]) for cells in lines]
    except (OSError, UnicodeError, csv.Error) as error:
        raise UsageError(
            f"{table} cannot be read as CSV in UTF-8 ({error}); save it as such."
        ) from None
    rows = [(number, cells) for number, cells in rows if any(cells)]
    if len(rows) < 2:
        raise UsageError(f"{table} holds no rows below a header; write a row for each image.")
    (_, header), *rows = rows
    columns = [name.casefold() for name in header]
    if len(set(columns)) < len(columns):
        raise UsageError(f"{table} names a column twice ({', '.join(header)}); keep one of each.")
    result = []
    for number, cells in rows:
        place = f"{table}, line {number}"
        if len(cells) != len(columns):
            raise UsageError(
                f"{place} has {len(cells)} cells, but the header {len(columns)}; "
                "give each row a cell for each column."
            )
        row = TableRow(zip(columns, cells, strict=True))
        row.place = place
        result.append(row)
    return result


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 if it begins with its mark."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")
