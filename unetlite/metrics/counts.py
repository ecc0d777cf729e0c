"""Scores by counts of pixels, and how each image contributes to that of the whole data set."""

import numpy as np


def iou_of_counts(counts: np.ndarray) -> np.ndarray:
    """IoU (...) of counts (..., 3); NaN where all are zero."""
    union = counts.sum(-1).astype(float)
    return np.divide(counts[..., 0], union, where=union > 0, out=np.full(union.shape, np.nan))


def per_image_influence(counts: np.ndarray, kind: str = "iou") -> np.ndarray:
    """What each image adds to the "iou" or "dice" of the data set: values (N,) with that mean.

    The counts (N, K, 3) are TP, FP and FN. A class scores A / U with sums A and U over images, of
    TP and TP + FP + FN for the IoU, of 2 TP and 2 TP + FP + FN for the Dice coefficient. To first
    order an image i changes it by (a_i - score u_i) / U (the delta method). That is poor for a
    class that only one or two images have. A class that is absent from all enters no mean.

    >>> counts = np.array([[[3, 1, 0]], [[1, 1, 2]]])  # two images, one class: IoU 4 / 8
    >>> per_image_influence(counts)
    array([0.75, 0.25])
    """
    part, whole = part_and_whole(counts, kind)  # (N, K)
    present = whole.sum(0) > 0
    part = part[:, present]
    whole = whole[:, present]
    total = whole.sum(0)
    score = part.sum(0) / total
    change = len(counts) * (part - score * whole) / total  # (N, K)
    influence = score + change
    return influence.mean(1)


def per_image_scores(counts: np.ndarray, kind: str = "iou") -> np.ndarray:
    """The mean over its classes of the "iou" or "dice" of each image (N,), of counts (N, K, 3).

    NaN for an image without any class.
    """
    part, whole = part_and_whole(counts, kind)  # (N, K)
    present = whole > 0
    scores = np.divide(part, whole, where=present, out=np.zeros_like(whole))
    classes = present.sum(1)
    return np.where(classes > 0, scores.sum(1) / np.maximum(classes, 1), np.nan)


def part_and_whole(counts: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Numerators and denominators (N, K) of the "iou" or "dice" of counts (N, K, 3)."""
    true_positive = counts[..., 0]  # (N, K)
    wrong = counts[..., 1:].sum(-1)
    part = {"iou": 1.0, "dice": 2.0}[kind] * true_positive
    return part, part + wrong
