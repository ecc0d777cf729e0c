"""Decoded samples on disk: written once, whole or not at all, then mapped into memory."""

import json
import mmap
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unetlite.classes import IGNORE, Colour
from unetlite.data.decoding import INDEX, checksums, write_decoded
from unetlite.data.normalisation import ChannelStatistics, make_display
from unetlite.data.samples import Dataset
from unetlite.files import atomic_path, remove
from unetlite.seeding import derive_seed
from unetlite.settings.schema import PixelType
from unetlite.terminal import progress
from unetlite.visualize import Display

FORMAT = 5  # part of the cache's name: raise it when what decoding.py writes changes


class Batch(NamedTuple):
    """Images (B, C, H, W) and masks uint8 (B, H, W); or one of each, without B.

    Images are of a PixelType, or float32 with the same values after augmentation.
    """

    image: Tensor
    mask: Tensor


class Crop(NamedTuple):
    """A rectangle of one image, in pixels; it may reach over the bottom and right edges."""

    image: int
    top: int
    left: int
    height: int
    width: int


@dataclass(eq=False)
class Split(torch.utils.data.Dataset[Batch]):
    """The decoded samples of one split, read by crops."""

    directory: Path
    split: str
    channels: int
    pixel_type: PixelType
    names: list[str]  # of each image
    groups: list[str]
    sizes: list[tuple[int, int]]  # height and width in pixels
    labels: list[int]  # of the pixels of all masks, how many have each of the 256 values

    def __post_init__(self) -> None:
        self.sizes = [(height, width) for height, width in self.sizes]
        areas = np.prod(self.sizes, axis=1)
        self.starts = np.cumsum([0, *areas])  # of each image in the masks
        self.images = map_file(self.directory / f"{self.split}.images", self.pixel_type)
        self.masks = map_file(self.directory / f"{self.split}.masks")

    def __reduce__(self) -> tuple[Any, ...]:  # a worker maps the files again, and copies nothing
        return Split, astuple(self)

    def __len__(self) -> int:
        return len(self.names)

    def full_crop(self, index: int) -> Crop:
        """The crop that is exactly the image."""
        height, width = self.sizes[index]
        return Crop(index, 0, 0, height, width)

    def __getitem__(self, crop: Crop) -> Batch:
        """Image (C, h, w) and mask uint8 (h, w).

        Outside of the image, its edge is repeated, and the mask is ignored.
        """
        height, width = self.sizes[crop.image]
        start = self.starts[crop.image]
        end = self.starts[crop.image + 1]
        image = self.images[self.channels * start : self.channels * end]
        mask = self.masks[start:end]

        bottom = crop.top + crop.height
        right = crop.left + crop.width
        area = np.s_[..., crop.top : bottom, crop.left : right]
        image = image.reshape(self.channels, height, width)[area]
        mask = mask.reshape(height, width)[area]

        rows = (0, max(0, bottom - height))
        columns = (0, max(0, right - width))
        image = np.pad(image, ((0, 0), rows, columns), mode="edge")
        mask = np.pad(mask, (rows, columns), constant_values=IGNORE)
        return Batch(torch.from_numpy(image), torch.from_numpy(mask))


def map_file(path: Path, dtype: str = "uint8") -> np.ndarray:
    """The numbers in a file, read when they are used."""
    mapped = np.memmap(path, dtype, mode="r")
    if hasattr(mmap, "MADV_RANDOM"):
        # Otherwise the system reads ahead hundreds of times what a crop takes.
        mapped._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
    return mapped


@dataclass(frozen=True)
class DecodedFolder:
    """The content of a folder of decoded samples."""

    pixel_type: PixelType
    statistics: ChannelStatistics  # of the training images
    splits: dict[str, Split]
    content_hash: str  # SHA-256 of all samples, with their names, groups and splits, in hex

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB, or any other number."""
        return len(self.statistics.mean)

    @property
    def mean(self) -> Tensor:
        """Of each channel (C,) of the training images, in pixel values."""
        return torch.tensor(self.statistics.mean)

    @property
    def std(self) -> Tensor:
        """The standard deviation, as `mean`."""
        return torch.tensor(self.statistics.std)


@dataclass(frozen=True)
class DecodedDataset(DecodedFolder):
    """A decoded data set: the samples, and what the settings say of them."""

    classes: tuple[str, ...]
    colours: tuple[Colour, ...]
    display: Display  # how its images are shown


def open_decoded(
    source: Dataset, directory: Path, description: str, display: Sequence[int] | None = None
) -> DecodedDataset:
    """The decoded samples of `source`, from a folder in `directory` that is written if missing.

    The folder's name depends on all that the samples depend on. `display` are the channels that
    pictures show. After a UsageError of the source nothing is left behind.
    """
    key = json.dumps(source.key(), sort_keys=True)
    folder = directory / f"{derive_seed(FORMAT, key):016x}"
    if not folder.exists():
        build(source, folder, description)
    try:
        decoded = open_folder(folder)
    except (OSError, ValueError):
        print(f"{folder}: cache corrupt, rebuilding", file=sys.stderr)
        remove(folder)
        build(source, folder, description)
        decoded = open_folder(folder)
    statistics = decoded.statistics
    shown = make_display(display, decoded.pixel_type, statistics.low, statistics.high)
    return DecodedDataset(
        **vars(decoded),
        classes=source.classes,
        colours=source.colours,
        display=shown,
    )


@lru_cache(maxsize=1)  # more would keep the files of all open
def open_folder(folder: Path) -> DecodedFolder:
    """The content of a folder, which a process verifies once for all its trainings.

    Raises OSError or ValueError if a file is damaged, by the checksums. The names of classes are
    no part of it, since data sets that differ in them alone share a folder.
    """
    stored, text = (folder / INDEX).read_text().split("\n", 1)
    if json.loads(stored) != checksums(folder, text):
        raise ValueError(f"{folder}: the checksums differ.")
    index = json.loads(text)
    statistics = ChannelStatistics(**index["statistics"])
    channels = len(statistics.mean)
    pixel_type = index["pixel_type"]
    splits = {}
    for split, entry in index["splits"].items():
        splits[split] = Split(folder, split, channels, pixel_type, **entry)
    return DecodedFolder(pixel_type, statistics, splits, index["content_hash"])


def build(source: Dataset, folder: Path, description: str) -> None:
    """Decodes all samples into a folder that is there as a whole or not at all."""
    try:
        with atomic_path(folder) as partial, progress(f"decoding {description}") as update:
            partial.mkdir()
            write_decoded(source, partial, description, update)
    except OSError:
        if not folder.exists():  # else another run was faster, and wrote the same
            raise
