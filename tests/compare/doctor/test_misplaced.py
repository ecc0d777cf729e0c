"""A mask that is shifted, or that of another image, is told from one that is only hard."""

import numpy as np
import pytest

from unetlite.compare.doctor.misplaced import find_fit, find_shift, overlap


def discs(seed, size=120):
    """Some discs (H, W) of 5 to 9 pixels' radius."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    area = np.zeros((size, size), bool)
    for top, left, radius in generator.uniform((0, 0, 5), (size, size, 9), (12, 3)):
        area |= (rows - top) ** 2 + (columns - left) ** 2 < radius**2
    return area


def rough(area, seed=0):
    """A prediction of it: one pixel in twenty is wrong."""
    return area ^ (np.random.default_rng(seed).random(area.shape) < 0.05)


@pytest.mark.parametrize(("down", "right"), [(8, 0), (0, -8), (5, 11)])
def test_a_shifted_mask_is_found_with_its_direction(down, right):
    area = discs(1)
    mask = np.roll(area, (down, right), (0, 1))
    shift = find_shift(rough(area), mask, 0.7)
    assert (shift.down, shift.right) == (down, right)
    assert shift.after > 0.7 > 2 * shift.before


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_in_its_place_or_of_another_image_is_not_shifted(seed):
    area = discs(seed)
    assert find_shift(rough(area), area, 0.8) is None
    assert find_shift(rough(area), np.roll(area, 1, 0), 0.8) is None  # as annotators differ
    assert find_shift(rough(area), discs(seed + 50), 0.8) is None
    assert find_shift(rough(area), np.zeros_like(area), 0.8) is None
    assert find_shift(area[:20], area[:20], 0.8) is None  # too small to move


def test_the_mask_that_fits_is_named_if_it_fits_much_better():
    areas = [discs(seed) for seed in range(10)]
    prediction = rough(areas[7])
    masks = [(f"{k}", area) for k, area in enumerate(areas)]
    own = overlap(prediction, areas[3])
    fit = find_fit(prediction, masks, own, 0.8)
    assert fit.name == "7"
    assert fit.own == own
    assert find_fit(prediction, masks[:7], own, 0.8) is None
    assert find_fit(prediction, masks, overlap(prediction, areas[7]), 0.8) is None
