"""Augmentation of a batch of images and masks, per sample, on the device that trains."""

from typing import Any

import torch
from torch import Tensor, nn

from unetlite.settings import AugmentOptions


class Augmentation(nn.Module):
    """Random flips, turns, rotation, scaling and light, each drawn per sample."""

    def __init__(self, options: AugmentOptions):
        import kornia.augmentation as K
        from kornia.constants import DataKey

        super().__init__()
        angle, zoom = options.rotation, (1 / options.scale, options.scale)
        light, gamma = (1 - options.brightness, 1 + options.brightness), (1 / options.gamma, options.gamma)
        choices: list[tuple[Any, Any]] = [
            (options.horizontal_flip, K.RandomHorizontalFlip(p=0.5)),
            (options.vertical_flip, K.RandomVerticalFlip(p=0.5)),
            (options.quarter_turns, K.RandomRotation90(times=(0, 3), p=1.0)),
            # What moves in from outside is a reflection, in image and mask alike, so labels stay true.
            (angle or options.scale > 1, K.RandomAffine(angle, scale=zoom, padding_mode="reflection", p=1.0)),
            # It multiplies; RandomBrightness adds, and blackens dark images.
            (options.brightness, K.RandomContrast(light, p=1.0)),
            (options.gamma > 1, K.RandomGamma(gamma, p=1.0)),
        ]
        operations = [operation for wanted, operation in choices if wanted]
        # Averaging class indices would invent classes.
        nearest = {DataKey.MASK: {"resample": "nearest", "align_corners": False}}
        self.operations = K.AugmentationSequential(*operations, data_keys=["input", "mask"], extra_args=nearest)

    @torch.no_grad()
    def forward(self, image: Tensor, mask: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Image uint8 (B, C, H, W) to float32 in 0..255, and mask uint8 (B, H, W), the same for the same seed."""
        image = image.float()
        if len(self.operations) == 0:
            return image, mask
        with torch.random.fork_rng(devices=[image.device] if image.is_cuda else []):
            torch.manual_seed(seed)
            image, moved = self.operations(image / 255, mask[:, None].float())
        return image * 255, moved[:, 0].to(mask.dtype)
