"""The files of a prediction: images, masks, overlays.

Large TIFF files are read by rows and written by tiles, by rasterio, so that memory does not grow with the image.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from unetlite.classes import Colour
from unetlite.data.images import DECODING_ERRORS, FORMATS, pixels, range_of, read_image
from unetlite.errors import UsageError, first_line, needs
from unetlite.files import whole
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Band, in_memory
from unetlite.inference.tiling import BLOCK, Picture
from unetlite.pictures import overlay, palette_image

LARGE = 2**26  # pixels
LARGEST_PIECE = 2**28  # bytes of one strip or tile, which is decoded at once
CACHE = 2**26  # bytes that GDAL may keep; by default it takes a share of the machine's memory


def is_large(path: Path) -> bool:
    """Whether a file is a TIFF of so many pixels that it is read by rows."""
    if path.suffix.lower() not in (".tif", ".tiff") or not path.is_file():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large ones
            with Image.open(path, formats=FORMATS) as image:
                return image.width * image.height > LARGE
    except Image.DecompressionBombError:
        return True
    except UnidentifiedImageError:
        return path.stat().st_size > LARGE  # rasterio reads kinds of pixels that Pillow does not know
    except DECODING_ERRORS:
        return False  # reading it will say what is wrong


def import_rasterio() -> Any:
    """rasterio, with its cache limited. Raises UsageError if it is not installed."""
    with needs("tiff"):
        import rasterio
    warnings.filterwarnings("ignore", category=rasterio.errors.NotGeoreferencedWarning)
    rasterio.env.set_gdal_config("GDAL_CACHEMAX", CACHE)
    return rasterio


class TiffRows:
    """A TIFF file that is read by rows. Raises UsageError if it cannot be, or if rasterio is not installed."""

    def __init__(self, path: Path):
        self.path, self.rasterio = path, import_rasterio()
        try:
            self.file = self.rasterio.open(path, driver="GTiff")
        except (*DECODING_ERRORS, self.rasterio.errors.RasterioError) as error:
            raise UsageError(f"{path}: {first_line(error)}. Repair it, or leave it out.") from None
        self.height, self.width = self.file.height, self.file.width
        height, width = self.file.block_shapes[0]
        if height * width * self.file.count * np.dtype(self.file.dtypes[0]).itemsize > LARGEST_PIECE:
            raise UsageError(f"{path} is stored in pieces of {width} x {height} pixels; save it as a tiled TIFF.")

    def read(self, top: int, bottom: int) -> np.ndarray:
        """The values of rows, (h, W), or (h, W, 3) of three channels or more. Raises UsageError if it is damaged."""
        bands = [1, 2, 3] if self.file.count >= 3 else 1  # what is left out is transparency
        try:
            values = self.file.read(bands, window=((top, bottom), (0, self.width)))
        except self.rasterio.errors.RasterioError as error:
            reason = first_line(error.__cause__ or error)
            raise UsageError(f"{self.path}: {reason}. Repair it, or leave it out.") from None
        return values if bands == 1 else values.transpose(1, 2, 0)


def open_picture(path: Path, metadata: Metadata) -> Picture:
    """A large TIFF file by rows, any other as a whole. Raises UsageError if it cannot be read."""
    if not is_large(path):
        return in_memory(read_image(path, metadata.network.in_channels, metadata.value_range))
    if metadata.resize is not None:
        raise UsageError(f"{path} is too large for a network that was trained with data.resize; scale it down first.")
    return open_large(path, metadata.network.in_channels, metadata.value_range)


def open_large(path: Path, channels: int, value_range: tuple[float, float] | None) -> Picture:
    """A large image as the network takes it: converted as `read_image` converts a whole file."""
    source = TiffRows(path)
    file, dtype, colour = source.file, np.dtype(source.file.dtypes[0]), source.file.count >= 3
    palette = file.colorinterp[0].name == "palette" or "MINISWHITE" in file.tags(ns="IMAGE_STRUCTURE")
    if palette or file.count > 4 or dtype.kind not in "uif" or (colour and dtype not in (np.uint8, np.uint16)):
        kind = "through a palette" if palette else f"of {file.count} values {dtype}"
        raise UsageError(f"{path} has pixels {kind}; expected grey or RGB. Convert it.")
    low, high = value_range or (np.inf, -np.inf)
    if dtype != np.uint8 and not colour and value_range is None:
        for top in range(0, source.height, BLOCK):
            darkest, brightest = range_of(source.read(top, min(top + BLOCK, source.height)))
            low, high = min(low, darkest), max(high, brightest)

    def rows(top: int, bottom: int) -> np.ndarray:
        values = source.read(top, bottom)
        if colour and dtype == np.uint16:
            values = (values >> 8).astype(np.uint8)  # as Pillow does
        elif dtype != np.uint8:
            values = values.astype(np.float32)
        return pixels(Image.fromarray(values), channels, (low, high))

    return Picture(source.height, source.width, rows, {"crs": file.crs, "transform": file.transform})


def create_tiff(path: Path, picture: Picture, colours: Sequence[Colour]) -> Any:
    """A new tiled TIFF file of a mask, to write windows of: a rasterio.io.DatasetWriter. Raises OSError."""
    file = import_rasterio().open(
        path, "w", driver="GTiff", height=picture.height, width=picture.width, count=1, dtype="uint8", tiled=True,
        blockxsize=BLOCK, blockysize=BLOCK, compress="deflate", BIGTIFF="IF_SAFER", **(picture.place or {}),
    )  # fmt: skip
    file.write_colormap(1, dict(enumerate(colours)))
    return file


@contextmanager
def outputs(
    directory: Path, name: str, picture: Picture, colours: Sequence[Colour], overlays: bool
) -> Iterator[Callable[[Band], None]]:
    """The files of one image, given band by band to the function that is yielded; whole or not at all.

    `masks/NAME.png` has class indices and a palette, `overlays/NAME.png` the image tinted by class. Of an image that is
    read by rows it is `masks/NAME.tif` alone, tiled, and written as the bands come. Raises OSError.
    """
    if picture.place is not None:
        with whole(directory / "masks" / f"{name}.tif") as file, create_tiff(file, picture, colours) as tiff:

            def write(band: Band) -> None:
                rows = band.top, band.top + len(band.classes)
                tiff.write(band.classes, 1, window=(rows, (0, picture.width)))

            yield write
        return
    bands: list[np.ndarray] = []
    yield lambda band: bands.append(band.classes)
    classes = np.concatenate(bands)
    with whole(directory / "masks" / f"{name}.png") as file:
        palette_image(classes, colours).save(file, "PNG")
    if overlays:
        with whole(directory / "overlays" / f"{name}.png") as file:
            Image.fromarray(overlay(picture.rows(0, picture.height), classes, colours)).save(file, "PNG")
