"""Which images train, validate and test: by a table, or drawn by the hash of their group."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from unetlite.data.image_files import IMAGE_SUFFIXES
from unetlite.data.layouts import Pair, Splits
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError
from unetlite.seeding import derive_seed

Share = Annotated[float, Field(gt=0, lt=1)]

ID_COLUMNS = ("id", "name", "image", "file")
"""Of splits.csv, any of which holds the names of images."""


def check_split_groups(splits: Splits) -> None:
    """Raises UsageError if images of one group, which are alike, are in two splits."""
    split_of: dict[str, str] = {}
    for split, pairs in splits.items():
        for pair in pairs:
            other = split_of.setdefault(pair.group, split)
            if other != split:
                raise UsageError(
                    f"{pair.image}: its group {pair.group} is in {other} and in {split}, "
                    "but images of one group are alike; put each group into one split."
                )


def split_by_share(
    pairs: list[Pair],
    val: float,
    test: float,
    seed: int,
) -> Splits:
    """Splits drawn by `hold_out`, with the shares `val` and `test`. None is empty.

    Raises UsageError if the shares leave nothing to train on, or if there are too few groups.
    """
    if val + test >= 1:
        raise UsageError(
            f"data.val_fraction={val}, data.test_fraction={test}: leave something to train on."
        )
    groups = {pair.group for pair in pairs}
    if len(groups) < len(SPLITS):
        count = f"{len(pairs)} image(s)"
        if len(groups) < len(pairs):
            count += f" in {len(groups)} group(s)"
        raise UsageError(
            f"{count}: at least {len(SPLITS)} are needed, one each to {', '.join(SPLITS)}."
        )
    rest, test_pairs = hold_out(pairs, test * len(pairs), seed, keep=2)
    train_pairs, val_pairs = hold_out(rest, val * len(pairs), seed)
    return {"train": train_pairs, "val": val_pairs, "test": test_pairs}


def hold_out(
    pairs: list[Pair], count: float, seed: int, keep: int = 1
) -> tuple[list[Pair], list[Pair]]:
    """The rest and about `count` pairs, both sorted.

    Whole groups are held out, in the order of their hash: one or more, but `keep` of them stay.
    """
    sizes = Counter(pair.group for pair in pairs)
    order = sorted(sizes, key=lambda group: derive_seed(seed, group))
    target = max(1, round(count))
    drawn = set()
    size = 0
    for group in order[: len(order) - keep]:
        if size >= target:
            break
        drawn.add(group)
        size += sizes[group]
    rest = [pair for pair in pairs if pair.group not in drawn]
    held_out = [pair for pair in pairs if pair.group in drawn]
    return sorted(rest), sorted(held_out)


def split_by_table(
    pairs: list[Pair],
    table: Path,
    with_groups: bool,
) -> Splits:
    """Splits, and on request groups, by a table with the columns id, split and group.

    The first column may also be called name, image or file. Raises UsageError if the table cannot
    be read, or does not say the split of each image.
    """
    rows = read_rows(table)
    names = {pair.name for pair in pairs}
    with_groups = with_groups and "group" in rows[0]
    row_of: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, start=2):
        place = f"{table}, line {number}"
        name = check_row(row, names, place)
        if with_groups and not row_group(row):
            raise UsageError(f"{place}: the group of {name} is empty; give each image one.")
        before = row_of.get(name, row)["split"]
        if before != row["split"]:
            raise UsageError(f"{table}: {name} is in {before} and in {row['split']}; keep one row.")
        row_of[name] = row
    missing = [pair.image for pair in pairs if pair.name not in row_of]
    if missing:
        raise UsageError(
            f"{table} does not say in which split {missing[0]} is "
            f"({len(missing)} images are not named)."
        )
    splits: Splits = {split: [] for split in SPLITS}
    for pair in pairs:
        row = row_of[pair.name]
        if with_groups:
            pair = pair._replace(group=row_group(row))
        splits[row["split"]].append(pair)
    return splits


def read_rows(table: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file, one or more, with the column id. Raises UsageError."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"{table} cannot be read as CSV in UTF-8 ({error}); save it as such."
        ) from None
    columns = list(rows[0]) if rows else []
    id_columns = [column for column in ID_COLUMNS if column in columns]
    if not id_columns or "split" not in columns:
        names = ", ".join(map(str, columns)) or "(none)"
        raise UsageError(f"{table} has the columns {names}; it needs id and split.")
    for row in rows:
        row["id"] = row[id_columns[0]]
    return rows


def check_row(
    row: Mapping[str, Any],
    names: Iterable[str],
    place: str,
) -> str:
    """The name of the image of a row. Raises UsageError for a wrong name or split."""
    name, split = row["id"], row["split"]
    if name is None or split is None:
        raise UsageError(f"{place}: the row is shorter than the header; give it an id and a split.")
    suffix = Path(name).suffix
    if suffix.lower() in IMAGE_SUFFIXES:
        name = name.removesuffix(suffix)
    if split not in SPLITS:
        raise UsageError(f"{place}: split {split!r} of {name} is not one of {', '.join(SPLITS)}.")
    if name not in names:
        raise UsageError(f"{place}: there is no image {name}; correct the name, or remove the row.")
    return name


def row_group(row: Mapping[str, Any]) -> str:
    """The group of a row; empty if it has none."""
    return (row["group"] or "").strip()
