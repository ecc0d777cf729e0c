"""Data sets of image files with mask files, and the first of them: a user's own folder."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from unetlite.classes import IGNORE
from unetlite.data.labels import ClassTable
from unetlite.data.layouts import UNSPLIT, Naming, Pair, Splits, list_pairs
from unetlite.data.raster import ValueRange, is_grey, read_image, read_mask, resize_image
from unetlite.data.samples import DATASETS, Sample
from unetlite.data.splits import Share, check_split_groups, split_by_share, split_by_table
from unetlite.errors import UsageError
from unetlite.settings.schema import Resize

NONZERO = ClassTable(None)  # 1 where a mask is not zero


@dataclass
class FilePairs:
    """A Dataset of pairs of files."""

    pairs: Splits  # by the names in SPLITS
    table: ClassTable  # from mask values to class indices
    resize: int | None  # shorter side in pixels to scale to; None keeps every size
    channels: int = 3  # of the images as they are read, 1 or 3
    # Black and white in images of 16 bits; None stretches each by its own values.
    value_range: ValueRange | None = None

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
            "value_range": self.value_range,
            "resize": self.resize,
        }

    def samples(self) -> dict[str, Iterable[Sample]]:
        return {split: map(self.read, pairs) for split, pairs in self.pairs.items()}

    def read(self, pair: Pair) -> Sample:
        """The decoded pair.

        Raises UsageError if a file cannot be read, if sizes differ, or for an unknown mask value.
        """
        image = read_image(pair.image, self.channels, self.value_range)
        if pair.mask.is_dir():  # the union of its objects
            mask = np.zeros(image.shape[1:], np.uint8)
            for path in sorted(pair.mask.glob("*.png")):
                mask |= read_indices(path, NONZERO, pair, image)
        else:
            mask = read_indices(pair.mask, self.table, pair, image)
        if pair.valid is not None:
            valid = read_indices(pair.valid, NONZERO, pair, image)
            mask[valid == 0] = IGNORE
        if self.resize is not None:
            image = resize_image(image, self.resize)
            _, height, width = image.shape
            resized = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
            mask = np.asarray(resized)
        return Sample(pair.name, image, mask, pair.group)


def read_indices(
    path: Path,
    table: ClassTable,
    pair: Pair,
    image: np.ndarray,
) -> np.ndarray:
    """Class indices uint8 (H, W) of a mask file for a pair's image (C, H, W).

    Raises UsageError if their sizes differ.
    """
    values = read_mask(path, table.rgb)
    height, width = values.shape[:2]
    _, image_height, image_width = image.shape
    if (height, width) != (image_height, image_width):
        raise UsageError(
            f"{path} is {width} x {height} pixels, "
            f"but its image {pair.image} is {image_width} x {image_height}. "
            "An image and its mask need the same size."
        )
    return table.indices(values, path)


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
        channels: Literal[1, 3] | None = None,
        resize: Resize | None = None,
        value_range: Annotated[ValueRange, Field(strict=False)] | None = None,
    ):
        directory = Path(root).expanduser()
        if not directory.is_dir():
            raise UsageError(f"data.root={root}: there is no such directory.")
        table = ClassTable(classes, ignore)
        if value_range is not None and value_range[0] >= value_range[1]:
            raise UsageError(
                f"data.value_range={list(value_range)}: give [black, white] with black < white."
            )
        splits = list_pairs(directory, Naming(mask_suffix, group))
        table_file = directory / "splits.csv"
        if UNSPLIT in splits and table_file.exists():
            splits = split_by_table(splits[UNSPLIT], table_file, with_groups=group is None)
        elif UNSPLIT in splits:
            splits = split_by_share(splits[UNSPLIT], val_fraction, test_fraction, split_seed)
        super().__init__(splits, table, resize, value_range=value_range)
        if group is not None or any(pair.group != pair.name for pair in self.all_pairs()):
            check_split_groups(splits)
        if channels is not None:
            self.channels = channels
        elif all(is_grey(pair.image) for pair in self.all_pairs()):
            self.channels = 1
