"""What a data set must give: named samples in three splits, and what its classes are called."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from unetlite.classes import Colour
from unetlite.registry import Registry

SPLITS = ("train", "val", "test")

Entry = TypeVar("Entry")

DATASETS: Registry[Any] = Registry("data set", "data")


class Sample(NamedTuple):
    """An image and its mask.

    Images of one group are alike, such as those of a patient or a video, and no split cuts it. The
    group is the name where each image counts for itself.
    """

    name: str  # in reports
    image: np.ndarray  # (C, H, W) of a PixelType, the same for all samples
    mask: np.ndarray  # uint8 (H, W): class indices, IGNORE where there is no truth
    group: str
    valid: np.ndarray | None = None  # bool (H, W), False where the image has no data


def spread_positions(length: int, most: int) -> list[int]:
    """Up to `most` positions at equal distances, from the first of `length` to the last."""
    positions = np.linspace(0, length - 1, min(most, length))
    return positions.round().astype(int).tolist()


def spread(entries: Sequence[Entry], most: int) -> list[Entry]:
    """So many of the entries at equal distances, or all if there are fewer."""
    return [entries[position] for position in spread_positions(len(entries), most)]


class Dataset(Protocol):
    """A data set before it is decoded, registered in DATASETS. Options are keyword arguments.

    It may also have `remarks`, sentences on how it was read, and `table`, the ClassTable of masks.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the mask's indices."""

    @property
    def colours(self) -> tuple[Colour, ...]:
        """One RGB triple a class, 0..255."""

    def key(self) -> dict[str, Any]:
        """Plain values that change when the decoded samples would. Cheap; notices missing files."""

    def samples(self) -> dict[str, Iterable[Sample]]:
        """For every name in SPLITS its samples, decoded one at a time, in a fixed order."""
