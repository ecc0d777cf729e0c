"""Augmented batches: labels stay labels, on their pixels, by the seed alone."""

import numpy as np
import pytest
import torch

from unetlite.classes import IGNORE
from unetlite.data.augmentation import Augmentation
from unetlite.settings.schema import AugmentOptions

GEOMETRIC = [
    {"horizontal_flip": True},
    {"vertical_flip": True},
    {"quarter_turns": True},
    {"rotation": 30.0},
    {"scale": 1.5},
    {"vertical_flip": True, "quarter_turns": True, "rotation": 180.0, "scale": 2.0},
]


def augmentation(low=(0, 0, 0), high=(255, 255, 255), **options):
    return Augmentation(AugmentOptions(**options), low, high)


def blobs(batch=16, size=64):
    """Masks of smooth regions of classes 0 to 3 and ignore, and images made of them."""
    random = np.random.default_rng(0)
    coarse = random.choice([0, 1, 2, 3, IGNORE], (batch, size // 16, size // 16))
    mask = torch.from_numpy(coarse.repeat(16, 1).repeat(16, 2).astype(np.uint8))
    return shades(mask).to(torch.uint8), mask


def shades(mask):
    return (mask.float() * 40).clamp(max=255)[:, None].expand(-1, 3, -1, -1)


@pytest.mark.parametrize("options", GEOMETRIC, ids=str)
def test_image_and_mask_move_together_and_labels_stay_labels(options):
    image, mask = blobs()
    new_image, moved = augmentation(**options)(image, mask, seed=3)
    assert moved.dtype == torch.uint8
    assert set(moved.unique().tolist()) <= set(mask.unique().tolist())
    assert not torch.equal(moved, mask)
    # Interpolation blends the image at the borders of regions, where the mask keeps one label.
    assert ((new_image - shades(moved)).abs() < 20).float().mean() > 0.9


@pytest.mark.parametrize("options", [{"brightness": 0.3}, {"gamma": 1.5}], ids=str)
def test_brightness_and_gamma_change_the_image_alone(options):
    image, mask = blobs()
    new_image, same_mask = augmentation(**options)(image, mask, seed=3)
    assert torch.equal(same_mask, mask)
    assert (new_image - image).abs().mean() > 1


def test_without_options_nothing_changes():
    image, mask = blobs()
    same_image, same_mask = augmentation()(image, mask, seed=3)
    assert same_image.dtype == torch.float32
    assert torch.equal(same_image, image.float())
    assert torch.equal(same_mask, mask)


def test_brightness_is_relative_so_that_dark_images_keep_their_content():
    image = torch.arange(1, 33, dtype=torch.uint8).view(1, 1, 4, 8).expand(64, -1, -1, -1)
    mask = torch.zeros(64, 4, 8, dtype=torch.uint8)
    out, _ = augmentation(brightness=0.2)(image, mask, seed=0)
    ratio = out / image
    assert ratio.amin() >= 0.8 - 1e-4
    assert ratio.amax() <= 1.2 + 1e-4
    torch.testing.assert_close(ratio, ratio[..., :1, :1].expand_as(ratio))  # one factor an image
    assert ratio.std() > 0.05


def test_augmentation_is_drawn_per_sample_from_its_seed_alone():
    image, mask = blobs(batch=32)
    image, mask = image[:1].expand(32, -1, -1, -1), mask[:1].expand(32, -1, -1)
    augment = augmentation(
        horizontal_flip=True,
        vertical_flip=True,
        rotation=20.0,
        brightness=0.2,
    )
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, first_mask = augment(image, mask, seed=7)
    assert torch.equal(before, torch.get_rng_state())  # nobody else's random numbers change
    torch.manual_seed(1)
    second, second_mask = augment(image, mask, seed=7)
    other, _ = augment(image, mask, seed=8)
    assert torch.equal(first, second)
    assert torch.equal(first_mask, second_mask)
    assert not torch.equal(first, other)
    assert len({sample.numpy().tobytes() for sample in first}) == 32


@pytest.mark.parametrize("options", [{"brightness": 0.3}, {"gamma": 1.5}], ids=str)
def test_values_of_any_range_change_within_it_as_bytes_do(options):
    image, mask = blobs()
    expected, _ = augmentation(**options)(image, mask, seed=3)
    low, high = torch.tensor([-1.0, 0.0, 300.0]), torch.tensor([1.0, 65535.0, 301.0])
    span = (high - low)[:, None, None]
    other = image / 255 * span + low[:, None, None]
    changed, _ = augmentation(low.tolist(), high.tolist(), **options)(other, mask, seed=3)
    scaled = (changed - low[:, None, None]) / span * 255
    torch.testing.assert_close(scaled, expected, atol=0.05, rtol=0)


def test_values_outside_of_the_range_and_without_data_make_no_others():
    values = torch.tensor([[-5.0, 0.2], [0.7, torch.nan]])[None, None]
    mask = torch.zeros(1, 2, 2, dtype=torch.uint8)
    changed, _ = augmentation([0.0], [1.0], gamma=1.5)(values, mask, seed=1)
    assert changed.isnan().tolist() == values.isnan().tolist()
    assert changed[0, 0, 0].amin() >= 0
    same, _ = augmentation([0.0], [1.0], horizontal_flip=False)(values, mask, seed=1)
    torch.testing.assert_close(same, values, equal_nan=True)
