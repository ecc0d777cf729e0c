"""Masks of training images, looked at by networks that were not trained on them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from unetlite.compare.doctor.suspects import (
    DOUBTFUL,
    FAILED,
    MIN_IMAGES,
    MIN_LEARNT,
    Suspects,
    misplaced_reason,
    predict_images,
)
from unetlite.data.loader import SegmentationData, held_out_images
from unetlite.network.unet import UNet

PARTS = ("1/2", "2/2")
MAX_PIXELS = 2**26  # of a part, that are predicted


class MaskCheck(NamedTuple):
    """What networks make of the masks of images that they were not trained on."""

    images: int
    median: float  # IoU, of all classes but the commonest
    suspects: Suspects

    @property
    def has_learnt(self) -> bool:
        """False if the networks know too little to tell."""
        return self.images >= MIN_IMAGES and self.median >= MIN_LEARNT


def check_training_masks(data: SegmentationData, networks: Mapping[str, UNet]) -> MaskCheck:
    """Looks at the masks of all training images; `networks` by the part that each did not see."""
    split = data.dataset.splits["train"]
    scores: dict[str, float] = {}
    seen_by = {}
    for part, network in networks.items():
        names = [split.names[index] for index in held_out_images(split, part)]
        for image in predict_images(data, "train", names, [network], MAX_PIXELS):
            if image.drawn.any():
                scores[image.name] = image.iou
                seen_by[image.name] = network
    check = MaskCheck(len(scores), float(np.median([*scores.values()] or [0])), Suspects())
    if not check.has_learnt:
        return check
    doubtful = [name for name in scores if scores[name] < DOUBTFUL * check.median]
    for name in sorted(doubtful, key=scores.__getitem__):
        add_suspect(data, seen_by[name], name, check)
    return check


def add_suspect(
    data: SegmentationData,
    network: UNet,
    name: str,
    check: MaskCheck,
) -> None:
    """Adds a training image to the suspects if its mask fits elsewhere, or the network fails."""
    for image in predict_images(data, "train", [name], [network], MAX_PIXELS):
        reason = misplaced_reason(image, data, check.median)
        if reason is not None:
            check.suspects.misplaced.append(image.suspect(reason, data))
        elif image.iou < FAILED * check.median:
            reason = (
                f"A network that was not trained on {name} fails on it: IoU {image.iou:.2f}, where "
                f"the median image has {check.median:.2f}. Look at the image and its mask."
            )
            check.suspects.failed.append(image.suspect(reason, data))
