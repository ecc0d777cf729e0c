"""Several data sets together: how variants differ from set to set, and what a new one may show.

The difference of two variants on a set is mu + b + e: b varies from set to set with variance tau^2,
and e has the variance that the set's seeds and groups give it. A new set is another draw of b. See
docs/statistics.md.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special
from scipy.spatial.distance import squareform

from unetlite.errors import UsageError
from unetlite.judge.statistics import PRIOR_DF, Pair, moderated_variances

MIN_SETS = 3  # whose spread says anything about another one
CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
NONZERO = 1e-15  # added to variances by which is divided
LEVELS = 20  # of the confidence distribution of tau^2
DRAWS = 500  # of a new set at each level
BISECTIONS = 45


class SetDifference(NamedTuple):
    """Of two variants on one set: the first's score less the second's."""

    mean: float
    variance: float  # of the mean, over seeds and groups


SetDifferences = Mapping[Pair, SetDifference]  # of all ordered pairs of a set's variants


@dataclass(frozen=True)
class Effect:
    """The difference of a variant to the reference over data sets."""

    sets: int
    mean: float
    low: float  # of the 95 % interval of the mean
    high: float
    tau: float  # the standard deviation from set to set
    new_low: float  # of the 95 % prediction interval: the difference on a new set
    new_high: float


@dataclass(frozen=True)
class DifferencesBySet:
    """The differences of V variants on K sets, as arrays.

    Where a set lacks a variant, its variance is infinite, and its mean 0.
    """

    variants: list[str]  # the reference first
    sets: list[str]
    means: np.ndarray  # (V, V, K): of the first's score less the second's
    variances: np.ndarray  # (V, V, K)

    def without(self, name: str) -> "DifferencesBySet":
        """The same without a set."""
        kept = [position for position, each in enumerate(self.sets) if each != name]
        sets = [self.sets[position] for position in kept]
        return DifferencesBySet(
            self.variants,
            sets,
            self.means[..., kept],
            self.variances[..., kept],
        )


def arrange(by_set: Mapping[str, SetDifferences], reference: str) -> DifferencesBySet:
    """Arrays of the differences, of the variants that are in enough sets.

    Raises UsageError if there are too few sets, or the reference is not in each of them.
    """
    if len(by_set) < MIN_SETS:
        raise UsageError(
            f"{len(by_set)} data sets say nothing about another one: {MIN_SETS} are needed."
        )
    sets_of: Counter[str] = Counter()  # by variant: in how many sets it is
    for name, pairs in by_set.items():
        variants = {first for first, _ in pairs}
        if reference not in variants:
            raise UsageError(f"{name} lacks {reference}, to which all are compared.")
        sets_of.update(variants)
    enough = [name for name, count in sets_of.items() if count >= MIN_SETS]
    names = [reference, *sorted(set(enough) - {reference})]
    shape = (len(names), len(names), len(by_set))
    means = np.zeros(shape)
    variances = np.full(shape, np.inf)
    for k, pairs in enumerate(by_set.values()):
        for i, first in enumerate(names):
            for j, second in enumerate(names):
                if (first, second) in pairs:
                    means[i, j, k], variances[i, j, k] = pairs[first, second]
    same = np.arange(len(names))
    variances[same, same] = 0
    return DifferencesBySet(names, list(by_set), means, variances)


def covariance_of(pairs: np.ndarray) -> np.ndarray:
    """Covariances of differences to the first of V variants, by variances of pairs, (..., V, V).

    What is missing counts as no noise.
    """
    pairs = np.nan_to_num(pairs, posinf=0)
    to_reference = pairs[..., 0]
    return (to_reference[..., None] + to_reference[..., None, :] - pairs) / 2


def weighted_mean(
    means: np.ndarray, variances: np.ndarray, between: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of (..., K) with tau^2 (...): the mean, its variance, and Cochran's Q, (...) each."""
    weights = 1 / (variances + np.asarray(between)[..., None] + NONZERO)
    total = weights.sum(-1)
    mean = (weights * means).sum(-1) / total
    spread = (weights * (means - mean[..., None]) ** 2).sum(-1)
    return mean, 1 / total, spread


def solve_between(
    means: np.ndarray, variances: np.ndarray, targets: np.ndarray | float
) -> np.ndarray:
    """The tau^2 of (P, K) at which Cochran's Q has the value of the targets (..., P), or 0.

    At Q = K - 1 it is the estimate of Paule and Mandel (1982). Q has a chi-square distribution at
    the true tau^2, so its quantiles give the confidence distribution of tau^2 (Viechtbauer 2007).
    """
    high = np.ptp(means, -1) ** 2 * means.shape[-1] / targets + NONZERO
    low = np.zeros(high.shape)
    none = weighted_mean(means, variances, low)[2] <= targets
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = weighted_mean(means, variances, middle)[2] > targets
        low = np.where(above, middle, low)
        high = np.where(above, high, middle)
    return np.where(none, 0.0, (low + high) / 2)


@dataclass(frozen=True)
class AcrossSets:
    """What several sets say of the variants on another one."""

    differences: DifferencesBySet
    between: np.ndarray  # (V, V): tau^2, the variance from set to set of each difference
    levels: np.ndarray  # (LEVELS, V, V): quantiles of its confidence distribution

    def effects(self) -> dict[str, Effect]:
        """Of every variant but the reference: means by Hartung and Knapp (2001), and a new set."""
        means = self.differences.means[:, 0]  # (V, K)
        between = self.between[:, 0]
        variances = self.differences.variances[:, 0]
        mean, variance, spread = weighted_mean(means, variances, between)
        df = np.isfinite(variances).sum(1) - 1
        half_width = -special.stdtrit(df, TAIL) * np.sqrt(variance * spread / df)
        new_low, new_high = self.predict()
        effects = {}
        for i, name in enumerate(self.differences.variants[1:], start=1):
            effects[name] = Effect(
                int(df[i]) + 1,
                float(mean[i]),
                float(mean[i] - half_width[i]),
                float(mean[i] + half_width[i]),
                float(np.sqrt(between[i])),
                float(new_low[i]),
                float(new_high[i]),
            )
        return effects

    def predict(self, noise: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """The 95 % prediction intervals (V,) of the differences to the reference on a new set.

        `noise` (V,) are the variances with which they are measured there. The intervals are over
        the confidence distribution of tau^2: one estimate, as if it were known, is too narrow for
        few sets.
        """
        levels = self.levels[..., 0]  # (LEVELS, V)
        means = self.differences.means[:, 0]
        centres, errors, _ = weighted_mean(means, self.differences.variances[:, 0], levels)
        deviations = np.sqrt(levels + errors + noise)
        low = mixture_quantile(centres, deviations, TAIL)
        return low, mixture_quantile(centres, deviations, 1 - TAIL)

    def regret_bounds(self, noise: np.ndarray | float = 0.0) -> dict[str, float]:
        """How far each variant is below the best on a new set, at most, with 95 % each.

        `noise` (V, V) are the covariances with which the differences are measured there.
        """
        scores = self.draw_sets(noise)
        regret = scores.max(1, keepdims=True) - scores
        bounds = np.quantile(regret, CONFIDENCE, axis=0)
        return dict(zip(self.differences.variants, bounds.tolist(), strict=True))

    def draw_sets(self, noise: np.ndarray | float) -> np.ndarray:
        """Scores (draws, V) on new sets, less the reference's. Means are as uncertain as known."""
        means = self.differences.means[:, 0]
        variances = self.differences.variances[:, 0]
        levels = self.levels
        count, sets = means.shape
        centres, errors, _ = weighted_mean(means, variances, levels[..., 0])
        weights = errors[..., None] / (variances + levels[..., :1] + NONZERO)
        within = np.moveaxis(self.differences.variances, -1, 0)  # (K, V, V)
        own = np.stack([moderated_variances(level, sets)[0] for level in levels])  # (LEVELS, V)
        spread = own[:, :1, None] + own[..., None] * np.eye(count)  # (LEVELS, V, V)
        spread[:, 0] = 0
        spread[:, :, 0] = 0
        products = weights[:, :, None] * weights[:, None]  # (LEVELS, V, V, K)
        of_means = np.einsum("lijk,kij->lij", products, covariance_of(within))
        of_means += products.sum(-1) * spread
        values, vectors = np.linalg.eigh(of_means + spread + noise)
        roots = vectors * np.sqrt(np.maximum(values, 0))[:, None]
        normal = np.random.default_rng(0).standard_normal((LEVELS, DRAWS, count))
        scores = centres[:, None] + normal @ np.swapaxes(roots, 1, 2)
        return scores.reshape(-1, count)


def mixture_quantile(centres: np.ndarray, deviations: np.ndarray, probability: float) -> np.ndarray:
    """The quantiles (V,) of mixtures, in equal parts, of normal distributions (L, V)."""
    low = (centres - 10 * deviations).min(0)
    high = (centres + 10 * deviations).max(0)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = special.ndtr((middle - centres) / (deviations + NONZERO)).mean(0) < probability
        low = np.where(below, middle, low)
        high = np.where(below, high, middle)
    return (low + high) / 2


def across_sets(differences: DifferencesBySet) -> AcrossSets:
    """What the sets say together.

    Few sets say little about the variance from set to set of each pair: it is shrunk to the mean of
    all pairs with PRIOR_DF degrees of freedom.
    """
    pairs = np.triu_indices(len(differences.variants), 1)  # P of them
    means = differences.means[pairs]  # (P, K)
    variances = differences.variances[pairs]
    df = np.isfinite(variances).sum(-1) - 1
    own = solve_between(means, variances, df)
    share = PRIOR_DF / (PRIOR_DF + df)
    typical = own.mean()
    between = share * typical + (1 - share) * own
    probabilities = (np.arange(LEVELS) + 0.5) / LEVELS
    targets = special.chdtri(df, 1 - probabilities[:, None])  # (LEVELS, P)
    levels = share * typical + (1 - share) * solve_between(means, variances, targets)
    return AcrossSets(
        differences,
        squareform(between),
        np.stack([squareform(level) for level in levels]),
    )


class LeftOut(NamedTuple):
    """What the other sets predict of one, and what it shows."""

    set_name: str
    intervals: dict[str, tuple[float, float, float]]  # of a difference: low, high, and measured
    chosen: str  # the variant that can lose least, by the others
    bound: float  # of what it loses, predicted
    regret: float  # what it loses, measured

    @property
    def inside(self) -> int:
        """How many differences lie in their intervals."""
        return sum(low <= value <= high for low, high, value in self.intervals.values())


def leave_each_out(differences: DifferencesBySet) -> list[LeftOut]:
    """Every set, predicted by the others. Raises UsageError if these are too few."""
    if len(differences.sets) <= MIN_SETS:
        raise UsageError(
            f"{len(differences.sets)} data sets cannot be left out in turn: "
            f"{MIN_SETS + 1} are needed."
        )
    return [leave_out(differences, name) for name in differences.sets]


def leave_out(differences: DifferencesBySet, name: str) -> LeftOut:
    """One set, predicted by the others, as it is measured: with its noise."""
    others = across_sets(differences.without(name))
    position = differences.sets.index(name)
    measured = differences.means[:, 0, position]
    noise = covariance_of(differences.variances[..., position])
    present = np.flatnonzero(np.isfinite(differences.variances[:, 0, position]))
    low, high = others.predict(noise.diagonal())
    bounds = np.array(list(others.regret_bounds(noise).values()))
    intervals = {}
    for i in present[1:]:
        measurement = (float(low[i]), float(high[i]), float(measured[i]))
        intervals[differences.variants[i]] = measurement
    chosen = present[bounds[present].argmin()]
    return LeftOut(
        name,
        intervals,
        differences.variants[chosen],
        float(bounds[chosen]),
        float(measured[present].max() - measured[chosen]),
    )
