"""Expected bounds: against those of finished comparisons, and what makes them narrow."""

import json

import pytest

from unetlite.compare.planning.expectation import (
    MEASURED,
    TYPICAL,
    bound_range,
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
