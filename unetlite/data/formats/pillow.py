"""PNG, JPEG, GIF, BMP and WebP, by Pillow."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from unetlite.data.formats.base import ImageFile
from unetlite.errors import PARSE_ERRORS, UsageError, first_line

DECODING_ERRORS = (*PARSE_ERRORS, OSError, SyntaxError, EOFError, struct.error, zlib.error)
"""What Pillow raises for damaged files, as bytes changed at random have shown."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
"""Pillow's other decoders are never called, whatever the name of a file."""

ORIENTATION = 274  # a tag of EXIF

GREY_16_BITS = ("I", "I;16", "I;16B", "I;16L")
"""Modes of a grey PNG of 16 bits, by version of Pillow."""

STORED_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", *GREY_16_BITS)
"""Other modes, such as CMYK, are converted to RGB."""


class PillowFile(ImageFile):
    """An image in one of FORMATS, which is decoded as a whole."""

    def __init__(self, path: Path):
        super().__init__(path)
        with open_header(path) as image:
            self.height, self.width = image.height, image.width
            self.mode = image.mode if image.mode in STORED_MODES else "RGB"
            self.palette = read_palette(image)
            self.palette_of_greys = image.format in ("GIF", "BMP")
            self.blurs_values = image.format in ("JPEG", "MPO")
            if image.format in ("JPEG", "MPO", "PNG", "WEBP"):
                self.orientation = image.getexif().get(ORIENTATION, 1)
            several = image.format in ("PNG", "GIF", "WEBP")
            self.frames = getattr(image, "n_frames", 1) if several else 1
        self.has_alpha = self.mode in ("LA", "RGBA")
        self.channels = {"LA": 2, "RGB": 3, "RGBA": 4}.get(self.mode, 1)
        self.dtype = np.dtype(np.uint8)
        if self.mode == "1":
            self.dtype = np.dtype(bool)
        elif self.mode in GREY_16_BITS:
            self.dtype = np.dtype(np.uint16)

    def read(self, first: int, end: int) -> np.ndarray:
        if self.frames > 1:
            raise UsageError(
                f"{self.path} holds {self.frames} frames; save each as a file of its own."
            )
        with open_header(self.path) as image:
            if image.mode != self.mode:
                image = image.convert(self.mode)
            values = np.asarray(image)
        if values.ndim == 2:
            values = values[..., None]
        rows = values[first:end].transpose(2, 0, 1)
        return rows.astype(self.dtype, copy=False)


@contextmanager
def open_header(path: Path) -> Iterator[Image.Image]:
    """Yields the image of a file before its pixels are read.

    Raises UsageError if it cannot be read, also for what Pillow raises in the block.
    """
    try:
        with warnings.catch_warnings():
            # Of large files, and of damaged ones that can be read.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except Image.DecompressionBombError:
        raise UsageError(
            f"{path} has too many pixels to read at once. Save it as a TIFF, read by rows."
        ) from None
    except DECODING_ERRORS as error:
        reason = first_line(error)
        if isinstance(error, UnidentifiedImageError):
            reason = f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} that can be read"
        raise UsageError(f"{path}: {reason}. Repair it, or leave it out.") from None


def read_palette(image: Image.Image) -> np.ndarray | None:
    """The colours of an image with a palette, RGB uint8 (256, 3)."""
    if image.mode != "P":
        return None
    colours = np.zeros((256, 3), np.uint8)
    stored = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    colours[: len(stored)] = stored
    return colours
