"""TIFF files that are read by rows with rasterio, so that memory does not grow with the image."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.errors import PARSE_ERRORS, UsageError, first_line, require_extra

LARGEST_PIECE = 2**28  # bytes of a strip or tile, which is decoded at once
CACHE = 2**26  # bytes that GDAL may keep; its default is a share of the machine's memory


def import_rasterio() -> Any:
    """The module rasterio, with a limited cache. Raises UsageError if it is not installed."""
    with require_extra("tiff"):
        import rasterio
    warnings.filterwarnings("ignore", category=rasterio.errors.NotGeoreferencedWarning)
    rasterio.env.set_gdal_config("GDAL_CACHEMAX", CACHE)
    return rasterio


class TiffRows:
    """A TIFF file that is read by rows.

    Raises UsageError if the file cannot be read by rows, or if rasterio is not installed.
    """

    def __init__(self, path: Path):
        self.path = path
        self.rasterio = import_rasterio()
        try:
            self.file = self.rasterio.open(path, driver="GTiff")
        except (*PARSE_ERRORS, OSError, self.rasterio.errors.RasterioError) as error:
            raise UsageError(f"{path}: {first_line(error)}. Repair it, or leave it out.") from None
        self.height = self.file.height
        self.width = self.file.width
        self.dtype = np.dtype(self.file.dtypes[0])
        self.has_colour = self.file.count >= 3
        # As rasterio takes them.
        self.georeference = {"crs": self.file.crs, "transform": self.file.transform}
        height, width = self.file.block_shapes[0]
        if height * width * self.file.count * self.dtype.itemsize > LARGEST_PIECE:
            raise UsageError(
                f"{path} is stored in pieces of {width} x {height} pixels; save it as a tiled TIFF."
            )

    def read(self, first: int, end: int) -> np.ndarray:
        """The stored values of rows, (n, W), or (n, W, 3) of three channels or more.

        Raises UsageError if the file is damaged.
        """
        bands = [1, 2, 3] if self.has_colour else 1  # the one after these is transparency
        window = ((first, end), (0, self.width))
        try:
            values = self.file.read(bands, window=window)
        except self.rasterio.errors.RasterioError as error:
            reason = first_line(error.__cause__ or error)
            raise UsageError(f"{self.path}: {reason}. Repair it, or leave it out.") from None
        return values.transpose(1, 2, 0) if self.has_colour else values

    def check_is_image(self) -> None:
        """Raises UsageError unless the pixels are grey or RGB."""
        if self.has_colour:
            is_known = self.file.count <= 4 and self.dtype in (np.uint8, np.uint16)
        else:
            is_known = self.dtype.kind in "uif"
        kind = "" if is_known else f"of {self.file.count} values {self.dtype}"
        inverted = "MINISWHITE" in self.file.tags(ns="IMAGE_STRUCTURE")
        if inverted or self.file.colorinterp[0].name == "palette":
            kind = "through a palette"
        if kind:
            raise UsageError(f"{self.path} has pixels {kind}; expected grey or RGB. Convert it.")
