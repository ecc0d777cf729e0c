"""Predicting an image in overlapping tiles, with memory for a row of tiles at a time.

The tiles are blended in the middle of their overlaps. Where an overlap is wider than the receptive field by the width
of the blend, no pixel that counts can see the edge of its tile, and the tiles give what the whole image would.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

BLEND = 32  # pixels, at least, of the default overlap


class Tiling(NamedTuple):
    """How an image is cut.

    Attributes:
        size: of a tile, pixels per axis.
        overlap: of neighbouring tiles, pixels, at most half of `size`.
        blend: over how many pixels in the middle of an overlap one tile gives way to the next.
    """

    size: int
    overlap: int
    blend: int

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


def make_tiling(receptive_field: int, stride: int, size: int, overlap: int | None = None) -> Tiling:
    """A tiling whose tiles are pooled as the whole image is: size and overlap are rounded up to the stride.

    Args:
        receptive_field: pixels per axis that can change a logit.
        stride: the network's coarsest.
        size: of a tile, pixels.
        overlap: of tiles, pixels; by default the receptive field and the blend, up to half of a tile.
    """
    size = max(2, math.ceil(size / stride)) * stride
    wanted = min(receptive_field + BLEND, size // 2) if overlap is None else overlap
    overlap = min(math.ceil(wanted / stride), size // 2 // stride) * stride
    return Tiling(size, overlap, max(overlap - receptive_field, overlap // 4))


def ramp(overlap: int, blend: int) -> np.ndarray:
    """Weights (overlap,) that rise from 0 to 1 over the middle `blend` pixels, float32.

    A raised cosine; with its mirror image it adds up to 1. The outer pixels, which see least, count nothing.
    """
    place = (np.arange(overlap) + 0.5 - overlap / 2) / max(blend, 1) + 0.5
    return np.sin(np.pi / 2 * place.clip(0, 1), dtype=np.float32) ** 2


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
    rise = ramp(overlap, tiling.blend)
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
