"""Which variant may be the best, and what choosing another can cost; docs/statistics.md explains it.

Seeds and test images are both samples, of the trainings and of the images that might be. Scores are arrays (S, N) of S
seeds and N images, or (S, G) of G groups of images, whose mean is the score of the variant. A score of the whole data
set, such as the mean IoU, is no mean over images; `contributions` gives values per image whose mean it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq

ALPHA = 0.05  # of all statements about one comparison together
PRIOR = 2  # degrees of freedom that the mean of all variants' variances weighs in each one's
LOWEST = 0.05  # of that mean, which no variant's own estimate falls below


class Difference(NamedTuple):
    """The mean difference of two variants, the first's score less the second's."""

    mean: float
    standard_error: float
    degrees: float  # of freedom

    def reach(self, alpha: float) -> float:
        """How far the true difference lies beyond the mean, to one side, with a probability of at most `alpha`."""
        return float(stats.t.isf(alpha, self.degrees) * self.standard_error)


Differences = dict[tuple[str, str], Difference]


def by_group(scores: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """(S, N) -> (S, G) with the same mean: what each group contributes, in the order of the groups' names."""
    names, index = np.unique(groups, return_inverse=True)
    return scores @ np.eye(len(names))[index] * len(names) / scores.shape[1]


def differences(scores: Mapping[str, np.ndarray], as_if: int | None = None) -> Differences:
    """All ordered pairs of two or more variants, scores (S, G) each, with the same seeds, two or more, and groups.

    The model is that of readers and cases in radiology, seeds in the place of readers (Obuchowski and Rockette 1995):
    difference = mean + seed + group + residual, all random but the first. A variant's seed variance is what its pairs
    have in common, shrunk to the mean over variants (Smyth 2004), since few seeds say little about each; a pair's group
    variance is the mean of its own and that of all pairs. Degrees of freedom are Satterthwaite's. `as_if` says what to
    expect of another number of groups that differ as much.
    """
    values = np.stack(list(scores.values()))  # (V, S, G)
    count, seeds, groups = values.shape
    by_seed, of_groups = values.mean(2), values.mean(1)  # (V, S) and (V, G)
    residuals = values - by_seed[:, :, None] - of_groups[:, None] + values.mean((1, 2))[:, None, None]
    residual = np.einsum("isg,jsg->ij", residuals, residuals) / ((seeds - 1) * max(groups - 1, 1))
    seed = of_differences(np.cov(by_seed))  # (V, V), variance of one seed's difference
    image = np.zeros_like(seed)  # variance of the mean by the choice of groups
    if groups > 1:
        image = np.maximum(of_differences(np.cov(of_groups)) - of_differences(residual) / seeds, 0) / (as_if or groups)

    # Estimates of variance are quadratic forms in the scores of a seed; so are their sums.
    unit, total = np.eye(count), seed.sum() / 2 / (count - 1)  # the sum of the variants' variances
    form_of_total = (count * unit - 1) / (count - 1)
    if count > 2:
        own = (seed.sum(1) - total) / (count - 2)
        gaps = unit[:, None] - unit  # (V, V, V): of each variant to each
        forms = (np.einsum("ija,ijb->iab", gaps, gaps) - form_of_total) / (count - 2)
    else:
        own, forms = np.full(2, total / 2), np.stack([form_of_total / 2] * 2)
    share = PRIOR / (PRIOR + seeds - 1)
    variance = share * total / count + (1 - share) * np.maximum(own, LOWEST * total / count)  # (V,)
    forms = share * form_of_total / count + (1 - share) * forms

    mean_image, found = image.sum() / (count * (count - 1)), Differences()
    for (i, first), (j, second) in combinations(enumerate(scores), 2):
        of_seeds, of_images = (variance[i] + variance[j]) / seeds, (image[i, j] + mean_image) / 2
        weighted = (forms[i] + forms[j]) * variance
        uncertain = np.trace(weighted @ weighted) / max(np.trace(weighted) ** 2, 1e-300) / (seeds - 1)
        image_degrees = (1.5 if count > 2 else 1) * max((as_if or groups) - 1, 1)
        both, spread = of_seeds + of_images, of_seeds**2 * uncertain + of_images**2 / image_degrees
        degrees = both**2 / spread if spread > 0 else np.inf
        mean = float((values[i] - values[j]).mean())
        for pair, sign in (((first, second), 1), ((second, first), -1)):
            found[pair] = Difference(sign * mean, float(np.sqrt(both)), float(degrees))
    return found


def of_differences(covariance: np.ndarray) -> np.ndarray:
    """The variances (V, V) of the differences of V variables."""
    own = covariance.diagonal()
    return np.maximum(own[:, None] + own - 2 * covariance, 0)


@dataclass(frozen=True)
class Best:
    """Which variants may be the best; all of it holds at once with a confidence of 95 %, or 1 - alpha."""

    candidates: list[str]  # no other is shown to be better; the best is one of them
    regret: dict[str, float]  # by variant, of candidates and others alike: what it is below the best, at most
    lead: dict[str, float]  # by variant: what it is above every other, at least; negative where it may be below one
    reach: dict[tuple[str, str], float]  # by pair: how far a difference may be from its estimate


def best_of(found: Differences, alpha: float = ALPHA, variants: int | None = None) -> Best:
    """Multiple comparison with the best (Hsu 1984), by Dunnett's quantile.

    `variants` is how many there were at the start, if some have been dropped since. Of two equal variants either could
    be found better, so two are compared at half the level.
    """
    names = list(dict.fromkeys(first for first, _ in found))
    others = (variants or len(names)) - 1
    level = alpha / max(2, others)
    reach = {pair: d.reach(level) for pair, d in found.items()}
    if others > 1:
        reach = {pair: narrower(alpha, others, found[pair].degrees) * far for pair, far in reach.items()}
    lowest = {pair: difference.mean - reach[pair] for pair, difference in found.items()}
    beaten = {other for (_, other), lead in lowest.items() if lead > 0}
    candidates = [name for name in names if name not in beaten]
    regret = {name: max([0.0, *(-lowest[name, other] for other in candidates if other != name)]) for name in names}
    lead = {name: min(lowest[name, other] for other in names if other != name) for name in names}
    return Best(candidates, regret, lead, reach)


GRID = np.array([1e6, 60, 20, 10, 6, 4, 3, 2])  # degrees of freedom


def narrower(alpha: float, others: int, degrees: float) -> float:
    """Dunnett's quantile for `others` variants against one, as a share of Bonferroni's of Student's t."""
    return float(np.interp(1 / degrees, 1 / GRID, dunnett(alpha, others) / stats.t.isf(alpha / others, GRID)))


@cache
def dunnett(alpha: float, others: int) -> np.ndarray:
    """By GRID, the q that the largest of (Z_i - Z_0) / (sqrt(2) S) exceeds with a probability of alpha (Dunnett 1955).

    Given S and Z_0 they are independent, and below q with a probability of Phi(sqrt(2) q S + Z_0) each. The integral is
    taken by Hermite's nodes over Z_0, and over quantiles of S, dense where S is small.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    points = (np.arange(200) + 0.5) / 200

    def missed(q: float, degrees: float) -> float:
        spread = np.sqrt(stats.chi2.ppf(points**3, degrees) / degrees)[:, None]
        below = stats.norm.cdf(np.sqrt(2) * q * spread + nodes) ** others
        return 3 * points**2 / 200 @ (1 - below) @ weights / weights.sum() - alpha

    return np.array([brentq(missed, 0, 1000, args=(degrees,)) for degrees in GRID])


def equal_within(found: Differences, alpha: float = ALPHA) -> float:
    """The smallest margin within which all are shown to be equal: every pair passes two tests (Schuirmann 1987)."""
    return max(abs(difference.mean) + difference.reach(alpha) for difference in found.values())


def equal_but_one(found: Differences, alpha: float = ALPHA) -> tuple[str, float]:
    """The variant without which the others are equal within the smallest margin, and that; for three or more.

    Any of them could have been left out, so the level is divided by their number.
    """
    names = list(dict.fromkeys(first for first, _ in found))
    without = {name: {pair: each for pair, each in found.items() if name not in pair} for name in names}
    margins = {name: equal_within(others, alpha / len(names)) for name, others in without.items()}
    return min(margins.items(), key=lambda item: item[1])


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
