"""Roboflow's semantic masks."""

from functools import partial
from pathlib import Path

from unetlite.data.csv_files import read_table
from unetlite.data.image_files import list_images
from unetlite.data.layouts.base import (
    SPLIT_WORDS,
    Layout,
    Naming,
    Pair,
    Reader,
    folders_named,
    split_folders,
)
from unetlite.data.layouts.masks import MaskFile
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError

CLASSES = "_classes.csv"
MASK = "_mask"


def roboflow_masks(directory: Path) -> Reader | None:
    """train/, valid/ and test/, each with a.jpg, a_mask.png and _classes.csv."""
    folders = folders_named(directory, SPLIT_WORDS)
    if not any((folder / CLASSES).is_file() for folder in folders):
        return None
    return partial(read_roboflow, directory)


def read_roboflow(directory: Path, naming: Naming) -> Layout:
    """The pairs of each folder, and the classes of _classes.csv.

    Raises UsageError if an image has no mask, or if the classes of two splits differ.
    """
    folders = split_folders(directory)
    splits = {}
    augmented = len(folders) < len(SPLITS)
    for split, folder in folders.items():
        splits[split] = read_split_folder(folder, naming, augmented)
    return Layout(
        splits,
        read_common_classes(list(folders.values())),
        classes_from=CLASSES,
        parents=[directory],
    )


def read_common_classes(folders: list[Path]) -> dict[str, int]:
    """The classes that all folders have. Raises UsageError if one is missing, or if two differ."""
    for folder in folders:
        if not (folder / CLASSES).is_file():
            raise UsageError(f"{folder} has no {CLASSES}, as other splits have; export it again.")
    first, *others = [folder / CLASSES for folder in folders]
    classes = read_classes(first)
    for table in others:
        other = read_classes(table)
        if other != classes:
            raise UsageError(
                f"{table} has {list_classes(other)}, but {first} has {list_classes(classes)}; "
                "make them equal, or export all splits together."
            )
    return classes


def list_classes(classes: dict[str, int]) -> str:
    """Classes with their values, such as "0 background, 1 cat"."""
    return ", ".join(f"{value} {name}" for name, value in classes.items())


def read_split_folder(folder: Path, naming: Naming, augmented: bool) -> list[Pair]:
    """The pairs of a folder.

    With `augmented` the versions of an image that Roboflow made, such as a.rf.1 and a.rf.2, are a
    group. That matters if a split is drawn from them.
    """
    files = list_images(folder)
    pairs = []
    for name, path in files.items():
        if name.endswith(MASK) and name.removesuffix(MASK) in files:
            continue
        if name + MASK not in files:
            raise UsageError(f"{path} has no mask {name}{MASK}.png beside it; export it again.")
        original = name.partition(".rf.")[0] if augmented else name
        group = naming.group_of(name, original)
        pairs.append(Pair(name, (path,), MaskFile(files[name + MASK]), group))
    return pairs


def read_classes(file: Path) -> dict[str, int]:
    """Mask values by the names of classes, in the order of the values."""
    rows = read_table(file)
    if list(rows[0]) != ["pixel value", "class"]:
        raise UsageError(f"{file}: expected the columns Pixel Value and Class; export it again.")
    values = {}
    for row in rows:
        if not row["pixel value"].isdecimal() or row["class"] in values:
            raise UsageError(
                f"{row.place}: expected a number and a class of its own, not "
                f"{row['pixel value']!r}, {row['class']!r}; correct the row."
            )
        values[row["class"]] = int(row["pixel value"])
    return dict(sorted(values.items(), key=lambda item: item[1]))
