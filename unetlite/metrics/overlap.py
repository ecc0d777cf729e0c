"""IoU and Dice: how much of each class is found."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_stat_scores
from torchmetrics.utilities.data import dim_zero_cat

from unetlite.classes import IGNORE


class PerImageCounts(Metric):
    """A metric that keeps the true positives, false positives and false negatives of every image and of K classes."""

    full_state_update = False
    higher_is_better = True
    counts: list[Tensor]

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.classes = tuple(classes)
        self.add_state("counts", default=[], dist_reduce_fx="cat")

    def all_counts(self) -> Tensor:
        """Of every image in the order of the updates (N, K, 3)."""
        return dim_zero_cat(self.counts)

    def per_image(self) -> tuple[Tensor, Tensor]:
        """IoU and Dice (N, K) of every image in the order of the updates."""
        return iou_and_dice(self.all_counts())


class SegmentationScores(PerImageCounts):
    """IoU and Dice per class, over the data set and per image.

    With true positives TP, false positives FP and false negatives FN of a class, counted over the pixels that are
    not ignored, IoU = TP / (TP + FP + FN) and Dice = 2 TP / (2 TP + FP + FN). A class that is absent from truth and
    prediction has no score (NaN) and enters no mean; one that is predicted but absent scores 0.
    """

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth with `IGNORE` where there is none."""
        # torchmetrics' own samplewise mode writes out one-hot masks; an image at a time it counts by bins, much faster.
        counts = [count_classes(p, m, len(self.classes)) for p, m in zip(prediction, mask, strict=True)]
        self.counts.append(torch.stack(counts))  # (B, K, 3)

    def compute(self) -> dict[str, Tensor]:
        return summarise(self.all_counts(), self.classes)


def summarise(counts: Tensor, classes: Sequence[str]) -> dict[str, Tensor]:
    """Scores by name, of counts (N, K, 3) of images.

    `miou` and `dice`, means over classes of the data set's scores; `iou/<class>` and `dice/<class>`;
    `miou_per_image` and `dice_per_image`, means over images of each image's mean over its classes.
    """
    iou, dice = iou_and_dice(counts.sum(0))  # (K,)
    image_iou, image_dice = iou_and_dice(counts)  # (N, K)
    scores = {"miou": iou.nanmean(), "dice": dice.nanmean()}
    scores |= {"miou_per_image": image_iou.nanmean(1).nanmean(), "dice_per_image": image_dice.nanmean(1).nanmean()}
    scores |= {f"iou/{name}": value for name, value in zip(classes, iou, strict=True)}
    return scores | {f"dice/{name}": value for name, value in zip(classes, dice, strict=True)}


def count_classes(prediction: Tensor, mask: Tensor, num_classes: int) -> Tensor:
    """True positives, false positives and false negatives (K, 3) of class indices (H, W) against the truth."""
    scores = multiclass_stat_scores(
        prediction, mask.long(), num_classes, average="none", ignore_index=IGNORE, validate_args=False
    )  # (K, 5): TP, FP, TN, FN, support
    return scores[..., [0, 1, 3]]


def iou_and_dice(counts: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and Dice (...) of counts (..., 3) of TP, FP, FN; NaN where all are zero."""
    true_positive, false_positive, false_negative = counts.cpu().double().unbind(-1)  # Apple's GPUs have no float64
    wrong = false_positive + false_negative
    return true_positive / (true_positive + wrong), 2 * true_positive / (2 * true_positive + wrong)
