"""Distances between the contours of prediction and truth, by MONAI."""

import warnings
from collections.abc import Sequence
from math import hypot

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric

from unetlite.data.source import IGNORE


class SurfaceDistances(Metric):
    """Surface Dice (normalised surface distance, Nikolov et al. 2021) and the 95 % Hausdorff distance, per image.

    Surface Dice is the fraction of both contours that lies within `tolerance` of the other; the Hausdorff distance
    the larger of the two directed 95th percentiles of the distances from one contour to the other, in pixels. Pixels
    without a truth belong to no mask. For a class that an image has in neither truth nor prediction both are NaN and
    enter no mean; where only one of them has it, surface Dice is 0 and the distance is the image's diagonal.

    Args:
        classes: names of the K classes.
        tolerance: pixels.
    """

    full_state_update = False
    surface_dice: list[Tensor]
    hausdorff: list[Tensor]

    def __init__(self, classes: Sequence[str], tolerance: float = 1.0):
        super().__init__()
        self.classes, self.tolerance = tuple(classes), tolerance
        self.add_state("surface_dice", default=[], dist_reduce_fx="cat")
        self.add_state("hausdorff", default=[], dist_reduce_fx="cat")

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth with `IGNORE` where there is none."""
        # Imported here because it takes seconds, and only a test needs it.
        from monai.metrics.hausdorff_distance import compute_hausdorff_distance
        from monai.metrics.surface_dice import compute_surface_dice

        labelled = mask != IGNORE
        found, truth = (
            F.one_hot(x.long() * labelled, len(self.classes)).movedim(-1, 1) * labelled[:, None]
            for x in (prediction, mask)
        )  # (B, K, H, W) each
        in_found, in_truth = found.any(-1).any(-1), truth.any(-1).any(-1)  # (B, K)
        one, none = in_found ^ in_truth, ~(in_found | in_truth)
        diagonal = hypot(*mask.shape[-2:])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about absent classes, which are treated below, and its own deprecations
            dice = compute_surface_dice(found, truth, [self.tolerance] * len(self.classes), include_background=True)
            distance = compute_hausdorff_distance(found, truth, include_background=True, percentile=95)
        self.surface_dice.append(dice.to(mask.device).masked_fill(one, 0).masked_fill(none, torch.nan))
        self.hausdorff.append(distance.to(mask.device).masked_fill(one, diagonal).masked_fill(none, torch.nan))

    def per_image(self) -> tuple[Tensor, Tensor]:
        """Surface Dice and 95 % Hausdorff distance (N, K) of every image in the order of the updates."""
        lists = self.surface_dice, self.hausdorff
        dice, distance = (torch.cat(x).cpu().double() if isinstance(x, list) else x.cpu().double() for x in lists)
        return dice, distance

    def compute(self) -> tuple[Tensor, Tensor]:
        """Means over images of each image's mean over its classes."""
        dice, distance = self.per_image()
        return dice.nanmean(1).nanmean(), distance.nanmean(1).nanmean()
