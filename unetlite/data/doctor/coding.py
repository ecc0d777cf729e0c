"""Masks that are coded otherwise than the rest: 0/1 among 0/255, a value in few files, depths."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.labels import FOREGROUND, MAX_CLASSES, ClassTable, Value
from unetlite.errors import UsageError
from unetlite.wording import counted

FEW = 0.01  # of the masks, or one: a class in so few may be a slip
ENOUGH_MASKS = 30  # to speak of few

MaskValues = Mapping[str, Sequence[int]]
"""The sorted grey values of masks, by what messages call a mask."""


def distinct_values(masks: Iterable[tuple[str, np.ndarray]]) -> dict[str, list[int]]:
    """The sorted values of each grey one of named masks."""
    return {name: np.unique(values).tolist() for name, values in masks if values.ndim == 2}


def ignores_by_default(table: ClassTable) -> bool:
    """True if 255 is ignored without having been named: it may be the foreground of some masks."""
    is_named = IGNORE in table.values or IGNORE in table.ignored
    return not is_named and not table.foreground and not table.rgb


def check_coding(distinct: MaskValues, ignored: Collection[Value]) -> None:
    """Raises UsageError if masks seem to be coded in two ways, such as 0/1 and 0/255.

    Small values count classes and belong together, each larger value is a code of its own. If no
    mask holds two of these codes, they may mean the same class. `ignored` values do not count.
    """
    holders: dict[int, list[str]] = {}  # masks by code; 1 stands for all small values
    for name, values in distinct.items():
        codes = {code_of(value) for value in values if value not in ignored and value != 0}
        if len(codes) > 1:
            return
        for code in codes:
            holders.setdefault(code, []).append(name)
    if len(holders) < 2:
        return
    examples = [f"{names[0]} holds {code}" for code, names in holders.items()]
    numbers = ", ".join(f"{code} in {len(names)}" for code, names in holders.items())
    largest = max(holders)
    classes = ", ".join(f"class_{code}: {code}" for code in [0, *sorted(holders)])
    raise UsageError(
        f"{' and '.join(examples[:2])}, and no mask holds both ({numbers} of "
        f"{counted(len(distinct), 'mask')}): are they coded in two ways? Say "
        f"data.classes={FOREGROUND} if both mean the same class, 'data.classes={{{classes}}}' if "
        f"they are classes of their own, or data.ignore=[{largest}] if {largest} is no truth."
    )


def code_of(value: int) -> int:
    """1 for the number of a class, or the value itself if it is too large for one."""
    return 1 if value < MAX_CLASSES else value


def find_rare_values(distinct: MaskValues, table: ClassTable) -> list[str]:
    """Warnings of classes that are in very few of many masks."""
    if len(distinct) < ENOUGH_MASKS or table.foreground:
        return []
    most = max(1, int(FEW * len(distinct)))
    warnings = []
    for name, value in zip(table.names, table.values, strict=True):
        holders = [mask for mask, values in distinct.items() if value in values]
        if 0 < len(holders) <= most:
            warnings.append(
                f"{name} (the value {value}) is in {len(holders)} of {len(distinct)} masks only, "
                f"such as {holders[0]}; look whether it is a slip"
            )
    return warnings


def find_depths(masks: Mapping[str, np.ndarray], table: ClassTable) -> list[str]:
    """A warning if the pixels of a few masks have another type than those of the others."""
    if table.foreground:  # numbers of many objects need more bits
        return []
    by_type: dict[str, list[str]] = {}
    for name, values in masks.items():
        by_type.setdefault(str(values.dtype), []).append(name)
    if len(by_type) < 2:
        return []
    (fewest, names), *others = sorted(by_type.items(), key=lambda entry: len(entry[1]))
    usual, _ = others[-1]
    return [
        f"{counted(len(names), 'mask')} of {len(masks)} have pixels of {fewest} where the others "
        f"have {usual}, such as {names[0]}; look whether it was made otherwise"
    ]
