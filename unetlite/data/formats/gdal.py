"""TIFF of any kind, and PNG with 16 bits, by GDAL, through rasterio. TIFF is read by rows."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from unetlite.data.formats.base import ImageFile
from unetlite.data.formats.pillow import DECODING_ERRORS, ORIENTATION
from unetlite.errors import UsageError, first_line

MAX_BLOCK = 2**28  # bytes of a strip or tile, which is decoded at once
CACHE = 2**26  # bytes that GDAL may keep; its default is a share of the machine's memory

COLORMAP = 320  # a tag of TIFF

LOSSY = ("jpeg", "ycbcr jpeg", "webp", "lerc", "jpeg2000", "jxl")
"""Compressions that can change values."""

STACK_SIZES = re.compile(r'(?:Size(?:Z|T)="|^(?:slices|frames)=)(\d+)', re.MULTILINE)
"""The number of slices or points in time, as OME and ImageJ describe a TIFF file."""


def import_rasterio() -> Any:
    """The module rasterio, with a limited cache."""
    import rasterio

    warnings.filterwarnings("ignore", category=rasterio.errors.NotGeoreferencedWarning)
    rasterio.env.set_gdal_config("GDAL_CACHEMAX", CACHE)
    return rasterio


class GdalFile(ImageFile):
    """A TIFF or PNG file. The pages of a TIFF file are its channels."""

    reads_rows = True

    def __init__(self, path: Path):
        super().__init__(path)
        self.driver = "PNG" if path.suffix.lower() == ".png" else "GTiff"
        with self.errors():
            self.pages = [self.open(str(path))]
            for name in self.pages[0].subdatasets[1:]:
                self.pages.append(self.open(name))
            self.describe()

    def open(self, name: str) -> Any:
        return import_rasterio().open(name, driver=self.driver)

    def describe(self) -> None:
        """Sets what the header says."""
        page = self.pages[0]
        self.height, self.width = page.shape
        self.dtype = np.dtype(page.dtypes[0])
        self.channels = page.count
        if len(self.pages) > 1:
            self.check_pages()
            self.channels = len(self.pages)
        kinds = [kind.name for kind in page.colorinterp]
        self.has_alpha = kinds[-1] == "alpha"
        self.alpha_marks_data = self.driver == "GTiff"
        self.white_is_zero = "MINISWHITE" in page.tags(ns="IMAGE_STRUCTURE")
        is_bilevel = page.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "1"
        if is_bilevel:
            self.dtype = np.dtype(bool)
        elif kinds[0] == "palette" and not self.white_is_zero:
            self.palette = read_colormap(self.path)
        self.blurs_values = str(page.profile.get("compress", "")).lower() in LOSSY
        self.nodata = page.nodata
        if self.driver == "GTiff":
            self.orientation = int(read_tag(self.path, ORIENTATION, 1))
        self.georeference = read_georeference(page)
        height, width = page.block_shapes[0]
        self.block_bytes = height * width * page.count * self.dtype.itemsize

    def check_pages(self) -> None:
        """Raises UsageError unless the pages are channels of one image."""
        first = self.pages[0]
        description = first.tags().get("TIFFTAG_IMAGEDESCRIPTION", "")
        is_stack = any(int(size) > 1 for size in STACK_SIZES.findall(description))
        alike = {(page.count, page.shape, page.dtypes[0]) for page in self.pages}
        if is_stack or len(alike) > 1 or first.count > 1:
            raise UsageError(
                f"{self.path} holds {len(self.pages)} pages that are images of their own, not "
                "channels; save each as a file of its own."
            )

    def read(self, first: int, end: int) -> np.ndarray:
        if self.block_bytes > MAX_BLOCK and end - first < self.height:
            height, width = self.pages[0].block_shapes[0]
            raise UsageError(
                f"{self.path} is stored in pieces of {width} x {height} pixels; "
                "save it as a tiled TIFF."
            )
        window = ((first, end), (0, self.width))
        with self.errors():
            pages = [page.read(window=window) for page in self.pages]
        values = pages[0] if len(pages) == 1 else np.concatenate(pages)
        return values.astype(self.dtype, copy=False)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns what GDAL raises for a damaged file into a UsageError."""
        rasterio = import_rasterio()
        # Properties raise GDAL's own errors, which rasterio does not export.
        gdal_error = import_module("rasterio._err").CPLE_BaseError
        try:
            yield
        except (*DECODING_ERRORS, rasterio.errors.RasterioError, gdal_error) as error:
            reason = first_line(error.__cause__ or error)
            raise UsageError(f"{self.path}: {reason}. Repair it, or leave it out.") from None


def read_georeference(page: Any) -> dict[str, Any] | None:
    """The place of an opened file as options of rasterio, or None if it says none."""
    points, crs = page.gcps
    place: dict[str, Any] = {"crs": page.crs or crs, "rpcs": page.rpcs}
    if points:
        place["gcps"] = points
    elif not page.transform.is_identity:
        place["transform"] = page.transform
    place = {key: value for key, value in place.items() if value is not None}
    return place or None


def read_colormap(path: Path) -> np.ndarray:
    """The colours of a TIFF file with a palette, RGB uint8 (256, 3).

    It stores 16 bits for 8, multiplied by 256 or 257. GDAL's versions differ in how they divide.
    """
    stored: np.ndarray = np.array(read_tag(path, COLORMAP, ()), np.uint16).reshape(3, -1).T
    if stored.max(initial=0) > 255:
        stored = stored >> 8
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(stored)] = stored[:256]
    return colours


def read_tag(path: Path, tag: int, default: Any) -> Any:
    """A value in the first directory of a TIFF file; the default if it has none."""
    try:
        with path.open("rb") as file:
            header = file.read(8)
            if header[2] == 43 or header[3] == 43:  # BigTIFF
                header += file.read(8)
            directory = ImageFileDirectory_v2(header)
            file.seek(directory.next)
            directory.load(file)
            return directory.get(tag, default)
    except DECODING_ERRORS:
        return default
