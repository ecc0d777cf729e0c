"""Pictures of what a network sees and where it is wrong."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from unetlite.data.source import IGNORE

COLUMNS = ("image", "truth", "prediction", "error")
WRONG = (213, 94, 0)  # vermilion of Okabe and Ito (2008), told from the greys by every reader
UNLABELLED = (128, 128, 128)
PAPER, INK = (255, 255, 255), (30, 30, 30)
GAP, CAPTION, FONT_SIZE = 6, 24, 17  # pixels


def colour_mask(mask: np.ndarray, colours: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """RGB uint8 (H, W, 3) of class indices (H, W); what is ignored is grey."""
    table = np.full((IGNORE + 1, 3), UNLABELLED, np.uint8)
    table[: len(colours)] = colours
    return table[mask]


def palette_image(classes: np.ndarray, colours: Sequence[tuple[int, int, int]]) -> Image.Image:
    """Class indices uint8 (H, W) as an image that shows them in their colours."""
    image = Image.fromarray(classes)
    image.putpalette([value for colour in colours for value in colour])
    return image


def overlay(image: np.ndarray, classes: np.ndarray, colours: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """RGB uint8 (H, W, 3): the image (C, H, W), tinted by class, with the outlines of the classes in full colour.

    A pixel is an outline if one of its four neighbours is of another class.
    """
    rgb = np.broadcast_to(image, (3, *classes.shape)).transpose(1, 2, 0)
    colour = colour_mask(classes, colours)
    mixed = (rgb.astype(np.uint16) * 13 + colour.astype(np.uint16) * 7) // 20
    outline = np.zeros(classes.shape, bool)
    below, right = classes[:-1] != classes[1:], classes[:, :-1] != classes[:, 1:]
    outline[:-1] |= below
    outline[1:] |= below
    outline[:, :-1] |= right
    outline[:, 1:] |= right
    return np.where(outline[..., None], colour, mixed).astype(np.uint8)


def picture_row(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, colours: Sequence[tuple[int, int, int]]
) -> list[np.ndarray]:
    """The four pictures of COLUMNS, RGB uint8 (H, W, 3).

    Args:
        image: uint8 (C, H, W), C of 1 or 3.
        truth, prediction: class indices (H, W).
        colours: one RGB triple a class.
    """
    rgb = np.broadcast_to(image, (3, *truth.shape)).transpose(1, 2, 0)
    faded = rgb.mean(2, keepdims=True).astype(np.uint8) // 2 + 110
    error = np.broadcast_to(faded, rgb.shape).copy()
    error[(truth != prediction) & (truth != IGNORE)] = WRONG
    return [rgb, colour_mask(truth, colours), colour_mask(prediction, colours), error]


def picture_grid(
    rows: Sequence[Sequence[np.ndarray]],
    captions: Sequence[str],
    legend: Sequence[tuple[str, tuple[int, int, int]]],
    *,
    cell: int = 160,
) -> Tensor:
    """All rows under the titles of COLUMNS, with a caption each and a legend at the foot: uint8 (3, H, W).

    Every picture is scaled to fit `cell` pixels; enlarged ones by nearest neighbour, so that pixels stay visible.
    """
    font = ImageFont.load_default(FONT_SIZE)
    line = CAPTION + GAP + cell
    width = GAP + len(COLUMNS) * (cell + GAP)
    canvas = Image.new("RGB", (width, CAPTION + len(rows) * (line + GAP) + CAPTION + GAP), PAPER)
    draw = ImageDraw.Draw(canvas)
    for column, title in enumerate(COLUMNS):
        draw.text((GAP + column * (cell + GAP), 2), title, INK, font)
    for row, (pictures, caption) in enumerate(zip(rows, captions, strict=True)):
        top = CAPTION + row * (line + GAP)
        draw.text((GAP, top + 3), caption, INK, font)
        for column, picture in enumerate(pictures):
            canvas.paste(fit(Image.fromarray(picture), cell), (GAP + column * (cell + GAP), top + CAPTION + GAP))
    left = GAP
    for name, colour in [*legend, ("wrong", WRONG)]:
        top = canvas.height - CAPTION
        draw.rectangle((left, top + 3, left + 14, top + 17), colour, INK)
        draw.text((left + 20, top - 1), name, INK, font)
        left += 40 + round(draw.textlength(name, font))
    return torch.from_numpy(np.array(canvas)).permute(2, 0, 1)


def fit(picture: Image.Image, cell: int) -> Image.Image:
    """The picture scaled into a square of `cell` pixels."""
    factor = cell / max(picture.size)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    return picture.resize(size, Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX)
