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
    match_group,
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
    classes: dict[str, int] = {}
    augmented = len(folders) < len(SPLITS)
    for split, folder in folders.items():
        splits[split] = read_split_folder(folder, naming, augmented)
        own = read_classes(folder / CLASSES)
        if classes and own != classes:
            raise UsageError(f"{folder / CLASSES} differs from that of another split; correct it.")
        classes = own
    names = list(classes)
    is_count = list(classes.values()) == list(range(len(names)))
    return Layout(splits, names if is_count else classes)


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
        group = match_group(name, naming.group, original)
        pairs.append(
            Pair(
                name,
                (path,),
                MaskFile(files[name + MASK]),
                group,
            )
        )
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
