"""Data sets of image files with mask files, and the first of them: a user's own folder."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import PositiveInt

from unetlite.classes import IGNORE
from unetlite.data.formats import open_image_file
from unetlite.data.labels import ClassTable
from unetlite.data.layouts import UNSPLIT, Naming, Pair, Splits, list_pairs
from unetlite.data.raster import (
    PixelKind,
    pixel_kind,
    read_image,
    read_mask,
    resize_image,
    viewed_size,
)
from unetlite.data.samples import DATASETS, Sample
from unetlite.data.splits import Share, check_split_groups, split_by_share, split_by_table
from unetlite.errors import UsageError
from unetlite.settings.schema import PixelType, Resize

NONZERO = ClassTable(None)  # 1 where a mask is not zero


@dataclass
class FilePairs:
    """A Dataset of pairs of files."""

    pairs: Splits  # by the names in SPLITS
    table: ClassTable  # from mask values to class indices
    resize: int | None  # shorter side in pixels to scale to; None keeps every size
    channels: int | None = None  # of the images as they are read; None takes what all have
    # Whether photographs are read as "stored" or as "viewed"; None decides by the sizes of masks.
    orientation: str | None = None

    def __post_init__(self) -> None:
        self.classes = self.table.names
        self.colours = self.table.colours

    def all_pairs(self) -> Iterator[Pair]:
        """The pairs of all splits."""
        for pairs in self.pairs.values():
            yield from pairs

    def key(self) -> dict[str, Any]:
        """Names, sizes and times of all files, and the options that change what is read of them.

        Raises UsageError if a file is missing.
        """
        files = []
        try:
            for split, pairs in self.pairs.items():
                for pair in pairs:
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
            "resize": self.resize,
        }

    def samples(self) -> dict[str, Iterable[Sample]]:
        return {split: map(self.read, pairs) for split, pairs in self.pairs.items()}

    def read(self, pair: Pair) -> Sample:
        """The decoded pair.

        Raises UsageError if a file cannot be read, if sizes differ, or for an unknown mask value.
        """
        as_viewed = self.reads_as_viewed(pair)
        image, has_data = read_image(pair.image, self.kind.channels, as_viewed)

        def read(path: Path, table: ClassTable) -> np.ndarray:
            values = read_mask(path, table.rgb, as_viewed)
            check_size(path, values, pair, image)
            return table.indices(values, path)

        if pair.mask.is_dir():  # the union of its objects
            mask = np.zeros(image.shape[1:], np.uint8)
            for path in sorted(pair.mask.glob("*.png")):
                mask |= read(path, NONZERO)
        else:
            mask = read(pair.mask, self.table)
        if pair.valid is not None:
            mask[read(pair.valid, NONZERO) == 0] = IGNORE
        if has_data is not None:
            mask[~has_data] = IGNORE
        if self.resize is not None:
            image = resize_image(image, self.resize)
            _, height, width = image.shape
            resized = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
            mask = np.asarray(resized)
            if has_data is not None:
                has_data = np.asarray(Image.fromarray(has_data).resize((width, height)))
        return Sample(
            pair.name,
            image,
            mask,
            pair.group,
            has_data,
        )

    @cached_property
    def kind(self) -> PixelKind:
        """Channels and type of all images, by their headers.

        Raises UsageError if they differ, but for grey images among RGB.
        """
        first_of_type: dict[PixelType, Path] = {}
        first_of_count: dict[int, Path] = {}
        for pair in self.all_pairs():
            kind = pixel_kind(open_image_file(pair.image))
            first_of_type.setdefault(kind.type, pair.image)
            first_of_count.setdefault(kind.channels, pair.image)
        check_alike(first_of_type, "pixels of the type", "save all in one type")
        channels = self.channels
        if channels is None and set(first_of_count) == {1, 3}:
            channels = 3
        elif channels is None:
            check_alike(first_of_count, "channels:", "say data.channels=..., or save all alike")
            channels = next(iter(first_of_count))
        return PixelKind(channels, next(iter(first_of_type)))

    def reads_as_viewed(self, pair: Pair) -> bool:
        """True if a photograph and its mask are turned as EXIF says, False if read as stored.

        Raises UsageError if only one of them says that it is turned, and their sizes fit both ways.
        """
        if self.orientation is not None or pair.mask.is_dir():
            return self.orientation != "stored"
        image, mask = open_image_file(pair.image), open_image_file(pair.mask)
        if image.orientation == mask.orientation:
            return True
        stored_fit = (image.height, image.width) == (mask.height, mask.width)
        viewed_fit = viewed_size(image) == viewed_size(mask)
        if stored_fit and viewed_fit:
            turned = pair.image if image.orientation != 1 else pair.mask
            raise UsageError(
                f"{turned} says by EXIF that it is to be turned, and {pair.mask} and {pair.image} "
                "fit both ways. Say data.orientation=stored if masks were drawn on the pixels as "
                "they are stored, data.orientation=viewed if on the turned image."
            )
        return not stored_fit


def check_alike(first: Mapping[Any, Path], what: str, remedy: str) -> None:
    """Raises UsageError if there is more than one kind of image, of which each has a file."""
    if len(first) > 1:
        (kind, path), (other_kind, other), *_ = first.items()
        raise UsageError(
            f"{path} has {what} {kind}, but {other} {other_kind}; images of a data set need to be "
            f"alike. Please {remedy}."
        )


def check_size(
    path: Path,
    values: np.ndarray,
    pair: Pair,
    image: np.ndarray,
) -> None:
    """Raises UsageError if a mask (H, W) or (H, W, 3) has another size than its image (C, H, W)."""
    height, width = values.shape[:2]
    _, image_height, image_width = image.shape
    if (height, width) != (image_height, image_width):
        raise UsageError(
            f"{path} is {width} x {height} pixels, "
            f"but its image {pair.image} is {image_width} x {image_height}. "
            "An image and its mask need the same size."
        )


@DATASETS.register("folder")
class Folder(FilePairs):
    """Images and masks in a directory, paired by name. See configs/data/folder.yaml for options.

    Groups are part of the names, or a column of `splits.csv` (id, split, group), or else each
    image is one.
    """

    def __init__(
        self,
        *,
        root: str,
        classes: Any = None,
        ignore: Any = (),
        mask_suffix: str = "",
        group: str | None = None,
        val_fraction: Share = 0.15,
        test_fraction: Share = 0.15,
        split_seed: int = 0,
        channels: PositiveInt | None = None,
        resize: Resize | None = None,
        orientation: Literal["stored", "viewed"] | None = None,
    ):
        directory = Path(root).expanduser()
        if not directory.is_dir():
            raise UsageError(f"data.root={root}: there is no such directory.")
        table = ClassTable(classes, ignore)
        splits = list_pairs(directory, Naming(mask_suffix, group))
        table_file = directory / "splits.csv"
        if UNSPLIT in splits and table_file.exists():
            splits = split_by_table(splits[UNSPLIT], table_file, with_groups=group is None)
        elif UNSPLIT in splits:
            splits = split_by_share(splits[UNSPLIT], val_fraction, test_fraction, split_seed)
        super().__init__(
            splits,
            table,
            resize,
            channels,
            orientation,
        )
        if group is not None or any(pair.group != pair.name for pair in self.all_pairs()):
            check_split_groups(splits)
