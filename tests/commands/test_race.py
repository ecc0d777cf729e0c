"""A race, as `unetlite choose` runs it; test_choose.py has the whole of it."""

from unetlite.commands.race import time_line


def test_the_time_is_said_with_what_is_past_the_budget():
    assert time_line(732, "10m") == "\ntime      12 min, past the budget of 10m by 2 min"
    assert time_line(540, "10m") == "\ntime      9 min of 10m"
    assert time_line(540, None) == "\ntime      9 min"
