"""What makes a verdict weak, or a network learn nonsense: warnings in sentences."""

import shlex
from collections.abc import Mapping, Sequence

import numpy as np

from unetlite.data.doctor.near_duplicates import (
    describe_near_duplicates,
    find_near_duplicates,
    make_thumbnail,
)
from unetlite.data.doctor.same_masks import find_same_masks
from unetlite.data.doctor.thickness import describe_loss
from unetlite.data.folder import Folder
from unetlite.data.layouts.base import Pair, located_pairs
from unetlite.data.samples import Sample, spread
from unetlite.data.summaries import ClassSummary, Masks
from unetlite.wording import counted

MAX_COMPARED = 2_000  # images that are compared with one another, evenly spread
FEW_IMAGES = 30
RARE = 0.01  # of the pixels
MIN_NODATA = 0.001  # the share of the pixels from which on a value is noticed
GAP_OF_NODATA = 2  # its distance from all other values, by their range


def find_warnings(
    folder: Folder, classes: Sequence[ClassSummary], samples: Sequence[Sample]
) -> list[str]:
    """What makes a verdict weak."""
    pairs = folder.all_pairs()
    warnings = []
    for entry in classes:
        if entry.share == 0:
            warnings.append(f"{entry.name} is nowhere in the masks")
        elif entry.share < RARE:
            warnings.append(
                f"{entry.name} covers {entry.share:.2%} of the pixels; such a class may need more "
                "steps, or crops around it, to be found at all"
            )
    warnings += find_undeclared_nodata(samples)
    constant = [sample.name for sample in samples if is_constant(sample)]
    if constant:
        warnings.append(f"{counted(len(constant), 'image')} of one value, such as {constant[0]}")
    if len(pairs) < FEW_IMAGES:
        warnings.append(f"{len(pairs)} images are few: a verdict about others will be wide")
    # What names have before a last number.
    series = {pair.name.rstrip("0123456789").rstrip("_-. ") for pair in pairs}
    has_groups = len({pair.group for pair in pairs}) < len(pairs)
    if "" not in series and 3 <= len(series) <= len(pairs) / 3 and not has_groups:
        pattern = r"^(.+?)[-_. ]*\d+$"
        warnings.append(
            "names look like series; if one is a patient, place or video, "
            f"give {shlex.quote(f'data.group={pattern}')}"
        )
    return warnings


def find_thin(classes: Sequence[ClassSummary], resize: int | None) -> list[str]:
    """Warnings of classes that scaling the images down would erase, but for the commonest."""
    largest = max(entry.share for entry in classes)
    warnings = []
    for entry in classes:
        if entry.thickness is not None and entry.share < largest:
            warnings += describe_loss(entry.name, entry.thickness, resize)
    return warnings


def find_copies(folder: Folder, by_mask: Mapping[str, Pair], masks: Masks) -> list[str]:
    """Warnings of images that are nearly the same, and of masks that are, with their pairs."""
    compared = spread(located_pairs(folder.pairs), MAX_COMPARED)
    thumbnails = []
    for _, pair in compared:
        pixels = folder.read_pixels(pair)
        thumbnails.append(make_thumbnail(*pixels))
    duplicates = find_near_duplicates(thumbnails)
    alike = set()
    for duplicate in duplicates:
        positions = (duplicate.first, duplicate.second)
        alike.add(frozenset(compared[position][1].name for position in positions))
    by_name = {by_mask[mask].name: values for mask, values in masks.items()}
    return describe_near_duplicates(duplicates, compared) + find_same_masks(by_name, alike)


def find_undeclared_nodata(samples: Sequence[Sample]) -> list[str]:
    """A warning of a value far from all others that many pixels have, such as -9999."""
    if samples[0].image.dtype == np.uint8:
        return []
    step = 1 + len(samples) // 8  # some rows of many images are enough
    rows = [sample.image[:, ::step].ravel() for sample in samples]
    pixels = np.concatenate(rows)
    pixels = pixels[np.isfinite(pixels)].astype(np.float64)
    for extreme in (pixels.min(initial=0), pixels.max(initial=0)):
        others = pixels[pixels != extreme]
        share = 1 - len(others) / max(len(pixels), 1)
        if share < MIN_NODATA or len(others) == 0:
            continue
        gap = np.abs(others - extreme).min()
        if gap > GAP_OF_NODATA * np.ptp(others):
            return [
                f"{share:.1%} of the pixels have the value {extreme:g}, far from all others; if it "
                f"marks pixels without data, say data.nodata={extreme:g}"
            ]
    return []


def is_constant(sample: Sample) -> bool:
    """True if no channel of an image has two values, but for pixels without data."""
    pixels = sample.image.reshape(len(sample.image), -1)
    if sample.valid is not None:
        pixels = pixels[:, sample.valid.ravel()]
    return bool((pixels == pixels[:, :1]).all())
