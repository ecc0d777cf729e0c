"""Images whose files are the same: one group before a split is drawn, and never in two splits."""

from hashlib import sha256

from unetlite.data.layouts.base import Pair, Splits, located_pairs
from unetlite.errors import UsageError
from unetlite.wording import counted

START = 2**14
"""Bytes of a file that are compared first: uncompressed files all have one size."""


Located = tuple[str, Pair]
"""A split and a pair of it."""


def find_duplicates(pairs: list[Located]) -> list[list[Located]]:
    """The pairs whose image files are byte for byte the same, by image that is there twice."""
    by_size: dict[tuple[int, ...], list[Located]] = {}
    for split, pair in pairs:
        sizes = tuple(path.stat().st_size for path in pair.images)
        by_size.setdefault(sizes, []).append((split, pair))
    same_start = []
    for candidates in by_size.values():
        if len(candidates) > 1:
            same_start += group_by_content(candidates, START)
    same = []
    for candidates in same_start:
        same += group_by_content(candidates, -1)
    return same


def group_by_content(pairs: list[Located], length: int) -> list[list[Located]]:
    """The pairs whose image files begin with the same bytes, so many, or all for -1."""
    groups: dict[tuple[bytes, ...], list[Located]] = {}
    for split, pair in pairs:
        digests = []
        for path in pair.images:
            with path.open("rb") as file:
                digests.append(sha256(file.read(length)).digest())
        groups.setdefault(tuple(digests), []).append((split, pair))
    return [group for group in groups.values() if len(group) > 1]


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
