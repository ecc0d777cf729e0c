"""Public data sets that torchvision downloads: Oxford-IIIT Pet and Pascal VOC 2012.

`root` is where the archive is or is downloaded to; `val_fraction` the share of the official training list that is held
out for validation, drawn by `split_seed`.
"""

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


def pairs_of(listed: Any) -> list[Pair]:
    """The pairs of an official split of a data set of torchvision."""
    images, masks = (listed._images, listed._segs) if hasattr(listed, "_segs") else (listed.images, listed.masks)
    return [Pair(Path(i).stem, Path(i), Path(m), Path(i).stem) for i, m in zip(images, masks, strict=True)]


class Published(FilePairs):
    """A data set with an official list to train and validate on, and one to test on; UsageError if it is not there."""

    title: str
    table: ClassTable

    def __init__(
        self, *, root: str, download: bool = True, val_fraction: Share = 0.15, split_seed: int = 0,
        resize: Resize | None = None,
    ):  # fmt: skip
        try:
            official, tested = map(pairs_of, self.lists(root, download))
        except (RuntimeError, OSError) as error:
            raise UsageError(
                f"data.root={root}: {self.title} is not there and could not be fetched ({error}). "
                "Put its unpacked archive there, or set data.download=true."
            ) from None
        train, val = hold_out(official, val_fraction * len(official), split_seed)
        super().__init__({"train": train, "val": val, "test": tested}, self.table, resize)

    def lists(self, root: str, download: bool) -> list[Any]:
        """The two official lists, as torchvision has them."""
        raise NotImplementedError


@DATASETS.register("pets")
class Pets(Published):
    """Oxford-IIIT Pet (Parkhi et al. 2012, 800 MB): 7349 photographs, as a task of pet against background.

    Trimaps hold 1 for the pet, 2 for the background, and 3 for the uncertain rim of the pet, which is ignored.
    """

    title, table = "Oxford-IIIT Pet", ClassTable({"background": 2, "pet": 1}, ignore=[3])

    def lists(self, root: str, download: bool) -> list[Any]:
        from torchvision.datasets import OxfordIIITPet

        return [OxfordIIITPet(root, split, "segmentation", download=download) for split in ("trainval", "test")]


@DATASETS.register("voc")
class Voc(Published):
    """Pascal VOC 2012 (Everingham et al. 2010, 2 GB): 2913 photographs, twenty kinds of objects.

    The official test masks are secret, so the official validation list is the test split here.
    """

    title, table = "Pascal VOC 2012", ClassTable(VOC_CLASSES)

    def lists(self, root: str, download: bool) -> list[Any]:
        from torchvision.datasets import VOCSegmentation

        # torchvision fetches and unpacks the archive again whenever it is asked to download.
        download = download and not (Path(root) / "VOCdevkit" / "VOC2012" / "SegmentationClass").is_dir()
        return [VOCSegmentation(root, "2012", split, download) for split in ("train", "val")]
