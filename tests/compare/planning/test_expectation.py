"""Expected bounds: against those of finished comparisons, and what makes them narrow."""

import json

import numpy as np
import pytest

from unetlite.compare.planning.expectation import (
    MEASURED,
    TYPICAL,
    Noise,
    bound_range,
    bound_variance,
    expected_bound,
    left_out_lead,
    simulated_bound,
)
from unetlite.settings.paths import CHECKOUT


@pytest.mark.parametrize("data", MEASURED)
def test_the_bounds_of_finished_comparisons_are_expected_by_their_noise(data):
    report = json.loads((CHECKOUT / "docs" / "results" / data / "report.json").read_text())
    judged = report["judged"]
    expected = simulated_bound(
        len(judged["variants"]),
        len(judged["seeds"]),
        judged["groups"],
        judged["alpha"],
        MEASURED[data],
    )
    assert expected == pytest.approx(min(judged["regret"].values()), rel=0.35)


def test_seeds_groups_and_longer_trainings_narrow_the_bound_and_left_out_operators_widen_it():
    bound = expected_bound(4, 4, seeds=3, groups=20, shortening=1)
    assert expected_bound(4, 4, seeds=10, groups=20, shortening=1) < bound
    assert expected_bound(4, 4, seeds=3, groups=5, shortening=1) > bound
    assert expected_bound(4, 4, seeds=3, groups=20, shortening=0.5) == bound
    assert expected_bound(4, 4, seeds=3, groups=20, shortening=4) > 1.2 * bound
    assert expected_bound(4, 6, seeds=3, groups=20, shortening=1) > bound + TYPICAL.operator
    assert left_out_lead(5, 1) < left_out_lead(2, 4)
    low, high = bound_range(4, 4, seeds=3, groups=20, shortening=1)
    assert low < bound < high


def test_the_range_of_bounds_covers_a_set_with_ten_times_the_noise_and_widens_with_few_groups():
    reached = 0.0992  # with two operators, three seeds and nine test images, where 0.0085 was usual
    low, high = bound_range(2, 7, seeds=3, groups=9, shortening=1)
    assert low < reached < high
    ratios = []
    for groups in (2, 3, 5, 9):
        low, high = bound_range(4, 4, seeds=10, groups=groups, shortening=1)
        ratios.append(high / low)
    assert ratios == sorted(ratios, reverse=True)
    assert bound_range(4, 4, seeds=3, groups=1, shortening=1)[1] <= 1


def test_the_variance_of_a_bound_is_that_of_standard_errors_that_are_estimated():
    random = np.random.default_rng(0)
    noise = Noise(seed=0.01, group=1e-9, operator=0.0)
    errors = (0.01 * random.standard_normal((20_000, 3))).std(axis=1, ddof=1)
    assert bound_variance(3, 30, noise) == pytest.approx(np.log(errors).var(), rel=0.05)
    noise = Noise(seed=1e-9, group=0.01, operator=0.0)
    errors = (0.01 * random.standard_normal((20_000, 9))).std(axis=1, ddof=1)
    assert bound_variance(3, 9, noise) == pytest.approx(np.log(errors).var(), rel=0.05)
