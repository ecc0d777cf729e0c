"""The contract of a file format: the values that an image file stores, by rows."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from unetlite.errors import UsageError


class ImageFile(ABC):
    """An image file, of which only the header has been read.

    Making one raises UsageError if the file cannot be read. An image without transparency, palette
    and so on keeps the defaults.
    """

    path: Path
    height: int  # in pixels, as stored
    width: int
    channels: int  # with the one for transparency, which is the last
    dtype: np.dtype
    has_alpha = False  # a channel for transparency
    alpha_marks_data = False  # transparent pixels have no data, as GDAL writes them
    palette: np.ndarray | None = None  # RGB uint8 (256, 3), of which the values are indices
    palette_of_greys = False  # the format has no other way to store greys
    white_is_zero = False  # MINISWHITE in TIFF
    blurs_values = False  # by JPEG or another compression for photographs
    nodata: float | None = None  # the value of pixels without data
    orientation = 1  # of EXIF, 1 to 8: how a viewer turns what is stored
    reads_rows = False  # without decoding the whole file
    georeference: dict[str, Any] | None = None  # as rasterio takes it; None: it has no place

    def __init__(self, path: Path):
        if not path.is_file():  # a pipe or a device could be read for ever
            raise UsageError(f"{path} is not a regular file. Leave it out.")
        self.path = path

    @abstractmethod
    def read(self, first: int, end: int) -> np.ndarray:
        """The stored values of rows, (C, n, W). Raises UsageError if the file is damaged."""

    @property
    def may_lack_data(self) -> bool:
        """True if the file can say of a pixel that it has no data."""
        has_mask = self.has_alpha and self.alpha_marks_data
        return self.dtype.kind == "f" or self.nodata is not None or has_mask

    @property
    def colour_channels(self) -> int:
        """Number of channels without the one for transparency; 3 for a palette."""
        if self.palette is not None:
            return 3
        return self.channels - self.has_alpha
