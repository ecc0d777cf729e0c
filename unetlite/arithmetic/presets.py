"""The worked examples of docs/arithmetic.md, by name."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from unetlite.arithmetic.operations import Setting


@dataclass(frozen=True)
class Preset:
    """An example. Its title is the words of "preset_" and its name.

    Attributes:
        fact: its number in docs/arithmetic.md.
        at: row and column of the output whose sum is shown first.
    """

    fact: int
    setting: Setting
    at: tuple[int, int] = (0, 0)


Map = np.ndarray | str  # numbers (H, W), or their text


def grid(values: Map) -> np.ndarray:
    """Numbers (H, W); in a text a slash ends a row."""
    if isinstance(values, np.ndarray):
        return values
    rows = [row.split() for row in values.split("/")]
    return np.array(rows, np.float64)


NINE = grid("1 2 3 / 4 5 6 / 7 8 9")
FOUR = grid("1 2 / 3 4")
CROSS = grid("1 1 1 0 0 / 0 1 1 1 0 / 0 0 1 1 1 / 0 0 1 1 0 / 0 1 1 0 0")
DIAGONALS = grid("1 0 1 / 0 1 0 / 1 0 1")
PATCH = grid("3 3 2 1 / 0 0 1 3 / 3 1 2 2 / 2 0 0 2")
LEARNT = grid("0 1 2 / 2 2 0 / 0 1 2")
SOBEL = grid("-1 0 1 / -2 0 2 / -1 0 1")
STEP = np.repeat(grid("0 0 0 1 1 1"), 6, axis=0)
POOLED = grid("1 3 2 1 / 4 2 0 5 / 0 6 1 1 / 2 1 3 2")
DOT = grid("9 0 0 0 / 0 0 0 0 / 0 0 5 0 / 0 0 0 0")
MOVED_DOT = grid("0 0 0 0 / 0 9 0 0 / 0 0 0 0 / 0 0 0 5")
ONE = grid("1")
BOX = grid("1 1 / 1 1")
CHANNELS = grid("1 2 / 3 4 / 10 20 / 30 40 / 5 6 / 7 8 / 50 60 / 70 80")
ONES = np.ones((4, 4))
BLUR = grid("1 4 1 / 4 16 4 / 1 4 1")
DISC = grid(
    "0 0 0 0 0 0 0 0 / 0 0 0 0 0 0 0 0 / 0 0 1 1 0 0 0 0 / 0 0 1 0 0 0 0 0"
    "/ 0 0 0 0 0 0 1 0 / 0 0 0 0 0 1 1 0 / 0 0 0 0 0 0 0 0 / 0 0 0 0 0 0 0 0"
)


def blurred(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """An image (H, W) convolved with a symmetric kernel of 3 x 3, with periodic edges."""
    outputs = np.zeros_like(image)
    for (row, column), weight in np.ndenumerate(kernel):
        outputs += weight * np.roll(image, (row - 1, column - 1), (0, 1))
    return outputs


def example(
    fact: int,
    operation: str,
    inputs: Map,
    kernel: Map,
    at: tuple[int, int] = (0, 0),
    **parameters: Any,
) -> Preset:
    """An example of an operation, with parameters of Setting."""
    setting = Setting(operation, grid(inputs), grid(kernel), **parameters)
    return Preset(fact, setting, at)


PRESETS = {
    "sliding": example(7, "correlation", CROSS, DIAGONALS),
    "full_convolution": example(
        5,
        "convolution",
        NINE,
        FOUR,
        at=(1, 1),
        padding=1,
    ),
    "full_correlation": example(
        6,
        "correlation",
        NINE,
        FOUR,
        at=(1, 1),
        padding=1,
    ),
    "sobel": example(8, "correlation", STEP, SOBEL, at=(0, 1)),
    "strided": example(1, "correlation", CROSS, DIAGONALS, at=(1, 1), stride=2),
    "dilated": example(
        1,
        "dilated",
        CROSS,
        DIAGONALS,
        at=(2, 2),
        padding=2,
        dilation=2,
    ),
    "matrix": example(10, "correlation", PATCH, LEARNT),
    "transposed_matrix": example(11, "transposed", FOUR, LEARNT, at=(1, 1)),
    "one_dimension": example(12, "transposed", "1 2", "3 4", stride=2),
    "copies_add": example(12, "transposed", "1 2", "3 4", at=(0, 1)),
    "insert_zeros": example(13, "zeros", FOUR, ONE, stride=2),
    "zeros_then_kernel": example(20, "zeros", FOUR, LEARNT, at=(1, 1), stride=2),
    "uneven_overlap": example(
        14,
        "transposed",
        ONES,
        np.ones((3, 3)),
        at=(3, 3),
        stride=2,
        padding=1,
        output_padding=1,
    ),
    "even_overlap_2": example(14, "transposed", ONES, BOX, at=(3, 3), stride=2),
    "even_overlap_4": example(
        14,
        "transposed",
        ONES,
        np.ones((4, 4)),
        at=(3, 3),
        stride=2,
        padding=1,
    ),
    "checkerboard": example(14, "transposed", ONES, FOUR, at=(3, 3), stride=2),
    "nearest_then_kernel": example(
        15,
        "nearest",
        FOUR,
        LEARNT,
        at=(1, 1),
        stride=2,
    ),
    "nearest": example(16, "nearest", FOUR, ONE, stride=2),
    "shuffle_as_transposed": example(
        17,
        "transposed",
        FOUR,
        "1 -1 / 2 -2",
        stride=2,
    ),
    "shuffle": example(
        17,
        "shuffle",
        CHANNELS,
        ONE,
        at=(0, 1),
        stride=2,
    ),
    "bilinear": example(
        19,
        "bilinear",
        4 * NINE,
        ONE,
        at=(1, 1),
        stride=2,
    ),
    "one_by_one": example(
        18,
        "bilinear",
        4 * FOUR,
        -2 * ONE,
        at=(1, 1),
        stride=2,
    ),
    "max": example(3, "max", POOLED, BOX, stride=2),
    "mean": example(3, "mean", POOLED, BOX, stride=2),
    "dot": example(9, "max", DOT, BOX, stride=2),
    "moved_dot": example(9, "max", MOVED_DOT, BOX, stride=2),
    "stochastic": example(3, "stochastic", "1 2 / 3 6", BOX, stride=2),
    "unpool": example(3, "unpool", POOLED, BOX, at=(1, 0), stride=2),
    "wiener": example(21, "wiener", blurred(DISC, BLUR), BLUR, at=(2, 2), noise=0),
}
