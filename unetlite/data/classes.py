"""From the values in mask files to class indices."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.data.source import IGNORE, Colour, palette
from unetlite.errors import UsageError

Value = int | tuple[int, int, int]


class ClassTable:
    """From mask values to class indices. See Folder for the forms of `classes` and `ignore`."""

    def __init__(self, classes: Sequence[str] | Mapping[str, Any] | None, ignore: Sequence[Any] | int = ()):
        if isinstance(classes, (str, int)):
            raise UsageError(f"data.classes={classes}: expected a list [a, b] or a table {{a: 0, b: 255}}.")
        ignore = [ignore] if isinstance(ignore, int) else ignore
        self.foreground = classes is None
        names = ("background", "foreground") if classes is None else tuple(map(str, classes))
        if len(names) < 2 or len(set(names)) < len(names):
            raise UsageError(f"data.classes names {', '.join(names) or 'nothing'}; give two or more different classes.")
        if len(names) > IGNORE:
            raise UsageError(f"data.classes names {len(names)} classes; at most {IGNORE} are possible.")
        values = classes.values() if isinstance(classes, Mapping) else range(len(names))
        self.names = names
        self.values = [parse_value(value, f"data.classes.{name}") for name, value in zip(names, values, strict=True)]
        self.ignored = [parse_value(value, "data.ignore") for value in ignore]
        every = self.values + self.ignored
        if len({type(value) for value in every}) > 1:
            raise UsageError("data.classes and data.ignore mix grey values and RGB triples; a mask has one of them.")
        if twice := [value for value in every if every.count(value) > 1]:
            raise UsageError(f"data.classes and data.ignore give the value {show(twice[0])} to two classes.")
        self.rgb = isinstance(self.values[0], tuple)
        self.colours: tuple[Colour, ...] = (
            tuple(value for value in self.values if isinstance(value, tuple)) if self.rgb else palette(len(names))
        )

    def key(self) -> list[Any]:
        """Plain values that decide what `indices` does."""
        return [self.foreground, self.values, self.ignored]

    def indices(self, values: np.ndarray, path: Path) -> np.ndarray:
        """Class indices uint8 (H, W) of mask values (H, W), or (H, W, 3) for an RGB table.

        Raises:
            UsageError: a value that no class has; file, value and number of pixels are given.
        """
        if self.rgb and values.ndim == 2:
            raise UsageError(f"{path} is a grey mask, but data.classes gives RGB triples.")
        if not self.rgb and values.ndim == 3:
            if not (values == values[..., :1]).all():
                raise UsageError(
                    f"{path} is an RGB mask; say which colour is which class, data.classes={{road: [128,64,128], ...}}"
                )
            values = values[..., 0]
        if self.foreground:
            indices = (values != 0).astype(np.uint8)
            indices[np.isin(values, self.ignored)] = IGNORE
            return indices
        codes = values @ (65536, 256, 1) if self.rgb else values
        table = {code(value): index for index, value in enumerate(self.values)}
        table |= {code(value): IGNORE for value in self.ignored}
        if not self.rgb:
            table.setdefault(255, IGNORE)
        present, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
        for value, count in zip(present.tolist(), counts.tolist(), strict=True):
            if value not in table:
                shown = show((value >> 16, value >> 8 & 255, value & 255) if self.rgb else value)
                raise UsageError(
                    f"{path} holds the value {shown} at {count} pixels, but data.classes has "
                    f"{', '.join(map(show, self.values))}. Add the class, or add the value to data.ignore."
                )
        return np.array([table[value] for value in present.tolist()], np.uint8)[inverse.reshape(codes.shape)]


def parse_value(value: Any, key: str) -> Value:
    """A mask value out of the configuration: an integer, or three for RGB."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    triple = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 3
    if triple and all(isinstance(v, int) and 0 <= v <= 255 for v in value):
        return (value[0], value[1], value[2])
    raise UsageError(f"{key}={value}: expected a grey value such as 128, or an RGB triple such as [128, 64, 128].")


def code(value: Value) -> int:
    """One integer for a grey value or an RGB triple."""
    return value if isinstance(value, int) else value[0] << 16 | value[1] << 8 | value[2]


def show(value: Value) -> str:
    """A mask value as the configuration writes it."""
    return str(value if isinstance(value, int) else list(value))
