"""Tables as people have them: CSV or Parquet files, data frames, rows. All cells become text."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unetlite.errors import UsageError, first_line
from unetlite.tables import read_delimited

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
MISSING = {"", "nan", "na", "n/a", "null", "none", "<na>"}
TABLES = (
    "expected a path, a DataFrame of pandas or polars, or rows as mappings of column names to cells"
)
LARGEST = 1e50  # of a number whose variance can be squared
OTHER_FILES = {
    ".xls": "save the sheet as CSV",
    ".xlsx": "save the sheet as CSV",
    ".ods": "save the sheet as CSV",
    ".json": "make a table of it, as docs/your-network.md shows",
}


@dataclass(frozen=True)
class Table:
    """Columns of text, in the order of the table. An empty cell is an empty text."""

    source: str  # such as the name of the file
    columns: dict[str, list[str]]  # all of one length, at least 1
    places: list[str] = field(repr=False)  # of the rows, for messages
    decimal_comma: bool = False  # numbers may be written as 0,91

    def select(self, column: str, value: str) -> "Table":
        """The rows with this value in a column, one or more, without the column."""
        kept = [index for index, cell in enumerate(self.columns[column]) if cell == value]
        columns = {}
        for name, cells in self.columns.items():
            if name != column:
                columns[name] = [cells[index] for index in kept]
        places = [self.places[index] for index in kept]
        return replace(self, columns=columns, places=places)

    def numbers(self, column: str) -> list[float]:
        """The numbers of a column; NaN for an empty cell. Raises UsageError for other text."""
        cells = self.columns[column]
        if self.decimal_comma and any("," in cell for cell in cells):
            cells = [self.with_point(column, index) for index in range(len(cells))]
        return [self.number(column, index, cell) for index, cell in enumerate(cells)]

    def number(self, column: str, index: int, cell: str) -> float:
        """One number; NaN for an empty cell."""
        if cell.casefold() in MISSING:
            return math.nan
        if NUMBER.fullmatch(cell) and abs(float(cell)) <= LARGEST:
            return float(cell)
        place = f"{self.places[index]}: the {column} is {self.columns[column][index]!r}"
        if NUMBER.fullmatch(cell) or INFINITE.fullmatch(cell):
            raise UsageError(
                f"{place}, which no mean can take; give a finite number, or leave the cell empty "
                "for an image without a score."
            )
        raise UsageError(
            f"{place}; expected a number such as 0.91, or an empty cell for an image without a "
            "score."
        )

    def with_point(self, column: str, index: int) -> str:
        """A number of a column with decimal commas, with a point. Raises UsageError for both."""
        cell = self.columns[column][index]
        if "." in cell or cell.count(",") > 1:
            raise UsageError(
                f"{self.places[index]}: the {column} is {cell!r}, and other cells of the column "
                "have decimal commas; write all numbers alike, without marks between thousands."
            )
        return cell.replace(",", ".")

    def is_numeric(self, column: str) -> bool:
        """True if all cells are numbers or empty."""
        try:
            self.numbers(column)
        except UsageError:
            return False
        return True


def read_table(source: Any) -> Table:
    """A table from the path of a CSV or Parquet file, a DataFrame, or rows as mappings.

    Raises UsageError with the remedy for what is no table.
    """
    if isinstance(source, str | Path):
        return read_file(Path(source))
    if hasattr(source, "to_dicts"):  # a DataFrame of polars
        return from_rows(source.to_dicts())
    if hasattr(source, "columns") and hasattr(source, "to_dict"):
        check_names("the table", source.columns)  # to_dict keeps one of each name
        return from_columns("the table", source.to_dict(orient="list"))
    return from_rows(source)


def read_file(path: Path) -> Table:
    """A CSV or Parquet file; a CSV file may be packed by gzip."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file; expected a table of scores, CSV or Parquet.")
    suffix = path.suffix.casefold()
    if suffix in OTHER_FILES:
        raise UsageError(f"{path} is no CSV or Parquet file; {OTHER_FILES[suffix]}.")
    if suffix in (".parquet", ".pq"):
        return from_columns(str(path), read_parquet(path))
    text = read_delimited(path)
    columns = dict(zip(text.header, zip(*text.rows, strict=True), strict=True))
    decimal_comma = text.delimiter == ";"
    return from_columns(str(path), columns, text.places, decimal_comma)


def read_parquet(path: Path) -> dict[str, list[Any]]:
    """The columns of a Parquet file."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            f"{path}: Parquet is read by pyarrow, which is missing: pip install pyarrow; or save "
            "the table as CSV."
        ) from None
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read as Parquet ({first_line(error)}); write it again, or save the "
            "table as CSV."
        ) from None
    check_names(str(path), table.column_names)
    return table.to_pydict()


def from_rows(rows: Any) -> Table:
    """A table from mappings of column names to cells, one a row."""
    if not isinstance(rows, Iterable):
        raise UsageError(f"a table cannot be a {type(rows).__name__}; {TABLES}.")
    columns: dict[Any, list[Any]] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise UsageError(f"row {number} of the table is a {type(row).__name__}; {TABLES}.")
        if number > 1 and row.keys() != columns.keys():
            raise UsageError(
                f"row {number} of the table has other columns than row 1 "
                f"({', '.join(map(str, row))}); give each row the same."
            )
        for name, cell in row.items():
            columns.setdefault(name, []).append(cell)
    return from_columns("the table", columns)


def from_columns(
    source: str,
    columns: Mapping[Any, Sequence[Any]],
    places: list[str] | None = None,
    decimal_comma: bool = False,
) -> Table:
    """A table from cells of any type; by default its rows are numbered from 1."""
    check_names(source, columns)
    texts = {}
    for name, cells in columns.items():
        texts[cell_text(name)] = [cell_text(cell) for cell in cells]
    count = max(map(len, texts.values()), default=0)
    if count == 0:
        raise UsageError(f"{source} holds no rows; give one for each score.")
    if places is None:
        places = [f"{source}, row {number}" for number in range(1, count + 1)]
    return Table(source, texts, places, decimal_comma)


def check_names(source: str, names: Iterable[Any]) -> None:
    """Raises UsageError for two columns of one name, whatever the case."""
    texts = [cell_text(name) for name in names]
    if len({text.casefold() for text in texts}) < len(texts):
        raise UsageError(f"{source} names a column twice ({', '.join(texts)}); keep one of each.")


def cell_text(cell: Any) -> str:
    """The text of a cell in one line; empty for None and for what is not available."""
    text = " ".join(unicodedata.normalize("NFC", str(cell)).split())
    if not isinstance(cell, str) and text in ("None", "nan", "<NA>", "NaT"):
        return ""
    return text
