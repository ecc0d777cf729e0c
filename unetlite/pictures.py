"""Pictures of what a network sees and where it is wrong."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unetlite.classes import IGNORE, Colour

WRONG = (213, 94, 0)  # vermilion of Okabe and Ito (2008), told from the greys by every reader
UNLABELLED = (128, 128, 128)
PAPER, INK = (255, 255, 255), (30, 30, 30)
GAP, CAPTION, FONT_SIZE = 6, 24, 17  # pixels
Pictures = dict[str, np.ndarray]  # RGB uint8 (H, W, 3), by what they show


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


def pictures_of(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, colours: Sequence[Colour]) -> Pictures:
    """Image, truth, prediction and error, by these names, of an image uint8 (C, H, W) and class indices (H, W)."""
    rgb = np.broadcast_to(image, (3, *truth.shape)).transpose(1, 2, 0)
    faded = rgb.mean(2, keepdims=True).astype(np.uint8) // 2 + 110
    error = np.broadcast_to(faded, rgb.shape).copy()
    error[(truth != prediction) & (truth != IGNORE)] = WRONG
    masks = {"truth": colour_mask(truth, colours), "prediction": colour_mask(prediction, colours)}
    return {"image": rgb, **masks, "error": error}


def picture_grid(rows: Mapping[str, Pictures], legend: dict[str, Colour], cell: int = 160) -> np.ndarray:
    """Rows of the same names by caption, under these names, with a legend at the foot: RGB uint8 (H, W, 3)."""
    columns = list(next(iter(rows.values())))
    font = ImageFont.load_default(FONT_SIZE)
    lefts = [GAP + column * (cell + GAP) for column in range(len(columns))]
    height = CAPTION + GAP + cell + GAP  # of a row
    canvas = Image.new("RGB", (lefts[-1] + cell + GAP, CAPTION + len(rows) * height + CAPTION + GAP), PAPER)
    draw = ImageDraw.Draw(canvas)
    for left, title in zip(lefts, columns, strict=True):
        draw.text((left, 2), title, INK, font)
    for row, (caption, pictures) in enumerate(rows.items()):
        top = CAPTION + row * height
        draw.text((GAP, top + 3), caption, INK, font)
        for left, picture in zip(lefts, pictures.values(), strict=True):
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
