"""Tables as CSV files."""

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from unetlite.files import atomic_path


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
    columns = zip(*rows, strict=True)
    return {name: list(column) for name, column in zip(header, columns, strict=True)}
