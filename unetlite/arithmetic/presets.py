"""The worked examples of docs/arithmetic.md, by name, with their results."""

from dataclasses import dataclass

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


def grid(text: str) -> np.ndarray:
    """Numbers (H, W); rows end in a slash."""
    rows = [row.split() for row in text.split("/")]
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


PRESETS = {
    "sliding": Preset(
        7,
        Setting("correlation", CROSS, DIAGONALS),
        grid("4 3 4 / 2 4 3 / 2 3 4"),
    ),
    "full_convolution": Preset(
        5,
        Setting("convolution", NINE, FOUR, padding=1),
        grid("1 4 7 6 / 7 23 33 24 / 19 53 63 42 / 21 52 59 36"),
        at=(1, 1),
    ),
    "full_correlation": Preset(
        6,
        Setting("correlation", NINE, FOUR, padding=1),
        grid("4 11 18 9 / 18 37 47 21 / 36 67 77 33 / 14 23 26 9"),
        at=(1, 1),
    ),
    "sobel": Preset(
        8,
        Setting("correlation", STEP, SOBEL),
        np.repeat(grid("0 4 4 0"), 4, axis=0),
        at=(0, 1),
    ),
    "strided": Preset(
        1,
        Setting("correlation", CROSS, DIAGONALS, stride=2),
        grid("4 4 / 2 4"),
        at=(1, 1),
    ),
    "dilated": Preset(
        1,
        Setting("dilated", CROSS, DIAGONALS, padding=2, dilation=2),
        grid("2 2 2 0 1 / 1 2 1 1 1 / 2 0 2 3 3 / 1 1 1 2 1 / 1 2 2 0 1"),
        at=(2, 2),
    ),
    "matrix": Preset(
        10,
        Setting("correlation", PATCH, LEARNT),
        grid("12 12 / 10 17"),
    ),
    "transposed_matrix": Preset(
        11,
        Setting("transposed", FOUR, LEARNT),
        grid("0 1 4 4 / 2 9 14 8 / 6 15 12 4 / 0 3 10 8"),
        at=(1, 1),
    ),
    "one_dimension": Preset(
        12,
        Setting("transposed", grid("1 2"), grid("3 4"), stride=2),
        grid("3 4 6 8"),
    ),
    "copies_add": Preset(
        12,
        Setting("transposed", grid("1 2"), grid("3 4")),
        grid("3 10 8"),
        at=(0, 1),
    ),
    "insert_zeros": Preset(
        13,
        Setting("zeros", FOUR, ONE, stride=2),
        grid("1 0 2 0 / 0 0 0 0 / 3 0 4 0 / 0 0 0 0"),
    ),
    "zeros_then_kernel": Preset(
        20,
        Setting("zeros", FOUR, LEARNT, stride=2),
        grid("2 2 4 4 / 4 12 6 0 / 6 6 8 8 / 3 8 4 0"),
        at=(1, 1),
    ),
    "uneven_overlap": Preset(
        14,
        Setting(
            "transposed",
            ONES,
            np.ones((3, 3)),
            stride=2,
            padding=1,
            output_padding=1,
        ),
        np.outer([1, 2, 1, 2, 1, 2, 1, 1], [1, 2, 1, 2, 1, 2, 1, 1]),
        at=(3, 3),
    ),
    "even_overlap_2": Preset(
        14,
        Setting("transposed", ONES, BOX, stride=2),
        np.ones((8, 8)),
        at=(3, 3),
    ),
    "even_overlap_4": Preset(
        14,
        Setting("transposed", ONES, np.ones((4, 4)), stride=2, padding=1),
        np.outer([1, 2, 2, 2, 2, 2, 2, 1], [1, 2, 2, 2, 2, 2, 2, 1]),
        at=(3, 3),
    ),
    "checkerboard": Preset(
        14,
        Setting("transposed", ONES, FOUR, stride=2),
        np.tile(FOUR, (4, 4)),
        at=(3, 3),
    ),
    "nearest_then_kernel": Preset(
        15,
        Setting("nearest", FOUR, LEARNT, stride=2),
        grid("5 9 12 10 / 14 20 24 14 / 18 28 32 22 / 15 23 26 20"),
        at=(1, 1),
    ),
    "nearest": Preset(
        16,
        Setting("nearest", FOUR, ONE, stride=2),
        np.kron(FOUR, BOX),
    ),
    "shuffle_as_transposed": Preset(
        17,
        Setting("transposed", FOUR, grid("1 -1 / 2 -2"), stride=2),
        grid("1 -1 2 -2 / 2 -2 4 -4 / 3 -3 4 -4 / 6 -6 8 -8"),
    ),
    "shuffle": Preset(
        17,
        Setting("shuffle", CHANNELS, ONE, stride=2),
        grid("1 10 2 20 / 5 50 6 60 / 3 30 4 40 / 7 70 8 80"),
        at=(0, 1),
    ),
    "bilinear": Preset(
        19,
        Setting("bilinear", 4 * NINE, ONE, stride=2),
        grid(
            "4 5 7 9 11 12 / 7 8 10 12 14 15 / 13 14 16 18 20 21"
            "/ 19 20 22 24 26 27 / 25 26 28 30 32 33 / 28 29 31 33 35 36"
        ),
        at=(1, 1),
    ),
    "one_by_one": Preset(
        18,
        Setting("bilinear", 4 * FOUR, -2 * ONE, stride=2),
        grid("-8 -10 -14 -16 / -12 -14 -18 -20 / -20 -22 -26 -28 / -24 -26 -30 -32"),
        at=(1, 1),
    ),
    "max": Preset(3, Setting("max", POOLED, BOX, stride=2), grid("4 5 / 6 3")),
    "mean": Preset(
        3,
        Setting("mean", POOLED, BOX, stride=2),
        grid("2.5 2 / 2.25 1.75"),
    ),
    "dot": Preset(9, Setting("max", DOT, BOX, stride=2), grid("9 0 / 0 5")),
    "moved_dot": Preset(
        9,
        Setting("max", MOVED_DOT, BOX, stride=2),
        grid("9 0 / 0 5"),
    ),
    "stochastic": Preset(
        3,
        Setting("stochastic", grid("1 2 / 3 6"), BOX, stride=2),
        grid("1") * 50 / 12,
    ),
    "unpool": Preset(
        3,
        Setting("unpool", POOLED, BOX, stride=2),
        grid("0 0 0 0 / 4 0 0 5 / 0 6 0 0 / 0 0 3 0"),
        at=(1, 0),
    ),
    "wiener": Preset(
        21,
        Setting("wiener", blurred(DISC, BLUR), BLUR, noise=0),
        DISC,
        at=(2, 2),
    ),
}
