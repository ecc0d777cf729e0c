"""Differences of variants and their variances over seeds and groups; see docs/statistics.md."""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import special

ALPHA = 0.05  # of all statements about one comparison together
PRIOR_DF = 2  # weight of the mean of all variances in each one, in degrees of freedom
LOWEST_SHARE = 0.05  # of that mean: the least that a variant's own estimate counts as


class Difference(NamedTuple):
    """The mean difference of two variants: the first's score less the second's."""

    mean: float
    standard_error: float
    df: float  # degrees of freedom

    def half_width(self, alpha: float) -> float:
        """The true difference is further from the mean, to one side, with probability `alpha`."""
        return -special.stdtrit(self.df, alpha) * self.standard_error


Pair = tuple[str, str]
Differences = dict[Pair, Difference]


def pair_differences(
    tables: Mapping[str, np.ndarray],
    assumed_groups: int | None = None,
) -> Differences:
    """All ordered pairs of two or more variants, by their scores (S, G) with S >= 2.

    The model is that of readers and cases in radiology, with seeds as readers (Obuchowski and
    Rockette 1995): difference = mean + seed + group + residual, all random but the first. A
    variant's seed variance is what its pairs have in common, moderated (Smyth 2004). A pair's group
    variance is the mean of its own and that of all pairs. Degrees of freedom are Satterthwaite's.
    `assumed_groups` tells what to expect of another number of groups that differ as much.
    """
    values = np.stack(list(tables.values()))  # (V, S, G)
    count, seeds, groups = values.shape
    groups = assumed_groups or groups
    seed_variances = variances_of_differences(np.cov(values.mean(2)))  # (V, V), of one seed
    variances, forms = moderated_variances(seed_variances, seeds)
    image_variances = group_variances(values) / groups  # (V, V), of a mean over groups
    mean_image_variance = image_variances.sum() / (count * (count - 1))
    image_df = max(groups - 1, 1)
    if count > 2:
        image_df *= 1.5  # the mean of all pairs is in it; the level holds in simulations

    differences: Differences = {}
    for (i, first), (j, second) in combinations(enumerate(tables), 2):
        seed_part = (variances[i] + variances[j]) / seeds
        image_part = (image_variances[i, j] + mean_image_variance) / 2
        total = seed_part + image_part
        weighted = (forms[i] + forms[j]) * variances
        inverse_seed_df = relative_variance(weighted) / (seeds - 1)
        spread = seed_part**2 * inverse_seed_df + image_part**2 / image_df
        df = np.inf
        if spread > 0:
            df = total**2 / spread
        mean = (values[i] - values[j]).mean()
        error = np.sqrt(total)
        differences[first, second] = Difference(mean, error, df)
        differences[second, first] = Difference(-mean, error, df)
    return differences


def group_variances(values: np.ndarray) -> np.ndarray:
    """(V, S, G) -> (V, V): the variance of one group's difference, by pair, less the residual."""
    count, seeds, groups = values.shape
    if groups == 1:
        return np.zeros((count, count))
    group_means = values.mean(1)
    residuals = values - values.mean(2, keepdims=True)
    residuals = residuals - group_means[:, None]
    residuals = residuals + values.mean((1, 2), keepdims=True)
    products = np.einsum("isg,jsg->ij", residuals, residuals)
    residual = variances_of_differences(products / ((seeds - 1) * (groups - 1)))
    total = variances_of_differences(np.cov(group_means))
    return np.maximum(total - residual / seeds, 0)


def variances_of_differences(covariance: np.ndarray) -> np.ndarray:
    """The variances (V, V) of the differences of V variables."""
    own = covariance.diagonal()
    variances = own[:, None] + own - 2 * covariance
    return np.maximum(variances, 0)


def moderated_variances(pairs: np.ndarray, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """The variance (V,) of each variant's seeds by those of pairs (V, V), shrunk to their mean.

    Few seeds say little about each variant. Estimates of variance are quadratic forms in the scores
    of a seed: the second result (V, V, V) is the matrix of each one, which gives its own variance.
    """
    count = len(pairs)
    unit = np.eye(count)
    total = pairs.sum() / 2 / (count - 1)  # the sum of the variants' variances
    total_form = (count * unit - 1) / (count - 1)
    if count == 2:
        own = np.full(2, total / 2)
        own_forms = np.stack([total_form / 2] * 2)
    else:
        own = (pairs.sum(1) - total) / (count - 2)
        contrasts = unit[:, None] - unit  # (V, V, V): of each variant to each
        sums = np.einsum("ija,ijb->iab", contrasts, contrasts)
        own_forms = (sums - total_form) / (count - 2)
    share = PRIOR_DF / (PRIOR_DF + seeds - 1)
    own = np.maximum(own, LOWEST_SHARE * total / count)
    variances = share * total / count + (1 - share) * own
    forms = share * total_form / count + (1 - share) * own_forms
    return variances, forms


def relative_variance(weighted: np.ndarray) -> float:
    """Half the variance of a quadratic form over its squared mean, for Satterthwaite.

    `weighted` is the form's matrix times the covariance.
    """
    squared_mean = np.trace(weighted) ** 2
    half_variance = np.trace(weighted @ weighted)
    return half_variance / max(squared_mean, 1e-300)
