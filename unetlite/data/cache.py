"""Decoded samples on disk: written once, whole or not at all, then mapped into memory."""

import json
import mmap
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unetlite.classes import IGNORE, Colour
from unetlite.data.samples import SPLITS, Dataset
from unetlite.errors import UsageError
from unetlite.files import progress, remove, whole
from unetlite.seeding import derive_seed

FORMAT = 4  # part of the cache's name: raise it when what is written below changes


class Batch(NamedTuple):
    """Images (B, C, H, W) in 0..255, uint8 or after augmentation float32, and masks uint8 (B, H, W); or one of each."""

    image: Tensor
    mask: Tensor


class Window(NamedTuple):
    """A rectangle of one image; it may reach over the bottom and right edges."""

    image: int
    top: int
    left: int
    height: int
    width: int


class Split(torch.utils.data.Dataset[Batch]):
    """The decoded samples of one split, read through windows.

    Every image has a name, a group and a size (height, width); `labels` are the pixels of all masks by value (256,).
    """

    def __init__(
        self, directory: Path, split: str, channels: int, names: list[str], groups: list[str], sizes: Any,
        labels: list[int],
    ):  # fmt: skip
        self.arguments = directory, split, channels, names, groups, sizes, labels
        self.channels, self.names, self.groups, self.labels = channels, names, groups, labels
        self.sizes: list[tuple[int, int]] = list(map(tuple, sizes))
        self.starts = np.cumsum([0] + [height * width for height, width in self.sizes])
        files = directory / f"{split}.images", directory / f"{split}.masks"
        self.images, self.masks = (np.memmap(file, np.uint8, mode="r") for file in files)
        if hasattr(mmap, "MADV_RANDOM"):  # else the system reads ahead hundreds of times what a window takes
            for mapped in (self.images, self.masks):
                mapped._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]

    def __reduce__(self) -> tuple[Any, ...]:  # a worker maps the files again, and copies nothing
        return Split, self.arguments

    def __len__(self) -> int:
        return len(self.names)

    def whole(self, index: int) -> Window:
        """The window that is exactly the image."""
        return Window(index, 0, 0, *self.sizes[index])

    def __getitem__(self, window: Window) -> Batch:
        """Image uint8 (C, h, w) and mask uint8 (h, w); outside, the image repeats its edge, and the mask is ignored."""
        index, top, left, height, width = window
        h, w = self.sizes[index]
        pixels = slice(self.starts[index], self.starts[index + 1])
        channels = slice(self.channels * pixels.start, self.channels * pixels.stop)
        part = np.s_[..., top : top + height, left : left + width]
        image: np.ndarray = self.images[channels].reshape(self.channels, h, w)[part]
        mask: np.ndarray = self.masks[pixels].reshape(h, w)[part]
        missing = (0, max(0, top + height - h)), (0, max(0, left + width - w))
        image = np.pad(image, ((0, 0), *missing), mode="edge")
        mask = np.pad(mask, missing, constant_values=IGNORE)
        return Batch(torch.from_numpy(image), torch.from_numpy(mask))


class Store(NamedTuple):
    """A decoded data set; `mean` and `std` are per channel over the training images, in pixel values (C,)."""

    classes: tuple[str, ...]
    colours: tuple[Colour, ...]
    mean: Tensor
    std: Tensor
    splits: dict[str, Split]

    @property
    def channels(self) -> int:
        return len(self.mean)


def open_store(source: Dataset, directory: Path, description: str) -> Store:
    """The decoded samples of `source`, from a folder in `directory` that is written first if it is not there.

    It is named after all that the samples depend on. After a UsageError of the source nothing is left behind.
    """
    folder = directory / f"{derive_seed(FORMAT, json.dumps(source.key(), sort_keys=True)):016x}"
    if (index := read_index(folder)) is None:
        if folder.exists():
            print(f"{folder} is damaged, and decoded again", file=sys.stderr)
            remove(folder)
        try:
            with whole(folder) as partial, progress(f"decoding {description}") as tell:
                partial.mkdir()
                write(source, partial, description, tell)
        except OSError:  # another run was faster and wrote the same
            if not folder.exists():
                raise
        index = read_index(folder)
    assert index is not None
    mean, std = torch.tensor(index["mean"]), torch.tensor(index["std"])
    splits = {split: Split(folder, split, len(mean), **entry) for split, entry in index["splits"].items()}
    return Store(source.classes, source.colours, mean, std, splits)


def read_index(folder: Path) -> dict[str, Any] | None:
    """What `write` left in a folder; None if it is damaged: a sum of every file's content tells."""
    try:
        sums, text = (folder / "index.json").read_text().split("\n", 1)
        files = {path.name: checksum(path) for path in folder.iterdir() if path.name != "index.json"}
        return json.loads(text) if json.loads(sums) == {**files, "index": zlib.crc32(text.encode())} else None
    except (OSError, ValueError):
        return None


def checksum(path: Path) -> int:
    """CRC-32 of a file's content."""
    return zlib.crc32(np.memmap(path, np.uint8, mode="r").data)


def write(source: Dataset, folder: Path, description: str, tell: Callable[[str], None]) -> None:
    """Decodes all samples into a folder, with their index, and the mean and spread of the training images."""
    index: dict[str, Any] = {}
    values: Any = 0  # of the training images, how often each of the 256 is in every channel
    for split, samples in source.samples().items():
        names, groups, sizes, labels = [], [], [], np.zeros(256, np.int64)
        with (folder / f"{split}.images").open("wb") as images, (folder / f"{split}.masks").open("wb") as masks:
            for name, image, mask, group in samples:
                if not (image.dtype == mask.dtype == np.uint8 and image.shape[1:] == mask.shape):  # a defect
                    raise TypeError(f"{name}: image {image.dtype} {image.shape}, mask {mask.dtype} {mask.shape}.")
                images.write(image.tobytes())
                masks.write(mask.tobytes())
                names.append(name)
                groups.append(group)
                sizes.append(mask.shape)
                if len(names) % 500 == 0:
                    tell(f"decoding {description}: {len(names)} {split} images")
                labels += np.bincount(mask.ravel(), minlength=256)
                if split == "train":
                    values += np.stack([np.bincount(channel.ravel(), minlength=256) for channel in image])
        if not names:
            raise UsageError(f"{description}: the {split} split is empty; each of {', '.join(SPLITS)} needs an image.")
        if not labels[:IGNORE].any():
            raise UsageError(f"{description}: all masks of the {split} split are ignored; there is nothing to score.")
        index[split] = {"names": names, "groups": groups, "sizes": sizes, "labels": labels.tolist()}
    present = np.flatnonzero(index["train"]["labels"][:IGNORE])
    if len(present) < 2:
        found = ", ".join(source.classes[k] for k in present) or "no class"
        raise UsageError(f"{description}: the training masks hold only {found}; do data.classes fit their values?")
    pixels = values[0].sum()
    mean = values @ np.arange(256) / pixels
    std = np.sqrt(np.maximum(values @ np.arange(256) ** 2 / pixels - mean**2, 0))
    text = json.dumps({"mean": mean.tolist(), "std": std.tolist(), "splits": index})
    sums = {path.name: checksum(path) for path in folder.iterdir()} | {"index": zlib.crc32(text.encode())}
    (folder / "index.json").write_text(f"{json.dumps(sums)}\n{text}")
