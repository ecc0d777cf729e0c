"""What the worked examples of docs/arithmetic.md give, by the name of the preset."""

import numpy as np

from unetlite.arithmetic.presets import BOX, DISC, FOUR, grid

TEXTS_AND_MAPS = {
    "sliding": "4 3 4 / 2 4 3 / 2 3 4",
    "full_convolution": "1 4 7 6 / 7 23 33 24 / 19 53 63 42 / 21 52 59 36",
    "full_correlation": "4 11 18 9 / 18 37 47 21 / 36 67 77 33 / 14 23 26 9",
    "sobel": np.repeat(grid("0 4 4 0"), 4, axis=0),
    "strided": "4 4 / 2 4",
    "dilated": "2 2 2 0 1 / 1 2 1 1 1 / 2 0 2 3 3 / 1 1 1 2 1 / 1 2 2 0 1",
    "matrix": "12 12 / 10 17",
    "transposed_matrix": "0 1 4 4 / 2 9 14 8 / 6 15 12 4 / 0 3 10 8",
    "one_dimension": "3 4 6 8",
    "copies_add": "3 10 8",
    "insert_zeros": "1 0 2 0 / 0 0 0 0 / 3 0 4 0 / 0 0 0 0",
    "zeros_then_kernel": "2 2 4 4 / 4 12 6 0 / 6 6 8 8 / 3 8 4 0",
    "uneven_overlap": np.outer([1, 2, 1, 2, 1, 2, 1, 1], [1, 2, 1, 2, 1, 2, 1, 1]),
    "even_overlap_2": np.ones((8, 8)),
    "even_overlap_4": np.outer([1, 2, 2, 2, 2, 2, 2, 1], [1, 2, 2, 2, 2, 2, 2, 1]),
    "checkerboard": np.tile(FOUR, (4, 4)),
    "nearest_then_kernel": "5 9 12 10 / 14 20 24 14 / 18 28 32 22 / 15 23 26 20",
    "nearest": np.kron(FOUR, BOX),
    "shuffle_as_transposed": "1 -1 2 -2 / 2 -2 4 -4 / 3 -3 4 -4 / 6 -6 8 -8",
    "shuffle": "1 10 2 20 / 5 50 6 60 / 3 30 4 40 / 7 70 8 80",
    "bilinear": "4 5 7 9 11 12 / 7 8 10 12 14 15 / 13 14 16 18 20 21"
    "/ 19 20 22 24 26 27 / 25 26 28 30 32 33 / 28 29 31 33 35 36",
    "one_by_one": "-8 -10 -14 -16 / -12 -14 -18 -20 / -20 -22 -26 -28 / -24 -26 -30 -32",
    "max": "4 5 / 6 3",
    "mean": "2.5 2 / 2.25 1.75",
    "dot": "9 0 / 0 5",
    "moved_dot": "9 0 / 0 5",
    "stochastic": grid("1") * 50 / 12,
    "unpool": "0 0 0 0 / 4 0 0 5 / 0 6 0 0 / 0 0 3 0",
    "wiener": DISC,
}

RESULTS = {name: grid(result) for name, result in TEXTS_AND_MAPS.items()}
