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

# Distinct from each other and from greys for every reader. Okabe and Ito (2008) have no violet, so
# that what is found has the colour of no class.
FOUND = (136, 34, 204)
MISSED = (213, 94, 0)
FALSE = (240, 228, 66)
WRONG = (20, 20, 20)  # between other classes
DIFFERENT = MISSED  # where predictions differ
FRAME = (204, 121, 167)  # around a part
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
    shown = list(colours)
    if (classes == IGNORE).any():  # else a file of few colours has fewer bits
        shown += [UNLABELLED] * (IGNORE + 1 - len(colours))
    image = Image.fromarray(classes)
    image.putpalette(np.ravel(shown).tolist())
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

    The outlines of the classes have their full colour. What is ignored stays as it is.
    """
    from scipy.ndimage import generate_binary_structure, morphological_gradient

    colour = colour_mask(classes, colours)
    mixed = (rgb.astype(np.uint16) * 13 + colour.astype(np.uint16) * 7) // 20
    neighbours = generate_binary_structure(2, 1)  # above, below, left and right
    is_outline = morphological_gradient(classes, footprint=neighbours) > 0
    tinted = np.where(is_outline[..., None], colour, mixed)
    is_ignored = classes == IGNORE
    return np.where(is_ignored[..., None], rgb, tinted).astype(np.uint8)


def error_pictures(
    rgb: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    colours: Sequence[Colour],
    focus: int,
) -> Pictures:
    """The pictures "image", "truth", "prediction" and "error".

    They are of a picture RGB uint8 (H, W, 3) and of class indices (H, W). The error is that of the
    class `focus`, in the colours of `error_legend`: found is a tint, so that what is wrong stands
    out.
    """
    grey = rgb.mean(2).astype(np.uint8) // 5 * 2 + 90
    error = np.stack([grey, grey, grey], axis=-1)
    labelled = truth != IGNORE
    is_true = truth == focus
    is_predicted = (prediction == focus) & labelled
    error[labelled & (truth != prediction)] = WRONG
    error[is_true & ~is_predicted] = MISSED
    error[is_predicted & ~is_true] = FALSE
    found = is_true & is_predicted
    error[found] = error[found] // 3 + np.array(FOUND, np.uint8) // 3 * 2
    return {
        "image": rgb,
        "truth": colour_mask(truth, colours),
        "prediction": colour_mask(prediction, colours),
        "error": error,
    }


def error_legend(classes: Sequence[str], focus: int) -> dict[str, Colour]:
    """The colours of an error picture by what they mean."""
    legend: dict[str, Colour] = {
        f"{classes[focus]} found": FOUND,
        "missed": MISSED,
        "false": FALSE,
    }
    if len(classes) > 2:
        legend["other classes confused"] = WRONG
    return legend


def rarest_class(pixels: Sequence[int]) -> int:
    """The index of the class with the fewest pixels, of those that have some."""
    present = [k for k, count in enumerate(pixels) if count > 0]
    return min(present, key=pixels.__getitem__, default=0)


def shows_most_classes(pixels: np.ndarray) -> int:
    """The position of the image with the most classes, by the pixels (N, K) of each class.

    Of several it is the one with the most pixels of the rarest class, then the first.
    """
    rarest = rarest_class(pixels.sum(0).tolist())
    classes = np.count_nonzero(pixels, axis=1)  # (N,)
    ranks = list(zip(classes.tolist(), pixels[:, rarest].tolist(), strict=True))
    return ranks.index(max(ranks))


def densest_window(weights: np.ndarray, side: int) -> tuple[slice, slice]:
    """Rows and columns of the square of up to `side` pixels with the largest sum of (H, W) weights.

    Without any weight it is the middle.
    """
    height, width = weights.shape
    rows = min(side, height)
    columns = min(side, width)
    sums = np.pad(weights.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[rows:, columns:] - sums[:-rows, columns:]
    inside = inside - sums[rows:, :-columns] + sums[:-rows, :-columns]
    top, left = (height - rows) // 2, (width - columns) // 2
    if inside.max() > 0:
        candidates = np.argwhere(inside >= inside.max() - 1e-9)
        # Of equal sums the middle one, so that what is shown is not at the rim.
        top, left = candidates[len(candidates) // 2].tolist()
    return slice(top, top + rows), slice(left, left + columns)


def enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    """A picture (H, W, 3) enlarged so many times, each pixel a square."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def framed(rgb: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """A copy of a picture (H, W, 3) with a frame around a window."""
    height, width = rgb.shape[:2]
    rows, columns = window
    picture = Image.fromarray(rgb)
    draw = ImageDraw.Draw(picture)
    thickness = max(1, round(max(height, width) / 140))
    box = (columns.start, rows.start, columns.stop - 1, rows.stop - 1)
    draw.rectangle(box, outline=FRAME, width=thickness)
    return np.array(picture)


def picture_grid(
    rows: Mapping[str, Pictures],
    legend: Mapping[str, Colour],
    cell: int = 160,
    errors: Mapping[str, Colour] | None = None,
) -> np.ndarray:
    """RGB uint8 (H, W, 3): rows by caption, in columns by name, with a legend at the foot.

    All rows have pictures of the same names, which are scaled into squares of `cell` pixels. A row
    is as high as its highest picture. A class can have the colour of an error, so `errors`, the
    colours of error pictures, have a line of their own in the legend.
    """
    legends = {"": legend}
    if errors is not None:
        legends = {"truth, prediction:": legend, "error:": errors}
    columns = list(next(iter(rows.values())))
    column_width = cell + GAP
    fitted = {}
    for caption, pictures in rows.items():
        fitted[caption] = [fit(Image.fromarray(pictures[title]), cell) for title in columns]
    row_heights = []
    for images in fitted.values():
        tallest = max(image.height for image in images)
        row_heights.append(CAPTION + GAP + tallest + GAP)
    width = GAP + len(columns) * column_width
    height = CAPTION + sum(row_heights) + len(legends) * CAPTION + GAP
    canvas = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.font = load_font()
    for column, title in enumerate(columns):
        draw.text((GAP + column * column_width, 2), title, INK)
    top = CAPTION
    for (caption, images), row_height in zip(fitted.items(), row_heights, strict=True):
        draw.text((GAP, top + 3), caption, INK)
        for column, image in enumerate(images):
            canvas.paste(image, (GAP + column * column_width, top + CAPTION + GAP))
        top += row_height
    for heading, colours in legends.items():
        draw_legend(draw, top + GAP, heading, colours)
        top += CAPTION
    return np.array(canvas)


def draw_legend(
    draw: ImageDraw.ImageDraw,
    top: int,
    heading: str,
    colours: Mapping[str, Colour],
) -> None:
    """A line of colours with their names, behind a heading."""
    left = GAP
    if heading:
        draw.text((left, top - 1), heading, INK)
        left += 20 + round(draw.textlength(heading))
    for name, colour in colours.items():
        draw.rectangle((left, top + 3, left + SWATCH, top + 3 + SWATCH), colour, INK)
        draw.text((left + 20, top - 1), name, INK)
        left += 40 + round(draw.textlength(name))


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
