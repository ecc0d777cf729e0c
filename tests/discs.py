"""Images of discs with masks, as much of a split as examining masks takes."""

import numpy as np
import torch

from unetlite.data.cache import Batch


def area(seed):
    """Discs uint8 (80, 90)."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:80, :90]
    mask = np.zeros((80, 90), np.uint8)
    for top, left in generator.uniform((10, 10), (70, 80), (6, 2)):
        mask[(rows - top) ** 2 + (columns - left) ** 2 < 36] = 1
    return mask


class Split:
    """Images whose pixels are the truth, and masks, of which some are not."""

    def __init__(self, prefix, areas, masks):
        self.names = [f"{prefix}{k}" for k in range(len(areas))]
        self.sizes = [(80, 90)] * len(areas)
        self.labels = [9, 1]
        self.areas = areas
        self.masks = masks

    def full_crop(self, index):
        return index

    def __getitem__(self, index):
        image = torch.from_numpy(self.areas[index])[None]
        return Batch(image, torch.from_numpy(self.masks[index].copy()))
