"""Cutting an image into tiles that give what the whole image would.

Each tile is predicted with a halo of image around it, as far as the image goes, and only its core
is kept. The halo holds all that can change the core, and tiles begin at multiples of the network's
stride, so that they are pooled as the whole image is. Nothing is lost, and nothing needs blending.
Memory is needed for one row of tiles.
"""

import math
from typing import NamedTuple

from unetlite.errors import UsageError

TILE = 1536  # pixels; about a gigabyte of maps in the mini network
BLOCK = 256  # pixels, of the tiled files that are written; cores of whole blocks write each once


class TileSpan(NamedTuple):
    """A tile along one axis."""

    core: slice  # the pixels that are kept
    input: slice  # the pixels that are predicted for them
    inside: slice  # the core, counted from the first pixel of the input


class Tiling:
    """How images are cut, for a network of this receptive field and coarsest stride, in pixels.

    `tile` pixels are predicted at once; None takes 1536, or four halos if that is more. `overlap`
    are the pixels of the halo, rounded up to the stride; None takes as many as can change the
    core, `needed`. With a smaller `halo` the borders of cores differ from the whole image's
    prediction. Raises UsageError if the overlap is negative, or leaves no core of the tile.
    """

    def __init__(
        self,
        receptive_field: int,
        stride: int,
        tile: int | None = None,
        overlap: int | None = None,
    ):
        # Half of the receptive field lies on each side, and up to half of a stride more on one of
        # them, for operators that read a coarse pixel more there.
        self.needed = (receptive_field + stride) // 2
        if overlap is None:
            overlap = self.needed
        if overlap < 0:
            raise UsageError(f"overlap={overlap}: expected 0 or more pixels.")
        self.halo = math.ceil(overlap / stride) * stride
        self.size = max(TILE, 4 * self.halo) if tile is None else tile
        room = self.size - 2 * self.halo
        unit = BLOCK if room >= BLOCK >= stride else stride
        self.core = room // unit * unit
        if self.core < 1:
            raise UsageError(
                f"tile={tile}: with an overlap of {self.halo} on each side, a tile needs "
                f"{2 * self.halo + stride} pixels or more. With an overlap of less than the "
                "default, tiles are approximate."
            )

    def spans(self, length: int) -> list[TileSpan]:
        """The tiles along an axis of `length` pixels."""
        if length <= self.size:
            whole = slice(0, length)
            return [TileSpan(core=whole, input=whole, inside=whole)]
        spans = []
        for start in range(0, length, self.core):
            end = min(start + self.core, length)
            first = max(0, start - self.halo)
            last = min(end + self.halo, length)
            inside = slice(start - first, end - first)
            spans.append(TileSpan(slice(start, end), slice(first, last), inside))
        return spans
