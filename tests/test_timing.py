"""Durations as people say them."""

import pytest

from unetlite.timing import format_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(50, "50 s"), (90, "2 min"), (5400, "90 min"), (5460, "1.5 h"), (14400, "4 h")],
)
def test_minutes_above_90_are_hours(seconds, text):
    assert format_duration(seconds) == text
