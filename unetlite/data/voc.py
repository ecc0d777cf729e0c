"""Pascal VOC 2012 segmentation: twenty kinds of objects (Everingham et al. 2010), by torchvision."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.data.images import Pair, hold_out, read_sample
from unetlite.data.source import DATASETS, IGNORE, Sample
from unetlite.errors import UsageError

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "dining table", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip


def voc_colour(index: int) -> tuple[int, int, int]:
    """The colour of a class in the data set's own palette: the bits of the index, dealt to red, green and blue."""
    red, green, blue = (
        sum((index >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)
    )
    return red, green, blue


@DATASETS.register("voc")
class Voc:
    """2913 photographs. The official test masks are secret, so the official validation list is the test split here.

    Args:
        root: where the archive is, or is downloaded to (2 GB).
        download: fetch it if it is not there.
        val_fraction: share of the official training list held out for validation, drawn by `split_seed`.
        resize: shorter side in pixels to scale to; None keeps every size.
    """

    classes = CLASSES
    colours = tuple(voc_colour(index) for index in range(len(CLASSES)))

    def __init__(
        self,
        *,
        root: str,
        download: bool = True,
        val_fraction: float = 0.15,
        split_seed: int = 0,
        resize: int | None = None,
    ):
        from torchvision.datasets import VOCSegmentation

        self.resize = resize
        pairs = {}
        for split in ("train", "val"):
            # torchvision fetches and unpacks the archive again whenever it is asked to download.
            present = (Path(root) / "VOCdevkit" / "VOC2012" / "SegmentationClass").is_dir()
            try:
                listed = VOCSegmentation(root, year="2012", image_set=split, download=download and not present)
            except (RuntimeError, OSError) as error:
                raise UsageError(
                    f"data.root={root}: Pascal VOC 2012 is not there and could not be fetched ({error}). "
                    "Put its folder VOCdevkit/VOC2012 there, or set data.download=true."
                ) from None
            files = zip(listed.images, listed.masks, strict=True)
            pairs[split] = [Pair(Path(image).stem, Path(image), Path(mask)) for image, mask in files]
        train, val = hold_out(pairs["train"], val_fraction, split_seed)
        self.pairs = {"train": train, "val": val, "test": pairs["val"]}

    def key(self) -> dict[str, Any]:
        files = [(split, pair.name, str(pair.image)) for split, pairs in self.pairs.items() for pair in pairs]
        return {"name": "voc", "files": files, "resize": self.resize}

    def samples(self) -> dict[str, Iterable[Sample]]:
        read = partial(read_sample, to_indices=self._indices, shorter_side=self.resize)
        return {split: map(read, pairs) for split, pairs in self.pairs.items()}

    def _indices(self, values: np.ndarray, path: Path) -> np.ndarray:
        known = values[values != IGNORE]
        if known.size and known.max() >= len(CLASSES):
            raise UsageError(
                f"{path} holds the value {known.max()}, but VOC has the classes 0 to 20, and 255 to ignore."
            )
        return values.astype(np.uint8)
