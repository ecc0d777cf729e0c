"""Numbers as the page shows them, in tables and matrices.

A number's shade is its share of the largest.
"""

from typing import NamedTuple

import numpy as np

from unetlite.commands.arithmetic_page.state import Cells, read_number

SHOWN = 40  # rows and columns of a table, at most
DRAWN = 1500  # numbers of a matrix that are not 0, at most
MAX_MATRIX = 2**18  # numbers of a matrix that is drawn
WITH_NUMBERS = 36  # columns of a matrix, at most
CELL = 20  # height of a matrix's cell in units of the drawing, and its least width
LETTER = 6  # width
HIGHEST = 800  # pixels of a drawing, if it can be as wide as it likes
LEGIBLE = 0.7  # pixels of a unit, at least, of a drawing with numbers
LONGEST_WHOLE = 1e7
ROUNDING = 1e-12
"""Relative to the largest number of a table; what is smaller is shown as 0."""


class Cell(NamedTuple):
    """A number of a table."""

    text: str
    shade: float  # -1 to 1


class Layout(NamedTuple):
    """How a matrix is drawn, in units of the drawing."""

    width: int
    height: int
    cell: int  # width of a number
    has_numbers: bool
    widest: float  # pixels on the page
    narrowest: float
    rows: list[list[tuple[int, Cell]]]  # the numbers that are not 0, and where they begin


def short(number: float) -> str:
    """A whole number as it is, and any other with four digits."""
    if number == round(number) and abs(number) < LONGEST_WHOLE:
        return str(round(number))
    return format(number, ".4g")


def shades(numbers: np.ndarray) -> np.ndarray:
    """Each number by the largest, -1 to 1."""
    largest = np.abs(numbers).max(initial=0)
    if largest == 0:
        return np.zeros(numbers.shape)
    shares: np.ndarray = numbers / largest
    return shares


def without_rounding(numbers: np.ndarray) -> np.ndarray:
    """The numbers, with 0 in the place of what rounding has left."""
    largest = np.abs(numbers).max(initial=0)
    return np.where(np.abs(numbers) <= ROUNDING * largest, 0.0, numbers)


def cell_shades(cells: Cells) -> list[list[float]]:
    """The shades of typed cells; what is no number has none."""
    widest = max(len(row) for row in cells)
    numbers = np.zeros((len(cells), widest))
    for row, texts in enumerate(cells):
        for column, text in enumerate(texts):
            numbers[row, column] = read_number(text) or 0.0
    shares: list[list[float]] = shades(numbers).round(3).tolist()
    return shares


def number_cells(numbers: np.ndarray) -> list[list[Cell]]:
    """The first SHOWN rows and columns of a table."""
    part = np.s_[:SHOWN, :SHOWN]
    shares = shades(numbers)[part]
    rows = []
    for row, values in enumerate(without_rounding(numbers)[part]):
        cells = zip(map(short, values), shares[row], strict=True)
        rows.append([Cell(text, share) for text, share in cells])
    return rows


def count_weights(matrix: np.ndarray) -> int:
    """How many numbers of a matrix are not 0."""
    return int(np.count_nonzero(matrix))


def is_drawn(matrix: np.ndarray) -> bool:
    """True if a matrix is not too large to be drawn."""
    return count_weights(matrix) <= DRAWN and matrix.size <= MAX_MATRIX


def lay_out(matrix: np.ndarray) -> Layout:
    """The drawing of a matrix, with its numbers if they can be read."""
    rows, columns = matrix.shape
    longest = max(len(short(number)) for number in np.unique(matrix))
    has_numbers = columns <= WITH_NUMBERS
    cell = max(CELL, LETTER * longest + LETTER) if has_numbers else CELL
    drawn = []
    for values, shares in zip(matrix, shades(matrix), strict=True):
        weights = []
        for column in np.flatnonzero(values).tolist():
            weights.append((column * cell, Cell(short(values[column]), shares[column])))
        drawn.append(weights)
    width, height = columns * cell, rows * CELL
    widest = min(1.3, HIGHEST / height) * width
    narrowest = min(LEGIBLE * width, widest) if has_numbers else 0
    return Layout(
        width,
        height,
        cell,
        has_numbers,
        widest,
        narrowest,
        drawn,
    )
