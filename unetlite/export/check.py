"""Whether an export gives what the checkpoint gives, on real images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from unetlite.card import Card
from unetlite.data.store import Split
from unetlite.errors import UsageError
from unetlite.metrics import SegmentationScores
from unetlite.runtimes.runtime import Runtime
from unetlite.unet import UNet
from unetlite.upsample import UPSAMPLERS

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
def agreement(
    runtime: Runtime,
    network: UNet,
    images: Sequence[np.ndarray],
    sizes: Sequence[tuple[int, int, int]] = SIZES,
) -> Agreement:
    """The outputs of a runtime against those of a network in evaluation mode in PyTorch, in float32.

    Args:
        runtime: of the export.
        network: that it was made of.
        images: uint8 (C, H, W).
        sizes: batch, height and width of the windows that are cut out of them.
    """
    differences, equal = [], []
    for size in sizes:
        for batch in batches(images, *size):
            logits = network(torch.from_numpy(batch))  # (B, K, H, W)
            classes = logits.argmax(1).numpy()
            found = runtime.run(batch)
            if runtime.card.output == "classes":
                equal.append(found == classes)
                differences.append(1.0 - equal[-1])
                continue
            equal.append(found.argmax(1) == classes)
            expected = logits if runtime.card.output == "logits" else logits.softmax(1)
            scale = max(1.0, float(expected.abs().max()))
            differences.append(np.abs(found - expected.numpy()) / scale)
    values, same = (np.concatenate([each.ravel() for each in parts]) for parts in (differences, equal))
    if runtime.card.output == "classes":
        return Agreement(float(values.mean()), float(values.mean()), float(same.mean()))
    return Agreement(float(values.max()), float(np.quantile(values, 0.95)), float(same.mean()))


def batches(images: Sequence[np.ndarray], batch: int, height: int, width: int) -> list[np.ndarray]:
    """The images cut to one size, each repeated where it is smaller, uint8 (B, C, H, W), in whole batches."""
    windows = []
    for image in images:
        missing = (0, 0), (0, max(0, height - image.shape[1])), (0, max(0, width - image.shape[2]))
        windows.append(np.pad(image, missing, mode="wrap")[:, :height, :width])
    windows *= -(-batch // len(windows))
    return [np.stack(windows[k : k + batch]) for k in range(0, len(windows) - batch + 1, batch)]


def demand(found: Agreement, card: Card) -> None:
    """Raises UsageError if an export may not be kept: see TOLERANCE and EQUAL_CLASSES. Integers may differ.

    Unpooling puts a value where the maximum was. Where two pixels tie but for rounding, no two runtimes need agree, nor
    does PyTorch in float32 with itself in float64; there the tolerance holds for the bulk.
    """
    ties = getattr(UPSAMPLERS[card.network.upsample["name"]], "needs_switches", False)
    difference = found.bulk if ties else found.difference
    if card.precision == "float32" and card.output != "classes" and not difference <= TOLERANCE:
        raise UsageError(
            f"the export differs from the checkpoint by {difference:.1e}, more than {TOLERANCE:.0e}; it was not kept. "
            "Try --no-fold, or another --format."
        )
    if not np.isfinite(found.difference):
        raise UsageError("the export gives values that are no numbers; it was not kept.")
    if card.precision != "int8" and found.classes < EQUAL_CLASSES:
        raise UsageError(
            f"the export gives the class of the checkpoint at {found.classes:.3%} of the pixels, less than "
            f"{EQUAL_CLASSES:.1%}; it was not kept. Try --precision float32."
        )


def mean_iou(runtime: Runtime, split: Split) -> float:
    """Of a runtime over the whole images of a split, as in training's test."""
    scores = SegmentationScores(runtime.card.classes)
    for index in range(len(split)):
        image, mask = split[split.whole(index)]
        prediction = torch.from_numpy(runtime.probabilities(image.numpy()[None])).argmax(1)
        scores.update(prediction, mask[None])
    return float(scores.compute()["miou"])
