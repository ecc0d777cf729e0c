"""Data sets of image files with mask files, and the first of them: a user's own folder."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import PositiveInt

from unetlite.classes import IGNORE, Colour
from unetlite.data.doctor.coding import check_coding, distinct_values, ignores_by_default
from unetlite.data.formats import open_image_file
from unetlite.data.image_files import check_folder
from unetlite.data.labels import FOREGROUND, ClassTable
from unetlite.data.layout_classes import make_table
from unetlite.data.layouts import LAYOUTS, read_layout
from unetlite.data.layouts.base import Naming, Pair, Splits, located_pairs
from unetlite.data.layouts.left_out import describe_left_out
from unetlite.data.layouts.masks import DrawnMask, MaskFile
from unetlite.data.mask_values import infer_classes
from unetlite.data.palettes import Palettes
from unetlite.data.raster import (
    PixelKind,
    Pixels,
    both_valid,
    pixel_kind,
    read_geometry,
    read_image,
    read_mask,
    resize_image,
    resize_nearest,
)
from unetlite.data.samples import DATASETS, Sample
from unetlite.data.splits import Draw, Share, settle_splits
from unetlite.errors import UsageError
from unetlite.settings.schema import PixelType, Resize
from unetlite.settings.typed import format_setting

NONZERO = ClassTable(None)  # 1 where a mask is not zero


@dataclass
class FilePairs:
    """A Dataset of pairs of files."""

    pairs: Splits  # by the names in SPLITS
    table: ClassTable  # from mask values to class indices
    resize: int | None  # shorter side in pixels to scale to; None keeps every size
    channels: int | None = None  # of the images as they are read; None takes what all have
    # How photographs are read: "stored" or "viewed"; None: as viewed, if masks fit that.
    orientation: str | None = None
    nodata: float | None = None  # the value of pixels without data, if files do not say it

    def __post_init__(self) -> None:
        self.palettes = Palettes()

    @property
    def classes(self) -> tuple[str, ...]:
        return self.table.names

    @property
    def colours(self) -> tuple[Colour, ...]:
        return self.table.colours

    @property
    def as_viewed(self) -> bool:
        """True if photographs and masks are turned as EXIF says, False if read as stored."""
        return self.orientation != "stored"

    def all_pairs(self) -> list[Pair]:
        """The pairs of all splits."""
        return [pair for _, pair in located_pairs(self.pairs)]

    def key(self) -> dict[str, Any]:
        """Names, sizes and times of all files, and the options that change what is read of them.

        Raises UsageError if a file is missing.
        """
        files = []
        try:
            for split, pair in located_pairs(self.pairs):
                entry: list[Any] = [split, pair.name, pair.group]
                for path in pair.files():
                    stat = path.stat()
                    entry.append((stat.st_size, stat.st_mtime_ns))
                files.append(entry)
        except FileNotFoundError as error:
            raise UsageError(
                f"{error.filename} is missing. Put it there, or fetch the data set again."
            ) from None
        return {
            "files": files,
            "classes": [self.table.foreground, self.table.values, self.table.ignored],
            "channels": self.channels,
            "orientation": self.orientation,
            "nodata": self.nodata,
            "resize": self.resize,
        }

    def samples(self) -> dict[str, Iterable[Sample]]:
        return {split: map(self.read, pairs) for split, pairs in self.pairs.items()}

    def read(self, pair: Pair) -> Sample:
        """The decoded pair.

        Raises UsageError if a file cannot be read, if sizes differ, or for an unknown mask value.
        """
        self.check_orientation(pair)
        image, has_data = self.read_pixels(pair)
        values = self.mask_values(pair)
        check_size(pair.mask.name, values, pair, image.shape[1:])
        mask = self.truth(pair, values, has_data)
        if self.resize is not None:
            image = resize_image(image, self.resize)
            mask = resize_nearest(mask, image)
            if has_data is not None:
                has_data = resize_nearest(has_data, image)
        return Sample(pair.name, image, mask, pair.group, has_data)

    def truth(
        self,
        pair: Pair,
        values: np.ndarray,
        has_data: np.ndarray | None,
    ) -> np.ndarray:
        """Class indices uint8 (H, W) of the stored values of a mask.

        IGNORE is where `has_data` or a file of valid/ says so. Raises UsageError for an unknown
        value, or if sizes differ.
        """
        mask = self.table.indices(values, pair.mask.name)
        if pair.valid is not None:
            valid = read_mask(pair.valid, as_viewed=self.as_viewed)
            check_size(str(pair.valid), valid, pair, mask.shape)
            mask[NONZERO.indices(valid, pair.valid) == 0] = IGNORE
        if has_data is not None:
            check_size(pair.mask.name, values, pair, has_data.shape)
            mask[~has_data] = IGNORE
        return mask

    @cached_property
    def kind(self) -> PixelKind:
        """Channels and type of all images, by their headers.

        Raises UsageError if they differ, but for grey images among RGB.
        """
        first_of_type: dict[PixelType, Path] = {}
        first_of_count: dict[int, Path] = {}
        for pair in self.all_pairs():
            kinds = [pixel_kind(open_image_file(path)) for path in pair.images]
            for kind in kinds:
                first_of_type.setdefault(kind.type, pair.image)
            first_of_count.setdefault(sum(kind.channels for kind in kinds), pair.image)
        check_alike(first_of_type, "pixels of the type", "save all in one type")
        channels = self.channels
        if channels is None and set(first_of_count) == {1, 3}:
            channels = 3
        elif channels is None:
            check_alike(first_of_count, "channels:", "say data.channels=..., or save all alike")
            channels = next(iter(first_of_count))
        return PixelKind(channels, next(iter(first_of_type)))

    def named_masks(self, pairs: Iterable[Pair]) -> Iterator[tuple[str, np.ndarray]]:
        """The stored values of masks, with what messages call them."""
        for pair in pairs:
            yield pair.mask.name, self.mask_values(pair)

    def mask_values(self, pair: Pair) -> np.ndarray:
        """The stored values of a mask. See `raster.read_mask`.

        Raises UsageError if it cannot be read, or if its palette is not that of the others.
        """
        if isinstance(pair.mask, DrawnMask):
            check_stated_size(pair, pair.mask)
        values = pair.mask.values(self.table.rgb, self.as_viewed)
        if isinstance(pair.mask, MaskFile) and not self.table.rgb:
            self.palettes.check(pair.mask.path, values)
        return values

    def read_pixels(self, pair: Pair) -> Pixels:
        """The pixels of an image, whose channels may be in several files.

        Raises UsageError if a file cannot be read, or if their sizes differ.
        """
        if len(pair.images) == 1:
            return read_image(
                pair.image,
                self.kind.channels,
                self.as_viewed,
                self.nodata,
            )
        parts = []
        for path in pair.images:
            parts.append(read_image(path, as_viewed=self.as_viewed, nodata=self.nodata))
        if len({part.values.shape[1:] for part in parts}) > 1:
            raise UsageError(
                f"{pair.image} and its other channels differ in size; make them equal."
            )
        valid = None
        for part in parts:
            valid = both_valid(valid, part.valid)
        return Pixels(np.concatenate([part.values for part in parts]), valid)

    def read_valid(self, pair: Pair) -> np.ndarray | None:
        """Where an image has data, bool (H, W); None: everywhere.

        Its pixels are read only if its header lets some of them lack data.
        """
        files = [open_image_file(path, self.nodata) for path in pair.images]
        if any(file.may_lack_data for file in files):
            return self.read_pixels(pair).valid
        return None

    def check_orientation(self, pair: Pair) -> None:
        """Raises UsageError if image and mask fit as they are stored, and nothing says so.

        Images to predict have no masks, and must be read alike.
        """
        if self.orientation is None and self.fits_as_stored(pair):
            raise UsageError(
                f"{pair.image} says by EXIF that it is to be turned, and {pair.mask.name} fits it "
                "as it is stored. Say data.orientation=stored."
            )

    def fits_as_stored(self, pair: Pair) -> bool:
        """True if image and mask have one size as they are stored, and not as EXIF turns them.

        Raises UsageError if only one of them says that it is turned, and their sizes fit both ways.
        """
        image = read_geometry(pair.image)
        mask = pair.mask.geometry()
        if image.orientation == mask.orientation:
            return False
        stored_fit = image[:2] == mask[:2]
        if stored_fit and image.viewed_size == mask.viewed_size:
            turned = pair.image if image.orientation != 1 else pair.mask.name
            raise UsageError(
                f"{turned} says by EXIF that it is to be turned, and {pair.image} and "
                f"{pair.mask.name} fit both ways. Say data.orientation=stored if masks were drawn "
                "on the pixels as they are stored, data.orientation=viewed if on the turned image."
            )
        return stored_fit


def check_alike(first: Mapping[Any, Path], what: str, remedy: str) -> None:
    """Raises UsageError if there is more than one kind of image, of which each has a file."""
    if len(first) > 1:
        (kind, path), (other_kind, other), *_ = first.items()
        raise UsageError(
            f"{path} has {what} {kind}, but {other} {other_kind}; images of a data set need to be "
            f"alike. Please {remedy}."
        )


def check_stated_size(pair: Pair, mask: DrawnMask) -> None:
    """Raises UsageError if outlines were drawn on an image of another size than that of the pair.

    A photograph that is to be turned may have the size of either way.
    """
    image = read_geometry(pair.image)
    if mask.size in (image[:2], image.viewed_size):
        return
    height, width = image.viewed_size
    raise UsageError(
        f"{mask.file} gives {mask.image} {mask.size.width} x {mask.size.height} pixels by "
        f"{mask.size_keys}, but {pair.image} has {width} x {height}. Correct them if the outlines "
        "fit the image, or put back the image that was labelled."
    )


def check_size(
    name: str,
    values: np.ndarray,
    pair: Pair,
    size: tuple[int, ...],
) -> None:
    """Raises UsageError if a mask (H, W) or (H, W, 3) has another size than its image."""
    height, width = values.shape[:2]
    image_height, image_width = size
    if (height, width) != (image_height, image_width):
        raise UsageError(
            f"{name} is {width} x {height} pixels, "
            f"but its image {pair.image} is {image_width} x {image_height}. "
            "An image and its mask need the same size."
        )


@DATASETS.register("folder")
class Folder(FilePairs):
    """Images and masks in a directory of any layout. See configs/data/folder.yaml for options.

    Groups are part of the names, or a column of a table, or what the layout says, or else each
    image is one. `layout`, `origin` and `notes` say how the directory was read, for people.
    """

    def __init__(
        self,
        *,
        root: str,
        classes: Any = None,
        ignore: Any = (),
        layout: str | None = None,
        image_name: str | None = None,
        mask_name: str | None = None,
        group: str | None = None,
        val_fraction: Share = 0.15,
        test_fraction: Share = 0.15,
        split_seed: int = 0,
        channels: PositiveInt | None = None,
        resize: Resize | None = None,
        orientation: Literal["stored", "viewed"] | None = None,
        nodata: float | None = None,
    ):
        self.root = root
        directory = Path(root).expanduser()
        check_folder(directory, f"data.root={root}: there is no such directory.")
        naming = Naming(image_name, mask_name, group)
        name, content = read_layout(directory, naming, layout)
        self.layout = LAYOUTS[name].title
        self.layout_classes = content.classes
        draw = Draw(val_fraction, test_fraction, split_seed)
        splits, self.origin, notes = settle_splits(
            directory,
            content,
            self.layout,
            group,
            draw,
        )
        self.notes = [*content.notes, *notes]
        table = make_table(classes, ignore, content)
        self.undeclared = classes is None and content.classes is None
        super().__init__(splits, table, resize, channels, orientation, nodata)
        self.notes += describe_left_out(directory, self.all_pairs(), content)

    @property
    def remarks(self) -> list[str]:
        """How the directory was read, by lines."""
        return [f"layout   {self.layout}", *(f"note     {note}" for note in self.notes)]

    def key(self) -> dict[str, Any]:
        key = super().key()
        if self.undeclared:  # what was decoded as data.classes=foreground is no answer
            key["undeclared"] = True
        return key

    def samples(self) -> dict[str, Iterable[Sample]]:
        if self.undeclared:
            self.check_foreground()
        elif self.layout_classes is None and ignores_by_default(self.table):
            masks = self.named_masks(self.all_pairs())
            check_coding(distinct_values(masks), self.table.ignored)
        return super().samples()

    def check_foreground(self) -> None:
        """Raises UsageError if the values of masks look like more classes than foreground.

        Nothing says what they mean, and merging classes in silence would be a guess.
        """
        masks = self.named_masks(self.all_pairs())
        classes, meaning = infer_classes(masks, self.table.ignored)
        if classes is not None:
            example = format_setting("data.classes", classes)
            raise UsageError(
                f"data.root={self.root}: {meaning}, and data.classes does not name them. Give "
                f"names for them, such as {example}, or data.classes={FOREGROUND} if all but 0 are "
                "one class."
            )
