"""TIFF files read by rows and written by tiles, so that memory does not grow with the image."""

import logging
import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Full, Queue
from typing import Any

import numpy as np
import tifffile

from unetlite.data.images import DECODING_ERRORS, in_8_bits, range_of
from unetlite.errors import UsageError

LARGE = 2**26  # pixels
TILE = 256  # pixels, of the files that are written
LARGEST_SEGMENT = 2**28  # bytes of one compressed strip or tile, which is decoded at once
GEOGRAPHIC_TAGS = (33550, 33922, 34264, 34735, 34736, 34737)  # of GeoTIFF: where on Earth the pixels lie
PHOTOMETRIC = tuple(tifffile.PHOTOMETRIC[name] for name in ("MINISBLACK", "RGB", "YCBCR", "PALETTE"))
tifffile.logger().setLevel(logging.CRITICAL)  # what is wrong with a file is raised, and told once


def is_large(path: Path) -> bool:
    """Whether a file is a TIFF of so many pixels that it is read by rows."""
    if path.suffix.lower() not in (".tif", ".tiff"):
        return False
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            return page.imagelength * page.imagewidth > LARGE
    except (*DECODING_ERRORS, tifffile.TiffFileError):
        return False  # reading it will say what is wrong


class TiffRows:
    """The first page of a TIFF file, read by rows.

    Attributes:
        height, width, samples: of the page.

    Raises:
        UsageError: the file cannot be read, or not by rows.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self.file = tifffile.TiffFile(path)
            self.page = self.file.pages.first
            self._read_header()
        except (*DECODING_ERRORS, tifffile.TiffFileError) as error:
            raise UsageError(f"{path}: {error}. Repair it, or leave it out.") from None

    def _read_header(self) -> None:
        page = self.page
        self.height, self.width, self.samples = page.imagelength, page.imagewidth, page.samplesperpixel
        self.planes = self.samples if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE else 1
        if page.photometric not in PHOTOMETRIC or self.samples > 4 or page.imagedepth > 1 or page.dtype is None:
            raise UsageError(
                f"{self.path} has other pixels (TIFF photometric {page.photometric}, "
                f"{self.samples} channels) than grey or RGB."
            )
        self.dtype = np.dtype(page.dtype)
        segment = page.tilelength * page.tilewidth if page.is_tiled else page.rowsperstrip * self.width
        self.contiguous = page.is_contiguous and self.planes == 1
        if not self.contiguous and segment * self.samples * self.dtype.itemsize > LARGEST_SEGMENT:
            raise UsageError(f"{self.path} is compressed as one large piece; save it as a tiled TIFF.")

    def read(self, top: int, bottom: int) -> np.ndarray:
        """The values (bottom - top, W, samples) of rows.

        Raises:
            UsageError: the file is damaged, or compressed in a way that needs another package.
        """
        try:
            return self._read_contiguous(top, bottom) if self.contiguous else self._read_segments(top, bottom)
        except (*DECODING_ERRORS, RuntimeError, MemoryError) as error:
            remedy = "pip install imagecodecs" if "imagecodecs" in str(error) else "Repair it, or leave it out."
            raise UsageError(f"{self.path}: {error}. {remedy}") from None

    def _read_contiguous(self, top: int, bottom: int) -> np.ndarray:
        shape = bottom - top, self.width, self.samples
        row = self.width * self.samples * self.dtype.itemsize
        self.file.filehandle.seek(self.page.dataoffsets[0] + top * row)
        dtype = self.dtype.newbyteorder(self.file.byteorder)
        return self.file.filehandle.read_array(dtype, math.prod(shape)).reshape(shape)

    def _read_segments(self, top: int, bottom: int) -> np.ndarray:
        page, handle = self.page, self.file.filehandle
        height, width = (
            (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, self.height), self.width)
        )
        down, across = math.ceil(self.height / height), math.ceil(self.width / width)
        values = np.zeros((bottom - top, self.width, self.samples), self.dtype)
        for plane in range(self.planes):
            channels = slice(plane, plane + 1) if self.planes > 1 else slice(None)
            for row in range(top // height, math.ceil(bottom / height)):
                for column in range(across):
                    index = (plane * down + row) * across + column
                    handle.seek(page.dataoffsets[index])
                    data = handle.read(page.databytecounts[index]) or None
                    segment, _, _ = page.decode(data, index, jpegtables=page.jpegtables)
                    if segment is None:  # a sparse file leaves out what is zero
                        continue
                    first, last = max(top, row * height), min(bottom, (row + 1) * height)
                    left, right = column * width, min((column + 1) * width, self.width)
                    values[first - top : last - top, left:right, channels] = segment[
                        0, first - row * height : last - row * height, : right - left
                    ]
        return values

    def geographic_tags(self) -> list[tuple[Any, ...]]:
        """What says where on Earth the pixels lie, for a file of the same pixels."""
        tags = (self.page.tags.get(code) for code in GEOGRAPHIC_TAGS)
        return [(tag.code, tag.dtype, tag.count, tag.value, True) for tag in tags if tag is not None]


class TiffPicture:
    """A large image as the network takes it.

    Attributes:
        height, width: pixels.
    """

    def __init__(self, path: Path, channels: int, value_range: tuple[float, float] | None):
        self.source, self.channels = TiffRows(path), channels
        self.height, self.width = self.source.height, self.source.width
        self.geographic_tags = self.source.geographic_tags()
        if self.source.page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            raise UsageError(f"{path} has colours from a palette; expected grey or RGB. Convert it.")
        # As Pillow does: of 16-bit colour the upper 8 bits.
        self.colour = self.source.samples >= 3
        self.range = (0.0, 65535.0) if self.colour else value_range or self._range()

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """uint8 (C, bottom - top, W), converted as `read_image` converts a whole file."""
        values = self.source.read(top, bottom)[..., : 3 if self.colour else 1]  # the rest is transparency
        if self.source.dtype == np.uint8:
            pixels = values
        elif self.colour and self.source.dtype == np.uint16:
            pixels = (values >> 8).astype(np.uint8)
        else:
            pixels = in_8_bits(values, *self.range)
        if self.channels == 1 and pixels.shape[2] == 3:
            # The weights of ITU-R 601-2 in integers, as in Pillow.
            pixels = ((pixels @ np.array([19595, 38470, 7471]) + 0x8000) >> 16).astype(np.uint8)[..., None]
        return np.broadcast_to(pixels, (*pixels.shape[:2], self.channels)).transpose(2, 0, 1)

    def _range(self) -> tuple[float, float]:
        if self.source.dtype == np.uint8:
            return 0.0, 255.0
        bands = [
            range_of(self.source.read(top, min(top + TILE, self.height))[..., 0]) for top in range(0, self.height, TILE)
        ]
        return min(low for low, _ in bands), max(high for _, high in bands)


class TiffWriter:
    """A tiled TIFF file that takes rows from top to bottom; a thread writes the tiles.

    Args:
        file: to write.
        shape: (H, W) or (H, W, samples).
        dtype: of the values.
        options: further ones of tifffile.imwrite.
    """

    def __init__(self, file: Path, shape: tuple[int, ...], dtype: Any, **options: Any):
        self.waiting = np.empty((0, *shape[1:]), dtype)
        self.queue: Queue[np.ndarray | BaseException | None] = Queue(maxsize=4)
        self.executor = ThreadPoolExecutor(1)
        self.written: Future[Any] = self.executor.submit(
            tifffile.imwrite, file, self._tiles(), shape=shape, dtype=dtype, tile=(TILE, TILE), compression="deflate",
            bigtiff=math.prod(shape) * np.dtype(dtype).itemsize > 2**31, **options,
        )  # fmt: skip

    def write(self, rows: np.ndarray) -> None:
        """The next rows (n, W) or (n, W, samples).

        Raises:
            OSError: the file cannot be written.
        """
        self.waiting = np.concatenate([self.waiting, rows])
        whole = len(self.waiting) // TILE * TILE
        self._put(self.waiting[:whole])
        self.waiting = self.waiting[whole:].copy()

    def close(self) -> None:
        """Writes what is left.

        Raises:
            OSError: the file cannot be written.
        """
        try:
            self._put(self.waiting)
            self._put(None)
            self.written.result()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Gives up; the file stays as it is. After `close` nothing happens."""
        while not self.written.done():
            with suppress(Full):
                self.queue.put(InterruptedError(), timeout=0.1)
        self.executor.shutdown()

    def _put(self, rows: np.ndarray | None) -> None:
        while not self.written.done():
            with suppress(Full):
                return self.queue.put(rows, timeout=0.1)
        self.written.result()  # raises what went wrong

    def _tiles(self) -> Iterator[np.ndarray]:
        while (rows := self.queue.get()) is not None:
            if isinstance(rows, BaseException):
                raise rows
            for top in range(0, len(rows), TILE):
                for left in range(0, rows.shape[1], TILE):
                    yield rows[top : top + TILE, left : left + TILE]
