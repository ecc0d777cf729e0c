"""Augmentation of a batch of images and masks, on the device that trains."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unetlite.settings.schema import AugmentOptions


class Augmentation(nn.Module):
    """Random flips, rotation, scaling and brightness, drawn per sample.

    Brightness and gamma act on the range of the training images: `low` and `high` of each channel.
    """

    low: Tensor
    span: Tensor

    def __init__(self, options: AugmentOptions, low: Sequence[float], high: Sequence[float]):
        from kornia.augmentation import AugmentationSequential
        from kornia.constants import DataKey

        super().__init__()
        lowest = torch.tensor(low)[:, None, None]
        highest = torch.tensor(high)[:, None, None]
        self.register_buffer("low", lowest, persistent=False)
        self.register_buffer("span", (highest - lowest).clamp(min=1e-30), persistent=False)
        self.changes_values = options.brightness > 0 or options.gamma > 1
        # Averaging class indices would invent classes.
        nearest = {DataKey.MASK: {"resample": "nearest", "align_corners": False}}
        self.operations = AugmentationSequential(
            *make_operations(options), data_keys=["input", "mask"], extra_args=nearest
        )

    @torch.no_grad()
    def forward(
        self,
        image: Tensor,
        mask: Tensor,
        seed: int,
    ) -> tuple[Tensor, Tensor]:
        """Image (B, C, H, W) to float32 of the same range, and mask uint8 (B, H, W).

        The same seed gives the same result; the global random state is left alone.
        """
        image = image.float()
        if len(self.operations) == 0:
            return image, mask
        devices = [image.device] if image.is_cuda else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            scaled = (image - self.low) / self.span  # 0..1 in the range
            if self.changes_values:
                scaled = scaled.clamp(0, 1)
            scaled, moved = self.operations(scaled, mask[:, None].float())
        return scaled * self.span + self.low, moved[:, 0].to(mask.dtype)


def make_operations(options: AugmentOptions) -> list[Any]:
    """The operations that the options switch on. Their order is part of all results."""
    import kornia.augmentation as K

    operations: list[Any] = []
    if options.horizontal_flip:
        operations.append(K.RandomHorizontalFlip(p=0.5))
    if options.vertical_flip:
        operations.append(K.RandomVerticalFlip(p=0.5))
    if options.quarter_turns:
        operations.append(K.RandomRotation90(times=(0, 3), p=1.0))
    if options.rotation or options.scale > 1:
        zoom = (1 / options.scale, options.scale)
        # The border is reflected in image and mask alike, so labels stay true.
        operations.append(
            K.RandomAffine(options.rotation, scale=zoom, padding_mode="reflection", p=1.0)
        )
    if options.brightness:
        # RandomContrast multiplies; RandomBrightness adds, and blackens dark images.
        factors = (1 - options.brightness, 1 + options.brightness)
        operations.append(K.RandomContrast(factors, p=1.0))
    if options.gamma > 1:
        operations.append(K.RandomGamma((1 / options.gamma, options.gamma), p=1.0))
    return operations
