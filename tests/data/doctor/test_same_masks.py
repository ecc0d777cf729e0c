"""Two images with one mask are named, unless they are the same image or all masks are alike."""

import numpy as np
from helpers import noise

from unetlite.data.doctor.same_masks import find_same_masks


def make_masks(count):
    return {f"{k}": noise(10, 12, seed=k) // 128 for k in range(count)}


def test_two_images_with_one_mask_are_named():
    masks = make_masks(10)
    assert find_same_masks(masks, []) == []
    masks["4"] = masks["7"].copy()
    (warning,) = find_same_masks(masks, [])
    assert "their images differ: 4 and 7" in warning
    assert find_same_masks(masks, [frozenset(("7", "4"))]) == []


def test_templates_and_empty_masks_may_be_the_same():
    masks = make_masks(10)
    assert find_same_masks({**masks, "4": masks["7"], "5": masks["7"]}, []) == []
    empty = np.zeros((10, 12), np.uint8)
    empty[3, 4] = 1
    assert find_same_masks({**masks, "4": empty, "7": empty}, []) == []
