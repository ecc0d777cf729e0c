"""How well an export agrees with its network: outputs, scores and latency."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from unetlite.data.cache import Split
from unetlite.data.samples import spread_positions
from unetlite.errors import UsageError
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes.base import Runtime
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.unet import UNet
from unetlite.network.upsampling.base import UPSAMPLERS
from unetlite.timing import interleaved_median

SIZES = ((1, 256, 256), (3, 128, 192), (1, 37, 91))
"""Batch, height and width of the images that an export for any size is checked with."""

TOLERANCE = 1e-4
"""Of probabilities, and of logits relative to the largest, if that is above 1."""

EQUAL_CLASSES = 0.999
"""The share of pixels whose class must be equal."""


class Agreement(NamedTuple):
    """How an export agrees with its network in float32.

    Differences are of probabilities; of logits, relative to the largest, if that is above 1; or the
    share of pixels with another class, of an export that gives classes.
    """

    difference: float  # the largest
    bulk: float  # the largest without the 5 % that differ most
    classes: float  # the share of pixels whose class is equal


@torch.inference_mode()
def measure_agreement(
    runtime: Runtime,
    network: UNet,
    images: Sequence[np.ndarray],
) -> Agreement:
    """Compares an export with its network, on crops of images (C, H, W) in the sizes it takes."""
    output = runtime.metadata.output
    equal = []
    differences = []
    for size in checked_sizes(runtime.metadata):
        for pixels in batches(images, *size):
            logits = network(torch.from_numpy(pixels))  # (B, K, H, W)
            exported = runtime.run(pixels)
            classes = exported
            if output != "classes":
                classes = exported.argmax(1)
                expected = logits if output == "logits" else logits.softmax(1)
                scale = max(1.0, float(expected.abs().max()))
                difference = np.abs(exported - expected.numpy()) / scale
                differences.append(difference.ravel())
            same = classes == logits.argmax(1).numpy()
            equal.append(same.ravel())
    equal_share = float(np.concatenate(equal).mean())
    if output == "classes":
        return Agreement(1 - equal_share, 1 - equal_share, equal_share)
    values = np.concatenate(differences)
    bulk = float(np.quantile(values, 0.95))
    return Agreement(float(values.max()), bulk, equal_share)


def checked_sizes(metadata: Metadata) -> tuple[tuple[int, int, int], ...]:
    """Batch, height and width of the images that an export is checked with."""
    if metadata.input_size is None:
        return SIZES
    return ((1, *metadata.input_size),)


def batches(
    images: Sequence[np.ndarray],
    batch: int,
    height: int,
    width: int,
) -> list[np.ndarray]:
    """Images (C, H, W) cropped to one size, in whole batches (B, C, height, width).

    An image that is smaller is repeated. If there are fewer images than a batch has, so are they.
    """
    crops = []
    for image in images:
        rows = image.take(range(height), 1, mode="wrap")
        crops.append(rows.take(range(width), 2, mode="wrap"))
    crops *= math.ceil(batch / len(crops))
    starts = range(0, len(crops) - batch + 1, batch)
    return [np.stack(crops[start : start + batch]) for start in starts]


def check_agreement(agreement: Agreement, metadata: Metadata) -> None:
    """Raises UsageError if an export may not be kept: see TOLERANCE and EQUAL_CLASSES.

    8-bit integers may differ. Unpooling puts a value where the maximum was. Where two pixels tie
    but for rounding, no two runtimes need agree, nor does PyTorch in float32 with itself in
    float64. There the tolerance holds for the bulk.
    """
    ties = UPSAMPLERS.lookup(metadata.network.upsample).needs_positions
    difference = agreement.bulk if ties else agreement.difference
    if not math.isfinite(agreement.difference):
        raise UsageError("the export gives values that are not finite; it was not kept.")
    exact = metadata.precision == "float32" and metadata.output != "classes"
    if exact and difference > TOLERANCE:
        raise UsageError(
            f"the export differs from the checkpoint by {difference:.1e}, more than "
            f"{TOLERANCE:.0e}; it was not kept. Try --no-fold, or another --format."
        )
    if metadata.precision != "int8" and agreement.classes < EQUAL_CLASSES:
        raise UsageError(
            "the export gives the class of the checkpoint at "
            f"{agreement.classes:.3%} of the pixels, less than {EQUAL_CLASSES:.1%}; "
            "it was not kept. Try --precision float32."
        )


def spread_images(split: Split, count: int) -> Iterator[np.ndarray]:
    """`count` images at equal distances over a split, or all if it has fewer: (C, H, W)."""
    for index in spread_positions(len(split), count):
        image, _ = split[split.full_crop(index)]
        yield image.numpy()


@torch.inference_mode()
def measure_scores(
    runtime: Runtime,
    network: UNet,
    split: Split,
) -> tuple[float, float]:
    """The mean IoU of a network and of its export, over the whole images of a split."""
    before = SegmentationScores(runtime.metadata.classes)
    after = SegmentationScores(runtime.metadata.classes)
    for index in range(len(split)):
        image, mask = split[split.full_crop(index)]
        batch = image[None]
        probabilities = torch.from_numpy(runtime.probabilities(batch.numpy()))
        before.update(network(batch).argmax(1), mask[None])
        after.update(probabilities.argmax(1), mask[None])
    return float(before.compute()["miou"]), float(after.compute()["miou"])


@torch.inference_mode()
def measure_latencies(
    runtime: Runtime,
    network: UNet,
    images: Sequence[np.ndarray],
) -> tuple[float, float]:
    """Median milliseconds of PyTorch as trained, and of the export, for the first checked size."""
    size = checked_sizes(runtime.metadata)[0]
    image = batches(images, *size)[0]
    functions = {
        "checkpoint": partial(network, torch.from_numpy(image)),
        "export": partial(runtime.run, image),
    }
    medians = interleaved_median(functions)
    return medians["checkpoint"], medians["export"]
