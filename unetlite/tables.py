"""Tables as CSV files: those that are written here, and those that people write."""

import csv
import gzip
import io
import math
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from unetlite.errors import UsageError
from unetlite.files import atomic_path

DELIMITERS = (",", ";", "\t")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | float]]) -> None:
    """Writes a table, whole or not at all."""
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in rows:
            writer.writerow([format_cell(value) for value in row])


def format_cell(value: str | float) -> str:
    """A value as a table holds it: nine significant digits, an empty cell for NaN."""
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.9g}"


def read_csv(path: Path) -> dict[str, list[str]]:
    """The columns of a table by their names. Raises ValueError for rows of different lengths."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    if not rows:
        return {name: [] for name in header}
    columns = zip(*rows, strict=True)
    return {name: list(column) for name, column in zip(header, columns, strict=True)}


class DelimitedText(NamedTuple):
    """A table as programs save it: cells without spaces around them, in Unicode NFC."""

    header: list[str]
    rows: list[list[str]]  # one or more, each as long as the header
    places: list[str]  # of the rows, for messages
    delimiter: str  # of DELIMITERS


def read_delimited(path: Path) -> DelimitedText:
    """A CSV file as any program saves it: with a mark in front or not, in any line ends.

    A file whose name ends in .gz is unpacked. Cells are separated by the comma, semicolon or tab
    that the header has most of. Empty rows do not count. Raises UsageError if the file cannot be
    read, for two columns of one name, whatever the case, and for a row of another length.
    """
    try:
        text = decode(read_content(path))
        first, _, _ = text.partition("\n")
        delimiter = max(DELIMITERS, key=first.count)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [(lines.line_num, [clean(cell) for cell in cells]) for cells in lines]
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
        raise UsageError(
            f"{path} cannot be read as CSV in UTF-8 ({error}); save it as such."
        ) from None
    rows = [(number, cells) for number, cells in rows if any(cells)]
    if len(rows) < 2:
        raise UsageError(f"{path} holds no rows below a header; write a header and its rows.")
    (_, header), *rows = rows
    if len({name.casefold() for name in header}) < len(header):
        raise UsageError(f"{path} names a column twice ({', '.join(header)}); keep one of each.")
    table = DelimitedText(header, [], [], delimiter)
    for number, cells in rows:
        place = f"{path}, line {number}"
        if len(cells) != len(header):
            raise UsageError(
                f"{place} has {len(cells)} cells, but the header {len(header)}; "
                "give each row a cell for each column."
            )
        table.rows.append(cells)
        table.places.append(place)
    return table


def read_content(path: Path) -> bytes:
    """The bytes of a file, unpacked if its name ends in .gz."""
    content = path.read_bytes()
    if path.suffix.casefold() == ".gz":
        content = gzip.decompress(content)
    return content


def clean(cell: str) -> str:
    """The text of a cell, without spaces around it, in Unicode NFC."""
    return unicodedata.normalize("NFC", cell.strip())


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 if it begins with its mark."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")
