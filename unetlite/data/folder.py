"""A user's own images and masks."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from unetlite.data.classes import ClassTable
from unetlite.data.images import Pair, hold_out, is_grey, read_sample
from unetlite.data.source import DATASETS, SPLITS, Sample
from unetlite.errors import UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


@DATASETS.register("folder")
class Folder:
    """Images and masks in a directory, paired by name (`images/a.jpg` with `masks/a.png`).

    Args:
        root: holds `images/` and `masks/`, or `train/`, `val/` and `test/` that each hold both.
        classes: which mask values are which class:
            None: two classes, zero is background and everything else (1, 255, instance numbers) foreground;
            a list of names: the values are the indices 0, 1, 2, ...;
            a table from name to a grey value or an RGB triple.
        ignore: values without a truth, grey or RGB; 255 is one of them unless a class has it.
        mask_suffix: what a mask's name has after the image's, such as "_mask".
        val_fraction, test_fraction: shares of the images, drawn by `split_seed`, where `root` has neither the
            three folders nor a `splits.csv` (columns id and split).
        channels: 1 for grey, 3 for RGB; None takes grey if every image is.
        value_range: what becomes black and white in 16-bit images; None stretches every image on its own.
        resize: shorter side in pixels to scale to; None keeps every size.
    """

    def __init__(
        self,
        *,
        root: str,
        classes: Sequence[str] | Mapping[str, Any] | None = None,
        ignore: Sequence[Any] | int = (),
        mask_suffix: str = "",
        val_fraction: float = 0.15,
        test_fraction: float = 0.15,
        split_seed: int = 0,
        channels: int | None = None,
        value_range: Sequence[float] | None = None,
        resize: int | None = None,
    ):
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise UsageError(f"data.root={root}: there is no such directory.")
        self.table = ClassTable(classes, ignore)
        self.classes, self.colours = self.table.names, self.table.colours
        self.mask_suffix = mask_suffix
        self.fractions, self.split_seed = {"val": val_fraction, "test": test_fraction}, split_seed
        if min(self.fractions.values()) <= 0 or sum(self.fractions.values()) >= 1:
            raise UsageError(
                f"data.val_fraction={val_fraction}, data.test_fraction={test_fraction}: "
                "give two positive shares that leave something to train on."
            )
        if channels not in (None, 1, 3):
            raise UsageError(f"data.channels={channels}: 1 for grey, 3 for RGB, or null to look.")
        if value_range is not None and (len(value_range) != 2 or value_range[0] >= value_range[1]):
            raise UsageError(f"data.value_range={list(value_range)}: give [black, white] with black < white.")
        self.value_range = (value_range[0], value_range[1]) if value_range is not None else None
        self.resize = resize
        self.pairs = self._find_pairs()
        every = [pair.image for pairs in self.pairs.values() for pair in pairs]
        self.channels = channels or (1 if all(map(is_grey, every)) else 3)

    def key(self) -> dict[str, Any]:
        stats = [
            (split, pair.name, *[(p.stat().st_size, p.stat().st_mtime_ns) for p in (pair.image, pair.mask)])
            for split, pairs in self.pairs.items()
            for pair in pairs
        ]
        return {
            "root": str(self.root.resolve()), "files": stats, "classes": self.table.key(), "channels": self.channels,
            "value_range": self.value_range, "resize": self.resize,
        }  # fmt: skip

    def samples(self) -> dict[str, Iterable[Sample]]:
        read = partial(
            read_sample,
            to_indices=self.table.indices,
            channels=self.channels,
            value_range=self.value_range,
            shorter_side=self.resize,
        )
        return {split: map(read, pairs) for split, pairs in self.pairs.items()}

    def _find_pairs(self) -> dict[str, list[Pair]]:
        if all((self.root / split).is_dir() for split in SPLITS):
            return {split: find_pairs(self.root / split, self.mask_suffix) for split in SPLITS}
        if (self.root / "train").is_dir() and not (self.root / "images").is_dir():
            missing = ", ".join(split for split in SPLITS if not (self.root / split).is_dir())
            raise UsageError(f"{self.root} has no folder {missing}; it needs all of {', '.join(SPLITS)}.")
        pairs = find_pairs(self.root, self.mask_suffix)
        table = self.root / "splits.csv"
        return (
            split_by_table(pairs, table)
            if table.exists()
            else split_by_fraction(pairs, self.fractions, self.split_seed)
        )


def find_pairs(directory: Path, mask_suffix: str) -> list[Pair]:
    """The images below `directory`/images with their masks below `directory`/masks, sorted by name.

    Raises:
        UsageError: a folder is missing or empty, a mask is missing, or two files claim one name.
    """
    found = {}
    for kind in ("images", "masks"):
        if not (directory / kind).is_dir():
            raise UsageError(
                f"{directory} has no folder {kind}/; it needs images/ and masks/, or both in train|val|test."
            )
        files = sorted(p for p in (directory / kind).rglob("*") if p.suffix.lower() in SUFFIXES and p.name[0] != ".")
        by_name: dict[str, Path] = {}
        for path in files:
            name = path.relative_to(directory / kind).with_suffix("").as_posix()
            if name in by_name:
                raise UsageError(f"{path} and {by_name[name]} have the same name; pairs are found by name, keep one.")
            by_name[name] = path
        if not by_name:
            raise UsageError(f"{directory / kind} holds no image ({', '.join(SUFFIXES)}).")
        found[kind] = by_name
    missing = [found["images"][name] for name in found["images"] if name + mask_suffix not in found["masks"]]
    if missing:
        expected = directory / "masks" / f"{missing[0].stem}{mask_suffix}.png"
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(f"{missing[0]}{more} has no mask: {expected} (or another image type) was expected.")
    return [Pair(name, path, found["masks"][name + mask_suffix]) for name, path in found["images"].items()]


def split_by_fraction(pairs: list[Pair], fractions: Mapping[str, float], seed: int) -> dict[str, list[Pair]]:
    """Training, validation and test images by shares, see hold_out."""
    if len(pairs) < len(SPLITS):
        raise UsageError(f"{len(pairs)} image(s): at least {len(SPLITS)} are needed, one each to {', '.join(SPLITS)}.")
    rest, test = hold_out(pairs, min(fractions["test"], (len(pairs) - 2) / len(pairs)), seed)
    train, val = hold_out(rest, min(fractions["val"] * len(pairs), len(rest) - 1) / len(rest), seed)
    return {"train": train, "val": val, "test": test}


def split_by_table(pairs: list[Pair], table: Path) -> dict[str, list[Pair]]:
    """The splits that a CSV file names, by its columns id (or name, image, file) and split.

    Raises:
        UsageError: a column is missing, a split is not one of SPLITS, or an image is in no row or two.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} cannot be read as CSV in UTF-8 ({error}); save it as such.") from None
    columns = list(rows[0]) if rows else []
    id_column = next((column for column in ("id", "name", "image", "file") if column in columns), None)
    if id_column is None or "split" not in columns:
        raise UsageError(f"{table} has the columns {', '.join(columns) or '(none)'}; it needs id and split.")
    split_of: dict[str, str] = {}
    for row in rows:
        name = row[id_column]
        name = name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in SUFFIXES else name
        if row["split"] not in SPLITS:
            raise UsageError(f"{table}: split {row['split']!r} of {name} is not one of {', '.join(SPLITS)}.")
        if split_of.setdefault(name, row["split"]) != row["split"]:
            raise UsageError(f"{table}: {name} is in {split_of[name]} and in {row['split']}; keep one row.")
    if left := [pair.image for pair in pairs if pair.name not in split_of]:
        raise UsageError(f"{table} does not say in which split {left[0]} is ({len(left)} images are not named).")
    return {split: [pair for pair in pairs if split_of[pair.name] == split] for split in SPLITS}
