"""Where the mask of an image is stored: a file, a file for each object, or outlines to draw."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from unetlite.classes import IGNORE
from unetlite.data.layouts.drawing import Part, Size
from unetlite.data.layouts.json_files import expect_export
from unetlite.data.raster import Geometry, read_geometry, read_mask
from unetlite.errors import UsageError

MAX_SIDE = 2**16  # pixels of an image with outlines


class MaskSource(Protocol):
    """The mask of an image before it is decoded."""

    @property
    def name(self) -> str:
        """What messages call it; no two masks have the same."""

    def files(self) -> list[Path]:
        """All files that it is read from."""

    def geometry(self) -> Geometry:
        """Its size, and how a viewer turns it."""

    def values(self, colours: bool, as_viewed: bool) -> np.ndarray:
        """Stored values (H, W), or RGB (H, W, 3). See `raster.read_mask`."""


@dataclass(frozen=True)
class MaskFile:
    """A mask in one image file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def files(self) -> list[Path]:
        return [self.path]

    def geometry(self) -> Geometry:
        return read_geometry(self.path)

    def values(self, colours: bool, as_viewed: bool) -> np.ndarray:
        return read_mask(self.path, colours, as_viewed)


@dataclass(frozen=True)
class ObjectMasks:
    """A folder with a mask file for each object. The mask is 1 in each of them, and else 0."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def files(self) -> list[Path]:
        files = sorted(self.path.glob("*.png"))
        if not files:
            raise UsageError(f"{self.path} holds no mask (*.png). Add one, or leave it out.")
        return files

    def geometry(self) -> Geometry:
        return read_geometry(self.files()[0])

    def values(self, colours: bool, as_viewed: bool) -> np.ndarray:
        files = self.files()
        mask = read_object(files[0], as_viewed)
        for file in files[1:]:
            inside = read_object(file, as_viewed)
            if inside.shape != mask.shape:
                raise UsageError(
                    f"{file} is {inside.shape[1]} x {inside.shape[0]} pixels, but {files[0]} is "
                    f"{mask.shape[1]} x {mask.shape[0]}. All need the size of their image."
                )
            mask |= inside
        return mask.astype(np.uint8)


def read_object(file: Path, as_viewed: bool) -> np.ndarray:
    """Where the mask of an object is not zero, bool (H, W)."""
    values = read_mask(file, as_viewed=as_viewed) != 0
    return values.any(axis=2) if values.ndim == 3 else values


class Shape(NamedTuple):
    """An object that was outlined, of one part or several."""

    value: int  # its class index, or IGNORE
    parts: list[Part]


@dataclass(frozen=True)
class DrawnMask:
    """A mask that is drawn from outlines on class 0, at the size of the image.

    Later shapes lie over earlier ones, or with `by_area` smaller ones over larger ones. Shapes of
    the value IGNORE lie over all.
    """

    file: Path  # that holds the outlines
    image: str  # its name in the file
    size: Size
    size_keys: str  # of the file, which hold the size
    shapes: list[Shape]
    by_area: bool = False

    @property
    def name(self) -> str:
        return f"{self.file} (image {self.image})"

    def files(self) -> list[Path]:
        return [self.file]

    def geometry(self) -> Geometry:
        return Geometry(*self.size)

    def values(self, colours: bool, as_viewed: bool) -> np.ndarray:
        drawn = []
        for shape in self.shapes:
            with expect_export(self.name, "its tool"):
                regions = [part(self.size) for part in shape.parts]
            area = sum(int(region.mask.sum()) for region in regions)
            rank = -area if self.by_area else 0
            drawn.append((shape.value == IGNORE, rank, shape.value, regions))
        drawn.sort(key=lambda entry: entry[:2])  # of equal ranks the order stays
        mask = np.zeros(self.size, np.uint8)
        for *_, value, regions in drawn:
            for region in regions:
                region.paint(mask, value)
        return mask


def read_size(
    file: Path,
    image: str,
    height: Any,
    width: Any,
) -> Size:
    """The size that a file of outlines gives an image. Raises UsageError if it is none."""
    for side in (height, width):
        if type(side) is not int or not 0 < side <= MAX_SIDE:
            raise UsageError(
                f"{file} says that {image} is {width} x {height} pixels; "
                "expected its true size. Export it again."
            )
    return Size(height, width)
