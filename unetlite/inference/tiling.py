"""Cutting an image into tiles that give what the whole image would, with memory for a row of tiles at a time.

Each tile is predicted with a halo of image around it, as far as the image goes, and only its core is kept. The halo
holds all that can change the core, and tiles begin at multiples of the network's stride, so that they are pooled as the
whole image is. So nothing is lost, and nothing needs blending.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from unetlite.errors import UsageError

TILE = 1536  # pixels; about a gigabyte of maps in the mini network
BLOCK = 256  # pixels, of the tiled files that are written; cores of whole blocks write each of them once


class Picture(NamedTuple):
    """An image that is read by rows."""

    height: int
    width: int
    rows: Callable[[int, int], np.ndarray]  # from a first row and an end to uint8 (C, end - first, W)
    place: dict[str, Any] | None = None  # on Earth, as options of rasterio; None for an image that is in memory


class Tiling:
    """How images are cut, for a network with this receptive field and coarsest stride, in pixels per axis.

    `tile` pixels are predicted at once; None takes 1536, or four halos if that is more. `overlap` are those of the
    halo, rounded up to the stride; None takes as many as can change the core. UsageError if they cannot be.
    """

    def __init__(self, receptive_field: int, stride: int, tile: int | None = None, overlap: int | None = None):
        if overlap is not None and overlap < 0:
            raise UsageError(f"overlap={overlap}: expected 0 or more pixels.")
        # A pixel sees half of the receptive field on each side, and up to half of a stride more on one of them; as much
        # again for operators that read a coarse pixel more on one side.
        wanted = (receptive_field + stride) // 2 if overlap is None else overlap
        self.halo = -(-wanted // stride) * stride
        self.size = max(TILE, 4 * self.halo) if tile is None else tile
        core = self.size - 2 * self.halo
        self.core = core // BLOCK * BLOCK if core >= BLOCK >= stride else core // stride * stride
        if self.core < 1:
            needed = f"a tile needs {2 * self.halo + stride} pixels or more"
            remedy = "With an overlap of less than the default, tiles are approximate."
            raise UsageError(f"tile={tile}: with an overlap of {self.halo} on each side, {needed}. {remedy}")

    def spans(self, length: int) -> list[tuple[int, int, int, int]]:
        """Along an axis of `length` pixels: start and end of each core, start and end of what is predicted for it."""
        if length <= self.size:
            return [(0, length, 0, length)]
        return [
            (start, end := min(start + self.core, length), max(0, start - self.halo), min(end + self.halo, length))
            for start in range(0, length, self.core)
        ]
