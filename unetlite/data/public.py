"""Public data sets that torchvision downloads: Oxford-IIIT Pet and Pascal VOC 2012.

`root` is where the archive is or is downloaded to; `val_fraction` the share of the official training list that is held
out for validation, drawn by `split_seed`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from unetlite.data.folders import FilePairs, Pair, Share, hold_out
from unetlite.data.labels import ClassTable
from unetlite.data.samples import DATASETS
from unetlite.errors import UsageError
from unetlite.settings import Resize

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "dining table", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip


def pairs_of(build: Callable[[str], Any], split: str, root: str, what: str) -> list[Pair]:
    """The pairs of an official split of a data set of torchvision; a UsageError if it is not there."""
    try:
        listed = build(split)
    except (RuntimeError, OSError) as error:
        raise UsageError(
            f"data.root={root}: {what} is not there and could not be fetched ({error}). "
            "Put its unpacked archive there, or set data.download=true."
        ) from None
    images, masks = (listed._images, listed._segs) if hasattr(listed, "_segs") else (listed.images, listed.masks)
    return [Pair(Path(i).stem, Path(i), Path(m), Path(i).stem) for i, m in zip(images, masks, strict=True)]


@DATASETS.register("pets")
class Pets(FilePairs):
    """Oxford-IIIT Pet (Parkhi et al. 2012, 800 MB): 7349 photographs, as a task of pet against background.

    Trimaps hold 1 for the pet, 2 for the background, and 3 for the uncertain rim of the pet, which is ignored.
    """

    def __init__(
        self,
        *,
        root: str,
        download: bool = True,
        val_fraction: Share = 0.15,
        split_seed: int = 0,
        resize: Resize | None = None,
    ):
        from torchvision.datasets import OxfordIIITPet

        build = partial(OxfordIIITPet, root, target_types="segmentation", download=download)
        official, tested = (pairs_of(build, split, root, "Oxford-IIIT Pet") for split in ("trainval", "test"))
        train, val = hold_out(official, val_fraction * len(official), split_seed)
        table = ClassTable({"background": 2, "pet": 1}, ignore=[3])
        super().__init__({"train": train, "val": val, "test": tested}, table, resize)


@DATASETS.register("voc")
class Voc(FilePairs):
    """Pascal VOC 2012 (Everingham et al. 2010, 2 GB): 2913 photographs, twenty kinds of objects.

    The official test masks are secret, so the official validation list is the test split here.
    """

    def __init__(
        self,
        *,
        root: str,
        download: bool = True,
        val_fraction: Share = 0.15,
        split_seed: int = 0,
        resize: Resize | None = None,
    ):
        from torchvision.datasets import VOCSegmentation

        # torchvision fetches and unpacks the archive again whenever it is asked to download.
        present = (Path(root) / "VOCdevkit" / "VOC2012" / "SegmentationClass").is_dir()
        build = partial(VOCSegmentation, root, "2012", download=download and not present)
        official, tested = (pairs_of(build, split, root, "Pascal VOC 2012") for split in ("train", "val"))
        train, val = hold_out(official, val_fraction * len(official), split_seed)
        super().__init__({"train": train, "val": val, "test": tested}, ClassTable(VOC_CLASSES), resize)
