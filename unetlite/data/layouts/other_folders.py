"""Folders beside those of the splits: one of them may be a split that is not recognised."""

from pathlib import Path

from unetlite.data.image_files import holds_images
from unetlite.data.layouts.base import (
    UNSPLIT,
    Layout,
    list_folders,
    located_pairs,
    split_of_words,
)
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError


def check_other_folders(layout: Layout) -> None:
    """Raises UsageError if a split is missing, and a folder beside the others may be it.

    Such a folder has images, and none of them is read. Test images need no labels, so a folder
    named test is none.
    """
    missing = [split for split in SPLITS if not layout.splits.get(split)]
    if UNSPLIT in layout.splits or not missing:
        return
    read = folders_that_are_read(layout)
    others = []
    has_test = bool(layout.untested)
    for parent in layout.parents:
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


def folders_that_are_read(layout: Layout) -> set[Path]:
    """The folders below which there is a file of a pair, or a test image without a mask."""
    files = list(layout.untested)
    for _, pair in located_pairs(layout.splits):
        files += pair.files()
    folders: set[Path] = set()
    for path in files:
        folders.update(path.parents)
    return folders
