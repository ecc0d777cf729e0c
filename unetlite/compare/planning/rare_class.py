"""Whether trainings are long enough for the rarest class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unetlite.data.cache import Split
from unetlite.data.samples import spread_positions
from unetlite.visualize import rarest_class

RARE = 0.05  # of the training pixels; a class with more is learnt by the shortest training
SIDES = (32, 64, 128, 256, 512)  # pixels, of crops
MAX_IMAGES = 100  # whose masks are looked at

CROPS_TO_LEARN = 500
"""Crops with a rare class that a training shows, at least, if it is to learn the class.

Leaves of 1.6 % of the pixels were not learnt from 370 crops with them (two operators), and were
from 780. Cracks of 1.6 % were learnt from 600, and drawn ones of 0.7 % from about 400.
"""


@dataclass(frozen=True)
class RareClass:
    """A class with few pixels, and how often crops show it."""

    name: str
    share: float  # of the pixels of the training images
    frequency: dict[int, float]  # by the side of a crop in pixels: the share that shows the class

    def crops_in_step(self, batch_size: int, crop_size: int) -> float:
        """How many crops of a batch show the class, on average."""
        side = max((side for side in self.frequency if side <= crop_size), default=min(SIDES))
        return batch_size * self.frequency[side]

    def least_steps(self, batch_size: int, crop_size: int) -> int:
        """The steps of a training that is long enough."""
        return math.ceil(CROPS_TO_LEARN / self.crops_in_step(batch_size, crop_size))


def find_rare_class(split: Split, classes: Sequence[str]) -> RareClass | None:
    """The rarest class of the training images; None if it is not rare."""
    pixels = split.labels[: len(classes)]
    k = rarest_class(pixels)
    share = pixels[k] / max(sum(pixels), 1)
    if not 0 < share < RARE:
        return None
    tiles = np.zeros((len(SIDES), 2))  # that show the class, and all
    for index in spread_positions(len(split), MAX_IMAGES):
        drawn = split[split.full_crop(index)].mask.numpy() == k
        for row, side in enumerate(SIDES):
            tiles[row] += count_tiles(drawn, side)
    least = 1 / tiles[:, 1].max()  # the images that were looked at may lack the class
    frequency = np.maximum(tiles[:, 0] / tiles[:, 1], least)
    return RareClass(classes[k], share, dict(zip(SIDES, frequency.tolist(), strict=True)))


def count_tiles(drawn: np.ndarray, side: int) -> tuple[int, int]:
    """Of the squares that fill (H, W): how many have a true pixel, and how many there are.

    >>> count_tiles(np.eye(4, dtype=bool), 2)
    (2, 4)
    """
    rows = np.arange(0, drawn.shape[0], side)
    columns = np.arange(0, drawn.shape[1], side)
    in_rows = np.add.reduceat(drawn.astype(np.int64), rows, axis=0)
    in_tiles = np.add.reduceat(in_rows, columns, axis=1)
    return int(np.count_nonzero(in_tiles)), in_tiles.size
