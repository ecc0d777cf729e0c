"""Folders of images beside folders of masks: without splits, and with splits outside or inside."""

from functools import partial
from pathlib import Path

from unetlite.data.image_files import holds_images, is_image, list_images, require_images
from unetlite.data.layouts.base import (
    SPLIT_WORDS,
    UNSPLIT,
    Layout,
    Naming,
    Pair,
    Reader,
    Splits,
    folders_named,
    split_folders,
)
from unetlite.data.layouts.masks import MaskFile
from unetlite.data.layouts.names import match_masks
from unetlite.errors import UsageError

IMAGE_WORDS = ("images", "image", "imgs", "img")
MASK_WORDS = ("masks", "mask", "labels", "label", "annotations")


def plain_folders(directory: Path) -> Reader | None:
    """images/ and masks/, and valid/ if parts of the images have no truth."""
    if not has_images_and_masks(directory) or is_split_inside(directory):
        return None
    return partial(read_plain, directory)


def folders_in_splits(directory: Path) -> Reader | None:
    """train/, val/ and test/, each with images/ and masks/."""
    if not any(map(has_images_and_masks, folders_named(directory, SPLIT_WORDS))):
        return None
    return partial(read_folders_in_splits, directory)


def splits_in_folders(directory: Path) -> Reader | None:
    """images/ and masks/, each with train/, val/ and test/."""
    if not has_images_and_masks(directory) or not is_split_inside(directory):
        return None
    return partial(read_splits_in_folders, directory)


def has_images_and_masks(directory: Path) -> bool:
    """True if a directory has a folder of images and a folder of masks."""
    return bool(image_folders(directory)) and bool(mask_folders(directory))


def image_folders(directory: Path) -> list[Path]:
    """The folders that are called images or similarly."""
    return folders_named(directory, IMAGE_WORDS)


def mask_folders(directory: Path) -> list[Path]:
    """The folders that are called masks or similarly. Labels and annotations can be text files."""
    return [folder for folder in folders_named(directory, MASK_WORDS) if holds_images(folder)]


def is_split_inside(directory: Path) -> bool:
    """True if a folder of images has folders named after splits."""
    return any(folders_named(folder, SPLIT_WORDS) for folder in image_folders(directory))


def only_folder(folders: list[Path], kind: str) -> Path:
    """The only one of some folders. Raises UsageError if there are more."""
    if len(folders) > 1:
        names = " and ".join(folder.name for folder in folders)
        raise UsageError(
            f"{folders[0].parent} has {names}, and either may hold the {kind}. Move one of them "
            "elsewhere, or write a pairs.csv with the columns image and mask."
        )
    return folders[0]


def read_plain(directory: Path, naming: Naming) -> Layout:
    """The pairs of images/ and masks/."""
    return Layout({UNSPLIT: pair_folders(directory, naming)})


def read_folders_in_splits(directory: Path, naming: Naming) -> Layout:
    """The pairs of train/, val/ and test/. A test/ without masks is left out."""
    splits: Splits = {}
    untested: list[Path] = []
    for split, folder in split_folders(directory).items():
        if not image_folders(folder):
            raise UsageError(f"{folder} has no folder images/; add it, or remove the folder.")
        if split == "test" and not mask_folders(folder):
            untested += list_images(only_folder(image_folders(folder), "images")).values()
            continue
        splits[split] = pair_folders(folder, naming)
    return Layout(splits, untested=untested, parents=[directory])


def read_splits_in_folders(directory: Path, naming: Naming) -> Layout:
    """The pairs of images/train and masks/train, and so on. Images beside them are refused."""
    images = only_folder(image_folders(directory), "images")
    masks = only_folder(mask_folders(directory), "masks")
    valid = validity_folder(directory)
    for path in sorted(images.iterdir()):
        names_split = path.name.casefold() in SPLIT_WORDS
        if path.name.startswith(".") or names_split:
            continue
        if is_image(path) or path.is_dir():
            raise UsageError(
                f"{path} is in no split, but {images} has folders named after splits. "
                "Move it into one of them, or out of the folder."
            )
    mask_splits = split_folders(masks)
    valid_splits = split_folders(valid) if valid else {}
    splits: Splits = {}
    untested: list[Path] = []
    for split, folder in split_folders(images).items():
        mask_folder = mask_splits.get(split)
        if split == "test" and (mask_folder is None or not holds_images(mask_folder)):
            untested += list_images(folder).values()
            continue
        if mask_folder is None:
            raise UsageError(f"{masks} has no folder {folder.name}/, as {images} has; add it.")
        splits[split] = pair_files(
            folder,
            mask_folder,
            valid_splits.get(split),
            naming,
        )
    return Layout(splits, untested=untested)


def pair_folders(directory: Path, naming: Naming) -> list[Pair]:
    """The pairs of images/, masks/ and valid/ in a directory."""
    images = only_folder(image_folders(directory), "images")
    masks = mask_folders(directory)
    if not masks:
        raise UsageError(f"{directory} has no folder masks/ with images in it; add it.")
    mask_folder = only_folder(masks, "masks")
    return pair_files(images, mask_folder, validity_folder(directory), naming)


def validity_folder(directory: Path) -> Path | None:
    """valid/, unless it is the folder of a split."""
    for folder in folders_named(directory, ("valid",)):
        if not image_folders(folder) and holds_images(folder):
            return folder
    return None


def pair_files(
    image_folder: Path,
    mask_folder: Path,
    valid_folder: Path | None,
    naming: Naming,
) -> list[Pair]:
    """Each image with its mask and, if there is such a folder, its validity mask.

    Raises UsageError for a folder without images, a mask that is missing, or a name without a
    group.
    """
    images = require_images(image_folder)
    masks = match_masks(images, list_images(mask_folder), naming, mask_folder)
    valid = {}
    if valid_folder is not None:
        valid = list_images(valid_folder)
    pairs = []
    for name, path in images.items():
        if valid and name not in valid:
            raise UsageError(
                f"{path} has no validity mask in {valid_folder}; give each image one, "
                "zero where there is no truth, or remove the folder."
            )
        group = naming.group_of(name)
        pairs.append(Pair(name, (path,), MaskFile(masks[name]), group, valid.get(name)))
    return pairs
