"""Pictures of what a network sees and where it is wrong, and of the numbers in a map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unetlite.classes import IGNORE, Colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

COLUMNS = ("image", "truth", "prediction", "error")
WRONG = (213, 94, 0)  # vermilion of Okabe and Ito (2008), told from the greys by every reader
UNLABELLED = (128, 128, 128)
PAPER, INK = (255, 255, 255), (30, 30, 30)
GAP, CAPTION, FONT_SIZE = 6, 24, 17  # pixels


def colour_mask(mask: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """RGB uint8 (H, W, 3) of class indices (H, W); what is ignored is grey."""
    table = np.full((IGNORE + 1, 3), UNLABELLED, np.uint8)
    table[: len(colours)] = colours
    return table[mask]


def palette_image(classes: np.ndarray, colours: Sequence[Colour]) -> Image.Image:
    """Class indices uint8 (H, W) as an image that shows them in their colours."""
    image = Image.fromarray(classes)
    image.putpalette([value for colour in colours for value in colour])
    return image


def overlay(image: np.ndarray, classes: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """RGB uint8 (H, W, 3): the image (C, H, W), tinted by class, with the outlines of the classes in full colour."""
    rgb = np.broadcast_to(image, (3, *classes.shape)).transpose(1, 2, 0)
    colour = colour_mask(classes, colours)
    mixed = (rgb.astype(np.uint16) * 13 + colour.astype(np.uint16) * 7) // 20
    around = np.pad(classes, 1, mode="edge")
    neighbours = around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]
    outline = np.any([neighbour != classes for neighbour in neighbours], axis=0)
    return np.where(outline[..., None], colour, mixed).astype(np.uint8)


def picture_row(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, colours: Sequence[Colour]
) -> list[np.ndarray]:
    """The four pictures of COLUMNS, RGB uint8 (H, W, 3), of an image uint8 (C, H, W) and class indices (H, W)."""
    rgb = np.broadcast_to(image, (3, *truth.shape)).transpose(1, 2, 0)
    faded = rgb.mean(2, keepdims=True).astype(np.uint8) // 2 + 110
    error = np.broadcast_to(faded, rgb.shape).copy()
    error[(truth != prediction) & (truth != IGNORE)] = WRONG
    return [rgb, colour_mask(truth, colours), colour_mask(prediction, colours), error]


def picture_grid(
    rows: Sequence[Sequence[np.ndarray]],
    captions: Sequence[str],
    legend: dict[str, Colour],
    columns: Sequence[str] = COLUMNS,
    cell: int = 160,
) -> np.ndarray:
    """All rows under the titles of the columns, with a caption each and a legend at the foot: RGB uint8 (H, W, 3)."""
    font = ImageFont.load_default(FONT_SIZE)
    lefts = [GAP + column * (cell + GAP) for column in range(len(columns))]
    height = CAPTION + GAP + cell + GAP  # of a row
    canvas = Image.new("RGB", (lefts[-1] + cell + GAP, CAPTION + len(rows) * height + CAPTION + GAP), PAPER)
    draw = ImageDraw.Draw(canvas)
    for left, title in zip(lefts, columns, strict=True):
        draw.text((left, 2), title, INK, font)
    for row, (pictures, caption) in enumerate(zip(rows, captions, strict=True)):
        top = CAPTION + row * height
        draw.text((GAP, top + 3), caption, INK, font)
        for left, picture in zip(lefts, pictures, strict=True):
            canvas.paste(fit(Image.fromarray(picture), cell), (left, top + CAPTION + GAP))
    left = GAP
    for name, colour in (legend | ({"wrong": WRONG} if "error" in columns else {})).items():
        top = canvas.height - CAPTION
        draw.rectangle((left, top + 3, left + 14, top + 17), colour, INK)
        draw.text((left + 20, top - 1), name, INK, font)
        left += 40 + round(draw.textlength(name, font))
    return np.array(canvas)


def fit(picture: Image.Image, cell: int) -> Image.Image:
    """The picture scaled into a square of `cell` pixels; enlarged ones keep their pixels visible."""
    factor = cell / max(picture.size)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    return picture.resize(size, Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX)


def new_figure(rows: int, columns: int, cell: float = 2.3) -> "tuple[Figure, np.ndarray]":
    """A figure of `rows` by `columns` square pictures, `cell` inches each, and its axes (rows, columns)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(cell * columns, cell * rows + 0.3), layout="constrained", dpi=110)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_map(axes: "Axes", values: "Tensor | np.ndarray", title: str = "", *, numbers: bool = False) -> None:
    """One map (H, W): zero is white, positive blue, negative red; `numbers` writes the values into the cells."""
    array = np.asarray(values, dtype=float)
    largest = max(np.abs(array).max(), 1e-12)
    colours, lowest = ("RdBu", -largest) if array.min() < 0 else ("Blues", 0)
    axes.imshow(array, cmap=colours, vmin=lowest, vmax=largest)
    axes.set_title(title, fontsize=9)
    axes.set(xticks=[], yticks=[])
    if numbers:
        for (y, x), value in np.ndenumerate(array):
            colour = "white" if abs(value) > 0.6 * largest else "black"
            axes.text(x, y, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)
