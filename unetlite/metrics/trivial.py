"""What predictions score that take no training: the least that a network must beat."""

import numpy as np

from unetlite.metrics.counts import iou_of_counts

BINS = 256


def most_frequent_iou(pixels: np.ndarray) -> np.ndarray:
    """The IoU of each class (K,) if all is predicted as the most frequent, of their true pixels.

    NaN for a class without pixels.

    >>> most_frequent_iou(np.array([90, 10, 0]))
    array([0.9, 0. , nan])
    """
    iou = np.where(pixels > 0, 0.0, np.nan)
    most = int(np.argmax(pixels))
    iou[most] = pixels[most] / pixels.sum()
    return iou


def threshold_counts(histograms: np.ndarray) -> np.ndarray:
    """TP, FP and FN (2, BINS + 1, 2, 3) of every threshold between bins, of two classes.

    `histograms` (2, BINS) are the pixels of each class by brightness. The first axis is which class
    is the brighter one: [0] the second class, [1] the first.
    """
    dark = np.pad(histograms.cumsum(1), ((0, 0), (1, 0)))  # (2, BINS + 1) below each threshold
    bright = histograms.sum(1, keepdims=True) - dark
    counts = []
    for low, high in ((0, 1), (1, 0)):
        by_class = np.zeros((histograms.shape[1] + 1, 2, 3), np.int64)
        by_class[:, low] = np.stack([dark[low], dark[high], bright[low]], axis=-1)
        by_class[:, high] = np.stack([bright[high], bright[low], dark[high]], axis=-1)
        counts.append(by_class)
    return np.array(counts)


def threshold_iou(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The IoU of both classes (2,) on test histograms, by the threshold that is best in training.

    Histograms (2, BINS) are of one scale.

    >>> train = np.array([[4, 1, 0, 0], [0, 1, 2, 2]])
    >>> threshold_iou(train, np.array([[3, 0, 1, 0], [0, 0, 0, 4]]))
    array([0.75, 0.8 ])
    """
    means = np.nan_to_num(iou_of_counts(threshold_counts(train))).mean(-1)  # (2, BINS + 1)
    best = np.unravel_index(means.argmax(), means.shape)
    return iou_of_counts(threshold_counts(test)[best])
