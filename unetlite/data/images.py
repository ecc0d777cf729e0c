"""Reading image and mask files of 8 and 16 bits; one that cannot be read is named in a UsageError."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from unetlite.errors import UsageError

DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, struct.error, zlib.error
)  # fmt: skip
"""What Pillow raises for damaged files, found by changing bytes at random."""

SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "F")


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """The image of a file, closed at the end."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that are damaged but can be read, and of large ones
            image = Image.open(path)
            image.load()
    except Image.DecompressionBombError:
        raise UsageError(f"{path} has too many pixels to read at once. Save it as a TIFF, read by rows.") from None
    except DECODING_ERRORS as error:
        reason = "not an image that can be read" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UsageError(f"{path}: {reason}. Repair it, or leave it out.") from None
    with image:
        yield image


def is_grey(path: Path) -> bool:
    """Whether a file holds one channel, by its header."""
    try:
        with Image.open(path) as image:
            return image.mode in ("1", "L", "LA", *SIXTEEN_BIT)
    except DECODING_ERRORS:
        return False  # reading it will say what is wrong


def read_image(path: Path, channels: int, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """uint8 (channels, H, W) of a file with 8 or 16 bits a channel; channels is 1 (grey) or 3 (RGB).

    More than 8 bits are scaled so that `value_range` becomes 0..255, without it from the image's own lowest value
    to its highest: few 16-bit cameras use all 16 bits.
    """
    with open_image(path) as image:
        return pixels(image, channels, value_range)


def pixels(image: Image.Image, channels: int, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """uint8 (channels, H, W) of an image as a viewer shows it, turned as its EXIF data say; see read_image."""
    image = ImageOps.exif_transpose(image)
    if image.mode in SIXTEEN_BIT:
        values = np.asarray(image, dtype=np.float32)
        image = Image.fromarray(in_8_bits(values, *(value_range or range_of(values))))
    try:
        array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except ValueError:
        raise UsageError(f"pixels of the kind {image.mode} have no conversion to grey or RGB; convert it.") from None
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def range_of(values: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest finite number; infinity and minus infinity if there is none."""
    numbers = values[np.isfinite(values)]
    return (float(numbers.min()), float(numbers.max())) if numbers.size else (np.inf, -np.inf)


def in_8_bits(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 of values of which `low` becomes 0 and `high` 255; NaN, which marks pixels without data, becomes 0."""
    if high < low:
        return np.zeros(values.shape, np.uint8)
    scaled = (values.astype(np.float32) - low) * (255 / max(high - low, 1e-6))
    return np.nan_to_num(scaled).round().clip(0, 255).astype(np.uint8)


def read_values(path: Path) -> np.ndarray:
    """The values of a mask file as they are stored: (H, W) of integers, palette indices included, or (H, W, 3) RGB."""
    with open_image(path) as image:
        values = np.asarray(image.convert("RGB") if image.mode in ("RGBA", "CMYK", "YCbCr") else image)
    return values[..., 0] if values.ndim == 3 and values.shape[2] == 2 else values.astype(np.int64)


def resize_image(image: np.ndarray, shorter_side: int) -> np.ndarray:
    """uint8 (C, H, W) scaled to a shorter side in pixels by an antialiasing bilinear filter."""
    _, height, width = image.shape
    factor = shorter_side / min(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.stack([np.asarray(Image.fromarray(c).resize(size, Image.Resampling.BILINEAR)) for c in image])
