"""What a race takes."""

from dataclasses import replace

import pytest
from races_to_plan import NAMES, TIMES, USUAL


def test_twice_the_trainings_at_once_take_half_the_time():
    alone = replace(TIMES, parallel=1)
    both = TIMES.seed_seconds(NAMES, USUAL)
    assert alone.seed_seconds(NAMES, USUAL) == pytest.approx(2 * both)
    assert sum(TIMES.seconds_by_operator(NAMES, USUAL).values()) == pytest.approx(both)
