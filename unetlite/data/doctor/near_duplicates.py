"""Images that are nearly the same: saved again, brighter, moved a little, turned or flipped.

Thumbnails are NaN where an image has no data. Those pixels are not compared: a border without data
is the same in many images.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from unetlite.data.layouts.base import Located

SIDE = 64  # pixels of a thumbnail
COARSE_SIDE = 16
MAX_CANDIDATES = 3  # for each image and orientation
MIN_COARSE = 0.5  # the correlation of coarse thumbnails from which on they are compared finely
ALIKE = 0.9
"""The correlation of thumbnails from which on images are nearly the same.

Copies that were saved as JPEG, brightened, or moved by 3 % of their side have 0.90 to 1.0. Of
146,070 pairs of fluorescence micrographs all but one copy are below 0.72.
"""
MAX_LISTED = 5  # pairs of images, in a message
MAX_SHIFT = 4  # pixels of a thumbnail
MIN_COMMON = 0.25  # of the pixels of thumbnails, in which both have data; fewer say little


class NearDuplicate(NamedTuple):
    """Two images that are nearly the same."""

    first: int  # its position
    second: int
    correlation: float


def make_thumbnail(image: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Float32 (SIDE, SIDE): the mean of the channels of an image (C, H, W), by area.

    It is NaN where most pixels are not `valid`, bool (H, W).
    """
    grey = np.nan_to_num(image.astype(np.float32)).mean(0)
    if valid is None:
        return shrink(grey)
    share = shrink(valid.astype(np.float32))
    mean = shrink(grey * valid) / np.maximum(share, 1e-6)
    return np.where(share < 0.5, np.nan, mean)


def shrink(image: np.ndarray) -> np.ndarray:
    """Float32 (H, W) -> (SIDE, SIDE), by means."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))


def find_near_duplicates(thumbnails: Sequence[np.ndarray]) -> list[NearDuplicate]:
    """The pairs of thumbnails (SIDE, SIDE) that are nearly the same, most alike first.

    Of N thumbnails, N^2 coarse ones are compared in every orientation, and 24 N pairs in detail.
    """
    stack = np.stack(thumbnails)
    has_data = np.isfinite(stack)
    stack = fill(stack, has_data)
    is_constant = stack.std((1, 2)) < 1e-6 * (1 + np.abs(stack).max())
    coarse = standardise(reduce(stack))
    best: dict[tuple[int, int], float] = {}
    for orientation in range(8):
        turned = orient(stack, orientation)
        turned_data = orient(has_data, orientation)
        correlation = coarse @ standardise(reduce(turned)).T  # (N, N)
        correlation[:, is_constant] = -1
        np.fill_diagonal(correlation, -1)
        for first, second in candidates(correlation):
            value = shifted_correlation(
                stack[first],
                turned[second],
                has_data[first],
                turned_data[second],
            )
            pair = min(first, second), max(first, second)
            best[pair] = max(value, best.get(pair, -1))
    alike = []
    for pair, value in best.items():
        if value >= ALIKE:
            alike.append(NearDuplicate(*pair, value))
    return sorted(alike, key=lambda pair: -pair.correlation)


def fill(stack: np.ndarray, has_data: np.ndarray) -> np.ndarray:
    """Thumbnails (N, SIDE, SIDE) with the mean of the others in place of pixels without data."""
    sums = np.where(has_data, stack, 0).sum((1, 2), keepdims=True)
    means = sums / np.maximum(has_data.sum((1, 2), keepdims=True), 1)
    return np.where(has_data, stack, means)


def candidates(correlation: np.ndarray) -> list[tuple[int, int]]:
    """For each of N coarse thumbnails (N, N) those that are most like it, as positions."""
    count = min(MAX_CANDIDATES, len(correlation) - 1)
    if count < 1:
        return []
    nearest = np.argpartition(-correlation, count - 1, axis=1)[:, :count]
    pairs = []
    for first, others in enumerate(nearest.tolist()):
        for second in others:
            if correlation[first, second] >= MIN_COARSE:
                pairs.append((first, second))
    return pairs


def reduce(thumbnails: np.ndarray) -> np.ndarray:
    """(N, SIDE, SIDE) -> (N, COARSE_SIDE, COARSE_SIDE), by means."""
    factor = SIDE // COARSE_SIDE
    blocks = thumbnails.reshape(-1, COARSE_SIDE, factor, COARSE_SIDE, factor)
    return blocks.mean((2, 4))


def standardise(images: np.ndarray) -> np.ndarray:
    """(N, ...) -> (N, values) of mean 0 and length 1, so that products are correlations."""
    flat = images.reshape(len(images), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)


def orient(images: np.ndarray, number: int) -> np.ndarray:
    """(..., H, W) in one of eight orientations: quarter turns, from 4 on flipped as well."""
    if number >= 4:
        images = images[..., ::-1]
    return np.rot90(images, number % 4, axes=(-2, -1))


def shifted_correlation(
    first: np.ndarray,
    second: np.ndarray,
    first_data: np.ndarray,
    second_data: np.ndarray,
) -> float:
    """The correlation of two images (H, W) where both have data, at the best small shift.

    0 if that is too small a part of them.
    """
    spectra = np.fft.rfft2(first - first.mean()) * np.conj(np.fft.rfft2(second - second.mean()))
    products = np.fft.irfft2(spectra, first.shape)
    near = np.roll(products, (MAX_SHIFT, MAX_SHIFT), (0, 1))
    near = near[: 2 * MAX_SHIFT + 1, : 2 * MAX_SHIFT + 1]
    place = np.unravel_index(near.argmax(), near.shape)
    down, right = (int(each) - MAX_SHIFT for each in place)
    both_data = cut(first_data, down, right) & cut(second_data, -down, -right)
    if both_data.mean() < MIN_COMMON:
        return 0.0
    first = cut(first, down, right)[both_data]
    second = cut(second, -down, -right)[both_data]
    correlation = standardise(first[None]) @ standardise(second[None]).T
    return float(correlation[0, 0])


def cut(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """What is left of an image (H, W) without so many rows and columns, from the end if < 0."""
    height, width = image.shape
    rows = slice(max(down, 0), height + min(down, 0))
    columns = slice(max(right, 0), width + min(right, 0))
    return image[rows, columns]


def describe_near_duplicates(
    duplicates: Sequence[NearDuplicate], images: Sequence[Located]
) -> list[str]:
    """Warnings of images in two splits, or groups, that are nearly the same.

    `images` are those of the thumbnails, with their splits.
    """
    leaks = []
    copies = []
    for duplicate in duplicates:
        split, first = images[duplicate.first]
        other, second = images[duplicate.second]
        correlation = f"({duplicate.correlation:.2f})"
        if split != other:
            leaks.append(f"{first.name} in {split} and {second.name} in {other} {correlation}")
        elif first.group != second.group:
            copies.append(f"{first.name} and {second.name} {correlation}")
    warnings = []
    if leaks:
        warnings.append(
            "nearly the same image is in two splits, so what is trained would be tested: "
            f"{list_most_alike(leaks)}; remove one of each, or give both one group"
        )
    if copies:
        warnings.append(
            f"images of one split are nearly the same: {list_most_alike(copies)}; give them one "
            "group, and they count once"
        )
    return warnings


def list_most_alike(entries: Sequence[str]) -> str:
    """The first entries, and how many more there are."""
    text = ", ".join(entries[:MAX_LISTED])
    if len(entries) > MAX_LISTED:
        text += f", and {len(entries) - MAX_LISTED} more"
    return text
