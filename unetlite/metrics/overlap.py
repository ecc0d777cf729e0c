"""IoU and Dice: the overlap of prediction and truth, by class."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from unetlite.classes import IGNORE


class PerImageCounts(Metric):
    """Base class: keeps true positives, false positives and false negatives by image and class."""

    full_state_update = False
    higher_is_better = True
    counts: list[Tensor]

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.classes = tuple(classes)
        self.add_state("counts", default=[], dist_reduce_fx="cat")

    def all_counts(self) -> Tensor:
        """TP, FP and FN (N, K, 3) of every image, in the order of the updates."""
        return dim_zero_cat(self.counts)

    def per_image(self) -> tuple[Tensor, Tensor]:
        """IoU and Dice (N, K) of every image, in the order of the updates."""
        return iou_and_dice(self.all_counts())


class SegmentationScores(PerImageCounts):
    """IoU and Dice per class, over the data set and per image.

    With true positives TP, false positives FP and false negatives FN of a class, counted over the
    pixels that are not ignored, IoU = TP / (TP + FP + FN) and Dice = 2 TP / (2 TP + FP + FN), 0 to
    1. A class that is absent from truth and prediction has no score (NaN) and enters no mean; one
    that is predicted but absent scores 0.

    >>> scores = SegmentationScores(["background", "disc"])
    >>> prediction = torch.tensor([[[0, 0, 1, 1]]])
    >>> mask = torch.tensor([[[0, 1, 1, 255]]])  # the last pixel is ignored
    >>> scores.update(prediction, mask)
    >>> for name, value in scores.compute().items():
    ...     print(f"{name:14} {value:.4f}")
    miou           0.5000
    dice           0.6667
    miou_per_image 0.5000
    dice_per_image 0.6667
    iou/background 0.5000
    iou/disc       0.5000
    dice/background 0.6667
    dice/disc      0.6667
    """

    def update(self, prediction: Tensor, mask: Tensor) -> None:
        """Class indices (B, H, W), and the truth with `IGNORE` where there is none."""
        num_classes = len(self.classes)
        labels = stack_labels(prediction, mask, num_classes)
        self.counts.append(count_overlap(labels, num_classes))

    def compute(self) -> dict[str, Tensor]:
        """The scores of `summarise`."""
        return summarise(self.all_counts(), self.classes)


def summarise(counts: Tensor, classes: Sequence[str]) -> dict[str, Tensor]:
    """Scores by name, of counts (N, K, 3) of images.

    `miou` and `dice`: means over classes of the data set's scores. `iou/<class>` and
    `dice/<class>`. `miou_per_image` and `dice_per_image`: means over images of each image's mean
    over its classes.
    """
    iou, dice = iou_and_dice(counts.sum(0))  # (K,)
    image_iou, image_dice = iou_and_dice(counts)  # (N, K)
    scores = {
        "miou": iou.nanmean(),
        "dice": dice.nanmean(),
        "miou_per_image": image_iou.nanmean(1).nanmean(),
        "dice_per_image": image_dice.nanmean(1).nanmean(),
    }
    for index, name in enumerate(classes):
        scores[f"iou/{name}"] = iou[index]
    for index, name in enumerate(classes):
        scores[f"dice/{name}"] = dice[index]
    return scores


def stack_labels(prediction: Tensor, mask: Tensor, num_classes: int) -> Tensor:
    """Truth and prediction (2, B, H, W) as bytes, with `num_classes` where there is no truth."""
    labels = torch.stack([mask.byte(), prediction.byte()])
    return labels.masked_fill(mask == IGNORE, num_classes)


def count_overlap(labels: Tensor, num_classes: int) -> Tensor:
    """TP, FP and FN (B, K, 3) of truth and prediction (2, B, H, W) in bytes.

    The label `num_classes` is no class.
    """
    truth, predicted = labels
    both = truth.masked_fill(truth != predicted, num_classes)
    true_positive = count_labels(both, num_classes)  # (B, K)
    false_positive = count_labels(predicted, num_classes) - true_positive
    false_negative = count_labels(truth, num_classes) - true_positive
    return torch.stack([true_positive, false_positive, false_negative], dim=-1)


def count_labels(labels: Tensor, num_classes: int) -> Tensor:
    """Pixels of each class (B, K) in labels (B, H, W); the label `num_classes` is no class."""
    counts = []
    # Bytes, an image at a time, are counted much faster than indices of image and class.
    for image in labels:
        bins = image.flatten().bincount(minlength=num_classes + 1)
        counts.append(bins[:-1])
    return torch.stack(counts)


def iou_and_dice(counts: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and Dice (...) of counts (..., 3) of TP, FP, FN; NaN where all are zero.

    >>> iou_and_dice(torch.tensor([2, 1, 1]))
    (tensor(0.5000, dtype=torch.float64), tensor(0.6667, dtype=torch.float64))
    """
    counts = counts.cpu().double()  # Apple's GPUs have no float64
    true_positive, false_positive, false_negative = counts.unbind(-1)
    wrong = false_positive + false_negative
    iou = true_positive / (true_positive + wrong)
    dice = 2 * true_positive / (2 * true_positive + wrong)
    return iou, dice
