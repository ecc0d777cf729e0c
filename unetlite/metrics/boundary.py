"""Boundary IoU: the IoU of the pixels near a contour, where an operator that draws badly shows first."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from unetlite.classes import IGNORE
from unetlite.metrics.overlap import PerImageCounts, iou_and_dice


class BoundaryIoU(PerImageCounts):
    """Boundary IoU (Cheng et al. 2021, eq. 1): |G_d n P_d| / |G_d u P_d| of a class.

    G_d are the pixels of the true mask G within `width` pixels of its contour: those that `width` erosions by a 3 x 3
    square remove. P_d is the same of the prediction. As in the authors' code the frame of the image counts as a
    contour; so does the rim of pixels without a truth, which belong to no mask. A class that is absent from truth and
    prediction has no score (NaN) and enters no mean. `width` is in pixels.
    """

    def __init__(self, classes: Sequence[str], width: int):
        super().__init__(classes)
        self.width = width

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth with `IGNORE` where there is none."""
        outside = len(self.classes)  # stands for every pixel that is in no boundary
        labels = torch.stack([mask.byte(), prediction.byte()]).masked_fill(mask == IGNORE, outside)  # (2, B, H, W)
        # A pixel is inside its class, and not on the boundary, if all of the window around it is of that class.
        highest = lowest = F.pad(labels, (self.width,) * 4, value=outside)
        for axis in (2, 3):
            highest = sliding(torch.maximum, highest, 2 * self.width + 1, axis)
            lowest = sliding(torch.minimum, lowest, 2 * self.width + 1, axis)
        truth, found = labels.masked_fill(highest == lowest, outside)
        both = truth.masked_fill(truth != found, outside)
        # An image at a time, since a tensor of bytes is counted much faster than one of indices of image and class.
        counted, in_truth, in_found = (
            torch.stack([image.flatten().bincount(minlength=outside + 1)[:-1] for image in labels])  # (B, K)
            for labels in (both, truth, found)
        )
        self.counts.append(torch.stack([counted, in_found - counted, in_truth - counted], dim=-1))

    def compute(self) -> Tensor:
        """The mean over classes of the data set's Boundary IoU, pixels summed over all images."""
        return iou_and_dice(self.all_counts().sum(0))[0].nanmean()


def sliding(combine: Callable[[Tensor, Tensor], Tensor], x: Tensor, size: int, axis: int) -> Tensor:
    """A maximum or minimum over every window of `size` bytes along an axis; pooling takes floats, and far longer."""
    reached = 1
    while reached < size:
        step = min(reached, size - reached)
        length = x.shape[axis] - step
        x = combine(x.narrow(axis, 0, length), x.narrow(axis, step, length))
        reached += step
    return x
