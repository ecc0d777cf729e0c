"""Data sets of image files with mask files, and the first of them: a user's own folder."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from PIL import Image
from pydantic import Field

from unetlite.classes import IGNORE
from unetlite.data.images import is_grey, read_image, read_values, resize_image
from unetlite.data.labels import ClassTable
from unetlite.data.samples import DATASETS, SPLITS, Sample
from unetlite.errors import UsageError
from unetlite.files import IMAGE_SUFFIXES, image_files
from unetlite.seeding import derive_seed
from unetlite.settings import Resize

Share = Annotated[float, Field(gt=0, lt=1)]
NONZERO = ClassTable(None)  # 1 where a mask is not zero


class Pair(NamedTuple):
    """An image file and its mask file, or a folder of masks of single objects; `group` as in Sample."""

    name: str
    image: Path
    mask: Path
    group: str
    valid: Path | None = None  # a mask file that is zero where there is no truth

    def files(self) -> list[Path]:
        """All that it is read from."""
        masks = sorted(self.mask.glob("*.png")) if self.mask.is_dir() else [self.mask]
        return [self.image, *masks, *filter(None, [self.valid])]


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
        try:
            files = [
                (split, pair.name, pair.group, *[(s.st_size, s.st_mtime_ns) for s in map(Path.stat, pair.files())])
                for split, pairs in self.pairs.items()
                for pair in pairs
            ]
        except FileNotFoundError as error:
            raise UsageError(f"{error.filename} is missing. Put it there, or fetch the data set again.") from None
        options = {"channels": self.channels, "value_range": self.value_range, "resize": self.resize}
        table = [self.table.foreground, self.table.values, self.table.ignored]
        return {"files": files, "classes": table, **options}

    def samples(self) -> dict[str, Iterable[Sample]]:
        return {split: map(self.read, pairs) for split, pairs in self.pairs.items()}

    def read(self, pair: Pair) -> Sample:
        """The decoded pair; a UsageError if a file cannot be read, sizes differ, or the mask has an unknown value."""
        image = read_image(pair.image, self.channels, self.value_range)
        size = image.shape[1:]
        if pair.mask.is_dir():  # the union of its objects
            objects = (indices_of(path, pair.image, size, NONZERO) for path in sorted(pair.mask.glob("*.png")))
            mask = np.maximum.reduce([np.zeros(size, np.uint8), *objects])
        else:
            mask = indices_of(pair.mask, pair.image, size, self.table)
        if pair.valid is not None:
            mask[indices_of(pair.valid, pair.image, size, NONZERO) == 0] = IGNORE
        if self.resize is not None:
            image = resize_image(image, self.resize)
            width_height = image.shape[2], image.shape[1]
            mask = np.asarray(Image.fromarray(mask).resize(width_height, Image.Resampling.NEAREST))
        return Sample(pair.name, image, mask, pair.group)


def indices_of(path: Path, image: Path, size: tuple[int, ...], table: ClassTable) -> np.ndarray:
    """Class indices uint8 (H, W) of a mask file; a UsageError if it has not the size of its image file."""
    values = read_values(path, table.rgb)
    if values.shape[:2] != size:
        mask_size, image_size = (f"{shape[1]} x {shape[0]}" for shape in (values.shape, size))
        found = f"{path} is {mask_size} pixels, but its image {image} is {image_size}"
        raise UsageError(f"{found}. An image and its mask need the same size.")
    return table.indices(values, path)


def hold_out(pairs: list[Pair], count: float, seed: int, leave: int = 1) -> tuple[list[Pair], list[Pair]]:
    """The rest and about `count` pairs, both sorted: whole groups, one or more but `leave`, drawn by their hash."""
    sizes, drawn, size = Counter(pair.group for pair in pairs), set[str](), 0
    for group in sorted(sizes, key=lambda group: derive_seed(seed, group))[: len(sizes) - leave]:
        if size < max(1, round(count)):
            drawn.add(group)
            size += sizes[group]
    return sorted(p for p in pairs if p.group not in drawn), sorted(p for p in pairs if p.group in drawn)


@DATASETS.register("folder")
class Folder(FilePairs):
    """Images and masks in a directory, paired by name; configs/data/folder.yaml has the meaning of every option.

    Groups are found in the names, or in `splits.csv` (columns id, split, group), or else each image is for itself.
    """

    def __init__(
        self, *, root: str, classes: Any = None, ignore: Any = (), mask_suffix: str = "", group: str | None = None,
        val_fraction: Share = 0.15, test_fraction: Share = 0.15, split_seed: int = 0,
        channels: Literal[1, 3] | None = None, resize: Resize | None = None,
        value_range: Annotated[tuple[float, float], Field(strict=False)] | None = None,
    ):  # fmt: skip
        directory = Path(root).expanduser()
        if not directory.is_dir():
            raise UsageError(f"data.root={root}: there is no such directory.")
        table = ClassTable(classes, ignore)
        if value_range is not None and value_range[0] >= value_range[1]:
            raise UsageError(f"data.value_range={list(value_range)}: give [black, white] with black < white.")
        missing = [split for split in SPLITS if not (directory / split).is_dir()]
        splits = directory / "splits.csv"
        if not missing:
            pairs = {split: find_pairs(directory / split, mask_suffix, group) for split in SPLITS}
        elif "train" not in missing and not (directory / "images").is_dir():
            raise UsageError(f"{directory} has no folder {', '.join(missing)}; it needs all of {', '.join(SPLITS)}.")
        elif splits.exists():
            pairs = split_by_table(find_pairs(directory, mask_suffix, group), splits, group is None)
        else:
            pairs = split_by_share(find_pairs(directory, mask_suffix, group), val_fraction, test_fraction, split_seed)
        if group is not None or any(pair.group != pair.name for each in pairs.values() for pair in each):
            check_groups(pairs)
        grey = channels is None and all(is_grey(pair.image) for each in pairs.values() for pair in each)
        super().__init__(pairs, table, resize, channels or (1 if grey else 3), value_range)


def find_pairs(directory: Path, mask_suffix: str, group: str | None) -> list[Pair]:
    """The images in `directory`/images, with what masks/ and, if it is there, valid/ have for each; see Folder."""
    found = []
    for folder in (directory / "images", directory / "masks"):
        if not folder.is_dir():
            needed = "it needs images/ and masks/, or both in train|val|test"
            raise UsageError(f"{directory} has no folder {folder.name}/; {needed}.")
        found.append(image_files(folder))
        if not found[-1]:
            raise UsageError(f"{folder} holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    images, masks = found
    if missing := [name for name in images if name + mask_suffix not in masks]:
        expected = directory / "masks" / f"{missing[0]}{mask_suffix}.png"
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        remedy = "If masks have longer names, say what follows in them by data.mask_suffix=_mask."
        raise UsageError(f"{images[missing[0]]}{more} has no mask: expected {expected}, or another type. {remedy}")
    valid = image_files(directory / "valid")
    if missing := [name for name in images if valid and name not in valid]:
        lacking = f"{images[missing[0]]} has no validity mask in {directory / 'valid'}"
        raise UsageError(f"{lacking}; give each image one, zero where there is no truth, or remove the folder.")
    groups = {name: name if group is None else group_of(name, group) for name in images}
    return [Pair(name, path, masks[name + mask_suffix], groups[name], valid.get(name)) for name, path in images.items()]


def group_of(name: str, pattern: str) -> str:
    """What the first group of a regular expression finds in the name of an image."""
    try:
        found = re.search(pattern, name)
        group = found[1] if found else None
    except (re.error, IndexError) as error:
        raise UsageError(f"data.group={pattern}: expected an expression such as '(patient\\d+)_' ({error}).") from None
    if not group:
        raise UsageError(f"data.group={pattern} finds no group in the name {name}; each image needs one.")
    return group


def check_groups(pairs: dict[str, list[Pair]]) -> None:
    """Raises UsageError if images of one group, which are alike, are in two splits."""
    split_of: dict[str, str] = {}
    for split, pair in ((split, pair) for split, each in pairs.items() for pair in each):
        if (other := split_of.setdefault(pair.group, split)) != split:
            found = f"{pair.image}: its group {pair.group} is in {other} and in {split}"
            raise UsageError(f"{found}, but images of one group are alike; put each group into one split.")


def split_by_share(pairs: list[Pair], val: float, test: float, seed: int) -> dict[str, list[Pair]]:
    """Training, validation and test images by shares, see hold_out; each split has an image."""
    if val + test >= 1:
        raise UsageError(f"data.val_fraction={val}, data.test_fraction={test}: leave something to train on.")
    groups = len({pair.group for pair in pairs})
    if groups < len(SPLITS):
        found = f"{len(pairs)} image(s)" + f" in {groups} group(s)" * (groups < len(pairs))
        raise UsageError(f"{found}: at least {len(SPLITS)} are needed, one each to {', '.join(SPLITS)}.")
    rest, tested = hold_out(pairs, test * len(pairs), seed, leave=2)
    trained, validated = hold_out(rest, val * len(pairs), seed)
    return {"train": trained, "val": validated, "test": tested}


def split_by_table(pairs: list[Pair], table: Path, with_groups: bool) -> dict[str, list[Pair]]:
    """The splits, and on request the groups, by the columns id (or name, image, file), split and group of a table."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} cannot be read as CSV in UTF-8 ({error}); save it as such.") from None
    columns = list(rows[0]) if rows else []
    id_column = next((column for column in ("id", "name", "image", "file") if column in columns), None)
    if id_column is None or "split" not in columns:
        raise UsageError(f"{table} has the columns {', '.join(map(str, columns)) or '(none)'}; it needs id and split.")
    known, split_of, groups = {pair.name for pair in pairs}, dict[str, str](), dict[str, str]()
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
        groups[name] = (row.get("group") or "").strip()
        if with_groups and "group" in columns and not groups[name]:
            raise UsageError(f"{table}, line {number}: the group of {name} is empty; give each image one.")
    if left := [pair.image for pair in pairs if pair.name not in split_of]:
        raise UsageError(f"{table} does not say in which split {left[0]} is ({len(left)} images are not named).")
    if with_groups and "group" in columns:
        pairs = [pair._replace(group=groups[pair.name]) for pair in pairs]
    return {split: [pair for pair in pairs if split_of[pair.name] == split] for split in SPLITS}
