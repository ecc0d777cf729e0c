"""Tables and matrices of numbers as HTML and SVG. A number's colour is its share of the largest."""

from collections.abc import Callable
from html import escape

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


def shade_style(shade: float) -> str:
    """An attribute that sets a cell's colour."""
    return f'style="--shade:{shade:.3g}"'


def cell_shades(cells: Cells) -> list[list[float]]:
    """The shades of typed cells; what is no number has none."""
    widest = max(len(row) for row in cells)
    numbers = np.zeros((len(cells), widest))
    for row, texts in enumerate(cells):
        for column, text in enumerate(texts):
            numbers[row, column] = read_number(text) or 0.0
    shares: list[list[float]] = shades(numbers).round(3).tolist()
    return shares


def roomy(content: str) -> str:
    """A table or drawing in a box that scrolls, if there is too little room for it."""
    return f'<div class="roomy">{content}</div>'


def input_table(name: str, cells: Cells, title: Callable[[int, int], str]) -> str:
    """A table that one types in. The id of a cell is name-row-column."""
    colours = cell_shades(cells)
    rows = ""
    for row, texts in enumerate(cells):
        rows += "<tr>"
        for column, text in enumerate(texts):
            place = f"{name}-{row}-{column}"
            label = escape(title(row, column))
            rows += (
                f'<td><input id="{place}" data-cell inputmode="text" autocomplete="off" '
                f'value="{escape(text)}" aria-label="{label}" '
                f"{shade_style(colours[row][column])}></td>"
            )
        rows += "</tr>"
    return f'<table class="grid" data-table="{name}">{rows}</table>'


def number_table(numbers: np.ndarray, marked: np.ndarray | None = None) -> str:
    """A table of numbers, with some marked, bool of the same shape."""
    if marked is None:
        marked = np.zeros(numbers.shape, bool)

    def attributes(row: int, column: int) -> str:
        return 'class="other"' if marked[row, column] else ""

    return f'<table class="grid numbers">{number_rows(numbers, attributes)}</table>'


def result_table(
    numbers: np.ndarray,
    at: tuple[int, int],
    title: Callable[[int, int], str],
) -> str:
    """A table of numbers to point at; one can move in it from `at`. Ids are out-row-column."""

    def attributes(row: int, column: int) -> str:
        tab = 0 if (row, column) == at else -1
        label = escape(f"{title(row, column)}: {short(numbers[row, column])}")
        return (
            f'id="out-{row}-{column}" role="gridcell" data-at="{row},{column}" '
            f'tabindex="{tab}" aria-label="{label}"'
        )

    rows = number_rows(numbers, attributes)
    return f'<table class="grid numbers" role="grid">{rows}</table>'


def number_rows(numbers: np.ndarray, attributes: Callable[[int, int], str]) -> str:
    """The first SHOWN rows and columns of a table. Cells have attributes by row and column."""
    colours = shades(numbers)
    shown = without_rounding(numbers)[:SHOWN, :SHOWN]
    html = ""
    for row, values in enumerate(shown.tolist()):
        html += "<tr>"
        for column, value in enumerate(values):
            style = shade_style(colours[row, column])
            html += f"<td {style} {attributes(row, column)}>{short(value)}</td>"
        html += "</tr>"
    return html


def matrix_drawing(matrix: np.ndarray, label: str, row_name: str = "") -> str:
    """A matrix as SVG, with its numbers if they can be read. With a name, rows have ids."""
    rows, columns = matrix.shape
    texts = [short(number) for number in np.unique(matrix)]
    longest = max(len(text) for text in texts)
    shown = columns <= WITH_NUMBERS
    cell = max(CELL, LETTER * longest + LETTER) if shown else CELL
    lines = ""
    for row, shades_of_row in enumerate(shades(matrix)):
        identity = f' id="{row_name}-{row}"' if row_name else ""
        lines += f'<g{identity} transform="translate(0 {row * CELL})">'
        lines += f'<rect class="line" width="{columns * cell}" height="{CELL}"/>'
        for column in np.flatnonzero(matrix[row]).tolist():
            style = shade_style(shades_of_row[column])
            x = column * cell
            lines += f'<rect class="weight" x="{x}" width="{cell}" height="{CELL}" {style}/>'
            if shown:
                text = short(matrix[row, column])
                lines += f'<text x="{x + cell / 2}" y="{CELL / 2}">{text}</text>'
        lines += "</g>"
    width, height = columns * cell, rows * CELL
    widest = min(1.3, HIGHEST / height) * width
    narrowest = min(LEGIBLE * width, widest) if shown else 0
    return (
        f'<svg class="matrix" role="img" aria-label="{escape(label)}" '
        f'viewBox="-1 -1 {width + 2} {height + 2}" '
        f'style="max-width:{widest:.0f}px;min-width:{narrowest:.0f}px">{lines}</svg>'
    )
