"""Folders beside those of the splits: one of them may be a split that is not recognised."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from unetlite.data.image_files import holds_images
from unetlite.data.layouts.base import (
    UNSPLIT,
    Splits,
    list_folders,
    located_pairs,
    split_of_words,
)
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError


def check_other_folders(
    parents: Iterable[Path],
    splits: Splits,
    untested: Sequence[Path] = (),
) -> None:
    """Raises UsageError if a split is missing, and a folder beside the others may be it.

    `parents` hold the folders of splits. Such a folder has images, and none of them is read. Test
    images need no labels, so a folder named test is none.
    """
    missing = [split for split in SPLITS if not splits.get(split)]
    if UNSPLIT in splits or not missing:
        return
    read = folders_that_are_read(splits, untested)
    others = []
    has_test = bool(untested)
    for parent in parents:
        for folder in list_folders(parent):
            if folder in read or not holds_images(folder):
                continue
            if split_of_words(folder.name) == "test":
                has_test = True
            else:
                others.append(folder)
    if has_test and "test" in missing:
        missing.remove("test")
    if others and missing:
        remedy = f"Call it {missing[0]} if it is that"
        if split_of_words(others[0].name) is not None:
            remedy = "Add the labels that other splits have"
        raise UsageError(
            f"{others[0]} holds images and none is read, and there is no {missing[0]} split. "
            f"{remedy}, or move it elsewhere."
        )


def folders_that_are_read(splits: Splits, untested: Sequence[Path]) -> set[Path]:
    """The folders below which there is a file of a pair, or a test image without a mask."""
    folders: set[Path] = set()
    for path in untested:
        folders.update(path.parents)
    for _, pair in located_pairs(splits):
        for path in pair.files():
            folders.update(path.parents)
    return folders
