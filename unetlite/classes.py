"""What every mask shares: the value without a truth, and the colours of classes."""

from collections.abc import Sequence
from colorsys import hsv_to_rgb

from unetlite.errors import UsageError

IGNORE = 255  # the value of mask pixels that enter neither the loss nor the metrics
Colour = tuple[int, int, int]


def palette(num_classes: int) -> tuple[Colour, ...]:
    """Distinct colours: Okabe and Ito (2008) for colour-blind readers, past eight classes around the colour circle."""
    okabe_ito = (
        (0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115),
        (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
    )  # fmt: skip
    golden = 0.61803398875  # successive multiples of it never come close together on the circle
    extra = range(num_classes - len(okabe_ito))
    circle = (hsv_to_rgb(k * golden % 1, 0.55 + 0.4 * (k % 2), 0.95 - 0.15 * (k % 3)) for k in extra)
    more = tuple((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in circle)
    return (okabe_ito + more)[:num_classes]


def check_names(names: Sequence[str]) -> None:
    """Raises UsageError for class names that would do something where they are shown."""
    for name in names:
        if not name.isprintable() or not 0 < len(name) <= 100 or any(mark in name for mark in "[]<>&"):
            raise UsageError(f"the class name {name!r}: expected 1 to 100 printable characters without [ ] < > &.")
