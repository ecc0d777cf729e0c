"""Images where masks should be."""

from collections.abc import Mapping

import numpy as np

from unetlite.data.folder import Folder
from unetlite.data.labels import MAX_CLASSES
from unetlite.data.layouts.base import Pair
from unetlite.data.layouts.masks import MaskFile
from unetlite.errors import UsageError
from unetlite.wording import counted

ROUGH = 0.5  # the share of unequal neighbours from which on pixels are those of a photograph
FLAT = 0.2  # and up to which they are those of a mask
MAX_BACKGROUND = 0.5  # the share of the commonest value in a photograph
MIN_SWAPPED = 0.5  # of the masks: then the folders are swapped
MAX_READ = 20  # images that are compared with their masks


def check_swapped(
    folder: Folder, pairs: Mapping[str, Pair], masks: Mapping[str, np.ndarray]
) -> None:
    """Raises UsageError if masks look like photographs, with pairs and values by their names."""
    photographs = []
    for name, values in masks.items():
        if isinstance(pairs[name].mask, MaskFile) and is_photograph(values):
            photographs.append(name)
    if not photographs:
        return
    swapped = []
    for name in photographs[:MAX_READ]:
        pixels = folder.read_pixels(pairs[name])
        if is_flat(np.moveaxis(pixels.values, 0, -1)):
            swapped.append(name)
    first = photographs[0]
    if not swapped:
        raise UsageError(
            f"{first} looks like a photograph and not like a mask ({len(photographs)} of "
            f"{counted(len(masks), 'mask')} do). Put the mask in its place."
        )
    image = pairs[swapped[0]].image
    if len(photographs) >= MIN_SWAPPED * len(masks):
        raise UsageError(
            f"{first} looks like a photograph, and {image} like a mask "
            f"({len(photographs)} of {counted(len(masks), 'mask')} look so): are the folders "
            "swapped? Exchange their names."
        )
    names = ", ".join(pairs[name].name for name in swapped)
    raise UsageError(
        f"{swapped[0]} looks like a photograph, and {image} like a mask: are the two files "
        f"swapped? Exchange image and mask of {names}."
    )


def is_photograph(values: np.ndarray) -> bool:
    """True for shades (H, W) or colours (H, W, 3) of a photograph, False for those of a mask.

    A mask has few values, or large areas of one value, even if it numbers objects.
    """
    codes = merge_channels(values)
    _, counts = np.unique(codes, return_counts=True)
    if len(counts) <= MAX_CLASSES or counts.max() > MAX_BACKGROUND * codes.size:
        return False
    return roughness(codes) > ROUGH


def is_flat(values: np.ndarray) -> bool:
    """True if pixels (H, W, C) have two to MAX_CLASSES values, in areas."""
    codes = merge_channels(values)
    distinct = len(np.unique(codes))
    return 1 < distinct <= MAX_CLASSES and roughness(codes) < FLAT


def merge_channels(values: np.ndarray) -> np.ndarray:
    """One number for each pixel (H, W) of values (H, W) or (H, W, C), by its first channels."""
    if values.ndim == 2:
        return values
    red, *others = np.moveaxis(values, -1, 0)[:3].astype(np.float64)
    for channel in others:
        red = red * 65536 + channel
    return red


def roughness(codes: np.ndarray) -> float:
    """The share of neighbours in a row that differ, off the commonest value, 0 to 1."""
    values, counts = np.unique(codes, return_counts=True)
    is_drawn = codes != values[counts.argmax()]
    both_drawn = is_drawn[:, 1:] & is_drawn[:, :-1]
    differ = codes[:, 1:] != codes[:, :-1]
    return float((differ & both_drawn).sum() / max(both_drawn.sum(), 1))
