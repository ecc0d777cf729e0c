"""What a folder of images and masks holds: its classes, and what would train nonsense."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.doctor.coding import (
    check_coding,
    distinct_values,
    find_depths,
    find_rare_values,
    ignores_by_default,
)
from unetlite.data.doctor.swapped import check_swapped
from unetlite.data.doctor.warnings import find_copies, find_thin, find_warnings
from unetlite.data.folder import Folder
from unetlite.data.image_files import check_folder
from unetlite.data.labels import ClassTable
from unetlite.data.layouts.base import Pair
from unetlite.data.layouts.names import MaskNamesError, format_names
from unetlite.data.mask_values import infer_classes
from unetlite.data.normalisation import make_display
from unetlite.data.samples import Sample, spread
from unetlite.data.summaries import (
    ChannelSummary,
    ClassSummary,
    Masks,
    NoData,
    summarise_channels,
    summarise_classes,
)
from unetlite.errors import UsageError
from unetlite.visualize import UNLABELLED, Display, colour_mask, overlay, picture_grid

MAX_MASKS = 300  # that are inspected, evenly spread over the folder
MAX_IMAGES = 50  # that are inspected, likewise
PREVIEWS = 5  # images of the contact sheet


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
    no_data: NoData  # of the images whose masks were inspected
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
        if self.no_data.images:
            lines.append(f"no data  {self.no_data_text()}")
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

    def no_data_text(self) -> str:
        """How many images lack data at some pixels, and at how many."""
        _, masks = self.inspected
        share = self.no_data.missing / self.no_data.pixels
        return (
            f"{self.no_data.images} of {masks} images lack data, at {share:.1%} of all pixels; "
            "these are left out of shares, training and scores"
        )

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


def inspect_folder(
    root: Path, options: Mapping[str, Any], display: Sequence[int] | None = None
) -> Inspection:
    """What a folder holds. `options` are settings of data=folder that the user chose.

    `display` are the channels that pictures show, or None. Raises UsageError for what would train
    nonsense.
    """
    check_folder(root, f"{root}: there is no such folder, nor a data set of that name.")
    settings = {"root": str(root.resolve()), **options}
    folder = open_folder(settings)
    pairs = folder.all_pairs()
    settle_orientation(folder, pairs, settings)
    by_mask = {pair.mask.name: pair for pair in spread(pairs, MAX_MASKS)}
    masks = dict(folder.named_masks(by_mask.values()))
    check_swapped(folder, by_mask, masks)
    meaning = find_classes(settings, folder, masks)
    distinct = distinct_values(masks.items())
    if ignores_by_default(folder.table):
        check_coding(distinct, folder.table.ignored)
    no_data = NoData()
    truths = read_truths(folder, by_mask, masks, no_data)
    classes = summarise_classes(truths, len(masks), folder.table)
    check_shares(root, classes, masks)
    samples = [folder.read(pair) for pair in spread(pairs, MAX_IMAGES)]
    channels = summarise_channels(samples)
    lows = [channel.low for channel in channels]
    highs = [channel.high for channel in channels]
    shown = make_display(display, folder.kind.type, lows, highs)
    warnings = [
        *find_rare_values(distinct, folder.table),
        *find_depths(masks, folder.table),
        *find_thin(classes, folder.resize),
        *find_copies(folder, by_mask, masks),
        *find_warnings(folder, classes, samples),
    ]
    return Inspection(
        settings=settings,
        layout=describe_layout(folder, settings),
        images=len(pairs),
        sizes=size_range(masks),
        inspected=(len(samples), len(masks)),
        pixel_type=folder.kind.type,
        channels=channels,
        classes=classes,
        meaning=meaning,
        splits={split: len(members) for split, members in folder.pairs.items()},
        origin=folder.origin,
        groups=len({pair.group for pair in pairs}),
        has_valid=any(pair.valid for pair in pairs),
        no_data=no_data,
        notes=folder.notes,
        warnings=warnings,
        contact_sheet=draw_contact_sheet(samples, shown, classes),
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


def settle_orientation(folder: Folder, pairs: Sequence[Pair], settings: dict[str, Any]) -> None:
    """Adds the orientation to the settings, if masks fit the photographs as they are stored."""
    if folder.orientation is None and any(map(folder.fits_as_stored, pairs)):
        settings["orientation"] = folder.orientation = "stored"
        folder.notes.append("photographs are read as stored, as the sizes of the masks say")


def size_range(masks: Masks) -> list[tuple[int, int]]:
    """The smallest and the largest height and width."""
    sizes = sorted((values.shape[0], values.shape[1]) for values in masks.values())
    return [sizes[0], sizes[-1]]


def read_truths(
    folder: Folder,
    by_mask: Mapping[str, Pair],
    masks: Masks,
    no_data: NoData,
) -> Iterator[np.ndarray]:
    """The class indices (H, W) of masks as training has them. Counts pixels without data."""
    for name, values in masks.items():
        pair = by_mask[name]
        has_data = folder.read_valid(pair)
        no_data.add(values, has_data)
        yield folder.truth(pair, values, has_data)


def describe_layout(folder: Folder, settings: Mapping[str, Any]) -> str:
    """What the layout is called, and how the masks are named if that was chosen."""
    mask_name = settings.get("mask_name")
    if mask_name is None:
        return folder.layout
    return f"{folder.layout}, with {format_names(settings.get('image_name'), mask_name)}"


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
        folder.table = ClassTable(classes, folder.table.ignored)
    return meaning


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


def draw_contact_sheet(
    samples: Sequence[Sample], display: Display, classes: Sequence[ClassSummary]
) -> np.ndarray:
    """RGB uint8 (H, W, 3): some images, their masks, and both over each other."""
    colours = [entry.colour for entry in classes]
    legend = {f"{entry.name} {entry.share:.1%}": entry.colour for entry in classes}
    if any((sample.mask == IGNORE).any() for sample in samples):
        legend["no truth"] = UNLABELLED
    rows = {}
    for sample in spread(samples, PREVIEWS):
        rgb = display.rgb(sample.image)
        rows[sample.name] = {
            "image": rgb,
            "mask": colour_mask(sample.mask, colours),
            "both": overlay(rgb, sample.mask, colours),
        }
    return picture_grid(rows, legend, cell=240)
