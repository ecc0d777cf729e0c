"""Masks of training images, looked at by networks that were not trained on them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from unetlite.compare.doctor.misplaced import overlap
from unetlite.compare.doctor.suspects import (
    DOUBTFUL,
    FAILED,
    MIN_IMAGES,
    MIN_LEARNT,
    Suspect,
    Suspects,
    background_class,
    is_drawn,
    misplaced_reason,
    predict_images,
    suspect_pictures,
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
    background = background_class(data)
    split = data.dataset.splits["train"]
    scores: dict[str, float] = {}
    seen_by = {}
    for part, network in networks.items():
        names = [split.names[index] for index in held_out_images(split, part)]
        for image in predict_images(data, "train", names, [network], MAX_PIXELS):
            truth = is_drawn(image.mask, background)
            if truth.any():
                scores[image.name] = overlap(image.majority != background, truth)
                seen_by[image.name] = network
    check = MaskCheck(len(scores), float(np.median([*scores.values()] or [0])), Suspects())
    if not check.has_learnt:
        return check
    doubtful = [name for name in scores if scores[name] < DOUBTFUL * check.median]
    for name in sorted(doubtful, key=scores.__getitem__):
        add_suspect(data, seen_by[name], name, scores[name], check)
    return check


def add_suspect(
    data: SegmentationData,
    network: UNet,
    name: str,
    score: float,
    check: MaskCheck,
) -> None:
    """Adds a training image to the suspects if its mask fits elsewhere, or the network fails."""
    background = background_class(data)
    for image in predict_images(data, "train", [name], [network], MAX_PIXELS):
        reason = misplaced_reason(image, data, background, score, check.median)
        if reason is not None:
            check.suspects.misplaced.append(
                Suspect(name, "train", reason, suspect_pictures(image, data))
            )
        elif score < FAILED * check.median:
            reason = (
                f"A network that was not trained on {name} fails on it: IoU {score:.2f}, where the "
                f"median image has {check.median:.2f}. Look at the image and its mask."
            )
            check.suspects.failed.append(
                Suspect(name, "train", reason, suspect_pictures(image, data))
            )
