"""Whether an export gives what the checkpoint gives, on real images, and what it gains."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from unetlite.data.cache import Split
from unetlite.errors import UsageError
from unetlite.inference.metadata import Metadata
from unetlite.inference.runtimes import Runtime
from unetlite.metrics.overlap import SegmentationScores
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.timing import in_turn, spreads

SIZES = ((1, 256, 256), (3, 128, 192), (1, 37, 91))
"""Batch, height and width of what an export is checked with."""
TOLERANCE = 1e-4  # of logits relative to the largest, where that is above 1, and of probabilities
EQUAL_CLASSES = 0.999


class Agreement(NamedTuple):
    """Of an export with the network it was made of.

    Attributes:
        difference: the largest of all logits or probabilities, logits relative to the largest one if that is above 1;
            of classes the share of pixels that differ.
        bulk: the same, but for the 5 % that differ most.
        classes: the share of pixels whose class is equal.
    """

    difference: float
    bulk: float
    classes: float


@torch.inference_mode()
def agreement(runtime: Runtime, network: UNet, images: Sequence[np.ndarray]) -> Agreement:
    """The outputs of an export against those of its network in evaluation mode, in PyTorch and float32.

    Windows of SIZES are cut out of the images, uint8 (C, H, W).
    """
    differences, equal = [], []
    for size in SIZES:
        for batch in batches(images, *size):
            logits, found = network(torch.from_numpy(batch)), runtime.run(batch)  # (B, K, H, W)
            classes = found if runtime.metadata.output == "classes" else found.argmax(1)
            equal.append((classes == logits.argmax(1).numpy()).ravel())
            if runtime.metadata.output != "classes":
                expected = logits if runtime.metadata.output == "logits" else logits.softmax(1)
                difference = np.abs(found - expected.numpy()) / max(1.0, float(expected.abs().max()))
                differences.append(difference.ravel())
    same = float(np.concatenate(equal).mean())
    if not differences:
        return Agreement(1 - same, 1 - same, same)
    values = np.concatenate(differences)
    return Agreement(float(values.max()), float(np.quantile(values, 0.95)), same)


def batches(images: Sequence[np.ndarray], batch: int, height: int, width: int) -> list[np.ndarray]:
    """The images cut to one size, each repeated where it is smaller, uint8 (B, C, H, W), in whole batches."""
    windows = []
    for image in images:
        missing = (0, 0), (0, max(0, height - image.shape[1])), (0, max(0, width - image.shape[2]))
        windows.append(np.pad(image, missing, mode="wrap")[:, :height, :width])
    windows *= -(-batch // len(windows))
    return [np.stack(windows[k : k + batch]) for k in range(0, len(windows) - batch + 1, batch)]


def demand(found: Agreement, metadata: Metadata) -> None:
    """Raises UsageError if an export may not be kept: see TOLERANCE and EQUAL_CLASSES. Integers may differ.

    Unpooling puts a value where the maximum was. Where two pixels tie but for rounding, no two runtimes need agree, nor
    does PyTorch in float32 with itself in float64; there the tolerance holds for the bulk.
    """
    ties = getattr(UPSAMPLERS[metadata.network.upsample["name"]], "needs_positions", False)
    difference = found.bulk if ties else found.difference
    if not np.isfinite(found.difference):
        raise UsageError("the export gives values that are no numbers; it was not kept.")
    if metadata.precision == "float32" and metadata.output != "classes" and difference > TOLERANCE:
        raise UsageError(
            f"the export differs from the checkpoint by {difference:.1e}, more than {TOLERANCE:.0e}; it was not kept. "
            "Try --no-fold, or another --format."
        )
    if metadata.precision != "int8" and found.classes < EQUAL_CLASSES:
        raise UsageError(
            f"the export gives the class of the checkpoint at {found.classes:.3%} of the pixels, less than "
            f"{EQUAL_CLASSES:.1%}; it was not kept. Try --precision float32."
        )


def some_images(split: Split, count: int) -> Iterator[np.ndarray]:
    """Images from all over a split, uint8 (C, H, W)."""
    for index in np.unique(np.linspace(0, len(split) - 1, count).astype(int)).tolist():
        yield split[split.whole(index)][0].numpy()


@torch.inference_mode()
def loss(runtime: Runtime, network: UNet, split: Split) -> str:
    """The mean IoU of a runtime and of the network it was made of, over the whole images of a split, in words."""
    before, after = SegmentationScores(runtime.metadata.classes), SegmentationScores(runtime.metadata.classes)
    for index in range(len(split)):
        image, mask = split[split.whole(index)]
        before.update(network(image[None]).argmax(1), mask[None])
        after.update(torch.from_numpy(runtime.probabilities(image[None].numpy())).argmax(1), mask[None])
    old, new = (float(scores.compute()["miou"]) for scores in (before, after))
    return f"{new:.5f} on the {len(split)} test images, {new - old:+.5f} against the checkpoint's {old:.5f}"


@torch.inference_mode()
def latency(runtime: Runtime, network: UNet, images: Sequence[np.ndarray]) -> str:
    """Medians of the export and of PyTorch as trained, taken in turn, in words."""
    (image, *_) = batches(images, 1, 256, 256)
    functions = {"export": partial(runtime.run, image), "trained": partial(network, torch.from_numpy(image))}
    export, trained = spreads(in_turn(functions)).values()
    return (
        f"{export.median:.1f} ms ({export.low:.1f} to {export.high:.1f}) for 256 x 256 pixels with "
        f"{torch.get_num_threads()} threads, {trained.median / export.median:.1f} times as fast as the checkpoint in "
        f"PyTorch ({trained.median:.1f} ms)"
    )
