"""A trained network as a library has it: an image in, classes out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from unetlite.data.images import pixels, read_image, resize_image
from unetlite.errors import UsageError
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes import Runtime, open_runtime
from unetlite.inference.tiling import Picture, Tiling
from unetlite.pictures import overlay, palette_image

if TYPE_CHECKING:
    from torch import Tensor

    from unetlite.network.unet import UNet

FLIPS = ((), (-1,), (-2,), (-2, -1))  # axes (H is -2, W is -1) that are mirrored in the four views of an image

ImageLike: TypeAlias = "Image.Image | np.ndarray | Tensor | str | Path"


@dataclass(frozen=True, repr=False)
class Prediction:
    """What a network makes of one image."""

    image: np.ndarray  # the pixels that it saw, uint8 (C, H, W)
    classes: np.ndarray  # class indices, uint8 (H, W)
    probabilities: np.ndarray  # float32 (K, H, W), adding up to 1 over the classes
    metadata: Metadata

    def __repr__(self) -> str:
        height, width = self.classes.shape
        shares = ", ".join(f"{name} {share:.1%}" for name, share in self.areas.items())
        return f"Prediction({width} x {height} pixels: {shares})"

    @cached_property
    def areas(self) -> dict[str, float]:
        """The share of the pixels of each class, by name."""
        counts = np.bincount(self.classes.ravel(), minlength=len(self.metadata.classes))
        return dict(zip(self.metadata.classes, (counts / self.classes.size).tolist(), strict=True))

    @cached_property
    def mask(self) -> Image.Image:
        """Class indices as an image with a palette; its numpy array is `classes`."""
        return palette_image(self.classes, self.metadata.colours)

    @cached_property
    def overlay(self) -> Image.Image:
        """The image, tinted by class, with the classes' outlines."""
        return Image.fromarray(overlay(self.image, self.classes, self.metadata.colours))


class Band(NamedTuple):
    """Some rows of a prediction, over the whole width."""

    top: int  # the first row
    classes: np.ndarray  # uint8 (h, W)
    probabilities: np.ndarray | None  # (K, h, W), if they were asked for


class Model:
    """A trained network, ready to predict: `classes` (names) and `colours` (RGB) are in the order of the class indices.

    Images with a side longer than `tile` pixels are predicted in tiles; None takes 1536, or more where the network sees
    far. `overlap` are pixels of image around a tile that are predicted with it; None takes all that can change it, so
    that tiles give what the whole image would. UsageError for a tile that is too small.
    """

    def __init__(self, runtime: Runtime, *, tile: int | None = None, overlap: int | None = None):
        self.runtime, self.metadata = runtime, runtime.metadata
        self.classes, self.colours = self.metadata.classes, self.metadata.colours
        self.tiling = Tiling(self.metadata.receptive_field, 2**self.metadata.network.depth, tile, overlap)

    def __repr__(self) -> str:
        return f"Model({self.metadata.network.upsample['name']}, {self.runtime.name}: {', '.join(self.classes)})"

    @property
    def network(self) -> "UNet":
        """As it was trained, on the CPU, to train on or look into. Raises UsageError for another runtime's export."""
        network = getattr(self.runtime, "network", None)
        if network is None:
            raise UsageError(f"{self.runtime.name} holds no UNet; load the checkpoint that it was exported from.")
        return network

    def predict(self, image: ImageLike, *, flips: bool = False) -> Prediction:
        """The prediction for one image, of the image's own size.

        The image is a file's path; a PIL image; an array (H, W), (H, W, 3) or (H, W, 4); or a tensor (H, W) or
        (C, H, W). Arrays and tensors hold raw pixels, uint8, or uint16 as 16-bit files do; UsageError for others.
        `flips` averages over the image and its mirror images, four times the work.
        """
        array = as_pixels(image, self.metadata.network.in_channels, self.metadata.value_range)
        bands = list(self.bands(in_memory(array), flips, probabilities=True))
        probabilities = np.concatenate([band.probabilities for band in bands if band.probabilities is not None], axis=1)
        return Prediction(array, np.concatenate([band.classes for band in bands]), probabilities, self.metadata)

    def in_tiles(self, picture: Picture) -> bool:
        """Whether an image is predicted in tiles; one that the network sees resized never is."""
        return self.metadata.resize is None and max(picture.height, picture.width) > self.tiling.size

    def bands(self, picture: Picture, flips: bool = False, probabilities: bool = False) -> Iterator[Band]:
        """The prediction from top to bottom, which need never be in memory as a whole; classes alone by default."""
        rows, columns = [(0, picture.height, 0, picture.height)], [(0, picture.width, 0, picture.width)]
        if self.in_tiles(picture):
            rows, columns = self.tiling.spans(picture.height), self.tiling.spans(picture.width)
        for top, bottom, first, last in rows:
            image = picture.rows(first, last)  # (C, h + halo, W)
            classes = np.empty((bottom - top, picture.width), np.uint8)
            kept = np.empty((len(self.classes), *classes.shape), np.float32) if probabilities else None
            for left, right, start, end in columns:
                # In tiles, the mirror images are those of the tiles.
                tile = self._probabilities(image[None, :, :, start:end], flips)[0]  # (K, h + halo, w + halo)
                core = tile[:, top - first : bottom - first, left - start : right - start]
                classes[:, left:right] = core.argmax(0)
                if kept is not None:
                    kept[:, :, left:right] = core
            yield Band(top, classes, kept)

    def _probabilities(self, image: np.ndarray, flips: bool) -> np.ndarray:
        resize, run = self.metadata.resize, self.runtime.probabilities
        seen = image if resize is None else resize_image(image[0], resize)[None]
        found = np.mean([np.flip(run(np.flip(seen, axes)), axes) for axes in FLIPS], axis=0) if flips else run(seen)
        if resize is None:
            return found
        size = image.shape[3], image.shape[2]
        scaled = [Image.fromarray(of_class).resize(size, Image.Resampling.BILINEAR) for of_class in found[0]]
        return np.stack(list(map(np.asarray, scaled)))[None]


def load(path: str | Path, *, tile: int | None = None, overlap: int | None = None) -> Model:
    """A trained network: a checkpoint, the run directory that holds it, or anything that `unetlite export` wrote.

    `tile` and `overlap` are for images larger than a tile, see Model. Raises UsageError if the file is missing, damaged
    or of another kind, or if its runtime is not installed.
    """
    return Model(open_runtime(Path(path)), tile=tile, overlap=overlap)


def in_memory(array: np.ndarray) -> Picture:
    """A Picture of pixels uint8 (C, H, W)."""
    return Picture(array.shape[1], array.shape[2], lambda top, bottom: array[:, top:bottom])


def as_pixels(image: ImageLike, channels: int, value_range: tuple[float, float] | None) -> np.ndarray:
    """uint8 (channels, H, W) of what `Model.predict` takes."""
    if isinstance(image, (str, Path)):
        return read_image(Path(image), channels, value_range)
    if hasattr(image, "detach"):  # a tensor
        array = image.detach().cpu().numpy()
        image = array.transpose(1, 2, 0) if array.ndim == 3 else array
        image = image[..., 0] if image.shape[2:] == (1,) else image
    if isinstance(image, np.ndarray):
        grey, colour = image.ndim == 2, image.ndim == 3 and image.shape[2] in (3, 4)
        if (grey and image.dtype in (np.uint8, np.uint16)) or (colour and image.dtype == np.uint8):
            image = Image.fromarray(np.ascontiguousarray(image))
    if not isinstance(image, Image.Image):
        known = isinstance(image, np.ndarray)
        kind = f"shape {tuple(image.shape)} and type {image.dtype}" if known else type(image).__name__
        raise UsageError(
            f"an image of {kind}: expected a path, a PIL image, an array uint8 (H, W), (H, W, 3) or (H, W, 4), "
            "a tensor uint8 (H, W) or (C, H, W), or uint16 (H, W) of either."
        )
    if 0 in image.size:
        raise UsageError(f"an image of {image.width} x {image.height} has no pixels.")
    return pixels(image, channels, value_range)
