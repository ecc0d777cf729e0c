"""Dunnett's quantile: for comparing several variants with one (Dunnett 1955)."""

from functools import cache

import numpy as np
from scipy import stats
from scipy.optimize import brentq

DF_GRID = np.array([1e6, 60, 20, 10, 6, 4, 3, 2])  # degrees of freedom
POINTS = 200  # of the integral over S


def dunnett_factor(alpha: float, others: int, df: float) -> float:
    """Dunnett's quantile for `others` variants against one, over Bonferroni's of Student's t."""
    bonferroni = stats.t.isf(alpha / others, DF_GRID)
    ratios = dunnett_quantiles(alpha, others) / bonferroni
    return float(np.interp(1 / df, 1 / DF_GRID, ratios))


@cache
def dunnett_quantiles(alpha: float, others: int) -> np.ndarray:
    """By DF_GRID: what the largest (Z_i - Z_0) / (sqrt(2) S) exceeds with probability alpha.

    Given S and Z_0 they are independent, and each is below q with probability
    Phi(sqrt(2) q S + Z_0). The integral takes Hermite's nodes over Z_0, and quantiles of S that
    are dense where S is small.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    points = (np.arange(POINTS) + 0.5) / POINTS
    density = 3 * points**2 / POINTS

    def excess(q: float, df: float) -> float:
        chi_square = stats.chi2.ppf(points**3, df)
        s = np.sqrt(chi_square / df)[:, None]
        limit = np.sqrt(2) * q * s + nodes
        all_below = stats.norm.cdf(limit) ** others
        return density @ (1 - all_below) @ weights / weights.sum() - alpha

    quantiles = []
    for df in DF_GRID:
        q = brentq(
            excess,
            0,
            1000,
            args=(df,),
        )
        quantiles.append(q)
    return np.array(quantiles)
