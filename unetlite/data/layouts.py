"""The ways in which folders hold images and masks, each recognised by one function."""

import re
from pathlib import Path
from typing import NamedTuple

from unetlite.data.image_files import IMAGE_SUFFIXES, list_images
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError

EXPECTED = "it needs images/ and masks/, or both in train|val|test"

UNSPLIT = "all"
"""The key of the pairs of a folder that does not say which split they are in."""


class Pair(NamedTuple):
    """An image file and its mask file, or a folder of masks of single objects."""

    name: str
    image: Path
    mask: Path
    group: str  # as in Sample
    valid: Path | None = None  # a mask file that is zero where there is no truth

    def files(self) -> list[Path]:
        """All files that it is read from."""
        files = [self.image, self.mask]
        if self.mask.is_dir():
            files = [self.image, *sorted(self.mask.glob("*.png"))]
        if self.valid is not None:
            files.append(self.valid)
        return files


class Naming(NamedTuple):
    """What the names of files say, see configs/data/folder.yaml."""

    mask_suffix: str
    group: str | None  # a regular expression


Splits = dict[str, list[Pair]]


def list_pairs(directory: Path, naming: Naming) -> Splits:
    """The pairs of a folder in the first of LAYOUTS that it has, by split or under UNSPLIT.

    Raises UsageError if it has none, or if a file is missing.
    """
    for layout in LAYOUTS:
        splits = layout(directory, naming)
        if splits is not None:
            return splits
    raise UsageError(f"{directory} has no folder images/; {EXPECTED}.")


def split_folders(directory: Path, naming: Naming) -> Splits | None:
    """train/, val/ and test/, each with images/ and masks/."""
    missing = [split for split in SPLITS if not (directory / split).is_dir()]
    if not missing:
        return {split: pair_files(directory / split, naming) for split in SPLITS}
    if "train" in missing or (directory / "images").is_dir():
        return None
    raise UsageError(
        f"{directory} has no folder {', '.join(missing)}; it needs all of {', '.join(SPLITS)}."
    )


def images_and_masks(directory: Path, naming: Naming) -> Splits | None:
    """images/ and masks/, and valid/ if parts of the images have no truth."""
    if not (directory / "images").is_dir():
        return None
    return {UNSPLIT: pair_files(directory, naming)}


LAYOUTS = (split_folders, images_and_masks)
"""Each gives the pairs of a folder, or None if the folder is laid out otherwise."""


def pair_files(directory: Path, naming: Naming) -> list[Pair]:
    """Each image in images/ with what masks/ and, if it is there, valid/ have for it.

    Raises UsageError for a folder or a mask that is missing, or a name without a group.
    """
    images = list_needed(directory / "images")
    masks = list_needed(directory / "masks")
    valid = list_images(directory / "valid")
    suffix = naming.mask_suffix
    missing = [name for name in images if name + suffix not in masks]
    if missing:
        first = missing[0]
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(
            f"{images[first]}{more} has no mask: expected "
            f"{directory / 'masks' / first}{suffix}.png, or another type. If masks have longer "
            "names, say what follows in them by data.mask_suffix=_mask."
        )
    pairs = []
    for name, path in images.items():
        if valid and name not in valid:
            raise UsageError(
                f"{path} has no validity mask in {directory / 'valid'}; give each image one, "
                "zero where there is no truth, or remove the folder."
            )
        mask = masks[name + suffix]
        group = match_group(name, naming.group)
        pairs.append(Pair(name, path, mask, group, valid.get(name)))
    return pairs


def list_needed(folder: Path) -> dict[str, Path]:
    """The images of a folder. Raises UsageError if there is none."""
    if not folder.is_dir():
        raise UsageError(f"{folder.parent} has no folder {folder.name}/; {EXPECTED}.")
    images = list_images(folder)
    if not images:
        raise UsageError(f"{folder} holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    return images


def match_group(name: str, pattern: str | None) -> str:
    """What the first group of a regular expression matches in a name; without one, the name."""
    if pattern is None:
        return name
    try:
        match = re.search(pattern, name)
        group = match[1] if match else ""
    except (re.error, IndexError) as error:
        raise UsageError(
            f"data.group={pattern}: expected an expression such as '(patient\\d+)_' ({error})."
        ) from None
    if not group:
        raise UsageError(
            f"data.group={pattern} finds no group in the name {name}; each image needs one."
        )
    return group
