"""Whether features of data sets go with the differences of operators on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from unetlite.judge.across import CONFIDENCE

PERMUTATIONS = 2000


@dataclass(frozen=True)
class Moderators:
    """How features of sets go with differences, by Spearman's rank correlation."""

    correlations: np.ndarray  # (features, variants)
    threshold: float  # what the largest of all exceeds by chance in 5 % of permutations
    p_value: float  # of the largest


def find_moderators(features: Sequence[Sequence[float]], means: np.ndarray) -> Moderators:
    """By features (F, K) and differences (V, K) of variants that are in all sets.

    Sets are permuted for all variants at once: one test of all correlations together.
    """
    feature_ranks = standard_ranks(np.asarray(features, float))
    ranks = standard_ranks(means)
    sets = ranks.shape[1]
    correlations = feature_ranks @ ranks.T / sets
    random = np.random.default_rng(0)
    largest = np.empty(PERMUTATIONS)
    for number in range(PERMUTATIONS):
        permuted = ranks[:, random.permutation(sets)]
        largest[number] = abs(feature_ranks @ permuted.T).max() / sets
    exceeding = (largest >= abs(correlations).max() - 1e-9).sum()
    return Moderators(
        correlations,
        float(np.quantile(largest, CONFIDENCE)),
        float((exceeding + 1) / (PERMUTATIONS + 1)),
    )


def standard_ranks(values: np.ndarray) -> np.ndarray:
    """The ranks in each row (..., K), with mean 0 and variance 1; 0 if all are equal."""
    ranks = rankdata(values, axis=-1)
    ranks = ranks - ranks.mean(-1, keepdims=True)
    deviation = ranks.std(-1, keepdims=True)
    return ranks / np.where(deviation == 0, 1, deviation)
