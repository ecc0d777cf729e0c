"""Boundary IoU: the IoU of the pixels near a contour, where an operator that draws badly shows."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from unetlite.metrics.overlap import PerImageCounts, count_overlap, iou_and_dice, stack_labels


class BoundaryIoU(PerImageCounts):
    """Boundary IoU (Cheng et al. 2021, eq. 1): |G_d n P_d| / |G_d u P_d| of a class, 0 to 1.

    G_d are the pixels of the true mask G within `width` pixels of its contour: those that `width`
    erosions by a 3 x 3 square remove. P_d is the same of the prediction. As in the authors' code
    the frame of the image counts as a contour; so does the rim of ignored pixels, which belong to
    no mask. A class that is absent from truth and prediction has no score (NaN) and enters no mean.

    >>> metric = BoundaryIoU(["background", "square"], width=1)
    >>> mask = torch.zeros(1, 6, 6, dtype=torch.long)
    >>> mask[:, 1:5, 1:5] = 1  # its boundary has 12 pixels, that of the background 20
    >>> prediction = mask.clone()
    >>> prediction[:, 1, 1] = 0  # a corner: 11 of 13 pixels, and 20 of 21
    >>> metric.update(prediction, mask)
    >>> metric.per_image()[0]
    tensor([[0.9524, 0.8462]], dtype=torch.float64)
    """

    def __init__(self, classes: Sequence[str], width: int):
        super().__init__(classes)
        self.width = width

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth with `IGNORE` where there is none."""
        num_classes = len(self.classes)
        labels = stack_labels(prediction, mask, num_classes)
        self.counts.append(count_overlap(self.boundaries(labels), num_classes))

    def boundaries(self, labels: Tensor) -> Tensor:
        """Labels (2, B, H, W) at the boundary of their class, the number of classes elsewhere."""
        outside = len(self.classes)
        size = 2 * self.width + 1
        border = 4 * [self.width]
        highest = F.pad(labels, border, value=outside)
        lowest = highest
        for axis in (2, 3):
            highest = sliding(torch.maximum, highest, size, axis)
            lowest = sliding(torch.minimum, lowest, size, axis)
        # A pixel is inside its class if all of the square around it is of that class.
        return labels.masked_fill(highest == lowest, outside)

    def compute(self) -> Tensor:
        """The mean over classes of the data set's Boundary IoU, pixels summed over all images."""
        iou, _ = iou_and_dice(self.all_counts().sum(0))  # (K,)
        return iou.nanmean()


def sliding(
    combine: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    size: int,
    axis: int,
) -> Tensor:
    """A maximum or minimum over every window of `size` bytes along an axis.

    Pooling takes floats, and far longer.
    """
    covered = 1
    while covered < size:
        step = min(covered, size - covered)
        length = x.shape[axis] - step
        first = x.narrow(axis, 0, length)
        second = x.narrow(axis, step, length)
        x = combine(first, second)
        covered += step
    return x
