"""pairs.csv, the layout that always works."""

from functools import partial
from pathlib import Path

from unetlite.data.csv_files import TableRow, read_table
from unetlite.data.image_files import image_name, is_image, nfc
from unetlite.data.layouts.base import (
    SPLIT_WORDS,
    UNSPLIT,
    Layout,
    Naming,
    Pair,
    Reader,
    Splits,
)
from unetlite.data.layouts.masks import MaskFile
from unetlite.errors import UsageError

PAIRS = "pairs.csv"


def pairs_table(directory: Path) -> Reader | None:
    """pairs.csv with the columns image and mask, and perhaps split and group."""
    table = directory / PAIRS
    if not table.is_file():
        return None
    return partial(read_pairs, table)


def read_pairs(table: Path, naming: Naming) -> Layout:
    """The pairs of a table, whose paths are relative to it.

    Raises UsageError for a missing column or file, or an image that is there twice.
    """
    rows = read_table(table)
    columns = rows[0].keys()
    if not {"image", "mask"} <= columns:
        raise UsageError(
            f"{table} has the columns {', '.join(columns)}; it needs image and mask, "
            "and may have split and group."
        )
    splits: Splits = {}
    names: dict[str, TableRow] = {}
    for row in rows:
        image = find_file(table, row, "image")
        name = image_name(Path(row["image"].replace("\\", "/")))
        other = names.setdefault(name, row)
        if other is not row:
            raise UsageError(
                f"{row.place}: the image {name} is also in {other.place}; keep one row, or give "
                "files of one name different folders."
            )
        mask = MaskFile(find_file(table, row, "mask"))
        split = UNSPLIT
        if "split" in columns:
            split = read_split(row, name)
        group = naming.group_of(name)
        if "group" in columns and naming.group is None:
            group = read_group(row, name)
        splits.setdefault(split, []).append(Pair(name, (image,), mask, group))
    return Layout(splits)


def find_file(table: Path, row: TableRow, column: str) -> Path:
    """The file that a row names. Raises UsageError if it is missing or of an unread type."""
    text = row[column]
    path = table.parent / text
    if not path.is_file():
        path = table.parent / text.replace("\\", "/")
    if not path.is_file() and path.parent.is_dir():
        same = [other for other in path.parent.iterdir() if nfc(other.name) == nfc(path.name)]
        path = same[0] if same else path
    if not text or not path.is_file():
        raise UsageError(
            f"{row.place}: there is no {column} {text or '(empty)'}; give a path relative to "
            f"{table.parent}."
        )
    if not is_image(path):
        raise UsageError(f"{row.place}: {path} is of a type that is not read; convert it to PNG.")
    return path


def read_split(row: TableRow, name: str) -> str:
    """The split of a row. Raises UsageError for a word that names none."""
    split = SPLIT_WORDS.get(row["split"].casefold())
    if split is None:
        raise UsageError(
            f"{row.place}: split {row['split']!r} of {name} is not one of train, val, test."
        )
    return split


def read_group(row: TableRow, name: str) -> str:
    """The group of a row. Raises UsageError if it is empty."""
    if not row["group"]:
        raise UsageError(f"{row.place}: the group of {name} is empty; give each image one.")
    return row["group"]
