"""What a data set must give: named samples in three splits, and what its classes are called."""

from collections.abc import Iterable
from colorsys import hsv_to_rgb
from typing import Any, NamedTuple, Protocol

import numpy as np

from unetlite.registry import Registry

IGNORE = 255
"""The value of mask pixels that enter neither the loss nor the metrics."""

SPLITS = ("train", "val", "test")

DATASETS = Registry("data set")

Colour = tuple[int, int, int]


class Sample(NamedTuple):
    """One image and its mask.

    Attributes:
        name: how reports call the image.
        image: uint8 (C, H, W).
        mask: uint8 (H, W) of class indices, `IGNORE` where there is no truth.
    """

    name: str
    image: np.ndarray
    mask: np.ndarray


class Source(Protocol):
    """A data set before it is decoded. Registered in DATASETS, its options are keyword arguments.

    Attributes:
        classes: class names, in the order of the mask's indices.
        colours: one RGB triple a class, 0..255.
    """

    classes: tuple[str, ...]
    colours: tuple[Colour, ...]

    def key(self) -> dict[str, Any]:
        """Plain values that change when the decoded samples would; cheap, and it finds missing files."""
        ...

    def samples(self) -> dict[str, Iterable[Sample]]:
        """For every name in SPLITS its samples, decoded one at a time, in a fixed order."""
        ...


def palette(num_classes: int) -> tuple[Colour, ...]:
    """Distinct colours: Okabe and Ito (2008) for colour-blind readers, past eight classes around the colour circle."""
    okabe_ito = (
        (0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115),
        (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
    )  # fmt: skip
    golden = 0.61803398875  # successive multiples of it never come close together on the circle
    circle = (
        hsv_to_rgb(k * golden % 1, 0.55 + 0.4 * (k % 2), 0.95 - 0.15 * (k % 3))
        for k in range(num_classes - len(okabe_ito))
    )
    more = tuple((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in circle)
    return (okabe_ito + more)[:num_classes]
