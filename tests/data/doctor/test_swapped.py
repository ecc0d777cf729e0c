"""Images where masks should be."""

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image

from unetlite.data.doctor.swapped import is_flat, is_photograph
from unetlite.data.inspect import inspect_folder
from unetlite.errors import UsageError


def photograph(k, channels=3):
    small = Image.fromarray(noise(8, 10, channels, seed=k).squeeze())
    smooth = np.array(small.resize((60, 48), Image.Resampling.BICUBIC)).astype(int)
    return (smooth + noise(*smooth.shape, seed=k) % 8).clip(0, 255).astype(np.uint8)


def disc(k, value=255):
    rows, columns = np.mgrid[:48, :60]
    return (((rows - 24) ** 2 + (columns - 20 - k) ** 2 < 200) * value).astype(np.uint8)


def make_folder(root, swapped):
    for k in range(8):
        first, second = ("masks", "images") if k in swapped else ("images", "masks")
        save(root / first / f"{k}.png", photograph(k, 1))
        save(root / second / f"{k}.png", disc(k))
    return root


@pytest.mark.parametrize(
    ("swapped", "words"),
    [
        (range(8), "(8 of 8 masks look so): are the folders swapped"),
        ([2, 5], "are the two files swapped? Exchange image and mask of 2, 5."),
    ],
)
def test_swapped_images_and_masks_are_asked_about_with_their_names(tmp_path, swapped, words):
    with pytest.raises(UsageError) as error:
        inspect_folder(make_folder(tmp_path, swapped), {})
    assert words in str(error.value)
    assert "looks like a photograph" in str(error.value)


def test_masks_of_any_kind_are_no_photographs():
    rows, columns = np.mgrid[:60, :80]
    numbered = (rows // 6 * 14 + columns // 6).astype(np.uint8)  # 140 objects without a gap
    smoothed = np.array(Image.fromarray(disc(0)).resize((90, 70), Image.Resampling.BILINEAR))
    for mask in (disc(0), numbered, smoothed, np.stack([disc(0)] * 3, -1)):
        assert not is_photograph(mask)
    assert is_photograph(photograph(0))
    assert is_photograph(photograph(0, 1))


def test_images_of_areas_look_like_masks_and_constant_ones_do_not():
    assert is_flat(disc(0)[..., None])
    assert not is_flat(np.zeros((5, 6, 1), np.uint8))
    assert not is_flat(photograph(0))
