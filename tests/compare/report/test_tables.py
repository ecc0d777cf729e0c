"""Cells of the report's tables."""

from unetlite.compare.report.tables import ripple_cell


def test_one_seed_with_much_ripple_is_named_and_does_not_move_the_middle():
    cell = ripple_cell({0: 0.0002, 1: 0.005, 2: 0.37})
    assert (cell.text, cell.note) == ("0.50%", "0.02% to 37.00%, seed 2")
    assert ripple_cell({0: 0.004, 1: 0.005, 2: 0.006}).note == "0.40% to 0.60%"


def test_a_ripple_a_little_below_zero_has_no_sign():
    assert ripple_cell({0: -1e-6}).text == "0.00%"
    assert ripple_cell({0: -2e-5, 1: -1e-5, 2: 0.012}).note.startswith("0.00% to 1.20%")
    assert ripple_cell({0: -0.0012}).text == "-0.12%"
