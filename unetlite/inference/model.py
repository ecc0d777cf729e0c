"""A trained network as a library has it: an image in, classes out."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from unetlite.classes import IGNORE
from unetlite.data.formats import open_image_file
from unetlite.data.formats.pillow import GREY_16_BITS, STORED_MODES
from unetlite.data.raster import (
    Pixels,
    RasterSource,
    array_source,
    both_valid,
    check_kind,
    find_missing,
    leave_out,
    read_image,
    resize_image,
    with_channels,
)
from unetlite.errors import UsageError
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes import open_runtime
from unetlite.inference.runtimes.base import Runtime
from unetlite.inference.tiling import Tiling
from unetlite.visualize import overlay, palette_image

if TYPE_CHECKING:
    from torch import Tensor

    from unetlite.network.unet import UNet

FLIPS = ((), (-1,), (-2,), (-2, -1))
"""The axes (height is -2, width is -1) that are mirrored in the four views of an image."""

ImageLike: TypeAlias = "Image.Image | np.ndarray | Tensor | Pixels | str | Path"


@dataclass(frozen=True, repr=False)
class Prediction:
    """The prediction for one image."""

    image: np.ndarray  # the pixels that were predicted, (C, H, W)
    classes: np.ndarray  # class indices, uint8 (H, W); 255 where the image has no data
    probabilities: np.ndarray  # float32 (K, H, W), adding up to 1 over the classes
    metadata: Metadata

    def __repr__(self) -> str:
        height, width = self.classes.shape
        shares = [f"{name} {share:.1%}" for name, share in self.areas.items()]
        return f"Prediction({width} x {height} pixels: {', '.join(shares)})"

    @cached_property
    def areas(self) -> dict[str, float]:
        """The share of each class of the pixels with data, 0 to 1, by name."""
        names = self.metadata.classes
        counts = count_pixels(self.classes, len(names))
        shares = counts / max(counts.sum(), 1)
        return dict(zip(names, shares.tolist(), strict=True))

    @cached_property
    def mask(self) -> Image.Image:
        """Class indices as an image with a palette; its numpy array is `classes`."""
        return palette_image(self.classes, self.metadata.colours)

    @cached_property
    def overlay(self) -> Image.Image:
        """The image, tinted by class, with the classes' outlines."""
        rgb = self.metadata.display.rgb(self.image)
        return Image.fromarray(overlay(rgb, self.classes, self.metadata.colours))


class Band(NamedTuple):
    """Rows of a prediction, over the whole width."""

    top: int  # the first row
    classes: np.ndarray  # uint8 (h, W), IGNORE where the image has no data
    probabilities: np.ndarray  # float32 (K, h, W); K = 0 if they were not asked for


class Model:
    """A trained network, ready to predict.

    `classes` (names) and `colours` (RGB) are in the order of the class indices. Images with a side
    longer than `tile` pixels are predicted in tiles; None takes 1536, or more for a large
    receptive field. `overlap` are pixels of image around a tile that are predicted with it; None
    takes all that can change it, so that tiles give what the whole image would. With fewer, such as
    0, tiles are approximate: their borders differ, see `tile_warning`. Raises UsageError for a tile
    that is too small.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        tile: int | None = None,
        overlap: int | None = None,
    ):
        self.runtime = runtime
        self.metadata = runtime.metadata
        self.classes = self.metadata.classes
        self.colours = self.metadata.colours
        network = self.metadata.network
        pixels = self.metadata.receptive_field
        if network.encoder is not None:
            # Those with convolutions of stride 2 look up to half a stride further to one side.
            pixels += network.stride
        self.tiling = Tiling(pixels, network.stride, tile, overlap)
        if self.metadata.resize is not None:
            self.tiling.size = sys.maxsize  # what is resized for the network is not cut

    def __repr__(self) -> str:
        operator = self.metadata.network.upsample["name"]
        return f"Model({operator}, {self.runtime.name}: {', '.join(self.classes)})"

    @property
    def network(self) -> "UNet":
        """The network as trained, on the CPU. Raises UsageError for another runtime's export."""
        network = getattr(self.runtime, "network", None)
        if network is None:
            raise UsageError(
                f"{self.runtime.name} holds no UNet; load the checkpoint that it was exported from."
            )
        return network

    def predict(
        self,
        image: ImageLike,
        *,
        flips: bool = False,
    ) -> Prediction:
        """The prediction for one image, of the image's own size.

        The image is a file's path; a PIL image; an array (H, W) or (H, W, C); or a tensor (H, W)
        or (C, H, W). Arrays and tensors hold raw pixels of the type that the network was trained
        on; a channel too many after grey or RGB is transparency. `flips` averages over the image
        and its mirror images, four times the work. Raises UsageError for any other image.
        """
        pixels = as_pixels(image, self.metadata)
        bands = list(self.bands(array_source(*pixels), flips, probabilities=True))
        classes = np.concatenate([band.classes for band in bands])
        probabilities = np.concatenate([band.probabilities for band in bands], axis=1)
        return Prediction(pixels.values, classes, probabilities, self.metadata)

    def in_tiles(self, source: RasterSource) -> bool:
        """True if an image is predicted in tiles. One that is resized for the network never is."""
        return max(source.height, source.width) > self.tiling.size

    @property
    def tile_warning(self) -> str | None:
        """Why tiles do not give what the whole image would, and what to do; None if they do."""
        needed = self.tiling.needed
        halo = self.tiling.halo
        reasons = []
        if halo < needed:
            reasons.append(
                f"the overlap is {halo} pixels, but {needed} around a tile can change it "
                f"(receptive field {self.metadata.receptive_field}), so tiles differ at their "
                "borders; leave --overlap out"
            )
        if self.metadata.why_tiles_differ is not None:
            reasons.append(f"{self.metadata.why_tiles_differ}; a larger --tile comes closer")
        return "; ".join(reasons) or None

    def bands(
        self,
        source: RasterSource,
        flips: bool = False,
        probabilities: bool = False,
        update: Callable[[float], None] = lambda done: None,
    ) -> Iterator[Band]:
        """The prediction from top to bottom; without probabilities, unless they are asked for.

        The image and its prediction need never be in memory as a whole. After each tile `update`
        is called with the share that is done, 0 to 1.
        """
        layers = len(self.classes) if probabilities else 0
        rows = self.tiling.spans(source.height)
        columns = self.tiling.spans(source.width)
        done = 0
        for row in rows:
            image, valid = source.rows(row.input.start, row.input.stop)  # (C, h + halo, W)
            height = row.core.stop - row.core.start
            classes = np.empty((height, source.width), np.uint8)
            kept = np.empty((layers, height, source.width), np.float32)
            for column in columns:
                # With flips, the tile is mirrored, not the image.
                tile = self._probabilities(image[:, :, column.input], flips)
                core = tile[:, row.inside, column.inside]  # (K, h, w)
                classes[:, column.core] = core.argmax(0)
                kept[:, :, column.core] = core[:layers]
                done += 1
                update(done / (len(rows) * len(columns)))
            if valid is not None:
                classes[~valid[row.inside]] = IGNORE
            yield Band(row.core.start, classes, kept)

    def _probabilities(
        self,
        image: np.ndarray,
        flips: bool,
    ) -> np.ndarray:
        """Float32 (K, H, W) for pixels (C, H, W), by way of the size that was trained on."""
        _, height, width = image.shape
        resize = self.metadata.resize
        if resize is not None:
            image = resize_image(image, resize)
        views = []
        for axes in FLIPS if flips else FLIPS[:1]:
            mirrored = np.flip(image, axes)[None]
            prediction = self.runtime.probabilities(mirrored)[0]
            views.append(np.flip(prediction, axes))
        probabilities = np.mean(views, axis=0)
        if resize is None:
            return probabilities
        resized = []
        for layer in probabilities:
            picture = Image.fromarray(layer)
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            resized.append(np.asarray(picture))
        return np.stack(resized)


def load(
    path: str | Path,
    *,
    tile: int | None = None,
    overlap: int | None = None,
) -> Model:
    """A trained network: a checkpoint, the run directory that holds it, or any export.

    `demo:transpose` and five others are trained networks that come with the package.
    `tile` and `overlap` are for images larger than a tile, see Model: an overlap below the default
    makes the borders of tiles approximate, without a warning. Raises UsageError if the file is
    missing, damaged or of another kind, or if its runtime is not installed.
    """
    return Model(open_runtime(Path(path)), tile=tile, overlap=overlap)


def count_pixels(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """The pixels of each class, int64 (K,), of class indices (H, W). IGNORE does not count."""
    return np.bincount(classes.ravel(), minlength=IGNORE + 1)[:num_classes]


def as_pixels(image: ImageLike, metadata: Metadata) -> Pixels:
    """The pixels of what `Model.predict` takes. Raises UsageError for anything else."""
    kind = metadata.pixels
    if isinstance(image, (str, Path)):
        path = Path(image)
        check_kind(open_image_file(path), kind)
        return read_image(
            path,
            kind.channels,
            metadata.as_viewed,
            metadata.nodata,
        )
    has_data = None
    if isinstance(image, Pixels):
        has_data = image.valid
        image = image.values.transpose(1, 2, 0)
    if hasattr(image, "detach"):
        image = tensor_to_array(image)
    if isinstance(image, Image.Image):
        image = picture_to_array(image)
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3) or image.dtype != kind.type:
        given = type(image).__name__
        if isinstance(image, np.ndarray):
            given = f"shape {image.shape} and type {image.dtype}"
        raise UsageError(
            f"an image of {given}: expected a path, a PIL image, an array {kind.type} (H, W) or "
            f"(H, W, C), or a tensor {kind.type} (H, W) or (C, H, W)."
        )
    if 0 in image.shape:
        raise UsageError(f"an image of {image.shape[1]} x {image.shape[0]} has no pixels.")
    array = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    if len(array) in (2, 4) and kind.channels in (1, 3):
        array = array[:-1]  # without transparency
    if image.shape[0] == kind.channels and len(array) not in (1, 3, kind.channels):
        raise UsageError(
            f"an image of shape {image.shape}: expected (H, W, C) with {kind.channels} channel(s) "
            "last. They seem to come first: give image.transpose(1, 2, 0)."
        )
    values, valid = leave_out(array, find_missing(array, metadata.nodata))
    values = with_channels(values, kind.channels, Path("the image"))
    return Pixels(np.ascontiguousarray(values), both_valid(has_data, valid))


def tensor_to_array(tensor: Any) -> np.ndarray:
    """The array (H, W) or (H, W, C) of a tensor (H, W) or (C, H, W)."""
    array = tensor.detach().cpu().numpy()
    return array.transpose(1, 2, 0) if array.ndim == 3 else array


def picture_to_array(picture: Image.Image) -> np.ndarray:
    """The array (H, W) or (H, W, C) of a PIL image, turned as its EXIF says."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode not in (*STORED_MODES, "F") or picture.mode == "P":
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    if picture.mode in GREY_16_BITS:
        return array.astype(np.uint16)
    return array
