"""How sure a difference is. Seeds and test images are both samples, of the trainings and of the images that might be.

Scores are arrays (S, N) of S seeds and N images whose mean is the score of the variant. A score of the whole data set,
such as the mean IoU, is no mean over images; `contributions` gives values per image whose mean it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import optimize, stats

LEVEL = 0.95
POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """The mean difference of two variants, the first's scores less the second's, with paired seeds and images."""

    mean: float
    seed_variance: float  # expected square of the error of one seed, what images do within a seed included
    image_variance: float  # expected square of the error from the choice of images, which no number of seeds reduces
    seeds: int
    images: int
    ratio: float  # image_variance / seed_variance, here or over several pairs: it decides the degrees of freedom

    @property
    def standard_error(self) -> float:
        """Of the mean."""
        return float(np.sqrt(self.seed_variance / self.seeds + self.image_variance))

    @property
    def degrees(self) -> float:
        """Degrees of freedom: S - 1, more where images weigh more, at most those of seeds or images.

        Hillis (2007, eq. 8) has the square of (1 + ratio S) here, which with three seeds and a ratio of one pair finds
        a difference where there is none in 6 to 7 % of all cases instead of 5 (benchmarks/significance.py).
        """
        return float(min((self.seeds - 1) * (1 + self.ratio * self.seeds), max(self.seeds, self.images) - 1))

    @property
    def p(self) -> float:
        """Two-sided, of no difference."""
        if self.standard_error == 0:
            return 1.0 if self.mean == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.mean) / self.standard_error, self.degrees))

    def interval(self) -> tuple[float, float]:
        """Of 95 %, for the mean difference over all seeds and images that there might be."""
        reach = stats.t.isf((1 - LEVEL) / 2, self.degrees) * self.standard_error
        return float(self.mean - reach), float(self.mean + reach)


def compare_pair(first: np.ndarray, second: np.ndarray) -> Difference:
    """Two variants, scores (S, N) each, with the same seeds, two or more, and the same images.

    The model is that of readers and cases in radiology, seeds in the place of readers (Obuchowski and Rockette 1995):
    difference = mean + seed + image + residual, all three random. With the mean squares MS of a two-way layout, the
    variance of the mean is [MS_seed + max(MS_image - MS_residual, 0)] / (S N).
    """
    d = first - second
    seeds, images = d.shape
    by_seed, by_image = d.mean(1, keepdims=True), d.mean(0, keepdims=True)
    seed_variance = float(by_seed.var(ddof=1))
    image_variance = 0.0
    if images > 1:
        residual = ((d - by_seed - by_image + d.mean()) ** 2).sum() / ((seeds - 1) * (images - 1))
        image_variance = float(max(by_image.var(ddof=1) - residual / seeds, 0.0)) / images
    ratio = image_variance / seed_variance if seed_variance else float("inf")
    return Difference(float(d.mean()), seed_variance, image_variance, seeds, images, ratio)


def compare_pairs(scores: Mapping[str, np.ndarray]) -> dict[tuple[str, str], Difference]:
    """All pairs of variants, the earlier first, scores (S, N) each.

    They share one ratio of variances. Each pair's own is large where its seeds agree by chance, which then looks like
    many degrees of freedom just where a difference looks large; over many pairs that makes many false finds.
    """
    found = {pair: compare_pair(*(scores[name] for name in pair)) for pair in combinations(scores, 2)}
    of_seeds = sum(difference.seed_variance for difference in found.values())
    of_images = sum(difference.image_variance for difference in found.values())
    ratio = of_images / of_seeds if of_seeds else float("inf")
    return {pair: replace(difference, ratio=ratio) for pair, difference in found.items()}


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjusted p-values of several tests (Holm 1979): below alpha, all together are wrong at most alpha of the time."""
    p = np.asarray(p_values, float)
    order = p.argsort()
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted[order.argsort()]


def probability_of_improvement(first: np.ndarray, second: np.ndarray) -> float:
    """That a training of the first scores above one of the second (Agarwal et al. 2021), ties half; (S,) each."""
    return float(stats.mannwhitneyu(first, second).statistic / (len(first) * len(second)))


def smallest_difference(found: Difference, alpha: float) -> float:
    """What a test at `alpha` would show with a probability of 80 %, the variances taken as estimated."""
    degrees, critical = found.degrees, stats.t.isf(alpha / 2, found.degrees)
    shift = optimize.brentq(lambda shift: stats.nct.sf(critical, degrees, shift) - POWER, 0.0, 2 * critical + 10)
    return float(shift * found.standard_error)


def contributions(counts: np.ndarray, kind: str = "iou") -> np.ndarray:
    """What each image contributes to the "iou" or "dice" of the data set: values (N,) whose mean is the score.

    The counts (N, K, 3) are TP, FP and FN. A class scores A / U with sums A and U over images, of TP and TP + FP + FN
    for the IoU, of 2 TP and 2 TP + FP + FN for the Dice coefficient. To first order, which is poor for a class that
    only one or two images have, an image i changes it by (a_i - score u_i) / U (the delta method).
    """
    part = {"iou": 1.0, "dice": 2.0}[kind] * counts[..., 0]  # (N, K)
    whole = part + counts[..., 1:].sum(-1)
    present = whole.sum(0) > 0  # a class that is absent from truth and prediction enters no mean
    part, whole = part[:, present], whole[:, present]
    score = part.sum(0) / whole.sum(0)
    return (score + len(counts) * (part - score * whole) / whole.sum(0)).mean(1)
