"""Outlines and run lengths to pixels.

A pixel belongs to an outline if its centre is inside: the pixel in row i and column j covers
(j, i) to (j + 1, i + 1), as in COCO, and its centre is at (j + 0.5, i + 0.5).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

FARTHEST = 2**24  # pixels from the image's corner

FINE = 5  # steps in a pixel to which pycocotools rounds an outline

COMPRESSED_BITS = 5  # of a number in a character of COCO's compressed run lengths
FIRST_CHARACTER = 48


class Size(NamedTuple):
    """Of an image, in pixels."""

    height: int
    width: int


class Region(NamedTuple):
    """Pixels of an image: a mask bool (h, w) whose first pixel is at (top, left)."""

    top: int
    left: int
    mask: np.ndarray

    def paint(self, canvas: np.ndarray, value: int) -> None:
        """Sets the pixels in an array (H, W)."""
        height, width = self.mask.shape
        area = canvas[self.top : self.top + height, self.left : self.left + width]
        area[self.mask] = value


Part = Callable[[Size], Region]
"""Draws a part of an object at the size of its image. Raises ValueError if it cannot be drawn."""


def fill_polygon(polygon: Any, size: Size) -> Region:
    """The pixels of a polygon x, y, x, y, ..., by the even-odd rule, as pycocotools draws it.

    Every column of pixel centres is cut by the edges; pixels between the first and the second cut
    are inside, between the third and the fourth, and so on. Raises ValueError for fewer than three
    points, or for one that is no number or far outside.
    """
    points = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(points) < 3 or not (abs(points) < FARTHEST).all():
        raise ValueError(f"a polygon of {len(points)} points, or of one far outside")
    column, cut = cut_columns(points, size.width)
    if len(cut) == 0:
        return Region(0, 0, np.zeros((0, 0), bool))
    row = np.ceil(cut).clip(0, size.height).astype(int)
    top, left = row.min(), column.min()
    cuts = np.zeros((row.max() - top + 1, column.max() - left + 1), np.int32)
    np.add.at(cuts, (row - top, column - left), 1)
    inside = np.cumsum(cuts, axis=0) % 2 == 1
    return Region(int(top), int(left), inside[:-1])  # the last row is behind the last cut


def cut_columns(points: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The columns that the edges of a polygon cut, and where, in rows counted from pixel centres.

    As in pycocotools, points are rounded to a fifth of a pixel, and an edge is a chain of such
    steps: it goes one fifth a step along its longer axis, and rounds the other one.
    """
    x, y = (points * FINE + 0.5).astype(int).T
    x_end = np.roll(x, -1)
    y_end = np.roll(y, -1)
    is_flat = abs(x_end - x) >= abs(y_end - y)
    is_turned = np.where(is_flat, x > x_end, y > y_end)
    x, x_end = np.where(is_turned, x_end, x), np.where(is_turned, x, x_end)
    y, y_end = np.where(is_turned, y_end, y), np.where(is_turned, y, y_end)

    # A column is cut where the chain steps from fifth 5 j + 2 to 5 j + 3 or back.
    middle = FINE // 2
    first = np.ceil((np.minimum(x, x_end) - middle) / FINE).clip(0, width).astype(int)
    end = np.ceil((np.maximum(x, x_end) - middle) / FINE).clip(0, width).astype(int)
    counts = end - first
    edge = np.repeat(np.arange(len(x)), counts)
    offset = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    column = first[edge] + offset

    x, x_end, y, y_end, is_flat = (each[edge] for each in (x, x_end, y, y_end, is_flat))
    step = FINE * column + middle - x  # before the column is cut, in fifths of x
    rise = (y_end - y) / (x_end - x)
    before = np.floor(y + rise * step + 0.5)
    after = np.floor(y + rise * (step + 1) + 0.5)
    flat_cut = np.minimum(before, after)
    run = (x_end - x) / np.maximum(y_end - y, 1)

    def has_passed(steps: np.ndarray) -> np.ndarray:
        position = np.floor(x + run * steps + 0.5) - x
        return np.where(run > 0, position > step, position <= step)

    steps = np.ceil((step + 0.5) / np.where(run == 0, 1, run))  # of y, but for rounding
    steps = np.where(has_passed(steps), steps, steps + 1)
    steps = np.where(has_passed(steps - 1), steps - 1, steps)
    steep_cut = y + steps - 1
    cut = np.where(is_flat, flat_cut, steep_cut)
    return column, (cut + 0.5) / FINE - 0.5


def fill_circle(centre: Sequence[float], radius: float, size: Size) -> Region:
    """The pixels whose centre is at most `radius` from a point (x, y).

    Raises ValueError if a coordinate is no finite number.
    """
    if not np.isfinite([*centre, radius]).all():
        raise ValueError("a circle whose centre or radius is no number")
    x = np.arange(size.width) + 0.5 - centre[0]
    y = np.arange(size.height) + 0.5 - centre[1]
    return Region(0, 0, x**2 + y[:, None] ** 2 <= radius**2)


def fill_runs(counts: Sequence[int] | str, size: Size) -> Region:
    """COCO's run lengths: outside, inside, outside, ..., down the columns from the left.

    Text is decompressed. Raises ValueError if they do not add up to the image.
    """
    if isinstance(counts, str):
        counts = decompress_runs(counts)
    lengths = np.asarray(counts, np.int64)
    if (lengths < 0).any() or lengths.sum() != size.height * size.width:
        raise ValueError(f"run lengths of {lengths.sum()} pixels for {size.width} x {size.height}")
    inside = np.arange(len(lengths)) % 2 == 1
    mask = np.repeat(inside, lengths).reshape(size.width, size.height).T
    return Region(0, 0, mask)


def decompress_runs(text: str) -> list[int]:
    """Run lengths of COCO's text.

    A number is written in groups of five bits, the lowest first, in a character each; the sixth
    bit says that more follow. The number is signed. From the fourth on it is the difference to the
    length two before.
    """
    lengths: list[int] = []
    value = 0
    shift = 0
    for character in text:
        code = ord(character) - FIRST_CHARACTER
        if not 0 <= code < 64:
            raise ValueError(f"the character {character!r} in run lengths")
        value |= (code & 31) << shift
        shift += COMPRESSED_BITS
        if code & 32:
            continue
        if code & 16:  # the sign
            value -= 1 << shift
        if len(lengths) > 2:
            value += lengths[-2]
        lengths.append(value)
        value = 0
        shift = 0
    if shift:
        raise ValueError("run lengths that end within a number")
    return lengths


def fill_brush(data: Sequence[int], size: Size) -> Region:
    """Label Studio's brush: bytes of run lengths that hold an image of four channels by rows.

    The bits are: 32 for the number of values, 5 for the bits of a value, 4 times 4 for the bits of
    a length, each less one. Then come runs: a bit that says whether one value repeats, 2 bits that
    say which size of length follows, the length less one, and one value or as many. A pixel is
    inside if its fourth channel is not 0. Raises ValueError for anything else.
    """
    bits = np.unpackbits(np.asarray(data, np.uint8))
    position = 0

    def take_numbers(count: int, width: int) -> np.ndarray:
        nonlocal position
        end = position + count * width
        if end > len(bits):
            raise ValueError("a brush that ends within a number")
        digits = bits[position:end].reshape(count, width)
        position = end
        return digits @ (1 << np.arange(width)[::-1])

    def take(width: int) -> int:
        return int(take_numbers(1, width)[0])

    total = take(32)
    value_bits = take(5) + 1
    length_bits = [take(4) + 1 for _ in range(4)]
    if total != size.height * size.width * 4:
        raise ValueError(f"a brush of {total} values for {size.width} x {size.height} pixels")
    values = np.zeros(total, np.uint32)
    done = 0
    while done < total:
        repeats = take(1)
        length = take(length_bits[take(2)]) + 1
        if done + length > total:
            raise ValueError("a brush that is longer than its image")
        count = 1 if repeats else length
        values[done : done + length] = take_numbers(count, value_bits)
        done += length
    alpha = values.reshape(size.height, size.width, 4)[..., 3]
    return Region(0, 0, alpha != 0)
