"""The differences of pairs: the formulas written out, the paired t-test, and identities."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers
from scipy import stats

from unetlite.judge.statistics import pair_differences


def seed_and_group_variance(d):
    """Of a table (S, G) of differences: the variance of a seed, and of the mean over groups."""
    seeds, groups = d.shape
    residual = 0.0
    for k in range(seeds):
        for n in range(groups):
            residual += (d[k, n] - d[k].mean() - d[:, n].mean() + d.mean()) ** 2
    residual /= (seeds - 1) * (groups - 1)
    seed = np.var([row.mean() for row in d], ddof=1)
    group = np.var([column.mean() for column in d.T], ddof=1)
    return seed, max(group - residual / seeds, 0) / groups


def standard_errors_by_definition(tables):
    """By pair, written out from the formulas of docs/statistics.md."""
    names = list(tables)
    count = len(names)
    seeds = len(tables[names[0]])
    s, b = {}, {}
    for i, j in combinations(names, 2):
        s[i, j], b[i, j] = seed_and_group_variance(tables[i] - tables[j])
    total = sum(s.values()) / (count - 1)
    variances = {}
    for name in names:
        of_name = sum(value for pair, value in s.items() if name in pair)
        own = max((of_name - total) / (count - 2), 0.05 * total / count)
        variances[name] = (2 * total / count + (seeds - 1) * own) / (seeds + 1)
    mean_b = np.mean(list(b.values()))
    return {
        (i, j): np.sqrt((variances[i] + variances[j]) / seeds + (b[i, j] + mean_b) / 2)
        for i, j in combinations(names, 2)
    }


@settings(max_examples=20, deadline=None)
@given(
    key=integers(0, 10_000), variants=integers(3, 6), seeds=integers(2, 6), groups=integers(2, 12)
)
def test_differences_agree_with_the_formulas_written_out(simulate, key, variants, seeds, groups):
    tables, _ = simulate(np.random.default_rng(key), [0.0] * variants, seeds, groups)
    differences = pair_differences(tables)
    for (i, j), error in standard_errors_by_definition(tables).items():
        difference = differences[i, j]
        assert difference.mean == pytest.approx((tables[i] - tables[j]).mean())
        assert difference.standard_error == pytest.approx(error)
        assert difference.df > 0
        assert differences[j, i] == difference._replace(mean=-difference.mean)


@settings(max_examples=20, deadline=None)
@given(seeds=integers(2, 8), key=integers(0, 1000))
def test_two_variants_on_one_image_are_the_paired_t_test(seeds, key):
    first, second = np.random.default_rng(key).normal(size=(2, seeds, 1))
    difference = pair_differences({"a": first, "b": second})["a", "b"]
    low, high = stats.ttest_rel(first[:, 0], second[:, 0]).confidence_interval()
    half_width = difference.half_width(0.025)
    assert difference.df == pytest.approx(seeds - 1)
    assert (difference.mean - half_width, difference.mean + half_width) == pytest.approx(
        (low, high)
    )


def test_more_groups_that_differ_as_much_narrow_the_intervals(simulate):
    tables, _ = simulate(np.random.default_rng(0), [0.0] * 3, 5, 4)
    few = pair_differences(tables)
    many = pair_differences(tables, assumed_groups=40)
    for pair in few:
        assert many[pair].half_width(0.025) < few[pair].half_width(0.025)
        assert many[pair].mean == few[pair].mean
    assert pair_differences(tables, assumed_groups=4) == few
