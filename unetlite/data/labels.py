"""From the values in mask files to class indices."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE, check_names, palette
from unetlite.errors import UsageError

FOREGROUND = "foreground"
"""As data.classes: two classes, everything but zero is foreground."""

MAX_CLASSES = 32
"""A mask of more values is no mask of classes."""

MIN_SHADES = 2
"""Different values between the lowest and the highest from which on they can be shades."""

Value = int | tuple[int, int, int]


class ClassTable:
    """From mask values to class indices.

    `classes` is None or "foreground" for two classes, where everything but zero is foreground (1,
    255, instance numbers); a list of names, whose values are 0, 1, 2, ...; or a table from name to
    a grey value or an RGB triple. `ignore` are values without a truth, grey or RGB; 255 is one of
    them unless a class has it. Messages name the `origin` of the classes, and by `labels` what a
    layout calls a value. Raises UsageError for anything else.
    """

    def __init__(
        self,
        classes: Sequence[str] | Mapping[str, Any] | None,
        ignore: Sequence[Any] | int = (),
        *,
        origin: str = "data.classes",
        labels: Mapping[Value, str] | None = None,
    ):
        self.foreground = classes is None or classes == FOREGROUND
        if self.foreground:
            classes = ["background", FOREGROUND]
        self.origin = origin
        self.labels = labels or {}
        self.names = parse_names(classes, origin)
        self.values = parse_values(classes, self.names, origin)
        self.ignored = parse_ignored(ignore)
        check_values(self.values + self.ignored, origin)
        triples = tuple(value for value in self.values if isinstance(value, tuple))
        self.rgb = bool(triples)
        self.colours = triples or palette(len(self.names))
        self.index_of = dict.fromkeys(self.ignored, IGNORE)
        for index, value in enumerate(self.values):
            self.index_of[value] = index
        self.index_of.setdefault(255, IGNORE)

    def settings(self) -> dict[str, Any]:
        """data.classes and data.ignore in plain values, from which the same table is made."""
        classes = None if self.foreground else dict(zip(self.names, self.values, strict=True))
        return {"classes": classes, "ignore": self.ignored}

    def indices(self, values: np.ndarray, mask: Path | str) -> np.ndarray:
        """Class indices uint8 (H, W) of mask values (H, W), or (H, W, 3) for an RGB table.

        Raises UsageError for values that the table does not have; `mask` is what it names.
        """
        values = self._with_channels_of_table(values, mask)
        if self.foreground:
            check_no_shades(values, mask)
            is_ignored = np.isin(values, self.ignored)
            return np.where(is_ignored, IGNORE, values != 0).astype(np.uint8)
        codes = values
        if self.rgb:
            codes = values.astype(np.int32) @ (1 << 16, 1 << 8, 1)
        present, inverse, counts = np.unique(
            codes,
            return_inverse=True,
            return_counts=True,
        )
        indices = np.zeros(len(present), np.uint8)
        for k, code in enumerate(present.tolist()):
            value: Value = code
            if self.rgb:
                value = (code >> 16, code >> 8 & 255, code & 255)
            if value not in self.index_of:
                raise UsageError(f"{mask} {self._describe_unknown(value, counts[k])}")
            indices[k] = self.index_of[value]
        return indices[inverse.reshape(codes.shape)]

    def _describe_unknown(self, value: Value, count: int) -> str:
        """What is wrong with a value of no class at so many pixels, and what to do."""
        if value in self.labels:
            return (
                f"has the label {self.labels[value]} at {count} pixels, but {self.origin} has "
                f"{', '.join(self.names)}. Correct the label, or add it to {self.origin}, or to "
                "data.ignore."
            )
        expected = ", ".join(map(format_value, self.values))
        if self.origin != "data.classes":
            pairs = zip(self.names, self.values, strict=True)
            expected = ", ".join(f"{name} {format_value(known)}" for name, known in pairs)
        return (
            f"holds the value {format_value(value)} at {count} pixels, but {self.origin} has "
            f"{expected}. Add the class, or add the value to data.ignore."
        )

    def _with_channels_of_table(
        self,
        values: np.ndarray,
        mask: Path | str,
    ) -> np.ndarray:
        """Values (H, W, 3) for an RGB table, (H, W) for another. Raises UsageError."""
        if self.rgb and values.ndim == 2:
            raise UsageError(
                f"{mask} is a grey mask, but {self.origin} gives RGB triples; give numbers, such "
                "as data.classes={a: 0, b: 1}."
            )
        if self.rgb or values.ndim == 2:
            return values
        if not (values == values[..., :1]).all():
            raise UsageError(
                f"{mask} is an RGB mask; "
                "say which colour is which class, data.classes={road: [128,64,128], ...}"
            )
        return values[..., 0]


def check_no_shades(values: np.ndarray, mask: Path | str) -> None:
    """Raises UsageError if a mask (H, W) has shades along the edges of what was drawn.

    Scaling with smoothing, and JPEG, leave values that lie between those of their neighbours. The
    numbers of objects seldom do, and a single value between may be a border that was drawn.
    """
    if values[values != IGNORE].max(initial=0) < MAX_CLASSES:  # they are indices
        return
    low, high = int(values.min()), int(values.max())
    is_between = (values != low) & (values != high)
    shades = np.unique(values[is_between])
    if len(shades) < MIN_SHADES:
        return
    from scipy.ndimage import maximum_filter, minimum_filter

    is_shade = (
        is_between & (values > minimum_filter(values, 3)) & (values < maximum_filter(values, 3))
    )
    if is_shade.sum() > is_between.sum() / 2:
        raise UsageError(
            f"{mask} holds {len(shades)} values between {low} and {high} along edges "
            f"({', '.join(map(str, shades[:5]))}, ...), as smoothing leaves them: the mask was "
            "scaled with interpolation, or was a JPEG. Scale masks with nearest neighbour, or "
            "save only the values that were drawn."
        )


def parse_names(classes: Any, origin: str) -> tuple[str, ...]:
    """The names of the classes, two or more. Raises UsageError."""
    if isinstance(classes, (str, int)):
        raise UsageError(
            f"data.classes={classes}: expected a list [a, b] or a table {{a: 0, b: 255}}, or "
            f"{FOREGROUND} if everything but 0 is one class."
        )
    names = tuple(map(str, classes))
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(
            f"{origin} names {', '.join(names) or 'nothing'}; give two or more different classes."
        )
    check_names(names)
    if len(names) > IGNORE:
        raise UsageError(f"{origin} names {len(names)} classes; at most {IGNORE} are possible.")
    return names


def parse_values(classes: Any, names: Sequence[str], origin: str) -> list[Value]:
    """The mask values of the classes. Raises UsageError."""
    if not isinstance(classes, Mapping):
        return list(range(len(names)))
    return [parse_value(value, f"{origin}.{name}") for name, value in classes.items()]


def parse_ignored(ignore: Any) -> list[Value]:
    """The mask values without a truth. Raises UsageError."""
    if isinstance(ignore, int):
        ignore = [ignore]
    if isinstance(ignore, str) or not isinstance(ignore, Sequence):
        raise UsageError(f"data.ignore={ignore}: expected a list of values, such as [255].")
    return [parse_value(value, "data.ignore") for value in ignore]


def check_values(values: Sequence[Value], origin: str) -> None:
    """Raises UsageError if values are of two kinds, or if one is there twice."""
    if len(set(map(type, values))) > 1:
        raise UsageError(
            f"{origin} and data.ignore mix grey values and RGB triples; a mask has one of them."
        )
    for value, count in Counter(values).items():
        if count > 1:
            raise UsageError(
                f"{origin} and data.ignore give the value {format_value(value)} to two classes."
            )


def parse_value(value: Any, key: str) -> Value:
    """A mask value out of the configuration: an integer, or three for RGB."""
    match value:
        case bool():  # which is an int, too
            pass
        case int() if value >= 0:
            return value
        case [int(red), int(green), int(blue)] if 0 <= min(value) <= max(value) <= 255:
            return red, green, blue
    raise UsageError(
        f"{key}={value}: expected a grey value such as 128, "
        "or an RGB triple such as [128, 64, 128]."
    )


def format_value(value: Value) -> str:
    """A mask value as the configuration writes it."""
    return str(value if isinstance(value, int) else list(value))
