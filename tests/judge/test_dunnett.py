"""Dunnett's quantile by simulation."""

import numpy as np
import pytest
from scipy import stats

from unetlite.judge.dunnett import dunnett_factor


@pytest.mark.parametrize(
    ("alpha", "others", "df"), [(0.05, 5, 20), (0.05, 2, 4), (0.005, 5, 8), (0.02, 9, 30)]
)
def test_dunnetts_quantile_is_exceeded_with_probability_alpha(alpha, others, df):
    random = np.random.default_rng(0)
    rounds = 200_000
    normal = random.standard_normal((rounds, others + 1))
    spread = np.sqrt(random.chisquare(df, rounds) / df)
    largest = ((normal[:, 1:] - normal[:, :1]) / np.sqrt(2)).max(1) / spread
    quantile = dunnett_factor(alpha, others, df) * stats.t.isf(alpha / others, df)
    error = np.sqrt(alpha * (1 - alpha) / rounds)
    assert abs((largest > quantile).mean() - alpha) < 4 * error
