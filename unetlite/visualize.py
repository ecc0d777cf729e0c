"""Pictures of masks, and of where a prediction is wrong."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unetlite.classes import IGNORE, Colour

WRONG = (213, 94, 0)  # vermilion of Okabe and Ito (2008), distinct from greys for every reader
UNLABELLED = (128, 128, 128)
PAPER = (255, 255, 255)
INK = (30, 30, 30)

GAP = 6  # pixels
CAPTION = 24
FONT_SIZE = 17
SWATCH = 14

Pictures = dict[str, np.ndarray]  # RGB uint8 (H, W, 3), by what they show


def colour_mask(mask: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """RGB uint8 (H, W, 3) of class indices (H, W); what is ignored is grey."""
    table = np.full((IGNORE + 1, 3), UNLABELLED, np.uint8)
    table[: len(colours)] = colours
    return table[mask]


def palette_image(classes: np.ndarray, colours: Sequence[Colour]) -> Image.Image:
    """Class indices uint8 (H, W) as an image with a palette of their colours."""
    image = Image.fromarray(classes)
    image.putpalette(np.ravel(colours).tolist())
    return image


@dataclass(frozen=True)
class Display:
    """How images of any kind are shown: three of their channels, or one as grey."""

    channels: tuple[int, ...]  # from 1: of red, green and blue, or of grey
    low: tuple[float, ...] = ()  # the value of every channel that is black
    high: tuple[float, ...] = ()  # and that is white; 0 and 255 if there are none

    def rgb(self, image: np.ndarray) -> np.ndarray:
        """RGB uint8 (H, W, 3) of an image (C, H, W). What has no value is black."""
        shown = []
        for number in self.channels:
            channel = image[number - 1]
            if self.low:
                low, high = self.low[number - 1], self.high[number - 1]
                scaled = (channel.astype(np.float32) - low) * (255 / max(high - low, 1e-30))
                channel = np.nan_to_num(scaled).round().clip(0, 255).astype(np.uint8)
            shown.append(channel)
        return np.broadcast_to(shown, (3, *image.shape[1:])).transpose(1, 2, 0)


def default_channels(count: int) -> tuple[int, ...]:
    """The channels to show of an image with so many: the first three, or the first as grey."""
    return (1, 2, 3) if count >= 3 else (1,)


def overlay(
    rgb: np.ndarray,
    classes: np.ndarray,
    colours: Sequence[Colour],
) -> np.ndarray:
    """RGB uint8 (H, W, 3): a picture RGB uint8 (H, W, 3), tinted by class (H, W).

    The outlines of the classes have their full colour.
    """
    from scipy.ndimage import generate_binary_structure, morphological_gradient

    colour = colour_mask(classes, colours)
    mixed = (rgb.astype(np.uint16) * 13 + colour.astype(np.uint16) * 7) // 20
    neighbours = generate_binary_structure(2, 1)  # above, below, left and right
    is_outline = morphological_gradient(classes, footprint=neighbours) > 0
    return np.where(is_outline[..., None], colour, mixed).astype(np.uint8)


def error_pictures(
    rgb: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    colours: Sequence[Colour],
) -> Pictures:
    """The pictures "image", "truth", "prediction" and "error".

    They are of a picture RGB uint8 (H, W, 3) and of class indices (H, W).
    """
    faded = rgb.mean(2).astype(np.uint8) // 2 + 110
    error = np.stack([faded, faded, faded], axis=-1)
    error[(truth != prediction) & (truth != IGNORE)] = WRONG
    return {
        "image": rgb,
        "truth": colour_mask(truth, colours),
        "prediction": colour_mask(prediction, colours),
        "error": error,
    }


def picture_grid(
    rows: Mapping[str, Pictures], legend: Mapping[str, Colour], cell: int = 160
) -> np.ndarray:
    """RGB uint8 (H, W, 3): rows by caption, in columns by name, with a legend at the foot.

    All rows have pictures of the same names, which are scaled to fit squares of `cell` pixels. A
    row is as high as its pictures.
    """
    columns = list(next(iter(rows.values())))
    column_width = cell + GAP
    fitted = {}
    for caption, pictures in rows.items():
        fitted[caption] = [fit(Image.fromarray(pictures[title]), cell) for title in columns]
    heights = [max(picture.height for picture in row) for row in fitted.values()]
    width = GAP + len(columns) * column_width
    height = CAPTION + sum(heights) + len(rows) * (CAPTION + 2 * GAP) + CAPTION + GAP
    canvas = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.font = load_font()
    for column, title in enumerate(columns):
        draw.text((GAP + column * column_width, 2), title, INK)
    top = CAPTION
    for (caption, row), row_height in zip(fitted.items(), heights, strict=True):
        draw.text((GAP, top + 3), caption, INK)
        for column, picture in enumerate(row):
            canvas.paste(picture, (GAP + column * column_width, top + CAPTION + GAP))
        top += CAPTION + GAP + row_height + GAP
    entries = dict(legend)
    if "error" in columns:
        entries["wrong"] = WRONG
    top = height - CAPTION
    left = GAP
    for name, colour in entries.items():
        draw.rectangle((left, top + 3, left + SWATCH, top + 3 + SWATCH), colour, INK)
        draw.text((left + 20, top - 1), name, INK)
        left += 40 + round(draw.textlength(name))
    return np.array(canvas)


@cache
def load_font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which has Latin, Greek, Cyrillic and more; Pillow's own has English only."""
    from matplotlib import get_data_path

    file = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(file, FONT_SIZE)


def data_uri(picture: np.ndarray) -> str:
    """An RGB picture uint8 (H, W, 3) as an address that contains it."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def fit(picture: Image.Image, cell: int) -> Image.Image:
    """The picture scaled into a square of `cell` pixels; if enlarged, its pixels stay visible."""
    factor = cell / max(picture.size)
    width = max(1, round(picture.width * factor))
    height = max(1, round(picture.height * factor))
    resample = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX
    return picture.resize((width, height), resample)
