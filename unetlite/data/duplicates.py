"""Images whose files are the same: one group before a split is drawn, and never in two splits."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unetlite.data.layouts.base import Located, Pair, Splits, located_pairs
from unetlite.errors import UsageError
from unetlite.files import sha256
from unetlite.wording import counted

START = 2**14
"""Bytes of a file that are compared first: uncompressed files all have one size."""


def find_duplicates(pairs: list[Located]) -> list[list[Located]]:
    """The pairs whose image files are byte for byte the same, by image that is there twice."""
    groups = [pairs]
    for key in (file_size, hash_start, sha256):
        same = []
        for group in groups:
            same += group_by(key, group)
        groups = same
    return groups


def group_by(key: Callable[[Path], Any], pairs: list[Located]) -> list[list[Located]]:
    """The pairs whose image files have the same key, if there are two or more."""
    groups: dict[tuple[Any, ...], list[Located]] = {}
    for split, pair in pairs:
        keys = tuple(map(key, pair.images))
        groups.setdefault(keys, []).append((split, pair))
    return [group for group in groups.values() if len(group) > 1]


def file_size(path: Path) -> int:
    """Bytes of a file."""
    return path.stat().st_size


def hash_start(path: Path) -> bytes:
    """A hash of the first START bytes of a file."""
    with path.open("rb") as file:
        return hashlib.sha256(file.read(START)).digest()


def group_duplicates(splits: Splits) -> tuple[Splits, list[str]]:
    """Splits in which the same image has one group, however often it is there, and notes.

    Groups that have an image in common become one. Raises UsageError if an image is in two splits.
    """
    duplicates = find_duplicates(located_pairs(splits))
    if not duplicates:
        return splits, []
    by_split: dict[str, list[list[Pair]]] = {split: [] for split in splits}
    for same in duplicates:
        check_one_split(same)
        split, _ = same[0]
        by_split[split].append([pair for _, pair in same])
    result = {split: merge_groups(pairs, by_split[split]) for split, pairs in splits.items()}
    (_, first), (_, second), *_ = duplicates[0]
    count = sum(len(same) for same in duplicates)
    note = (
        f"{count} files hold {counted(len(duplicates), 'image')} more than once, such as "
        f"{first.name} and {second.name}; the same image is one group"
    )
    return result, [note]


def check_one_split(same: list[Located]) -> None:
    """Raises UsageError if pairs with the same image are in two splits."""
    (split, first), *others = same
    for other, pair in others:
        if other != split:
            raise UsageError(
                f"{first.image} and {pair.image} are the same image, in {split} and in {other}; "
                "keep one of them, or put both into one split."
            )


def merge_groups(pairs: list[Pair], duplicates: list[list[Pair]]) -> list[Pair]:
    """The pairs of a split, where groups that have an image in common have one name."""
    merged: dict[str, str] = {}  # from a group to the one that it became part of

    def final(group: str) -> str:
        while group in merged:
            group = merged[group]
        return group

    for first, *others in duplicates:
        for pair in others:
            group = final(pair.group)
            target = final(first.group)
            if group != target:
                merged[group] = target
    return [pair._replace(group=final(pair.group)) for pair in pairs]
