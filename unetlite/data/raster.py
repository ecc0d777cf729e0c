"""Pixels of image and mask files: one reader for training, prediction and the web page.

A file that cannot be read is named in a UsageError.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from unetlite.data.formats import open_image_file
from unetlite.data.formats.base import ImageFile
from unetlite.errors import UsageError
from unetlite.settings.schema import PixelType

LARGE = 2**26
"""Pixels. A TIFF file of more is read by rows."""

SWAP_AXES = (5, 6, 7, 8)
"""Orientations of EXIF by which rows become columns."""

LUMINANCE = (19595, 38470, 7471)
"""Shares of red, green and blue in grey, of 65536: ITU-R BT.601, as Pillow rounds it."""


class Pixels(NamedTuple):
    """An image."""

    values: np.ndarray  # (C, H, W), of a PixelType
    valid: np.ndarray | None  # bool (H, W), False where the file has no data; None if it has all


class PixelKind(NamedTuple):
    """What a file holds, by its header."""

    channels: int
    type: PixelType


class Geometry(NamedTuple):
    """The size of an image or a mask as it is stored, in pixels, and how a viewer turns it."""

    height: int
    width: int
    orientation: int = 1  # of EXIF, 1 to 8

    @property
    def viewed_size(self) -> tuple[int, int]:
        """Height and width as a viewer turns it."""
        if self.orientation in SWAP_AXES:
            return self.width, self.height
        return self.height, self.width


def read_geometry(path: Path) -> Geometry:
    """Of an image file, by its header. Raises UsageError if it cannot be read."""
    file = open_image_file(path)
    return Geometry(file.height, file.width, file.orientation)


class RasterSource(NamedTuple):
    """An image that is read by rows, from the first to before the end."""

    height: int
    width: int
    rows: Callable[[int, int], Pixels]
    by_rows: bool = False  # it is never in memory as a whole
    georeference: dict[str, Any] | None = None  # options of rasterio; None if it has no place


class MaskRows(NamedTuple):
    """A mask that is read by rows: values (n, W) or (n, W, 3)."""

    height: int
    width: int
    rows: Callable[[int, int], np.ndarray]


def open_source(
    path: Path, kind: PixelKind, as_viewed: bool = True, nodata: float | None = None
) -> RasterSource:
    """A large TIFF file by rows, any other as a whole; pixels as `read_image` gives them.

    Raises UsageError if it cannot be read, does not hold pixels of this kind, or has a place but is
    to be turned.
    """
    file = open_image_file(path, nodata)
    check_kind(file, kind)
    if as_viewed and file.orientation != 1 and file.georeference is not None:
        raise UsageError(
            f"{path} has a georeference, and says by EXIF that it is to be turned (orientation "
            f"{file.orientation}), so the place of a mask is unclear. Save it with orientation 1."
        )
    if not is_read_by_rows(file, as_viewed):
        source = array_source(*read_image(path, kind.channels, as_viewed, nodata))
        return source._replace(georeference=file.georeference)

    def rows(first: int, end: int) -> Pixels:
        return to_pixels(file.read(first, end), file, kind.channels)

    return RasterSource(
        file.height,
        file.width,
        rows,
        by_rows=True,
        georeference=file.georeference,
    )


def array_source(array: np.ndarray, valid: np.ndarray | None = None) -> RasterSource:
    """A source of the pixels of an array (C, H, W), which are `valid` as those of Pixels."""

    def rows(first: int, end: int) -> Pixels:
        return Pixels(array[:, first:end], None if valid is None else valid[first:end])

    return RasterSource(array.shape[1], array.shape[2], rows)


def open_mask_rows(path: Path, colours: bool = False, as_viewed: bool = True) -> MaskRows:
    """A mask by rows, if it is a large TIFF file. See `read_mask`."""
    file = open_image_file(path)
    check_is_mask(file)
    if is_read_by_rows(file, as_viewed):

        def read(first: int, end: int) -> np.ndarray:
            return to_mask(file.read(first, end), file, colours)

        return MaskRows(file.height, file.width, read)
    values = read_mask(path, colours, as_viewed)

    def rows(first: int, end: int) -> np.ndarray:
        return values[first:end]

    return MaskRows(values.shape[0], values.shape[1], rows)


def read_image(
    path: Path,
    channels: int | None = None,
    as_viewed: bool = True,
    nodata: float | None = None,
) -> Pixels:
    """The pixels of a file in the type and range in which it holds them.

    Booleans become 0 and 255, and other types than PixelType float32. `channels` of 1 makes grey of
    RGB, 3 repeats grey; a number that counts the channel for transparency reads that, too. Pixels
    without data are NaN or, of integers, 0: those with the value that the file says, or `nodata`.
    `as_viewed` turns the image as its EXIF says. Raises UsageError if the file cannot be read, or
    has other channels.
    """
    file = open_image_file(path, nodata)
    stored = file.read(0, file.height)
    if as_viewed:
        stored = turn(stored, file.orientation)
    return to_pixels(stored, file, channels)


def read_mask(path: Path, colours: bool = False, as_viewed: bool = True) -> np.ndarray:
    """The values of a mask file as they are stored: integers (H, W), or RGB (H, W, 3).

    An image with a palette gives indices, or with `colours` the palette's colours. GIF and BMP,
    which store greys by a palette, give greys. `as_viewed` turns the mask as its EXIF says. Raises
    UsageError for files whose values are not those that were drawn.
    """
    file = open_image_file(path)
    check_is_mask(file)
    stored = file.read(0, file.height)
    if as_viewed:
        stored = turn(stored, file.orientation)
    return to_mask(stored, file, colours)


def pixel_kind(file: ImageFile) -> PixelKind:
    """The channels, without one for transparency, and the type that `read_image` gives."""
    kind: PixelType = "float32"
    if file.dtype in (np.bool_, np.uint8):
        kind = "uint8"
    elif file.dtype == np.uint16:
        kind = "uint16"
    return PixelKind(file.colour_channels, kind)


def check_kind(file: ImageFile, kind: PixelKind) -> None:
    """Raises UsageError if a file does not hold pixels of this type."""
    stored = pixel_kind(file)
    if stored.type != kind.type:
        raise UsageError(
            f"{file.path} holds {stored.type} pixels, but the network was trained on {kind.type}; "
            "values of another type mean something else."
        )


def is_read_by_rows(file: ImageFile, as_viewed: bool) -> bool:
    """True for a file of many pixels, unless it must be turned."""
    is_large = file.reads_rows and file.height * file.width > LARGE
    is_turned = as_viewed and file.orientation != 1
    return is_large and not is_turned


def to_pixels(stored: np.ndarray, file: ImageFile, channels: int | None) -> Pixels:
    """Pixels of stored values (C, n, W). See `read_image`."""
    keeps_alpha = file.has_alpha and channels == file.channels
    colour = stored if keeps_alpha else stored[: file.channels - file.has_alpha]
    missing = find_missing(colour, file.nodata)
    values, valid = leave_out(to_pixel_type(colour, file), missing)
    if file.alpha_marks_data and file.has_alpha and not keeps_alpha:
        valid = both_valid(valid, read_opacity(stored[-1], file))
    return Pixels(with_channels(values, channels, file.path), valid)


def find_missing(stored: np.ndarray, nodata: float | None) -> np.ndarray | None:
    """Where there are no data: the value `nodata`, or no finite number. None: nowhere.

    (C, n, W) -> bool (C, n, W).
    """
    missing = np.zeros(stored.shape, bool)
    if stored.dtype.kind == "f":
        missing = ~np.isfinite(stored)
    if nodata is not None and np.isfinite(nodata):
        missing |= stored == nodata
    return missing if missing.any() else None


def leave_out(values: np.ndarray, missing: np.ndarray | None) -> Pixels:
    """Pixels of values (C, n, W), of which those that are missing, bool (C, n, W), are replaced.

    They become NaN or, of integers, 0. The index of a palette is one channel, its colour is three.
    """
    if missing is None:
        return Pixels(values, None)
    replacement = np.nan if values.dtype == np.float32 else 0
    replaced = np.where(missing, values.dtype.type(replacement), values)
    return Pixels(replaced, ~np.any(missing, axis=0))


def both_valid(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """Where both have data, bool (H, W); None: everywhere."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def to_pixel_type(stored: np.ndarray, file: ImageFile) -> np.ndarray:
    """Values (C, n, W) of a PixelType, as a viewer shows them, in an array of their own."""
    if file.palette is not None:
        return file.palette[stored[0]].transpose(2, 0, 1)
    if stored.dtype == bool:
        stored = stored * np.uint8(255)
    kind = pixel_kind(file).type
    if file.white_is_zero and kind != "float32":
        stored = np.iinfo(stored.dtype).max - stored
    return stored.astype(kind)


def read_opacity(alpha: np.ndarray, file: ImageFile) -> np.ndarray:
    """True where a channel for transparency (n, W) says that there are data.

    Raises UsageError if it holds other values than a mask does.
    """
    opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1
    if not np.isin(alpha, (0, opaque)).all():
        count = file.channels
        raise UsageError(
            f"{file.path} declares its last channel as transparency, but it holds other values "
            f"than 0 and {opaque}. Say data.channels={count} to read it as a channel, or save the "
            "image without it."
        )
    return alpha == opaque


def with_channels(values: np.ndarray, channels: int | None, path: Path) -> np.ndarray:
    """Pixels (C, n, W) with so many channels. Raises UsageError, see `read_image`."""
    stored = len(values)
    if channels is None or channels == stored:
        return values
    if stored == 1 and channels == 3:
        return np.repeat(values, 3, axis=0)
    if stored == 3 and channels == 1:
        return to_grey(values)
    raise UsageError(
        f"{path} has {stored} channel(s); expected {channels}. All images need the same channels."
    )


def to_grey(rgb: np.ndarray) -> np.ndarray:
    """The luminance (1, n, W) of RGB (3, n, W), of the same type."""
    weights = np.array(LUMINANCE, np.float64)[:, None, None]
    luminance = (rgb * weights).sum(0, keepdims=True)
    if rgb.dtype.kind == "f":
        return (luminance / 65536).astype(rgb.dtype)
    return ((luminance.astype(np.int64) + 32768) >> 16).astype(rgb.dtype)


def turn(array: np.ndarray, orientation: int) -> np.ndarray:
    """An array (..., H, W) as a viewer shows it, by the orientation of EXIF, 1 to 8."""
    if orientation in SWAP_AXES:
        array = array.swapaxes(-1, -2)
    if orientation in (3, 4, 7, 8):
        array = array[..., ::-1, :]
    if orientation in (2, 3, 6, 7):
        array = array[..., ::-1]
    return np.ascontiguousarray(array)


def check_is_mask(file: ImageFile) -> None:
    """Raises UsageError for a file whose values are not those that were drawn."""
    if file.blurs_values:
        raise UsageError(
            f"{file.path} is a JPEG or compressed like one, which blurs the values of a mask; "
            "save masks as PNG or TIFF. If it is a photograph, image and mask are swapped."
        )


def to_mask(stored: np.ndarray, file: ImageFile, colours: bool) -> np.ndarray:
    """The values of a mask (n, W) or (n, W, 3) of stored values (C, n, W). See `read_mask`."""
    if file.palette is not None:
        rgb = file.palette[stored[0]]
        if colours:
            return rgb
        is_grey = file.palette_of_greys and (rgb == rgb[..., :1]).all()
        return rgb[..., 0] if is_grey else stored[0]
    if file.has_alpha:
        check_alpha(stored, file.path)
    count = stored.shape[0] - file.has_alpha
    if count not in (1, 3):
        raise UsageError(f"{file.path} has {count} channels; a mask has one, or the three of RGB.")
    values = stored[0] if count == 1 else stored[:3].transpose(1, 2, 0)
    if values.dtype.kind == "f":
        is_whole = np.isfinite(values) & (values == np.round(values))
        if not is_whole.all():
            raise UsageError(
                f"{file.path} holds numbers that are not whole; a mask holds a whole number a "
                "class."
            )
        return values.astype(np.int64)
    if values.dtype == bool:
        return values.astype(np.uint8)  # Pillow's True is 255 in memory
    return values


def check_alpha(stored: np.ndarray, path: Path) -> None:
    """Raises UsageError if what was drawn is in the channel for transparency alone."""
    colour = stored[:-1]
    is_constant = (colour == colour[:, :1, :1]).all()
    if is_constant and np.ptp(stored[-1]) > 0:
        raise UsageError(
            f"{path} has one colour everywhere, and its shapes in the channel for transparency "
            "(alpha). Save that channel as a grey mask."
        )


def resize_nearest(values: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Values (H, W) scaled to the size of an image (C, h, w), without a mean of any two."""
    _, height, width = image.shape
    resized = Image.fromarray(values).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized)


def resize_image(image: np.ndarray, shorter_side: int) -> np.ndarray:
    """Pixels (C, H, W) scaled to a shorter side in pixels, bilinear with antialiasing.

    The type stays; NaN spreads to what it is averaged with.
    """
    _, height, width = image.shape
    factor = shorter_side / min(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    channels = []
    for channel in image:
        if channel.dtype != np.uint8:
            channel = channel.astype(np.float32)
        resized = Image.fromarray(channel).resize(size, Image.Resampling.BILINEAR)
        channels.append(np.asarray(resized))
    values = np.stack(channels)
    if image.dtype == np.uint16:
        values = values.round()
    return values.astype(image.dtype)
