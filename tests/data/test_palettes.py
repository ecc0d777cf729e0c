"""Palettes of mask files agree, or colours tell the classes."""

import numpy as np
import pytest
from helpers import noise, save
from PIL import Image

from unetlite.data.folder import Folder
from unetlite.errors import UsageError

INDICES = noise(6, 8) % 2
RED, GREEN = [255, 0, 0], [0, 255, 0]


def write_folder(root, palettes):
    for k, palette in enumerate(palettes):
        save(root / "images" / f"{k}.png", noise(6, 8, seed=k))
        mask = Image.fromarray(INDICES)
        if palette is not None:
            mask.putpalette([value for colour in palette for value in colour])
        (root / "masks").mkdir(exist_ok=True)
        mask.save(root / "masks" / f"{k}.png")
    return str(root)


def read(source):
    return [sample.mask for samples in source.samples().values() for sample in samples]


def test_equal_palettes_and_none_give_indices(tmp_path):
    source = Folder(root=write_folder(tmp_path, [[RED, GREEN], [RED, GREEN, RED], None]))
    assert all(np.array_equal(mask, INDICES) for mask in read(source))


def test_palettes_that_differ_are_refused_unless_colours_tell_the_classes(tmp_path):
    root = write_folder(tmp_path, [[RED, GREEN], [GREEN, RED], [RED, GREEN]])
    with pytest.raises(UsageError, match=r"masks/.*shows the index .*data\.classes="):
        read(Folder(root=root))
    masks = read(Folder(root=root, classes={"red": RED, "green": GREEN}))
    assert sum(np.array_equal(mask, INDICES) for mask in masks) == 2
    assert sum(np.array_equal(mask, 1 - INDICES) for mask in masks) == 1
