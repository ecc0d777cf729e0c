"""The files of a prediction: masks and overlays.

The mask of a large TIFF file is written by rows of tiles, so that memory does not grow with the
image.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unetlite.data.formats.gdal import import_rasterio
from unetlite.data.raster import RasterSource
from unetlite.errors import first_line
from unetlite.files import atomic_path
from unetlite.inference.metadata import Metadata
from unetlite.inference.model import Band
from unetlite.inference.tiling import BLOCK
from unetlite.visualize import overlay, palette_image

WriteBand = Callable[[Band], None]
Window = tuple[tuple[int, int], tuple[int, int]]  # rows and columns, each from and to


def write_outputs(
    directory: Path,
    name: str,
    source: RasterSource,
    metadata: Metadata,
    overlays: bool,
) -> AbstractContextManager[WriteBand]:
    """Yields a function that takes an image's prediction, band by band. Files are whole or absent.

    `masks/NAME.png` has class indices and a palette, `overlays/NAME.png` the image tinted by class.
    For an image that is read by rows it is `masks/NAME.tif` alone. Raises OSError.
    """
    if source.georeference is not None:
        return write_tiff(directory / "masks" / f"{name}.tif", source, metadata)
    overlay_file = directory / "overlays" / f"{name}.png" if overlays else None
    return write_png(
        directory / "masks" / f"{name}.png",
        overlay_file,
        source,
        metadata,
    )


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
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        compress="deflate",
        BIGTIFF="IF_SAFER",
        **georeference,
    )
    file.write_colormap(1, dict(enumerate(metadata.colours)))
    return file


@contextmanager
def write_png(
    mask_file: Path,
    overlay_file: Path | None,
    source: RasterSource,
    metadata: Metadata,
) -> Iterator[WriteBand]:
    """A mask, and an overlay if it has a path, which are written at the end."""
    bands: list[np.ndarray] = []

    def keep(band: Band) -> None:
        bands.append(band.classes)

    yield keep
    classes = np.concatenate(bands)
    with atomic_path(mask_file) as partial:
        palette_image(classes, metadata.colours).save(partial, "PNG")
    if overlay_file is not None:
        image = metadata.display.rgb(source.rows(0, source.height))
        picture = Image.fromarray(overlay(image, classes, metadata.colours))
        with atomic_path(overlay_file) as partial:
            picture.save(partial, "PNG")
