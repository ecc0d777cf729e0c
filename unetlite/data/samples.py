"""What a data set must give: named samples in three splits, and what its classes are called."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np

from unetlite.classes import Colour
from unetlite.registry import Registry

SPLITS = ("train", "val", "test")

DATASETS = Registry("data set", "data")


class Sample(NamedTuple):
    """An image uint8 (C, H, W), its name in reports, and its mask uint8 (H, W): class indices, IGNORE without truth."""

    name: str
    image: np.ndarray
    mask: np.ndarray
    group: str  # images of one group, such as a patient or a video, are alike; the name where each is for itself


class Dataset(Protocol):
    """A data set before it is decoded. Registered in DATASETS; its options are keyword arguments."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the mask's indices."""

    @property
    def colours(self) -> tuple[Colour, ...]:
        """One RGB triple a class, 0..255."""

    def key(self) -> dict[str, Any]:
        """Plain values that change when the decoded samples would; cheap, and it finds missing files."""

    def samples(self) -> dict[str, Iterable[Sample]]:
        """For every name in SPLITS its samples, decoded one at a time, in a fixed order."""
