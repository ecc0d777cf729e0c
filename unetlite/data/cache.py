"""Decoded samples on disk: written once, whole or not at all, then mapped into memory."""

import json
import mmap
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unetlite.classes import IGNORE, Colour
from unetlite.data.samples import SPLITS, Dataset, Sample
from unetlite.errors import UsageError
from unetlite.files import atomic_path, remove
from unetlite.seeding import derive_seed
from unetlite.terminal import progress

FORMAT = 4  # part of the cache's name: raise it when what is written below changes
INDEX = "index.json"


class Batch(NamedTuple):
    """Images (B, C, H, W) in 0..255 and masks uint8 (B, H, W); or one of each, without B.

    Images are uint8, or float32 after augmentation.
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
    names: list[str]  # of each image
    groups: list[str]
    sizes: list[tuple[int, int]]  # height and width in pixels
    labels: list[int]  # of the pixels of all masks, how many have each of the 256 values

    def __post_init__(self) -> None:
        self.sizes = [(height, width) for height, width in self.sizes]
        areas = np.prod(self.sizes, axis=1)
        self.starts = np.cumsum([0, *areas])  # of each image in the masks
        self.images = map_file(self.directory / f"{self.split}.images")
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
        """Image uint8 (C, h, w) and mask uint8 (h, w).

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


def map_file(path: Path) -> np.ndarray:
    """The bytes of a file, read when they are used."""
    mapped = np.memmap(path, np.uint8, mode="r")
    if hasattr(mmap, "MADV_RANDOM"):
        # Otherwise the system reads ahead hundreds of times what a crop takes.
        mapped._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
    return mapped


class DecodedDataset(NamedTuple):
    """A decoded data set.

    `mean` and `std` (C,) are over the pixels of the training images, in 0..255.
    """

    classes: tuple[str, ...]
    colours: tuple[Colour, ...]
    mean: Tensor
    std: Tensor
    splits: dict[str, Split]

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return len(self.mean)


def open_decoded(
    source: Dataset,
    directory: Path,
    description: str,
) -> DecodedDataset:
    """The decoded samples of `source`, from a folder in `directory` that is written if missing.

    The folder's name depends on all that the samples depend on. After a UsageError of the source
    nothing is left behind.
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
    return DecodedDataset(source.classes, source.colours, *decoded)


@lru_cache(maxsize=1)  # more would keep the files of all open
def open_folder(folder: Path) -> tuple[Tensor, Tensor, dict[str, Split]]:
    """Mean, std and splits of a folder, which a process verifies once for all its trainings.

    Raises OSError or ValueError if a file is damaged, by the checksums. The names of classes are
    no part of it, since data sets that differ in them alone share a folder.
    """
    stored, text = (folder / INDEX).read_text().split("\n", 1)
    if json.loads(stored) != checksums(folder, text):
        raise ValueError(f"{folder}: the checksums differ.")
    index = json.loads(text)
    mean = torch.tensor(index["mean"])
    std = torch.tensor(index["std"])
    splits = {}
    for split, entry in index["splits"].items():
        splits[split] = Split(folder, split, len(mean), **entry)
    return mean, std, splits


def checksums(folder: Path, index: str) -> dict[str, int]:
    """CRC-32 of the files of a folder, by name, and of its index."""
    sums = {}
    for path in folder.iterdir():
        if path.name != INDEX:
            sums[path.name] = zlib.crc32(np.memmap(path, np.uint8, mode="r").data)
    sums["index"] = zlib.crc32(index.encode())
    return sums


def build(source: Dataset, folder: Path, description: str) -> None:
    """Decodes all samples into a folder that is there as a whole or not at all."""
    try:
        with atomic_path(folder) as partial, progress(f"decoding {description}") as update:
            partial.mkdir()
            write_decoded(source, partial, description, update)
    except OSError:
        if not folder.exists():  # else another run was faster, and wrote the same
            raise


def write_decoded(
    source: Dataset, folder: Path, description: str, update: Callable[[str], None]
) -> None:
    """Writes all samples, and their index with the mean and spread of the training images.

    Raises UsageError for what `check_splits` refuses.
    """
    splits = {}
    histogram = np.zeros((1, 256), np.int64)  # of each channel of the training images
    for split, samples in source.samples().items():
        names, groups, sizes = [], [], []
        labels = np.zeros(256, np.int64)
        with (
            (folder / f"{split}.images").open("wb") as images,
            (folder / f"{split}.masks").open("wb") as masks,
        ):
            for sample in samples:
                check_sample(sample)
                images.write(sample.image.tobytes())
                masks.write(sample.mask.tobytes())
                names.append(sample.name)
                groups.append(sample.group)
                sizes.append(sample.mask.shape)
                labels += count_values(sample.mask)
                if split == "train":
                    histogram = histogram + list(map(count_values, sample.image))
                if len(names) % 500 == 0:
                    update(f"decoding {description}: {len(names)} {split} images")
        splits[split] = {
            "names": names,
            "groups": groups,
            "sizes": sizes,
            "labels": labels.tolist(),
        }
    check_splits(splits, source.classes, description)
    mean, std = mean_and_std(histogram)
    index = {"mean": mean.tolist(), "std": std.tolist(), "splits": splits}
    text = json.dumps(index)
    sums = json.dumps(checksums(folder, text))
    (folder / INDEX).write_text(f"{sums}\n{text}")


def check_sample(sample: Sample) -> None:
    """Raises TypeError if a sample is not what Sample says, which is a defect."""
    name, image, mask, _ = sample
    is_uint8 = image.dtype == mask.dtype == np.uint8
    if not is_uint8 or image.shape[1:] != mask.shape:
        raise TypeError(
            f"{name}: image {image.dtype} {image.shape}, mask {mask.dtype} {mask.shape}."
        )


def count_values(array: np.ndarray) -> np.ndarray:
    """How many elements of an array uint8 have each of the values 0..255."""
    return np.bincount(array.ravel(), minlength=256)


def mean_and_std(histogram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each channel (C,), whose pixels have each value of 0..255 so often (C, 256)."""
    values = np.arange(256)
    pixels = histogram[0].sum()
    mean = histogram @ values / pixels
    variance = histogram @ values**2 / pixels - mean**2
    return mean, np.sqrt(np.maximum(variance, 0))


def check_splits(
    splits: Mapping[str, Any],
    classes: Sequence[str],
    description: str,
) -> None:
    """Raises UsageError if a split has no image or no truth, or if there is one class to train."""
    for split, entry in splits.items():
        if not entry["names"]:
            raise UsageError(
                f"{description}: the {split} split is empty; "
                f"each of {', '.join(SPLITS)} needs an image."
            )
        if not any(entry["labels"][:IGNORE]):
            raise UsageError(
                f"{description}: all masks of the {split} split are ignored; "
                "there is nothing to score."
            )
    labels = splits["train"]["labels"]
    present = [name for name, count in zip(classes, labels, strict=False) if count > 0]
    if len(present) < 2:
        raise UsageError(
            f"{description}: the training masks hold only {', '.join(present) or 'no class'}; "
            "do data.classes fit their values?"
        )
