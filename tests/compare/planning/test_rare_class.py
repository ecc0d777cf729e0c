"""How often crops show the rarest class, and which trainings are long enough for it."""

import numpy as np
import pytest
import torch

from unetlite.compare.planning.rare_class import (
    CROPS_TO_LEARN,
    MAX_IMAGES,
    count_tiles,
    find_rare_class,
)
from unetlite.data.cache import Batch, Crop


class Masks:
    """As much of a split as is looked at."""

    def __init__(self, masks):
        self.masks = masks
        counts = np.bincount(np.concatenate([mask.ravel() for mask in masks]), minlength=256)
        self.labels = counts.tolist()

    def __len__(self):
        return len(self.masks)

    def full_crop(self, index):
        return Crop(index, 0, 0, *self.masks[index].shape)

    def __getitem__(self, crop):
        return Batch(torch.zeros(1), torch.from_numpy(self.masks[crop.image]))


def disc_masks(count, drawn):
    masks = [np.zeros((256, 256), np.uint8) for _ in range(count)]
    for mask in masks[:drawn]:
        mask[10:30, 10:30] = 1
    return masks


def test_crops_show_a_class_as_often_as_the_tiles_of_the_images():
    rare = find_rare_class(Masks(disc_masks(4, 2)), ["ground", "leaf"])
    assert rare.name == "leaf"
    assert rare.share == pytest.approx(2 * 400 / (4 * 256**2))
    assert rare.frequency == {32: 1 / 128, 64: 1 / 32, 128: 1 / 8, 256: 0.5, 512: 0.5}
    assert rare.crops_in_step(8, 128) == 1
    assert rare.least_steps(8, 128) == CROPS_TO_LEARN
    assert rare.crops_in_step(8, 200) == 1  # as of the next smaller side
    assert rare.crops_in_step(8, 16) == 8 / 128


def test_larger_crops_and_batches_take_no_more_steps():
    rare = find_rare_class(Masks(disc_masks(9, 3)), ["ground", "leaf"])
    for smaller, larger in ((32, 64), (64, 128), (128, 256)):
        assert rare.least_steps(8, larger) <= rare.least_steps(8, smaller)
        assert rare.least_steps(16, smaller) <= rare.least_steps(8, smaller)


def test_a_class_with_a_twentieth_of_the_pixels_is_not_rare_and_one_without_any_is_none():
    mask = np.zeros((20, 20), np.uint8)
    mask[0] = 1
    assert find_rare_class(Masks([mask]), ["a", "b"]) is None
    assert find_rare_class(Masks([np.zeros((20, 20), np.uint8)]), ["a", "b"]) is None


def test_a_class_that_the_images_looked_at_lack_is_rarer_than_any_other_not_impossible():
    masks = [np.zeros((8, 8), np.uint8) for _ in range(3 * MAX_IMAGES)]
    masks[1][0, 0] = 1
    rare = find_rare_class(Masks(masks), ["a", "b"])
    assert 0 < max(rare.frequency.values()) <= 1 / MAX_IMAGES


def test_tiles_at_the_rim_count():
    drawn = np.zeros((5, 7), bool)
    drawn[4, 6] = True
    assert count_tiles(drawn, 2) == (1, 12)
    assert count_tiles(drawn, 9) == (1, 1)
