"""Decoded samples on disk: written once, whole or not at all, then mapped into memory."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from unetlite.data.source import IGNORE, SPLITS, Sample, Source
from unetlite.errors import UsageError
from unetlite.seeding import derive_seed

FORMAT = 2  # part of the cache's name: raise it when what is written below changes


class Window(NamedTuple):
    """A rectangle of one image; it may reach over the bottom and right edges."""

    image: int
    top: int
    left: int
    height: int
    width: int


class Split(Dataset[tuple[Tensor, Tensor]]):
    """The decoded samples of one split, read through windows.

    Attributes:
        names: one name an image.
        sizes: (height, width) of every image.
    """

    def __init__(self, directory: Path, split: str, names: list[str], sizes: list[tuple[int, int]], channels: int):
        self.names, self.sizes, self.channels = names, sizes, channels
        self.starts = np.cumsum([0] + [height * width for height, width in sizes])
        self.images = np.memmap(directory / f"{split}.images", np.uint8, mode="r")
        self.masks = np.memmap(directory / f"{split}.masks", np.uint8, mode="r")

    def __len__(self) -> int:
        return len(self.names)

    def whole(self, index: int) -> Window:
        """The window that is exactly the image."""
        return Window(index, 0, 0, *self.sizes[index])

    def __getitem__(self, window: Window) -> tuple[Tensor, Tensor]:
        """Image uint8 (C, h, w) and mask uint8 (h, w) of a window.

        What lies outside the image repeats its edge, and is ignored in the mask.
        """
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
        return torch.from_numpy(image), torch.from_numpy(mask)


class Store(NamedTuple):
    """A decoded data set.

    Attributes:
        classes, colours: as in Source.
        mean, std: per channel over the training images, in pixel values (C,).
        splits: by the names in SPLITS.
    """

    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    mean: Tensor
    std: Tensor
    splits: dict[str, Split]

    @property
    def channels(self) -> int:
        """Channels of every image."""
        return len(self.mean)


def open_store(source: Source, directory: Path, description: str) -> Store:
    """The decoded samples of `source`, from a folder in `directory` that is written first if it is not there.

    The folder is named after what the samples depend on, so other options or changed files make another one.

    Raises:
        UsageError: from the source, about the user's files; nothing is left behind.
    """
    folder = directory / f"{derive_seed(FORMAT, json.dumps(source.key(), sort_keys=True)):016x}"
    if not folder.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=directory))
        try:
            _write(source, partial, description)
            partial.chmod(0o755)
            try:
                partial.rename(folder)
            except OSError:  # another run was faster and wrote the same
                if not folder.exists():
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return _read(folder, source)


def _write(source: Source, folder: Path, description: str) -> None:
    from rich.progress import track

    index = {}
    total, total_of_squares, pixels = np.float64(0), np.float64(0), 0
    present: set[int] = set()  # classes of the training masks
    for split, samples in source.samples().items():
        names, sizes = [], []
        with open(folder / f"{split}.images", "wb") as images, open(folder / f"{split}.masks", "wb") as masks:
            for sample in track(_checked(samples), f"Decoding {description}, {split}", transient=True):
                images.write(sample.image.tobytes())
                masks.write(sample.mask.tobytes())
                names.append(sample.name)
                sizes.append(sample.mask.shape)
                if split == "train":
                    present |= set(np.unique(sample.mask).tolist())
                    values = sample.image.reshape(len(sample.image), -1).astype(np.float64)
                    total += values.sum(1)
                    total_of_squares += (values**2).sum(1)
                    pixels += values.shape[1]
        if not names:
            raise UsageError(f"{description}: the {split} split is empty; each of {', '.join(SPLITS)} needs an image.")
        index[split] = {"names": names, "sizes": sizes}
    present.discard(IGNORE)
    if len(present) < 2:
        found = ", ".join(source.classes[k] for k in present) or "no class"
        raise UsageError(f"{description}: the training masks hold only {found}; do data.classes fit their values?")
    mean = np.asarray(total) / pixels
    std = np.sqrt(np.maximum(np.asarray(total_of_squares) / pixels - mean**2, 0))
    (folder / "index.json").write_text(json.dumps({"mean": mean.tolist(), "std": std.tolist(), "splits": index}))


def _checked(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Passes the samples on, and holds every source to the contract of Sample."""
    for sample in samples:
        if sample.image.dtype != np.uint8 or sample.mask.dtype != np.uint8:
            raise TypeError(f"{sample.name}: image {sample.image.dtype} and mask {sample.mask.dtype}, expected uint8.")
        if sample.image.shape[1:] != sample.mask.shape:
            raise ValueError(f"{sample.name}: image {sample.image.shape}, mask {sample.mask.shape}.")
        yield sample


def _read(folder: Path, source: Source) -> Store:
    index = json.loads((folder / "index.json").read_text())
    mean, std = torch.tensor(index["mean"]), torch.tensor(index["std"])
    splits = {
        split: Split(folder, split, entry["names"], [tuple(size) for size in entry["sizes"]], len(mean))
        for split, entry in index["splits"].items()
    }
    return Store(source.classes, source.colours, mean, std, splits)
