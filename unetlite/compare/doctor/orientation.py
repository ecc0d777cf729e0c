"""Whether images have an up: validation images are scored as they are, flipped and turned."""

from collections.abc import Callable

import numpy as np
import torch

from unetlite.classes import IGNORE
from unetlite.compare.comparison import Comparison
from unetlite.compare.doctor.run_data import predict_classes, small_images
from unetlite.compare.doctor.suspects import MAX_NETWORKS, MIN_LEARNT, background_class
from unetlite.data.loader import SegmentationData
from unetlite.network.unet import UNet
from unetlite.wording import join_names

MAX_IMAGES = 16  # of the validation images
MAX_PIXELS = 2**20  # of these
MAX_LOSS = 0.02  # of IoU; images of which flipped ones lose less have no up

Transform = Callable[[torch.Tensor], torch.Tensor]  # of (..., H, W)

TRANSFORMS: dict[str, tuple[str, Transform]] = {
    "horizontal_flip": ("mirrored", lambda pixels: pixels.flip(-1)),
    "vertical_flip": ("upside down", lambda pixels: pixels.flip(-2)),
    "quarter_turns": ("turned by 90 degrees", lambda pixels: pixels.rot90(1, (-2, -1))),
}
"""What does it to images, by the key of data.augment that trains it, and how it is called."""


def find_orientation(comparison: Comparison, data: SegmentationData | None) -> list[str]:
    """A sentence on flips and turns that are off in training, but that networks hardly notice.

    Without the data there is none.
    """
    augment = comparison.runs[0].config["data"].get("augment", {})
    tried = [key for key in TRANSFORMS if not augment.get(key, False)]
    if not tried or data is None:
        return []
    chosen = list(comparison.networks.values())[:MAX_NETWORKS]
    upright = score_transformed(data, chosen, lambda pixels: pixels)
    if upright < MIN_LEARNT:
        return []
    safe = {}
    for key in tried:
        title, transform = TRANSFORMS[key]
        score = score_transformed(data, chosen, transform)
        if score >= upright - MAX_LOSS:
            safe[key] = f"{score:.3f} {title}"
    if not safe:
        return []
    options = " ".join(f"data.augment.{key}=true" for key in safe)
    return [
        f"The images seem to have no up: on validation images the networks reach an IoU of "
        f"{upright:.3f} as they are, and {join_names(list(safe.values()))} (of all but the "
        f"commonest class). Train with {options}."
    ]


def score_transformed(data: SegmentationData, networks: list[UNet], transform: Transform) -> float:
    """The mean IoU of networks on transformed validation images, of all but the commonest class."""
    split = data.dataset.splits["val"]
    background = background_class(data)
    common = np.zeros(len(networks))
    union = np.zeros(len(networks))
    indices = range(min(len(split.names), MAX_IMAGES))
    for _, image, mask in small_images(split, indices, MAX_PIXELS):
        truth = transform(mask).numpy()
        for k, network in enumerate(networks):
            classes = predict_classes(network, transform(image))
            is_other = ((classes != background) | (truth != background)) & (truth != IGNORE)
            union[k] += is_other.sum()
            common[k] += (is_other & (classes == truth)).sum()
    return float((common / np.maximum(union, 1)).mean())
