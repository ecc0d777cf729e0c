"""Image and mask files of 8 and 16 bits: one reader for training, prediction and the web page.

A file that cannot be read is named in a UsageError.
"""

import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from unetlite.data.tiff_rows import TiffRows
from unetlite.errors import PARSE_ERRORS, UsageError, first_line

DECODING_ERRORS = (*PARSE_ERRORS, OSError, SyntaxError, EOFError, struct.error, zlib.error)
"""What Pillow raises for damaged files, as bytes changed at random have shown."""

FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP")
"""Pillow's other decoders are never called, whatever the name of a file."""

DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "F")
"""Pillow's modes of one channel with more than 8 bits."""

LARGE = 2**26
"""Pixels. A TIFF file of more is read by rows."""

ROWS_AT_ONCE = 256
"""Rows of a large file in memory while its range of values is determined."""

SUBFILE_TYPE = 254  # a tag of TIFF
REDUCED_OR_MASK = 1 | 4  # its bits

ValueRange = tuple[float, float]


class RasterSource(NamedTuple):
    """An image or a mask that is read by rows, from the first to before the end.

    Of an image they are uint8 (C, n, W), of a mask its values (n, W) or (n, W, 3).
    """

    height: int
    width: int
    rows: Callable[[int, int], np.ndarray]
    georeference: dict[str, Any] | None = None  # options of rasterio; None if read as a whole


def open_source(
    path: Path,
    channels: int,
    value_range: ValueRange | None = None,
) -> RasterSource:
    """A large TIFF file by rows, any other as a whole; pixels as `read_image` gives them.

    Raises UsageError if it cannot be read.
    """
    if is_large(path):
        return open_large_tiff(path, channels, value_range)
    return array_source(read_image(path, channels, value_range))


def array_source(array: np.ndarray) -> RasterSource:
    """A source of the pixels of an array uint8 (C, H, W)."""

    def rows(first: int, end: int) -> np.ndarray:
        return array[:, first:end]

    return RasterSource(array.shape[1], array.shape[2], rows)


def open_mask_rows(path: Path, colours: bool = False) -> RasterSource:
    """A mask: a large TIFF file by rows, any other as a whole. See `read_mask`."""
    if is_large(path):
        tiff = TiffRows(path)
        return RasterSource(tiff.height, tiff.width, tiff.read)
    values = read_mask(path, colours)

    def rows(first: int, end: int) -> np.ndarray:
        return values[first:end]

    return RasterSource(values.shape[0], values.shape[1], rows)


def read_image(
    path: Path,
    channels: int,
    value_range: ValueRange | None = None,
) -> np.ndarray:
    """Pixels uint8 (channels, H, W) of a file with 8 or 16 bits a channel.

    `channels` is 1 (grey) or 3 (RGB). More than 8 bits are scaled so that `value_range` becomes
    0..255. Without it the image's own lowest and highest value do: few 16-bit cameras use all
    16 bits. Raises UsageError if the file cannot be read.
    """
    read = READERS.get(path.suffix.lower(), read_with_pillow)
    return read(path, channels, value_range)


def read_mask(path: Path, colours: bool = False) -> np.ndarray:
    """The values of a mask file as they are stored: integers (H, W), or RGB (H, W, 3).

    An image with a palette gives indices, or with `colours` the palette's colours. GIF and BMP,
    which store greys by a palette, give greys. Raises UsageError for files whose values are not
    those that were drawn.
    """
    with open_image(path) as image:
        if is_jpeg_compressed(image):
            raise UsageError(
                f"{path} is a JPEG, which blurs the values of a mask; save masks as PNG or TIFF."
            )
        values = stored_values(image, colours)
    if values.dtype.kind == "f":
        is_whole = np.isfinite(values) & (values == np.round(values))
        if not is_whole.all():
            raise UsageError(
                f"{path} holds numbers that are not whole; a mask holds a whole number a class."
            )
        return values.astype(np.int64)
    if values.dtype == bool:
        return values.view(np.uint8)
    if values.ndim == 3 and values.shape[2] == 2:  # grey and transparency
        return values[..., 0]
    return values


def stored_values(image: Image.Image, colours: bool) -> np.ndarray:
    """Values (H, W), or (H, W, C) of several channels. See `read_mask`."""
    values = np.asarray(image)
    if image.mode not in ("P", "RGBA", "CMYK", "YCbCr"):
        return values
    rgb = np.asarray(image.convert("RGB"))
    if colours or image.mode != "P":
        return rgb
    if image.format in ("GIF", "BMP") and (rgb == rgb[..., :1]).all():
        return rgb
    return values


def is_jpeg_compressed(image: Image.Image) -> bool:
    """True if the compression changes values, in a file of whatever format."""
    compression = image.info.get("compression")
    return image.format in ("JPEG", "MPO") or compression in ("jpeg", "tiff_jpeg", "webp")


@contextmanager
def open_header(path: Path) -> Iterator[Image.Image]:
    """Yields the image of a file before its pixels are read.

    Raises UsageError if it cannot be read, also for what Pillow raises in the block.
    """
    if not path.is_file():  # a pipe or a device could be read for ever
        raise UsageError(f"{path} is not a regular file. Leave it out.")
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


@contextmanager
def open_image(path: Path, max_pixels: float = np.inf) -> Iterator[Image.Image]:
    """Yields the image of a file with its pixels.

    Raises UsageError if it cannot be read, holds several images, or has too many pixels.
    """
    with open_header(path) as image:
        if image.width * image.height > max_pixels:
            raise UsageError(
                f"{path} has {image.width} x {image.height} pixels; "
                f"at most {max_pixels} are taken here."
            )
        if holds_several(image):
            raise UsageError(
                f"{path} holds 2 pages or frames or more; save each as a file of its own."
            )
        image.load()
        yield image


def holds_several(image: Any) -> bool:
    """True if the file holds several images. Thumbnails and reduced copies do not count."""
    if image.format in ("PNG", "GIF"):
        return getattr(image, "n_frames", 1) > 1
    if image.format != "TIFF":
        return False
    several = False
    for frame in range(1, image.n_frames):
        image.seek(frame)
        if not image.tag_v2.get(SUBFILE_TYPE, 0) & REDUCED_OR_MASK:
            several = True
    image.seek(0)
    return several


def is_grey(path: Path) -> bool:
    """True if a file holds one channel, by its header; False if it cannot be read."""
    try:
        with open_header(path) as image:
            return image.mode in ("1", "L", "LA", *DEEP_MODES)
    except UsageError:
        return False  # reading the pixels raises it again


def is_large(path: Path) -> bool:
    """True for a TIFF file of so many pixels that it is read by rows."""
    if path.suffix.lower() not in (".tif", ".tiff") or not path.is_file():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large files
            with Image.open(path, formats=FORMATS) as image:
                return image.width * image.height > LARGE
    except Image.DecompressionBombError:
        return True
    except UnidentifiedImageError:
        # rasterio reads kinds of pixels that Pillow does not.
        return path.stat().st_size > LARGE
    except DECODING_ERRORS:
        return False  # reading the pixels raises it again


def to_uint8(
    image: Image.Image, channels: int, value_range: ValueRange | None = None
) -> np.ndarray:
    """Pixels uint8 (channels, H, W) as a viewer shows them: turned by EXIF. See `read_image`."""
    image = ImageOps.exif_transpose(image)
    if image.mode in DEEP_MODES:
        image = scale_to_8_bits(image, value_range)
    try:
        array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except ValueError:
        raise UsageError(
            f"pixels of the kind {image.mode} have no conversion to grey or RGB; convert it."
        ) from None
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def scale_to_8_bits(
    image: Image.Image,
    value_range: ValueRange | None,
) -> Image.Image:
    """A grey image whose 0 and 255 are the ends of the range, by default of its own values."""
    values = np.asarray(image, dtype=np.float32)
    low, high = value_range or finite_range(values)
    if low <= high:
        scaled = (values - low) * (255 / max(high - low, 1e-6))
    else:
        scaled = np.zeros_like(values)
    # NaN, which marks pixels without data, becomes 0.
    scaled = np.nan_to_num(scaled).round().clip(0, 255)
    return Image.fromarray(scaled.astype(np.uint8))


def finite_range(values: np.ndarray) -> ValueRange:
    """The lowest and the highest finite number; infinity and minus infinity if there is none."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.inf, -np.inf
    return float(finite.min()), float(finite.max())


def resize_image(image: np.ndarray, shorter_side: int) -> np.ndarray:
    """Pixels uint8 (C, H, W) scaled to a shorter side in pixels, bilinear with antialiasing."""
    _, height, width = image.shape
    factor = shorter_side / min(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    channels = []
    for channel in image:
        resized = Image.fromarray(channel).resize(size, Image.Resampling.BILINEAR)
        channels.append(np.asarray(resized))
    return np.stack(channels)


def open_large_tiff(
    path: Path,
    channels: int,
    value_range: ValueRange | None,
) -> RasterSource:
    """A TIFF file by rows; its pixels are converted as `read_image` converts a whole file."""
    tiff = TiffRows(path)
    tiff.check_is_image()
    is_deep = tiff.dtype != np.uint8 and not tiff.has_colour
    if is_deep and value_range is None:
        value_range = range_of_rows(tiff)

    def rows(first: int, end: int) -> np.ndarray:
        values = tiff.read(first, end)
        if is_deep:
            values = values.astype(np.float32)
        elif tiff.dtype == np.uint16:
            values = (values >> 8).astype(np.uint8)  # as Pillow does
        return to_uint8(Image.fromarray(values), channels, value_range)

    return RasterSource(
        tiff.height,
        tiff.width,
        rows,
        tiff.georeference,
    )


def range_of_rows(tiff: TiffRows) -> ValueRange:
    """The lowest and the highest finite number of a file, see `finite_range`."""
    low, high = np.inf, -np.inf
    for first in range(0, tiff.height, ROWS_AT_ONCE):
        end = min(first + ROWS_AT_ONCE, tiff.height)
        lowest, highest = finite_range(tiff.read(first, end))
        low = min(low, lowest)
        high = max(high, highest)
    return low, high


def read_with_pillow(
    path: Path,
    channels: int,
    value_range: ValueRange | None,
) -> np.ndarray:
    """An image in one of FORMATS. See `read_image`."""
    with open_image(path) as image:
        return to_uint8(image, channels, value_range)


PILLOW_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp")

READERS = dict.fromkeys(PILLOW_SUFFIXES, read_with_pillow)
"""The function that reads an image file, by suffix. Folders are searched for these suffixes."""
