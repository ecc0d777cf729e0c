"""Which images train, validate and test: by a table, or drawn by the hash of their group."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from unetlite.data.csv_files import read_table
from unetlite.data.duplicates import group_duplicates
from unetlite.data.image_files import IMAGE_SUFFIXES
from unetlite.data.layouts.base import UNSPLIT, Layout, Pair, Splits, located_pairs
from unetlite.data.layouts.tables import read_group, read_split
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError
from unetlite.seeding import derive_seed
from unetlite.wording import counted

Share = Annotated[float, Field(gt=0, lt=1)]

SPLIT_TABLE = "splits.csv"

ID_COLUMNS = ("id", "name", "image", "file")
"""Of splits.csv, any of which holds the names of images."""


class Draw(NamedTuple):
    """How splits are drawn that nothing says."""

    val: float  # shares of the images, 0 to 1
    test: float
    seed: int


def settle_splits(
    directory: Path,
    content: Layout,
    title: str,
    group: str | None,
    draw: Draw,
) -> tuple[Splits, str, list[str]]:
    """The splits that a folder says, or drawn ones; what says them; and notes about them.

    `title` is that of the layout, `group` is data.group. Raises UsageError if a group or an image
    is in two splits.
    """
    splits = content.splits
    table = directory / SPLIT_TABLE
    origin = "from the layout"
    if UNSPLIT in splits and table.exists():
        origin = f"from {SPLIT_TABLE}"
        splits = split_by_table(splits[UNSPLIT], table, with_groups=group is None)
    elif table.exists():
        raise UsageError(f"{table} is there, but {title} says the splits; keep one.")
    says_groups = any(pair.group != pair.name for _, pair in located_pairs(splits))
    if group is not None or says_groups:
        check_split_groups(splits)
    splits, notes = group_duplicates(splits)
    if UNSPLIT in splits:
        notes += find_split_columns(directory)
        return split_by_share(splits[UNSPLIT], draw), "drawn by name", notes
    splits, more = complete_splits(splits, draw)
    return splits, origin, notes + more


def check_split_groups(splits: Splits) -> None:
    """Raises UsageError if images of one group, which are alike, are in two splits."""
    split_of: dict[str, str] = {}
    for split, pair in located_pairs(splits):
        other = split_of.setdefault(pair.group, split)
        if other != split:
            raise UsageError(
                f"{pair.image}: its group {pair.group} is in {other} and in {split}, "
                "but images of one group are alike; put each group into one split."
            )


def split_by_share(pairs: list[Pair], draw: Draw) -> Splits:
    """Splits drawn by `hold_out`. None is empty.

    Raises UsageError if the shares leave nothing to train on, or if there are too few groups.
    """
    if draw.val + draw.test >= 1:
        raise UsageError(
            f"data.val_fraction={draw.val}, data.test_fraction={draw.test}: leave something to "
            "train on."
        )
    check_count(pairs, SPLITS)
    rest, test = hold_out(pairs, draw.test * len(pairs), draw.seed, keep=2)
    train, val = hold_out(rest, draw.val * len(pairs), draw.seed)
    return {"train": train, "val": val, "test": test}


def complete_splits(splits: Splits, draw: Draw) -> tuple[Splits, list[str]]:
    """All splits, of which those that are missing are drawn from train, and notes that say so.

    Raises UsageError if train is missing, or has too few groups.
    """
    for split, pairs in splits.items():
        if not pairs:
            raise UsageError(
                f"the {split} split has no image; add some, or remove its folder or list, and it "
                "is drawn from train."
            )
    if "train" not in splits:
        raise UsageError(
            f"there are {' and '.join(splits)} images, but no train images; name the folder or "
            "split to train on train."
        )
    missing = [split for split in SPLITS if split not in splits]
    train = splits["train"]
    if len(missing) == 2:
        note = f"the val and test splits are drawn from train{by_groups(train)}"
        return split_by_share(train, draw), [note]
    complete = dict(splits)
    notes = []
    for split in missing:  # one or none
        check_count(train, ["train", split])
        share = draw.val if split == "val" else draw.test
        complete["train"], complete[split] = hold_out(train, share * len(train), draw.seed)
        notes.append(
            f"there is no {split} split; drawn for it: {len(complete[split])} of "
            f"{len(train)} train images{by_groups(train)}"
        )
    return {split: complete[split] for split in SPLITS}, notes


def by_groups(pairs: list[Pair]) -> str:
    """The end of a sentence about a draw, if some images are one group."""
    groups = {pair.group for pair in pairs}
    return ", by groups" if len(groups) < len(pairs) else ""


def check_count(pairs: list[Pair], names: Sequence[str]) -> None:
    """Raises UsageError if there are fewer groups than splits to be drawn."""
    groups = {pair.group for pair in pairs}
    if len(groups) >= len(names):
        return
    count = counted(len(pairs), "image")
    if len(groups) < len(pairs):
        count += f" in {counted(len(groups), 'group')}"
    raise UsageError(f"{count}: at least {len(names)} are needed, one each to {', '.join(names)}.")


def hold_out(
    pairs: list[Pair],
    count: float,
    seed: int,
    keep: int = 1,
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
    pairs = sorted(pairs, key=lambda pair: (pair.name, pair.images))
    rest = [pair for pair in pairs if pair.group not in drawn]
    held_out = [pair for pair in pairs if pair.group in drawn]
    return rest, held_out


def find_split_columns(directory: Path) -> list[str]:
    """Notes on tables that say splits, but have another name than splits.csv."""
    notes = []
    for file in sorted(directory.glob("*.csv")):
        with file.open("rb") as lines:
            header = lines.readline().lower()
        if re.search(rb"\bsplit\b", header):
            notes.append(f"{file} has a column split and is not read; {SPLIT_TABLE} would be")
    return notes


def split_by_table(
    pairs: list[Pair],
    table: Path,
    with_groups: bool,
) -> Splits:
    """Splits, and on request groups, by a table with the columns id, split and group.

    The first column may also be called name, image or file. Raises UsageError if the table cannot
    be read, or does not say the split of each image.
    """
    rows = read_table(table)
    id_columns = [column for column in ID_COLUMNS if column in rows[0]]
    if not id_columns or "split" not in rows[0]:
        raise UsageError(f"{table} has the columns {', '.join(rows[0])}; it needs id and split.")
    names = {pair.name for pair in pairs}
    with_groups = with_groups and "group" in rows[0]
    split_of: dict[str, str] = {}
    group_of: dict[str, str] = {}
    for row in rows:
        name = match_name(row[id_columns[0]], names, row.place)
        split = read_split(row, name)
        if with_groups:
            group_of[name] = read_group(row, name)
        before = split_of.setdefault(name, split)
        if before != split:
            raise UsageError(f"{table}: {name} is in {before} and in {split}; keep one row.")
    missing = [pair.image for pair in pairs if pair.name not in split_of]
    if missing:
        raise UsageError(
            f"{table} does not say in which split {missing[0]} is "
            f"({counted(len(missing), 'image')} not named)."
        )
    splits: Splits = {split: [] for split in SPLITS}
    for pair in pairs:
        group = group_of.get(pair.name, pair.group)
        splits[split_of[pair.name]].append(pair._replace(group=group))
    return splits


def match_name(text: str, names: set[str], place: str) -> str:
    """The name of the image that a cell names, with or without the type. Raises UsageError."""
    name = text.replace("\\", "/")
    if name in names:
        return name
    suffix = Path(name).suffix
    if suffix.lower() in IMAGE_SUFFIXES:
        name = name.removesuffix(suffix)
    if name not in names:
        raise UsageError(f"{place}: there is no image {name}; correct the name, or remove the row.")
    return name
