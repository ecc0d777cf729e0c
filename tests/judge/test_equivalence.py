"""Equivalence tests: their level, and what the margin covers."""

import numpy as np
import pytest

from unetlite.judge.equivalence import equivalence_margin, equivalence_margin_without_one
from unetlite.judge.statistics import Difference, pair_differences


def test_equivalence_is_claimed_rarely_where_a_pair_differs_by_the_margin(simulate):
    random = np.random.default_rng(0)
    margin, rounds, wrong = 2.0, 500, 0
    for _ in range(rounds):
        scores, _ = simulate(random, [margin, 1.0, 0.0], 10, 60)
        wrong += equivalence_margin(pair_differences(scores)) <= margin
    assert wrong / rounds <= 0.055 + 2 * np.sqrt(0.05 * 0.95 / rounds)


def test_the_margin_covers_the_largest_difference_and_its_uncertainty():
    certain, uncertain = Difference(0.1, 0.0, 5.0), Difference(0.05, 0.2, 5.0)
    margin = equivalence_margin({("a", "b"): certain, ("a", "c"): uncertain})
    assert margin == pytest.approx(0.05 + uncertain.half_width(0.05))
    assert equivalence_margin({("a", "b"): certain}) == 0.1


def test_the_variant_that_differs_is_the_one_that_is_left_out(simulate):
    scores, _ = simulate(np.random.default_rng(0), [0.0, 0.0, 50.0, 0.0], 5, 30)
    differences = pair_differences(scores)
    name, margin = equivalence_margin_without_one(differences)
    assert name == "v2"
    assert margin < 50 < equivalence_margin(differences)
    others = {pair: value for pair, value in differences.items() if "v2" not in pair}
    assert margin > equivalence_margin(others)  # its level is divided by the number of choices


def test_equal_runs_are_equivalent():
    scores = np.random.default_rng(0).normal(size=(3, 5))
    assert equivalence_margin(pair_differences({"a": scores, "b": scores, "c": scores})) == 0
