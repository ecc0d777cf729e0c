"""Writing decoded samples to disk, with their index."""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.normalisation import Histogram, SampledPixels
from unetlite.data.samples import SPLITS, Dataset, Sample
from unetlite.errors import UsageError

INDEX = "index.json"


def write_decoded(
    source: Dataset, folder: Path, description: str, update: Callable[[str], None]
) -> None:
    """Writes all samples, and their index with the statistics of the training images.

    Raises UsageError for an image that is in two splits, and for what `check_splits` refuses.
    """
    writers = {}
    split_of: dict[bytes, tuple[str, str]] = {}  # split and name by the hash of an image
    for split, samples in source.samples().items():
        with SplitWriter(folder, split) as writer:
            writers[split] = writer
            for sample in samples:
                check_sample(sample)
                digest = writer.write(sample)
                other_split, other = split_of.setdefault(digest, (split, sample.name))
                if other_split != split:
                    raise UsageError(
                        f"{description}: {other} in {other_split} and {sample.name} in {split} "
                        "are the same image, so what is trained would be tested. Remove one, or "
                        "give both one group."
                    )
                count = len(writer.names)
                if count % 500 == 0:
                    update(f"decoding {description}: {count} {split} images")
    splits = {split: writer.entry() for split, writer in writers.items()}
    check_splits(splits, source.classes, description)
    train = writers["train"]
    index = {
        "pixel_type": train.pixel_type,
        "statistics": train.pixels.statistics()._asdict(),
        "content_hash": content_hash(writers),
        "splits": splits,
    }
    text = json.dumps(index)
    sums = json.dumps(checksums(folder, text))
    (folder / INDEX).write_text(f"{sums}\n{text}")


class SplitWriter:
    """Writes the samples of a split into two files, and keeps what the index says of them."""

    pixels: Histogram | SampledPixels  # of the images
    pixel_type: str

    def __init__(self, folder: Path, split: str):
        self.split = split
        self.images = (folder / f"{split}.images").open("wb")
        self.masks = (folder / f"{split}.masks").open("wb")
        self.hash = hashlib.sha256()  # of all pixels of images and masks
        self.names: list[str] = []
        self.groups: list[str] = []
        self.sizes: list[tuple[int, ...]] = []
        self.labels = np.zeros(256, np.int64)

    def __enter__(self) -> "SplitWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.images.close()
        self.masks.close()

    def write(self, sample: Sample) -> bytes:
        """Appends a sample. Returns a hash of its image, which no two constant images share."""
        if not self.names:
            self.pixel_type = str(sample.image.dtype)
            self.pixels = make_counter(sample.image)
        image = sample.image.tobytes()
        mask = sample.mask.tobytes()
        self.images.write(image)
        self.masks.write(mask)
        self.hash.update(image)
        self.hash.update(mask)
        self.names.append(sample.name)
        self.groups.append(sample.group)
        self.sizes.append(sample.mask.shape)
        self.labels += np.bincount(sample.mask.ravel(), minlength=256)
        if self.split == "train":
            self.pixels.add(sample.image, sample.valid)
        # Empty images are alike, without being copies.
        is_constant = image == image[: sample.image.itemsize] * sample.image.size
        identity = f"{self.split} {sample.name}".encode() if is_constant else image
        return hashlib.sha256(identity).digest()

    def entry(self) -> dict[str, Any]:
        """What the index says of the split."""
        return {
            "names": self.names,
            "groups": self.groups,
            "sizes": self.sizes,
            "labels": self.labels.tolist(),
        }


def make_counter(image: np.ndarray) -> Histogram | SampledPixels:
    """What takes the statistics of images like this one (C, H, W)."""
    if image.dtype == np.float32:
        return SampledPixels(len(image))
    return Histogram(len(image), image.dtype)


def content_hash(writers: Mapping[str, SplitWriter]) -> str:
    """SHA-256 of all samples, with their names, groups and splits, as hexadecimal digits."""
    content = []
    for split, writer in writers.items():
        content.append((split, writer.hash.hexdigest(), writer.entry()))
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def checksums(folder: Path, index: str) -> dict[str, int]:
    """CRC-32 of the files of a folder, by name, and of its index."""
    sums = {}
    for path in folder.iterdir():
        if path.name != INDEX:
            sums[path.name] = zlib.crc32(np.memmap(path, np.uint8, mode="r").data)
    sums["index"] = zlib.crc32(index.encode())
    return sums


def check_sample(sample: Sample) -> None:
    """Raises TypeError if a sample is not what Sample says, which is a defect."""
    image, mask = sample.image, sample.mask
    if mask.dtype != np.uint8 or image.shape[1:] != mask.shape:
        raise TypeError(
            f"{sample.name}: image {image.dtype} {image.shape}, mask {mask.dtype} {mask.shape}."
        )


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
