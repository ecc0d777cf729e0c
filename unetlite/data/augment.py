"""Augmentation of a batch of images and masks, per sample, on the device that trains."""

from typing import Any

import torch
from torch import Tensor, nn

from unetlite.errors import UsageError


class Augmentation(nn.Module):
    """Random flips, turns, rotation, scaling and light, each drawn per sample.

    Args:
        horizontal_flip, vertical_flip: mirror with probability 1/2.
        quarter_turns: rotate by 0, 90, 180 or 270 degrees; the images must be square.
        rotation: largest angle in degrees, 0 for none.
        scale: largest factor of zoom s, between 1/s and s; 1 for none.
        brightness: largest relative change of all values, such as 0.2; 0 for none.
        gamma: largest exponent g of values in 0..1, between 1/g and g; 1 for none.

    What rotation or scaling moves in from outside is a reflection, in image and mask alike, so labels stay true.
    """

    def __init__(
        self,
        *,
        horizontal_flip: bool = True,
        vertical_flip: bool = False,
        quarter_turns: bool = False,
        rotation: float = 0.0,
        scale: float = 1.0,
        brightness: float = 0.0,
        gamma: float = 1.0,
    ):
        import kornia.augmentation as K
        from kornia.constants import DataKey

        super().__init__()
        for name, value in {"scale": scale, "gamma": gamma}.items():
            if value < 1:
                raise UsageError(f"data.augment.{name}={value}: the largest factor or exponent, 1 or more.")
        if not 0 <= brightness < 1:
            raise UsageError(f"data.augment.brightness={brightness}: a relative change, from 0 to below 1.")
        operations: list[Any] = []
        if horizontal_flip:
            operations.append(K.RandomHorizontalFlip(p=0.5))
        if vertical_flip:
            operations.append(K.RandomVerticalFlip(p=0.5))
        if quarter_turns:
            operations.append(K.RandomRotation90(times=(0, 3), p=1.0))
        if rotation or scale > 1:
            operations.append(K.RandomAffine(rotation, scale=(1 / scale, scale), padding_mode="reflection", p=1.0))
        if brightness:  # by RandomContrast, which multiplies; RandomBrightness adds, and blackens dark images
            operations.append(K.RandomContrast((1 - brightness, 1 + brightness), p=1.0))
        if gamma > 1:
            operations.append(K.RandomGamma((1 / gamma, gamma), p=1.0))
        # Averaging class indices would invent classes.
        nearest = {DataKey.MASK: {"resample": "nearest", "align_corners": False}}
        self.operations = (
            K.AugmentationSequential(*operations, data_keys=["input", "mask"], extra_args=nearest)
            if operations
            else None
        )

    @torch.no_grad()
    def forward(self, image: Tensor, mask: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Image uint8 (B, C, H, W) to float32 in 0..255, and mask uint8 (B, H, W), the same for the same seed."""
        image = image.float()
        if self.operations is None:
            return image, mask
        with torch.random.fork_rng(devices=[image.device] if image.is_cuda else []):
            torch.manual_seed(seed)
            image, moved = self.operations(image / 255, mask[:, None].float())
        return image * 255, moved[:, 0].to(mask.dtype)
