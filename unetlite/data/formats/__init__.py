"""The file formats that are read. A format is a class and a line in OPENERS."""

from pathlib import Path

from unetlite.data.formats.base import ImageFile
from unetlite.data.formats.gdal import GdalFile
from unetlite.data.formats.npy import NumpyFile
from unetlite.data.formats.pillow import PillowFile

OPENERS: dict[str, type[ImageFile]] = {
    ".png": PillowFile,
    ".jpg": PillowFile,
    ".jpeg": PillowFile,
    ".tif": GdalFile,
    ".tiff": GdalFile,
    ".gif": PillowFile,
    ".bmp": PillowFile,
    ".webp": PillowFile,
    ".npy": NumpyFile,
}
"""What opens an image file, by suffix. Folders are searched for these suffixes."""


def open_image_file(path: Path, nodata: float | None = None) -> ImageFile:
    """The header of an image file, whose pixels can be read.

    `nodata` is the value of pixels without data, if the file does not say it. Raises UsageError if
    it cannot be read.
    """
    opener = OPENERS.get(path.suffix.lower(), PillowFile)
    if opener is PillowFile and is_deep_colour_png(path):
        opener = GdalFile
    file = opener(path)
    if nodata is not None:
        file.nodata = nodata
    return file


def is_deep_colour_png(path: Path) -> bool:
    """True for a PNG of 16 bits with colour or transparency, of which Pillow keeps 8 bits."""
    if path.suffix.lower() != ".png" or not path.is_file():
        return False
    with path.open("rb") as file:
        header = file.read(26)
    # Of the first chunk, IHDR: bit depth and colour type, which is 0 for grey.
    return len(header) == 26 and header[24] == 16 and header[25] != 0
