"""Dunnett's quantile: for comparing several variants with one (Dunnett 1955)."""

from functools import cache

import numpy as np
from scipy import special

DF_GRID = np.array([1e6, 60, 20, 10, 6, 4, 3, 2])  # degrees of freedom
POINTS = 200  # of the integral over S
BISECTIONS = 60  # from 1000 to the last digit


def dunnett_factor(alpha: float, others: int, df: float) -> float:
    """Dunnett's quantile for `others` variants against one, over Bonferroni's of Student's t."""
    bonferroni = -special.stdtrit(DF_GRID, alpha / others)
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
    half_df = DF_GRID[:, None] / 2
    s = np.sqrt(special.gammaincinv(half_df, points**3) / half_df)[..., None]  # (D, POINTS, 1)
    low = np.zeros(len(DF_GRID))
    high = np.full(len(DF_GRID), 1000.0)
    for _ in range(BISECTIONS):
        q = (low + high) / 2
        limit = np.sqrt(2) * q[:, None, None] * s + nodes
        all_below = special.ndtr(limit) ** others
        excess = (1 - all_below) @ weights @ density / weights.sum()
        low = np.where(excess > alpha, q, low)
        high = np.where(excess > alpha, high, q)
    return high
