"""Cityscapes: leftImg8bit/ and gtFine/ or gtCoarse/, by split and city."""

from functools import partial
from pathlib import Path

from unetlite.data.image_files import list_images
from unetlite.data.layouts.base import (
    Layout,
    Naming,
    Pair,
    Reader,
    Splits,
    folders_named,
    split_folders,
)
from unetlite.data.layouts.masks import MaskFile
from unetlite.data.layouts.names import NamePattern
from unetlite.errors import UsageError
from unetlite.settings.typed import format_setting
from unetlite.wording import counted

IMAGE_NAME = NamePattern("", "_leftImg8bit", ".png")
KINDS = ("labelIds", "labelTrainIds")
"""The masks of class indices. The others are of colours and of instances."""

SplitFiles = dict[str, dict[str, Path]]
"""Files by split and by name."""


def cityscapes(directory: Path) -> Reader | None:
    """leftImg8bit/SPLIT/CITY/a_leftImg8bit.png, gtFine/SPLIT/CITY/a_gtFine_labelIds.png."""
    images = directory / "leftImg8bit"
    masks = folders_named(directory, ("gtfine", "gtcoarse"))
    if not images.is_dir() or not masks:
        return None
    return partial(read_cityscapes, images, masks)


def read_cityscapes(image_folder: Path, mask_folders: list[Path], naming: Naming) -> Layout:
    """The pairs by split; the group is the city.

    Masks are those of data.mask_name, or of the one kind that all images have. Raises UsageError
    if there is none, or two.
    """
    if len(mask_folders) > 1:
        raise UsageError(
            f"{image_folder.parent} has gtFine and gtCoarse, and either may hold the masks. "
            "Move one of them elsewhere."
        )
    (mask_folder,) = mask_folders
    images = images_by_split(image_folder)
    masks = images_by_split(mask_folder)
    untested: list[Path] = []
    if "test" in images and not masks.get("test"):
        untested += images.pop("test").values()
    mask_name = choose_masks(mask_folder, images, masks, naming)
    notes = [f"the masks are {mask_name.text()}, and a group is a city"]
    splits: Splits = {}
    for split, files in images.items():
        splits[split] = []
        for name, path in files.items():
            stem = IMAGE_NAME.stem(name) or name
            mask = MaskFile(masks[split][mask_name.fill(stem)])
            city = naming.group_of(stem, stem.partition("/")[0])
            splits[split].append(Pair(stem, (path,), mask, city))
    return Layout(
        splits,
        ignore=[255],
        notes=notes,
        untested=untested,
        parents=[image_folder],
    )


def images_by_split(folder: Path) -> SplitFiles:
    """The image files of each split by their names."""
    return {split: list_images(inner) for split, inner in split_folders(folder).items()}


def choose_masks(
    mask_folder: Path,
    images: SplitFiles,
    masks: SplitFiles,
    naming: Naming,
) -> NamePattern:
    """How the masks are called. Raises UsageError unless one kind has a mask for each image."""
    candidates = []
    for kind in KINDS:
        candidates.append(NamePattern("", f"_{mask_folder.name}_{kind}", ".png"))
    if naming.mask_name is not None:
        candidates = [NamePattern.parse(naming.mask_name, "data.mask_name")]
    missing = {pattern: without_mask(pattern, images, masks) for pattern in candidates}
    complete = [pattern for pattern in candidates if not missing[pattern]]
    if len(complete) == 1:
        return complete[0]
    if complete:
        words = [format_setting("data.mask_name", pattern.text()) for pattern in complete]
        raise UsageError(f"{mask_folder} has masks of two kinds; give {' or '.join(words)}.")
    count = sum(len(files) for files in images.values())
    fewest = min(missing, key=lambda pattern: len(missing[pattern]))
    absent = missing[fewest]
    expected = fewest.text()
    if len(absent) == count:
        expected = " or ".join(pattern.text() for pattern in candidates)
    raise UsageError(
        f"{absent[0]} has no mask in {mask_folder} that is called {expected} "
        f"({len(absent)} of {counted(count, 'image')} without one); add it, or give "
        "data.mask_name."
    )


def without_mask(pattern: NamePattern, images: SplitFiles, masks: SplitFiles) -> list[Path]:
    """The images of all splits that have no mask of this name."""
    missing = []
    for split, files in images.items():
        for name, path in files.items():
            stem = IMAGE_NAME.stem(name)
            if stem is None or pattern.fill(stem) not in masks.get(split, {}):
                missing.append(path)
    return missing
