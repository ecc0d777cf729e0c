"""What all masks share: the value without a truth, and the names and colours of classes."""

import re
from collections.abc import Sequence
from colorsys import hsv_to_rgb

from unetlite.errors import UsageError

IGNORE = 255  # mask pixels of this value enter neither the loss nor the metrics

Colour = tuple[int, int, int]

OKABE_ITO = (
    (0, 0, 0),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Colours that colour-blind readers can tell apart (Okabe and Ito 2008)."""

GOLDEN_RATIO = 0.61803398875
"""Its multiples never come close together on the colour circle."""


def palette(num_classes: int) -> tuple[Colour, ...]:
    """Distinct colours: OKABE_ITO, and past eight classes more around the colour circle."""
    colours = list(OKABE_ITO)
    for k in range(num_classes - len(OKABE_ITO)):
        saturation = 0.55 + 0.4 * (k % 2)
        value = 0.95 - 0.15 * (k % 3)
        red, green, blue = hsv_to_rgb(k * GOLDEN_RATIO % 1, saturation, value)
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    return tuple(colours[:num_classes])


def check_names(names: Sequence[str]) -> None:
    """Raises UsageError for class names that terminals or HTML would interpret."""
    for name in names:
        if not name.isprintable() or not re.fullmatch(r"[^\[\]<>&]{1,100}", name):
            raise UsageError(
                f"the class name {name!r}: expected 1 to 100 printable characters, no [ ] < > &."
            )
