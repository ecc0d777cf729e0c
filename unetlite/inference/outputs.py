"""The files of a prediction: masks and overlays.

The mask of an image with a georeference has it, too. That of a large TIFF file is written by rows
of tiles, so that memory does not grow with the image.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unetlite.classes import IGNORE
from unetlite.data.formats.gdal import import_rasterio
from unetlite.data.raster import RasterSource
from unetlite.errors import first_line
from unetlite.files import atomic_path
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Band
from unetlite.inference.tiling import BLOCK
from unetlite.visualize import UNLABELLED, overlay, palette_image

WriteBand = Callable[[Band], None]
Window = tuple[tuple[int, int], tuple[int, int]]  # rows and columns, each from and to


@contextmanager
def write_outputs(
    directory: Path,
    name: str,
    source: RasterSource,
    metadata: Metadata,
    overlays: bool,
) -> Iterator[WriteBand]:
    """Yields a function that takes an image's prediction, band by band. Files are whole or absent.

    `masks/NAME.png` has class indices and a palette, `overlays/NAME.png` the image tinted by class.
    The mask of an image that has a georeference or is read by rows is `masks/NAME.tif`; the latter
    has no overlay. Raises OSError.
    """
    tiff = directory / "masks" / f"{name}.tif"
    if source.by_rows:
        with write_tiff(tiff, source, metadata) as write:
            yield write
        return
    bands: list[Band] = []
    yield bands.append
    classes = np.concatenate([band.classes for band in bands])
    if source.georeference is None:
        save_png(tiff.with_suffix(".png"), palette_image(classes, metadata.colours))
    else:
        with write_tiff(tiff, source, metadata) as write:
            for band in bands:
                write(band)
    if overlays:
        rgb = metadata.display.rgb(source.rows(0, source.height).values)
        tinted = overlay(rgb, classes, metadata.colours)
        save_png(directory / "overlays" / f"{name}.png", Image.fromarray(tinted))


@contextmanager
def write_tiff(path: Path, source: RasterSource, metadata: Metadata) -> Iterator[WriteBand]:
    """A tiled TIFF file of a mask, which is written as the bands come."""
    checksums: dict[Window, int] = {}
    with atomic_path(path) as partial:
        with create_tiff(partial, source, metadata) as tiff:

            def write(band: Band) -> None:
                rows = (band.top, band.top + len(band.classes))
                window = (rows, (0, source.width))
                tiff.write(band.classes, 1, window=window)
                checksums[window] = zlib.crc32(band.classes.data)

            yield write
        check_tiff(partial, checksums)


def check_tiff(path: Path, checksums: Mapping[Window, int]) -> None:
    """Raises OSError if windows of a file are not what was written: GDAL tells of no full disk."""
    rasterio = import_rasterio()
    try:
        with rasterio.open(path) as tiff:
            for window, checksum in checksums.items():
                classes = tiff.read(1, window=window)
                if zlib.crc32(classes.data) != checksum:
                    raise OSError("the file is not what was written")
    except rasterio.errors.RasterioError as error:
        raise OSError(first_line(error)) from None


def create_tiff(path: Path, source: RasterSource, metadata: Metadata) -> Any:
    """A rasterio.io.DatasetWriter for a mask of the size and place of an image. Raises OSError."""
    georeference = source.georeference or {}
    file = import_rasterio().open(
        path,
        "w",
        driver="GTiff",
        height=source.height,
        width=source.width,
        count=1,
        dtype="uint8",
        nodata=IGNORE,
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        compress="deflate",
        BIGTIFF="IF_SAFER",
        **georeference,
    )
    file.write_colormap(1, {**dict(enumerate(metadata.colours)), IGNORE: UNLABELLED})
    return file


def save_png(path: Path, picture: Image.Image) -> None:
    """Writes a picture, whole or not at all."""
    with atomic_path(path) as partial:
        picture.save(partial, "PNG")
