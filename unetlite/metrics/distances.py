"""Distances between the contours of prediction and truth."""

from collections.abc import Sequence
from math import hypot

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from unetlite.classes import IGNORE


class SurfaceDistances(Metric):
    """Surface Dice (normalised surface distance, Nikolov et al. 2021) and the 95 % Hausdorff distance, per image.

    Surface Dice is the fraction of both contours that lies within `tolerance` pixels of the other; the Hausdorff
    distance the larger of the two directed 95th percentiles of the distances from one contour to the other, in pixels.
    Pixels without a truth belong to no mask. For a class that an image has in neither truth nor prediction both are NaN
    and enter no mean; where only one of them has it, surface Dice is 0 and the distance is the image's diagonal.
    """

    full_state_update = False
    values: list[Tensor]

    def __init__(self, classes: Sequence[str], tolerance: float = 1.0):
        super().__init__()
        self.classes, self.tolerance = tuple(classes), tolerance
        self.add_state("values", default=[], dist_reduce_fx="cat")

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth with `IGNORE` where there is none."""
        labelled = (mask != IGNORE).cpu().numpy()
        found, truth = prediction.cpu().numpy(), mask.cpu().numpy()
        values = [
            [self._compare((p == k) & seen, (t == k) & seen) for k in range(len(self.classes))]
            for p, t, seen in zip(found, truth, labelled, strict=True)
        ]
        self.values.append(torch.tensor(values, dtype=torch.float32, device=mask.device))  # (B, K, 2)

    def _compare(self, found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        """Surface Dice and Hausdorff distance of two masks (H, W)."""
        if not (found.any() and truth.any()):
            return (0.0, hypot(*truth.shape)) if found.any() or truth.any() else (np.nan, np.nan)
        contours = [mask & ~ndimage.binary_erosion(mask) for mask in (found, truth)]
        to_found, to_truth = (ndimage.distance_transform_edt(~contour) for contour in contours)
        distances = to_truth[contours[0]], to_found[contours[1]]
        dice = float(np.mean(np.concatenate(distances) <= self.tolerance))
        return dice, float(max(np.percentile(each, 95) for each in distances))

    def per_image(self) -> tuple[Tensor, Tensor]:
        """Surface Dice and 95 % Hausdorff distance (N, K) of every image in the order of the updates."""
        dice, distance = dim_zero_cat(self.values).cpu().double().unbind(-1)
        return dice, distance

    def compute(self) -> tuple[Tensor, Tensor]:
        """Means over images of each image's mean over its classes."""
        dice, distance = self.per_image()
        return dice.nanmean(1).nanmean(), distance.nanmean(1).nanmean()
