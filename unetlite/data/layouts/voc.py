"""Pascal VOC, and CVAT's segmentation masks, which have its layout."""

from functools import partial
from pathlib import Path
from typing import Any

from unetlite.data.image_files import list_files, list_images, nfc
from unetlite.data.layouts.base import (
    SPLIT_WORDS,
    UNSPLIT,
    Layout,
    Naming,
    Pair,
    Reader,
    Splits,
    folders_named,
)
from unetlite.data.layouts.masks import MaskFile
from unetlite.errors import UsageError

LABEL_MAP = "labelmap.txt"
BORDER = (224, 224, 192)
"""The colour around objects, which is index 255 of the palette; there is no truth."""


def voc(directory: Path) -> Reader | None:
    """JPEGImages/, SegmentationClass/, and perhaps ImageSets/Segmentation/ and labelmap.txt."""
    images = folders_named(directory, ("jpegimages",))
    masks = folders_named(directory, ("segmentationclass",))
    if not images or not masks:
        return None
    return partial(read_voc, images[0], masks[0])


def read_voc(image_folder: Path, mask_folder: Path, naming: Naming) -> Layout:
    """The images that have a mask, in the splits of ImageSets/Segmentation.

    Raises UsageError if a list names an image or a mask that is missing, but for test images.
    """
    directory = image_folder.parent
    images = list_images(image_folder)
    masks = list_images(mask_folder)
    list_folder = directory / "ImageSets" / "Segmentation"
    lists = read_lists(list_folder)
    if not lists:
        check_no_lists(directory, list_folder)
        lists = {UNSPLIT: [name for name in images if name in masks]}
    splits: Splits = {}
    untested: list[Path] = []
    for split, names in lists.items():
        if split == "test" and not any(name in masks for name in names):
            untested += [images[name] for name in names if name in images]
            continue
        splits[split] = [make_pair(name, images, masks, directory, naming) for name in names]
    if not any(splits.values()):
        raise UsageError(f"{mask_folder} has no mask with the name of an image of {image_folder}.")
    listed = set().union(*lists.values())
    unlisted = []
    for name in images:
        if name in masks and name not in listed:
            unlisted += [images[name], masks[name]]
    return Layout(
        splits,
        read_label_map(directory / LABEL_MAP),
        classes_from=LABEL_MAP,
        ignore=[255, BORDER],
        untested=untested,
        unlisted=unlisted,
    )


def make_pair(
    name: str,
    images: dict[str, Path],
    masks: dict[str, Path],
    directory: Path,
    naming: Naming,
) -> Pair:
    """The image and the mask of a name. Raises UsageError if one is missing."""
    for files, folder in ((images, "JPEGImages"), (masks, "SegmentationClass")):
        if name not in files:
            raise UsageError(
                f"{directory / folder} has no {name}, which a list of ImageSets/Segmentation "
                "names. Add the file, or take the name out of the list."
            )
    return Pair(
        name,
        (images[name],),
        MaskFile(masks[name]),
        naming.group_of(name),
    )


def read_lists(folder: Path) -> dict[str, list[str]]:
    """The names of the images by split, or under UNSPLIT, of ImageSets/Segmentation/*.txt.

    What trainval.txt has beyond train.txt or val.txt is in the other one.
    """
    lists: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.txt")):
        names = dict.fromkeys(map(nfc, read_lines(file)))
        stem = file.stem.casefold()
        split = stem if stem == "trainval" else SPLIT_WORDS.get(stem, UNSPLIT)
        if names or split != UNSPLIT:
            lists.setdefault(split, []).extend(names)
    both = lists.pop("trainval", None)
    if both is not None and not {"train", "val"} <= lists.keys():
        taken = set(lists.get("train", [])) | set(lists.get("val", []))
        rest = [name for name in both if name not in taken]
        lists["val" if "train" in lists else "train"] = rest
    if UNSPLIT in lists and len(lists) > 1:
        raise UsageError(
            f"{folder} has lists of splits and others; "
            "keep train.txt, val.txt and test.txt, and remove the others."
        )
    check_lists(lists, folder)
    return lists


def check_no_lists(directory: Path, folder: Path) -> None:
    """Raises UsageError if there are lists of splits in another place than their folder."""
    for file in list_files(directory):
        if file.suffix == ".txt" and file.stem.casefold() in SPLIT_WORDS:
            raise UsageError(
                f"{file} looks like the list of a split, but lists are read from {folder}; "
                "move it there, or remove it."
            )


def check_lists(lists: dict[str, list[str]], folder: Path) -> None:
    """Raises UsageError if an image is in the lists of two splits."""
    split_of: dict[str, str] = {}
    for split, names in lists.items():
        for name in names:
            other = split_of.setdefault(name, split)
            if other != split:
                raise UsageError(
                    f"{folder} names {name} in the lists of {other} and of {split}; "
                    "take it out of one of them."
                )


def read_lines(file: Path) -> list[str]:
    """The lines of a text file that are not empty. Raises UsageError unless it is UTF-8."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 ({error}); save it as such.") from None
    return [line.strip() for line in lines if line.strip()]


def read_label_map(file: Path) -> dict[str, Any] | None:
    """The colours of classes by name, of CVAT's labelmap.txt; None if there is none.

    A line is name:red,green,blue:parts:actions. Raises UsageError for any other.
    """
    if not file.is_file():
        return None
    classes = {}
    for line in read_lines(file):
        if line.startswith("#"):
            continue
        try:
            name, colour, *_ = line.split(":")
            red, green, blue = map(int, colour.split(","))
        except ValueError:
            raise UsageError(
                f"{file}: expected lines such as cat:128,0,0::, not {line!r}."
            ) from None
        if name.strip() in classes:
            raise UsageError(f"{file} names the label {name.strip()} twice; keep one of the lines.")
        classes[name.strip()] = [red, green, blue]
    return classes
