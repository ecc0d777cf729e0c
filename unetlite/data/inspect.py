"""What a folder of images and masks holds: its classes, and what would train nonsense."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from unetlite.classes import IGNORE, Colour
from unetlite.data.decoding import make_counter
from unetlite.data.doctor.coding import (
    check_coding,
    distinct_values,
    find_depths,
    find_rare_values,
    ignores_by_default,
)
from unetlite.data.doctor.near_duplicates import (
    describe_near_duplicates,
    find_near_duplicates,
    make_thumbnail,
)
from unetlite.data.doctor.same_masks import find_same_masks
from unetlite.data.doctor.swapped import check_swapped
from unetlite.data.doctor.thickness import Thickness, describe_loss, measure_thickness
from unetlite.data.folder import Folder
from unetlite.data.labels import ClassTable
from unetlite.data.layouts.base import Pair, counted
from unetlite.data.layouts.names import MaskNamesError, format_names
from unetlite.data.mask_values import infer_classes
from unetlite.data.samples import Sample
from unetlite.errors import UsageError
from unetlite.visualize import (
    UNLABELLED,
    Display,
    colour_mask,
    default_channels,
    overlay,
    picture_grid,
)

MOST_MASKS = 300  # that are inspected, evenly spread over the folder
MOST_IMAGES = 50  # that are inspected, likewise
MOST_MEASURED = 40  # masks whose thickness is measured, likewise
MOST_COMPARED = 2_000  # images that are compared with one another, likewise
FEW_IMAGES = 30
RARE = 0.01  # of the pixels
BINS = 24  # of a histogram
FEWEST_NODATA = 0.001  # the share of the pixels from which on a value is noticed
GAP_OF_NODATA = 2  # its distance from all other values, by their range
PREVIEWS = 5  # images of the contact sheet

Entry = TypeVar("Entry")

Masks = Mapping[str, np.ndarray]  # mask values by what messages call a mask


@dataclass
class ClassSummary:
    """A class in the masks that were inspected."""

    name: str
    colour: Colour
    share: float  # of the pixels with a truth, 0 to 1
    masks: int  # that have it
    thickness: Thickness | None = None  # None for an absent class


@dataclass
class ChannelSummary:
    """A channel of the images that were inspected."""

    low: float  # the lower end of its range, see data.normalisation
    high: float
    mean: float
    std: float
    histogram: list[int]  # pixels in BINS equal parts of the range


@dataclass
class Inspection:
    """What was found in a folder."""

    settings: dict[str, Any]  # of data=folder: those that fit, and those that the user chose
    layout: str
    images: int
    sizes: list[tuple[int, int]]  # height and width, the smallest and the largest
    inspected: tuple[int, int]  # images and masks
    pixel_type: str
    channels: list[ChannelSummary]
    classes: list[ClassSummary]
    meaning: str  # how the values of the masks were understood
    splits: dict[str, int]  # images
    origin: str  # of the splits
    groups: int
    has_valid: bool  # masks of where there is a truth
    notes: list[str]
    warnings: list[str]
    contact_sheet: np.ndarray = field(repr=False)  # RGB uint8 (H, W, 3)

    def lines(self) -> list[str]:
        """The report for a terminal."""
        classes = ", ".join(f"{entry.name} {entry.share:.1%}" for entry in self.classes)
        splits = ", ".join(f"{count} {split}" for split, count in self.splits.items())
        groups = str(self.groups)
        if self.groups == self.images:
            groups = "none; every image counts for itself"
        lines = [
            f"layout   {self.layout}",
            f"images   {self.images} with a mask each, {self.extent()}",
            f"channels {len(self.channels)} of {self.pixel_type}, {self._ranges()}",
            f"classes  {classes} ({self.meaning})",
            f"splits   {splits}, {self.origin}",
            f"groups   {groups}",
            f"thick    {self._thicknesses()}",
        ]
        if self.has_valid:
            lines.append("valid    where a file of valid/ is zero is no truth")
        lines += [f"note     {note}" for note in self.notes]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return lines

    def extent(self) -> str:
        """The smallest and the largest size, as width x height."""
        (low_height, low_width), (height, width) = self.sizes
        extent = f"{low_width} x {low_height}"
        if self.sizes[0] != self.sizes[1]:
            extent += f" to {width} x {height}"
        extent += " pixels"
        _, masks = self.inspected
        if masks < self.images:
            extent += f" ({masks} were inspected)"
        return extent

    def _thicknesses(self) -> str:
        measured = []
        for entry in self.classes:
            if entry.thickness is not None:
                thickness = entry.thickness
                text = f"{entry.name} {thickness.median:.3g} px ({thickness.thinnest:.3g})"
                measured.append(text)
        return f"{', '.join(measured)}: median, and thinnest 5 %"

    def _ranges(self) -> str:
        low = min(channel.low for channel in self.channels)
        high = max(channel.high for channel in self.channels)
        return f"values {low:.4g} to {high:.4g}"


def inspect_folder(root: Path, options: Mapping[str, Any]) -> Inspection:
    """What a folder holds. `options` are settings of data=folder that the user chose.

    Raises UsageError for what would train nonsense.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: there is no such folder, nor a data set of that name.")
    settings = {"root": str(root.resolve()), **options}
    folder = open_folder(settings)
    pairs = list(folder.all_pairs())
    by_mask = {pair.mask.name: pair for pair in spread(pairs, MOST_MASKS)}
    masks = {name: folder.mask_values(pair) for name, pair in by_mask.items()}
    check_swapped(folder, by_mask, masks)
    meaning = find_classes(settings, folder, masks)
    distinct = distinct_values(masks.items())
    if ignores_by_default(folder.table):
        check_coding(distinct, folder.table.ignored)
    classes = summarise_classes(masks, folder.table)
    check_shares(root, classes, masks)
    shown = spread(pairs, MOST_IMAGES)
    if folder.orientation is None and any(map(folder.fits_as_stored, pairs)):
        settings["orientation"] = folder.orientation = "stored"
        folder.notes.append("photographs are read as stored, as the sizes of the masks say")
    samples = [folder.read(pair) for pair in shown]
    channels = summarise_channels(samples)
    sizes = sorted(values.shape[:2] for values in masks.values())
    return Inspection(
        settings=settings,
        layout=describe_layout(folder, settings),
        images=len(pairs),
        sizes=[sizes[0], sizes[-1]],
        inspected=(len(samples), len(masks)),
        pixel_type=folder.kind.type,
        channels=channels,
        classes=classes,
        meaning=meaning,
        splits={split: len(members) for split, members in folder.pairs.items()},
        origin=folder.origin,
        groups=len({pair.group for pair in pairs}),
        has_valid=any(pair.valid for pair in pairs),
        notes=folder.notes,
        warnings=[
            *find_rare_values(distinct, folder.table),
            *find_depths(masks, folder.table),
            *find_thin(classes, folder.resize),
            *find_copies(folder, by_mask, masks),
            *find_warnings(folder, classes, samples),
        ],
        contact_sheet=draw_contact_sheet(samples, channels, classes),
    )


def open_folder(settings: dict[str, Any]) -> Folder:
    """The folder, with names of masks that fit if those of the settings do not.

    They are added to the settings. Raises UsageError if none or several fit.
    """
    try:
        return Folder(**settings)
    except MaskNamesError as error:
        if len(error.suggestions) != 1 or "mask_name" in settings:
            raise
        settings.update(error.suggestions[0])
        return Folder(**settings)


def describe_layout(folder: Folder, settings: Mapping[str, Any]) -> str:
    """What the layout is called, and how the masks are named if that was chosen."""
    mask_name = settings.get("mask_name")
    if mask_name is None:
        return folder.layout
    return f"{folder.layout}, with {format_names(settings.get('image_name'), mask_name)}"


def spread(entries: Sequence[Entry], most: int) -> list[Entry]:
    """So many of the entries at equal distances, or all if there are fewer."""
    positions = np.linspace(0, len(entries) - 1, most).round().astype(int)
    return [entries[position] for position in np.unique(positions).tolist()]


def find_classes(settings: dict[str, Any], folder: Folder, masks: Masks) -> str:
    """Adds the classes to the settings, if neither they nor the layout say them.

    Returns how they were found. Raises UsageError if the values of the masks are not those of
    classes.
    """
    if settings.get("classes") is not None:
        return "as data.classes says"
    if folder.layout_classes is not None:
        return "as the layout says"
    classes, meaning = infer_classes(masks.items(), folder.table.ignored)
    if classes is not None:
        settings["classes"] = classes
        folder.use_table(ClassTable(classes, folder.table.ignored))
    return meaning


def summarise_classes(masks: Masks, table: ClassTable) -> list[ClassSummary]:
    """The classes of the table, with their shares of the masks and their thickness."""
    counts = []
    measured = []
    chosen = spread(list(masks), MOST_MEASURED)
    for name, values in masks.items():
        indices = table.indices(values, name)
        if name in chosen:
            measured.append(indices)
        counts.append(np.bincount(indices.ravel(), minlength=256)[: len(table.names)])
    by_mask = np.array(counts)  # (masks, K)
    thicknesses = measure_thickness(measured, len(table.names))
    shares = by_mask.sum(0) / max(by_mask.sum(), 1)
    summaries = []
    for k, name in enumerate(table.names):
        present = int((by_mask[:, k] > 0).sum())
        summaries.append(
            ClassSummary(
                name,
                table.colours[k],
                float(shares[k]),
                present,
                thicknesses[k],
            )
        )
    return summaries


def check_shares(root: Path, classes: Sequence[ClassSummary], masks: Masks) -> None:
    """Raises UsageError if the masks hold one class only."""
    present = [entry for entry in classes if entry.share > 0]
    if len(present) > 1:
        return
    only = present[0].name if present else "no class"
    ignored = ""
    if any((values == IGNORE).any() for values in masks.values()):
        ignored = (
            "; they also hold 255, which is ignored unless a class has it, as in {a: 0, b: 255}"
        )
    raise UsageError(
        f"{root}: all masks hold the class {only} alone{ignored}; there is nothing to tell it from."
    )


def summarise_channels(samples: Sequence[Sample]) -> list[ChannelSummary]:
    """Range, mean, deviation and histogram of the channels of images."""
    counter = make_counter(samples[0].image)
    for sample in samples:
        counter.add(sample.image, sample.valid)
    statistics = counter.statistics()
    summaries = []
    for k, (mean, std, low, high) in enumerate(zip(*statistics, strict=True)):
        histogram = np.zeros(BINS, np.int64)
        for sample in samples:
            histogram += np.histogram(sample.image[k], BINS, (low, max(high, low + 1e-6)))[0]
        summaries.append(
            ChannelSummary(
                low,
                high,
                mean,
                std,
                histogram.tolist(),
            )
        )
    return summaries


def draw_contact_sheet(
    samples: Sequence[Sample], channels: Sequence[ChannelSummary], classes: Sequence[ClassSummary]
) -> np.ndarray:
    """RGB uint8 (H, W, 3): some images, their masks, and both over each other."""
    display = Display(default_channels(len(channels)))
    if samples[0].image.dtype != np.uint8:
        low = tuple(channel.low for channel in channels)
        high = tuple(channel.high for channel in channels)
        display = Display(display.channels, low, high)
    colours = [entry.colour for entry in classes]
    legend = {f"{entry.name} {entry.share:.1%}": entry.colour for entry in classes}
    if any((sample.mask == IGNORE).any() for sample in samples):
        legend["no truth"] = UNLABELLED
    positions = np.linspace(0, len(samples) - 1, PREVIEWS).round().astype(int)
    rows = {}
    for position in np.unique(positions).tolist():
        sample = samples[position]
        rgb = display.rgb(sample.image)
        rows[sample.name] = {
            "image": rgb,
            "mask": colour_mask(sample.mask, colours),
            "both": overlay(rgb, sample.mask, colours),
        }
    return picture_grid(rows, legend, cell=240)


def find_warnings(
    folder: Folder, classes: Sequence[ClassSummary], samples: Sequence[Sample]
) -> list[str]:
    """What makes a verdict weak."""
    pairs = list(folder.all_pairs())
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
    located = []
    for split, pairs in folder.pairs.items():
        located += [(split, pair) for pair in pairs]
    compared = spread(located, MOST_COMPARED)
    thumbnails = []
    for _, pair in compared:
        pixels = folder.read_pixels(pair, as_viewed=True)
        thumbnails.append(make_thumbnail(pixels.values))
    alike = []
    names = set()
    for found in find_near_duplicates(thumbnails):
        (split, first), (other, second) = compared[found.first], compared[found.second]
        names.add(frozenset((first.name, second.name)))
        if split != other or first.group != second.group:
            alike.append(found)
    warnings = describe_near_duplicates(
        alike,
        [pair.name for _, pair in compared],
        [split for split, _ in compared],
    )
    by_name = {by_mask[mask].name: values for mask, values in masks.items()}
    return warnings + find_same_masks(by_name, names)


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
        if share < FEWEST_NODATA or len(others) == 0:
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
