"""Reading image and mask files of 8 and 16 bits; one that cannot be read is named in a UsageError."""

import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from unetlite.errors import MALFORMED, UsageError, first_line

DECODING_ERRORS = (*MALFORMED, OSError, SyntaxError, EOFError, struct.error, zlib.error)
"""What Pillow raises for damaged files, found by changing bytes at random."""

SUBFILE_TYPE, REDUCED_OR_MASK = 254, 1 | 4  # a TIFF's tag, and its bits
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "F")
FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP")  # what opens others is not called, whatever the name of a file is


@contextmanager
def open_header(path: Path) -> Iterator[Image.Image]:
    """The image of a file before its pixels are read, closed at the end. Raises UsageError, also in the block."""
    if not path.is_file():  # as a pipe or a device, which could be read for ever
        raise UsageError(f"{path} is no file. Leave it out.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that are damaged but can be read, and of large ones
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except Image.DecompressionBombError:
        raise UsageError(f"{path} has too many pixels to read at once. Save it as a TIFF, read by rows.") from None
    except DECODING_ERRORS as error:
        unknown = isinstance(error, UnidentifiedImageError)
        reason = f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} that can be read" if unknown else first_line(error)
        raise UsageError(f"{path}: {reason}. Repair it, or leave it out.") from None


@contextmanager
def open_image(path: Path, most: float = math.inf) -> Iterator[Image.Image]:
    """The image of a file with its pixels, closed at the end. Raises UsageError, also for several, or for too many."""
    with open_header(path) as image:
        if image.width * image.height > most:
            raise UsageError(f"{path} has {image.width} x {image.height} pixels; at most {most} are taken here.")
        if has_pages(image):
            raise UsageError(f"{path} holds 2 pages or frames or more; save each as a file of its own.")
        image.load()
        yield image


def has_pages(image: Any) -> bool:
    """Whether an image is one of several: previews beside a photograph and reduced copies in a TIFF are none."""
    if image.format != "TIFF":
        return image.format in ("PNG", "GIF") and getattr(image, "n_frames", 1) > 1
    reduced = []
    for frame in range(1, image.n_frames):
        image.seek(frame)
        reduced.append(image.tag_v2.get(SUBFILE_TYPE, 0) & REDUCED_OR_MASK)
    image.seek(0)
    return not all(reduced)


def is_grey(path: Path) -> bool:
    """Whether a file holds one channel, by its header."""
    try:
        with open_header(path) as image:
            return image.mode in ("1", "L", "LA", *SIXTEEN_BIT)
    except UsageError:
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
        low, high = value_range or range_of(values)
        scaled = (values - low) * (255 / max(high - low, 1e-6)) if low <= high else np.zeros_like(values)
        # NaN, which marks pixels without data, becomes 0.
        image = Image.fromarray(np.nan_to_num(scaled).round().clip(0, 255).astype(np.uint8))
    try:
        array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except ValueError:
        raise UsageError(f"pixels of the kind {image.mode} have no conversion to grey or RGB; convert it.") from None
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def range_of(values: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest finite number; infinity and minus infinity if there is none."""
    numbers = values[np.isfinite(values)]
    return (float(numbers.min()), float(numbers.max())) if numbers.size else (np.inf, -np.inf)


def read_values(path: Path, colours: bool = False) -> np.ndarray:
    """The values of a mask file as they are stored: (H, W) of integers, or (H, W, 3) RGB.

    An image with a palette gives indices, or its colours if these are asked for; GIF and BMP, which store greys by a
    palette, give greys. Raises UsageError for files whose values are not those that were drawn.
    """
    with open_image(path) as image:
        if image.format in ("JPEG", "MPO") or image.info.get("compression") in ("jpeg", "tiff_jpeg", "webp"):
            raise UsageError(f"{path} is a JPEG, which blurs the values of a mask; save masks as PNG or TIFF.")
        values = np.asarray(image)
        if image.mode in ("P", "RGBA", "CMYK", "YCbCr"):
            rgb = np.asarray(image.convert("RGB"))
            greys = image.format in ("GIF", "BMP") and (rgb == rgb[..., :1]).all()
            values = rgb if colours or greys or image.mode != "P" else values
    if values.dtype.kind == "f":
        if not (np.isfinite(values) & (values == np.round(values))).all():
            raise UsageError(f"{path} holds numbers that are not whole; a mask holds a whole number a class.")
        values = values.astype(np.int64)
    values = values.view(np.uint8) if values.dtype == bool else values
    return values[..., 0] if values.ndim == 3 and values.shape[2] == 2 else values


def resize_image(image: np.ndarray, shorter_side: int) -> np.ndarray:
    """uint8 (C, H, W) scaled to a shorter side in pixels by an antialiasing bilinear filter."""
    _, height, width = image.shape
    factor = shorter_side / min(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.stack([np.asarray(Image.fromarray(c).resize(size, Image.Resampling.BILINEAR)) for c in image])
