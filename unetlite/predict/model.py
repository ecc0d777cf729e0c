"""A trained network as a library has it: an image in, classes out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from unetlite.card import Card
from unetlite.data.images import pixels, read_image, resize_image
from unetlite.errors import UsageError
from unetlite.pictures import overlay, palette_image
from unetlite.predict.tiles import Tiling, make_tiling, predict_tiles
from unetlite.runtimes import open_runtime
from unetlite.runtimes.runtime import Runtime

TILE = 1536  # pixels; about a gigabyte of maps in the mini network
FLIPS = ((), (-1,), (-2,), (-2, -1))
"""Axes (H is -2, W is -1) that are mirrored in the four views of an image."""

ImageLike = Image.Image | np.ndarray | Tensor | str | Path


class Picture(Protocol):
    """An image that can be read by rows.

    Attributes:
        height, width: pixels.
    """

    height: int
    width: int

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """uint8 (C, bottom - top, W)."""
        ...


class ArrayPicture:
    """A Picture of pixels in memory, uint8 (C, H, W)."""

    def __init__(self, array: np.ndarray):
        self.array = array
        _, self.height, self.width = array.shape

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """uint8 (C, bottom - top, W)."""
        return self.array[:, top:bottom]


class Band(NamedTuple):
    """Some rows of a prediction, over the whole width.

    Attributes:
        top: the first row.
        classes: uint8 (h, W).
        probabilities: (K, h, W), or None if they were not asked for.
    """

    top: int
    classes: np.ndarray
    probabilities: np.ndarray | None


@dataclass(frozen=True, repr=False)
class Prediction:
    """What a network makes of one image.

    Attributes:
        image: the pixels that it saw, uint8 (C, H, W).
        classes: class indices, uint8 (H, W).
        probabilities: float32 (K, H, W), adding up to 1 over the classes.
        card: names and colours of the classes.
    """

    image: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    card: Card

    def __repr__(self) -> str:
        height, width = self.classes.shape
        shares = ", ".join(f"{name} {share:.1%}" for name, share in self.areas.items())
        return f"Prediction({width} x {height} pixels: {shares})"

    @cached_property
    def areas(self) -> dict[str, float]:
        """The share of the pixels of each class, by name."""
        counts = np.bincount(self.classes.ravel(), minlength=len(self.card.classes))
        return dict(zip(self.card.classes, (counts / self.classes.size).tolist(), strict=True))

    @cached_property
    def mask(self) -> Image.Image:
        """Class indices as an image with a palette; its numpy array is `classes`."""
        return palette_image(self.classes, self.card.colours)

    @cached_property
    def overlay(self) -> Image.Image:
        """The image, tinted by class, with the classes' outlines."""
        return Image.fromarray(overlay(self.image, self.classes, self.card.colours))


class Model:
    """A trained network, ready to predict.

    Args:
        runtime: what computes.
        tile: images with a longer side are predicted in tiles of this many pixels.
        overlap: of the tiles, pixels; None takes the network's receptive field and 32 more, up to half of a tile.

    Attributes:
        card: classes, colours, and how the network was trained.
        tiling: of images larger than a tile.

    Raises:
        UsageError: tile or overlap cannot be.
    """

    def __init__(self, runtime: Runtime, *, tile: int = TILE, overlap: int | None = None):
        self.runtime, self.card = runtime, runtime.card
        if tile < 1:
            raise UsageError(f"tile={tile}: expected a number of pixels, 1 or more.")
        if overlap is not None and not 0 <= 2 * overlap <= tile:
            raise UsageError(f"overlap={overlap}: expected 0 or more pixels, and at most half of the tile of {tile}.")
        self.tiling = make_tiling(self.card.receptive_field, 2**self.card.network.depth, tile, overlap)

    def __repr__(self) -> str:
        operator = self.card.network.upsample["name"]
        return f"Model({operator}, {self.runtime.name}, {self.card.precision}: {', '.join(self.classes)})"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their indices."""
        return self.card.classes

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """The RGB triples of the classes."""
        return self.card.colours

    def predict(self, image: ImageLike, *, flips: bool = False) -> Prediction:
        """The prediction for one image, of the image's own size.

        Args:
            image: a file's path; a PIL image; an array (H, W), (H, W, 3) or (H, W, 4); or a tensor (H, W) or (C, H, W).
                Arrays and tensors hold raw pixels, uint8, or uint16 as 16-bit files do.
            flips: average over the image and its mirror images, four times the work.

        Raises:
            UsageError: the image is of another type or shape, or its file cannot be read.
        """
        array = as_pixels(image, self.card.network.in_channels, self.card.value_range)
        bands = list(self.bands(ArrayPicture(array), probabilities=np.float32, flips=flips))
        probabilities = np.concatenate([band.probabilities for band in bands if band.probabilities is not None], axis=1)
        return Prediction(array, np.concatenate([band.classes for band in bands]), probabilities, self.card)

    def bands(self, picture: Picture, *, probabilities: Any = None, flips: bool = False) -> Iterator[Band]:
        """The prediction for an image in bands from top to bottom, so that it need never be in memory as a whole.

        Args:
            picture: the image.
            probabilities: the type in which they are kept, such as np.float16; None for classes alone.
            flips: as in `predict`.
        """
        predict = self._flipped if flips else self.runtime.probabilities
        height, width = picture.height, picture.width
        if self.card.resize is not None:
            small = resize_image(picture.rows(0, height), self.card.resize)
            predicted = torch.from_numpy(predict(small[None]))
            found = F.interpolate(predicted, (height, width), mode="bilinear")[0].numpy()
            yield Band(
                0, found.argmax(0).astype(np.uint8), None if probabilities is None else found.astype(probabilities)
            )
            return
        tiling = self.tiling if max(height, width) > self.tiling.size else Tiling(max(height, width), 0, 0)
        parts: list[Band] = []
        for top, left, block in predict_tiles(predict, picture.rows, height, width, tiling):
            kept = None if probabilities is None else block.astype(probabilities)
            parts.append(Band(top, block.argmax(0).astype(np.uint8), kept))
            if left + block.shape[2] == width:
                yield beside(parts)
                parts = []

    def _flipped(self, image: np.ndarray) -> np.ndarray:
        views = [np.flip(self.runtime.probabilities(np.flip(image, axes).copy()), axes) for axes in FLIPS]
        return np.mean(views, axis=0)


def load(path: str | Path, *, tile: int = TILE, overlap: int | None = None) -> Model:
    """A trained network: a checkpoint, the run directory that holds it, or anything that `unetlite export` wrote.

    Args:
        path: of the file or folder.
        tile, overlap: for images larger than a tile, see Model.

    Raises:
        UsageError: the file is missing, damaged or of another kind, or its runtime is not installed.
    """
    with torch.random.fork_rng(devices=[]):  # a network starts from random weights; the caller's generator stays
        runtime = open_runtime(Path(path))
    return Model(runtime, tile=tile, overlap=overlap)


def beside(parts: list[Band]) -> Band:
    """Bands of the same rows joined from left to right."""
    kept = [part.probabilities for part in parts if part.probabilities is not None]
    return Band(
        parts[0].top,
        np.concatenate([part.classes for part in parts], axis=1),
        np.concatenate(kept, axis=2) if kept else None,
    )


def as_pixels(image: ImageLike, channels: int, value_range: tuple[float, float] | None) -> np.ndarray:
    """uint8 (channels, H, W) of what `Model.predict` takes."""
    if isinstance(image, (str, Path)):
        return read_image(Path(image), channels, value_range)
    if isinstance(image, Tensor):
        if image.dtype not in (torch.uint8, torch.uint16):
            raise UsageError(f"a tensor of type {image.dtype}: expected raw pixels, uint8 (H, W) or (C, H, W).")
        array = image.detach().cpu().numpy()
        image = array.transpose(1, 2, 0) if array.ndim == 3 else array
        image = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    if isinstance(image, np.ndarray):
        grey, colour = image.ndim == 2, image.ndim == 3 and image.shape[2] in (3, 4)
        fits = (image.dtype == np.uint8 and (grey or colour)) or (image.dtype == np.uint16 and grey)
        if not fits:
            raise UsageError(
                f"an image of type {image.dtype} and shape {image.shape}: expected an array "
                "uint8 (H, W), (H, W, 3) or (H, W, 4), a tensor uint8 (H, W) or (C, H, W), or uint16 (H, W) of either."
            )
        image = Image.fromarray(np.ascontiguousarray(image))
    if not isinstance(image, Image.Image):
        raise UsageError(f"an image of type {type(image).__name__}: expected a path, PIL image, array or tensor.")
    if 0 in image.size:
        raise UsageError(f"an image of {image.width} x {image.height} has no pixels.")
    return pixels(image, channels, value_range)
