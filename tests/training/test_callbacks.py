"""Callbacks of training: crops for the ripple."""

import torch

from unetlite.training.callbacks import shift_randomly


def test_shifted_images_are_crops_and_every_offset_occurs():
    stride, height, width = 4, 21, 30
    place = torch.arange(height)[:, None] * 100 + torch.arange(width)
    images = torch.stack([place, 10_000 + place])[:, None].expand(2, 3, height, width)
    generator = torch.Generator().manual_seed(0)
    offsets = [set(), set()]
    for _ in range(300):
        crops = shift_randomly(images, stride, generator)
        assert crops.shape == (2, 3, height - stride + 1, width - stride + 1)
        for k, crop in enumerate(crops):
            top, left = divmod(int(crop[0, 0, 0]) - 10_000 * k, 100)
            bottom, right = top + crop.shape[1], left + crop.shape[2]
            assert torch.equal(crop, images[k][:, top:bottom, left:right])
            offsets[k].add((top, left))
    for seen in offsets:
        assert len(seen) == stride**2
    small = shift_randomly(images[..., :3, :3], stride, generator)  # smaller than the stride
    assert small.shape == (2, 3, 1, 1)
