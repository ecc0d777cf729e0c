"""Whether an export gives what the checkpoint gives, on real images."""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from unetlite.data.store import Split
from unetlite.errors import UsageError
from unetlite.metrics import SegmentationScores
from unetlite.runtimes.runtime import Runtime
from unetlite.unet import UNet

SIZES = ((1, 256, 256), (3, 128, 192), (1, 37, 91))
"""Batch, height and width of what an export is checked with."""
TOLERANCE = 1e-4  # of logits relative to the largest, where that is above 1, and of probabilities
EQUAL_CLASSES = 0.999


class Agreement(NamedTuple):
    """Of an export with the network it was made of.

    Attributes:
        difference: the largest of all logits or probabilities, from float32 or float64, whichever is nearer; logits
            relative to the largest one if that is above 1. Of classes the share of pixels that differ.
        classes: the share of pixels whose class is equal.
    """

    difference: float
    classes: float


@torch.inference_mode()
def agreement(runtime: Runtime, network: UNet, images: Sequence[np.ndarray]) -> Agreement:
    """The outputs of a runtime against those of a network in evaluation mode in PyTorch.

    An output agrees that is near the network's in float32 or in float64: unpooling puts a value where the maximum was,
    and where two pixels tie but for rounding, float32 has no right answer.

    Args:
        images: uint8 (C, H, W); windows of SIZES are cut out of them.
    """
    double = copy.deepcopy(network).double()
    differences, equal = [], []
    for size in SIZES:
        for batch in batches(images, *size):
            logits = [each(torch.from_numpy(batch)) for each in (network, double)]  # (B, K, H, W)
            classes = logits[0].argmax(1).numpy()
            found = runtime.run(batch)
            if runtime.card.output == "classes":
                differences.append(float((found != classes).mean()))
                equal.append(found == classes)
                continue
            expected = logits if runtime.card.output == "logits" else [each.softmax(1) for each in logits]
            scale = max(1.0, float(expected[0].abs().max()))
            nearer = np.minimum(*(np.abs(found - each.numpy()) for each in expected))
            differences.append(float(nearer.max()) / scale)
            equal.append(found.argmax(1) == classes)
    return Agreement(float(np.max(differences)), float(np.concatenate([e.ravel() for e in equal]).mean()))


def batches(images: Sequence[np.ndarray], batch: int, height: int, width: int) -> list[np.ndarray]:
    """The images cut to one size, each repeated where it is smaller, uint8 (B, C, H, W), in whole batches."""
    windows = []
    for image in images:
        missing = (0, 0), (0, max(0, height - image.shape[1])), (0, max(0, width - image.shape[2]))
        windows.append(np.pad(image, missing, mode="wrap")[:, :height, :width])
    windows *= -(-batch // len(windows))
    return [np.stack(windows[k : k + batch]) for k in range(0, len(windows) - batch + 1, batch)]


def demand(found: Agreement, precision: str, returns: str) -> None:
    """Raises UsageError if an export may not be kept: see TOLERANCE and EQUAL_CLASSES. Integers may differ."""
    if precision == "float32" and returns != "classes" and not found.difference <= TOLERANCE:
        raise UsageError(
            f"the export differs from the checkpoint by {found.difference:.1e}, more than {TOLERANCE:.0e}; it was not "
            "kept. Try --no-fold, or another --format."
        )
    if not np.isfinite(found.difference):
        raise UsageError("the export gives values that are no numbers; it was not kept.")
    if precision != "int8" and found.classes < EQUAL_CLASSES:
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
