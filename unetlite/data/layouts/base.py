"""What a layout gives: pairs of images and masks by split, and what it says about them."""

import os
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from unetlite.data.layouts.masks import DrawnMask, MaskSource
from unetlite.errors import UsageError

UNSPLIT = "all"
"""The key of the pairs of a folder that does not say which split they are in."""

BACKGROUND = "background"
"""The class where nothing was drawn."""

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What people call the splits, in any case."""


class Pair(NamedTuple):
    """An image and its mask. Several image files are the channels of one image."""

    name: str
    images: tuple[Path, ...]
    mask: MaskSource
    group: str  # as in Sample
    valid: Path | None = None  # a mask file that is zero where there is no truth

    @property
    def image(self) -> Path:
        """The first image file, which messages name."""
        return self.images[0]

    def files(self) -> list[Path]:
        """All files that it is read from."""
        files = [*self.images, *self.mask.files()]
        if self.valid is not None:
            files.append(self.valid)
        return files


class Naming(NamedTuple):
    """What the names of files say, see configs/data/folder.yaml."""

    image_name: str | None = None
    mask_name: str | None = None
    group: str | None = None  # a regular expression

    def group_of(self, name: str, default: str | None = None) -> str:
        """What the first group of the expression matches in a name.

        Without an expression it is the default, or the name. Raises UsageError if nothing matches.
        """
        if self.group is None:
            return default or name
        try:
            match = re.search(self.group, name)
            group = match[1] if match else ""
        except (re.error, IndexError) as error:
            raise UsageError(
                f"data.group={self.group}: expected an expression such as '(patient\\d+)_' "
                f"({error})."
            ) from None
        if not group:
            raise UsageError(
                f"data.group={self.group} finds no group in the name {name}; each image needs one."
            )
        return group


Splits = dict[str, list[Pair]]


Located = tuple[str, Pair]
"""A split and a pair of it."""


def located_pairs(splits: Splits) -> list[Located]:
    """All pairs, each with its split."""
    located = []
    for split, pairs in splits.items():
        located += [(split, pair) for pair in pairs]
    return located


class Layout(NamedTuple):
    """The pairs of a folder, and what the folder says about their classes."""

    splits: Splits  # by the names in SPLITS, of which some may be missing, or under UNSPLIT
    classes: Any = None  # names, or mask values by name; None if the folder does not say them
    classes_from: str = ""  # what says them, for messages
    ignore: Sequence[Any] = ()  # as data.ignore, grey values and RGB triples
    notes: Sequence[str] = ()  # sentences for people
    untested: Sequence[Path] = ()  # test images without a mask, which are left out
    unlisted: Sequence[Path] = ()  # images and masks that no list of images names, likewise
    parents: Sequence[Path] = ()  # folders that hold those of the splits, and may hold others

    def is_drawn(self) -> bool:
        """True if masks are drawn from outlines, whose numbers are those of this program."""
        return any(isinstance(pair.mask, DrawnMask) for _, pair in located_pairs(self.splits))


Reader = Callable[[Naming], Layout]
"""Reads a folder that a layout has recognised. Raises UsageError for what is missing or unclear."""


def list_folders(directory: Path) -> list[Path]:
    """The folders in a directory, sorted. Hidden ones do not count."""
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if entry.is_dir()]
    return [directory / name for name in sorted(names) if not name.startswith(".")]


def folders_named(directory: Path, words: Collection[str]) -> list[Path]:
    """The folders in a directory that have one of these names, in any case."""
    return [path for path in list_folders(directory) if path.name.casefold() in words]


def split_folders(directory: Path) -> dict[str, Path]:
    """The folders that are named after splits. Raises UsageError if two are named after one."""
    splits: dict[str, Path] = {}
    for folder in folders_named(directory, SPLIT_WORDS):
        split = SPLIT_WORDS[folder.name.casefold()]
        other = splits.setdefault(split, folder)
        if other != folder:
            raise UsageError(f"{other} and {folder} both name the {split} split; keep one of them.")
    return splits


def split_of_words(text: str) -> str | None:
    """The split that the words of a name say, such as instances_train2017; None for no split."""
    splits = set()
    for word in re.split(r"[^a-z]+", text.casefold()):
        if word in SPLIT_WORDS:
            splits.add(SPLIT_WORDS[word])
    return splits.pop() if len(splits) == 1 else None


def split_by_folder(pairs: Sequence[Pair], directory: Path) -> Splits:
    """Pairs by the folder named after a split in which their images are, or all under UNSPLIT.

    Raises UsageError if only some are in such folders.
    """
    splits: Splits = {}
    for pair in pairs:
        split = UNSPLIT
        for part in pair.image.relative_to(directory).parts[:-1]:
            split = SPLIT_WORDS.get(part.casefold(), split)
        splits.setdefault(split, []).append(pair)
    if UNSPLIT in splits and len(splits) > 1:
        raise UsageError(
            f"{splits[UNSPLIT][0].image} is in no split, but other images are in folders named "
            "train, val or test. Move it into one of them."
        )
    return splits
