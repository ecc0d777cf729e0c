"""What the values of masks mean where nothing says it: the one answer of train and inspect."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.doctor.coding import check_coding
from unetlite.data.labels import FOREGROUND, MAX_CLASSES, Value, check_no_shades
from unetlite.errors import UsageError
from unetlite.settings.typed import format_setting
from unetlite.wording import list_first

MAX_COLOURED_MASKS = 20  # whose colours are listed
MAX_SHOWN = 8  # values of masks, in a message


def infer_classes(
    masks: Iterable[tuple[str, np.ndarray]], ignored: Collection[Value]
) -> tuple[Any, str]:
    """`data.classes` by the values of named masks, and how they were understood.

    It is None if what is not 0 is foreground. `ignored` values do not count. Raises UsageError if
    the values are not those of classes.
    """
    distinct: dict[str, list[int]] = {}
    coloured: dict[str, np.ndarray] = {}
    for name, values in masks:
        if values.ndim == 3 and (values != values[..., :1]).any():
            if len(coloured) < MAX_COLOURED_MASKS:
                coloured[name] = np.unique(values.reshape(-1, 3), axis=0)
            continue
        if values.ndim == 3:
            values = values[..., 0]
        check_no_shades(values, name)
        distinct[name] = np.unique(values).tolist()
    if coloured:
        raise UsageError(describe_colours(coloured))
    return classes_of_values(distinct, ignored)


def classes_of_values(
    distinct: Mapping[str, Sequence[int]], ignored: Collection[Value]
) -> tuple[Any, str]:
    """The same by the sorted values of each mask."""
    stored = sorted(set(chain.from_iterable(distinct.values())))
    present = [value for value in stored if value not in ignored]
    shown = list_first(present, MAX_SHOWN)
    first = next(iter(distinct))
    if len(present) < 2:
        raise UsageError(
            f"{first} and all other masks hold {shown or 'no value with a truth'} alone; "
            "there is nothing to learn."
        )
    if len(present) == 2 and present[0] == 0:
        meaning = f"the masks hold {shown}; what is not 0 is foreground"
        return None, meaning + describe_ignored(stored, ignored)
    check_coding(distinct, ignored)
    indices = [value for value in present if value != IGNORE]
    if len(indices) > 1 and indices[0] == 0 and indices[-1] < MAX_CLASSES:
        numbers = [k for k in range(indices[-1] + 1) if k not in ignored]
        classes: Any = [f"class_{k}" for k in numbers]
        if len(numbers) <= indices[-1]:
            classes = {f"class_{k}": k for k in numbers}
        meaning = f"the masks hold the indices {list_first(indices, MAX_SHOWN)}"
        return classes, meaning + describe_ignored(stored, [*ignored, IGNORE])
    if all(is_count(values, ignored) for values in distinct.values()):
        meaning = f"the masks hold numbers of objects up to {present[-1]}"
        return None, f"{meaning}; what is not 0 is foreground"
    if len(present) <= MAX_CLASSES:
        return {f"class_{value}": value for value in present}, f"the masks hold {shown}"
    raise UsageError(
        f"{first} and other masks hold {len(present)} different values ({shown}), like an image; "
        "a mask has a value a class, without shades between. "
        "Say which is which class by 'data.classes={a: 0, b: 128}', or "
        f"data.classes={FOREGROUND} if they number objects."
    )


def describe_ignored(stored: Sequence[int], ignored: Collection[Value]) -> str:
    """The values without a truth that masks hold, as the end of a sentence."""
    present = [value for value in stored if value in ignored]
    if not present:
        return ""
    return f"; {list_first(present, MAX_SHOWN)} is ignored"


def is_count(values: Sequence[int], ignored: Collection[Value]) -> bool:
    """True if sorted values are 0, 1, 2, ... without a gap, but for ignored ones."""
    counted = [value for value in values if value not in ignored]
    return counted == list(range(len(counted)))


def describe_colours(coloured: Mapping[str, np.ndarray]) -> str:
    """Says that some masks have colours (n, 3), and lists those to choose from."""
    colours: Counter[tuple[int, ...]] = Counter()
    for distinct in coloured.values():
        colours.update(map(tuple, distinct.tolist()))
    classes = {}
    for k, (colour, _) in enumerate(colours.most_common(MAX_CLASSES)):
        classes[f"class_{k}"] = list(colour)
    return (
        f"{next(iter(coloured))} is a coloured mask; those inspected have {len(colours)} colours. "
        "Say which is which class, and leave out what is none: "
        f"{format_setting('data.classes', classes)}"
    )
