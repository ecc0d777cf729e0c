"""Thickness of classes in pixels, and what scaling would erase."""

import numpy as np
import pytest

from unetlite.classes import IGNORE
from unetlite.data.doctor.thickness import describe_loss, measure_thickness


def strips(*widths, length=60):
    """A class of vertical strips, one for each width, 12 pixels apart."""
    mask = np.zeros((length, 12 * len(widths) + 12), np.uint8)
    for k, width in enumerate(widths):
        mask[:, 12 * k + 12 - width : 12 * k + 12] = 1
    return mask


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8])
def test_a_strip_is_as_thick_as_it_is_drawn_also_at_the_border(width):
    mask = strips(width)
    for each in (mask, mask.T, mask[:, ::-1]):
        _, measured = measure_thickness([each], 2)
        assert measured.median == width


def test_a_disc_is_as_thick_as_its_diameter_and_its_rim_does_not_count():
    rows, columns = np.mgrid[:50, :60]
    mask = ((rows - 25) ** 2 + (columns - 30) ** 2 <= 15**2).astype(np.uint8)
    _, measured = measure_thickness([mask], 2)
    assert measured.median == pytest.approx(30, abs=1.5)
    assert measured.thinnest == pytest.approx(30, abs=1.5)


def test_the_thinnest_part_is_that_of_the_middle_lines():
    _, measured = measure_thickness([strips(2, *[8] * 9)], 2)
    assert measured.median == 8
    assert measured.thinnest == 2


def test_ignored_pixels_make_nothing_thin_and_absent_classes_have_none():
    mask = strips(4)
    mask[:, 7] = IGNORE
    mask[:, 12] = IGNORE
    _, measured, absent = measure_thickness([mask], 3)
    assert measured.median >= 4
    assert absent is None
    whole, _ = measure_thickness([np.zeros((30, 40), np.uint8)], 2)
    assert whole.median == 30


def test_a_resize_that_erases_is_named_and_the_smallest_that_does_not():
    mask = strips(4, 4, 4, 4, length=60)  # 60 pixels on both sides
    _, measured = measure_thickness([mask], 2)
    assert measured.smallest_resize == 30
    assert describe_loss("crack", measured, 30) == []
    (warning,) = describe_loss("crack", measured, 20)
    assert "100% of crack thinner than 2 pixels (its median 4.0 becomes 1.3)" in warning
    assert "data.resize=30 or more" in warning
    _, thin = measure_thickness([strips(1)], 2)
    assert describe_loss("hair", thin, 20) == []  # it was thin before
