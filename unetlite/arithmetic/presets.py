"""The worked examples of docs/arithmetic.md, by name, with their results."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from unetlite.arithmetic.operations import Setting


@dataclass(frozen=True)
class Preset:
    """An example. Its title is the words of "preset_" and its name.

    Attributes:
        fact: its number in docs/arithmetic.md.
        expected: the result, (H_out, W_out).
        at: row and column of the output whose sum is shown first.
    """

    fact: int
    setting: Setting
    expected: np.ndarray
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
    expected: Map,
    at: tuple[int, int] = (0, 0),
    **parameters: Any,
) -> Preset:
    """An example of an operation, with parameters of Setting."""
    setting = Setting(operation, grid(inputs), grid(kernel), **parameters)
    return Preset(fact, setting, grid(expected), at)


PRESETS = {
    "sliding": example(7, "correlation", CROSS, DIAGONALS, "4 3 4 / 2 4 3 / 2 3 4"),
    "full_convolution": example(
        5,
        "convolution",
        NINE,
        FOUR,
        "1 4 7 6 / 7 23 33 24 / 19 53 63 42 / 21 52 59 36",
        at=(1, 1),
        padding=1,
    ),
    "full_correlation": example(
        6,
        "correlation",
        NINE,
        FOUR,
        "4 11 18 9 / 18 37 47 21 / 36 67 77 33 / 14 23 26 9",
        at=(1, 1),
        padding=1,
    ),
    "sobel": example(
        8, "correlation", STEP, SOBEL, np.repeat(grid("0 4 4 0"), 4, axis=0), at=(0, 1)
    ),
    "strided": example(1, "correlation", CROSS, DIAGONALS, "4 4 / 2 4", at=(1, 1), stride=2),
    "dilated": example(
        1,
        "dilated",
        CROSS,
        DIAGONALS,
        "2 2 2 0 1 / 1 2 1 1 1 / 2 0 2 3 3 / 1 1 1 2 1 / 1 2 2 0 1",
        at=(2, 2),
        padding=2,
        dilation=2,
    ),
    "matrix": example(10, "correlation", PATCH, LEARNT, "12 12 / 10 17"),
    "transposed_matrix": example(
        11, "transposed", FOUR, LEARNT, "0 1 4 4 / 2 9 14 8 / 6 15 12 4 / 0 3 10 8", at=(1, 1)
    ),
    "one_dimension": example(12, "transposed", "1 2", "3 4", "3 4 6 8", stride=2),
    "copies_add": example(12, "transposed", "1 2", "3 4", "3 10 8", at=(0, 1)),
    "insert_zeros": example(
        13, "zeros", FOUR, ONE, "1 0 2 0 / 0 0 0 0 / 3 0 4 0 / 0 0 0 0", stride=2
    ),
    "zeros_then_kernel": example(
        20, "zeros", FOUR, LEARNT, "2 2 4 4 / 4 12 6 0 / 6 6 8 8 / 3 8 4 0", at=(1, 1), stride=2
    ),
    "uneven_overlap": example(
        14,
        "transposed",
        ONES,
        np.ones((3, 3)),
        np.outer([1, 2, 1, 2, 1, 2, 1, 1], [1, 2, 1, 2, 1, 2, 1, 1]),
        at=(3, 3),
        stride=2,
        padding=1,
        output_padding=1,
    ),
    "even_overlap_2": example(14, "transposed", ONES, BOX, np.ones((8, 8)), at=(3, 3), stride=2),
    "even_overlap_4": example(
        14,
        "transposed",
        ONES,
        np.ones((4, 4)),
        np.outer([1, 2, 2, 2, 2, 2, 2, 1], [1, 2, 2, 2, 2, 2, 2, 1]),
        at=(3, 3),
        stride=2,
        padding=1,
    ),
    "checkerboard": example(
        14, "transposed", ONES, FOUR, np.tile(FOUR, (4, 4)), at=(3, 3), stride=2
    ),
    "nearest_then_kernel": example(
        15,
        "nearest",
        FOUR,
        LEARNT,
        "5 9 12 10 / 14 20 24 14 / 18 28 32 22 / 15 23 26 20",
        at=(1, 1),
        stride=2,
    ),
    "nearest": example(16, "nearest", FOUR, ONE, np.kron(FOUR, BOX), stride=2),
    "shuffle_as_transposed": example(
        17,
        "transposed",
        FOUR,
        "1 -1 / 2 -2",
        "1 -1 2 -2 / 2 -2 4 -4 / 3 -3 4 -4 / 6 -6 8 -8",
        stride=2,
    ),
    "shuffle": example(
        17,
        "shuffle",
        CHANNELS,
        ONE,
        "1 10 2 20 / 5 50 6 60 / 3 30 4 40 / 7 70 8 80",
        at=(0, 1),
        stride=2,
    ),
    "bilinear": example(
        19,
        "bilinear",
        4 * NINE,
        ONE,
        "4 5 7 9 11 12 / 7 8 10 12 14 15 / 13 14 16 18 20 21"
        "/ 19 20 22 24 26 27 / 25 26 28 30 32 33 / 28 29 31 33 35 36",
        at=(1, 1),
        stride=2,
    ),
    "one_by_one": example(
        18,
        "bilinear",
        4 * FOUR,
        -2 * ONE,
        "-8 -10 -14 -16 / -12 -14 -18 -20 / -20 -22 -26 -28 / -24 -26 -30 -32",
        at=(1, 1),
        stride=2,
    ),
    "max": example(3, "max", POOLED, BOX, "4 5 / 6 3", stride=2),
    "mean": example(3, "mean", POOLED, BOX, "2.5 2 / 2.25 1.75", stride=2),
    "dot": example(9, "max", DOT, BOX, "9 0 / 0 5", stride=2),
    "moved_dot": example(9, "max", MOVED_DOT, BOX, "9 0 / 0 5", stride=2),
    "stochastic": example(3, "stochastic", "1 2 / 3 6", BOX, grid("1") * 50 / 12, stride=2),
    "unpool": example(
        3, "unpool", POOLED, BOX, "0 0 0 0 / 4 0 0 5 / 0 6 0 0 / 0 0 3 0", at=(1, 0), stride=2
    ),
    "wiener": example(21, "wiener", blurred(DISC, BLUR), BLUR, DISC, at=(2, 2), noise=0),
}
