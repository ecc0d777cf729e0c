"""Data sets of image files with mask files, and the first of them: a user's own folder."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from PIL import Image
from pydantic import Field, PositiveInt

from unetlite.data.images import is_grey, read_image, read_values, resize_image
from unetlite.data.labels import ClassTable
from unetlite.data.samples import DATASETS, SPLITS, Sample
from unetlite.errors import UsageError
from unetlite.files import IMAGE_SUFFIXES, image_files
from unetlite.seeding import derive_seed

Share = Annotated[float, Field(gt=0, lt=1)]


class Pair(NamedTuple):
    """An image file and its mask file."""

    name: str
    image: Path
    mask: Path


@dataclass
class FilePairs:
    """A Dataset of pairs of files."""

    pairs: dict[str, list[Pair]]  # by the names in SPLITS
    table: ClassTable  # makes class indices of mask values
    resize: int | None  # shorter side in pixels to scale to; None keeps every size
    channels: int = 3  # of the images as they are read, 1 or 3
    value_range: tuple[float, float] | None = None  # black and white in images of 16 bits; None stretches each

    def __post_init__(self) -> None:
        self.classes, self.colours = self.table.names, self.table.colours

    def key(self) -> dict[str, Any]:
        """Names, sizes and times of all files, and the options that change what is read from them."""
        files = [
            (split, pair.name, *[(p.stat().st_size, p.stat().st_mtime_ns) for p in (pair.image, pair.mask)])
            for split, pairs in self.pairs.items()
            for pair in pairs
        ]
        options = {"channels": self.channels, "value_range": self.value_range, "resize": self.resize}
        return {"files": files, "classes": self.table.key(), **options}

    def samples(self) -> dict[str, Iterable[Sample]]:
        """The decoded pairs."""
        return {split: map(self.read, pairs) for split, pairs in self.pairs.items()}

    def read(self, pair: Pair) -> Sample:
        """The decoded pair; a UsageError if a file cannot be read, sizes differ, or the mask has an unknown value."""
        image, values = read_image(pair.image, self.channels, self.value_range), read_values(pair.mask)
        if values.shape[:2] != image.shape[1:]:
            mask_size, image_size = (f"{shape[1]} x {shape[0]}" for shape in (values.shape, image.shape[1:]))
            raise UsageError(
                f"{pair.mask} is {mask_size} pixels, but its image {pair.image} is {image_size}. "
                "An image and its mask need the same size."
            )
        mask = self.table.indices(values, pair.mask)
        if self.resize is not None:
            image = resize_image(image, self.resize)
            size = image.shape[2], image.shape[1]
            mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
        return Sample(pair.name, image, mask)


def hold_out(pairs: list[Pair], fraction: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """The rest and a share of at least one, both sorted, drawn by a hash of (seed, name), whatever their order."""
    drawn = sorted(pairs, key=lambda pair: derive_seed(seed, pair.name))
    count = max(1, round(fraction * len(pairs)))
    return sorted(drawn[count:]), sorted(drawn[:count])


@DATASETS.register("folder")
class Folder(FilePairs):
    """Images and masks in a directory, paired by name (`images/a.jpg` with `masks/a.png`).

    Args:
        root: holds `images/` and `masks/`, or `train/`, `val/` and `test/` that each hold both.
        classes, ignore: which mask values are which class, see ClassTable.
        mask_suffix: what a mask's name has after the image's, such as "_mask".
        val_fraction, test_fraction: shares of the images, drawn by `split_seed`, where `root` has neither the
            three folders nor a `splits.csv` (columns id and split).
        channels: 1 for grey, 3 for RGB; None takes grey if every image is.
        value_range, resize: see FilePairs.
    """

    def __init__(
        self,
        *,
        root: str,
        classes: Any = None,
        ignore: Any = (),
        mask_suffix: str = "",
        val_fraction: Share = 0.15,
        test_fraction: Share = 0.15,
        split_seed: int = 0,
        channels: Literal[1, 3] | None = None,
        value_range: Annotated[tuple[float, float], Field(strict=False)] | None = None,
        resize: PositiveInt | None = None,
    ):
        directory = Path(root).expanduser()
        if not directory.is_dir():
            raise UsageError(f"data.root={root}: there is no such directory.")
        table = ClassTable(classes, ignore)
        if val_fraction + test_fraction >= 1:
            shares = f"data.val_fraction={val_fraction}, data.test_fraction={test_fraction}"
            raise UsageError(f"{shares}: leave something to train on.")
        if value_range is not None and value_range[0] >= value_range[1]:
            raise UsageError(f"data.value_range={list(value_range)}: give [black, white] with black < white.")
        missing = [split for split in SPLITS if not (directory / split).is_dir()]
        splits = directory / "splits.csv"
        if not missing:
            pairs = {split: find_pairs(directory / split, mask_suffix) for split in SPLITS}
        elif "train" not in missing and not (directory / "images").is_dir():
            raise UsageError(f"{directory} has no folder {', '.join(missing)}; it needs all of {', '.join(SPLITS)}.")
        elif splits.exists():
            pairs = split_by_table(find_pairs(directory, mask_suffix), splits)
        else:
            pairs = split_by_share(find_pairs(directory, mask_suffix), val_fraction, test_fraction, split_seed)
        grey = channels is None and all(is_grey(pair.image) for each in pairs.values() for pair in each)
        super().__init__(pairs, table, resize, channels or (1 if grey else 3), value_range)


def find_pairs(directory: Path, mask_suffix: str) -> list[Pair]:
    """The images below `directory`/images with their masks below `directory`/masks, sorted by name."""
    found = []
    for folder in (directory / "images", directory / "masks"):
        if not folder.is_dir():
            raise UsageError(
                f"{directory} has no folder {folder.name}/; it needs images/ and masks/, or both in train|val|test."
            )
        found.append(image_files(folder))
        if not found[-1]:
            raise UsageError(f"{folder} holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    images, masks = found
    if missing := [name for name in images if name + mask_suffix not in masks]:
        expected = directory / "masks" / f"{missing[0]}{mask_suffix}.png"
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(f"{images[missing[0]]}{more} has no mask: {expected} (or another image type) was expected.")
    return [Pair(name, path, masks[name + mask_suffix]) for name, path in images.items()]


def split_by_share(pairs: list[Pair], val: float, test: float, seed: int) -> dict[str, list[Pair]]:
    """Training, validation and test images by shares, see hold_out; each split has an image."""
    if len(pairs) < len(SPLITS):
        raise UsageError(f"{len(pairs)} image(s): at least {len(SPLITS)} are needed, one each to {', '.join(SPLITS)}.")
    rest, tested = hold_out(pairs, min(test, (len(pairs) - 2) / len(pairs)), seed)
    trained, validated = hold_out(rest, min(val * len(pairs), len(rest) - 1) / len(rest), seed)
    return {"train": trained, "val": validated, "test": tested}


def split_by_table(pairs: list[Pair], table: Path) -> dict[str, list[Pair]]:
    """The splits that a CSV file names, by its columns id (or name, image, file) and split; each image in one row."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} cannot be read as CSV in UTF-8 ({error}); save it as such.") from None
    columns = list(rows[0]) if rows else []
    id_column = next((column for column in ("id", "name", "image", "file") if column in columns), None)
    if id_column is None or "split" not in columns:
        raise UsageError(f"{table} has the columns {', '.join(map(str, columns)) or '(none)'}; it needs id and split.")
    known, split_of = {pair.name for pair in pairs}, dict[str, str]()
    for number, row in enumerate(rows, start=2):
        name, split = row[id_column], row["split"]
        if name is None or split is None:
            raise UsageError(f"{table}, line {number}: the row is shorter than the header; give it an id and a split.")
        if Path(name).suffix.lower() in IMAGE_SUFFIXES:
            name = name.removesuffix(Path(name).suffix)
        if split not in SPLITS:
            raise UsageError(f"{table}: split {split!r} of {name} is not one of {', '.join(SPLITS)}.")
        if name not in known:
            raise UsageError(f"{table}, line {number}: there is no image {name}; correct the name, or remove the row.")
        if split_of.setdefault(name, split) != split:
            raise UsageError(f"{table}: {name} is in {split_of[name]} and in {split}; keep one row.")
    if left := [pair.image for pair in pairs if pair.name not in split_of]:
        raise UsageError(f"{table} does not say in which split {left[0]} is ({len(left)} images are not named).")
    return {split: [pair for pair in pairs if split_of[pair.name] == split] for split in SPLITS}
