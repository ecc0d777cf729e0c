"""From the values in mask files to class indices."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.classes import IGNORE, Colour, check_names, palette
from unetlite.errors import UsageError

Value = int | tuple[int, int, int]


class ClassTable:
    """From mask values to class indices.

    `classes` is None for two classes, where everything but zero is foreground (1, 255, instance numbers); a list of
    names, whose values are 0, 1, 2, ...; or a table from name to a grey value or an RGB triple. `ignore` are values
    without a truth, grey or RGB; 255 is one of them unless a class has it.
    """

    def __init__(self, classes: Sequence[str] | Mapping[str, Any] | None, ignore: Sequence[Any] | int = ()):
        if isinstance(classes, (str, int)):
            raise UsageError(f"data.classes={classes}: expected a list [a, b] or a table {{a: 0, b: 255}}.")
        ignore = [ignore] if isinstance(ignore, int) else ignore
        if isinstance(ignore, str) or not isinstance(ignore, Sequence):
            raise UsageError(f"data.ignore={ignore}: expected a list of values, such as [255].")
        self.foreground = classes is None
        self.names = names = ("background", "foreground") if classes is None else tuple(map(str, classes))
        if len(names) < 2 or len(set(names)) < len(names):
            raise UsageError(f"data.classes names {', '.join(names) or 'nothing'}; give two or more different classes.")
        check_names(names)
        if len(names) > IGNORE:
            raise UsageError(f"data.classes names {len(names)} classes; at most {IGNORE} are possible.")
        values = classes.values() if isinstance(classes, Mapping) else range(len(names))
        self.values = [parse_value(value, f"data.classes.{name}") for name, value in zip(names, values, strict=True)]
        self.ignored = [parse_value(value, "data.ignore") for value in ignore]
        every = self.values + self.ignored
        if len({type(value) for value in every}) > 1:
            raise UsageError("data.classes and data.ignore mix grey values and RGB triples; a mask has one of them.")
        if twice := [value for value in every if every.count(value) > 1]:
            raise UsageError(f"data.classes and data.ignore give the value {show(twice[0])} to two classes.")
        colours = tuple(value for value in self.values if isinstance(value, tuple))
        self.rgb = bool(colours)
        self.colours: tuple[Colour, ...] = colours or palette(len(names))
        self.index_of: dict[Value, int] = {value: IGNORE for value in (255, *self.ignored)}
        self.index_of |= {value: index for index, value in enumerate(self.values)}

    def indices(self, values: np.ndarray, path: Path) -> np.ndarray:
        """Class indices uint8 (H, W) of mask values (H, W), or (H, W, 3) for an RGB table; a UsageError for others."""
        if self.rgb and values.ndim == 2:
            raise UsageError(f"{path} is a grey mask, but data.classes gives RGB triples.")
        if not self.rgb and values.ndim == 3:
            if not (values == values[..., :1]).all():
                remedy = "say which colour is which class, data.classes={road: [128,64,128], ...}"
                raise UsageError(f"{path} is an RGB mask; {remedy}")
            values = values[..., 0]
        if self.foreground:
            return np.where(np.isin(values, self.ignored), IGNORE, values != 0).astype(np.uint8)
        codes = values.astype(np.int32) @ (1 << 16, 1 << 8, 1) if self.rgb else values
        present, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
        indices = np.zeros(len(present), np.uint8)
        for k, (code, count) in enumerate(zip(present.tolist(), counts.tolist(), strict=True)):
            value: Value = (code >> 16, code >> 8 & 255, code & 255) if self.rgb else code
            if value not in self.index_of:
                known, found = ", ".join(map(show, self.values)), f"{path} holds the value {show(value)}"
                remedy = "Add the class, or add the value to data.ignore."
                raise UsageError(f"{found} at {count} pixels, but data.classes has {known}. {remedy}")
            indices[k] = self.index_of[value]
        return indices[inverse.reshape(codes.shape)]


def parse_value(value: Any, key: str) -> Value:
    """A mask value out of the configuration: an integer, or three for RGB."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    triple = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 3
    if triple and all(isinstance(v, int) and 0 <= v <= 255 for v in value):
        return (value[0], value[1], value[2])
    raise UsageError(f"{key}={value}: expected a grey value such as 128, or an RGB triple such as [128, 64, 128].")


def show(value: Value) -> str:
    """A mask value as the configuration writes it."""
    return str(value if isinstance(value, int) else list(value))
