"""Predicting an image in overlapping tiles, with memory for a row of tiles at a time.

The seams lie in the middle of the overlaps. Where the overlap is at least the receptive field, no pixel that counts
there can see the edge of its tile, and the tiles give what the whole image would.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np


class Tiling(NamedTuple):
    """How an image is cut.

    Attributes:
        size: of a tile, pixels per axis.
        overlap: of neighbouring tiles, pixels, less than half of `size`.
    """

    size: int
    overlap: int

    def spans(self, length: int) -> list[tuple[int, int]]:
        """Start and end of the tiles along an axis of `length` pixels. The last one can be shorter."""
        step = self.size - self.overlap
        count = max(1, math.ceil((length - self.overlap) / step))
        return [(k * step, min(k * step + self.size, length)) for k in range(count)]


class Block(NamedTuple):
    """A finished part of an image.

    Attributes:
        top, left: its place, pixels.
        probabilities: (K, H, W) of the block.
    """

    top: int
    left: int
    probabilities: np.ndarray


def default_tiling(receptive_field: int, stride: int, size: int = 1024) -> Tiling:
    """Tiles that meet like the whole image: overlap for the receptive field, up to a quarter of the tile.

    Args:
        receptive_field: pixels per axis that can change a logit.
        stride: the network's coarsest; size and overlap are multiples of it, so that every tile is pooled as the whole
            image is.
        size: of a tile, pixels, rounded up.
    """
    size = max(2, math.ceil(size / stride)) * stride
    overlap = min(math.ceil(receptive_field / stride), math.ceil(size / 4 / stride)) * stride
    return Tiling(size, min(overlap, size - stride))


def ramp(overlap: int) -> np.ndarray:
    """Weights (overlap,) that rise smoothly from 0 to 1 over the middle quarter of an overlap, float32.

    A raised cosine; with its mirror image it adds up to 1. The outer pixels, which see least, count nothing.
    """
    place = (np.arange(overlap) + 0.5) / max(overlap, 1)  # from 0 to 1
    return np.sin(np.pi / 2 * ((place - 0.5) * 4 + 0.5).clip(0, 1), dtype=np.float32) ** 2


def predict_tiles(
    predict: Callable[[np.ndarray], np.ndarray],
    rows: Callable[[int, int], np.ndarray],
    height: int,
    width: int,
    tiling: Tiling,
) -> Iterator[Block]:
    """Blocks that cover the image once, from left to right and from top to bottom.

    Args:
        predict: from pixels (1, C, h, w) to probabilities (1, K, h, w).
        rows: from a first row and an end to the pixels (C, h, W) of these rows.
        height, width: of the image.
        tiling: how to cut it.
    """
    overlap = tiling.overlap
    rise = ramp(overlap)
    vertical, horizontal = tiling.spans(height), tiling.spans(width)
    above: list[np.ndarray] = []  # the lower edges of the row of tiles before, which wait for this row's upper edges
    for top, bottom in vertical:
        band, below, before = rows(top, bottom), [], None
        for column, (left, right) in enumerate(horizontal):
            block = predict(band[None, :, :, left:right])[0]  # (K, h, w)
            if before is not None:
                block[:, :, :overlap] = before * (1 - rise) + block[:, :, :overlap] * rise
            if right < width:
                block, before = np.split(block, [-overlap], axis=2) if overlap else (block, None)
            if above:
                block[:, :overlap] = above[column] * (1 - rise[:, None]) + block[:, :overlap] * rise[:, None]
            if bottom < height and overlap:
                block, edge = np.split(block, [-overlap], axis=1)
                below.append(edge.copy())
            yield Block(top, left, block)
        above = below
